#!/usr/bin/env bash
# tests/cli/eval_kitti.sh - glint eval kitti and semantickitti on the command line:
# eval_kitti.sh GLINT SOURCE_DIR kitti SHARED. Prints what differs; exit status 1 then.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
shared=$4

says() { # says FILE TEXT
    grep -qF -- "$2" "$1" || wrong "expected '$2' in $1"
}

mkdir labels results lseq rseq
car="Car 0.00 0 -1.58 587.01 173.33 614.12 230.12 1.65 1.67 3.64 -0.65 1.71 26.70 -1.59"
for i in 0 1 2 3; do
    echo "$car" >labels/00000$i.txt
    echo "$car 0.$((9 - i))" >results/00000$i.txt
done
printf '000000\n000002\n' >split

usage() {
    expect 2 eval kitti && one_line "--labels DIR expected"
    expect 2 eval kitti --labels labels && one_line "either --results DIR or --model DIR"
    expect 2 eval kitti --labels labels --results results --model x && one_line "either --results DIR or --model DIR"
    expect 2 eval kitti --labels labels --model glint-tiny && one_line "--data DIR (velodyne) and --calib DIR"
    expect 2 eval kitti --labels labels --results results --submission s && one_line "--submission: --model DIR expected"
    expect 2 eval kitti --labels labels --results results --image 10 && one_line "expected WIDTHxHEIGHT"
    expect 2 eval kitti --labels labels --results results extra && one_line "extra: an option expected"
    expect 2 eval semantickitti --labels lseq && one_line "either --results DIR or --model DIR"
    expect 0 eval kitti --help && says out "--image WxH"
}

kitti() {
    expect 0 eval kitti --labels labels --results results --json a.json --report page
    says out "Car AP_R40@0.70, 0.70, 0.70:"
    says out "3d   AP:7.5000, 7.5000, 7.5000"
    says a.json '"AP_R11":'
    says page/index.html "Average precision"
    ! grep -q "http" page/index.html || wrong "the page wants something from outside"
    expect 0 eval kitti --labels labels --results results --threads 3 --json b.json
    cmp -s a.json b.json || wrong "three threads give other numbers"
    expect 0 eval kitti --labels labels --results results --json -
    cmp -s a.json out || wrong "--json - writes something else to stdout"
    expect 0 eval kitti --labels labels --results results --split split && says out "3d   AP:2.5000"
    mv results/000003.txt kept
    expect 3 eval kitti --labels labels --results results --json c.json && one_line "results/000003.txt"
    [ ! -e c.json ] || wrong "a refused evaluation has written c.json"
    expect 0 eval kitti --labels labels --results results --split split
    sed 's/ 0.6/ much/' kept >results/000003.txt
    expect 3 eval kitti --labels labels --results results && one_line "results/000003.txt:1: score: expected a number"
    mv kept results/000003.txt
    echo 000009 >>split
    expect 3 eval kitti --labels labels --results results --split split && one_line "labels/000009.txt"
    expect 1 eval kitti --labels labels --results results --json /dev/full
}

octal() { # octal VALUE...: u32, little-endian
    for v in "$@"; do
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((v & 255)))\\$(printf %o $((v >> 8)))\\0\\0"
    done
}

semantickitti() {
    octal 10 10 40 0 >lseq/000000.label
    octal 10 40 40 10 >rseq/000000.label
    expect 0 eval semantickitti --labels lseq --results rseq --json s.json --report spage
    says out "IoU class 1 [car] = 0.500"
    says out "IoU avg 0.053"
    says s.json '"iou_road": 0.5'
    says spage/index.html "What was taken for what"
    mkdir -p d/sequences/08/labels d/sequences/10/labels p/sequences/08/predictions p/sequences/10/predictions
    cp lseq/000000.label d/sequences/08/labels/ && cp rseq/000000.label p/sequences/08/predictions/
    cp lseq/000000.label d/sequences/10/labels/ && cp lseq/000000.label p/sequences/10/predictions/
    expect 0 eval semantickitti --labels d --results p --json t.json && cmp -s s.json t.json || wrong "08 is not the default"
    expect 0 eval semantickitti --labels d --results p --sequences 08,10 && says out "[car] = 0.750"
    octal 10 40 300 10 >rseq/000000.label
    expect 3 eval semantickitti --labels lseq --results rseq && one_line "rseq/000000.label: point 2: SemanticKITTI has no label 300"
    octal 10 40 >rseq/000000.label
    expect 3 eval semantickitti --labels lseq --results rseq && one_line "2 labels, but lseq/000000.label has 4"
    rm rseq/000000.label
    expect 3 eval semantickitti --labels lseq --results rseq && one_line "rseq/000000.label"
}

# The network over real scans, in one process and under mpirun; what is written as a submission gives the same.
model() {
    local k=$shared/frames/kitti
    [ -d "$k" ] || return 0
    printf '000008\n000010\n' >few
    local run=(eval kitti --labels "$k/label_2" --split few --calib "$k/calib")
    expect 0 "${run[@]}" --model glint-tiny --data "$k/velodyne" --json m.json --report mpage --submission sub
    says out "found within 2 m"
    says m.json '"by_distance_m"'
    says mpage/index.html "data:image/png;base64,"
    says mpage/index.html "Latency"
    expect 0 "${run[@]}" --results sub --json again.json
    grep -v '^ "found_and_missed"' m.json | sed -n 1,300p >x # not head, at whose end grep would fail
    sed -n 1,300p again.json | cmp -s - x ||
        wrong "the submission gives other numbers than the model"
    [ ! -e m.json.parts ] || wrong "parts were left"
    mkdir scans && cp "$k/velodyne/000008.bin" scans/ && printf 'short' >scans/000010.bin
    expect 3 "${run[@]}" --model glint-tiny --data scans --json never.json && one_line "scans/000010.bin"
    k=$shared/frames/semantickitti
    expect 0 eval semantickitti --labels "$k" --model glint-tiny --json c.json
    says out "coarse classes"
    says c.json '"classes": "coarse"'
}

ranks() {
    has_mpi || return 0
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    export OMPI_MCA_btl=self,vader OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_plm=isolated
    export OMPI_MCA_btl_vader_single_copy_mechanism=none
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" # of the MPI library
    for n in 2 4; do
        timeout 100 mpirun -n $n "$glint" eval kitti --labels labels --results results --json r.json >out 2>err ||
            wrong "mpirun -n $n"
        cmp -s a.json r.json || wrong "$n ranks give other numbers"
    done
}

usage
kitti
semantickitti
model
ranks
echo "$cases cases"
exit $failed
