#!/usr/bin/env bash
# glint eval nuscenes on the reference data: eval_nuscenes.sh GLINT SHARED. The numbers, exit codes and words that scripts rely on.
set -u
glint=$1 data=$2/eval/nuscenes
[ -d "$data" ] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "eval_nuscenes: $*"; bad=1; }

same() { # OURS EXPECTED: every expected number to 1e-9
    python3 - "$1" "$2" <<'PY'
import json, sys
def compare(a, b, path):
    if isinstance(b, dict):
        for k in b: compare(a[k], b[k], path + "." + k)
    elif isinstance(b, list):
        assert len(a) == len(b), path
        for i, v in enumerate(b): compare(a[i], v, f"{path}[{i}]")
    elif isinstance(b, (int, float)):
        assert abs(a - b) <= 1e-9, (path, a, b)
    else:
        assert a == b, (path, a, b)
compare(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), "")
PY
}
run() { "$glint" eval nuscenes "$data/dataroot" --version v1.0-mini --split mini_val "$@"; }

for name in det_generic det_ties det_nan_velocity det_perfect det_shuffled_samples det_low_recall det_500_boxes; do
    run --results "$data/results/$name.json" --json "$work/out.json" >"$work/table" || fail "$name: exit $?"
    same "$work/out.json" "$data/expected/${name}_expected.json" || fail "$name: other numbers"
    grep -q '^NDS: 0\.' "$work/table" || fail "$name: no table"
done
run --task tracking --results "$data/results/track_generic.json" --json "$work/out.json" >/dev/null || fail "tracking: exit $?"
same "$work/out.json" "$data/expected/track_generic_expected.json" || fail "tracking: other numbers"
run --task lidarseg --results "$data/results" --json "$work/out.json" >/dev/null || fail "lidarseg: exit $?"
same "$work/out.json" "$data/expected/lidarseg_expected.json" || fail "lidarseg: other numbers"
run --results "$data/results/det_generic.json" --curves "$work/curves.json" --report "$work/page" >/dev/null || fail "curves: exit $?"
same "$work/curves.json" "$data/expected/det_generic_curves.json" || fail "curves: other numbers"
grep -q '</html>' "$work/page/index.html" || fail "report: no page"
[ "$(grep -o 'data:image/png' "$work/page/index.html" | wc -l)" = 6 ] || fail "report: six pictures of the worst samples expected"

for file in "$data"/results/reject_*.json; do
    run --results "$file" >"$work/table" 2>"$work/words"
    [ $? = 3 ] || fail "$(basename "$file"): not refused with exit code 3"
    [ "$(wc -l <"$work/words")" = 1 ] && [ ! -s "$work/table" ] || fail "$(basename "$file"): one line on stderr expected"
done

# the same with one thread and four, and from a submission that a model's run has written
for threads in 1 4; do
    run --results "$data/results/det_ties.json" --threads $threads --json "$work/threads$threads.json" >/dev/null || fail "threads: exit $?"
done
cmp -s "$work/threads1.json" "$work/threads4.json" || fail "other numbers with four threads"
run --model glint-tiny --json "$work/model.json" --submission "$work/sub.json" >/dev/null || fail "model: exit $?"
run --results "$work/sub.json" --json "$work/again.json" >/dev/null || fail "the model's submission: exit $?"
cmp -s "$work/model.json" "$work/again.json" || fail "other numbers from the model's submission"
run --task tracking --model glint-tiny --score 0.2 --json "$work/model.json" --submission "$work/tracks.json" >/dev/null || fail "tracking model: exit $?"
run --task tracking --results "$work/tracks.json" --json "$work/again.json" >/dev/null || fail "the model's tracks: exit $?"
cmp -s "$work/model.json" "$work/again.json" || fail "other numbers from the model's tracks"
for threads in 1 4; do # AMOTA of the plain nearest-centre tracker on these detections: 0.549, with 51 switches
    run --task tracking --results "$data/results/det_generic.json" --track --score 0.1 --threads $threads --json "$work/threads$threads.json" --submission "$work/tracks.json" >/dev/null || fail "tracked results: exit $?"
done
cmp -s "$work/threads1.json" "$work/threads4.json" || fail "other tracks with four threads"
run --task tracking --results "$work/tracks.json" --json "$work/again.json" >/dev/null && cmp -s "$work/threads1.json" "$work/again.json" || fail "other numbers from the tracks that were written"
python3 -c 'import json, sys; m = json.load(open(sys.argv[1])); sys.exit(not (m["amota"] > 0.57 and m["ids"] < 40))' "$work/again.json" || fail "tracks are worse than they were"
run --results "$data/results/det_generic.json" --track >/dev/null 2>&1
[ $? = 2 ] || fail "--track without the task: exit code 2 expected"
run --task lidarseg --model glint-tiny --submission "$work/seg" --json "$work/model.json" >/dev/null || fail "lidarseg model: exit $?"
run --task lidarseg --results "$work/seg" --json "$work/again.json" >/dev/null || fail "the model's lidarseg: exit $?"
cmp -s "$work/model.json" "$work/again.json" || fail "other numbers from the model's lidarseg"
file=$(ls "$work"/seg/lidarseg/mini_val/*.bin | tail -1)
printf '\0' >>"$file"
run --task lidarseg --results "$work/seg" >/dev/null 2>"$work/words"
[ $? = 3 ] && [ "$(wc -l <"$work/words")" = 1 ] && grep -q "classes of .* points, but" "$work/words" || fail "a longer label file: not refused in one line"
run --model glint-tiny --sweeps 10 >/dev/null 2>"$work/words" && fail "missing sweeps: not told"
grep -q 'sweeps/LIDAR_TOP' "$work/words" || fail "missing sweeps: not named"
run --model glint-tiny --sweeps 10 --allow-missing-sweeps >/dev/null 2>"$work/words" || fail "allowed missing sweeps: exit $?"
[ "$(grep -c 'sweeps that are there' "$work/words")" = 2 ] || [ "$(grep -c 'sweeps that are there' "$work/words")" = 1 ] || fail "missing sweeps: not told once a scene"

# without annotations, as a test split: a submission, but no numbers
mkdir -p "$work/blind/v1.0-mini"
for table in "$data"/dataroot/v1.0-mini/*.json; do ln -s "$table" "$work/blind/v1.0-mini/"; done
ln -s "$data/dataroot/samples" "$work/blind/samples"
rm "$work/blind/v1.0-mini/sample_annotation.json"
echo '[]' >"$work/blind/v1.0-mini/sample_annotation.json"
"$glint" eval nuscenes "$work/blind" --results "$data/results/det_generic.json" 2>"$work/words"
[ $? = 3 ] && grep -q 'no annotations to evaluate against' "$work/words" || fail "no annotations: not told"
"$glint" eval nuscenes "$work/blind" --model glint-tiny --submission "$work/blind.json" >"$work/table" 2>"$work/words" || fail "no annotations: exit $?"
cmp -s "$work/sub.json" "$work/blind.json" && [ ! -s "$work/table" ] || fail "no annotations: another submission, or a table"

run --results "$data/results/det_generic.json" --model glint-tiny 2>/dev/null
[ $? = 2 ] || fail "results and a model: exit code 2 expected"
run 2>/dev/null
[ $? = 2 ] || fail "neither results nor a model: exit code 2 expected"
"$glint" eval nuscenes "$data/dataroot" --split test --results "$data/results/det_generic.json" 2>"$work/words"
[ $? = 3 ] && grep -q 'none of the scenes of split test' "$work/words" || fail "another split: not told"
exit $bad
