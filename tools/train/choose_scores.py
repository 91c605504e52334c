#!/usr/bin/env python3
"""The least score of each class, from simulated scans alone: that of the best F value there.

    choose_scores.py --model run/last.pt --json scores.json
    choose_scores.py --model data/models/glint-tiny --glint build/glint --write    # into the folder's config.json

Seeds are others than those of training and of validate.py. Labels count as on real scans: 10 points, within 40 m, found within 2 m.
--beta weighs recall against precision (1: alike); 0.5 asks for precision.
"""
import json
import pathlib

import numpy as np

import held_out
import validate
from metrics import curve


def best(scores, recall, precision, beta):
    """The least score that keeps the best F value, and what it gives; scores fall."""
    f = (1 + beta ** 2) * precision * recall / np.maximum(1e-9, beta ** 2 * precision + recall)
    k = int(np.argmax(f))
    return {"score": round(float(scores[k]), 3), "recall": round(float(recall[k]), 4), "precision": round(float(precision[k]), 4)}


def write(folder, scores):
    """Scores into head.score and the tracker's birth scores, the rest of the file as it is."""
    path = pathlib.Path(folder) / "config.json"
    text = path.read_text()
    config = json.loads(text)
    old = config["head"]["score"]
    text = text.replace(f'"score": {json.dumps(old)}', f'"score": {json.dumps(scores)}', 1)
    for name, a, b in zip(config["classes"], old, scores):
        text = text.replace(f'"{name}": {{"birth_score": {a:g}}}', f'"{name}": {{"birth_score": {b:g}}}', 1)
    if json.loads(text)["head"]["score"] != scores:
        raise ValueError(f"{path}: head.score is not where it was expected")
    path.write_text(text)


def main():
    p = validate.arguments(__doc__)
    p.add_argument("--beta", type=float, default=1.0)
    p.add_argument("--write", action="store_true", help="into the model folder's config.json")
    args = p.parse_args()
    config = validate.config_of(args)
    detector = validate.detector_of(args, config)
    frames = [(rows, s.boxes, validate.points_of(s)) for s, rows, _ in validate.run(detector, held_out.scans_of(held_out.CHOOSE, args.scans))]
    out = {}
    for i, name in enumerate(config.classes):
        scores, recall, precision, labels = curve(frames, i, 2.0, (0, 40), 10)
        out[name] = {**best(scores, recall, precision, args.beta), "labels": labels} if labels and len(scores) else {"score": config.score[i], "labels": labels}
        print(f"{name:12s}", out[name])
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"beta": args.beta, "scans": args.scans, "classes": out}, indent=1))
    if args.write:
        write(args.model, [round(out[c]["score"], 2) for c in config.classes])


if __name__ == "__main__":
    main()
