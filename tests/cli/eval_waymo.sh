#!/usr/bin/env bash
# tests/cli/eval_waymo.sh - glint eval waymo: official numbers as JSON and as printed, the same with any number of
# threads and ranks, and what is refused: eval_waymo.sh GLINT SOURCE_DIR SHARED_DIR
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
here=$source/tests/cli eval=$section/eval
[ -e "$eval/waymo_fake" ] || { echo "no reference data: skipped"; exit 77; }
fake=$eval/waymo_fake sets=$eval/waymo_metrics

waymo() { # waymo MODE TRUTH RESULTS EXPECTED OPTIONS...
    local mode=$1 truth=$2 results=$3 expected=$4
    shift 4
    expect 0 eval waymo --mode "$mode" --ground-truth "$truth" --results "$results" --json got.json "$@"
    python3 "$here/waymo_json.py" "$expected" got.json || wrong "$mode of $truth"
}

for mode in det3d bev2d extra3d; do
    waymo $mode "$fake/fake_ground_truths.bin" "$fake/fake_predictions.bin" "$fake/fake_${mode}_expected.json"
    waymo $mode "$sets/generic_gt.bin" "$sets/generic_pred.bin" "$sets/generic_${mode}_expected.json"
    waymo $mode "$eval/waymo_frames/generic_labels.tfrecord" "$sets/generic_pred.bin" "$sets/generic_${mode}_expected.json"
done
waymo tracking "$fake/fake_ground_truths.bin" "$fake/fake_predictions.bin" "$fake/fake_track_expected.json"
waymo tracking "$sets/generic_gt.bin" "$sets/generic_pred.bin" "$sets/generic_track_expected.json"
waymo segmentation "$fake/fake_segmentation_groundtruths.bin" "$fake/fake_segmentation_predictions.bin" \
    "$fake/fake_segmentation_expected.json"
waymo segmentation "$sets/seg_gt.bin" "$sets/seg_pred.bin" "$sets/seg_expected.json" --report page
grep -q TYPE_CURB page/index.html || wrong "no page"
for truth in "$sets"/case_*_gt.bin; do
    waymo det3d "$truth" "${truth%_gt.bin}_pred.bin" "${truth%_gt.bin}_det3d_expected.json"
done

# what the official tool prints, digit by digit
expect 0 eval waymo --ground-truth "$fake/fake_ground_truths.bin" --results "$fake/fake_predictions.bin" --report page
grep 'mAP' out | cmp -s - "$fake/fake_det3d_printed_reference.txt" || wrong "printed lines differ"
grep -q 'mean of these  *0.1125 ' out || wrong "no summary"
grep -q '<svg' page/index.html || wrong "no curves on the page"

# a page with what was found and the worst frames, which changes no number; points where there are TFRecords
for truth in "$sets/generic_gt.bin" "$eval/waymo_frames/generic_labels.tfrecord"; do
    expect 0 eval waymo --ground-truth "$truth" --results "$sets/generic_pred.bin" --json bare.json
    expect 0 eval waymo --ground-truth "$truth" --results "$sets/generic_pred.bin" --json paged.json --report page
    cmp -s bare.json paged.json || wrong "--report changes the numbers"
    for text in 'Found and missed' 'by distance' 'by number of points' 'Worst frames' 'data:image/png' 'boxes alone)'; do
        grep -q "$text" page/index.html || wrong "no '$text' on the page of $truth"
    done
    ! grep -q 'Latency' page/index.html || wrong "times without a network"
done

# threads and ranks
for threads in 1 2 5; do
    expect 0 eval waymo --ground-truth "$sets/generic_gt.bin" --results "$sets/generic_pred.bin" --json $threads.json \
        --threads $threads
    cmp -s 1.json $threads.json || wrong "$threads threads give other bytes"
done
if has_mpi; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_btl=self,vader OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_plm=isolated
    export OMPI_MCA_btl_vader_single_copy_mechanism=none ASAN_OPTIONS=detect_leaks=0 # the MPI library's
    for mode in det3d tracking; do
        expect 0 eval waymo --mode $mode --ground-truth "$sets/generic_gt.bin" --results "$sets/generic_pred.bin" --json one.json
        timeout 100 mpirun -n 2 "$glint" eval waymo --mode $mode --ground-truth "$sets/generic_gt.bin" \
            --results "$sets/generic_pred.bin" --json two.json --threads 1 >out 2>err || wrong "mpirun"
        cmp -s one.json two.json || wrong "$mode: two ranks give other bytes"
    done
fi

# refused
truth=$sets/generic_gt.bin
expect 3 eval waymo --ground-truth absent.bin --results "$truth"
one_line absent.bin
head -c 100001 "$truth" >cut.bin
expect 3 eval waymo --ground-truth "$truth" --results cut.bin
one_line cut.bin byte
: >empty.bin
expect 3 eval waymo --ground-truth empty.bin --results "$truth"
one_line empty.bin 'no labelled object'
expect 0 eval waymo --ground-truth "$truth" --results empty.bin
for file in bad_data_crc bad_length_crc truncated empty; do
    expect 3 eval waymo --ground-truth "$eval/waymo_frames/$file.tfrecord" --results "$truth"
    one_line "$file.tfrecord"
done
frames=$eval/waymo_frames
expect 0 eval waymo --ground-truth "$frames/bad_data_crc.tfrecord" --results empty.bin --skip-corrupt
grep -q '^glint: 1 damaged records' err || wrong "damage is not counted"
expect 0 eval waymo --ground-truth "$frames/generic_labels.tfrecord" "$frames/small.tfrecord" --results empty.bin
cat "$truth" "$truth" >twice.bin
expect 3 eval waymo --mode tracking --ground-truth twice.bin --results empty.bin --threads 1
grep -q 'twice.bin: byte [0-9]*: a second labelled object' err || wrong "two of one id"
printf '\x0a\x0d\x0a\x0b\x0a\x09\x09\x00\x00\x00\x00\x00\x00\xf8\x7f' >nan.bin
expect 3 eval waymo --ground-truth "$truth" --results nan.bin
one_line 'nan.bin: byte 6: a box has a value that is not finite'
expect 2 eval waymo --results "$truth"
one_line --ground-truth
expect 2 eval waymo --ground-truth "$truth"
one_line --results
expect 2 eval waymo --ground-truth "$truth" --results "$truth" --mode tracing
one_line tracing 'did you mean tracking'
expect 2 eval waymo --ground-truth "$truth" --results "$truth" --json "$truth"
head -c 5000 "$sets/seg_pred.bin" >cut.bin
expect 3 eval waymo --mode segmentation --ground-truth "$sets/seg_gt.bin" --results cut.bin
one_line cut.bin byte

[ $failed = 0 ] && echo "$cases cases: ok"
exit $failed
