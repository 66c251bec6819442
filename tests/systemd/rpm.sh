#!/bin/bash
# The RPM under a real systemd: install, upgrade, removal. On Debian too, whose rpm keeps a database of its own.
#
#   tests/systemd/rpm.sh PACKAGE.rpm          needs root and rpm; prints a line a check and "N passed, N failed"
#
# The systemd is that of tests/systemd/run.sh. What only a distribution with RPMs has (dnf, its presets, SELinux) is not here.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
unit=horde-refd.service
state=/var/lib/horde-refd/horde_model_reference

if [ "${1:-}" != --inside ]; then
  [ $# = 1 ] || { sed -n '2,7p' "$0"; exit 2; }
  package=$(readlink -f "$1")
  sandbox=${SYSTEMD_SANDBOX:-${HORDE_REFD_SHARED:-$repository/../shared}/tools/systemd-sandbox}
  # A systemd in a chroot, as this one may be, is given no user namespaces by the kernel.
  export SANDBOX_BIND=$repository:$(dirname "$package") SANDBOX_NO_PRIVATE_USERS=1
  exec "$sandbox" bash "$repository/tests/systemd/rpm.sh" --inside "$package"
fi
package=$2

. "$repository/tests/systemd/checks.sh"

cp -r "$repository/tests/fixtures/upstream" /srv/upstream
chmod -R a+rX /srv/upstream
edited='# edited by the administrator'

check "it installs" rpm -i --nodeps "$package"
check "the user is a static one of the system's" eval '[ "$(id -u horde-refd)" -lt 1000 ]'
check "the state directory is the user's" eval '[ "$(stat -c %U /var/lib/horde-refd)" = horde-refd ]'
check "nothing is started" eval '! active'
check "every file is as it was packed" rpm -V --nodeps --nouser --nogroup horde-refd
started() {
  printf '%s\n' "$edited" '[[upstream]]' 'url = "/srv/upstream"' 'layout = "github"' >/etc/horde-refd/config.toml
  systemctl enable --now "$unit" && active && complete
}
check "it is enabled and started in one command" started
upgraded() { # to the same version, as far as rpm is concerned
  local pid
  pid=$(property MainPID)
  rpm -U --force --nodeps "$package" && active && [ "$(property MainPID)" != "$pid" ] \
    && [ "$(systemctl is-enabled "$unit")" = enabled ]
}
check "an upgrade restarts it" upgraded
check "and keeps the edited configuration" grep -qx "$edited" /etc/horde-refd/config.toml
removed() { rpm -e horde-refd && ! active && [ ! -e /usr/bin/horde-refd ]; }
check "the removal stops it" removed
check "and leaves the mirror for its readers" complete
check "and the edited configuration" grep -qx "$edited" /etc/horde-refd/config.toml.rpmsave
units() { ! systemctl list-unit-files --no-legend 'horde-refd*' | grep -q .; }
check "and no unit is left" units

finish
