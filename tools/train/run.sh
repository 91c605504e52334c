#!/usr/bin/env bash
# run.sh - trains a model on simulated scans, from a clean machine to a folder that `glint run --model` takes.
#
#   tools/train/run.sh OUT [train.py options]       e.g. run.sh out/tiny --minutes 120
#
# Builds the program and the simulator (build-train/), makes a Python environment with requirements.txt (.cache/train-venv; needs the
# network once; or give GLINT_PYTHON, one that has PyTorch), trains (continues where OUT is there already), exports OUT/model, compares
# PyTorch with the program, chooses scores on simulated scans, and measures on held-out ones (OUT/simulated.json).
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
case "$1" in --help|-h) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
out=$1
shift

[ -n "${GLINT_SKIP_DEPS:-}" ] || "$source/tools/deps.sh" build
cmake -S "$source" -B "$source/build-train" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGLINT_TESTS=OFF -DGLINT_BENCH=OFF >/dev/null
cmake --build "$source/build-train" --target glint glint_sim_shared
glint=$source/build-train/glint
export GLINT_SIM_LIBRARY=$source/build-train/sim/libglint_sim.so
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

python=${GLINT_PYTHON:-$source/.cache/train-venv/bin/python}
if [ -z "${GLINT_PYTHON:-}" ] && [ ! -x "$python" ]; then
    python3 -m venv "$source/.cache/train-venv"
    "$python" -m pip install --quiet -r "$here/requirements.txt"
fi

config=()
for ((i = 1; i < $#; i++)); do [ "${!i}" = --config ] && j=$((i + 1)) && config=(--config "${!j}"); done
"$python" "$here/train.py" --out "$out" "$@"
"$python" "$here/export.py" "$out/last.pt" --out "$out/model" "${config[@]}"
"$python" "$here/parity.py" "$out/model" --glint "$glint"
"$python" "$here/choose_scores.py" --model "$out/model" --glint "$glint" --write --json "$out/scores.json"
"$python" "$here/validate.py" --model "$out/model" --glint "$glint" --json "$out/simulated.json"
echo "$out/model is done: glint run YOUR.pcap --model $out/model"
