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
    expect 0 decode "$demo" --clock tai --json decode.json --out 'c_%02d.bin'
    adds_up decode.json
    expect 0 run "$demo" --frames 1 --stats --out one.jsonl
    says err "packets arrive"
}

# Two sensors, told apart by their ports; the rear one's packets end early.
merged() {
    "$glint" live --port 42411 --port 42412 --address 127.0.0.1 --merge front,rear --extrinsics car.yaml --model none \
        --out live.jsonl --json live.json 2>live.err &
    local pid=$! status
    sleep 0.5
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
merged
[ $failed = 0 ] && echo "cli live: ok"
exit $failed
