#!/usr/bin/env bash
# tests/cli/cli.sh - the contract of the command line: cli.sh GLINT SOURCE_DIR SECTION
#
# Sections: words (help, usage), input (bad input), output (results, bytes), full (what cannot be written).
# Prints what differs; exit status 1 then. Makes its inputs itself.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

says() { # says FILE TEXT
    grep -qF -- "$2" "$1" || wrong "expected '$2' in $1"
}

quiet() { # quiet FILE
    [ ! -s "$1" ] || wrong "expected nothing in $1"
}

# A street as an ASCII PCD: rings of ground 1.8 m below the sensor, and two walls of cars' sides.
street() {
    awk 'BEGIN {
        n = 0
        for (r = 0; r < 20; r++) for (i = 0; i < 720; i++) {
            d = 3.5 * 1.13 ^ r; a = i * 0.00872664626
            p[n++] = sprintf("%.3f %.3f -1.8 0.2", d * cos(a), d * sin(a)) }
        for (c = 0; c < 4; c++) for (i = 0; i < 44; i++) for (z = 0; z < 10; z++)
            p[n++] = sprintf("%.3f %.3f %.3f 0.4", 6 + 9 * c + 0.1 * i, 3.1, -1.7 + 0.14 * z)
        printf "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\n"
        printf "WIDTH %d\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS %d\nDATA ascii\n", n, n
        for (k = 0; k < n; k++) print p[k] }'
}

pcap_header='\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00'

# A capture with one UDP datagram of 4 bytes to port 9999.
unknown_sensor() {
    printf "$pcap_header"
    printf '\x00\x00\x00\x65\x00\x00\x00\x00\x2e\x00\x00\x00\x2e\x00\x00\x00'
    printf '\xff\xff\xff\xff\xff\xff\x00\x01\x02\x03\x04\x05\x08\x00'
    printf '\x45\x00\x00\x20\x00\x01\x00\x00\x40\x11\x00\x00\xc0\xa8\x01\xc9\xff\xff\xff\xff'
    printf '\x27\x0f\x27\x0f\x00\x0c\x00\x00\x01\x02\x03\x04'
}

without_latency() {
    sed 's/,"latency_us".*//' "$@"
}

words() {
    expect 0 --help && says out "usage: glint COMMAND" && quiet err
    expect 0 --version && says out "glint 0." && quiet err
    for command in run live record replay decode info calibrate import check bench serve view doctor trace; do
        expect 0 $command --help
        says out "usage: glint $command"
        says out "example:"
        quiet err
    done
    expect 0 doctor && says out "instructions" && says out "CUDA" && quiet err
    expect 2
    quiet out
    for later in fly nonsense; do
        expect 2 $later x
        one_line "no such command: $later"
    done
    expect 2 rum && one_line "did you mean run?"
    expect 2 run && one_line "no input given"
    expect 2 run x.bin --thraeds 2 && one_line "--thraeds" "did you mean --threads?"
    expect 2 run x.bin --threads && one_line "--threads needs a value"
    expect 2 run x.bin --threads 0 && one_line "--threads 0" "from 1 to"
    expect 2 run x.bin --score 2 && one_line "--score 2"
    expect 2 run x.bin --precision f8 && one_line "--precision f8"
    expect 2 run x.bin --frames 4:2 && one_line "--frames 4:2"
    expect 2 run x.bin --device gpu && one_line "--device gpu"
    expect 2 decode x.pcap && one_line "--out FILE is needed"
    expect 2 import && one_line "no weights file given"
    expect 2 import x && one_line "--out DIR is needed"
    expect 2 info && one_line "no file given"
    expect 2 bench && one_line "what to measure?"
    expect 2 bench speed x && one_line "no such measurement: speed"
    expect 2 doctor x && one_line "takes no input"
}

# Each measurement on its own input, and two results beside each other.
measurements() {
    local fast='--repeat 2 --no-ceilings'
    expect 0 bench voxel --points 20000 $fast --json a.json && says out orders
    expect 0 bench voxel --points 20000 $fast --json b.json
    expect 0 bench nms $fast && says out "of 4096 boxes kept"
    expect 0 bench decode $fast && says out "Mpoints/s"
    expect 0 bench decode --sensor "VLS-128 dual" $fast && says out "Velodyne VLS-128"
    expect 2 bench decode --sensor "no such" $fast && one_line 'no packets are made of a "no such"'
    expect 0 bench pipeline --repeat 1 --no-ceilings && says out "outside the network"
    expect 0 bench compare a.json b.json && says out "geometric mean"
    sed 's/"p50_ms": [0-9.e+-]*/"p50_ms": 5000/; s/"p\(25\|75\)_ms": [0-9.e+-]*/"p\1_ms": 5000/' a.json >slow.json
    sed 's/"p50_ms": [0-9.e+-]*/"p50_ms": 1000/; s/"p\(25\|75\)_ms": [0-9.e+-]*/"p\1_ms": 1000/' a.json >quick.json
    expect 1 bench compare quick.json slow.json --limit 50 && says out SLOWER && one_line "slower by 400 %"
    expect 0 bench compare slow.json quick.json --limit 50 && says out faster && says out "0.200"
    expect 3 bench compare a.json street.pcd && one_line street.pcd
    expect 3 bench compare a.json missing.json && one_line missing.json
    echo '{}' >hollow.json
    expect 3 bench compare hollow.json a.json && one_line hollow.json '"stages"'
    head -c 39 a.json >odd.boxes
    expect 3 bench nms odd.boxes && one_line odd.boxes float64
}

input() {
    street >street.pcd
    expect 3 run missing.bin && one_line missing.bin && quiet out
    expect 3 info missing.bin && one_line missing.bin && quiet out
    expect 3 decode missing.pcap --out 'c_%06d.pcd' && one_line missing.pcap
    : >empty.bin
    expect 3 run empty.bin && one_line empty.bin empty
    : >empty.pcap
    expect 3 run empty.pcap && one_line empty.pcap
    head -c 1601 /dev/zero >odd.bin
    expect 3 run odd.bin && one_line odd.bin
    mkdir nothing
    expect 3 run nothing && one_line nothing
    printf "$pcap_header" >silent.pcap
    expect 3 run silent.pcap && one_line silent.pcap
    expect 3 decode silent.pcap --out x.csv && one_line silent.pcap
    unknown_sensor >unknown.pcap
    expect 3 run unknown.pcap && one_line unknown.pcap
    sed 's/^POINTS .*/POINTS 99999999/; s/^WIDTH .*/WIDTH 99999999/' street.pcd >lying.pcd
    expect 3 run lying.pcd && one_line lying.pcd
    expect 3 run street.pcd --model no-such-model && one_line no-such-model
    mkdir hollow
    expect 3 run street.pcd --model hollow && one_line hollow
    cp -r "$source/data/models/glint-tiny" damaged
    chmod -R u+w damaged
    head -c 1000 "$source/data/models/glint-tiny/model.safetensors" >damaged/model.safetensors
    expect 3 run street.pcd --model ./damaged && one_line model.safetensors
    echo '{' >damaged/config.json
    expect 3 run street.pcd --model ./damaged && one_line config.json
    expect 3 import odd.bin --out model_out && one_line odd.bin
    echo '{"frame":0,"boxes":[{"label":"car"}]}' >bad.jsonl
    expect 3 run street.pcd --labels bad.jsonl && one_line bad.jsonl
    if [ ! -e /dev/nvidiactl ]; then # with CUDA or without: refused, or the CPU and why
        expect 4 run street.pcd --device cuda
        one_line cuda
        expect 0 run street.pcd --device auto
        says err "runs on the CPU: "
    fi
    # One bad file among several: told, and the others go on.
    expect 3 run empty.bin street.pcd
    says err empty.bin
    [ "$(wc -l <out)" = 1 ] || wrong "expected the good input's frame on stdout"
    cut_capture
}

# The frames before the cut are published, then the error.
cut_capture() {
    local whole="$source/data/demo/demo.pcap"
    [ -f "$whole" ] || return 0
    head -c 1000001 "$whole" >cut.pcap
    expect 3 run cut.pcap
    one_line cut.pcap
    [ "$(wc -l <out)" -ge 3 ] || wrong "expected the frames before the cut on stdout"
    expect 3 decode cut.pcap --out cut.csv
    one_line cut.pcap
    expect 0 info cut.pcap && says out truncated
    printf 'frames:\n  lidar:\n    parent: base_link\n    translation: [0, 0, 1.2]\n    rotation_rpy_deg: [0, 0, 0]\n' >up.yaml
    expect 0 run "$whole" --frames 0:1 --extrinsics up.yaml && one_line "points are shifted by -"
    sed -i 's/1.2\]/12]/' up.yaml
    expect 0 run "$whole" --frames 0:1 --extrinsics up.yaml && says err "sensor height: the ground lies at z = 10"
    expect 0 info "$whole" && says out "Velodyne HDL-32E" && says out "frames_per_second     9.645"
}

output() {
    street >street.pcd
    expect 0 run street.pcd --score 0.001
    quiet err
    grep -q '^{"frame":0,"stamp_ns":.*"boxes":\[.*"latency_us":{.*}}$' out || wrong "expected a line of JSON on stdout"
    without_latency out >first
    "$glint" run street.pcd --score 0.001 | without_latency >second
    cmp -s first second || wrong "two runs differ"
    for threads in 1 2 3; do
        "$glint" run street.pcd --score 0.001 --threads $threads | without_latency >second
        cmp -s first second || wrong "--threads $threads differs"
    done
    expect 0 run street.pcd street.pcd --score 0.001 --out a/boxes.jsonl --out 'a/bev_%06d.png' --out 'a/%06d.label' --trace a/trace.json
    quiet out
    for file in boxes.jsonl bev_000000.png bev_000001.png 000001.label trace.json; do
        [ -s a/$file ] || wrong "a/$file is missing"
    done
    [ "$(head -c 4 a/bev_000000.png | tail -c 3)" = PNG ] || wrong "a/bev_000000.png is no PNG"
    without_latency a/boxes.jsonl | head -n 1 >second
    cmp -s first second || wrong "--out differs from stdout"
    "$glint" run street.pcd --score 0.001 --out b.png && cmp -s b.png a/bev_000000.png || wrong "the same frame gives another picture"
    expect 0 run street.pcd street.pcd --frames 1:2 && quiet out && one_line "no frames in the input"
    expect 2 run street.pcd street.pcd --out one.png
    one_line one.png
    expect 2 run street.pcd --out boxes.txt && one_line boxes.txt
    expect 0 decode street.pcd --out cloud.bin && [ -s cloud.bin ] || wrong "cloud.bin is missing"
    expect 0 run cloud.bin --score 0.001
    without_latency out | sed 's/"source":"[^"]*"//' >second
    sed 's/"source":"[^"]*"//' first | cmp -s - second || wrong "a decoded cloud gives other boxes"
    expect 0 info street.pcd && says out 16160
    expect 0 info --json "$source/data/models/glint-tiny" && says out '"kind": "model"'
    expect 0 bench model street.pcd --repeat 2 --json - && says out '"p99_ms"' && says err "of limit"
    says out '"triad_gb_per_s"' && says out '"gflop_whole"' && says out '"crc32"' && says out '"flags"'
    measurements
    expect 0 run street.pcd --score 1
    says err "no boxes in 1 frame"
    sed 's/ -1.8 / 0.4 /' street.pcd >high.pcd
    expect 0 run high.pcd --score 1 && says err "ground at +0.4 m" && says err "points are shifted by -2.3 m"
    expect 2 run street.pcd --tta sideways && says err "expected flips, rotations, scales or none"
    expect 3 run street.pcd --tta flips && says err "several views"
    expect 3 run street.pcd --boxes-model nowhere && says err "no such model"
    expect 3 run street.pcd --boxes-model glint-tiny && says err "goes with one that makes masks"
    expect 0 run street.pcd --out 'm/%06d_lidarseg.bin' --out 'm/%06d_panoptic.npz'
    [ "$(wc -c <m/000000_lidarseg.bin)" = "$(($(wc -c <a/000000.label) / 4))" ] || wrong "not a byte per point"
    echo '{"frame":0,"boxes":[{"label":"car","center":[8,4,-1],"size":[4,2,1.5],"yaw":0,"points":50}]}' >labels.jsonl
    expect 0 run street.pcd --labels labels.jsonl --out l.png && says err "labelled objects in 1 frames"
    expect 0 run street.pcd --stats && says err "stage, ms" && says err "attend"
    "$glint" run street.pcd street.pcd street.pcd 2>err | true
    [ "${PIPESTATUS[0]}" -le 1 ] || wrong "a closed pipe ends with ${PIPESTATUS[0]}"
}

full() {
    street >street.pcd
    [ -e /dev/full ] || return 0
    ln -s /dev/full full.jsonl && ln -s /dev/full full.png && ln -s /dev/full full.bin && ln -s /dev/full full.json
    expect 1 run street.pcd --out full.jsonl && one_line full.jsonl
    expect 1 run street.pcd --out good.jsonl --out full.png && one_line full.png
    [ "$(wc -l <good.jsonl)" = 1 ] || wrong "expected what came before the full disk in good.jsonl"
    expect 1 decode street.pcd --out full.bin && one_line full.bin
    expect 1 run street.pcd --out good.jsonl --trace full.json && one_line full.json
    "$glint" run street.pcd >/dev/full 2>err
    [ $? = 1 ] || wrong "a full stdout ends with another status than 1"
    one_line
    "$glint" --help >/dev/full 2>err
    [ $? = 1 ] || wrong "help to a full stdout ends with another status than 1"
    : >file
    expect 1 run street.pcd --out file/boxes.jsonl && one_line file/boxes.jsonl
    expect 1 run street.pcd --out file/x.png && one_line file/x.png
    expect 1 run street.pcd --out good.jsonl --trace file/t.json && one_line file/t.json
    expect 1 run street.pcd --dump file/dump && one_line file
}

"$section"
[ $failed = 0 ] && echo "cli $section: ok"
exit $failed
