#!/usr/bin/env bash
# bench/live_loopback.sh [SECONDS [RATE]] - live over loopback at ten times a large sensor's rate: nothing may be lost in the
# program, and every frame must equal the recorded one. Writes bench/results/live_loopback.json.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$top/bench/results"
exec "$top/build/bench/bench_live" --seconds "${1:-60}" --rate "${2:-36000}" --json "$top/bench/results/live_loopback.json"
