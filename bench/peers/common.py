"""What the peers' measurements share: turns, Glint's own numbers, the machine, tables."""
import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def arguments(doc, threads):
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--glint", default=os.path.join(ROOT, "build", "glint"), help="the program (default: build/glint)")
    ap.add_argument("--shared", default=os.environ.get("GLINT_SHARED", os.path.join(ROOT, "..", "shared")),
                    help="folder with golden/ and frames/ (default: GLINT_SHARED, or ../shared)")
    ap.add_argument("--threads", type=int, default=threads)
    ap.add_argument("--rounds", type=int, default=7, help="turns that each contender takes")
    ap.add_argument("--quick", action="store_true", help="fewer rounds and inputs")
    ap.add_argument("--json", metavar="FILE")
    return ap


def glint(args, *words):
    """Runs `glint bench WORDS` without ceilings and returns its JSON."""
    command = [args.glint, "bench", *map(str, words), "--no-ceilings", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def glint_row(result, stage):
    return next(r["p50_ms"] for r in result["stages"] if r["stage"] == stage)


def import_model(args, weights, folder):
    done = subprocess.run([args.glint, "import", weights, "--out", folder], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return folder


def one_core():
    """This process and its children on the last core that it may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def clock(call, times=1):
    """Milliseconds of each of `times` calls."""
    out = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        out.append(1e3 * (time.perf_counter() - begun))
    return out


def turn(call, repeat=7):
    """A contender's turn as a number of ms: once to warm up after the others, then the median of `repeat` calls."""
    def run():
        call()
        return statistics.median(clock(call, repeat))
    return run


def in_turns(contenders, rounds):
    """contenders: {name: call that returns a number of ms, or a dict of them}. Each takes a turn per round, beginning with
    another one every round. Returns {name: list}."""
    names, samples = list(contenders), {n: [] for n in contenders}
    for r in range(rounds):
        for k in range(len(names)):
            name = names[(r + k) % len(names)]
            samples[name].append(contenders[name]())
    return samples


def row(name, samples, base, **more):
    """One line of a table: median, spread, and how often the base's median fits into it."""
    median = statistics.median(samples)
    return {"name": name, "median_ms": median, "min_ms": min(samples), "max_ms": max(samples), "n": len(samples),
            "ratio": median / base if base else None, **more}


def print_rows(title, rows):
    print(f"\n{title}")
    width = max(len(r["name"]) for r in rows)
    for r in rows:
        ratio = f"{r['ratio']:8.2f} x" if r.get("ratio") else ""
        note = r.get("note", "")
        print(f"  {r['name']:{width}s} {r['median_ms']:11.3f} ms  ({r['min_ms']:.3f} .. {r['max_ms']:.3f}, {r['n']}) {ratio}  {note}")
    sys.stdout.flush()


def crc(path):
    with open(path, "rb") as f:
        return f"{zlib.crc32(f.read()):08x}"


def machine():
    name = platform.processor()
    try:
        with open("/proc/cpuinfo") as f:
            name = next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {"processor": name, "cores": len(os.sched_getaffinity(0)), "system": f"{platform.system()} {platform.release()}",
            "load": os.getloadavg()[0], "python": platform.python_version()}


def version(module):
    try:
        return __import__("importlib.metadata").metadata.version(module)
    except Exception:
        return None


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def save(args, result):
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


def folder():
    return tempfile.TemporaryDirectory(prefix="glint_peers_")
