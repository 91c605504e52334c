#!/bin/sh
# Unpacks the golden cases of DSVT, CenterPoint and PTv3 once: unpack_zoo.sh ARCHIVE FOLDER
# Exit status 77 (skipped): there is no archive or no xz here; the tests that want the cases are skipped too.
archive=$1
folder=$2
[ -f "$archive" ] || { echo "$archive: not there: skipped"; exit 77; }
command -v xz >/dev/null || { echo "xz is not installed: skipped"; exit 77; }
stamp=$(cksum < "$archive") || exit 1
[ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
part=$folder.$$
trap 'rm -rf "$part"' EXIT
mkdir -p "$part" && xz -dc "$archive" | tar -xf - -C "$part" || exit 1
echo "$stamp" > "$part/stamp"
rm -rf "$folder"
mv "$part" "$folder" 2>/dev/null || [ "$(cat "$folder/stamp")" = "$stamp" ] # somebody else was first
