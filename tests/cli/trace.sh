#!/usr/bin/env bash
# tests/cli/trace.sh - where the time went, of a whole run: trace.sh GLINT SOURCE_DIR SECTION
#
# The demo drive with poses and tracking has every stage; arrows lead each frame from its first packets through
# all of them; a run that is killed leaves a whole file; glint trace tells it. Exit status 1 when not.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
demo="$source/data/demo"
stages="capture decode frame align voxelize encode attend bev head nms track publish"
export OMP_WAIT_POLICY=passive

for threads in 1 3; do
    expect 0 run "$demo/demo.pcap" --poses "$demo/demo.poses.csv" --track --threads $threads --out boxes.jsonl --trace trace.json
    python3 - trace.json 10 $stages <<'PY' || wrong "trace.json of $threads threads"
import collections, json, sys
path, n_frames, stages = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
events = json.load(open(path))["traceEvents"]
flows, begun, slices = collections.defaultdict(list), {}, collections.defaultdict(list)
for e in events:
    if e["ph"] == "X":
        slices[e["tid"]].append((e["ts"], e["ts"] + e["dur"]))
    if "bind_id" in e:
        assert e["ph"] == "X" and e["cat"] == "stage", e
        flows[e["bind_id"]].append(e)
    if e["ph"] == "b":
        begun[e["args"]["frame"]] = e
assert len(flows) == n_frames == len(begun), (len(flows), len(begun))
for flow in flows.values():
    names = [e["name"] for e in flow]
    frame = flow[0]["args"]["frame"]
    assert set(names) == set(stages), names
    assert names[0] == "capture" and names[-1] == "publish" and names.count("publish") == 1, names
    first = [names.index(s) for s in stages]
    assert first == sorted(first), names
    for i, e in enumerate(flow):
        assert e["args"]["frame"] == frame
        assert e.get("flow_in", False) == (i > 0) and e.get("flow_out", False) == (i + 1 < len(flow)), e
        assert i == 0 or e["ts"] >= flow[i - 1]["ts"], e
    ages = begun[frame]["args"]
    end = begun[frame]["ts"] + ages["sweep_latency_us"]
    assert 0 < ages["sweep_latency_us"] < ages["point_age_us"], ages
    assert flow[-1]["ts"] <= end <= flow[-1]["ts"] + flow[-1]["dur"] + 50000, (flow[-1], end)
for spans in slices.values(): # of a track: beside each other or one in the other
    spans.sort(key=lambda s: (s[0], -s[1]))
    stack = []
    for begin, end in spans:
        while stack and stack[-1] <= begin + 0.002:
            stack.pop()
        assert not stack or end <= stack[-1] + 0.002, (begin, end, stack)
        stack.append(end)
PY
    sed 's/,"latency_us".*//' boxes.jsonl >boxes$threads.jsonl
    expect 0 trace trace.json
    for stage in $stages "sweep latency" "point age" "critical stage:" "frames: 10 published, 0 dropped"; do
        grep -q "^$stage" out || wrong "expected '$stage' of glint trace"
    done
done

cmp -s boxes1.jsonl boxes3.jsonl || wrong "other objects with three threads"
grep -q '"id":1,"age":0' boxes1.jsonl && grep -q '"unseen":0.1' boxes1.jsonl || wrong "no objects in boxes.jsonl"
expect 2 run "$demo/demo.pcap" --model none --track && one_line "--track needs a model"
expect 0 trace trace.json --json table.json && python3 - table.json <<'PY' || wrong "table.json"
import json, sys
t = json.load(open(sys.argv[1]))
assert t["frames"] == 10 and not t["cut_short"]
for s in t["stages"].values():
    assert 0 < s["frames"] <= 10 and s["p50_ms"] <= s["p90_ms"] <= s["p99_ms"] <= s["p99_9_ms"] <= s["max_ms"]
assert 0 < t["critical"]["share"] <= 1 and t["critical"]["ms"] <= t["stages"]["sweep latency"]["max_ms"]
PY

# killed while it runs
inputs=$(for _ in $(seq 200); do echo "$demo/demo.pcap"; done)
# shellcheck disable=SC2086
"$glint" run $inputs --threads 1 --out /dev/null --trace killed.json 2>err &
run=$!
for _ in $(seq 100); do
    [ "$(stat -c %s killed.json 2>/dev/null || echo 0)" -gt 100000 ] && break
    sleep 0.1
done
kill -9 $run
wait $run 2>/dev/null
python3 - <<'PY' || wrong "killed.json is neither whole nor cut in its last line alone"
import json
text = open("killed.json").read()
try:
    json.loads(text)
except ValueError: # killed in the middle of a write
    json.loads(text[: text.rindex("\n")].rstrip(",") + "]}")
PY
expect 0 trace killed.json
grep -q "^publish" out || wrong "a killed run's trace has no publications"

# probes, where they were built in
"$glint" doctor >out
if grep -q 'probes *built in' out && command -v readelf >/dev/null; then
    readelf -n "$glint" >notes 2>/dev/null
    for probe in stage__begin stage__end frame__publish packet__loss; do
        grep -q "Name: $probe" notes || wrong "no probe $probe"
    done
fi

expect 3 trace "$demo/demo.poses.csv" && one_line "demo.poses.csv"
expect 3 trace none.json && one_line "none.json"
expect 2 trace
expect 2 trace a.json b.json
echo "$cases commands"
exit $failed
