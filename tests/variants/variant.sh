#!/usr/bin/env bash
# tests/variants/variant.sh - one more build of Glint and its tests: variant.sh KIND SOURCE_DIR BUILD_ROOT SHARED
#
# KIND: clang   warnings of the other compiler are errors, the quick tests
#       asan    AddressSanitizer and UndefinedBehaviorSanitizer, all tests but the slow ones
#       tsan    ThreadSanitizer, the tests with threads
#       fuzz    every libFuzzer target of a decoder, and of checkpoints, for GLINT_FUZZ_SECONDS (60), others two fifths of that, two at a time
set -euo pipefail
kind=$1 source=$2 build=$3/$1 shared=$4
jobs=$(nproc)
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1

# Hundreds of lines of a build that succeeds would hide what failed after it.
quietly() {
    "$@" >"$build.log" 2>&1 || { tail -n 60 "$build.log"; echo "variant $kind: failed: $*"; exit 1; }
}
configure() {
    mkdir -p "$build"
    quietly cmake -S "$source" -B "$build" -G Ninja -DGLINT_WERROR=ON -DGLINT_BENCH=OFF -DGLINT_CUDA=OFF -DGLINT_SHARED="$shared" "$@"
}
# -O1 instead of a Debug build's -O0: half the time of the tests for little more of the build.
sanitized="-O1 -g"

case "$kind" in
clang)
    CC=clang configure -DCMAKE_BUILD_TYPE=Release
    quietly cmake --build "$build" -j "$jobs"
    ctest --test-dir "$build" -j"$jobs" -LE slow --output-on-failure
    ;;
asan)
    CC=clang configure -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="$sanitized" -DCMAKE_CXX_FLAGS_DEBUG="$sanitized" -DGLINT_SANITIZE=address,undefined
    quietly cmake --build "$build" -j "$jobs"
    ctest --test-dir "$build" -j"$jobs" -LE slow --output-on-failure
    ;;
tsan)
    CC=clang configure -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="$sanitized" -DCMAKE_CXX_FLAGS_DEBUG="$sanitized" -DGLINT_SANITIZE=thread
    programs="pool ring trace frame pipeline steady_state golden_tiny eval_task shelf" # those with threads
    ! pkg-config --exists libwebsockets || programs="$programs server"
    # shellcheck disable=SC2046
    quietly cmake --build "$build" -j "$jobs" --target parity glint $(printf 'test_%s ' $programs)
    ctest --test-dir "$build" -j"$jobs" -LE slow --output-on-failure \
        -R "^($(echo $programs | tr ' ' '|')|parity_threads|cli_output)\$"
    ;;
fuzz)
    CC=clang configure -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O2 -g" -DGLINT_SANITIZE=address,undefined \
        -DGLINT_FUZZ=ON -DGLINT_TESTS=OFF
    quietly cmake --build "$build" -j "$jobs" --target fuzzers
    fuzz_one() {
        local name=${1##*/fuzz_} work=$2/corpus_${1##*/fuzz_} log=$2/fuzz_${1##*/fuzz_}.log
        local seeds=$3/tests/fuzz/corpus/$name make=$2/tests/fuzz/seeds_$name
        local seconds=$(($4 * 2 / 5))
        case "$name" in decode_* | archive) seconds=$4 ;; esac
        mkdir -p "$work"
        if [ -x "$make" ]; then # made when they are needed
            seeds=$2/seeds_of_$name
            mkdir -p "$seeds"
            "$make" "$seeds" "$5"/captures/*/*.pcap
        fi
        if "$1" -max_total_time="$seconds" -rss_limit_mb=4096 -timeout=20 -print_final_stats=1 -artifact_prefix="$2/" "$work" \
            "$seeds" >"$log" 2>&1; then
            echo "fuzz_$name: $(grep -o 'number_of_executed_units: *[0-9]*' "$log" | grep -o '[0-9]*$') inputs, nothing found"
        else
            grep -n -m 20 -E 'ERROR|SUMMARY|runtime error|ALARM|timeout|out-of-memory|    #[0-9] ' "$log"
            tail -n 20 "$log" | cut -c 1-400
            local found # the input, for a machine that is gone when this is read
            found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
            # Slow by the wall's clock: a machine that stood still, or whose clock was set, is no finding; a slow input is.
            case "$found" in
            */timeout-*)
                if "$1" -timeout=20 "$found" >>"$log" 2>&1; then
                    echo "fuzz_$name: took long once and not again: $found, nothing found"
                    return 0
                fi
                ;;
            esac
            if [ -n "$found" ] && [ "$(stat -c %s "$found")" -lt 6000 ]; then base64 -w 0 "$found"; echo; fi
            echo "fuzz_$name: failed"
            return 1
        fi
    }
    export -f fuzz_one
    find "$build/tests/fuzz" -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x | sort |
        xargs -P 2 -I{} bash -c 'fuzz_one "$@"' fuzz_one {} "$build" "$source" "${GLINT_FUZZ_SECONDS:-60}" "$shared"
    ;;
*)
    echo "variant.sh: no such kind: $kind" >&2
    exit 2
    ;;
esac
