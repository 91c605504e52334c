#!/usr/bin/env python3
"""A dump of `glint run --dump` against a golden case, tensor by tensor. Needs numpy; without it exit status 77 (skipped).

    compare.py GOLDEN.safetensors DUMP.safetensors [--tol 1e-5] [--map-tol 2e-5] [--loose] [--dropfirst] [--require NAME,...]

The dump holds every tensor whole; a golden case holds selected rows and crops of the big ones:
  coords [P,4] (batch, z, y, x) in any order      perm.NAME, pillar_count: by those rows
  tokens [P,C] (vfe.out, pe, enc.bB.lL)           golden: the rows `rows`, and sum and norm of every row
  points [N,C] (vfe.in, vfe.l0.point)             golden: the points `pt_rows`; found in the dump by their values in vfe.in
  groups (enc.*.first_group, flat2win)            whole
  maps [ch,H,W] (backbone.*, neck, head.*)        golden: the crop `X.win`, the corners `X.tl` and `X.br`, `X.stats` of all
  dec.* and det.*                                 matched as sets by label, score and place
In a batch maps and detections carry the prefix item0., item1., ...
--dropfirst compares with the variant whose first pillar is lost (the CUDA reference): the dump comes from such a run.
--loose is for reduced precision: tolerance 1e-2, and detections are matched (>= 99 %) instead of equal.
Tensors that only the golden case has are listed; they are an error when --require names them.
Exit status: 0 all equal within tolerance, 1 something differs or is missing, 2 unusable files.
"""
import argparse
import json
import re
import sys

try:
    import numpy as np
except ImportError:
    print("compare.py: numpy is not installed: skipped", file=sys.stderr)
    sys.exit(77)

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
          "U16": "<u2", "U32": "<u4", "BOOL": "?"}
ALWAYS = ("coords,perm.x,perm.x_shift,perm.y,perm.y_shift,vfe.out,backbone.out0,backbone.out1,neck,head.heatmap,head.reg,"
          "dec.boxes,det.boxes")
POINT_TENSORS = re.compile(r"vfe\.(in|l\d+\.point)$")
GROUP_TENSORS = re.compile(r".*\.(first_group|last_group)$")
WHOLE_INTEGERS = re.compile(r"(flat2win|win2flat|rejected(\.\d+)?)$")
PARTS = (".win", ".stats", ".tl", ".br", ".rowsum", ".rownorm")
SUM_TOLERANCE = 1e-3  # the sum of a normalised row cancels: absolute
STATS_FACTOR = 5      # of a whole map's mean and maximum against the map's own tolerance


def read(path):
    """Tensors by name; numbers of unknown types are left out."""
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + n])
    head.pop("__metadata__", None)
    out = {}
    for name, entry in head.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + n + begin : 8 + n + end]
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
        else:
            values = np.frombuffer(raw, DTYPES[entry["dtype"]])
        out[name] = values.reshape(entry["shape"])
    return out


def relative_error(got, want):
    """||got - want|| / ||want||; infinite where shapes or the places of NaN and infinity differ."""
    got, want = np.asarray(got, "f8"), np.asarray(want, "f8")
    if got.shape != want.shape or not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return float("inf")
    finite = np.isfinite(want)
    got, want = got[finite], want[finite]
    norm = np.linalg.norm(want)
    return float(np.linalg.norm(got - want) / norm) if norm > 0 else float(np.linalg.norm(got))


def exact(same):
    return 0.0 if same else float("inf")


class Report:
    def __init__(self):
        self.rows = []

    def add(self, name, error, tol, note=""):
        self.rows.append((name, error <= tol, error, tol, note))

    @property
    def failed(self):
        return sum(not row[1] for row in self.rows)

    def show(self):
        for name, ok, error, tol, note in self.rows:
            print(f"{'ok' if ok else 'FAIL':5s} {name:38s} {error:10.3e}  tol {tol:7.1e}  {note}")


class Tokens:
    """Which row of the dump is which pillar of the golden case."""

    def __init__(self, want, got):
        want_index = {tuple(map(int, c)): i for i, c in enumerate(want)}
        got_index = {tuple(map(int, c)): i for i, c in enumerate(got)}
        self.same = len(want_index) == len(want) and len(got_index) == len(got) and want_index.keys() == got_index.keys()
        self.to_dump = np.array([got_index[c] for c in want_index], "i8") if self.same else None
        self.n = len(want)


def first_pillars(coords):
    """Rows of the smallest (z, y, x) of each frame."""
    best = {}
    for i, c in enumerate(coords):
        b, place = int(c[0]), tuple(map(int, c[1:]))
        if b not in best or place < best[b][0]:
            best[b] = (place, i)
    return sorted(i for _, i in best.values())


def candidates_of(rows, dump_rows, n_features):
    """For each row the dump's rows with the same first features, bit for bit."""
    places = {}
    for i, row in enumerate(np.ascontiguousarray(dump_rows[:, :n_features], "<f4")):
        places.setdefault(row.tobytes(), []).append(i)
    return [places.get(row.tobytes(), []) for row in np.ascontiguousarray(rows[:, :n_features], "<f4")]


def match_points(golden, dump):
    """The dump's row of each dumped golden point, or None. Points that occur twice (also in another frame of the batch)
    are told apart by their decoration."""
    if "vfe.in" not in golden or "vfe.in" not in dump:
        return None
    want, got = golden["vfe.in"], dump["vfe.in"]
    if want.shape[1] != got.shape[1]:
        return None
    out = []
    for row, places in zip(want, candidates_of(want, got, want.shape[1] - 6)):
        if not places:
            return None
        out.append(places[int(np.abs(got[places].astype("f8") - row).max(1).argmin())])
    return np.array(out, "i8")


def compare_tokens(report, name, got, golden, rows, tokens, args):
    report.add(name, relative_error(got[tokens.to_dump[rows]], golden[name]), args.tol)
    whole = got[tokens.to_dump].astype("f8")
    if name + ".rownorm" in golden:
        report.add(name + " (norm of all rows)", relative_error(np.linalg.norm(whole, axis=1), golden[name + ".rownorm"]), args.tol)
    if name + ".rowsum" in golden and not args.loose:
        error = np.abs(whole.sum(1) - golden[name + ".rowsum"])
        report.add(name + " (sum of all rows)", float(error.max()) if len(error) else 0.0, SUM_TOLERANCE)


def compare_map(report, name, got, golden, args):
    want = golden[name]
    if name + ".win" not in golden:
        report.add(name, relative_error(got, want), args.map_tol)
        return
    y, x, h, w = map(int, golden[name + ".win"])
    report.add(name, relative_error(got[:, y : y + h, x : x + w], want), args.map_tol)
    for corner, part in ((".tl", got[:, :8, :8]), (".br", got[:, -8:, -8:])):
        if name + corner in golden:
            report.add(name + corner, relative_error(part, golden[name + corner]), args.map_tol)
    whole = got.astype("f8")
    stats = np.stack([whole.mean((1, 2)), np.abs(whole).mean((1, 2)), np.abs(whole).max((1, 2))], 1)
    report.add(name + " (whole map)", relative_error(stats, golden[name + ".stats"]), args.map_tol * STATS_FACTOR)


def compare_detections(report, golden, dump, want_prefix, got_prefix, args):
    boxes, want = (t.astype("f8").reshape(-1, 9) for t in (dump[got_prefix + ".boxes"], golden[want_prefix + ".boxes"]))
    labels, want_labels = dump[got_prefix + ".labels"].ravel(), golden[want_prefix + ".labels"].ravel()
    scores, want_scores = dump[got_prefix + ".scores"].ravel(), golden[want_prefix + ".scores"].ravel()
    place_tol, score_tol = (0.05, 0.02) if args.loose else (1e-3, max(args.tol, 1e-5))
    free, matched, worst, worst_yaw = np.ones(len(boxes), bool), 0, 0.0, 0.0
    for box, label, score in zip(want, want_labels, want_scores):
        near = np.nonzero(free & (labels == label) & (np.abs(scores - score) <= score_tol))[0]
        error = np.abs(boxes[near][:, :6] - box[:6]).max(1) if len(near) else np.array([np.inf])
        if error.min() > place_tol:
            continue
        best = int(near[error.argmin()])
        free[best] = False
        matched += 1
        worst = max(worst, float(error.min()))
        worst_yaw = max(worst_yaw, abs(float((boxes[best][6] - box[6] + np.pi) % (2 * np.pi) - np.pi)))
    share = (max(len(want), len(boxes)) - matched) / max(len(want), 1)
    report.add(want_prefix, share, 0.01 if args.loose else 0.0,
               f"{matched} of {len(want)} found, {len(boxes) - matched} extra, box {worst:.1e} m, yaw {worst_yaw:.1e} rad")


def compare_case(report, golden, dump, args):
    tokens = Tokens(golden["coords"], dump["coords"]) if "coords" in golden and "coords" in dump else None
    if tokens:
        report.add("coords", exact(tokens.same), 0.0, f"{tokens.n} pillars, dump {len(dump['coords'])}")
    has_tokens = bool(tokens and tokens.same)
    rows, points = golden.get("rows"), match_points(golden, dump)
    if "vfe.in" in dump and "vfe.in" in golden and points is None:
        report.add("vfe.in", float("inf"), args.tol, "points of the golden case are not in the dump")
    back = np.argsort(tokens.to_dump) if has_tokens else None
    for name, want in golden.items():
        got = dump.get(name)
        if got is None or name in ("coords", "rows", "pt_rows") or name.endswith(PARTS) or name.startswith("points"):
            continue
        if name.startswith("perm."):
            same = has_tokens and got.shape == want.shape and np.array_equal(back[got.astype("i8")], want)
            report.add(name, exact(same), 0.0)
        elif name == "pillar_count":
            report.add(name, exact(has_tokens and got.shape == want.shape and np.array_equal(got[tokens.to_dump], want)), 0.0)
        elif WHOLE_INTEGERS.match(name):
            report.add(name, exact(np.array_equal(got, want)), 0.0)
        elif GROUP_TENSORS.match(name):
            report.add(name, relative_error(got, want), args.tol)
        elif POINT_TENSORS.match(name):
            if points is not None:
                report.add(name, relative_error(got[points], want), args.tol)
        elif want.ndim == 3:
            compare_map(report, name, got, golden, args)
        elif want.ndim == 2 and rows is not None and len(want) == len(rows) and has_tokens and len(got) == tokens.n:
            compare_tokens(report, name, got, golden, rows, tokens, args)
    for name in golden:
        match = re.match(r"((item\d+\.)?(dec|det))\.boxes$", name)
        if match and name in dump:
            compare_detections(report, golden, dump, match.group(1), match.group(1), args)


def compare_dropfirst(report, golden, dump, args):
    """The variant has no coords of its own: those of the case without the first pillar of each frame."""
    coords = np.delete(golden["coords"], first_pillars(golden["coords"]), axis=0)
    tokens = Tokens(coords, dump["coords"])
    report.add("dropfirst.coords", exact(tokens.same), 0.0, f"{tokens.n} pillars, dump {len(dump['coords'])}")
    layers = sorted((tuple(map(int, m.groups())), n) for n in dump if (m := re.match(r"enc\.b(\d+)\.l(\d+)$", n)))
    sources = {"dropfirst.vfe.out": "vfe.out", "dropfirst.enc.out": layers[-1][1] if layers else ""}
    for name, source in sources.items():
        if tokens.same and source in dump:
            compare_tokens(report, name, dump[source], golden, golden["dropfirst.rows"], tokens, args)
    for kind in ("dec", "det"):
        if kind + ".boxes" in dump:
            compare_detections(report, golden, dump, "dropfirst." + kind, kind, args)


def missing(golden, dump, required):
    """Required names of the case, with their items in a batch, that the dump has not."""
    names = [n for n in golden if re.sub(r"^item\d+\.", "", n) in required]
    return [n for n in names if n not in dump]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("golden")
    p.add_argument("dump")
    p.add_argument("--tol", type=float, default=1e-5)
    p.add_argument("--map-tol", type=float, default=2e-5)
    p.add_argument("--loose", action="store_true")
    p.add_argument("--dropfirst", action="store_true")
    p.add_argument("--require", default=ALWAYS)
    args = p.parse_args()
    if args.loose:
        args.tol = args.map_tol = 1e-2
    try:
        golden, dump = read(args.golden), read(args.dump)
    except (OSError, ValueError, KeyError) as e:
        print(f"cannot read: {e}", file=sys.stderr)
        return 2
    report = Report()
    for name in missing(golden, dump, args.require.split(",")):
        report.add(name, float("inf"), 0.0, "missing from the dump")
    if args.dropfirst and "dropfirst.rows" not in golden:
        print(f"{args.golden}: no dropfirst variant in this case", file=sys.stderr)
        return 2
    (compare_dropfirst if args.dropfirst else compare_case)(report, golden, dump, args)
    report.show()
    only = sorted(n for n in golden if n not in dump and not n.endswith(PARTS) and not n.startswith(("dropfirst", "points"))
                  and n not in ("rows", "pt_rows"))
    if only and not args.dropfirst:
        print("not in the dump: " + " ".join(only))
    print(f"{len(report.rows) - report.failed} equal, {report.failed} differ")
    return 1 if report.failed or not report.rows else 0


if __name__ == "__main__":
    sys.exit(main())
