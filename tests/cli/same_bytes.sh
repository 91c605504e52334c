#!/usr/bin/env bash
# tests/cli/same_bytes.sh - the same input gives the same bytes, latency aside: same_bytes.sh GLINT SOURCE_DIR
#
# Over the demo capture and a folder of clouds made from it; twice, with 1, 2 and 3 threads, for every
# instruction set of this machine: boxes, masks and pictures.
set -euo pipefail
glint=$(realpath "$1") source=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GLINT_MODELS="$source/data/models"
failed=0

"$glint" decode "$source/data/demo/demo.pcap" --frames 0:2 --out 'scans/%02d.pcd'

run() { # run FOLDER INPUT OPTIONS...
    local folder=$1
    shift
    "$glint" run "$@" --score 0.1 --out "$folder/boxes.jsonl" --out "$folder/%03d.label" --out "$folder/%03d.png"
    sed -i 's/,"latency_us".*//' "$folder/boxes.jsonl"
}

for isa in c avx2 avx512; do
    for input in "$source/data/demo/demo.pcap" scans; do
        n=0
        for threads in 1 1 2 3; do
            GLINT_ISA=$isa run "$isa.$n" "$input" --frames 0:2 --threads $threads
            diff -rq "$isa.0" "$isa.$n" || { echo "$input, $isa, $threads threads: differs"; failed=1; }
            n=$((n + 1))
        done
        [ "$(wc -l <"$isa.0/boxes.jsonl")" = 2 ] || { echo "$input: 2 frames expected"; failed=1; }
        rm -r "$isa".*
    done
done
exit $failed
