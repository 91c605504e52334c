#!/usr/bin/env bash
# on_gpu.sh - everything that needs a GPU, in pieces of less than ten minutes: builds Glint for the GPU of this machine,
# runs the tests of the CUDA backend on it (a skipped test is a failure), the same under compute-sanitizer, the
# benchmarks, and PyTorch on the same card. Logs and JSON lie in one folder then, with summary.json.
#
#   tests/cuda/on_gpu.sh all                        build test sanitize bench peers, on a machine that has all it needs
#   tests/cuda/on_gpu.sh build test                 some of them
#   tests/cuda/on_gpu.sh pack DIR                   elsewhere: what a bare GPU machine lacks, to be carried to it:
#   GLINT_GPU_PACK=DIR tests/cuda/on_gpu.sh all     headers and libraries to build with, golden cases (45 MB)
#
# GLINT_GPU_OUT   where results go (default: build-gpu/results)     GLINT_SHARED   reference data (default: the pack's)
# GLINT_GPU_STEP_SECONDS  a step ends then, with what it has (default: 570)
# GLINT_GPU_PYTHON  a python with torch that sees the GPU, for peers (default: python3)
# Needs nvcc, CMake, ninja (or make) and a driver. Exit status 1 when a step failed. Without a GPU only pack and build work.
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
build=${GLINT_GPU_BUILD:-$root/build-gpu}
out=${GLINT_GPU_OUT:-$build/results}
pack=${GLINT_GPU_PACK:-}
shared=${GLINT_SHARED:-${pack:+$pack/shared}}
shared=${shared:-$root/../shared}
limit=${GLINT_GPU_STEP_SECONDS:-570}
failed=0

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }

# --- pack ---
libraries="libpcap jansson yaml-0.1 libpng zlib cmocka"

# A library with what it needs in turn, but the C library's own, which every machine has.
copy_closure() {
    ldd "$1" 2>/dev/null | awk '$3 ~ /^\// {print $3}' | while read -r file; do
        case "$(basename "$file")" in
        libc.so* | libm.so* | libpthread.so* | libdl.so* | librt.so* | ld-linux* | libgcc_s* | libstdc++*) ;;
        *) cp -nL "$file" "$2/" ;;
        esac
    done
}
make_pack() {
    local to=$1 cflags file
    mkdir -p "$to/deps/include" "$to/deps/lib/pkgconfig" "$to/deps/bin" "$to/shared/golden/flatformer"
    to=$(cd "$to" && pwd)
    for name in $libraries; do
        pkg-config --exists "$name" || continue
        local pc
        pc=$(pkg-config --variable=pcfiledir "$name")/$name.pc
        # the pack may lie anywhere: paths from where the .pc file is
        sed -E -e 's|^prefix=.*|prefix=${pcfiledir}/../..|' -e 's|^exec_prefix=.*|exec_prefix=${prefix}|' \
            -e 's|^libdir=.*|libdir=${prefix}/lib|' -e 's|^includedir=.*|includedir=${prefix}/include|' \
            -e 's|^Requires.private:.*||' -e 's|^Libs.private:.*||' \
            -e 's|-I\$\{includedir\}/[a-z0-9-]+|-I${includedir}|' "$pc" >"$to/deps/lib/pkgconfig/$name.pc"
        for file in $(pkg-config --libs-only-l "$name" | tr ' ' '\n' | sed -n 's/^-l//p'); do
            local so
            so=$(readlink -f "$(ls /usr/lib/*/"lib$file.so" /usr/lib/"lib$file.so" /usr/local/lib/"lib$file.so" 2>/dev/null | head -n 1)")
            [ -f "$so" ] || continue
            cp -L "$so" "$to/deps/lib/lib$file.so"
            cp -L "$so" "$to/deps/lib/$(objdump -p "$so" | awk '/SONAME/ {print $2}')"
            copy_closure "$so" "$to/deps/lib"
        done
    done
    for file in pcap.h pcap jansson.h jansson_config.h yaml.h png.h pngconf.h pnglibconf.h zlib.h zconf.h cmocka.h; do
        for cflags in /usr/include /usr/include/*-linux-gnu /usr/include/libpng16 /usr/local/include; do
            [ ! -e "$cflags/$file" ] || { cp -rL "$cflags/$file" "$to/deps/include/" && break; }
        done
    done
    cp -L "$(command -v pkg-config)" "$to/deps/bin/pkgconf"
    printf '#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH=$here/../lib exec "$here/pkgconf" "$@"\n' >"$to/deps/bin/pkg-config"
    chmod +x "$to/deps/bin/pkg-config"
    copy_closure "$(command -v pkg-config)" "$to/deps/lib"
    for file in "$shared"/golden/flatformer/*; do
        case "$file" in */waymo_edge_*) ;; *) cp -L "$file" "$to/shared/golden/flatformer/" ;; esac
    done
    chmod -R u+w "$to"
    say "pack: $(du -sh "$to" | cut -f1) in $to"
}

# --- what the other steps share ---
use_pack() {
    [ -n "$pack" ] || return 0
    pack=$(cd "$pack" && pwd)
    export PATH="$PATH:$pack/deps/bin" PKG_CONFIG_PATH="$pack/deps/lib/pkgconfig:${PKG_CONFIG_PATH:-}"
    export CMAKE_PREFIX_PATH="$pack/deps:${CMAKE_PREFIX_PATH:-}"
}
export PATH="$PATH:/usr/local/cuda/bin:/usr/local/cuda/compute-sanitizer"

architecture() {
    local found
    found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d '. ')
    case "${GLINT_CUDA_ARCHITECTURES:-$found}" in
    90) echo 90a ;;
    100 | 103) echo 100f ;;
    "") echo 90a ;;
    *) echo "${GLINT_CUDA_ARCHITECTURES:-$found}" ;;
    esac
}
# cuda_*: the programs that run on the GPU; their emulated twins run in ordinary CI
programs() { find "$build/tests/cuda" -maxdepth 1 -name 'test_cuda_*' -type f -perm -u+x ! -name '*_emulated' | sort; }

# run STEP NAME COMMAND...: its output to STEP.log, its end to the summary. Not longer than what is left of the step.
begun=0
left() { echo $((limit - (SECONDS - begun))); }
run() {
    local step=$1 name=$2 from=$SECONDS code=0
    shift 2
    if [ "$(left)" -lt 5 ]; then
        code=125 # no time left
    else
        printf '\n=== %s\n' "$name" >>"$out/$step.log"
        timeout -k 5 "$(left)" "$@" >>"$out/$step.log" 2>&1 || code=$?
    fi
    printf '{"step": "%s", "name": "%s", "status": %d, "seconds": %d}\n' "$step" "$name" "$code" $((SECONDS - from)) >>"$out/steps.jsonl"
    case "$code" in
    0) say "$step $name: ok" ;;
    77) say "$step $name: skipped" ;;
    124 | 125 | 137) say "$step $name: not finished in time" ;;
    *) say "$step $name: FAILED ($code), $out/$step.log ends:" && tail -n 15 "$out/$step.log" ;;
    esac
    [ "$code" = 0 ] || failed=1
    return "$code"
}

step_build() {
    local jobs generator=()
    jobs=$(nproc)
    command -v ninja >/dev/null && generator=(-G Ninja)
    run build configure cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DGLINT_CUDA=ON -DGLINT_WERROR=OFF \
        -DCMAKE_BUILD_RPATH="${pack:+$pack/deps/lib}" -DGLINT_CUDA_ARCHITECTURES="$(architecture)" -DGLINT_SHARED="$shared" -DGLINT_BENCH=OFF || return
    run build compile cmake --build "$build" -j "$jobs" --target glint cuda_tests
}
step_test() {
    export GLINT_REQUIRE_CUDA=1
    for program in $(programs); do
        run test "$(basename "$program")" "$program"
    done
    run test "whole scans" "$build/tests/cuda/test_cuda_net_golden" scans
}
# Small shapes only are worth the factor of 50 to 100; golden cases of Waymo's size are left out (their argument: few).
step_sanitize() {
    export GLINT_REQUIRE_CUDA=1
    for tool in memcheck racecheck; do
        for program in $(programs); do
            case "$program" in *golden*) continue ;; esac
            run sanitize "$tool $(basename "$program")" \
                compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 "$program"
        done
    done
}
step_bench() {
    local model=$build/waymo frames=${GLINT_GPU_FRAMES:-500}
    [ -d "$model" ] || run bench import "$build/glint" import "$shared/golden/flatformer/waymo_weights.safetensors" --out "$model" || return
    run bench doctor "$build/glint" doctor
    for precision in f32 bf16 f16; do
        run bench "waymo $precision" "$build/glint" bench model --model "$model" --device cuda --precision "$precision" \
            --points 160000 --repeat "$frames" --json "$out/bench_waymo_$precision.json"
    done
    run bench "glint-tiny f16" "$build/glint" bench model --device cuda --precision f16 --repeat "$frames" \
        --json "$out/bench_tiny_f16.json"
    # from the start of the program to the first boxes
    run bench "first boxes" bash -c 'time "$0" run "$1" --model "$2" --device cuda --precision f16' "$build/glint" \
        "$shared/golden/flatformer/waymo_kitti360.safetensors" "$model"
}
step_peers() {
    GLINT_SHARED=$shared run peers pytorch "${GLINT_GPU_PYTHON:-python3}" bench/peers/cuda_peers.py --device cuda --glint "$build/glint" \
        --shared "$shared" --json "$out/peers.json"
}

summarise() {
    local gpu driver commit
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)
    commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
    {
        printf '{"gpu": "%s", "driver": "%s", "architecture": "%s", "commit": "%s", "steps": [\n' "$gpu" "$driver" "$(architecture)" "$commit"
        sed '$!s/$/,/' "$out/steps.jsonl"
        printf ']}\n'
    } >"$out/summary.json"
}

[ $# -gt 0 ] || { sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 2; }
if [ "$1" = pack ]; then
    [ $# -eq 2 ] || { echo "on_gpu.sh: pack needs the folder to write" >&2; exit 2; }
    make_pack "$2"
    exit
fi
use_pack
mkdir -p "$out"
[ "$1" != all ] || set -- build test sanitize bench peers
for step in "$@"; do
    case "$step" in
    build | test | sanitize | bench | peers) ;;
    *) echo "on_gpu.sh: no such step: $step (build test sanitize bench peers, pack DIR)" >&2; exit 2 ;;
    esac
    begun=$SECONDS
    : >"$out/$step.log"
    "step_$step"
done
summarise
exit "$failed"
