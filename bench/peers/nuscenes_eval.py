#!/usr/bin/env python3
"""nuScenes evaluation: `glint eval nuscenes` against the official devkit, on the same made data in the same run.

    python3 -m venv venv && venv/bin/pip install nuscenes-devkit
    python3 nuscenes_make.py evaluation DATA && python3 nuscenes_make.py tables TABLES
    python3 nuscenes_eval.py --data DATA --tables TABLES --devkit venv/bin/python --json ../results/eval_nuscenes.json

DATA has the 6,019 samples of a val split and a result file of some 250 boxes each. Both read tables and results and print mAP and NDS;
the devkit without its plots. Seconds are of the processor (user and system, all threads), so that other work on the machine does
not count; wall times are given beside. Glint runs before and after the devkit. The numbers of both must agree to 1e-9."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DEVKIT = """
import json, sys
from nuscenes import NuScenes
from nuscenes.eval.common.config import config_factory
from nuscenes.eval.detection.evaluate import DetectionEval
root, out = sys.argv[1:]
n = NuScenes('v1.0-trainval', root, verbose=False)
e = DetectionEval(n, config_factory('detection_cvpr_2019'), root + '/results.json', 'val', out, verbose=False)
json.dump(e.evaluate()[0].serialize(), open(out + '/summary.json', 'w'))
"""


def run(command):
    """Processor and wall seconds, peak memory in MB."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            err.seek(0)
            sys.exit(f"{' '.join(command)}: {err.read().decode()[-2000:]}")
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": time.perf_counter() - begun, "peak_mb": usage.ru_maxrss / 1024}


def medians(runs):
    return {k: round(statistics.median(r[k] for r in runs), 3) for k in runs[0]} | {"runs": len(runs)}


def same(ours, theirs, path=""):
    """The largest difference of any number of the summary."""
    if isinstance(theirs, dict):
        return max([same(ours[k], v, f"{path}.{k}") for k, v in theirs.items() if k in ours] or [0.0])
    if ours is None or theirs is None or theirs != theirs:
        return 0.0 if ours is None and (theirs is None or theirs != theirs) else sys.exit(f"{path}: {ours} and {theirs}")
    return abs(ours - theirs) if isinstance(theirs, (int, float)) else 0.0


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--glint", default=os.path.join(ROOT, "build", "glint"))
    ap.add_argument("--data", required=True)
    ap.add_argument("--tables", help="full trainval tables: how long Glint takes to read them")
    ap.add_argument("--devkit", required=True, help="a Python that has nuscenes-devkit")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--json")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as out:
        ours = [args.glint, "eval", "nuscenes", args.data, "--results", args.data + "/results.json", "--json", out + "/ours.json"]
        glint = [run(ours) for _ in range(args.rounds)]
        devkit = [run([args.devkit, "-c", DEVKIT, args.data, out])]
        glint += [run(ours) for _ in range(args.rounds)]
        a, b = json.load(open(out + "/ours.json")), json.load(open(out + "/summary.json"))
        result = {"machine": platform.processor() or platform.machine(), "cpu": cpu(), "cores": os.cpu_count(), "samples": 6019,
                  "results_mb": round(os.path.getsize(args.data + "/results.json") / 1e6), "boxes": sum(a["num_pred_after_filter"].values()),
                  "mean_ap": a["mean_ap"], "nd_score": a["nd_score"], "largest_difference": same(a, b),
                  "glint": medians(glint), "devkit": medians(devkit)}
        result["ratio_cpu"] = round(result["devkit"]["cpu_s"] / result["glint"]["cpu_s"], 1)
        result["ratio_wall"] = round(result["devkit"]["wall_s"] / result["glint"]["wall_s"], 1)
        if args.tables: # a result file that misses all samples: the tables are read, then it is refused
            result["tables"] = medians([tables(args, out) for _ in range(args.rounds)])
            result["tables"]["mb"] = round(sum(e.stat().st_size for e in os.scandir(args.tables + "/v1.0-trainval")) / 1e6)
    print(json.dumps(result, indent=1))
    if args.json:
        json.dump(result, open(args.json, "w"), indent=1)


def tables(args, out):
    path = out + "/none.json"
    open(path, "w").write('{"meta": {}, "results": {}}')
    begun = time.perf_counter()
    process = subprocess.Popen([args.glint, "eval", "nuscenes", args.tables, "--results", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 3:
        sys.exit("tables: a refused submission was expected")
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": time.perf_counter() - begun, "peak_mb": usage.ru_maxrss / 1024}


def cpu():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "?"


if __name__ == "__main__":
    main()
