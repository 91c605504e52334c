#!/usr/bin/env bash
# eval_ranks.sh EVAL_RANKS - an evaluation under mpirun with 1, 2 and 4 ranks gives the bytes of one process; a rank
# that is killed is named with its unit, and the rest can be resumed. Loopback only.
set -u
program=$1
command -v mpirun >/dev/null || { echo "no mpirun: skipped"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl=self,vader OMPI_MCA_oob_tcp_if_include=lo OMPI_MCA_plm=isolated OMPI_MCA_btl_vader_single_copy_mechanism=none
export ASAN_OPTIONS=detect_leaks=0 # the MPI library's
bad=0
fail() { echo "FAILED: $*"; bad=1; }
ranks() { timeout 100 mpirun -n "$@"; }

"$program" 1 - >"$folder/alone" 2>/dev/null || fail "one process"
ranks 2 "$program" 1 - >"$folder/out" 2>"$folder/err" || fail "mpirun: $(cat "$folder/err")"
grep -q "ranks 2" "$folder/err" || { grep -q "without MPI" "$folder/err" && exit 77; fail "not two ranks: $(cat "$folder/err")"; }
for n in 1 2 4; do
    for threads in 1 3; do
        ranks $n "$program" $threads - >"$folder/out" 2>"$folder/err" || fail "$n ranks: $(cat "$folder/err")"
        cmp -s "$folder/alone" "$folder/out" || fail "$n ranks, $threads threads: $(cat "$folder/out")"
    done
done

ranks 3 "$program" 1 "$folder/parts" die=25 >"$folder/out" 2>"$folder/err" && fail "a killed rank went unnoticed"
grep -q "signal 9" "$folder/err" || fail "mpirun does not tell: $(cat "$folder/err")"
ls "$folder"/parts/unit_000025.running >/dev/null || fail "nothing tells who did unit 25"
# The root's last line names the unit too, but mpirun does not always pass it on any more.
grep -q "^rank [0-2]$" "$folder/parts/unit_000025.running" || fail "the mark does not name the rank"
n_parts=$(ls "$folder"/parts/*.part | wc -l)
[ "$n_parts" -ge 10 ] || fail "only $n_parts parts were kept"
ranks 2 "$program" 1 "$folder/parts" resume >"$folder/out" 2>"$folder/err" || fail "resume: $(cat "$folder/err")"
cmp -s "$folder/alone" "$folder/out" || fail "resumed: $(cat "$folder/out")"
grep -q "scene-0025 was not finished: it was with rank" "$folder/err" || fail "resume does not name the unit"
grep -q "resumed $n_parts" "$folder/err" || fail "resumed other than $n_parts: $(cat "$folder/err")"
[ ! -e "$folder/parts" ] || fail "parts were left"
[ $bad = 0 ] && echo "ranks: ok"
exit $bad
