#!/bin/bash
# The Debian package under a real systemd: install, upgrade, timer, drop-ins, removal, purge.
#
#   tests/systemd/package.sh PACKAGE.deb      needs root; prints a line a check and "N passed, N failed"
#
# The systemd is that of tests/systemd/run.sh. $HORDE_REFD_PYTHON, or target/python where tests/run made one, is a Python with
# horde_model_reference, which reads the mirror as another user.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
unit=horde-refd.service
state=/var/lib/horde-refd/horde_model_reference

if [ "${1:-}" != --inside ]; then
  [ $# = 1 ] || { sed -n '2,8p' "$0"; exit 2; }
  package=$(readlink -f "$1")
  sandbox=${SYSTEMD_SANDBOX:-${HORDE_REFD_SHARED:-$repository/../shared}/tools/systemd-sandbox}
  SANDBOX_BIND=$repository:$(dirname "$package")
  python=
  worker=${HORDE_REFD_PYTHON:-$repository/target/python/bin/python}
  if [ -x "$worker" ]; then
    environment=$(readlink -f "$(dirname "$worker")/..")
    python=$environment/bin/python SANDBOX_BIND=$SANDBOX_BIND:$environment
  fi
  # A systemd in a chroot, as this one may be, is given no user namespaces by the kernel.
  export SANDBOX_BIND SANDBOX_NO_PRIVATE_USERS=1
  exec "$sandbox" bash "$repository/tests/systemd/package.sh" --inside "$package" "$python"
fi
package=$2 python=${3:-}
documents=/usr/share/doc/horde-refd

. "$repository/tests/systemd/checks.sh"
install_package() { DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold -i "$1" </dev/null; }

# An image of a container may keep packages from starting what they install; a host does not.
rm -f /usr/sbin/policy-rc.d
# The index of manual pages would be made anew at every step.
rm -f /var/lib/man-db/auto-update

# An upstream, and a configuration that was edited before the package came.
cp -r "$repository/tests/fixtures/upstream" /srv/upstream
chmod -R a+rX /srv/upstream
edited='# edited by the administrator'
configure() { # DIRECTORY [LINE...]: the mirror of a directory
  local directory=$1
  shift
  printf '%s\n' "$edited" 'schedule.cron = "0 0 0 1 1 *"' "$@" '[[upstream]]' "url = \"$directory\"" 'layout = "github"' \
    >/etc/horde-refd/config.toml
}

# The version before: the same files but for the version and the configuration as it was shipped.
older() {
  dpkg-deb -R "$package" /srv/older
  sed -i 's/^Version: .*/Version: 0.0.9-1/' /srv/older/DEBIAN/control
  echo '# as it was shipped before' >>/srv/older/etc/horde-refd/config.toml
  dpkg-deb --root-owner-group -b /srv/older /srv/older.deb
}
check "the version before is packed" older
check "it installs" install_package /srv/older.deb
check "the user is a static one of the system's" eval '[ "$(id -u horde-refd)" -lt 1000 ]'
check "the daemon is enabled, as Debian's custom is" systemctl is-enabled "$unit"
check "the timer is not" eval '! systemctl is-enabled horde-refd-sync.timer'
check "the daemon has been started" eval '[ "$(property ExecMainStartTimestampMonotonic)" -gt 0 ]'

configure /srv/upstream
restarted() { systemctl restart "$unit" && active && complete; }
check "with the administrator's configuration it publishes every file before it is active" restarted

upgrade() {
  local pid
  pid=$(property MainPID)
  install_package "$package" && active && [ "$(property MainPID)" != "$pid" ] && complete
}
check "the upgrade restarts it" upgrade
check "and keeps the edited configuration" grep -qx "$edited" /etc/horde-refd/config.toml
check "and puts the new one beside it" test -e /etc/horde-refd/config.toml.dpkg-dist
check "dpkg finds nothing changed but the configuration" eval '! dpkg --verify horde-refd | grep -v /etc/horde-refd/config.toml'
check "the program has the package's version" eval 'horde-refd --version | grep -qF "$(dpkg-query -f "\${source:Upstream-Version}" -W horde-refd)"'
manual() { man -w "$1" && man "$1" | head -n 5; }
check "man horde-refd has a page" manual horde-refd
check "man horde-refd.toml has a page" manual horde-refd.toml
check "bash finds the completions" bash -c 'source /usr/share/bash-completion/completions/horde-refd && complete -p horde-refd'

offline_reader() {
  chmod a+x /root 2>/dev/null # throw-away: where a Python below it may be
  # shellcheck disable=SC2016 # the reader's shell expands it
  setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/tmp sh -c '
    set -e
    eval "$(horde-refd env --base-path "$1")"
    "$2" -c "
from horde_model_reference import MODEL_REFERENCE_CATEGORY, ModelReferenceManager
manager = ModelReferenceManager()
assert type(manager.backend).__name__ == \"LocalReadOnlyBackend\", type(manager.backend)
models = manager.get_model_reference(MODEL_REFERENCE_CATEGORY.image_generation)
assert models, models
print(len(models), \"image models\")
"' sh "$state" "$python"
}
if [ -n "$python" ]; then
  check "another unprivileged user reads the mirror through the package's own client" offline_reader
else
  echo "SKIPPED the package's own client: HORDE_REFD_PYTHON names none"
fi

# Without user namespaces, and without the drop-in that this sandbox has for every unit.
namespaces() {
  rm -f /etc/systemd/system/service.d/50-no-user-namespaces.conf
  systemctl daemon-reload
  if unshare --user true 2>/dev/null; then
    systemctl restart "$unit"
    return
  fi
  ! systemctl restart "$unit" && [ "$(property ExecMainStatus)" = 217 ] || return 1
  local said
  said=$(horde-refd doctor --json) && return 1
  jq -e '.[] | select(.check == "user namespaces") | .ok == false and (.cure | test("PrivateUsers=no"))' <<<"$said" || return 1
  mkdir -p "/etc/systemd/system/$unit.d" "/etc/systemd/system/horde-refd-sync.service.d"
  cp "$documents/examples/systemd/no-user-namespaces.conf" "/etc/systemd/system/$unit.d/"
  cp "$documents/examples/systemd/no-user-namespaces.conf" /etc/systemd/system/horde-refd-sync.service.d/
  systemctl daemon-reload
  systemctl reset-failed "$unit"
  systemctl restart "$unit" && active
}
check "a kernel without user namespaces: status 217, the doctor says so, and the drop-in of the examples cures it" namespaces

verified() { # every example but the one for systemd 253 and later is understood
  local example said
  for example in "$documents"/examples/systemd/*.conf; do
    [ "${example##*/}" != notify-reload.conf ] || continue
    cp "$example" "/etc/systemd/system/$unit.d/verified.conf"
    if ! said=$(systemd-analyze verify --man=no "$unit" 2>&1) || [ -n "$said" ]; then
      echo "$example: $said"
      return 1
    fi
  done
  rm "/etc/systemd/system/$unit.d/verified.conf"
}
mkdir -p "/etc/systemd/system/$unit.d"
check "systemd understands every drop-in of the examples" verified

drop_in() { # NAME: of the examples
  cp "$documents/examples/systemd/$1.conf" "/etc/systemd/system/$unit.d/"
  systemctl daemon-reload
}
undo() { rm -f "/etc/systemd/system/$unit.d/$1.conf"; systemctl daemon-reload; }
home_cache() {
  local cache=/home/worker/.cache/horde_model_reference
  useradd --create-home --home-dir /home/worker worker
  install -d -o horde-refd -g horde-refd -m 755 /home/worker/.cache "$cache"
  chmod 755 /home/worker
  mkdir -p "/etc/systemd/system/$unit.d"
  drop_in worker-cache
  configure /srv/upstream "base_path = \"$cache\""
  systemctl restart "$unit" && [ -s "$cache/stable_diffusion.json" ] || return 1
  setpriv --reuid=worker --regid=worker --clear-groups cat "$cache/stable_diffusion.json" >/dev/null
}
check "the drop-in for a worker's cache below /home publishes there" home_cache
undo worker-cache
network_mount() {
  mkdir -p /srv/references
  printf '%s\n' '[Mount]' 'What=tmpfs' 'Where=/srv/references' 'Type=tmpfs' 'Options=mode=0777' \
    >/etc/systemd/system/srv-references.mount
  drop_in network-mount
  configure /srv/upstream 'base_path = "/srv/references/horde_model_reference"'
  systemctl restart "$unit" && mountpoint -q /srv/references || return 1
  [ -s /srv/references/horde_model_reference/stable_diffusion.json ] || return 1
  # It stops with the mount, and writes nothing below the empty mount point.
  systemctl stop srv-references.mount && ! active && [ -z "$(ls -A /srv/references)" ]
}
check "the drop-in for a network mount starts after it and stops with it" network_mount
undo network-mount
can_hand_over() { # a chroot, as this sandbox may be, mounts no credentials
  printf '%s\n' '[Service]' Type=oneshot User=nobody LoadCredential=probe:/etc/hostname 'ExecStart=/bin/cat %d/probe' \
    >/run/systemd/system/probe.service
  systemctl daemon-reload
  systemctl start probe.service 2>/dev/null
}
credentials() {
  configure /srv/upstream
  chmod 600 /etc/horde-refd/config.toml
  drop_in credentials
  systemctl restart "$unit" && active && systemctl reload "$unit" && return
  journalctl -u "$unit" --no-pager -n 8
  return 1
}
if can_hand_over; then
  check "the drop-in for credentials hands over a configuration that root alone may read" credentials
else
  echo "SKIPPED the drop-in for credentials: this systemd hands none over to a user"
fi
undo credentials
chmod 644 /etc/horde-refd/config.toml

configure /srv/upstream
timer() {
  systemctl disable --now "$unit"
  rm -rf "$state"
  mkdir -p /etc/systemd/system/horde-refd-sync.timer.d
  # This manager has just started: the shipped minute after the boot may not be over yet.
  printf '%s\n' '[Timer]' 'OnBootSec=1s' 'RandomizedDelaySec=0' >/etc/systemd/system/horde-refd-sync.timer.d/test.conf
  systemctl daemon-reload
  systemctl enable --now horde-refd-sync.timer
  until_true complete && until_true eval '[ "$(property ActiveState horde-refd-sync.service)" = inactive ]' \
    && [ "$(property Result horde-refd-sync.service)" = success ]
}
check "the timer fills the mirror without a daemon" timer
beside() { systemctl start "$unit" && systemctl start horde-refd-sync.service && systemctl stop "$unit"; }
check "beside the daemon the timer's refresh has nothing to do and does not fail" beside
systemctl disable --now horde-refd-sync.timer 2>/dev/null
systemctl enable --now "$unit" 2>/dev/null

removed() {
  dpkg -r horde-refd && ! active && [ ! -e /usr/bin/horde-refd ] && [ ! -e /run/horde-refd ]
}
check "remove stops the daemon" removed
check "and leaves the mirror for its readers" complete
check "and the configuration" grep -qx "$edited" /etc/horde-refd/config.toml
purged() {
  dpkg -P horde-refd && [ ! -e /var/lib/horde-refd ] && [ ! -e /etc/horde-refd/config.toml ]
}
check "purge removes state and configuration" purged
units() { ! systemctl list-unit-files --no-legend 'horde-refd*' | grep -v masked | grep -q .; }
check "and no unit is left" units

# Without a package: an archive as it is unpacked, with the program beside the rest.
archive() {
  mkdir /srv/archive
  cp -r "$repository"/{README.md,CHANGELOG.md,SECURITY.md,LICENSE-APACHE,LICENSE-MIT,config.example.toml,systemd,packaging} \
    /srv/archive
  dpkg-deb --fsys-tarfile "$package" | tar -xOf - ./usr/bin/horde-refd >/srv/archive/horde-refd
  chmod 755 /srv/archive/horde-refd
  mkdir -p /etc/horde-refd
  configure /srv/upstream
  /srv/archive/packaging/install.sh && active && complete && [ "$(systemctl is-enabled "$unit")" = enabled ] || return 1
  systemctl reload "$unit" && grep -qx "$edited" /etc/horde-refd/config.toml
}
check "packaging/install.sh installs an archive, and the service runs" archive
uninstalled() {
  local left
  /srv/archive/packaging/install.sh --uninstall && ! active && complete || return 1
  left=$(find /usr/local /etc/systemd /etc/sysusers.d /etc/tmpfiles.d -name '*horde-refd*' ! -type d -not -path '*.service.d/*' | grep . || true)
  [ -z "$left" ] || { echo "$left"; return 1; }
}
check "and its --uninstall leaves configuration and mirror" uninstalled

finish
