#!/usr/bin/env bash
# tests/cli/motion.sh - poses, extrinsics, stacks, merging and calibrate on the command line:
# motion.sh GLINT SOURCE_DIR motion. Prints what differs; exit status 1 then.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

demo="$source/data/demo/demo.pcap"
poses="$source/data/demo/demo.poses.csv"

says() { # says FILE TEXT
    grep -qF -- "$2" "$1" || wrong "expected '$2' in $1"
}

cat >car.yaml <<'YAML'
frames:
  front: {parent: base_link, translation: [1, 0, 0], rotation_rpy_deg: [0, 0, 0]}
  rear: {parent: base_link, translation: [-1, 0, 0], rotation_rpy_deg: [0, 0, 180]}
YAML
printf 'frames:\n  front: {parent: front, translation: [0, 0, 0], rotation_rpy_deg: [0, 0, 0]}\n' >loop.yaml
printf 'stamp_ns,x,y\n1,2,3\n' >short.csv

usage() {
    expect 2 run "$demo" --deskew end && one_line "--deskew needs --poses FILE"
    expect 2 run "$demo" --deskew now --poses "$poses" && one_line "--deskew now: expected one of off, start, middle, end"
    expect 2 run "$demo" --stack 2 && one_line "--stack needs --poses FILE"
    expect 2 run "$demo" --twist 1,2,3 && one_line "--twist 1,2,3"
    expect 2 run "$demo" --twist 1,0 --poses "$poses" && one_line "one of them expected"
    expect 2 run "$demo" --frame front && one_line "--frame goes with --extrinsics"
    expect 2 run "$demo" --extrinsics car.yaml && one_line "car.yaml has 3 frames: --frame NAME"
    expect 2 run "$demo" --merge front,rear --extrinsics car.yaml && one_line "names 2 sensors, but there are 1 inputs"
    expect 2 run "$demo" --deadline 5 && one_line "--deadline goes with --merge"
    expect 2 decode "$demo" --out x.csv --poses "$poses" && one_line "as the sensor measured"
    expect 3 run "$demo" --poses short.csv && one_line "short.csv:1: expected a header"
    expect 3 run "$demo" --poses none.csv && one_line "none.csv"
    expect 3 run "$demo" --extrinsics loop.yaml --frame front && one_line "loop.yaml:2: frame front is its own parent"
    expect 3 run "$demo" --extrinsics car.yaml --frame left && one_line 'no frame "left"' "front, rear"
    expect 2 calibrate a && one_line "two inputs expected"
    expect 2 calibrate a b && one_line "--out FILE.yaml is needed"
    expect 2 calibrate a b c --out x.yaml && one_line "c: a third input"
    expect 3 calibrate a b --out x.yaml && one_line "a: cannot open"
}

results() {
    expect 0 run "$demo" --frames 0:2 --poses "$poses" --stack 2 --out moved.jsonl
    says moved.jsonl '"ego":{"stamp_ns":1735690200051'
    says moved.jsonl '"align":'
    expect 0 decode "$demo" --frames 0:2 --poses "$poses" --deskew start --out 'c_%06d.pcd'
    expect 0 run "$demo" "$demo" --frames 0:1 --merge front,rear --extrinsics car.yaml --out merged.jsonl
    says merged.jsonl '"source":"front+rear","points":126'
    sed 's/^17356902/27356902/' "$poses" >later.csv
    expect 0 run "$demo" --frames 0:2 --poses later.csv --out still.jsonl
    says err "frame 0 is not moved: later.csv: before the first pose by"
    says err "2 frames not moved (no pose for its time)"
    says still.jsonl '"frames_without_pose":2'
}

calibrates() {
    expect 0 calibrate c_000000.pcd c_000001.pcd --out e.yaml
    says err "least determined"
    grep -q 'translation: \[0.5[12]' e.yaml || wrong "expected about 0.52 m ahead in e.yaml"
    expect 0 calibrate c_000000.pcd c_000001.pcd --init e.yaml --out again.yaml
    expect 3 calibrate c_000000.pcd c_000001.pcd --init car.yaml --out never.yaml
    says err "not registered"
    [ ! -e never.yaml ] || wrong "never.yaml is there"
}

usage
results
calibrates
[ $failed = 0 ] && echo "cli motion: ok"
exit $failed
