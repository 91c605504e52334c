#!/usr/bin/env python3
"""CenterPoint (OpenPCDet's, of pillars or sparse voxels) in plain PyTorch on the CPU: a peer to measure Glint against, and
a second opinion on its results.

    centerpoint_torch.py --weights W.safetensors --case CASE.safetensors [--points POINTS.safetensors] [--double] [--dump OUT.npz]
    centerpoint_torch.py --weights W.safetensors --case CASE.safetensors --time [--threads N] [--repeat N] [--fold]

Sparse convolutions are spconv's (2.x, its CPU kernels, ConvAlgo.Native) where it is installed, else rows gathered, multiplied by one
matrix per kernel cell, and added where they belong. Written from the description of the network that comes with the golden
cases. Needs torch and numpy.
"""
import argparse
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import flatformer_torch as ff

try:
    import spconv.pytorch as spconv
except ImportError:
    spconv = None

STAGES = ("voxelize", "encode", "bev", "head", "nms")
BRANCHES = ("center", "center_z", "dim", "rot", "vel", "hm")
SPARSE_EPS, HEAD_EPS = 1e-3, 1e-5


def expand(tensors, meta):
    """Weights that the file gives as a rule: k(i) * s, k from a generator seeded by the name."""
    mask = (1 << 64) - 1
    for key, shape in json.loads(meta.get("gen_shapes", "{}")).items():
        h = 0xCBF29CE484222325
        for byte in key.encode():
            h = (h ^ byte) * 0x100000001B3 & mask
        start = (h + int(meta["seed"]) * 0x9E3779B97F4A7C15) & mask
        i = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
        with np.errstate(over="ignore"):
            z = np.uint64(start) + i * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        k = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.int64) - 8388608
        tensors[key] = (k.astype(np.float32) * tensors.pop("gen/" + key)[0]).reshape(shape)
    return tensors


# ---- sparse convolutions ------------------------------------------------------------------------
class Rules:
    """Pairs of rows per kernel cell between sites [n, 3] (z, y, x) of a grid, by sorted cell numbers."""

    def __init__(self, coords, shape, kernel, stride, pad, same):
        out_shape = shape if same else [(s + 2 * p - k) // t + 1 for s, k, t, p in zip(shape, kernel, stride, pad)]
        key = (coords[:, 0] * shape[1] + coords[:, 1]) * shape[2] + coords[:, 2]
        cells = torch.cartesian_prod(*(torch.arange(k) for k in kernel))
        if same:
            self.coords = coords
        else:
            outs = []
            for cell in cells:
                t = coords + torch.tensor(pad) - cell
                o = torch.div(t, torch.tensor(stride), rounding_mode="floor")
                fits = (t % torch.tensor(stride) == 0).all(1) & (o >= 0).all(1) & (o < torch.tensor(out_shape)).all(1)
                outs.append(((o[:, 0] * out_shape[1] + o[:, 1]) * out_shape[2] + o[:, 2])[fits])
            k = torch.cat(outs).unique()
            self.coords = torch.stack([k // (out_shape[1] * out_shape[2]), k // out_shape[2] % out_shape[1], k % out_shape[2]], 1)
        self.shape, self.pairs = out_shape, []
        order = key.argsort()
        key = key[order]
        for cell in cells:
            i = self.coords * torch.tensor(stride) - torch.tensor(pad) + cell
            inside = (i >= 0).all(1) & (i < torch.tensor(shape)).all(1)
            wanted = (i[:, 0] * shape[1] + i[:, 1]) * shape[2] + i[:, 2]
            at = torch.searchsorted(key, wanted).clamp_(max=len(key) - 1)
            o = (inside & (key[at] == wanted)).nonzero().squeeze(1)
            self.pairs.append((order[at[o]], o))


def gather_conv(x, rules, weight, bias):
    """weight [out, kz, ky, kx, in]"""
    w = weight.flatten(1, 3).permute(1, 2, 0)
    out = x.new_zeros(len(rules.coords), len(weight))
    for k, (i, o) in enumerate(rules.pairs):
        if len(i):
            out.index_add_(0, o, x[i] @ w[k])
    return out if bias is None else out + bias


class GatherBackbone:
    """The sparse backbone by gathering."""

    def __init__(self, net):
        self.net, self.p = net, "backbone_3d."

    def conv(self, x, rules, name):
        return gather_conv(x, rules, self.net.w[self.p + name + ".weight"], self.net.w.get(self.p + name + ".bias"))

    def norm(self, x, name):
        return self.net.norm(x, self.p + name, SPARSE_EPS)

    def block(self, x, rules, name):
        h = F.relu(self.norm(self.conv(x, rules, name + ".conv1"), name + ".bn1"))
        return F.relu(self.norm(self.conv(h, rules, name + ".conv2"), name + ".bn2") + x)

    def __call__(self, x, coords, shape, dump):
        three, one, two = [3, 3, 3], [1, 1, 1], [2, 2, 2]
        rules = Rules(coords, shape, three, one, one, True)
        x = F.relu(self.norm(self.conv(x, rules, "conv_input.0"), "conv_input.1"))
        for stage in range(1, 5):
            if stage > 1:
                step = Rules(coords, shape, three, two, [0, 1, 1] if stage == 4 else one, False)
                x = F.relu(self.norm(self.conv(x, step, f"conv{stage}.0.0"), f"conv{stage}.0.1"))
                coords, shape = step.coords, step.shape
                rules = Rules(coords, shape, three, one, one, True)
            for block in range(2):
                x = self.block(x, rules, f"conv{stage}.{block + (stage > 1)}")
            if dump is not None:
                dump[f"sparse.conv{stage}"] = x
        step = Rules(coords, shape, [3, 1, 1], [2, 1, 1], [0, 0, 0], False)
        x = F.relu(self.norm(self.conv(x, step, "conv_out.0"), "conv_out.1"))
        return x, step.coords, step.shape


class SpconvBackbone:
    """The same with spconv's modules and shared index keys, batch norms applied to the rows."""

    def __init__(self, net):
        self.net, self.p, self.convs = net, "backbone_3d.", {}
        algo = spconv.ConvAlgo.Native
        for key, value in net.w.items():
            if not key.startswith(self.p) or value.dim() != 5:
                continue
            name = key[len(self.p):-len(".weight")]
            n, kz, ky, kx, c = value.shape
            bias = net.w.get(self.p + name + ".bias")
            if name == "conv_out.0":
                conv = spconv.SparseConv3d(c, n, (3, 1, 1), (2, 1, 1), 0, bias=False, indice_key="down", algo=algo)
            elif name.endswith(".0.0"):
                conv = spconv.SparseConv3d(c, n, 3, 2, (0, 1, 1) if name[4] == "4" else 1, bias=False, indice_key="step" + name[4], algo=algo)
            else:
                stage = "1" if name.startswith("conv_input") else name[4]
                conv = spconv.SubMConv3d(c, n, 3, 1, 1, bias=False, indice_key="res" + stage, algo=algo)
            with torch.no_grad():
                conv.weight.copy_(value)
            self.convs[name] = conv.eval(), bias

    def step(self, x, conv, norm, add=None):
        module, bias = self.convs[conv]
        x = module(x)
        rows = x.features if bias is None else x.features + bias  # its CPU kernels know no bias
        rows = self.net.norm(rows, self.p + norm, SPARSE_EPS)
        return x.replace_feature(F.relu(rows if add is None else rows + add))

    def __call__(self, x, coords, shape, dump):
        x = spconv.SparseConvTensor(x, F.pad(coords, (1, 0)).int(), shape, 1)
        x = self.step(x, "conv_input.0", "conv_input.1")
        for stage in range(1, 5):
            if stage > 1:
                x = self.step(x, f"conv{stage}.0.0", f"conv{stage}.0.1")
            for block in range(2):
                name = f"conv{stage}.{block + (stage > 1)}"
                x = self.step(self.step(x, name + ".conv1", name + ".bn1"), name + ".conv2", name + ".bn2", x.features)
        x = self.step(x, "conv_out.0", "conv_out.1")
        return x.features, x.indices[:, 1:].long(), x.spatial_shape


# ---- network ------------------------------------------------------------------------------------
class CenterPoint:
    def __init__(self, tensors, config, fold=False, channels_last=True, sparse="auto", dtype=torch.float32):
        self.cfg = config
        self.w = {k: torch.from_numpy(np.ascontiguousarray(v)).to(dtype) for k, v in tensors.items()}
        self.dtype, self.channels_last = dtype, channels_last and dtype == torch.float32
        f32 = np.float32
        self.low = torch.from_numpy(np.array(config["pcr"][:3], f32))
        self.size = torch.from_numpy(np.array(config["vs"], f32))
        self.offset = torch.from_numpy((np.array(config["vs"]) / 2 + np.array(config["pcr"][:3], f32).astype(np.float64)).astype(f32))
        self.heads = config["head"]["CLASS_NAMES_EACH_HEAD"]
        if fold:
            self.fold()
        use_spconv = sparse != "gather" and spconv is not None and dtype == torch.float32
        self.sparse_name = "spconv" if use_spconv else "gather"
        if config["kind"] == "voxel":
            self.sparse = SpconvBackbone(self) if use_spconv else GatherBackbone(self)

    def norm(self, x, name, eps):
        if name + ".running_mean" not in self.w:
            return x
        return F.batch_norm(x, *(self.w[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")), eps=eps)

    def fold(self):
        """Batch norms of 2D convolutions into their weights, as deployed networks have it."""
        for name in [k[: -len(".running_mean")] for k in self.w if k.endswith("running_mean") and (k.startswith("backbone_2d") or k.startswith("dense_head"))]:
            mean, var, g, b = (self.w.pop(f"{name}.{k}") for k in ("running_mean", "running_var", "weight", "bias"))
            conv = name[: name.rindex(".") + 1] + str(int(name[name.rindex(".") + 1:]) - 1)
            s = g / torch.sqrt(var + (SPARSE_EPS if name.startswith("backbone_2d") else HEAD_EPS))
            w = self.w[conv + ".weight"]
            up = "deblocks" in conv and self.cfg["b2d"]["UPSAMPLE_STRIDES"][int(conv.split(".")[2])] >= 1
            self.w[conv + ".weight"] = w * (s.view(1, -1, 1, 1) if up else s.view(-1, 1, 1, 1))
            self.w[conv + ".bias"] = (self.w.get(conv + ".bias", torch.zeros_like(b)) - mean) * s + b

    def pillars(self, points):
        cell = ((points[:, :2] - self.low[:2]) / self.size[:2]).floor().long()
        gx, gy = self.cfg["grid"][:2]
        kept = ((cell >= 0) & (cell < torch.tensor([gx, gy]))).all(1)
        points, cell = points[kept], cell[kept]
        key, pillar, count = (cell[:, 0] * gy + cell[:, 1]).unique(return_inverse=True, return_counts=True)
        return points, pillar, count, torch.stack([key // gy, key % gy], 1)

    def encode_pillars(self, points, pillar, count, cell):
        n, xyz = len(count), points[:, :3]
        mean = xyz.new_zeros(n, 3).index_add_(0, pillar, xyz) / count[:, None]
        centre = F.pad(cell, (0, 1)).float() * self.size + self.offset
        x = torch.cat([points, xyz - mean[pillar], xyz - centre[pillar]], 1).to(self.dtype)
        layers = len(self.cfg["filters"])
        for i in range(layers):
            h = F.relu(self.norm(F.linear(x, self.w[f"vfe.pfn_layers.{i}.linear.weight"]), f"vfe.pfn_layers.{i}.norm", SPARSE_EPS))
            top = ff.pillar_max(h, pillar, n)
            x = torch.cat([h, top[pillar]], 1) if i + 1 < layers else top
        return x

    def voxels(self, points):
        """Means of the first points of each cell; cells in ascending order (z, y, x)."""
        cell = ((points[:, :3] - self.low) / self.size).floor().long()
        gx, gy, gz = self.cfg["grid"]
        kept = ((cell >= 0) & (cell < torch.tensor([gx, gy, gz]))).all(1)
        points, cell = points[kept], cell[kept]
        key = (cell[:, 2] * gy + cell[:, 1]) * gx + cell[:, 0]
        used, voxel = key.unique(return_inverse=True)
        order = voxel.argsort(stable=True)
        start = torch.searchsorted(voxel[order], torch.arange(len(used)))
        first = order[start]
        place = torch.arange(len(order)) - start[voxel[order]]
        order = order[place < self.cfg["max_pts"]]
        if len(used) > self.cfg["max_vox"]:
            late = torch.ones(len(used), dtype=torch.bool)
            late[first.argsort()[: self.cfg["max_vox"]]] = False
            order = order[~late[voxel[order]]]
            number = torch.cumsum(~late, 0) - 1
            used, voxel = used[~late], number[voxel]
        v = voxel[order]
        x = points.new_zeros(len(used), points.shape[1]).index_add_(0, v, points[order])
        x = x / torch.bincount(v, minlength=len(used))[:, None]
        return x.to(self.dtype), torch.stack([used // (gx * gy), used // gx % gy, used % gx], 1)

    def canvas(self, x, cell):
        gx, gy = self.cfg["grid"][:2]
        out = x.new_zeros(gy * gx, x.shape[1])
        out[cell[:, 1] * gx + cell[:, 0]] = x
        return out.view(1, gy, gx, -1).permute(0, 3, 1, 2)

    def compress(self, x, coords, shape):
        d, h, w = (int(s) for s in shape)
        out = x.new_zeros(h, w, x.shape[1], d)
        out[coords[:, 1], coords[:, 2], :, coords[:, 0]] = x
        return out.view(1, h, w, -1).permute(0, 3, 1, 2)

    def conv2d(self, x, conv, norm, eps, stride=1, pad=1):
        x = F.conv2d(x, self.w[conv + ".weight"], self.w.get(conv + ".bias"), stride, pad)
        return F.relu(self.norm(x, norm, eps), inplace=True)

    def bev(self, x, dump):
        b, ups = self.cfg["b2d"], []
        for level, (n, stride, up) in enumerate(zip(b["LAYER_NUMS"], b["LAYER_STRIDES"], b["UPSAMPLE_STRIDES"])):
            for j in range(n + 1):
                name = f"backbone_2d.blocks.{level}."
                x = self.conv2d(x, name + str(3 * j + 1), name + str(3 * j + 2), SPARSE_EPS, 1 if j else stride)
                if dump is not None:
                    dump[f"backbone.block{level}.{j}"] = x[0]
            name = f"backbone_2d.deblocks.{level}."
            if up >= 1:
                y = F.conv_transpose2d(x, self.w[name + "0.weight"], self.w.get(name + "0.bias"), int(up))
                y = F.relu(self.norm(y, name + "1", SPARSE_EPS), inplace=True)
            else:
                y = self.conv2d(x, name + "0", name + "1", SPARSE_EPS, 2, 0)
            if dump is not None:
                dump[f"backbone.up{level}"] = y[0]
            ups.append(y)
        return torch.cat(ups, 1)

    def head(self, x, dump):
        x = self.conv2d(x, "dense_head.shared_conv.0", "dense_head.shared_conv.1", HEAD_EPS)
        if dump is not None:
            dump["head.shared"] = x[0]
        out = []
        for h in range(len(self.heads)):
            maps = {}
            for b in BRANCHES:
                name = f"dense_head.heads_list.{h}.{b}."
                y = self.conv2d(x, name + "0.0", name + "0.1", HEAD_EPS)
                maps[b] = F.conv2d(y, self.w[name + "1.weight"], self.w[name + "1.bias"], padding=1)[0]
                if dump is not None:
                    dump[f"head{h}.{b}"] = maps[b]
            out.append(maps)
        return out

    def decode(self, maps):
        cfg, post = self.cfg, self.cfg["head"]["POST_PROCESSING"]
        stride = cfg["head"]["TARGET_ASSIGNER_CONFIG"]["FEATURE_MAP_STRIDE"]
        c, h, w = maps["hm"].shape
        top, at = maps["hm"].sigmoid().reshape(-1).topk(min(post["MAX_OBJ_PER_SAMPLE"], c * h * w))
        at = at[top > post["SCORE_THRESH"]]
        top = top[top > post["SCORE_THRESH"]]
        label, cell = at // (h * w), at % (h * w)
        y, x = cell // w, cell % w
        raw = {k: v.reshape(v.shape[0], -1)[:, cell] for k, v in maps.items()}
        boxes = torch.cat([((x + raw["center"][0]) * stride * cfg["vs"][0] + cfg["pcr"][0])[None],
                           ((y + raw["center"][1]) * stride * cfg["vs"][1] + cfg["pcr"][1])[None],
                           raw["center_z"], raw["dim"].exp(), torch.atan2(raw["rot"][1], raw["rot"][0])[None], raw["vel"]]).t()
        limit = torch.tensor(post["POST_CENTER_LIMIT_RANGE"]).view(2, 3)
        keep = ((boxes[:, :3] >= limit[0]) & (boxes[:, :3] <= limit[1])).all(1)
        values = torch.cat([raw[b] for b in BRANCHES]).t()
        return boxes[keep], top[keep], label[keep], torch.stack([y, x], 1)[keep], values[keep]

    def suppress(self, boxes):
        nms = self.cfg["head"]["POST_PROCESSING"]["NMS_CONFIG"]
        b = boxes[: nms["NMS_PRE_MAXSIZE"]].double().numpy().copy()
        b[:, 6] = -b[:, 6]
        return torch.from_numpy(ff.rotated_nms(b, nms["NMS_THRESH"])[: nms["NMS_POST_MAXSIZE"]])

    def __call__(self, points, dump=None, clock=None):
        tick, now = (clock.append if clock is not None else lambda t: None), time.perf_counter
        if self.cfg["kind"] == "pillar":
            points, pillar, count, cell = self.pillars(points)
            tick(now())
            x = self.canvas(self.encode_pillars(points, pillar, count, cell), cell)
        else:
            x, coords = self.voxels(points)
            tick(now())
            shape = [self.cfg["grid"][2] + 1, self.cfg["grid"][1], self.cfg["grid"][0]]
            x = self.compress(*self.sparse(x, coords, shape, dump))
        x = x.contiguous(memory_format=torch.channels_last if self.channels_last else torch.contiguous_format)
        tick(now())
        if dump is not None:
            dump["bev"] = x[0]
        x = self.bev(x, dump)
        tick(now())
        heads = self.head(x, dump)
        tick(now())
        found, first = [], 0
        for h, maps in enumerate(heads):
            boxes, scores, labels, cells, values = self.decode(maps)
            keep = self.suppress(boxes)
            found.append((boxes[keep], scores[keep], labels[keep] + first + 1))
            if dump is not None:
                dump.update({f"head{h}.dec.boxes": boxes, f"head{h}.dec.scores": scores, f"head{h}.dec.labels": labels + first,
                             f"head{h}.dec.cells": cells, f"head{h}.dec.raw": values, f"head{h}.keep": keep})
            first += len(self.heads[h])
        det = [torch.cat(v) for v in zip(*found)]
        tick(now())
        return det


# ---- command ------------------------------------------------------------------------------------
def load(path, **options):
    tensors, meta = ff.read_safetensors(path)
    return CenterPoint(expand(tensors, meta), json.loads(meta["config"]), **options)


def read_points(path):
    if path.endswith(".bin"):
        p = np.fromfile(path, "<f4").reshape(-1, 4)
        p = np.pad(p, ((0, 0), (0, 1)))
        p[:, 3] *= 255
        return torch.from_numpy(np.ascontiguousarray(p))
    return torch.from_numpy(ff.read_safetensors(path)[0]["points"])


def differences(dump, golden):
    """Largest |difference| over 1e-4 + 1e-4 |golden| of each tensor that both have whole or as a crop."""
    out = {}
    for name, want in golden.items():
        if name.endswith((".win", ".stats", ".rowsum")) or name not in dump or "keep" in name:
            continue
        got = dump[name].numpy()
        if name + ".win" in golden:
            y, x, h, w = golden[name + ".win"]
            got = got[:, y : y + h, x : x + w]
        if ".dec." in name:
            head = name.split(".")[0]
            if len(got) != len(want):
                out[name] = np.inf
                continue
            a = {(*c, l): i for i, (c, l) in enumerate(zip(dump[head + ".dec.cells"].tolist(), dump[head + ".dec.labels"].tolist()))}
            b = list(zip(golden[head + ".dec.cells"].tolist(), golden[head + ".dec.labels"].tolist()))
            got = got[[a.get((*c, l), 0) for c, l in b]]
        if got.shape == want.shape and want.size:
            out[name] = float((np.abs(got - want) / (1e-4 + 1e-4 * np.abs(want))).max())
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--case", required=True)
    ap.add_argument("--points", help="another file with the points")
    ap.add_argument("--double", action="store_true", help="in float64")
    ap.add_argument("--sparse", choices=("auto", "gather"), default="auto")
    ap.add_argument("--fold", action="store_true")
    ap.add_argument("--time", action="store_true")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--repeat", type=int, default=3)
    ap.add_argument("--dump", metavar="OUT.npz")
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    model = load(args.weights, fold=args.fold, sparse=args.sparse, dtype=torch.float64 if args.double else torch.float32)
    points = read_points(args.points or args.case)
    with torch.inference_mode():
        if args.time:
            for _ in range(args.repeat):
                clock = [time.perf_counter()]
                det = model(points, clock=clock)
                print(" ".join(f"{n} {1e3 * (b - a):.1f}" for n, a, b in zip(STAGES, clock, clock[1:])), f"frame {1e3 * (clock[-1] - clock[0]):.1f} ms",
                      f"{len(det[0])} boxes")
            return 0
        dump = {}
        det = model(points, dump)
    golden = ff.read_safetensors(args.case)[0]
    worst = differences(dump, golden)
    for name, error in sorted(worst.items(), key=lambda e: -e[1])[:10]:
        print(f"{name:32s} {error:8.3f} of the tolerance")
    same = len(det[0]) == len(golden["det.boxes"])
    print(f"{len(worst)} tensors compared, {len(det[0])} of {len(golden['det.boxes'])} boxes, sparse part: {model.sparse_name if model.cfg['kind'] == 'voxel' else 'none'}")
    if args.dump:
        np.savez(args.dump, **{k: v.numpy() for k, v in dump.items()})
    return 0 if same and max(worst.values()) <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
