#!/usr/bin/env python3
"""SST (Single-stride Sparse Transformer; SSTv2 with a centre head) in plain PyTorch on the CPU: the peer to measure Glint
against, and what its results are checked with.

    sst_torch.py --make FOLDER                                 the small networks and cases of tests/golden/sst_*.safetensors
    sst_torch.py --weights OUT.safetensors                     random weights of the Waymo configuration, for Glint to import
    sst_torch.py --time SCAN.bin [--threads N] [--repeat N]    whole frames of the Waymo configuration

Written from the paper (Fan et al., CVPR 2022) and the published structure of the network (tusen-ai/SST); modules have the names of
its state_dict. Windows are batched by how many pillars they hold, padded to their level's size and masked, as there; no level drops
any. Weights are random: they detect nothing and exercise every path. Needs torch and numpy.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import flatformer_torch as ff

BRANCHES = (("reg", 2), ("height", 1), ("dim", 3), ("rot", 2), ("vel", 2), ("heatmap", None))
LEVELS = (30, 60, 100)  # window sizes that are batched together; the last level holds a whole window
STAGES = ("voxelize", "encode", "attend", "bev", "head", "nms")

WAYMO = dict(classes=["vehicle", "pedestrian", "cyclist"], in_channels=5, pcr=[-74.88, -74.88, -2, 74.88, 74.88, 4], vs=[0.32, 0.32, 6],
             sparse_shape=[468, 468, 1], feat_channels=[64, 128], window_shape=[12, 12, 1], pos_temperature=1000, d_model=128, nhead=8,
             num_blocks=4, dim_feedforward=256, num_attached_conv=4, conv_out_channel=128, conv_dilations=[1, 1, 1, 2], conv_shortcut=True,
             layer_cfg=dict(cosine=True, tau_min=0.01), neck_channels=128, share_conv_channel=64, bn_eps=1e-3, head_bn_eps=1e-3, vel=True,
             max_num=4096, score_threshold=0.1, post_center_range=[-74.88, -74.88, -10, 74.88, 74.88, 10],
             post_center_limit_range=[-80, -80, -10, 80, 80, 10], nms_thr=[0.7, 0.7, 0.7], pre_max_size=[4096] * 3, post_max_size=[500] * 3,
             max_tokens=144)


# ---- modules, named as the reference's state_dict has them -----------------------------------------
class VfeLayer(nn.Module):
    def __init__(self, n_in, n_out, eps):
        super().__init__()
        self.linear, self.norm = nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out, eps=eps)

    def forward(self, x):
        return F.relu(self.norm(self.linear(x)))


class Attention(nn.Module):
    """Multi-head attention over [batch, rows, C]; with tau of the cosine."""

    def __init__(self, c, heads, cfg):
        super().__init__()
        self.heads, self.least = heads, cfg.get("tau_min", 0.01)
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.empty(3 * c, c)), nn.Parameter(torch.empty(3 * c))
        self.out_proj = nn.Linear(c, c)
        if cfg.get("cosine"):
            self.tau = nn.Parameter(torch.ones((1, heads, 1, 1) if cfg.get("non_shared_tau") else (1, 1, 1)))

    def forward(self, q, v, mask):
        c = q.shape[-1]
        parts = [F.linear(t, self.in_proj_weight[i * c : (i + 1) * c], self.in_proj_bias[i * c : (i + 1) * c]) for i, t in enumerate((q, q, v))]
        q, k, v = (t.view(*t.shape[:2], self.heads, -1).transpose(1, 2) for t in parts)
        scale = None
        if hasattr(self, "tau"):
            q, k, scale = F.normalize(q, dim=-1) / self.tau.clamp(min=self.least).view(1, -1, 1, 1), F.normalize(k, dim=-1), 1.0
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=~mask[:, None, None, :], scale=scale)
        return self.out_proj(o.transpose(1, 2).flatten(2))


class WindowAttention(nn.Module):
    def __init__(self, c, heads, cfg):
        super().__init__()
        self.self_attn = Attention(c, heads, cfg)

    def forward(self, x, windows):
        out = torch.empty_like(x)
        for table, empty, pos in windows:  # one entry per level
            rows = x[table]
            out[table[~empty]] = self.self_attn(rows + pos, rows, empty)[~empty]
        return out


class EncoderLayer(nn.Module):
    def __init__(self, c, heads, ffn, cfg):
        super().__init__()
        self.win_attn = WindowAttention(c, heads, cfg)
        self.linear1, self.linear2 = nn.Linear(c, ffn), nn.Linear(ffn, c)
        self.norm1, self.norm2 = nn.LayerNorm(c), nn.LayerNorm(c)

    def forward(self, x, windows):
        x = self.norm1(x + self.win_attn(x, windows))
        return self.norm2(x + self.linear2(F.gelu(self.linear1(x))))


class Block(nn.Module):
    def __init__(self, c, heads, ffn, cfg):
        super().__init__()
        self.encoder_list = nn.ModuleList(EncoderLayer(c, heads, ffn, cfg) for _ in range(2))


class Backbone(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        c, n = cfg["d_model"], cfg["conv_out_channel"]
        self.block_list = nn.ModuleList(Block(c, cfg["nhead"], cfg["dim_feedforward"], cfg["layer_cfg"]) for _ in range(cfg["num_blocks"]))
        self.conv_layer = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c if i == 0 else n, n, 3, padding=d, dilation=d, bias=False), nn.BatchNorm2d(n, eps=cfg["bn_eps"]), nn.ReLU())
            for i, d in enumerate(cfg["conv_dilations"]))


class ConvModule(nn.Module):
    def __init__(self, n_in, n_out, eps):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out, eps=eps)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Sst(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg, eps, share = cfg, cfg["bn_eps"], cfg["share_conv_channel"]
        widths = [cfg["in_channels"] + 6, *cfg["feat_channels"]]
        self.voxel_encoder = nn.Module()
        self.voxel_encoder.vfe_layers = nn.ModuleList(VfeLayer(a * (2 if i else 1), b, eps) for i, (a, b) in enumerate(zip(widths, widths[1:])))
        self.backbone = Backbone(cfg)
        self.neck = nn.Module()
        self.neck.deblocks = nn.ModuleList([nn.Sequential(nn.ConvTranspose2d(cfg["conv_out_channel"], cfg["neck_channels"], 1, bias=False),
                                                          nn.BatchNorm2d(cfg["neck_channels"], eps=eps), nn.ReLU())])
        self.bbox_head = nn.Module()
        self.bbox_head.shared_conv = ConvModule(cfg["neck_channels"], share, eps)
        self.bbox_head.task_heads = nn.ModuleList([nn.ModuleDict(
            {name: nn.Sequential(ConvModule(share, share, cfg["head_bn_eps"]), nn.Conv2d(share, n or len(cfg["classes"]), 3, padding=1))
             for name, n in BRANCHES})])
        f32 = np.float32
        self.low, self.size = torch.from_numpy(np.array(cfg["pcr"][:3], f32)), torch.from_numpy(np.array(cfg["vs"], f32))
        self.offset = torch.from_numpy((np.array(cfg["vs"]) / 2 + np.array(cfg["pcr"][:3])).astype(f32))

    def pillars(self, points):
        grid = torch.tensor(self.cfg["sparse_shape"])
        cell = ((points[:, :3] - self.low) / self.size).floor().long()
        kept = ((cell >= 0) & (cell < grid)).all(1)
        points, cell = points[kept], cell[kept]
        key = (cell[:, 2] * grid[1] + cell[:, 1]) * grid[0] + cell[:, 0]
        key, pillar, count = key.unique(return_inverse=True, return_counts=True)
        return points, pillar, count, torch.stack([key % grid[0], key // grid[0] % grid[1], key // (grid[0] * grid[1])], 1)

    def encode(self, points, pillar, count, coords):
        n, xyz = len(count), points[:, :3]
        mean = xyz.new_zeros(n, 3).index_add_(0, pillar, xyz) / count[:, None]
        x = torch.cat([points, xyz - mean[pillar], xyz - (coords.float() * self.size + self.offset)[pillar]], 1)
        layers = self.voxel_encoder.vfe_layers
        for i, layer in enumerate(layers):
            h = layer(x)
            top = ff.pillar_max(h, pillar, n)
            x = torch.cat([h, top[pillar]], 1) if i + 1 < len(layers) else top
        return x

    def positions(self, place, c):
        window, base = self.cfg["window_shape"], float(self.cfg["pos_temperature"])
        axes = 3 if window[2] > 1 else 2
        values = c // axes
        frequency = base ** (2 * (torch.arange(values, dtype=torch.float32) // 2) / values)
        out = []
        for a in range(axes):
            angle = (place[:, a] - window[a] / 2)[:, None] / frequency
            out.append(torch.stack([angle[:, ::2].sin(), angle[:, 1::2].cos()], -1).flatten(1))
        out = torch.cat(out, 1)
        return F.pad(out, (0, c - out.shape[1]))

    def windows(self, coords, shifted, c):
        """Per level: rows of its windows [n, size], the mask of empty places, and positions."""
        window, grid = torch.tensor(self.cfg["window_shape"]), torch.tensor(self.cfg["sparse_shape"])
        shift = window // 2 if shifted else window
        shift = torch.where(torch.tensor([False, False, bool(grid[2] == window[2])]), 0, shift)
        at, place = (coords + shift) // window, (coords + shift) % window
        count = -(-grid // window) + 1
        _, win, n = ((at[:, 0] * count[1] + at[:, 1]) * count[2] + at[:, 2]).unique(return_inverse=True, return_counts=True)
        order = win.argsort(stable=True)
        inner = torch.arange(len(order)) - (torch.cumsum(n, 0) - n)[win[order]]
        pos, out, low = self.positions(place.float(), c), [], 0
        for size in (*[s for s in LEVELS if s < int(window.prod())], int(window.prod())):
            level = (n > low) & (n <= size)
            low = size
            if not level.any():
                continue
            number = torch.cumsum(level, 0) - 1
            there = level[win[order]]
            table, empty = torch.zeros(int(level.sum()), size, dtype=torch.long), torch.ones(int(level.sum()), size, dtype=torch.bool)
            rows, slots = number[win[order[there]]], inner[there]
            table[rows, slots], empty[rows, slots] = order[there], False
            out.append((table, empty, pos[table]))
        return out

    def forward(self, points, dump=None, clock=None):
        tick, now = (clock.append if clock is not None else lambda t: None), time.perf_counter
        show = (lambda k, v: None) if dump is None else dump.__setitem__
        points, pillar, count, coords = self.pillars(points)
        tick(now())
        x = self.encode(points, pillar, count, coords)
        show("coords", F.pad(coords.flip(1), (1, 0)))
        show("vfe.out", x)
        tick(now())
        windows = [self.windows(coords, shifted, x.shape[1]) for shifted in (False, True)]
        for b, block in enumerate(self.backbone.block_list):
            for e, layer in enumerate(block.encoder_list):
                x = layer(x, windows[e])
                show(f"block{b}.layer{e}", x)
        gx, gy = self.cfg["sparse_shape"][:2]
        canvas = x.new_zeros(gy * gx, x.shape[1])
        canvas[coords[:, 1] * gx + coords[:, 0]] = x
        m = canvas.view(1, gy, gx, -1).permute(0, 3, 1, 2)
        show("bev", m[0])
        tick(now())
        for i, conv in enumerate(self.backbone.conv_layer):
            y = conv(m)
            m = y + m if self.cfg["conv_shortcut"] and y.shape == m.shape else y
            show(f"conv{i}", m[0])
        m = self.neck.deblocks[0](m)
        show("neck", m[0])
        tick(now())
        m = self.bbox_head.shared_conv(m)
        show("head.shared", m[0])
        maps = {k: v(m)[0] for k, v in self.bbox_head.task_heads[0].items()}
        for k, v in maps.items():
            show("head." + k, v)
        tick(now())
        boxes, scores, labels, cells = self.decode(maps)
        keep = self.suppress(boxes, labels)
        tick(now())
        for k, v in (("dec.boxes", boxes), ("dec.scores", scores), ("dec.labels", labels), ("dec.cells", cells), ("det.src", keep)):
            show(k, v)
        return boxes[keep], scores[keep], labels[keep]

    def decode(self, maps):
        cfg, (c, h, w) = self.cfg, maps["heatmap"].shape
        top, at = maps["heatmap"].sigmoid().reshape(-1).topk(min(cfg["max_num"], c * h * w))
        at, top = at[top > cfg["score_threshold"]], top[top > cfg["score_threshold"]]
        label, cell = at // (h * w), at % (h * w)
        y, x = cell // w, cell % w
        raw = {k: v.reshape(v.shape[0], -1)[:, cell] for k, v in maps.items()}
        boxes = torch.cat([((x + raw["reg"][0]) * cfg["vs"][0] + cfg["pcr"][0])[None], ((y + raw["reg"][1]) * cfg["vs"][1] + cfg["pcr"][1])[None],
                           raw["height"], raw["dim"].exp(), torch.atan2(raw["rot"][0], raw["rot"][1])[None], raw["vel"]]).t()
        limit = torch.tensor(cfg["post_center_range"]).view(2, 3)
        keep = ((boxes[:, :3] >= limit[0]) & (boxes[:, :3] <= limit[1])).all(1)
        return boxes[keep], top[keep], label[keep], torch.stack([y, x], 1)[keep]

    def suppress(self, boxes, labels):
        kept = []
        for k in range(len(self.cfg["classes"])):
            rows = (labels == k).nonzero()[:, 0][: self.cfg["pre_max_size"][k]]
            kept.append(rows[torch.from_numpy(ff.rotated_nms(boxes[rows].double().numpy(), self.cfg["nms_thr"][k])[: self.cfg["post_max_size"][k]])])
        return torch.cat(kept)


# ---- weights and cases ------------------------------------------------------------------------------
def random_weights(model, seed):
    """Activations of about 1, heat that finds some boxes."""
    g = torch.Generator().manual_seed(seed)
    rand = lambda shape, a, b: torch.rand(shape, generator=g) * (b - a) + a
    with torch.no_grad():
        for name, p in model.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            if name.endswith("tau"):
                p.copy_(rand(p.shape, 0.05, 0.4))
            elif p.dim() == 1:
                p.copy_(rand(p.shape, 0.5, 1.5) if name.endswith((".weight", "running_var")) else rand(p.shape, -0.3, 0.3))
            else:
                p.copy_(rand(p.shape, -1, 1) * (3.0 / (p[0].numel() if "deblocks" not in name else p.shape[0])) ** 0.5)
        model.bbox_head.task_heads[0]["heatmap"][1].bias.fill_(-1.5)
        model.bbox_head.task_heads[0]["dim"][1].weight.mul_(0.2)
    return model.eval()


def write(path, tensors, meta):
    types = {"float32": "F32", "int64": "I64", "int32": "I32"}
    head, at, blocks = {"__metadata__": meta}, 0, []
    for name, t in tensors.items():
        a = np.ascontiguousarray(t)
        head[name] = {"dtype": types[str(a.dtype)], "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
        blocks.append(a.tobytes())
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + b"".join(blocks))


def write_weights(model, path):
    tensors = {k: v.numpy() for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    write(path, tensors, {"format": "pt", "config": json.dumps(model.cfg)})


def made_points(n, cfg, seed):
    """Clusters of points, some outside of the range: made, of no sensor."""
    r = np.random.default_rng(seed)
    low, high = np.array(cfg["pcr"][:3]), np.array(cfg["pcr"][3:])
    centre = r.uniform(low[:2], high[:2], (n // 25 + 1, 2))[r.integers(0, n // 25 + 1, n)]
    xyz = np.concatenate([centre + r.normal(0, 0.8, (n, 2)), r.uniform(low[2], high[2], (n, 1))], 1)
    return np.concatenate([xyz, r.uniform(0, 1, (n, cfg["in_channels"] - 3))], 1).astype(np.float32)


def crop(out, name, m, size=12):
    h, w = m.shape[1:]
    y, x = max(0, h // 2 - size), max(0, w // 2 - size)
    out[name] = m[:, y : y + size, x : x + size]
    out[name + ".win"] = np.array([y, x, *out[name].shape[1:]], np.int32)
    wide = m.astype(np.float64)
    out[name + ".stats"] = np.stack([wide.mean((1, 2)), np.abs(wide).mean((1, 2)), np.abs(wide).max((1, 2))], 1).astype(np.float32)


def make(folder):
    """Two small networks (cosine attention with one temperature each head, and plain attention) with a case each."""
    small = dict(WAYMO, in_channels=4, pcr=[-10, -9, -2, 10, 9, 2], vs=[0.5, 0.5, 4], sparse_shape=[40, 36, 1], feat_channels=[12, 24],
                 window_shape=[6, 5, 1], d_model=24, nhead=3, num_blocks=2, dim_feedforward=40, conv_out_channel=24, num_attached_conv=3,
                 conv_dilations=[1, 1, 2], neck_channels=20, share_conv_channel=16, head_bn_eps=1e-5, max_num=200,
                 nms_thr=[0.05, 0.1, 0.2], post_center_range=[-10, -9, -10, 10, 9, 10], post_center_limit_range=[-12, -12, -10, 12, 12, 10], max_tokens=30)
    variants = {"cosine": dict(small, layer_cfg=dict(cosine=True, tau_min=0.1, non_shared_tau=True)),
                "plain": dict(small, layer_cfg={}, conv_shortcut=False, conv_out_channel=16, conv_dilations=[1, 2], num_attached_conv=2, score_threshold=0.14)}
    for seed, (name, cfg) in enumerate(variants.items(), 7):
        gap = 0
        while gap < 2e-6:  # between scores: their order is then nobody's choice
            model, points, dump = random_weights(Sst(cfg), seed), made_points(700, cfg, seed), {}
            model(torch.from_numpy(points), dump)
            gap, seed = float(-dump["dec.scores"].diff().max()), seed + 100
        write_weights(model, os.path.join(folder, f"sst_{name}_weights.safetensors"))
        out = {"points": points}
        for k, v in dump.items():
            v = v.numpy()
            if v.ndim == 3:
                crop(out, k, v)
            else:
                out[k] = v.astype(np.int32) if v.dtype == np.int64 else v
        write(os.path.join(folder, f"sst_{name}.safetensors"), out, {"made": "bench/peers/sst_torch.py --make"})
        print(name, len(dump["coords"]), "pillars", len(dump["dec.boxes"]), "candidates", len(dump["det.src"]), "boxes")


def scan(path, cfg):
    p = np.fromfile(path, "<f4").reshape(-1, 4)
    return torch.from_numpy(np.ascontiguousarray(np.pad(p, ((0, 0), (0, cfg["in_channels"] - 4)))))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--make", metavar="FOLDER")
    ap.add_argument("--weights", metavar="OUT.safetensors", help="write random weights of the Waymo configuration")
    ap.add_argument("--time", metavar="SCAN.bin")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--repeat", type=int, default=3)
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    with torch.inference_mode():
        if args.make:
            make(args.make)
        model = random_weights(Sst(WAYMO), 1) if args.weights or args.time else None
        if args.weights:
            write_weights(model, args.weights)
        for _ in range(args.repeat if args.time else 0):
            clock = [time.perf_counter()]
            det = model(scan(args.time, WAYMO), clock=clock)
            print(" ".join(f"{n} {1e3 * (b - a):.1f}" for n, a, b in zip(STAGES, clock, clock[1:])), f"frame {1e3 * (clock[-1] - clock[0]):.1f} ms, {len(det[0])} boxes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
