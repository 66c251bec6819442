#!/bin/bash
# Breaks an upstream in an evening's ways and walks through an operator's commands; docs/evening.md shows what this prints.
#
# usage: docs/evening.sh    horde-refd, jq and python3 are taken from PATH; it works in a directory of its own and removes it
set -uo pipefail
scratch=$(mktemp -d /tmp/evening.XXXXXX) && chmod 755 "$scratch" && cd "$scratch" || exit 2
# Ends what still runs: jobs of this shell, and what they started.
end() {
    for job in $(jobs -p); do kill $(pgrep -P "$job") "$job"; done 2>/dev/null
    wait
    cd / && rm -rf "$scratch"
}
trap end EXIT

# Begins the next block of the page.
block() { printf '%s\n' '----'; }
# Shows a command as it is typed, then runs it.
type() { printf '$ %s\n' "$1"; eval "$1" 2>&1; }
# Waits for the hook, which runs beside the daemon, to have said this.
said() { for _ in $(seq 600); do grep -qs "^$1" mail.txt && return; sleep 0.05; done; echo "never said: $1"; exit 1; }

# Waits for the first cycle of the daemon: what `sync` said of the mirror is over.
runs() {
    for _ in $(seq 600); do
        horde-refd status --json | jq -e '.role == "writer" and .cycles > 0' > said && return
        sleep 0.05
    done
    echo 'the daemon never ran'
    exit 1
}

# The operator's host has its configuration in /etc/horde-refd/config.toml, where it is found without -c.
horde-refd() { command horde-refd -c config.toml "$@"; }

# The upstream: a directory of references behind a small web server.
mkdir -m 755 upstream
# Replaces a file whole.
send() { cat > upstream/.new && mv upstream/.new "upstream/$1"; }
# The models 1 to $1 of image_generation, all with the description $2.
painters() {
    jq -n --argjson last "$1" --arg words "$2" '[range(1; $last + 1) | "Painter \(.)" | {(.): {name: ., type: "ckpt",
        baseline: "stable diffusion 1", description: $words, version: "1.0", style: "generalist", inpainting: false,
        nsfw: false, config: {files: [], download: []}}}] | add'
}
# The models 1 to $1 of text_generation.
writers() { echo 'name,parameters_bn'; seq -f 'writers/Writer-%g,7' "$1"; }
# Models of a type, by their names.
plain() { jq -n --arg type "$1" '[$ARGS.positional[] | {(.): {name: ., type: $type}}] | add' --args "${@:2}"; }
serve() {
    python3 -u -m http.server --directory upstream --bind 127.0.0.1 "$1" > served 2>/dev/null & server=$!
    for _ in $(seq 200); do grep -qs port served && break; sleep 0.05; done
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' served)
}
painters 40 'Paints what it is told.' | send stable_diffusion.json
writers 30 | send models.csv
plain esrgan RealESRGAN_x4plus NMKD_Siax | send esrgan.json
plain clip ViT-B/32 ViT-L/14 ViT-H-14 | send clip.json
serve 0
mkdir -m 750 horde
cat > config.toml <<TOML
base_path = "$scratch/horde/mirror"
[[upstream]]
name = "office"
url = "http://127.0.0.1:$port"
layout = "flat"
categories = ["image_generation", "text_generation", "esrgan", "clip"]
[http]
retry_attempts = 1
[hooks]
on_trouble = ["sh", "-c", "echo \"\$HORDE_REFD_CATEGORY\$HORDE_REFD_UPSTREAM is \$HORDE_REFD_STATE\${HORDE_REFD_ERROR:+: \$HORDE_REFD_ERROR}\" >> mail.txt"]
TOML

block # a new mirror
type 'horde-refd sync --dry-run | grep -v skipped'
type 'horde-refd sync -q; echo "exit $?"'
block
type 'horde-refd run 2> daemon.log &'
runs
type 'horde-refd status --wait 30s'
block
type 'horde-refd doctor'
block
type 'chmod o+x horde'
type 'horde-refd doctor -q && echo all is well'

block # emptied
echo '{}' | send clip.json
type 'horde-refd refresh --wait; echo "exit $?"'
said 'clip is held'
type 'cat mail.txt'
block
type 'horde-refd status --check; echo "exit $?"'
type 'horde-refd diff clip --incoming'
type 'jq -r "keys[]" horde/mirror/clip.json'
block
plain clip ViT-B/32 ViT-L/14 ViT-H-14 | send clip.json
type 'horde-refd refresh --wait'
type 'horde-refd status --check'
said 'clip is fresh'
type 'tail -1 mail.txt'

block # shrunk
writers 4 | send models.csv
type 'horde-refd refresh --wait; echo "exit $?"'
type 'horde-refd diff text_generation --incoming | tail -3'
block
type 'horde-refd accept text_generation'
type 'horde-refd history text_generation'
type 'horde-refd status --check'

block # a record that is none
jq '.NMKD_Siax = {name: "NMKD_Siax"} | .NMKD_Siax.type = 7' upstream/esrgan.json | send esrgan.json
type 'horde-refd refresh --wait; echo "exit $?"'
type 'horde-refd status'
block
type 'horde-refd check esrgan=horde/mirror/legacy/esrgan.json'
plain esrgan RealESRGAN_x4plus NMKD_Siax | send esrgan.json

block # good and wrong
painters 41 'PLEASE FILL IN' | send stable_diffusion.json
type 'horde-refd refresh --wait'
type 'horde-refd diff image_generation | head -5'
block
type 'horde-refd rollback image_generation'
type 'horde-refd history image_generation'
type 'horde-refd status -q'
block
painters 42 'Paints what it is told.' | send stable_diffusion.json
type 'horde-refd refresh --wait'
type 'horde-refd diff image_generation --incoming'
type 'horde-refd unpin image_generation'

block # a login page, then nothing
echo '<!doctype html><title>Log in</title>' | send clip.json
type 'horde-refd sync --dry-run clip; echo "exit $?"'
block
kill "$server"; wait "$server" 2>/dev/null
type 'horde-refd refresh --wait; echo "exit $?"'
type 'horde-refd status'
block
type 'horde-refd doctor -q'
type 'jq length horde/mirror/stable_diffusion.json'
block
plain clip ViT-B/32 ViT-L/14 ViT-H-14 | send clip.json
serve "$port"
type 'horde-refd refresh --wait'
type 'horde-refd status --check'
said 'office is up'
type 'cut -d: -f1 mail.txt | head -7'
