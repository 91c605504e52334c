#!/usr/bin/env bash
# bench/live_loopback.sh [SECONDS [CAPTURE CALIB]] - live over loopback at ten times a large sensor's rate and more: nothing may
# be lost in the program, and every frame must equal the recorded one. Writes bench/results/live_loopback.json, a run per entry.
# CAPTURE: of an Ouster, with its metadata. PRIORITY=N: sender and receiver at real-time priority N, where the machine has
# other work. HOW=TEXT says under what conditions.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
seconds=${1:-60} capture=${2:-} calib=${3:-}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
n=0 failed=0

run() { # run ARGUMENTS...
    n=$((n + 1))
    "$top/build/bench/bench_live" --seconds "$seconds" --priority "${PRIORITY:-0}" --how "${HOW:-}" "$@" > "$out/$(printf %02d $n).json" || failed=1
    jq -c '[.input.packets_of, .input.rate_sent, .network, .frames]' "$out/$(printf %02d $n).json"
}

run --sensor VLP-16 --rate 36000          # the smallest packets that are full
run --sensor VLS-128 --rate 62540         # ten of them, one return
run --sensor "OS-1-128 dual" --rate 12800 # ten at 1024 x 20: the largest packets there are
[ -z "$capture" ] || run --capture "$capture" --calib "$calib" --rate 36000
jq -s . "$out"/*.json > "$top/bench/results/live_loopback.json"
exit $failed
