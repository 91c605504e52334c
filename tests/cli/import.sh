#!/usr/bin/env bash
# tests/cli/import.sh - checkpoints that want to do harm, and a model against its reference:
# import.sh GLINT SOURCE_DIR SECTION MAKE_HOSTILE SHARED SANITIZED
make_hostile=$(realpath "$4") shared=$5 sanitized=$6
. "$(dirname "$0")/expect.sh"

# Memory of a command, kB; 0 where it cannot be told.
peak_kb() {
    if [ -x /usr/bin/time ] && [ -z "$sanitized" ]; then
        /usr/bin/time -f %M -o peak "$glint" "$@" >/dev/null 2>&1
        tail -n 1 peak
    else
        echo 0
    fi
}

# Each is refused by name, with status 3, in less than 100 MB, and nothing is left behind.
hostile() {
    mkdir bad
    "$make_hostile" bad >list || wrong "make_hostile"
    while read -r file words; do
        expect 3 import "bad/$file" --out model
        one_line "$file" "$words"
        [ ! -e model ] && [ ! -e harm ] || wrong "$file: something was left behind"
        [ "$(peak_kb import "bad/$file" --out model)" -lt 100000 ] || wrong "$file: $(cat peak) kB"
        case "$words" in
        *config*) expect 0 info "bad/$file" ;;
        "no state dict"*) expect 0 info "bad/$file" ;;
        *) expect 3 info "bad/$file" && one_line "$file" ;;
        esac
    done <list
    for file in torch_zip torch_older torch_protocol5; do # and what PyTorch writes is not
        expect 0 info "$source/tests/golden/$file.pth"
        grep -q 'state_dict.module.turned F32 \[4, 3\]' out || wrong "$file: no tensors"
        expect 0 info "$source/tests/golden/$file.pth" --json
        expect 3 import "$source/tests/golden/$file.pth" --out model && one_line "no architecture known here"
    done
    printf '\x80\x02}.' >plain.pth
    expect 3 import plain.pth --out model && one_line "magic number is missing"
    expect 3 import missing.pth --out model && one_line missing.pth
    expect 3 import plain.pth --config missing.yaml --out model && one_line plain.pth
    [ ! -e model ] || wrong "a folder was left behind"
}

# An imported model is its reference; a changed one is not, and the first tensor that differs is named.
check() {
    local golden=$shared/golden/flatformer
    [ -f "$golden/tiny_weights.safetensors" ] || exit 77
    expect 2 check && one_line "no model folder given"
    expect 2 check x && one_line "--golden CASE is needed"
    expect 2 check x --golden y --tolerance 5 && one_line "--tolerance"
    expect 3 check x --golden y && one_line y
    expect 0 import "$golden/tiny_weights.safetensors" --out tiny
    expect 3 check nowhere --golden "$golden/tiny_edge_short.safetensors" && one_line nowhere
    expect 3 check tiny --golden "$golden/tiny_batch2.safetensors" && one_line "a case of 2 frames"
    for case in short border; do
        expect 0 check tiny --golden "$golden/tiny_edge_$case.safetensors" --json report.json
        grep -q 'all the same within' out || wrong "no verdict"
        grep -q '"differ": 0' report.json || wrong "no verdict in the report"
    done
    sed -i '/"neck"/s/"norm_eps": 0.001/"norm_eps": 0.1/' tiny/config.json
    expect 1 check tiny --golden "$golden/tiny_edge_short.safetensors" --json report.json
    grep -q 'the first is neck$' out || wrong "another tensor is named: $(tail -n 1 out)"
    grep -q '"first": "neck"' report.json || wrong "another tensor in the report"
}

"$section"
[ $failed = 0 ] && echo "cli import $section: ok"
exit $failed
