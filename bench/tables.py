#!/usr/bin/env python3
"""Writes the tables of docs/PERFORMANCE.md from bench/results/*.json: the lines between <!-- table NAME --> and <!-- end -->."""
import glob
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESULTS = os.path.join(ROOT, "bench", "results")
DOCUMENT = os.path.join(ROOT, "docs", "PERFORMANCE.md")


def load(name):
    with open(os.path.join(RESULTS, name)) as f:
        return json.load(f)


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    return out + ["| " + " | ".join(r) + " |" for r in rows]


def ms(v):
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def ratio(v):
    return f"{v:.2f}" if v < 10 else f"{v:.0f}"


def sections(peers):
    return {s["section"]: s for s in peers["sections"] if "left_out" not in s}


def machine():
    peers = load("peers.json")
    m, c, b = peers["machine"], peers["ceilings"], peers["build"]
    flop = c["gflop_per_s"][m["isa"]]
    return [f"{m['processor']}, {m['cores']} cores, {m['isa']}, {c['clock_ghz']:.2f} GHz measured; {m['system']}; Glint {b['commit']}, "
            f"{b['compiler']}, `{b['flags']}`; {peers['time'][:10]}. Ceilings: {flop['one_thread']:.0f} GFLOP/s with one thread, "
            f"{flop['all_threads']:.0f} with {c['threads']}; triad {c['triad_gb_per_s']['one_thread']:.0f} and "
            f"{c['triad_gb_per_s']['all_threads']:.0f} GB/s. Versions of the peers: " +
            ", ".join(sorted({f"{k} {v}" for s in sections(peers).values() for k, v in s.get("versions", {}).items() if v})) + "."]


def network():
    out = []
    section = sections(load("peers.json"))["network"]
    for case in section["cases"]:
        whole, dense = case["whole"], {r["name"]: r for r in case["dense"]}
        out += [f"**{case['input']}**: {case['points']:,} points, {case['pillars']:,} pillars, {case['gflop']:.0f} of "
                f"{case['gflop_whole']:.0f} GFLOP done, {section['threads']} threads, {whole[0]['n']} rounds; peak memory "
                f"{case['peak_rss_mb']:.0f} MB, {100 * case['outside_network']:.1f} % of the frame outside the network", ""]
        rows = []
        for r in whole:
            d = dense.get(r["name"], dense.get("Glint bev + head"))
            rows.append([r["name"], ms(r["median_ms"]), f"{ms(r['min_ms'])} .. {ms(r['max_ms'])}", ratio(r["ratio"]), ms(d["median_ms"]), ratio(d["ratio"])])
        out += table(["whole frame, ms", "median", "range", "ratio", "dense part", "ratio"], rows) + [""]
    return out[:-1]


def small(name):
    out = []
    for case in sections(load("peers.json"))[name]["cases"]:
        title = ", ".join(str(case[k]) for k in ("label", "what") if k in case) + (f", IoU {case['iou']}" if "iou" in case else "")
        rows = [[r["name"], ms(r["median_ms"]), f"{ms(r['min_ms'])} .. {ms(r['max_ms'])}", ratio(r["ratio"]), r.get("note", "")] for r in case["rows"]]
        out += table([title + ", ms", "median", "range", "ratio", "result"], rows) + [""]
    return out[:-1]


def product():
    section, rows = sections(load("peers.json"))["product"], []
    for c in section["cases"]:
        whole = next(s for s in c["stages"] if s["stage"] == "to boxes")
        rows.append([c["label"], f"{c['points']:,}", str(whole["count"]), *(ms(whole[k]) for k in ("p50_ms", "p90_ms", "p99_ms", "max_ms")),
                     ms(c["cold_ms"]), f"{100 * c['outside_network']:.1f} %", f"{c['peak_rss_mb']:.0f} MB"])
    return table(["input to boxes, ms", "points", "frames", "p50", "p90", "p99", "max", "cold", "outside the network", "memory"], rows)


def limits():
    out = []
    for name in ("large.json", "default.json"):
        r = load(name)
        rows = []
        for s in r["stages"]:
            rows.append([s["stage"], ms(s["p50_ms"]), f"{s['gflop']:.2f}" if "gflop" in s else "", f"{s['gflop_per_s']:.0f}" if "gflop_per_s" in s else "",
                         f"{s['mbyte']:.1f}" if "mbyte" in s else "", f"{s['gb_per_s']:.1f}" if "gb_per_s" in s else "",
                         ms(s["limit_ms"]) if "limit_ms" in s else "", s.get("limited_by", ""), f"{100 * s['of_limit']:.0f} %" if "of_limit" in s else ""])
        share = ", ".join(f"{k} {100 * v:.0f} %" for k, v in r["computed_share"].items())
        made = r["input"].get("name", "made scan")
        out += [f"**{r['model']['name']}** on {made}: {r['points']:,} points, {r['pillars']:,} pillars, {r['threads']} threads; pixels computed: {share}; "
                f"{r['gflop']:.1f} of {r['gflop_whole']:.1f} GFLOP; cold {ms(r['cold_ms'])} ms; peak memory {r['peak_rss_bytes'] / 1e6:.0f} MB", ""]
        out += table(["stage", "p50, ms", "GFLOP", "GFLOP/s", "MB", "GB/s", "limit, ms", "by", "of limit"], rows) + [""]
    return out[:-1]


def curves():
    out, at = [], {"points_wanted": "points", "threads": "threads", "pillar_m": "pillar, m", "group": "group"}
    for title, rows in load("curves.json")["curves"].items():
        key = next(k for k in at if k in rows[0])
        stages = list(rows[0]["p50_ms"])
        body = [[f"{r[key]:,}", f"{r['pillars']:,}", f"{r['gflop']:.1f}" if "gflop" in r else "", *(ms(r["p50_ms"][s]) for s in stages),
                 f"{r['peak_rss_mb']:.0f}"] for r in rows]
        out += [f"**{title}** (medians, ms)", ""] + table([at[key], "pillars", "GFLOP", *stages, "peak MB"], body) + [""]
    return out[:-1]


def zoo():
    out = []
    for path in sorted(glob.glob(os.path.join(RESULTS, "zoo_*.json"))):
        section = load(os.path.basename(path))
        for case in section["cases"]:
            out += [f"**{section['section']}, {case['input']}**: {case['points']:,} points, {case['cells']:,} cells, {case['gflop']:.0f} GFLOP, "
                    f"{section['threads']} threads, {case['whole'][0]['n']} rounds; peak memory {case['peak_rss_mb']:.0f} MB, "
                    f"PyTorch's {case['peer_peak_mib'] * 1.048576:.0f} MB", ""]
            rows = [[r["name"], ms(r["median_ms"]), f"{ms(r['min_ms'])} .. {ms(r['max_ms'])}", ratio(r["ratio"])] for r in case["whole"]]
            out += table(["whole frame, ms", "median", "range", "ratio"], rows) + [""]
            rows = [[r["name"], ms(r["median_ms"]), f"{ms(r['min_ms'])} .. {ms(r['max_ms'])}", ratio(r["ratio"])] for r in case.get("sparse", [])]
            out += table(["of that voxels, rulebooks, sparse convolutions, ms", "median", "range", "ratio"], rows) + [""] if rows else []
    return out[:-1]


TABLES = {"machine": machine, "network": network, "voxel": lambda: small("voxel"), "nms": lambda: small("nms"),
          "decode": lambda: small("decode"), "zoo": zoo, "product": product, "limits": limits, "curves": curves}


def main():
    with open(DOCUMENT) as f:
        text = f.read()
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- table {name} -->\n).*?(<!-- end -->)", re.S)
        if not pattern.search(text):
            sys.exit(f"{DOCUMENT}: no <!-- table {name} -->")
        try:
            lines = "\n".join(make()) + "\n"
        except (KeyError, FileNotFoundError) as e:
            print(f"{name}: no result ({e}); the table stays as it is", file=sys.stderr)
            continue
        text = pattern.sub(lambda m: m.group(1) + lines + m.group(2), text)
    with open(DOCUMENT, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
