#!/usr/bin/env python3
"""Writes a case for `glint check` from your own PyTorch model: the points of a frame, and what the model's modules made
of them. Needs torch and numpy only; runs where your model runs.

    from dump_case import Case

    case = Case("flatformer")                    # flatformer, dsvt, centerpoint or ptv3: which modules are watched
    case.points(points)                          # [n, features] as the network gets them, after the loader
    with case.watch(model), torch.no_grad():     # model: in eval mode, one frame
        model(...)                               # as you call it
    case.detections(boxes, scores, labels)       # optional: as the reference's own decode has them
    case.save("case.safetensors")

Then: glint import checkpoint.pth --out model && glint check model --golden case.safetensors

A watched module is a line (module, tensor, what): the module's output, or member `what` of it (of a dict, an object or a
tuple). More of them: Case(arch, extra=[("backbone_3d.stage_0.0", "stage0.block0.out", None)]). Modules that a model has not are
left out and listed. Maps are saved as [channels, h, w], tokens as [voxels, channels] in the model's order of voxels, which
`coords` tells; `glint check` finds them by it.

As a script it tells what is watched: dump_case.py ARCH
"""
import contextlib
import json
import sys

import numpy as np

FLATFORMER = [
    ("voxel_encoder", "vfe.out", 0), ("voxel_encoder", "coords", 1),
    ("backbone", "backbone.out0", 0), ("backbone", "backbone.out1", 1), ("neck", "neck", None),
    ("bbox_head.shared_conv", "head.shared", None),
] + [("bbox_head.task_heads.0." + b, "head." + b, None) for b in ("reg", "height", "dim", "rot", "vel", "iou", "heatmap")]

DSVT = [
    ("vfe", "vfe.out", "voxel_features"), ("vfe", "coords", "voxel_coords"), ("map_to_bev_module", "bev", "spatial_features"),
    ("dense_head.shared_conv", "head.shared", None),
] + [("dense_head.heads_list.0." + b, "head." + b, None) for b in ("center", "center_z", "dim", "rot", "iou", "hm")]

CENTERPOINT = [
    ("vfe", "vfe.out", "pillar_features"), ("vfe", "voxel_mean", "voxel_features"), ("vfe", "coords", "voxel_coords"),
    ("map_to_bev_module", "bev", "spatial_features"), ("dense_head.shared_conv", "head.shared", None),
] + [(f"dense_head.heads_list.{h}.{b}", f"head{h}.{b}", None) for h in range(6) for b in ("center", "center_z", "dim", "rot", "vel", "hm")]

PTV3 = [("backbone.embedding", "stem", "feat"), ("backbone.embedding", "grid_coord", "grid_coord"), ("seg_head", "logits", None)]
PTV3 += [(f"backbone.enc.enc{s}.block{i}", f"enc{s}.block{i}", "feat") for s in range(5) for i in range(6)]
PTV3 += [(f"backbone.dec.dec{s}.block{i}", f"dec{s}.block{i}", "feat") for s in range(4) for i in range(3)]

WATCHED = {"flatformer": FLATFORMER, "dsvt": DSVT, "centerpoint": CENTERPOINT, "ptv3": PTV3}


def member(output, what):
    """A module's output, or a part of it; None where it has none."""
    if what is None:
        return output[0] if isinstance(output, (list, tuple)) else output
    if isinstance(what, int):
        return output[what] if isinstance(output, (list, tuple)) and what < len(output) else output if what == 0 else None
    return output.get(what) if hasattr(output, "get") else getattr(output, what, None)


def array(value):
    """A tensor as numpy: one frame of a batch of maps, float32 or integers."""
    value = value.detach().cpu()
    value = value.float() if value.is_floating_point() else value
    value = value.numpy()
    if value.ndim == 4 and value.shape[0] == 1:
        value = value[0]
    return np.ascontiguousarray(value.astype("<i4") if value.dtype.kind in "iub" else value)


class Case:
    def __init__(self, arch, extra=()):
        self.lines, self.tensors, self.arch = WATCHED[arch] + list(extra), {}, arch

    def points(self, points):
        self.tensors["points"] = array(points) if hasattr(points, "detach") else np.ascontiguousarray(points, "<f4")

    def detections(self, boxes, scores, labels, prefix="det"):
        for name, value in (("boxes", boxes), ("scores", scores), ("labels", labels)):
            self.tensors[f"{prefix}.{name}"] = array(value)

    def add(self, name, value):
        self.tensors[name] = array(value)

    @contextlib.contextmanager
    def watch(self, model):
        model = getattr(model, "module", model)  # of data parallel
        modules, hooks, absent = dict(model.named_modules()), [], []
        for path, name, what in self.lines:
            if path in modules:
                hooks.append(modules[path].register_forward_hook(self.keeper(name, what)))
            else:
                absent.append(path)
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()
        if absent:
            print("not in this model: " + " ".join(absent), file=sys.stderr)

    def keeper(self, name, what):
        def keep(module, inputs, output):
            value = member(output, what)
            if value is not None and hasattr(value, "detach"):
                self.tensors[name] = array(value)
        return keep

    def save(self, path):
        types = {"<f4": "F32", "<f8": "F64", "<i4": "I32", "<i8": "I64", "|u1": "U8"}
        head, at = {"__metadata__": {"made_by": "dump_case.py", "arch": self.arch}}, 0
        for name, value in self.tensors.items():
            head[name] = {"dtype": types[value.dtype.str], "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
            at += value.nbytes
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            for value in self.tensors.values():
                f.write(value.tobytes())
        print(f"{path}: {len(self.tensors)} tensors: " + " ".join(self.tensors), file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in WATCHED:
        sys.exit(__doc__)
    for line in WATCHED[sys.argv[1]]:
        print("%-40s %-20s %s" % (line[0], line[1], "" if line[2] is None else line[2]))
