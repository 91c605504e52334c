#!/usr/bin/env bash
# Has anything become slower? guard.sh [--update] [GLINT]
#
# Measures decode, voxel, nms and the default model with one thread and compares with bench/results/guard.ISA.KIND.json in
# units of the calibration loop, so that another machine of the same instruction set can be compared with, roughly. A stage
# that is slower by more than LIMIT percent (default 35) is measured once more before it counts; exit status 1 then.
# --update writes new references instead, for each instruction set that the machine has.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
update=0
[ "${1:-}" = --update ] && update=1 && shift
glint=${1:-$here/../build/glint} limit=${LIMIT:-35} failed=0
kinds="decode voxel nms model"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # measure KIND FILE
    "$glint" bench "$1" --threads 1 --repeat 40 --json "$2" >"$work/words" || { cat "$work/words"; exit 1; }
}

if [ $update = 1 ]; then
    for isa in avx512 avx2 c; do
        export GLINT_ISA=$isa
        for kind in $kinds; do
            measure "$kind" "$work/new.json"
            grep -q "\"isa\": \"$isa\"" "$work/new.json" && cp "$work/new.json" "$here/results/guard.$isa.$kind.json"
        done
    done
    exit 0
fi
for kind in $kinds; do
    measure "$kind" "$work/new.json"
    isa=$(sed -n 's/.*"isa": "\(.*\)",/\1/p' "$work/new.json")
    old=$here/results/guard.$isa.$kind.json
    [ -f "$old" ] || { echo "$kind: no reference for $isa"; continue; }
    "$glint" bench compare --normalised --limit "$limit" "$old" "$work/new.json" && continue
    echo "$kind: once more"
    measure "$kind" "$work/new.json"
    "$glint" bench compare --normalised --limit "$limit" "$old" "$work/new.json" || failed=1
done
exit $failed
