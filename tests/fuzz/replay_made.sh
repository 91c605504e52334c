#!/usr/bin/env bash
# tests/fuzz/replay_made.sh - makes a family's seeds and runs them: replay_made.sh SEEDS_PROGRAM REPLAY_PROGRAM CAPTURES...
set -euo pipefail
make=$1 replay=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$make" "$folder" "$@"
"$replay" "$folder"
