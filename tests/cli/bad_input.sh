#!/usr/bin/env bash
# tests/cli/bad_input.sh - what is broken gives one line that names file and reason, and an exit status:
# bad_input.sh GLINT SOURCE_DIR SECTION
#
# Sections: captures, points, tensors, model, config, outputs, interrupt, options. Inputs are made here from the demo
# capture and the default model. Prints what differs; exit status 1 then. Meant for every build, the
# sanitizers' above all: any report of theirs fails the case.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"
demo=$source/data/demo/demo.pcap
tiny=$GLINT_MODELS/glint-tiny

frames_in() { # frames_in FILE N: whole lines of JSON
    [ "$(wc -l <"$1")" = "$2" ] || wrong "$1: expected $2 lines, found $(wc -l <"$1")"
    ! grep -qv '^{"frame":.*}$' "$1" || wrong "$1: a line is no JSON object"
}

# le64 N, le32 N: little-endian bytes
le() {
    local k hex
    for ((k = 0; k < $1; k++)); do
        printf -v hex '\\x%02x' $((($2 >> (8 * k)) & 255))
        printf "$hex"
    done
}
le64() { le 8 "$1"; }
le32() { le 4 "$1"; }

zero='\x00\x00\x00\x00' one='\x00\x00\x80\x3f' ten='\x00\x00\x20\x41' nan='\x00\x00\xc0\x7f'
inf='\x00\x00\x80\xff' huge='\x00\x00\xc0\x7e' far='\x00\x60\x6a\x46' # -infinity, 1.3e38, 15000

good_bin() { # 64 points of KITTI
    printf "$ten$one$zero$zero%.0s" {1..64}
}

# ---- captures ----

captures() {
    local size n
    size=$(stat -c %s "$demo")
    # Records of HDL-32E are 16 + 1248 bytes behind 24 of the file; a turn has 181 packets.
    for n in 25 30 39 40 41 60 81 82 100 1287; do # in the first two records
        head -c $n "$demo" >cut.pcap
        expect 3 run cut.pcap --out boxes.jsonl
        one_line cut.pcap
        expect 3 info cut.pcap
        one_line cut.pcap
    done
    for n in 1 7 15 16 17 40 700 1263; do # in record 400: two turns are whole
        head -c $((24 + 400 * 1264 + n)) "$demo" >cut.pcap
        expect 3 run cut.pcap --out boxes.jsonl
        one_line cut.pcap truncated "record 400"
        frames_in boxes.jsonl 3
    done
    head -c 300000 "$demo" >cut.pcap
    expect 3 decode cut.pcap --out 'c_%06d.pcd'
    one_line cut.pcap truncated
    [ -s c_000000.pcd ] && [ -s c_000001.pcd ] || wrong "the points before the cut are expected"
    expect 3 decode cut.pcap --out c.csv
    one_line cut.pcap truncated
    [ "$(wc -l <c.csv)" -gt 50000 ] || wrong "the returns before the cut are expected"
    expect 3 run cut.pcap --threads 1 --out one.jsonl
    frames_in one.jsonl 2

    head -c 24 "$demo" >silent.pcap
    for n in "run silent.pcap" "info silent.pcap" "decode silent.pcap --out x.csv" \
        "decode silent.pcap --out %06d.bin" "bench decode silent.pcap"; do
        expect 3 $n
        one_line silent.pcap "no packets"
    done
    for n in 1 4 23; do
        head -c $n "$demo" >head.pcap
        expect 3 run head.pcap
        one_line head.pcap
    done
    { head -c 20 "$demo"; le32 105; tail -c +25 "$demo" | head -c 50000; } >wlan.pcap
    expect 3 run wlan.pcap
    one_line wlan.pcap "link type 105"
    # A record of 2 GiB, one of 4 GiB - 1, and packets whose bytes mean nothing.
    for n in 2147483647 4294967295; do
        { head -c 32 "$demo"; le32 $n; le32 $n; head -c 5000 /dev/zero; } >long.pcap
        expect 3 run long.pcap
        one_line long.pcap
    done
    { tail -c +25 "$demo" | head -c 8; le32 60; le32 60; tail -c +41 "$demo" | head -c 42; head -c 18 /dev/zero; } >record
    { head -c 24 "$demo"; for ((k = 0; k < 300; k++)); do cat record; done; } >foreign.pcap
    expect 3 run foreign.pcap
    one_line foreign.pcap
    expect 3 decode foreign.pcap --out x.csv
    one_line foreign.pcap
    { printf '\x0a\x0d\x0d\x0a'; le32 28; le32 439041101; head -c 16 /dev/zero; } >broken.pcapng
    expect 3 run broken.pcapng
    one_line broken.pcapng
    expect 2 run "$demo" --sensor nonsense
    one_line nonsense
    expect 3 run "$demo" --sensor hdl32e --calib nowhere.xml
    one_line nowhere.xml
    expect 3 run "$demo" --sensor hdl32e --calib .
    one_line
    expect 3 decode "$demo" --sensor hdl32e --calib . --out x.csv
    one_line
    expect 3 run "$demo" --sensor hdl32e --calib "$demo"
    one_line demo.pcap
}

# ---- points ----

pcd() { # pcd WIDTH HEIGHT POINTS KIND: a header of x y z intensity
    printf '# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\n'
    printf 'WIDTH %s\nHEIGHT %s\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS %s\nDATA %s\n' "$1" "$2" "$3" "$4"
}

bad_cloud() { # bad_cloud FILE TEXT...: refused by run, decode and info
    local file=$1
    shift
    expect 3 run "$file"
    one_line "$file" "$@"
    expect 3 decode "$file" --out 'c_%06d.bin'
    one_line "$file" "$@"
}

lying_pcds() {
    local entry
    pcd 64 1 64 binary >head
    { cat head; good_bin; } >good.pcd
    expect 0 run good.pcd
    frames_in out 1
    { pcd 65 1 65 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd "65 points"
    { pcd 63 1 63 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd "63 points"
    { pcd 64 1 65 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd "POINTS 65"
    { pcd 16000000 1 16000000 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd
    { pcd 2147483647 2147483647 4611686014132420609 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd
    { pcd -64 -1 64 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd WIDTH
    { pcd 1e3 1 64 binary; good_bin; } >lie.pcd && bad_cloud lie.pcd WIDTH
    { pcd 64 1 64 binary_lzw; good_bin; } >lie.pcd && bad_cloud lie.pcd DATA
    { pcd 64 1 64 binary_compressed; good_bin; } >lie.pcd && bad_cloud lie.pcd
    { pcd 64 1 64 binary_compressed; le32 4294967295; le32 1024; good_bin; } >lie.pcd && bad_cloud lie.pcd
    { pcd 64 1 64 binary_compressed; le32 1024; le32 1025; good_bin; } >lie.pcd && bad_cloud lie.pcd
    { pcd 64 1 64 binary_compressed; le32 1024; le32 1024; good_bin; } >lie.pcd && bad_cloud lie.pcd broken
    { pcd 16000000 1 16000000 binary_compressed; le32 64; le32 256000000; good_bin; } >lie.pcd &&
        bad_cloud lie.pcd
    { pcd 3 1 3 ascii; printf '1 2 3 0\n1 2 3 0\n'; } >lie.pcd && bad_cloud lie.pcd
    { pcd 3 1 3 ascii; printf '1 2 3 0\n1 2 3 0\n1 2 3\n'; } >lie.pcd && bad_cloud lie.pcd
    { pcd 3 1 3 ascii; printf '1 2 3 0\n1 2 x 0\n1 2 3 0\n'; } >lie.pcd && bad_cloud lie.pcd
    { pcd 3 1 3 ascii; printf '1 2 3 0\n1 2 3 0\n1 2 3 0\n1 2 3 0\n'; } >lie.pcd && bad_cloud lie.pcd
    { pcd 16000000 1 16000000 ascii; printf '1 2 3 0\n'; } >lie.pcd && bad_cloud lie.pcd
    for entry in 's/^FIELDS.*/FIELDS x y intensity ring/' 's/^FIELDS.*/FIELDS x y z/' '/^FIELDS/d' '/^SIZE/d' \
        '/^TYPE/d' '/^WIDTH/d' '/^DATA/d' 's/^SIZE.*/SIZE 4 4 4 3/' 's/^SIZE.*/SIZE 4 4 4/' \
        's/^SIZE.*/SIZE 4 4 4 4 4/' 's/^SIZE.*/SIZE 1 1 1 1/' 's/^TYPE.*/TYPE F F F Q/' \
        's/^COUNT.*/COUNT 1 1 1 0/' 's/^COUNT.*/COUNT 1 1 1 65000/' 's/^COUNT.*/COUNT 1 1 1 4294967297/' \
        's/^VERSION.*/VERZION 0.7/'; do
        { sed "$entry" head; good_bin; } >lie.pcd
        bad_cloud lie.pcd "PCD"
    done
}

points() {
    local n command
    for command in "run X" "decode X --out %06d.bin" "info X" "bench model X" "import X --out new"; do
        for n in missing.bin missing.pcap missing.pcd missing.safetensors missing/folder/x.bin; do
            expect 3 ${command/X/$n}
            one_line "$n"
        done
        for n in empty.bin empty.pcap empty.pcd empty.safetensors empty.csv; do
            : >$n
            expect 3 ${command/X/$n}
            one_line "$n"
        done
    done
    mkdir folder folder.pcap
    expect 3 import folder --out new
    one_line folder
    expect 3 import folder.pcap --config folder --out new
    one_line folder
    [ ! -e new ] || wrong "import left a folder behind"
    bad_cloud folder
    bad_cloud folder.pcap
    for n in 1 15 17 1601; do
        head -c $n /dev/zero >odd.bin
        bad_cloud odd.bin "no multiple"
        cp odd.bin odd.pcd.bin
        bad_cloud odd.pcd.bin "no multiple"
    done
    good_bin >noise.txt
    bad_cloud noise.txt "no known format"
    printf 'x,y,z,intensity,ring,offset_ns\n1,2,3,0,0\n' >short.csv
    bad_cloud short.csv "line 2"
    lying_pcds
    # No numbers, infinite, huge and far coordinates, an intensity that is no number: dropped and counted.
    { good_bin; printf "$nan$one$one$zero" "$one$inf$one$zero"; printf "$one$inf$one$zero"
        printf "$one$one$huge$zero$far$one$one$zero$one$one$one$nan"; good_bin; } >nan.bin
    expect 0 run nan.bin
    frames_in out 1
    grep -q '"points":128,.*"points_dropped":5,' out || wrong "128 points and 5 dropped are expected: $(cat out)"
    # A bad file of a folder does not stop the others.
    mkdir some
    good_bin >some/a.bin
    head -c 17 /dev/zero >some/b.bin
    good_bin >some/c.bin
    expect 3 run some
    frames_in out 2
    grep -q '"frame":2,' out || wrong "the number of the bad file stays unused"
    one_line_of b.bin
}

one_line_of() { # one line about FILE among others
    [ "$(grep -cF -- "$1" err)" = 1 ] || wrong "expected one line about $1"
}

# ---- tensors ----

st() { # st HEADER BYTES: a safetensors file with that many bytes of data
    le64 ${#1}
    printf %s "$1"
    head -c "$2" /dev/zero
}

tensors() {
    local header data
    st '{"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}' 64 >good.safetensors
    expect 0 run good.safetensors
    frames_in out 1
    while read -r data header; do
        st "$header" "$data" >bad.safetensors
        expect 3 run bad.safetensors
        one_line bad.safetensors
        expect 3 info bad.safetensors
        one_line bad.safetensors
        expect 3 import bad.safetensors --out new
        one_line bad.safetensors
    done <<'END'
60 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}
68 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}
64 {"points":{"dtype":"F32","shape":[4,5],"data_offsets":[0,64]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[64,0]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[-64,0]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[9223372036854775800,9223372036854775864]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,18446744073709551616]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64.0]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0]}}
64 {"points":{"dtype":"F32","shape":[4,4]}}
64 {"points":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,64]}}
0 {"points":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}
0 {"points":{"dtype":"F32","shape":[4611686018427387904,0],"data_offsets":[0,0]}}
64 {"points":{"dtype":"F32","shape":[-4,-4],"data_offsets":[0,64]}}
64 {"points":{"dtype":"F32","shape":[2,2,2,2,1,1,1,1,1,1,1,1,1],"data_offsets":[0,64]}}
64 {"points":{"dtype":"F33","shape":[4,4],"data_offsets":[0,64]}}
64 {"points":{"dtype":7,"shape":[4,4],"data_offsets":[0,64]}}
128 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]},"b":{"dtype":"F32","shape":[17],"data_offsets":[60,128]}}
132 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]},"b":{"dtype":"F32","shape":[16],"data_offsets":[68,132]}}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]},"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}
64 {"points":[]}
64 {"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}
64 {"__metadata__":{"config":7},"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}
64 {"__metadata__":[],"points":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}
64 []
END
    for data in 0 8 9 100000000 9223372036854775807 -1; do # header lengths
        { le64 $data; printf '{}'; } >bad.safetensors
        expect 3 run bad.safetensors
        one_line bad.safetensors
        expect 3 import bad.safetensors --out new
        one_line bad.safetensors
    done
    { for ((k = 0; k < 70; k++)); do printf '{"a":'; done; } >deep
    st "$(cat deep)" 0 >bad.safetensors
    expect 3 run bad.safetensors
    one_line bad.safetensors deeper
    st '{"points":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}}' 64 >bad.safetensors
    expect 3 run bad.safetensors
    one_line bad.safetensors points
    st '{"points":{"dtype":"F32","shape":[8,2],"data_offsets":[0,64]}}' 64 >bad.safetensors
    expect 3 run bad.safetensors
    one_line bad.safetensors points
    st '{"other":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}' 64 >bad.safetensors
    expect 3 run bad.safetensors
    one_line bad.safetensors "points"
    [ ! -e new ] || wrong "import left a folder behind"
}

# ---- a model's folder ----

bad_model() { # bad_model TEXT...: run and info refuse ./m
    expect 3 run scan.bin --model ./m
    one_line "$@"
    expect 3 info ./m
    one_line "$@"
}

model() {
    local n size
    good_bin >scan.bin
    expect 0 run scan.bin --model "$tiny"
    expect 3 run scan.bin --model ./nowhere
    one_line nowhere
    expect 3 run scan.bin --model nowhere
    one_line nowhere
    expect 3 run scan.bin --model ./scan.bin
    one_line scan.bin
    expect 3 run scan.bin --model ""
    one_line
    mkdir m
    bad_model "./m"
    cp "$tiny/config.json" m/
    bad_model model.safetensors
    mkdir m/model.safetensors
    bad_model model.safetensors
    rmdir m/model.safetensors
    size=$(stat -c %s "$tiny/model.safetensors")
    for n in 0 7 8 1000 20000 $((size / 2)) $((size - 1)); do
        head -c "$n" "$tiny/model.safetensors" >m/model.safetensors
        bad_model model.safetensors
    done
    { cat "$tiny/model.safetensors"; printf x; } >m/model.safetensors
    bad_model model.safetensors
    # A weight that is no number.
    { head -c $((size - 4)) "$tiny/model.safetensors"; printf "$nan"; } >m/model.safetensors
    bad_model model.safetensors finite
    # One tensor by another name, of another type.
    sed 's/"merge\.weight"/"murge.weight"/' "$tiny/model.safetensors" >m/model.safetensors
    bad_model model.safetensors "merge.weight"
    cp "$tiny/model.safetensors" m/
    rm m/config.json
    mkdir m/config.json
    bad_model config.json
    rmdir m/config.json
    for n in '' '{' '[]' '7' '"x"' 'null' '{}' '{"glint":1}' '{"glint":2}' '{"glint":1,"glint":1}' \
        "$(printf '{"glint":1,"arch":"\\xff"}')"; do
        printf %s "$n" >m/config.json
        bad_model config.json
    done
    { printf '{"a":'; head -c 200000 /dev/zero | tr '\0' '['; } >m/config.json
    bad_model config.json deeper
    head -c 100000 /dev/urandom >m/config.json
    bad_model config.json
}

# ---- a configuration that does not fit ----

config() {
    local edit
    good_bin >scan.bin
    mkdir m
    ln -s "$tiny/model.safetensors" m/model.safetensors
    while read -r edit; do
        sed -E "$edit" "$tiny/config.json" >m/config.json
        ! cmp -s m/config.json "$tiny/config.json" || wrong "'$edit' changes nothing"
        expect 3 run scan.bin --model ./m
        one_line ./m/
        [ $failed = 0 ] || { echo "    the edit was: $edit"; failed=1; }
    done <<'END'
s/"glint": 1/"glint": 1.0/
s/"glint": 1/"glint": "1"/
s/"flatpoint"/"flatpaint"/
s/"flatpoint"/"flatformer"/
s/"name": "glint-tiny",//
s/"classes": \[.*truck"\]/"classes": []/
s/"pedestrian", "cyclist", "truck"\]/"pedestrian", "cyclist", 7]/
s/"pedestrian", "cyclist", "truck"\]/"pedestrian", "cyclist", "car"]/
s/"pedestrian", "cyclist", "truck"\]/"pedestrian", "cyclist", "truck", "bus"]/
s/"pedestrian", "cyclist", "truck"\]/"pedestrian", "cyclist"]/
/"point_classes"/d
s/"vehicle", "pedestrian", "cyclist", "other"/"vehicle"/
s/"x", "y", "z", "intensity"/"x", "y"/
s/"x", "y", "z", "intensity"/"y", "x", "z", "intensity"/
s/"x", "y", "z", "intensity"/"x", "y", "z", "colour"/
s/"x", "y", "z", "intensity"/"x", "y", "z"/
s/"intensity": "unused"/"intensity": "0..256"/
s/\[1.5, 2.2\]/[2.2, 1.5]/
s/\[1.5, 2.2\]/[1.5]/
s/"pillar": \[0.4,/"pillar": [0,/
s/"pillar": \[0.4,/"pillar": [-0.4,/
s/"pillar": \[0.4,/"pillar": [1e-30,/
s/"pillar": \[0.4,/"pillar": [1e30,/
s/"pillar": \[0.4, 0.4/"pillar": [0.01, 0.01/
s/"pillar": \[0.4,/"pillar": [0.8,/
s/"pillar": \[0.4,/"pillar": ["0.4",/
s/"pillar": \[0.4,/"pillar": [NaN,/
s/"pillar": \[0.4,/"pillar": [Infinity,/
s/"pillar": \[0.4,/"pillar": [1e999,/
s/"range": \[-51.2,/"range": [51.2,/
s/"range": \[-51.2, -51.2/"range": [-1e30, -1e30/
s/"range": \[-51.2,/"range": [-51.2, 0,/
s/"max_pillars": 32768/"max_pillars": 0/
s/"max_pillars": 32768/"max_pillars": -1/
s/"max_pillars": 32768/"max_pillars": 2147483648/
s/"max_pillars": 32768/"max_pillars": 1e30/
s/"max_pillars": 32768/"max_pillars": 99999999999999999999/
s/"max_pillars"/"max_pilars"/
s/\[32, 64\]/[32, 63]/
s/\[32, 64\]/[16, 64]/
s/\[32, 64\]/[]/
s/\[32, 64\]/[32, 32, 32, 32, 64]/
s/\[32, 64\]/[[32], 64]/
s/\[32, 64\]/[-32, 64]/
s/, 5, 5, 0.5\]/, 5, 5]/
s/"scale": \[0.03/"scale": [1e30/
s/"dim": 64/"dim": 2147483647/
s/"dim": 64/"dim": 0/
s/"dim": 64/"dim": 128/
s/"dim": 64/"dim": "64"/
s/"heads": 4/"heads": 5/
s/"heads": 4/"heads": 0/
s/"ffn": 128/"ffn": 4096/
s/"ffn": 128/"ffn": 64/
s/"blocks": 1/"blocks": 2/
s/"blocks": 1/"blocks": 0/
s/"blocks": 1/"blocks": 1000000/
s/"window": 9/"window": 0/
s/"window": 9/"window": 1000/
s/"group": 64/"group": 0/
s/"group": 64/"group": -64/
s/"position_temperature": 100/"position_temperature": 0/
s/"layer_norm_eps": 1e-5/"layer_norm_eps": -1/
s/"stride": 2/"stride": 3/
s/"stride": 2/"stride": 0/
s/"stride": 2/"stride": 1/
s/\[48, 96\]/[48]/
s/\[48, 96\]/[2048, 2048]/
s/\[48, 96\]/[47, 96]/
s/"shared": 64/"shared": 2048/
s/"patch": 5/"patch": 4/
s/"patch": 5/"patch": 7/
s/"patch": 5/"patch": 999/
s/"hidden": 96/"hidden": 97/
s/"hidden": 32/"hidden": 0/
s/"peaks": 200/"peaks": 2000000000/
s/\("score": \[[^]]*\), [0-9.]*\],/\1],/
s/\("score": \[[^]]*\), [0-9.]*\],/\1, 1.5],/
s/\[1.5, 0.4, 0.7, 2.5\]/[-1, 0.4, 0.7, 2.5]/
s/\["car", "truck"\]/["car", "tram"]/
s/"exclusive": \["car", "truck"\]/"exclusive": "car"/
s/"head": \{/"head": {}, "haed": {/
s/"points": \{/"points": {"hidden": 32, "hidden": 32,/
END
    # A network that fits no memory says so before it takes any.
    sed -E 's/"pillar": \[0.4, 0.4/"pillar": [0.025, 0.025/; s/\[48, 96\]/[1024, 2048]/' "$tiny/config.json" \
        >m/config.json
    expect 3 run scan.bin --model ./m
    one_line ./m/config.json GB
}

# ---- outputs ----

not_written() { # not_written TEXT OPTIONS...: exit status 1, one line with TEXT
    local text=$1
    shift
    expect 1 run scan.bin "$@"
    one_line "$text"
}

outputs() {
    local n status
    good_bin >scan.bin
    for n in jsonl bin pcd csv label png; do
        mkdir -p folder.$n
        ln -sf /dev/full full.$n
        : >file.txt
        not_written folder.$n --out folder.$n
        not_written full.$n --out full.$n
        not_written x.$n --out file.txt/x.$n
        [ -L full.$n ] || wrong "full.$n: the device's name was replaced"
    done
    mkdir trace.json
    ln -s /dev/full full.json
    not_written trace.json --out x.jsonl --trace trace.json
    not_written full.json --out x.jsonl --trace full.json
    [ ! -s x.jsonl ] || wrong "x.jsonl: a trace that cannot be begun is told before the run"
    not_written file.txt --out x.jsonl --dump file.txt
    not_written file.txt --out x.jsonl --dump file.txt/below
    if [ "$(id -u)" != 0 ]; then
        mkdir locked
        chmod a-w locked
        not_written locked --out locked/x.jsonl
    fi
    expect 1 decode scan.bin --out full.pcd
    one_line full.pcd
    expect 1 decode "$demo" --out full.csv
    one_line full.csv
    # No room on the disk: whole lines stay, nothing half written keeps its name.
    (
        ulimit -f 20
        expect 1 run "$demo" --out small.jsonl
        one_line small.jsonl "cannot write"
        exit $failed
    ) || failed=1
    [ -s small.jsonl ] || wrong "small.jsonl: the frames that fitted are expected"
    frames_in small.jsonl "$(wc -l <small.jsonl)"
    (
        ulimit -f 20
        expect 1 run "$demo" --out small.png
        one_line small.png
        expect 1 decode "$demo" --out 'small_%06d.pcd'
        one_line small_000000.pcd
        exit $failed
    ) || failed=1
    for n in small.png* small_*; do
        [ ! -e "$n" ] || wrong "$n was left behind"
    done
    # A reader that goes away, standard streams that are closed.
    "$glint" run "$demo" 2>err </dev/null | head -c 100 >out
    status=${PIPESTATUS[0]}
    [ "$status" = 1 ] || wrong "closed pipe: exit status $status, expected 1"
    one_line "standard output"
    "$glint" run "$demo" 2>err >&- </dev/null && wrong "closed stdout: a failure is expected"
    one_line "standard output"
    "$glint" run missing.bin "$demo" --out x.jsonl >/dev/null 2>&- <&-
    : >err
    frames_in x.jsonl 10
    for n in "--help" "run --help" "--version" "doctor"; do
        "$glint" $n 2>err >/dev/full && wrong "$n to a full disk: a failure is expected"
        one_line "standard output"
    done
}

# Ctrl-C: soon over, whole lines, a failure that says so.
stopped() { # stopped SIGNAL OPTIONS...
    local signal=$1 inputs=() status
    shift
    for ((k = 0; k < 100; k++)); do inputs+=("$demo"); done
    rm -f stop.jsonl
    "$glint" run "${inputs[@]}" "$@" --out stop.jsonl >out 2>err </dev/null &
    for ((k = 0; k < 100; k++)); do
        [ ! -s stop.jsonl ] || break
        sleep 0.05
    done
    kill -"$signal" $!
    wait $!
    status=$?
    cases=$((cases + 1))
    [ $status = 1 ] || wrong "$signal: exit status $status, expected 1"
    grep -q '^glint: .*stopped' err || wrong "$signal: expected 'stopped'"
    frames_in stop.jsonl "$(wc -l <stop.jsonl)"
    [ "$(wc -l <stop.jsonl)" -lt 900 ] || wrong "$signal: it went on"
}

interrupt() {
    stopped INT
    stopped INT --threads 1
    stopped TERM --threads 3
}

# ---- options ----

options() {
    local n
    good_bin >scan.bin
    while read -r n; do
        expect 2 $n
        one_line
    done <<'END'
run scan.bin --frames 5:2
run scan.bin --frames 2:2
run scan.bin --frames 0
live --port 2368 --out a.jsonl --out a.jsonl
live --port 2368 --out a.jsonl --json ./a.jsonl
live --port 2368 --out - --trace a.json --calib a.json
live --port 2368 --filter udp
record --port 2368 --out a.pcap --json a.pcap
replay scan.bin --json scan.bin
run scan.bin --model none --dump d
run scan.bin --frames -1:2
run scan.bin --frames 1:2:3
run scan.bin --frames 0:99999999999999999999
run scan.bin --score nan
run scan.bin --score -0.1
run scan.bin --score 1e999
run scan.bin --score 0.5x
run scan.bin --score=
run scan.bin --threads 0
run scan.bin --threads -1
run scan.bin --threads 100000
run scan.bin --threads 4294967297
run scan.bin --threads 2.5
run scan.bin --threads two
run scan.bin --device cuda:x
run scan.bin --device cpu:0
run scan.bin --no-such
run scan.bin --stats=1
run scan.bin --out
run scan.bin --out boxes.xml
run scan.bin --out boxes
run scan.bin --out x_%06d_%06d.png
run scan.bin --out x_%s.png
run scan.bin --out x_%99999d.png
run scan.bin --out x_%n.png
run scan.bin --out a.jsonl --out a.jsonl
run scan.bin --out a.jsonl --out ./a.jsonl
run scan.bin --out - --out -
run scan.bin --out scan.bin
run scan.bin --out t.json --trace t.json
run scan.bin --out a.jsonl --trace a.jsonl
decode scan.bin
decode scan.bin --out scan.bin
decode scan.bin --out x.mcap
import scan.bin
import scan.bin scan.bin --out m
bench
bench compare one.json
bench nothing scan.bin
info
END
    expect 3 run scan.bin --labels missing.jsonl
    one_line missing.jsonl
    for n in '{' '[]' '{"frame":0}' '{"frame":-1,"boxes":[]}' '{"frame":1e30,"boxes":[]}' \
        '{"frame":0,"boxes":[{}]}' '{"frame":0,"boxes":[7]}' \
        '{"frame":0,"boxes":[{"label":"car","center":[1,2],"size":[1,1,1],"yaw":0}]}' \
        '{"frame":0,"boxes":[{"label":"car","center":[1,2,3],"size":[1,-1,1],"yaw":0}]}' \
        '{"frame":0,"boxes":[{"label":"car","center":[1,2,1e999],"size":[1,1,1],"yaw":0}]}'; do
        printf '%s\n' "$n" >labels.jsonl
        expect 3 run scan.bin --labels labels.jsonl
        one_line labels.jsonl
    done
    expect 3 run scan.bin --labels .
    one_line
    [ -e /dev/nvidiactl ] || { expect 4 run scan.bin --device cuda && one_line; }
}

"$section"
echo "$section: $cases cases, $([ $failed = 0 ] && echo all as expected || echo FAILED)"
exit $failed
