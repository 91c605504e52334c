#!/usr/bin/env python3
"""Who may include whom (docs/ARCHITECTURE.md): check_layers.py ROOT. Exit status 1 names each line that breaks it."""
import pathlib
import re
import sys

ALLOWED = {
    "core": {"core"},
    "calib": {"core", "calib"},
    "voxel": {"core", "voxel"},
    "attention": {"core", "attention"},
    "io": {"core", "calib", "io"},
    "model": {"core", "voxel", "attention", "model"},
    "convert": {"core", "model", "convert"},
    "track": {"core", "calib", "track"},
    "viz": {"core", "calib", "viz", "io/sink.h"},
    "eval": {"core", "calib", "io", "eval"},
    "ros": {"core", "calib", "io", "ros"},
    "pipeline": {"core", "calib", "io", "voxel", "model", "track", "pipeline"},
    "serve": {"core", "calib", "io", "ros", "serve"},
    "sim": {"core", "calib", "io", "sim"},
}
CUDA = re.compile(r"cuda|cublas|cudnn|cub/", re.I)


def same_structs(root):
    """Structs of one name in several .cu files: one program has them all in the emulation, where templates of the C++ library over them
    would be taken for each other's."""
    seen, bad = {}, 0
    for path in sorted(p for room in ALLOWED for p in (root / room).rglob("*.cu")):
        for name in re.findall(r"^(?:template <[^>]*> )?struct (\w+) \{", path.read_text(), re.M):
            if name in seen and "device" not in path.stem:
                print(f"{path}: struct {name} is in {seen[name]} too")
                bad += 1
            seen[name] = path
    return bad


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    bad = same_structs(root)
    for room, allowed in ALLOWED.items():
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in (".c", ".h", ".cu", ".cuh"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                m = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
                if not m:
                    continue
                name = m.group(1)
                top = name.split("/")[0]
                ours = "/" in name and top in set(ALLOWED) | {"tools", "tests", "bench"}
                if ours and top not in allowed and name not in allowed:
                    print(f"{path}:{number}: {room} may not include {name}")
                    bad += 1
                if CUDA.search(name) and not ours and "cuda" not in path.parts:
                    print(f"{path}:{number}: CUDA headers belong in cuda/")
                    bad += 1
    print("layers: ok" if not bad else f"layers: {bad} broken")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
