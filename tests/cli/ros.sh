#!/usr/bin/env bash
# tests/cli/ros.sh - ROS 2 on the command line: files written and read again, cut, killed and on a full disk; options:
# ros.sh GLINT SOURCE_DIR ros. Other people's readers and writers: tests/ros.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

demo="$source/data/demo/demo.pcap"

boxes() { # boxes FILE: what is the same for the same points, whatever the input
    sed 's/"source":"[^"]*"//; s/"coverage":[0-9.]*,//; s/"loss":.*//' "$1"
}
frames() { # frames FILE: messages of points, as info counts them
    "$glint" info "$1" 2>/dev/null | sed -n 's/.*topic \/glint\/points,.* messages \([0-9]*\).*/\1/p'
}

# Points come back as they were: the same boxes, whatever the compression.
expect 0 run "$demo" --frames 4 --out a.mcap --out a.jsonl --layout xyzircaedt --compress none
expect 0 run a.mcap --out b.jsonl
cmp -s <(boxes a.jsonl) <(boxes b.jsonl) || wrong "other boxes from a.mcap than from the capture"
expect 0 decode "$demo" --frames 4 --out 'a_%d.csv'
expect 0 decode a.mcap --topic /glint/points --out 'b_%d.csv'
for i in 0 1 2 3; do
    cmp -s a_$i.csv b_$i.csv || wrong "frame $i of a.mcap has other points"
done
expect 0 info a.mcap
grep -q 'topic /glint/detections, type vision_msgs/msg/Detection3DArray, messages 4' out || wrong "info: detections"

# Topics are chosen.
expect 0 run "$demo" --frames 2 --model none --out c.mcap --topics points,/diagnostics --compress none
expect 0 info c.mcap
[ "$(grep -c 'topic /' out)" = 2 ] || wrong "info: two topics expected"

# What is wrong is said in one line.
expect 2 run "$demo" --out d.mcap --topics points,nothing
one_line 'no topic "nothing"; known: points, detections'
expect 2 run "$demo" --out d.mcap --layout xyz
one_line 'expected xyzirc or xyzircaedt'
expect 2 run "$demo" --out d.mcap --compress zip
one_line 'zip'
expect 2 run "$demo" --out dds:none
one_line 'dds:none'
expect 3 run a.mcap --topic /nothing
one_line 'no topic /nothing; there are: /glint/points'
expect 3 run a.mcap --topic /glint/markers
one_line 'visualization_msgs/msg/MarkerArray'

# A file that is cut gives what is before, then the reason; one that was not finished gives all.
head -c 6000000 a.mcap >cut.mcap
expect 3 run cut.mcap --model none --out cut.jsonl
grep -q 'cut.mcap: cut short: the record at offset [0-9]* is not whole' err || wrong "where it is cut"
[ "$(wc -l <cut.jsonl)" = "$(frames cut.mcap)" ] && [ -s cut.jsonl ] || wrong "frames of the whole chunks"

# A full disk: the reason, and a file that is whole up to there.
(ulimit -f 5000 && "$glint" run "$demo" --model none --out full.mcap --compress none >out 2>err </dev/null)
[ $? = 1 ] || wrong "full disk: exit status 1 expected"
one_line 'full.mcap: cannot write'
expect 0 run full.mcap --model none --out full.jsonl
[ -s full.jsonl ] || wrong "full disk: nothing left"
[ ! -s err ] || wrong "full disk: the file is not whole"

echo "ros: $cases cases, $([ $failed = 0 ] && echo all as expected || echo FAILED)"
exit $failed
