#!/usr/bin/env bash
# tests/cli/live.sh - live over loopback on the command line: two sensors merged, one of which dies, and the account:
# live.sh GLINT SOURCE_DIR live. Exact comparison with recorded input is in test_source_live and test_stage_merge.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

demo="$source/data/demo/demo.pcap"
cat >car.yaml <<'YAML'
frames:
  front: {parent: base_link, translation: [1, 0, 0], rotation_rpy_deg: [0, 0, 0]}
  rear: {parent: base_link, translation: [-1, 0, 0], rotation_rpy_deg: [0, 0, 180]}
YAML
head -c $((24 + 750 * (16 + 1248))) "$demo" >short.pcap # four of ten turns

says() { # says FILE TEXT
    grep -qF -- "$2" "$1" || wrong "expected '$2' in $1"
}

# listens: until the live run in the background does, however slow the machine is
listens() {
    for ((k = 0; k < 200; k++)); do
        grep -q 'listening' live.err && return
        sleep 0.05
    done
    wrong "live does not listen"
}

# adds_up FILE: the account of a --json, of all and of each sensor
adds_up() {
    python3 - "$1" <<'PY' || wrong "$1: the account does not add up"
import json, sys
j = json.load(open(sys.argv[1]))
def good(p):
    return p["received"] == p["decoded"] + p["malformed"] + p["foreign"] and p["lost"] >= 0
assert good(j["packets"]) and all(good(s["packets"]) for s in j["sensors"]), j
for name in ("received", "decoded", "malformed", "foreign", "lost", "duplicate"):
    assert j["packets"][name] == sum(s["packets"][name] for s in j["sensors"]), name
assert j["frames"]["in"] == j["frames"]["published"] + j["frames"]["dropped"], j
assert all("scale" in s["clock"] for s in j["sensors"])
if "network" in j:
    assert j["network"]["received"] == j["packets"]["received"], j
PY
}

# Recorded: the same account as live, clocks included.
recorded() {
    expect 0 run "$demo" short.pcap --merge front,rear --extrinsics car.yaml --model none --json run.json --out run.jsonl
    adds_up run.json
    says run.json '"drift_ppm"'
    says run.json '"sensors_missed": 7'
    [ "$(grep -c '"source":"front+rear"' run.jsonl)" = 3 ] || wrong "3 merged frames expected"
    [ "$(grep -c '"missing":\["rear"\]' run.jsonl)" = 7 ] || wrong "7 frames without the rear sensor expected"
    says err "1 frame dropped, 7 sensors missed" # the rear one's last turn never was whole
    expect 0 decode "$demo" "$demo" --merge front,rear --extrinsics car.yaml --sub-sweep 90 --json parts.json --out 'm_%02d.bin'
    [ "$(points parts.json)" = "40 1268196" ] || wrong "40 merged parts of turns expected: $(points parts.json)"
    expect 0 decode "$demo" --clock tai --json decode.json --out 'c_%02d.bin'
    adds_up decode.json
    expect 0 run "$demo" --frames 1 --stats --out one.jsonl
    says err "packets arrive"
}

# Two sensors, told apart by their ports; the rear one's packets end early.
merged() {
    : >live.err
    "$glint" live --port 42411 --port 42412 --address 127.0.0.1 --merge front,rear --extrinsics car.yaml --model none \
        --out live.jsonl --json live.json 2>live.err &
    local pid=$! status
    listens
    "$glint" replay "$demo" --to 127.0.0.1:42411 2>/dev/null &
    local front=$!
    "$glint" replay short.pcap --to 127.0.0.1:42412 2>/dev/null
    wait $front
    sleep 0.5
    kill -INT $pid
    wait $pid
    status=$?
    cases=$((cases + 1))
    [ $status = 0 ] || wrong "live: exit status $status: $(cat live.err)"
    adds_up live.json
    says live.json '"received": 2625'
    [ "$(wc -l <live.jsonl)" -ge 10 ] || wrong "10 frames or more expected"
    [ "$(grep -c '"missing":\["rear"\]' live.jsonl)" -ge 4 ] || wrong "frames without the rear sensor expected"
}

# points FILE: frames and points of a --json
points() {
    python3 -c 'import json, sys; f = json.load(open(sys.argv[1]))["frames"]; print(f["published"], f["points"])' "$1"
}

# Wherever turns are cut, and in parts of them: every point is in one frame.
framing() {
    expect 0 decode "$demo" --json whole.json --out 'w_%03d.bin'
    [ "$(points whole.json)" = "10 634098" ] || wrong "10 frames, 634098 points expected: $(points whole.json)"
    expect 0 decode "$demo" --cut 90 --json cut.json --out 'x_%03d.bin' # the turn the capture begins in is in two
    [ "$(points cut.json)" = "11 634098" ] || wrong "--cut 90: 11 frames expected: $(points cut.json)"
    expect 0 decode "$demo" --cut -270 --json same.json --out 'y_%03d.bin'
    cmp -s x_004.bin y_004.bin || wrong "--cut -270 and 90 are one angle"
    expect 0 decode "$demo" --sub-sweep 90 --json parts.json --out 'p_%03d.bin'
    [ "$(points parts.json)" = "40 634098" ] || wrong "--sub-sweep 90: 40 frames expected: $(points parts.json)"
    cat p_00[0-3].bin | wc -c >four
    wc -c <w_000.bin | cmp -s - four || wrong "four parts are a turn"
    expect 0 run "$demo" --frames 9 --sub-sweep 120 --model none --out parts.jsonl
    [ "$(grep -c '"coverage":1,' parts.jsonl)" = 9 ] || wrong "--sub-sweep 120: whole parts expected"
    expect 2 decode "$demo" --sub-sweep 0 --out 'p_%03d.bin' && one_line "--sub-sweep 0"
    expect 2 decode "$demo" --cut 361 --out 'p_%03d.bin' && one_line "--cut 361"
}

# What docs/TROUBLESHOOTING.md shows, as it is written there.
troubleshooting() {
    local pid
    cp "$demo" drive.pcap
    expect 0 doctor
    expect 0 info drive.pcap
    expect 0 run drive.pcap --stats --out boxes.jsonl
    says err "to boxes"
    expect 3 run drive.pcap --sensor xt32
    one_line "glint: drive.pcap: no packet is of a Hesai PandarXT32: saw 512 x 1206 bytes to port 2368"
    : >live.err
    (cd "$source" && exec "$glint" live --sensor hdl32e --port 23702 --model none --out /dev/null) 2>live.err &
    pid=$!
    listens
    (cd "$source" && "$glint" replay data/demo/demo.pcap --to 127.0.0.1:23702) 2>err
    says err "glint: 1875 packets of 1875 sent in"
    sleep 0.5
    kill -INT $pid
    wait $pid || wrong "live: $(cat live.err)"
    says live.err "glint: 1875 packets in"
    expect 3 live --port 23702 --duration 0.2
    says err "glint: listening: udp port 23702"
    says err "saw no packets"
}

usage() {
    expect 2 live --port 1 --merge front,rear --extrinsics car.yaml && one_line "As many --port as sensors"
    expect 2 live --port 1 --merge front=127.0.0.1,rear --extrinsics car.yaml && one_line "addresses are for all"
    expect 2 live --port 1 --merge front=1.2.3,rear=1.2.3.4 --extrinsics car.yaml && one_line "A=192.168.1.201:2368"
    expect 2 live --port 1 --merge front=:0,rear=:2 --extrinsics car.yaml && one_line "--merge"
    expect 2 live --port 1 --merge front --frame front --extrinsics car.yaml && one_line "--frame is for a single"
    expect 2 run "$demo" "$demo" --merge front=:1,rear=:2 --extrinsics car.yaml && one_line "of one capture"
    expect 2 decode "$demo" --out x.csv --json x.json && one_line "--json counts frames"
    head -c 1600 /dev/zero >scan.bin
    expect 0 run scan.bin --sensor vlp16 --cut 90 --model none
    one_line "has points, not packets: --sensor, --cut without effect"
    expect 3 run "$demo" scan.bin --merge front,rear --extrinsics car.yaml && one_line "cannot be merged"
}

usage
recorded
framing
merged
troubleshooting
[ $failed = 0 ] && echo "cli live: ok"
exit $failed
