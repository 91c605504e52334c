# tests/cli/expect.sh - what the scripts of this folder share; sourced by them with their own arguments
# GLINT SOURCE_DIR SECTION. Works in a temporary folder, which is removed at the end.
set -uo pipefail
glint=$(realpath "$1") source=$(realpath "$2") section=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export GLINT_MODELS="$source/data/models"
failed=0 cases=0

wrong() {
    echo "WRONG: $*"
    head -n 20 err | sed 's/^/    stderr: /'
    failed=1
}

# Whether commands can be run under mpirun here.
has_mpi() {
    command -v mpirun >/dev/null && "$glint" doctor | grep 'MPI *built in' >/dev/null
}

# expect CODE ARGUMENTS...: the exit status; stdout goes to ./out, stderr to ./err
expect() {
    local want=$1 got
    shift
    "$glint" "$@" >out 2>err </dev/null
    got=$?
    cases=$((cases + 1))
    [ $got = "$want" ] || wrong "glint $*: exit status $got, expected $want"
    ! grep -q 'Sanitizer\|runtime error' err || wrong "glint $*: the sanitizers complain"
}

# one_line TEXT...: stderr is one line that starts "glint: " and holds each text
one_line() {
    [ "$(wc -l <err)" = 1 ] || wrong "expected one line on stderr"
    grep -q '^glint: ' err || wrong "expected a line that begins with 'glint: '"
    for text in "$@"; do
        grep -qF -- "$text" err || wrong "expected '$text' on stderr"
    done
}
