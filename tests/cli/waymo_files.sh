#!/usr/bin/env bash
# tests/cli/waymo_files.sh - Waymo's TFRecord files through decode, run, info and eval --model; damage with and without
# --skip-corrupt: waymo_files.sh GLINT SOURCE_DIR SHARED_DIR
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
frames=$section/eval/waymo_frames sets=$section/eval/waymo_metrics
[ -e "$frames" ] || { echo "no reference data: skipped"; exit 77; }
head='frame,laser,return,row,col,x,y,z,range,intensity,elongation,nlz,instance,semantic'

# every point of both files, in any number of threads
expect 0 decode "$frames/small.tfrecord" --out small.csv
[ "$(head -n 1 small.csv)" = "$head" ] || wrong "header of small.csv"
[ "$(wc -l <small.csv)" = 33026 ] || wrong "lines of small.csv"
expect 0 decode "$frames/small.tfrecord" --out - --threads 1
cmp -s out small.csv || wrong "one thread writes another table"
expect 0 decode "$frames/small.tfrecord" --out second.csv --frames 1:2
[ "$(cut -d, -f1 second.csv | sort -u | tr '\n' ' ')" = "1 frame " ] || wrong "--frames"
expect 0 run "$frames/full.tfrecord" --model none
grep -q '"points":566766,' out || wrong "points of full.tfrecord"
expect 0 info "$frames/small.tfrecord" --json
grep -q '"labels_vehicle": 24' out || wrong "labels of small.tfrecord"
mkdir folder && cp "$frames/small.tfrecord" folder/a.tfrecord && cp "$frames/full.tfrecord" folder/b.tfrecord
expect 0 run folder --model none
[ "$(wc -l <out)" = 4 ] || wrong "frames of a folder"

# damage: file, record, byte, exit status 3; counted when it is to be skipped
while read -r name good reason; do
    for command in "decode $frames/$name.tfrecord --out x.csv" "run $frames/$name.tfrecord --model none" "info $frames/$name.tfrecord"; do
        # shellcheck disable=SC2086
        expect 3 $command
        grep -qF "$name.tfrecord: $reason" err || wrong "$command: '$reason' expected"
        # shellcheck disable=SC2086
        expect 0 $command --skip-corrupt
        grep -qF "1 damaged record skipped" err || grep -q "damaged_records *1" out || wrong "$command --skip-corrupt: no count"
    done
    [ "$(grep -c '' x.csv)" = $((1 + good)) ] || wrong "$name: points of the good records"
done <<'CASES'
bad_data_crc 10988 record 1 at byte 55447: its 53049 bytes of payload have checksum
bad_length_crc 0 record 0 at byte 0: its length has checksum
truncated 0 record 0 at byte 0: its payload of 53049 bytes and checksum are cut
empty 0 empty file: no record at byte 0
CASES

# segments -> network -> results -> metric, and the same from the files it wrote
waymo="eval waymo --model glint-tiny --score 0.02"
# shellcheck disable=SC2086
expect 0 $waymo --data folder --save boxes.bin --submission sent.bin --account a@b.c --method test --json one.json
expect 0 eval waymo --ground-truth folder/a.tfrecord folder/b.tfrecord --results boxes.bin --json saved.json
cmp -s one.json saved.json || wrong "results that were saved give other numbers"
expect 0 eval waymo --ground-truth folder/a.tfrecord folder/b.tfrecord --results sent.bin --json sent.json
cmp -s one.json sent.json || wrong "the submission gives other numbers"
# shellcheck disable=SC2086
expect 0 $waymo --data folder --json paged.json --report page
cmp -s one.json paged.json || wrong "--report changes the numbers"
for text in 'Found and missed' 'by distance' 'by number of points' 'Worst frames' Latency p99; do
    grep -q "$text" page/index.html || wrong "no '$text' on the page"
done
[ "$(grep -c 'data:image/png' page/index.html)" -gt 0 ] || wrong "no picture on the page"
! grep -q 'boxes alone)' page/index.html || wrong "frames without their points"
if has_mpi; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_btl=self,vader OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_plm=isolated
    export OMPI_MCA_btl_vader_single_copy_mechanism=none ASAN_OPTIONS=detect_leaks=0 # the MPI library's
    # shellcheck disable=SC2086
    timeout 200 mpirun -n 2 "$glint" $waymo --data folder --save two.bin --json two.json --report two --threads 1 >out 2>err || wrong "mpirun"
    cmp -s one.json two.json && cmp -s boxes.bin two.bin || wrong "two ranks give other bytes"
    grep -q '<td>4</td>' two/index.html || wrong "times of four frames expected from two ranks"
fi
# A model that begins a track at any box, whatever weights it has.
cp -r "$source/data/models/glint-tiny" eager
sed -i 's/"birth_score": [0-9.]*/"birth_score": 0.0001/; s/"keep_score": [0-9.]*/"keep_score": 0.0001/' eager/config.json
expect 0 eval waymo --model ./eager --data folder --mode tracking --score 0.0001 --save tracks.bin
[ -s tracks.bin ] || wrong "no tracks"
expect 0 eval waymo --mode tracking --ground-truth folder/*.tfrecord --results tracks.bin
cp "$frames/bad_data_crc.tfrecord" folder/c.tfrecord
# shellcheck disable=SC2086
expect 3 $waymo --data folder --json bad.json
grep -qF "c.tfrecord: record 1 at byte 55447" err || wrong "the damaged file is not named"
expect 2 eval waymo --model glint-tiny --json x.json
expect 2 eval waymo --model glint-tiny --data folder --mode segmentation
expect 2 eval waymo --model glint-tiny --data folder --submission s.bin

# what the dataset's server would refuse
printf '\x08\x02' >head.bin
expect 3 eval waymo --ground-truth "$sets/generic_gt.bin" --results head.bin
one_line "head.bin: no account_name"

echo "$cases cases"
exit $failed
