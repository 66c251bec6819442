#!/bin/bash
# The shipped unit under a real systemd.
#
#   tests/systemd/run.sh [BINARY]      needs root; prints a line a check and "N passed, N failed"
#
# The systemd is the one that $SYSTEMD_SANDBOX runs a command under (default: tools/systemd-sandbox below
# $HORDE_REFD_SHARED, or of ../shared): a private one on a throw-away overlay of this machine, so nothing of this
# outlives the run. The binary is the one of the development profile by default.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
unit=horde-refd.service
state=/var/lib/horde-refd/horde_model_reference

if [ "${1:-}" != --inside ]; then
  [ $# -le 1 ] || { sed -n '2,9p' "$0"; exit 2; }
  binary=$(readlink -f "${1:-$repository/target/debug/horde-refd}")
  [ -x "$binary" ] || { echo "$binary is not there: build it first" >&2; exit 2; }
  sandbox=${SYSTEMD_SANDBOX:-${HORDE_REFD_SHARED:-$repository/../shared}/tools/systemd-sandbox}
  # Either may lie on a file system of its own, which the overlay does not show.
  SANDBOX_BIND=$repository:$(dirname "$binary")
  export SANDBOX_BIND
  # A systemd in a chroot, as this one may be, is given no user namespaces by the kernel.
  export SANDBOX_NO_PRIVATE_USERS=1
  exec "$sandbox" bash "$repository/tests/systemd/run.sh" --inside "$binary"
fi
binary=$2

. "$repository/tests/systemd/checks.sh"
main_pid() { # never 0, which kill takes for everybody here
  local pid
  pid=$(property MainPID)
  [ "$pid" -gt 1 ] && echo "$pid"
}
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }

# legacy FILE MARK: a legacy file with one record, whose description is the mark
legacy() {
  local type=${1%.json}
  case $1 in
  models.csv)
    printf 'name,parameters_bn,display_name,url,baseline,description,style,tags,instruct_format,settings\r\n'
    printf 'acme/First-3B,3,First,https://example.org/first,LLaMA,%s,generalist,,,\r\n' "$2"
    return
    ;;
  stable_diffusion.json) type=ckpt ;;
  controlnet.json) type=control_canny ;;
  esac
  printf '{"first": {"name": "first", "type": "%s", "baseline": "stable diffusion 1", "inpainting": false,\n' "$type"
  printf ' "description": "%s", "version": "1.0", "style": "generalist", "nsfw": false, "download_all": true,\n' "$2"
  printf ' "config": {"files": [{"path": "first.ckpt"}], "download": []}, "available": false}}\n'
}
files=(blip clip codeformer controlnet esrgan gfpgan safety_checker stable_diffusion miscellaneous)
publish() { # MARK: the upstream has it in every file
  local file
  mkdir -p /srv/upstream
  for file in "${files[@]/%/.json}" models.csv; do
    legacy "$file" "$1" >"/srv/upstream/.$file"
    chmod 644 "/srv/upstream/.$file"
    mv "/srv/upstream/.$file" "/srv/upstream/$file"
  done
}
configure() { # UPSTREAM [LINE...]
  mkdir -p /etc/horde-refd
  local url=$1
  shift
  printf '%s\n' 'schedule.cron = "0 0 0 1 1 *"' 'schedule.splay = "0s"' "$@" >/etc/horde-refd/config.toml
  printf '%s\n' '[[upstream]]' "url = \"$url\"" 'layout = "flat"' >>/etc/horde-refd/config.toml
}
drop_in() { # LINE...: of the section [Service]
  mkdir -p "/etc/systemd/system/$unit.d"
  printf '%s\n' '[Service]' "$@" >"/etc/systemd/system/$unit.d/test.conf"
  systemctl daemon-reload
}
published() { # MARK: every published file has it
  local file
  for file in "${files[@]}" text_generation; do
    grep -q "$1" "$state/$file.json" || { echo "$file.json lacks $1"; return 1; }
  done
}

install -D -m 755 "$binary" /usr/bin/horde-refd
install -D -m 644 -t /usr/lib/systemd/system "$repository/systemd/$unit"
install -D -m 644 "$repository/systemd/sysusers.d/horde-refd.conf" /usr/lib/sysusers.d/horde-refd.conf
install -D -m 644 "$repository/systemd/tmpfiles.d/horde-refd.conf" /usr/lib/tmpfiles.d/horde-refd.conf

verified() { # clean means that it says nothing
  local said
  if ! said=$(systemd-analyze verify "$@" 2>&1) || [ -n "$said" ]; then
    echo "$said"
    return 1
  fi
}
check "systemd-analyze verify has nothing to say" verified "/usr/lib/systemd/system/$unit"
exposed() { # at most 1.0; 1.2 without users of its own, which is what SANDBOX_NO_PRIVATE_USERS gives every unit here
  local drop_in=/etc/systemd/system/service.d/50-no-user-namespaces.conf elsewhere=/run/no-user-namespaces.conf
  systemd-analyze security --offline=true --no-pager --threshold=12 "/usr/lib/systemd/system/$unit" || return 1
  mv "$drop_in" "$elsewhere"
  systemd-analyze security --offline=true --no-pager --threshold=10 "/usr/lib/systemd/system/$unit" || return 1
  mv "$elsewhere" "$drop_in"
}
check "systemd-analyze security is at most 1.0, and 1.2 without user namespaces" exposed
alike() { # MODE PATH...: all have the mode
  local mode=$1 found
  shift
  found=$(find "$@" -maxdepth 0 ! -type l ! -perm "$mode" -printf '%m %p\n')
  [ -z "$found" ] || { echo "$found"; return 1; }
}
check "sysusers makes the user" systemd-sysusers /usr/lib/sysusers.d/horde-refd.conf
check "tmpfiles makes the directories" systemd-tmpfiles --create /usr/lib/tmpfiles.d/horde-refd.conf
systemctl daemon-reload
publish first
configure /srv/upstream
started() { systemctl start "$unit" || { journalctl -u "$unit" --no-pager -n 10 && return 1; }; }
check "the unit starts" started
check "it is active, so READY has come" active
check "the mirror is complete by then" published first
check "its status line tells the state" grep -q '10 fresh' <(property StatusText)
owner() { [ "$(stat -c '%U:%G %a' "$state/clip.json")" = "horde-refd:horde-refd 644" ]; }
check "the files belong to the static user and are for all to read" owner
readable() {
  local file
  for file in "$state"/*.json "$state"/legacy/*; do
    as_nobody cat "$file" >/dev/null || return 1
  done
}
check "another unprivileged user reads the mirror" readable
check "and its status" as_nobody /usr/bin/horde-refd status --check --base-path "$state"
modes() {
  alike 644 "$state"/*.json "$state"/legacy/* /run/horde-refd/status.json "$state/.horde-refd/status.json" \
    && alike 755 "$state" "$state/legacy" "$state/audit" /run/horde-refd /var/lib/horde-refd
}
check "modes are for readers, whatever the unit's umask" modes
refused() { ! as_nobody touch "$state/clip.json"; }
check "and writes nothing" refused

no_port() { # of a network; the journal and the service manager are reached by connections of its own
  local listening
  listening=$(ss -H --tcp --udp --listening --processes | grep horde-refd || true)
  [ -z "$listening" ] || { echo "$listening"; return 1; }
}
check "it listens on no port" no_port

reload_is_synchronous() {
  publish second && systemctl reload "$unit" && published second
}
check "systemctl reload forces a refresh and returns after it" reload_is_synchronous
reload_fails() {
  local pid
  pid=$(property MainPID)
  mv /srv/upstream/blip.json /srv/blip.json
  ! systemctl reload "$unit" || return 1
  mv /srv/blip.json /srv/upstream/blip.json
  active && [ "$(property MainPID)" = "$pid" ] && published second && systemctl reload "$unit"
}
check "a reload that fails says so and harms nothing" reload_fails
signalled() {
  publish third && systemctl kill -s HUP --kill-whom=main "$unit" && until_true published third
}
check "SIGHUP refreshes as well" signalled

entry() { # PATTERN...: one entry of the journal has them all
  local entries pattern
  entries=$(journalctl -u "$unit" -o json --no-pager)
  for pattern in "$@"; do
    entries=$(grep -E "$pattern" <<<"$entries") || { echo "no entry with $pattern"; return 1; }
  done
}
check "the journal has CATEGORY, OUTCOME, URL and ELAPSED_MS as fields" until_true entry \
  '"CATEGORY":"clip"' '"OUTCOME":"updated"' '"URL":"/srv/upstream/clip.json"' '"ELAPSED_MS":"[0-9.]+"' \
  '"MESSAGE":"published clip: ' '"PRIORITY":"6"' '"SYSLOG_IDENTIFIER":"horde-refd"'
check "and a failure as a warning" until_true entry '"CATEGORY":"blip"' '"OUTCOME":"failed"' '"PRIORITY":"4"'
check "and a recovery" until_true entry '"CATEGORY":"blip"' '"OUTCOME":"recovered"' '"FAILURES":"1"'

snapshot() { find "$state" -path '*/.horde-refd' -prune -o -type f -printf '%p %T@ ' -exec sha256sum {} \;; }
restarted() { # PID: another process is active
  active && [ "$(property MainPID)" != "$1" ] && [ "$(property MainPID)" != 0 ]
}
killed() {
  local pid before
  pid=$(main_pid) || return 1
  before=$(snapshot)
  kill -KILL "$pid"
  until_true restarted "$pid" && [ "$(snapshot)" = "$before" ] && systemctl reload "$unit" \
    && [ "$(snapshot)" = "$before" ]
}
check "SIGKILL brings a restart with the mirror intact" killed

drop_in WatchdogSec=2s RestartSec=100ms
watched() {
  local pid
  systemctl restart "$unit"
  pid=$(main_pid) || return 1
  kill -STOP "$pid"
  until_true restarted "$pid" && published third && [ "$(property NRestarts)" -ge 1 ]
}
check "SIGSTOP brings the watchdog and a restart" watched
fed() { # longer than the watchdog waits, in the same process
  local pid
  pid=$(main_pid) || return 1
  until_true eval "[ \$SECONDS -ge $((SECONDS + 5)) ]"
  [ "$(property MainPID)" = "$pid" ]
}
check "a daemon at rest feeds its watchdog" fed
drop_in

stopped() {
  local begun ended
  begun=$(date +%s%N)
  systemctl stop "$unit"
  ended=$(date +%s%N)
  echo "it took $(((ended - begun) / 1000000)) ms"
  [ $((ended - begun)) -lt 1000000000 ] && [ "$(property Result)" = success ]
}
check "systemctl stop takes less than a second" stopped
check "the status of a stopped daemon is unhealthy" \
  eval "! /usr/bin/horde-refd status --check --base-path $state"

# The metrics go where the example configuration has them, as the unit is shipped.
configure /srv/upstream "$(sed -n 's/^# metrics_file/metrics_file/p' "$repository/config.example.toml")"
textfiles=/var/lib/prometheus/node-exporter
mkdir -p $textfiles
chgrp horde-refd $textfiles
chmod 775 $textfiles
systemctl start "$unit"
check "metrics_file of the example configuration is written" \
  until_true grep -q '^horde_refd_build_info' $textfiles/horde-refd.prom
systemctl stop "$unit"

# What it is to write elsewhere it cannot.
configure /srv/upstream 'metrics_file = "/var/lib/elsewhere/horde-refd.prom"'
mkdir -p /var/lib/elsewhere
chmod 777 /var/lib/elsewhere
systemctl start "$unit"
check "a write outside the state directory is refused" until_true entry \
  '"MESSAGE":"cannot write our own report: [^"]*[Rr]ead-only'
nothing_there() { active && [ -z "$(ls -A /var/lib/elsewhere)" ]; }
check "and nothing is there, and the daemon goes on" nothing_there
inside_refused() {
  local pid directory
  pid=$(main_pid) || return 1
  for directory in /etc /usr /var/lib /var/tmp/.. /root /home; do
    ! nsenter --target "$pid" --mount --root --wd touch "$directory/horde-refd-was-here" || { echo "$directory"; return 1; }
  done
}
check "its mount namespace is read-only elsewhere, for root too" inside_refused

homes_hidden() {
  local pid
  install -D -m 644 /etc/hostname /home/worker/.cache/secret
  pid=$(main_pid) || return 1
  nsenter --target "$pid" --mount --root --wd test -d /etc && ! nsenter --target "$pid" --mount --root --wd test -e /home/worker
}
check "and does not see what is below /home" homes_hidden

# Over HTTP: name lookup, sockets and the address filter in the sandbox.
serve() {
  cat >/srv/nginx.conf <<'NGINX'
pid /srv/nginx.pid; error_log /srv/error.log;
events {}
http { access_log /srv/access.log; etag on; gzip on; server { listen 127.0.0.1:8123; root /srv/upstream; } }
NGINX
  nginx -c /srv/nginx.conf
}
over_http() {
  publish fourth
  configure http://localhost:8123
  systemctl restart "$unit" && until_true published fourth
}
check "nginx serves" serve
check "the unit refreshes over HTTP, by name" over_http
polled() { systemctl reload "$unit" && grep -q 'GET /models.csv' /srv/access.log; }
check "and again at a reload" polled

hooked() {
  publish fifth
  # shellcheck disable=SC2016 # the hook's shell expands it
  configure http://localhost:8123 \
    'hooks.on_change = ["/bin/sh", "-c", "echo hooked: $HORDE_REFD_CHANGED; touch /etc/x || echo refused"]'
  systemctl restart "$unit" && until_true entry '"LINE":"hooked: ' || return 1
  until_true entry '"LINE":"refused' && [ ! -e /etc/x ]
}
check "a hook runs in the same sandbox" hooked

configure /srv/upstream 'no_such_key = 1'
misconfigured() {
  ! systemctl restart "$unit" || return 1
  [ "$(property ExecMainStatus)" = 2 ] && [ "$(property ActiveState)" = failed ] && [ "$(property NRestarts)" = 0 ]
}
check "a wrong configuration fails the start and is not tried again" misconfigured

configure /srv/upstream
outage() {
  rm -rf "$state" /srv/upstream
  systemctl reset-failed "$unit"
  systemctl start "$unit" && active
}
check "an upstream that is away fails no start" outage
recovered() { publish sixth && systemctl reload "$unit" && published sixth; }
check "and the mirror comes with it" recovered
systemctl stop "$unit"

finish
