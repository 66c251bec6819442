# What the scenarios of this directory share; they set `unit` and `state` and source it inside the sandbox.

passed=0 failed=0
check() { # NAME COMMAND...: whether the command succeeds
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    printf '%s\n' "$output" | tail -n 15 | sed 's/^/        /'
  fi
}
until_true() { # COMMAND...: waits up to 30 s for the command to succeed
  local _
  for _ in $(seq 600); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  echo "never: $*"
  journalctl -u 'horde-refd*' --no-pager -n 10
  return 1
}
property() { systemctl show -p "$1" --value "${2:-$unit}"; } # NAME [UNIT]
active() { [ "$(property ActiveState)" = active ]; }
complete() { [ "$(find "$state" -maxdepth 1 -name '*.json' | wc -l)" -ge 11 ]; } # ten v2 files and the manifest
finish() { # says how many passed, and fails if one did not
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
