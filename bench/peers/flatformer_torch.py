#!/usr/bin/env python3
"""FlatFormer in plain PyTorch: a peer to measure Glint against, and a second opinion on its results.

    flatformer_torch.py --weights W.safetensors --case CASE [--threads N] [--repeat N] [--fold] [--compile [--compile-mode M]] [--json OUT]
    flatformer_torch.py --weights W.safetensors --case CASE --device cuda [--precision f32|tf32|f16|bf16] [--compile]
    flatformer_torch.py --weights W.safetensors --case CASE.safetensors --check

CASE is a golden case (*.safetensors) or a KITTI scan (*.bin; missing point features are 0). Without --check the whole
frame is timed, from the points in memory to the boxes after NMS, together with its stages. With --check the tensors
of the golden case are compared. Exit status 1 when something differs: with --check any tensor, else the final boxes.

On another device than the CPU the points begin in (pinned) host memory and the boxes end there; both are inside the clock,
and every stage's end waits for the device. f16 and bf16 are torch's autocast, as the networks are trained.

Written from the description of the network that comes with the golden cases. Needs torch and numpy only.
"""
import argparse
import json
import math
import os
import platform
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STAGES = ("voxelize", "encode", "attend", "bev", "head", "nms")
BRANCHES = (("reg", 2), ("height", 1), ("dim", 3), ("rot", 2), ("vel", 2), ("iou", 1), ("heatmap", 3))
ORDERS = ("x", "x_shift", "y", "y_shift")


# ---- files ----------------------------------------------------------------------------------
def read_safetensors(path):
    """All tensors of a file as numpy arrays, and its metadata."""
    with open(path, "rb") as f:
        raw = f.read()
    n = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + n])
    meta = head.pop("__metadata__", {})
    types = {"F32": "<f4", "F64": "<f8", "I16": "<i2", "I32": "<i4", "I64": "<i8", "U8": "u1"}
    out = {}
    for name, e in head.items():
        a, b = e["data_offsets"]
        out[name] = np.frombuffer(raw[8 + n + a : 8 + n + b], types[e["dtype"]]).reshape(e["shape"]).copy()
    return out, meta


def read_case(path, n_features):
    """Points [N, n_features], the golden tensors (or none), and whether the range filter is on."""
    if path.endswith(".bin"):
        p = np.fromfile(path, "<f4").reshape(-1, 4)
        p = np.pad(p, ((0, 0), (0, max(0, n_features - 4))))[:, :n_features]
        return torch.from_numpy(np.ascontiguousarray(p)), {}, True
    tensors, meta = read_safetensors(path)
    if "points_raw" not in tensors:
        sys.exit(f"{path}: no points_raw (batch and stand-alone cases are not supported)")
    return torch.from_numpy(tensors["points_raw"]), tensors, meta.get("range_filter", "1") == "1"


# ---- network --------------------------------------------------------------------------------
class VfeLayer(nn.Module):
    def __init__(self, n_in, n_out, eps):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)
        self.norm = nn.BatchNorm1d(n_out, eps=eps)

    def forward(self, x):
        return F.relu(self.norm(self.linear(x)))


def pillar_max(x, pillar, n_pillars):
    # x is a relu output, so zeros are a neutral start
    return x.new_zeros(n_pillars, x.shape[1]).scatter_reduce(0, pillar[:, None].expand_as(x), x, "amax")


class VoxelEncoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        v0, v1 = cfg["vfe"]
        self.vfe_layers = nn.ModuleList([VfeLayer(cfg["nf"] + 6, v0, cfg["bn_eps"]), VfeLayer(2 * v0, v1, cfg["bn_eps"])])
        size, low = np.array(cfg["vs"]), np.array(cfg["pcr"][:3])
        self.register_buffer("size", torch.tensor(cfg["vs"]), persistent=False)
        self.register_buffer("offset", torch.from_numpy((size / 2 + low).astype(np.float32)), persistent=False)

    def forward(self, points, pillar, count, cell_xy, dump=None):
        n, xyz = len(count), points[:, :3]
        mean = xyz.new_zeros(n, 3).index_add_(0, pillar, xyz) / count[:, None]
        centre = F.pad(cell_xy, (0, 1)).float() * self.size + self.offset
        x = torch.cat([points, xyz - mean[pillar], xyz - centre[pillar]], 1)
        h = self.vfe_layers[0](x)
        m = pillar_max(h, pillar, n)
        h2 = self.vfe_layers[1](torch.cat([h, m[pillar]], 1))
        out = pillar_max(h2, pillar, n)
        if dump is not None:
            dump.update({"vfe.in": x, "vfe.mean_xyz": mean, "vfe.l0.point": h, "vfe.l0.pillar": m, "vfe.l1.point": h2, "vfe.out": out})
        return out


class Attention(nn.Module):
    """Multi-head attention in which position enters queries and keys, but not values."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * dim))
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, x, pe, group):
        n, c = x.shape
        w, b = self.in_proj_weight, self.in_proj_bias
        qk = F.linear(x + pe, w[: 2 * c], b[: 2 * c]).view(n // group, group, 2, self.heads, c // self.heads)
        v = F.linear(x, w[2 * c :], b[2 * c :]).view(n // group, group, self.heads, c // self.heads)
        q, k = qk.permute(2, 0, 3, 1, 4)
        o = F.scaled_dot_product_attention(q, k, v.transpose(1, 2))
        return self.out_proj(o.transpose(1, 2).reshape(n, c))


class Layer(nn.Module):
    def __init__(self, dim, heads, eps):
        super().__init__()
        self.attn = nn.ModuleDict({"attn": Attention(dim, heads)})
        self.fc1, self.fc2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=eps), nn.LayerNorm(dim, eps=eps)

    def forward(self, x, pe, group):
        """x, pe [groups * group, dim], already gathered into groups."""
        a = self.attn["attn"](x, pe, group)
        x = self.norm1(x + a)
        return self.norm2(x + self.fc2(F.gelu(self.fc1(x)))), a


class Block(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.block = nn.ModuleList(Layer(cfg["dim"], cfg["heads"], cfg["ln_eps"]) for _ in ORDERS)


class MiddleEncoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.window, self.group, self.grid, self.dim = cfg["window"], cfg["group"], cfg["grid"], cfg["dim"]
        self.block_list = nn.ModuleList(Block(cfg) for _ in range(cfg["blocks"]))
        # the encoding of one axis for every coordinate of the grid
        width = 2 * (self.dim // 4)
        d = torch.tensor([cfg["pos_temperature"] ** (2 * j / width) for j in range(width // 2)], dtype=torch.float32)
        a = torch.arange(self.grid, dtype=torch.float32)[:, None] / d
        self.register_buffer("axis_pe", torch.stack([a.sin(), a.cos()], 2).flatten(1), persistent=False)

    def order(self, cell_xy, name):
        w = self.window
        x, y = (cell_xy + (w // 2 if name.endswith("shift") else 0)).unbind(1)
        u, v = (x, y) if name[0] == "x" else (y, x)              # u runs along a row of windows
        wu, iu, wv, iv = u // w, u % w, v // w, v % w
        n, m = 2 * (math.ceil(self.grid / w) + 1), 2 * w
        sign_v, sign_u = 1 - 2 * (wv % 2), 1 - 2 * (iu % 2)
        return torch.argsort((n * wv + sign_v * wu) * m * m + sign_v * (m * iu + sign_u * iv))

    def forward(self, x, cell_xy, dump=None):
        n = len(x)
        group = min(self.group, n)
        n_groups = -(-n // group)
        pe = torch.cat([self.axis_pe[cell_xy[:, 0]], self.axis_pe[cell_xy[:, 1]]], 1)
        pe = F.pad(pe, (0, self.dim - pe.shape[1]))
        # the last group takes the last `group` tokens, but only those that no other group has give a result
        on, rest = x.device, n - (n_groups - 1) * group
        padded = torch.arange(n_groups * group, device=on)
        padded[-group:] = torch.cat([torch.arange(n - rest, n, device=on), torch.arange(n - group, n - rest, device=on)])
        plans = []
        for name in ORDERS:
            perm = self.order(cell_xy, name)
            gather = perm[padded]
            back = torch.empty_like(perm)
            back[perm] = torch.arange(n, device=on)
            plans.append((gather, back, pe[gather]))
            if dump is not None:
                dump["perm." + name] = perm
        if dump is not None:
            dump.update({"pe": pe, "flat2win": padded})
        for b, block in enumerate(self.block_list):
            for i, (layer, (gather, back, pe_sorted)) in enumerate(zip(block.block, plans)):
                y, a = layer(x[gather], pe_sorted, group)
                x = y[back]
                if dump is not None:
                    dump[f"enc.b{b}.l{i}"] = x
                    dump[f"enc.b{b}.l{i}.attn.first_group"], dump[f"enc.b{b}.l{i}.attn.last_group"] = a[:group], a[-group:]
        return x


def conv_bn(n_in, n_out, eps, stride=1):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out, eps=eps))


class Backbone(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.blocks, n = nn.ModuleList(), cfg["dim"]
        for width, extra, stride in zip(cfg["bb"], cfg["nums"], cfg["strides"]):
            widths = [n] + [width] * (extra + 1)
            self.blocks.append(nn.ModuleList(conv_bn(a, b, cfg["bn_eps"], 1 if j else stride) for j, (a, b) in enumerate(zip(widths, widths[1:]))))
            n = width

    def forward(self, x, dump=None):
        outs = []
        for b, block in enumerate(self.blocks):
            for j, layer in enumerate(block):
                t = F.relu(layer(x), inplace=True)
                if dump is not None:
                    dump[f"backbone.b{b}.c{j}"] = t[0]
                x = t + x if t.shape == x.shape else t
            outs.append(x)
            if dump is not None:
                dump[f"backbone.out{b}"] = x[0]
        return outs


class Neck(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.deblocks = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(a, b, s, s, bias=False), nn.BatchNorm2d(b, eps=cfg["bn_eps"]))
            for a, b, s in zip(cfg["bb"], cfg["fpn"], cfg["ups"]))

    def forward(self, xs):
        return torch.cat([F.relu(d(x), inplace=True) for d, x in zip(self.deblocks, xs)], 1)


class ConvBn(nn.Module):
    def __init__(self, n_in, n_out, eps):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=eps)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Head(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        share = cfg["share"]
        self.shared_conv = ConvBn(sum(cfg["fpn"]), share, cfg["bn_eps"])
        self.task_heads = nn.ModuleList([nn.ModuleDict({
            name: nn.Sequential(ConvBn(share, share, cfg["head_bn_eps"]), nn.Conv2d(share, k, 3, padding=1)) for name, k in BRANCHES})])

    def forward(self, x):
        x = self.shared_conv(x)
        return x, {name: branch(x) for name, branch in self.task_heads[0].items()}


class FlatFormer(nn.Module):
    def __init__(self, cfg, channels_last=True):
        super().__init__()
        self.cfg, self.channels_last = cfg, channels_last
        self.voxel_encoder, self.middle_encoder = VoxelEncoder(cfg), MiddleEncoder(cfg)
        self.backbone, self.neck, self.bbox_head = Backbone(cfg), Neck(cfg), Head(cfg)
        f32 = np.float32
        low, high, size = (np.array(v, f32) for v in (cfg["pcr"][:3], cfg["pcr"][3:], cfg["vs"]))
        for name, value in (("low", low), ("size", size), ("n_cells", np.ceil((high - low) / size)), ("filter", cfg["filt"]),
                            ("post", cfg["post"]), ("limit", cfg["limit"])):
            self.register_buffer(name, torch.from_numpy(np.array(value, f32)), persistent=False)

    def voxelize(self, points, range_filter=True):
        """Kept points, their pillar, and per pillar (y, then x ascending) the number of points and the cell (x, y)."""
        if range_filter:
            xyz = points[:, :3]
            points = points[((xyz > self.filter[:3]) & (xyz < self.filter[3:])).all(1)]
        cell = ((points[:, :2] - self.low[:2]) / self.size[:2]).floor_()
        cell = torch.minimum(cell.clamp_(min=0), self.n_cells[:2] - 1).long()
        key = cell[:, 1] * self.cfg["grid"] + cell[:, 0]
        per_cell = torch.bincount(key, minlength=self.cfg["grid"] ** 2)
        used = per_cell.nonzero().squeeze(1)
        number = torch.empty_like(per_cell)
        number[used] = torch.arange(len(used), device=used.device)
        cell_xy = torch.stack([used % self.cfg["grid"], used // self.cfg["grid"]], 1)
        return points, number[key], per_cell[used], cell_xy

    def canvas(self, x, cell_xy):
        g, c = self.cfg["grid"], self.cfg["dim"]
        at = cell_xy[:, 1] * g + cell_xy[:, 0]
        if self.channels_last:
            out = x.new_zeros(g * g, c)
            out[at] = x
            return out.view(1, g, g, c).permute(0, 3, 1, 2)
        out = x.new_zeros(c, g * g)
        out[:, at] = x.t()
        return out.view(1, c, g, g)

    def decode(self, maps):
        """Boxes [D, 9] with the centre of gravity as Z, scores, labels and cells (y, x), by descending score."""
        cfg = self.cfg
        score = maps["heatmap"][0].sigmoid() * maps["iou"][0].clamp(0, 1) ** cfg["iou_pow"]
        h, w = score.shape[1:]
        flat = score.reshape(-1)
        top, at = flat.topk(min(cfg["max_num"], len(flat)))
        above = top > cfg["score_thr"]
        top, at = top[above], at[above]
        label, cell = at // (h * w), at % (h * w)
        y, x = cell // w, cell % w
        raw = {k: v[0].reshape(v.shape[1], -1)[:, cell] for k, v in maps.items()}
        boxes = torch.cat([
            ((x + raw["reg"][0]) * cfg["vs"][0] + cfg["pcr"][0])[None], ((y + raw["reg"][1]) * cfg["vs"][1] + cfg["pcr"][1])[None],
            raw["height"], raw["dim"].exp(), torch.atan2(raw["rot"][0], raw["rot"][1])[None], raw["vel"]]).t()
        keep = ((boxes[:, :3] >= self.post[:3]) & (boxes[:, :3] <= self.post[3:])).all(1)
        return boxes[keep], top[keep], label[keep], torch.stack([y, x], 1)[keep]

    def suppress(self, boxes, scores, labels):
        """Indices of the final boxes."""
        cfg, out = self.cfg, []
        for c in range(cfg["ncls"]):
            mine = (labels == c).nonzero().squeeze(1)[: cfg["pre"][c]]
            nms = rotated_nms if boxes.device.type == "cpu" else rotated_nms_device
            kept = nms(boxes[mine].double(), cfg["thr"][c])[: cfg["postn"][c]]
            out.append(mine[torch.from_numpy(kept).to(mine.device)])
        out = torch.cat(out)
        return out[((boxes[out, :3] >= self.limit[:3]) & (boxes[out, :3] <= self.limit[3:])).all(1)]

    def forward(self, points, range_filter=True, dump=None, clock=None):
        """(boxes [E, 9] with the bottom as Z, scores, labels). dump: dict for intermediates; clock: list for stage ends."""
        tick = clock.append if clock is not None else lambda t: None
        now = time.perf_counter
        points, pillar, count, cell_xy = self.voxelize(points, range_filter)
        tick(now())
        if len(points):
            x = self.voxel_encoder(points, pillar, count, cell_xy, dump)
            tick(now())
            x = self.middle_encoder(x, cell_xy, dump)
        else:
            x = points.new_zeros(0, self.cfg["dim"])
            tick(now())
        x = self.canvas(x, cell_xy)
        tick(now())
        if dump is None:
            x = self.neck(self.backbone(x))
        else:
            x = self.neck(self.backbone(x, dump))
            dump["neck"] = x[0]
        tick(now())
        shared, maps = self.bbox_head(x)
        tick(now())
        boxes, scores, labels, cells = self.decode({k: v.float() for k, v in maps.items()})
        final = self.suppress(boxes, scores, labels)
        det = boxes[final]
        det[:, 2] -= det[:, 5] / 2
        tick(now())
        if dump is not None:
            dump.update({"head." + k: v[0] for k, v in maps.items()})
            dump.update({"head.shared": shared[0], "coords": F.pad(cell_xy.flip(1), (2, 0)), "pillar_count": count,
                         "dec.boxes": boxes, "dec.scores": scores, "dec.labels": labels, "dec.cells": cells,
                         "det.boxes": det, "det.scores": scores[final], "det.labels": labels[final]})
        return det, scores[final], labels[final]


# ---- rotated NMS, exact polygons, double precision ---------------------------------------------
def corners_in(a, b):
    """Corners [n, 4, 2] of rectangles a in the frames of rectangles b (x, y, dx, dy, yaw; yaw turns clockwise), in ccw order."""
    turn = b[:, 4] - a[:, 4]
    c, s, cb, sb = np.cos(turn), np.sin(turn), np.cos(b[:, 4]), np.sin(b[:, 4])
    x, y = a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]
    centre = np.stack([cb * x - sb * y, sb * x + cb * y], 1)
    u, v = np.stack([c * a[:, 2], s * a[:, 2]], 1) / 2, np.stack([-s * a[:, 3], c * a[:, 3]], 1) / 2
    return centre[:, None] + np.stack([u + v, v - u, -u - v, u - v], 1)


def part_inside(corner, half):
    """For each edge, the range of its parameter 0..1 inside the axis-parallel box +-half; empty ranges have equal ends."""
    d = np.roll(corner, -1, 1) - corner
    half = half[:, None]
    flat = np.abs(d) < 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        t0, t1 = (-half - corner) / d, (half - corner) / d
    enter = np.where(flat, 0, np.minimum(t0, t1)).max(2).clip(0, 1)
    leave = np.where(flat, 1, np.maximum(t0, t1)).min(2).clip(0, 1)
    outside = (flat & (np.abs(corner) > half)).any(2)
    return enter, np.where(outside, enter, np.maximum(enter, leave))


def swept(corner, enter, leave):
    """Twice the area that these parts of the edges sweep around the origin."""
    d = np.roll(corner, -1, 1) - corner
    return ((leave - enter) * (corner[..., 0] * d[..., 1] - corner[..., 1] * d[..., 0])).sum(1)


def rotated_iou(a, b):
    """IoU of pairs of rectangles [n, 5], by Green's theorem: the border of the intersection consists of the parts of each
    border inside the other rectangle. Where both borders coincide only a's may count: hence the two tiny margins."""
    a_in_b, b_in_a = corners_in(a, b), corners_in(b, a)
    area = swept(a_in_b, *part_inside(a_in_b, b[:, 2:4] / 2 + 1e-9))
    area += swept(corners_in(b, b), *part_inside(b_in_a, a[:, 2:4] / 2 - 1e-9))
    inter = np.maximum(area / 2, 0)
    return inter / np.maximum(a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - inter, 1e-8)


def rotated_nms(boxes, threshold):
    """Greedy NMS over boxes [n, 9] in descending order of score; returns the kept rows."""
    boxes, n = np.asarray(boxes), len(boxes)
    r = boxes[:, [0, 1, 3, 4, 6]]
    area, reach = r[:, 2] * r[:, 3], np.hypot(r[:, 2], r[:, 3]) / 2
    # only pairs that can reach the threshold: circles that meet, and areas similar enough
    near = (r[:, None, 0] - r[None, :, 0]) ** 2 + (r[:, None, 1] - r[None, :, 1]) ** 2 < (reach[:, None] + reach[None]) ** 2
    near &= np.minimum(area[:, None], area[None]) > threshold * 0.999 * np.maximum(area[:, None], area[None])
    i, j = np.nonzero(np.triu(near, 1))
    over = rotated_iou(r[i], r[j]) > threshold
    i, j = i[over], j[over]
    first = np.searchsorted(i, np.arange(n + 1))
    alive = np.ones(n, bool)
    for k in range(n):
        if alive[k]:
            alive[j[first[k] : first[k + 1]]] = False
    return np.flatnonzero(alive)


# The same on a device, all pairs at once in few launches, then a walk over their bits on the host: as the toolboxes' operators do.
def rotated_iou_pairs(r):
    """IoU of all pairs of rectangles [n, 5] as a matrix [n, n]; corners_in, part_inside and swept as above."""
    def corners(a, b):
        turn, c, s = b[..., 4] - a[..., 4], b[..., 4].cos(), b[..., 4].sin()
        x, y = a[..., 0] - b[..., 0], a[..., 1] - b[..., 1]
        centre = torch.stack([c * x - s * y, s * x + c * y], -1)
        u = torch.stack([turn.cos() * a[..., 2], turn.sin() * a[..., 2]], -1) / 2
        v = torch.stack([-turn.sin() * a[..., 3], turn.cos() * a[..., 3]], -1) / 2
        return centre[..., None, :] + torch.stack([u + v, v - u, -u - v, u - v], -2)

    def inside(corner, half):
        d, half = corner.roll(-1, -2) - corner, half[..., None, :]
        flat = d.abs() < 1e-12
        t0, t1 = (-half - corner) / d, (half - corner) / d
        enter = torch.where(flat, 0, torch.minimum(t0, t1)).amax(-1).clamp(0, 1)
        leave = torch.where(flat, 1, torch.maximum(t0, t1)).amin(-1).clamp(0, 1)
        return enter, torch.where((flat & (corner.abs() > half)).any(-1), enter, torch.maximum(enter, leave))

    def sweep(corner, enter, leave):
        d = corner.roll(-1, -2) - corner
        return ((leave - enter) * (corner[..., 0] * d[..., 1] - corner[..., 1] * d[..., 0])).sum(-1)

    a, b = torch.broadcast_tensors(r[:, None], r[None])
    area = sweep(corners(a, b), *inside(corners(a, b), b[..., 2:4] / 2 + 1e-9))
    area = area + sweep(corners(b, b), *inside(corners(b, a), a[..., 2:4] / 2 - 1e-9))
    inter = (area / 2).clamp(min=0)
    size = r[:, 2] * r[:, 3]
    return inter / (size[:, None] + size[None] - inter).clamp(min=1e-8)


def rotated_nms_device(boxes, threshold):
    """rotated_nms for boxes on a device."""
    over = (rotated_iou_pairs(boxes[:, [0, 1, 3, 4, 6]]) > threshold).triu(1).cpu().numpy()
    alive = np.ones(len(over), bool)
    for k in range(len(over)):
        if alive[k]:
            alive &= ~over[k]
    return np.flatnonzero(alive)


# ---- loading ----------------------------------------------------------------------------------
def fold_batch_norm(model):
    """Replace every convolution or linear layer and its batch norm by one layer."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
    for layer in model.voxel_encoder.vfe_layers:
        layer.linear, layer.norm = fuse_linear_bn_eval(layer.linear, layer.norm), nn.Identity()
    for m in model.modules():
        if isinstance(m, ConvBn):
            m.conv, m.bn = fuse_conv_bn_eval(m.conv, m.bn), nn.Identity()
    for block in model.backbone.blocks:
        for m in block:
            m[0], m[1] = fuse_conv_bn_eval(m[0], m[1]), nn.Identity()
    for m in model.neck.deblocks:
        m[0], m[1] = fuse_conv_bn_eval(m[0], m[1], transpose=True), nn.Identity()


def load_model(path, channels_last=True, fold=False, compiled=False, device="cpu", mode=None):
    tensors, meta = read_safetensors(path)
    model = FlatFormer(json.loads(meta["config"]), channels_last)
    missing = model.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()}, strict=False)
    lost = [k for k in missing.missing_keys if not k.endswith("num_batches_tracked")]
    if lost or missing.unexpected_keys:
        sys.exit(f"{path}: missing {lost}, unexpected {missing.unexpected_keys}")
    model.eval()
    if fold:
        fold_batch_norm(model)
    model.to(device)
    if channels_last:
        model.to(memory_format=torch.channels_last)
    if compiled:
        import torch._inductor.config as inductor
        inductor.freezing = True                              # constants folded, weights packed once
        # The neck stays as it is: with freezing, torch 2.15 folds the batch norm into its transposed convolution wrongly
        # (30 % off; right without freezing). It is 3 % of the work.
        model.backbone.compile(mode=mode)
        model.bbox_head.compile(mode=mode)
        model.voxel_encoder.compile(dynamic=True)
        for block in model.middle_encoder.block_list:
            for layer in block.block:
                layer.compile(dynamic=True)
    return model


# ---- check --------------------------------------------------------------------------------------
def relative(a, b):
    a, b = np.asarray(a, "f8"), np.asarray(b, "f8")
    if a.shape != b.shape or not np.isfinite(a).all():
        return math.inf
    norm = np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / norm) if norm > 0 else float(np.linalg.norm(a))


def unmatched(dump, golden, prefix):
    """Detections without a partner of the same class, score within 1e-5 and box within 1 mm; the largest errors of the others."""
    box, want = dump[prefix + ".boxes"].astype("f8"), golden[prefix + ".boxes"].astype("f8")
    score, label = dump[prefix + ".scores"], dump[prefix + ".labels"]
    free, worst, worst_yaw, lost = np.ones(len(box), bool), 0.0, 0.0, 0
    for w, s, c in zip(want, golden[prefix + ".scores"], golden[prefix + ".labels"]):
        k = np.flatnonzero(free & (label == c) & (np.abs(score - s) <= 1e-5))
        error = np.abs(box[k][:, :6] - w[:6]).max(1) if len(k) else np.array([math.inf])
        if error.min() > 1e-3:
            lost += 1
            continue
        j = k[error.argmin()]
        free[j] = False
        worst = max(worst, error.min())
        worst_yaw = max(worst_yaw, abs((box[j, 6] - w[6] + math.pi) % (2 * math.pi) - math.pi))
    return lost + int(free.sum()), f"{len(want) - lost} of {len(want)} found, {int(free.sum())} extra, box {worst:.1e} m, yaw {worst_yaw:.1e} rad"


def compare(dump, golden):
    """Print a line per tensor of the golden case; returns the number of those out of tolerance."""
    rows, point_rows, failed, n = golden.get("rows"), golden.get("pt_rows"), 0, 0
    for name, want in golden.items():
        got, note = dump.get(name), ""
        if got is None or name.startswith("dec.") or name.startswith("det."):
            continue
        if np.issubdtype(want.dtype, np.integer):
            tol, error = 0, 0 if got.shape == want.shape and (got == want).all() else math.inf
        elif name + ".win" in golden:
            y, x, h, w = golden[name + ".win"]
            whole = got.astype("f8")
            stats = np.stack([whole.mean((1, 2)), np.abs(whole).mean((1, 2)), np.abs(whole).max((1, 2))], 1)
            spread = relative(stats, golden[name + ".stats"])
            tol, error = 2e-5, max(relative(got[:, y : y + h, x : x + w], want), spread)
            note = f"whole map {spread:.1e}"
            if name + ".tl" in golden:
                corners = max(relative(got[:, :8, :8], golden[name + ".tl"]), relative(got[:, -8:, -8:], golden[name + ".br"]))
                note += f", corners {corners:.1e}"
                error = max(error, corners)
        else:
            tol = 1e-5
            if not name.endswith("_group"):
                got = got[point_rows if name in ("vfe.in", "vfe.l0.point", "vfe.l1.point") else rows]
            error = relative(got, want)
            if name + ".rownorm" in golden:
                note = f"all rows {relative(np.linalg.norm(dump[name].astype('f8'), axis=1), golden[name + '.rownorm']):.1e}"
        n, failed = n + 1, failed + (error > tol)
        print(f"{'ok' if error <= tol else 'FAIL':4s} {name:30s} {error:9.2e}  {note}")
    for prefix in ("dec", "det"):
        if prefix + ".boxes" in golden:
            wrong, note = unmatched(dump, golden, prefix)
            n, failed = n + 1, failed + (wrong > 0)
            print(f"{'FAIL' if wrong else 'ok':4s} {prefix:30s} {wrong:9d}  {note}")
    print(f"{n - failed} equal, {failed} differ")
    return failed if n else 1


# ---- timing -------------------------------------------------------------------------------------
PRECISIONS = {"f32": None, "tf32": None, "f16": torch.float16, "bf16": torch.bfloat16}


class Clock(list):
    """The ends of stages; on a device each waits until the work before it is done."""

    def __init__(self, device):
        self.wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
        self.wait()
        super().__init__([time.perf_counter()])

    def append(self, _):
        self.wait()
        super().append(time.perf_counter())


def run_frame(model, points, range_filter=True, precision="f32", clock=None, dump=None):
    """From points in host memory to boxes in host memory."""
    device = model.low.device
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    with torch.autocast(device.type, PRECISIONS[precision], enabled=PRECISIONS[precision] is not None):
        found = model(points.to(device, non_blocking=True), range_filter, dump, clock)
    return tuple(v.float().cpu() if v.is_floating_point() else v.cpu() for v in found)


def measure(model, points, range_filter, repeat, warmup, precision="f32"):
    """Stages' ms [repeat, stages] and whole frames' ms [repeat], each of its own runs, and what was found."""
    samples, whole, device = [], [], model.low.device
    if device.type == "cuda":
        points = points.pin_memory()
    for k in range(warmup + repeat):
        begun = Clock(device)
        found = run_frame(model, points, range_filter, precision)
        begun.append(None)
        clock = Clock(device)
        run_frame(model, points, range_filter, precision, clock)
        if k >= warmup:
            whole.append(1e3 * (begun[1] - begun[0]))
            samples.append([1e3 * (b - a) for a, b in zip(clock, clock[1:])])
    return np.array(samples), np.array(whole), found


def cpu_name():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--case", required=True)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--repeat", type=int, default=20)
    ap.add_argument("--warmup", type=int, default=3)
    ap.add_argument("--fold", action="store_true", help="fold batch norms into the layers before them")
    ap.add_argument("--compile", action="store_true", help="torch.compile the networks (needs a C++ compiler)")
    ap.add_argument("--compile-mode", metavar="M", help="torch.compile's mode for backbone and head (default: its own)")
    ap.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N (default: cpu)")
    ap.add_argument("--precision", choices=PRECISIONS, default="f32", help="tf32: products only; f16, bf16: autocast (default: f32)")
    ap.add_argument("--layout", choices=("channels_last", "contiguous"), default="channels_last", help="memory format of the maps")
    ap.add_argument("--check", action="store_true")
    ap.add_argument("--json", metavar="OUT")
    args = ap.parse_args()
    if args.check and args.compile:
        ap.error("--check looks at tensors inside the networks, which --compile removes")
    torch.set_num_threads(args.threads)
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        ap.error(f"--device {args.device}: torch {torch.__version__} sees no CUDA device here")
    model = load_model(args.weights, args.layout == "channels_last", args.fold, args.compile, args.device, args.compile_mode)
    points, golden, range_filter = read_case(args.case, model.cfg["nf"])
    with torch.inference_mode():
        if args.check:
            if not golden:
                ap.error("--check needs a golden case")
            dump = {}
            run_frame(model, points, range_filter, args.precision, dump=dump)
            return int(compare({k: v.cpu().numpy() for k, v in dump.items()}, golden) > 0)
        samples, total, found = measure(model, points, range_filter, args.repeat, args.warmup, args.precision)
    n_boxes = len(found[0])
    dump = dict(zip(("det.boxes", "det.scores", "det.labels"), (v.numpy() for v in found)))
    wrong, note = unmatched(dump, golden, "det") if "det.boxes" in golden else (None, "no golden boxes")
    result = {"case": os.path.basename(args.case), "model": model.cfg["name"], "points": len(points), "boxes": n_boxes, "boxes_wrong": wrong,
              "torch": torch.__version__, "cpu": cpu_name(), "threads": args.threads, "repeat": args.repeat, "warmup": args.warmup,
              "fold": args.fold, "compile": args.compile, "layout": args.layout,
              "device": args.device, "device_name": torch.cuda.get_device_name(args.device) if args.device != "cpu" else None,
              "precision": args.precision, "compile_mode": args.compile_mode,
              "median_ms": {"frame": float(np.median(total)), **{s: float(np.median(samples[:, i])) for i, s in enumerate(STAGES)}},
              "min_ms": float(total.min()), "max_ms": float(total.max()), "frame_ms": [round(float(v), 3) for v in total]}
    print(f"{result['model']}, {result['case']}: {len(points)} points, {n_boxes} boxes; torch {torch.__version__}, {args.threads} threads, {result['cpu']}")
    for name, ms in result["median_ms"].items():
        print(f"{name:10s} {ms:10.2f} ms")
    print(f"all frames {total.min():.2f} to {total.max():.2f} ms in {args.repeat} repeats")
    print(f"boxes      {note}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
