#!/usr/bin/env python3
"""Writes the model card, FOLDER/README.md, from FOLDER/figures.json (ship.py), so that no number in it is typed.

    card.py data/models/glint-tiny
"""
import json
import pathlib
import sys

NAMES = {"car": "car", "pedestrian": "pedestrian", "cyclist": "cyclist", "truck": "truck, bus"}
BANDS = ("0-20 m", "20-40 m", "40-60 m")


def number(v, digits=2):
    return "-" if v is None else f"{v:.{digits}f}"


def rows(header, lines):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + "---|" * len(header), *("| " + " | ".join(line) + " |" for line in lines)])


def simulated_table(r):
    return rows(["class", "labels", "AP at 0.5 m", "1 m", "2 m", "4 m", "mean", *BANDS, "recall, precision at the score"],
                [[NAMES.get(c, c), str(v["labels"]), *(number(a) for a in v["ap"]), f"**{v['mean_ap']:.3f}**", *(number(v[b]["mean_ap"]) for b in BANDS),
                  f"{number(v['at_score']['recall'])}, {number(v['at_score']['precision'])} at {v['score']:g}"] for c, v in r["classes"].items()])


def simulated(figures):
    out = []
    for name, r in figures["simulated"].items():
        iou = ", ".join(f"{c} {v:.2f}" for c, v in r["points"]["iou"].items())
        out.append(f"{name[0].upper() + name[1:]} ({r['scans']} scans):\n\n{simulated_table(r)}\n\nPoint classes (IoU): {iou}; mean **{r['points']['mean_iou']:.3f}**.")
    return "\n\n".join(out)


def real_table(r, dataset):
    within = f"0-{r['rule']['within_m']:g} m"
    lines = []
    for c, bands in r["boxes"][dataset].items():
        for b in (within, *BANDS):
            t = bands.get(b)
            if t and (t["labels"] or t["false"]):
                e = t.get("median_error", {})
                lines.append([NAMES.get(c, c) if b == within else "", b, str(t["labels"]), str(t["found"]), str(t["false"]), number(t["recall"]),
                              number(t["precision"]), f"{e['centre_m']:.2f} m" if e else "", f"{100 * t['turned_around']:.0f} %" if e else ""])
    return rows(["class", "distance", "labels", "found", "false", "recall", "precision", "centre off by", "turned around"], lines)


def real(figures):
    r = figures["real"]
    kinds = {}
    for f in r["failures"]:
        kinds[f["kind"]] = kinds.get(f["kind"], 0) + 1
    frames = ", ".join(f"{n} of {d}" for d, n in r["frames"].items())
    masks = "; ".join(f"{k}: IoU {v['iou']:.2f}, recall {v['recall']:.2f} of {v['points']:,} points" for k, v in r["masks"]["all"].items())
    parts = [f"Labelled frames: {frames}; labels with {r['rule']['points']} points or more, centre within {r['rule']['radius_m']:g} m, at the scores below. None of them was trained on, "
             "nor used to choose scores.", real_table(r, "all")]
    parts += [f"{d}:\n\n{real_table(r, d)}" for d in r["frames"] if len(r["frames"]) > 1]
    parts.append(f"Masks against labelled boxes (vehicle) and geometry (ground): {masks}.")
    parts.append("Failures by kind: " + ", ".join(f"{k.replace('_', ' ')} {n}" for k, n in sorted(kinds.items())) + ".")
    return "\n\n".join(parts)


def card(folder):
    config = json.loads((folder / "config.json").read_text())
    f = json.loads((folder / "figures.json").read_text())
    t, i = f["training"], f["info"]
    lo, hi = config["input"]["sensor_height_m"]
    scores = ", ".join(f"{c} {s:g}" for c, s in zip(config["classes"], config["head"]["score"]))
    intensity = "is not used (the network sees 0)" if config["input"]["intensity"] == "unused" else f"is {config['input']['intensity']}, and may be absent"
    text = f"""# {config['name']}

Boxes of cars, pedestrians, cyclists and trucks, and a class for every point, from one sweep of any spinning LiDAR. Licence: Apache-2.0. Trained by the Glint developers on
simulated scans only; no data set's points, labels or weights are in it. This page is written by `tools/train/card.py` from `figures.json`.

- **Network**: `flatpoint`, a small relative of FlatFormer (docs/MODELS.md): {config['grid']['pillar'][0]:g} m pillars within {config['grid']['range'][3]:g} m, {config['encoder']['blocks']} block(s) of four
  grouped-attention layers, boxes at the peaks of a {config['grid']['pillar'][0] * config['bev']['stride']:g} m map, point head. {i['parameters'] / 1e6:.3f} M parameters, {i['gflop']:.1f} GFLOP for a
  made 64-beam scan of {i['points']:,} points.
- **Input**: x forward, y left, z up, origin at the sensor, mounted {lo:g} to {hi:g} m above the ground. Intensity {intensity}.
- **Trained on** {t['text']}
- **Scores**, the least ones of boxes, chosen on simulated scans alone: {scores}.

## On simulated scans
Average precision over distances of centres, labels with 5 points (pedestrian, cyclist 4; truck 8) within 50 m; recall and precision within 40 m, 10 points, 2 m.

{simulated(f)}
"""
    if "real" in f:
        text += f"\n## On real scans\n{real(f)}\n"
    text += f"""
## What it does not do
No velocity: one sweep does not tell it (`--track` does). {f.get('limits', '').strip()} Use it to see what Glint does with your data, not to drive by.
"""
    (folder / "README.md").write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    card(pathlib.Path(sys.argv[1]))
