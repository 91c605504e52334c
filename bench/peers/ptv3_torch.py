#!/usr/bin/env python3
"""Point Transformer V3 in plain PyTorch on the CPU: a peer to measure Glint against.

    ptv3_torch.py --weights W.safetensors --case CASE.safetensors [--check] [--threads N] [--repeat N]

Written from the description of the network that comes with the golden cases, in fp32: sparse convolutions gather, multiply
and add per kernel cell, attention over patches is scaled_dot_product_attention. One cloud, orders not shuffled. --check
compares logits and labels with the golden case first. Needs torch and numpy only.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from flatformer_torch import read_safetensors

STAGES = ("voxelize", "encode", "attend", "decode", "head")


def expand(tensors, meta):
    """Big matrices that are stored as a rule (the golden README, section 1)."""
    shapes, seed = json.loads(meta.get("gen_shapes", "{}")), int(meta.get("seed", 0))
    gold, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    for key, shape in shapes.items():
        h = 0xCBF29CE484222325
        for byte in key.encode():
            h = (h ^ byte) * 0x100000001B3 & mask
        z = np.uint64((h + seed * gold) & mask) + np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(gold)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        k = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.int64) - 8388608
        tensors[key] = (k.astype(np.float32) * tensors.pop("gen/" + key)[0]).reshape(shape)
    return tensors


# ---- levels ---------------------------------------------------------------------------------
def interleave(v, depth):
    code = torch.zeros_like(v[0])
    for b in range(depth):
        for k in range(3):
            code |= (v[k] >> b & 1) << (3 * b + 2 - k)
    return code


def hilbert(v, depth):
    v = [t.clone() for t in v]
    for b in range(depth - 1, -1, -1):
        m = (1 << b) - 1
        for k in range(3):
            there = (v[k] >> b & 1).bool()
            t = torch.where(there, 0, (v[0] ^ v[k]) & m)
            v[k] = v[k] ^ t
            v[0] = torch.where(there, v[0] ^ m, v[0] ^ t)
    g = interleave(v, depth)
    shift = 1
    while shift < 3 * depth:
        g ^= g >> shift
        shift *= 2
    return g


class Level:
    """Cells of one stage: their orders, patches and the pairs of the 3 x 3 x 3 convolution."""

    def __init__(self, coord, depth, patch):
        x, y, z = coord.unbind(1)
        self.coord, self.depth, self.n = coord, depth, len(coord)
        codes = [interleave((x, y, z), depth), interleave((y, x, z), depth), hilbert((x, y, z), depth), hilbert((y, x, z), depth)]
        self.z, self.order = codes[0], [torch.argsort(c) for c in codes]
        self.rules = rules(coord, 3)
        n, r = self.n, self.n % patch
        self.pad, self.patch = torch.arange(n), patch if n > patch else n
        if n > patch and r:
            self.pad = torch.cat([self.pad, torch.arange(n - patch, n - r)])


def sample(points, cell):
    g = torch.floor(points[:, :3] / torch.tensor(cell, dtype=torch.float32)).long()
    g -= g.min(0).values
    depth = int(g.max()).bit_length()
    code, inverse = torch.unique(interleave(g.unbind(1), depth), return_inverse=True)
    first = torch.full_like(code, len(g)).scatter_reduce_(0, inverse, torch.arange(len(g)), "amin")
    return g[first], depth, first, inverse


def rules(coord, size):
    """Pairs (input, output) per kernel cell, x slowest."""
    side = int(coord.max()) + 2 * size
    key = lambda c: ((c[:, 0] + size) * side + c[:, 1] + size) * side + c[:, 2] + size
    sorted_key, order = torch.sort(key(coord))
    pairs, r = [], range(-(size // 2), size // 2 + 1)
    for dx in r:
        for dy in r:
            for dz in r:
                wanted = key(coord + torch.tensor([dx, dy, dz]))
                at = torch.searchsorted(sorted_key, wanted).clamp_(max=len(coord) - 1)
                out = torch.nonzero(sorted_key[at] == wanted)[:, 0]
                pairs.append((order[at[out]], out))
    return pairs


# ---- network --------------------------------------------------------------------------------
class Ptv3:
    def __init__(self, path):
        tensors, meta = read_safetensors(path)
        config = json.loads(meta["config"])
        self.net, self.cell = config["net"], config["grid"]
        self.w = {k: torch.from_numpy(v) for k, v in expand(tensors, meta).items()}
        for k in [k for k in self.w if self.w[k].dim() == 5]:  # [out, cells, in] -> per cell [in, out]
            v = self.w[k]
            self.w[k] = v.reshape(v.shape[0], -1, v.shape[-1]).permute(1, 2, 0).contiguous()

    def conv(self, name, x, pairs):
        w, b = self.w[name + ".weight"], self.w.get(name + ".bias")
        out = torch.zeros(len(x), w.shape[2]) if b is None else b.repeat(len(x), 1)
        for k, (i, o) in enumerate(pairs):
            if len(i):
                out.index_add_(0, o, x[i] @ w[k])
        return out

    def linear(self, name, x):
        return F.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def layer_norm(self, name, x):
        return F.layer_norm(x, x.shape[1:], self.w[name + ".weight"], self.w[name + ".bias"], 1e-5)

    def batch_norm(self, name, x):
        w = self.w
        return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"], w[name + ".bias"], eps=1e-3)

    def attention(self, name, x, level, j, heads):
        n, c = x.shape
        order, k = level.order[j % 4][level.pad], level.patch
        qkv = self.linear(name + ".qkv", x)[order].view(-1, k, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(-1, c)
        got = torch.empty_like(x)
        got[order[:n]] = out[:n]  # borrowed positions come last
        return self.linear(name + ".proj", got)

    def block(self, name, x, seen, level, j, heads):
        c = self.layer_norm(name + ".cpe.2", self.linear(name + ".cpe.1", self.conv(name + ".cpe.0", seen, level.rules)))
        x = x + c
        x = x + self.attention(name + ".attn", self.layer_norm(name + ".norm1.0", x), level, j, heads)
        h = F.gelu(self.linear(name + ".mlp.0.fc1", self.layer_norm(name + ".norm2.0", x)))
        return x + self.linear(name + ".mlp.0.fc2", h)

    def levels(self, points):
        coord, depth, first, inverse = sample(points, self.cell)
        patch = self.net["enc_patch_size"]
        levels, clusters = [Level(coord, depth, patch[0])], []
        for s in range(1, len(patch)):
            fine = levels[-1]
            code, cluster = torch.unique(fine.z >> (3 * (fine.depth > 0)), return_inverse=True)
            coarse = torch.zeros(len(code), 3, dtype=torch.long)
            coarse[cluster] = fine.coord >> int(fine.depth > 0)
            levels.append(Level(coarse, max(fine.depth - 1, 0), patch[s]))
            clusters.append(cluster)
        return levels, clusters, first, inverse

    def encode(self, x, levels, clusters):
        net, skips = self.net, []
        for s, level in enumerate(levels):
            if s:
                name = f"backbone.enc.enc{s}.down"
                x = self.linear(name + ".proj", x)
                pooled = torch.empty(level.n, x.shape[1])
                pooled.scatter_reduce_(0, clusters[s - 1][:, None].expand_as(x), x, "amax", include_self=False)
                x = F.gelu(self.batch_norm(name + ".norm.0", pooled))
            for i in range(net["enc_depths"][s]):
                x = self.block(f"backbone.enc.enc{s}.block{i}", x, x, level, i, net["enc_num_head"][s])
            skips.append(x)
        return skips

    def decode(self, skips, levels, clusters):
        x = skips[-1]
        for s in range(len(levels) - 2, -1, -1):
            name = f"backbone.dec.dec{s}.up."
            up = F.gelu(self.batch_norm(name + "proj.1", self.linear(name + "proj.0", x)))
            skip = F.gelu(self.batch_norm(name + "proj_skip.1", self.linear(name + "proj_skip.0", skips[s])))
            x, seen = skip + up[clusters[s]], skip
            for i in range(self.net["dec_depths"][s]):
                x = self.block(f"backbone.dec.dec{s}.block{i}", x, seen if i == 0 else x, levels[s], i, self.net["dec_num_head"][s])
        return x

    @torch.inference_mode()
    def __call__(self, points, clock=None):
        """Labels of the points; logits of the cells, the cell of each point."""
        clock = [] if clock is None else clock
        clock.append(time.perf_counter())
        levels, clusters, first, inverse = self.levels(points)
        stem = rules(levels[0].coord, 5)
        clock.append(time.perf_counter())
        x = F.gelu(self.batch_norm("backbone.embedding.stem.norm", self.conv("backbone.embedding.stem.conv", points[first], stem)))
        clock.append(time.perf_counter())
        skips = self.encode(x, levels, clusters)
        clock.append(time.perf_counter())
        x = self.decode(skips, levels, clusters)
        clock.append(time.perf_counter())
        logits = self.linear("seg_head", x)
        labels = logits.argmax(1)[inverse]
        clock.append(time.perf_counter())
        return labels, logits, first


def check(model, golden):
    """Largest difference of logits' sums, and labels that differ where the best two are apart."""
    labels, logits, first = model(torch.from_numpy(golden["points"]))
    mine = {int(p): i for i, p in enumerate(first)}
    rows = np.array([mine[int(p)] for p in golden["sample_index"]])
    sums = golden["logits.rowsum"] if "logits.rowsum" in golden else golden["logits"].astype("f8").sum(1)
    worst = np.abs(logits.double().sum(1).numpy()[rows] - sums).max()
    clear = golden["label_gap"][golden["inverse"]] > 5e-3
    wrong = ((labels.numpy() != golden["point_label"]) & clear).sum()
    return float(worst), int(wrong)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--case", required=True)
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--repeat", type=int, default=1)
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    model, golden = Ptv3(args.weights), read_safetensors(args.case)[0]
    if args.check:
        worst, wrong = check(model, golden)
        print(f"{os.path.basename(args.case)}: sums of logits within {worst:.1e}, {wrong} labels differ")
        return 1 if wrong or worst > 5e-2 else 0
    points = torch.from_numpy(golden["points"])
    for _ in range(args.repeat):
        clock = []
        model(points, clock)
        print(", ".join(f"{n} {1e3 * (b - a):.0f} ms" for n, a, b in zip(STAGES, clock, clock[1:])), f"all {1e3 * (clock[-1] - clock[0]):.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
