#!/usr/bin/env python3
"""Fresh networks in PyTorch, saved as their repositories save them, imported, and compared stage by stage.

    check_import.py GLINT SOURCE_DIR GOLDEN_FOLDER ZOO_FOLDER [NETWORK...]

For FlatFormer, DSVT, CenterPoint (pillars) and PTv3: the weights of a golden case, the numbers of each tensor in another
order, in the PyTorch network of bench/peers; its tensors on the case's points become a case (FlatFormer's by
tools/dump_case.py), the weights a checkpoint in each of the shapes below, and `glint check` compares with 1e-5. Exit status 0
all the same, 1 something differs, 77 torch or the reference data is not there.
"""
import collections
import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
except ImportError:
    print("no torch: skipped")
    sys.exit(77)

TOLERANCE = "1e-5"
# network: golden weights, golden case, configuration (tests/fuzz/corpus/config_file), its ending, member of the checkpoint
NETWORKS = {
    "flatformer": ("flatformer/tiny_weights", "flatformer/tiny_edge_two_groups_minus_1", "flatformer", "py", "state_dict"),
    "dsvt": ("dsvt/pillar_tiny_weights", "dsvt/pillar_tiny_nuscenes", "dsvt", "yaml", "model_state"),
    "centerpoint": ("centerpoint/pillar_tiny_weights", "centerpoint/pillar_tiny_nuscenes", "centerpoint_pillar", "yaml", "model_state"),
    "ptv3": ("ptv3/tiny_weights", "ptv3/tiny_scan", "ptv3", "py", "state_dict"),
}


def fresh(tensors):
    """Each tensor's numbers in another order, as halves hold them: another network, as well behaved."""
    generator = torch.Generator().manual_seed(77)
    out = collections.OrderedDict()
    for name, value in tensors.items():
        flat = torch.from_numpy(value.copy()).flatten().half().float()
        out[name] = flat[torch.randperm(len(flat), generator=generator)].view(value.shape).contiguous()
    return out


def write(path, tensors, meta):
    head, at = {"__metadata__": meta}, 0
    for name, value in tensors.items():
        head[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + 4 * value.numel()]}
        at += 4 * value.numel()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(v.numpy().tobytes() for v in tensors.values()))


def with_counters(state):
    """As training leaves it: counters beside batch norms."""
    out = collections.OrderedDict()
    for name, value in state.items():
        out[name] = value
        if name.endswith(".running_var"):
            out[name[: -len("running_var")] + "num_batches_tracked"] = torch.tensor(1000)
    return out


def save_shapes(folder, state, member, config):
    """The same weights in the shapes they come in."""
    optimizer = {"state": {0: {"step": torch.tensor(9.0), "exp_avg": torch.zeros(3)}, 1: {"step": 7}},
                 "param_groups": [{"lr": 0.003, "betas": (0.9, 0.99), "params": [0, 1], "foreach": None}]}
    meta = {"config": config, "seed": 0, "CLASSES": ("a", "b"), "hook_msgs": {}} if member == "state_dict" else None
    whole = {"epoch": 24, "it": 1000, member: with_counters(state), "optimizer_state": optimizer, "version": "0.6.0", "meta": meta}
    parallel = collections.OrderedDict(("module." + k, torch.nn.Parameter(v)) for k, v in state.items())
    best = {"state_dict": parallel, "best_metric_value": np.float64(0.7), "epoch": np.int64(3)}
    torch.save(whole, folder / "current.pth")
    torch.save(whole, folder / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(best, folder / "parallel.pth")
    torch.save({"model": {"state_dict": state}}, folder / "nested.pth", pickle_protocol=4)
    torch.save(state, folder / "bare.pth", pickle_protocol=5)
    torch.save({k: v.double() for k, v in state.items()}, folder / "double.pth")
    torch.save({member: {k: v.half() for k, v in state.items()}}, folder / "half.pth")
    return ["current", "legacy", "parallel", "nested", "bare", "double", "half"]


def hashed_rows(coord):
    """PTv3's order of rows: by the 64-bit FNV hash of the cell."""
    h = np.full(len(coord), 14695981039346656037, np.uint64)
    for k in range(3):
        h = (h * np.uint64(1099511628211)) ^ coord[:, k].astype(np.uint64)
    return np.argsort(h, kind="stable")


def run_network(name, weights, points, case):
    """The network's tensors on the points, as a case."""
    from dump_case import Case
    out = Case(name)
    out.points(points)
    with torch.inference_mode():
        if name == "flatformer":
            import flatformer_torch
            model, dump = flatformer_torch.load_model(str(weights)), {}
            with out.watch(model):
                det = model(points, dump=dump)
            out.add("coords", dump["coords"])  # this network's encoder does not return them
            for key in ("dec.boxes", "dec.scores", "dec.labels"):
                out.add(key, dump[key])
            out.detections(*det)
        elif name == "ptv3":
            import ptv3_torch
            model = ptv3_torch.Ptv3(str(weights))
            labels, logits, _ = model(points)
            order = hashed_rows(ptv3_torch.sample(points, model.cell)[0].numpy())
            out.add("logits", logits[torch.from_numpy(order)])
            two = logits.topk(2, 1).values
            out.add("label_gap", (two[:, 0] - two[:, 1])[torch.from_numpy(order)])
            out.add("label", logits.argmax(1)[torch.from_numpy(order)])
        else:
            module = __import__(name + "_torch")
            dump = {}
            det = module.load(str(weights))(points, dump)
            for key, value in dump.items():
                if name == "dsvt" or ".dec." not in key and "keep" not in key:
                    out.add(key, value)
            if name == "dsvt":  # CenterPoint's scores are full of ties with weights like these: see check_golden
                out.detections(*det[:3])
    with contextlib.redirect_stderr(io.StringIO()):
        out.save(case)


def run_all(commands):
    """The last line of the last command's output, or None where one fails."""
    for command in commands:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
            return None
    return done.stdout.splitlines()[-1]


def check_golden(glint, folder, name, golden, tensors, options):
    """The golden weights themselves, whose decisions are far from ties, as a checkpoint: boxes and labels too."""
    weights, case, _, _, member = NETWORKS[name]
    state = collections.OrderedDict((k, torch.from_numpy(v)) for k, v in tensors.items())
    torch.save({member: with_counters(state)}, folder / "golden.pth")
    model = folder / "model_golden"
    said = run_all([[glint, "import", folder / "golden.pth", *options, "--out", model], [glint, "check", model, "--golden", golden(case)]])
    print(f"{name} golden: {said}")
    return said is None


def check(glint, source, folder, name, golden):
    from flatformer_torch import read_safetensors
    weights, case, config, ending, member = NETWORKS[name]
    tensors, meta = read_safetensors(str(golden(weights)))
    state = fresh(tensors)
    write(folder / "weights.safetensors", state, meta)
    given = read_safetensors(str(golden(case)))[0]
    points = torch.from_numpy(given["points_raw" if "points_raw" in given else "points"])
    run_network(name, folder / "weights.safetensors", points, folder / "case.safetensors")
    text = (source / "tests/fuzz/corpus/config_file" / config).read_text()[1:]
    (folder / f"config.{ending}").write_text(text)
    failed = False
    for shape in save_shapes(folder, state, member, text):
        model = folder / ("model_" + shape)
        inside = name == "flatformer" and shape in ("current", "legacy")  # the configuration is in the checkpoint
        options = [] if inside else ["--config", folder / f"config.{ending}"]
        said = run_all([[glint, "import", folder / (shape + ".pth"), *options, "--out", model],
                        [glint, "check", model, "--golden", folder / "case.safetensors", "--tolerance", TOLERANCE]])
        failed |= said is None
        print(f"{name} {shape}: {said}")
    return failed | check_golden(glint, folder, name, golden, tensors, ["--config", folder / f"config.{ending}"])


def check_spconv1(glint, folder, golden):
    """Sparse convolutions as spconv 1 orders their weights, [kz, ky, kx, in, out], become the same model."""
    from flatformer_torch import read_safetensors
    weights = golden("centerpoint/voxel_tiny_weights")
    if run_all([[glint, "import", weights, "--out", folder / "now"]]) is None:
        return True
    state = {k: torch.from_numpy(v) for k, v in read_safetensors(str(weights))[0].items()}
    torch.save({"model_state": {k: v.permute(1, 2, 3, 4, 0).contiguous() if v.dim() == 5 else v for k, v in state.items()}}, folder / "old.pth")
    said = run_all([[glint, "import", folder / "old.pth", "--config", folder / "now/config.json", "--out", folder / "old"]])
    same = said is not None and (folder / "old/model.safetensors").read_bytes() == (folder / "now/model.safetensors").read_bytes()
    print(f"spconv 1: {'the same model' if same else 'another model'}")
    return not same


def main():
    glint, source, shared, zoo = (pathlib.Path(a).resolve() for a in sys.argv[1:5])
    names = sys.argv[5:] or list(NETWORKS)
    sys.path[:0] = [str(source / "tools"), str(source / "bench/peers")]
    torch.set_num_threads(2)
    golden = lambda path: (shared if path.startswith("flatformer") else zoo) / (path + ".safetensors")
    if any(not golden(NETWORKS[n][0]).is_file() for n in names):
        print("no golden cases: skipped")
        return 77
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            failed |= check(glint, source, pathlib.Path(folder), name, golden)
            if name == "centerpoint":
                failed |= check_spconv1(glint, pathlib.Path(folder), golden)
    return failed


if __name__ == "__main__":
    sys.exit(main())
