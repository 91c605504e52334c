#!/usr/bin/env bash
# bench/soak_live.sh [MINUTES] [CAPTURE] - a live pipeline under a network with faults, for a long time: memory must stay
# flat (within 1 MiB from the fifth round on), the counts must add up, and the end must be clean. Loopback only. Needs jq.
# Default: 10 minutes. Exit status 1 when one of these fails. SOAK_JSON=FILE keeps the result.
set -euo pipefail
minutes=${1:-10}
top=$(cd "$(dirname "$0")/.." && pwd)
capture=${2:-$top/data/demo/demo.pcap}
glint=${GLINT:-$top/build/glint}
out=$(mktemp -d)
trap 'kill $live 2>/dev/null || true; rm -rf "$out"' EXIT

"$glint" live --port 42368 --address 127.0.0.1 --model none --out "$out/frames.jsonl" --json "$out/live.json" 2> "$out/live.err" &
live=$!
sleep 1
end=$(($(date +%s) + 60 * minutes))
first=0 last=0 sent=0 seed=0
while [ "$(date +%s)" -lt "$end" ]; do
    seed=$((seed + 1))
    "$glint" replay "$capture" --to 127.0.0.1:42368 --speed 10 --loss 0.01 --duplicate 0.01 --reorder 64 \
        --seed $seed --json "$out/replay.json" 2> /dev/null
    sent=$((sent + $(jq .sent "$out/replay.json")))
    last=$(awk '/VmRSS/ {print $2}' /proc/$live/status)
    [ $seed -eq 5 ] && first=$last
    : > "$out/frames.jsonl"
done
sleep 1
kill -INT $live
wait $live
jq --argjson sent "$sent" --argjson first "$first" --argjson last "$last" --argjson minutes "$minutes" --argjson rounds "$seed" '
    .packets as $p | .network as $n |
    {measures: "memory of glint live under loss, duplicates and disorder, loopback", processor, cores, commit,
     minutes: $minutes, rounds: $rounds, sent: $sent, received: $n.received, dropped: ($n.kernel_drops + $n.ring_drops),
     duplicate: $p.duplicate, lost: $p.lost, frames: .frames.published, rss_kib_early: $first, rss_kib_late: $last,
     adds_up: ($p.received == $p.decoded + $p.malformed + $p.foreign and $sent == $n.received + $n.kernel_drops),
     flat: ($last < $first + 1024)}' "$out/live.json" | tee "${SOAK_JSON:-/dev/null}" | tee "$out/soak.json"
jq -e '.adds_up and .flat' "$out/soak.json" > /dev/null
