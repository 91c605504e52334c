#!/usr/bin/env bash
# tests/variants/isa.sh - every test program of a build with the instruction sets masked: isa.sh ISA BUILD_DIR
set -uo pipefail
export GLINT_ISA=$1
failed=0
for test in "$2"/tests/test_*; do
    [ -x "$test" ] && [ -f "$test" ] || continue
    case "$test" in *steady_state) continue ;; esac # counts allocations, the same for all sets
    output=$("$test" 2>&1)
    code=$?
    if [ $code != 0 ] && [ $code != 77 ]; then
        echo "$output" | tail -n 30
        echo "GLINT_ISA=$1: $(basename "$test") failed"
        failed=1
    fi
done
exit $failed
