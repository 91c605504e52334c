#!/usr/bin/env bash
# Every number of docs/PERFORMANCE.md: all.sh PYTHON [--quick]
#
# PYTHON has the peers (bench/peers/README.md); GLINT_SHARED is the reference data; GLINT a Release build (build/glint).
# Keep the machine otherwise idle: a quarter of an hour on two cores, --quick some six minutes. Writes bench/results/*.json
# and the tables.
set -euo pipefail
python=$1 quick=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
glint=${GLINT:-$here/../build/glint} shared=${GLINT_SHARED:-$here/../../shared} results=$here/results
weights=$shared/golden/flatformer/waymo_weights.safetensors case=$shared/golden/flatformer/waymo_kitti360.safetensors
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$results"
"$python" "$here/peers/run.py" --glint "$glint" --shared "$shared" --json "$results/peers.json" $quick
python3 "$here/curves.py" --glint "$glint" --weights "$weights" --json "$results/curves.json" $quick
"$glint" import "$weights" --out "$work/large" 2>/dev/null
"$glint" bench model "$case" --model "$work/large" --repeat 15 --json "$results/large.json"
"$glint" bench model "$shared/frames/kitti/velodyne/000001.bin" --repeat 60 --json "$results/default.json"
"$here/guard.sh" --update "$glint"
python3 "$here/tables.py"
