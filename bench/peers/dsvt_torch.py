#!/usr/bin/env python3
"""DSVT (pillars, or voxels in stages) in plain PyTorch on the CPU: a peer to measure Glint against, and a second opinion.

    dsvt_torch.py --weights W.safetensors --case CASE.safetensors [--double]
    dsvt_torch.py --weights W.safetensors --case CASE.safetensors --time [--threads N] [--repeat N] [--fold]

Written from the description of the network that comes with the golden cases, as a user would for speed: sets of equal size by
gathered tables, scaled_dot_product_attention with a mask over all of them at once, maps channels_last, NMS only of boxes that can
overlap. Batch norms stay apart, as a checkpoint gives them; --fold folds those of the 2D part. Needs torch and numpy.
"""
import argparse
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import flatformer_torch as ff
from centerpoint_torch import expand

STAGES = ("voxelize", "encode", "attend", "bev", "head", "nms")
BRANCHES = ("center", "center_z", "dim", "rot", "iou", "hm")
BEV_EPS, POOL_HEADS = 1e-3, 8


# ---- sets ---------------------------------------------------------------------------------------
def window_sets(coords, grid, window, shift, size):
    """coords [n, 3] (x, y, z). Rows of each set along both axes [2, sets, size], the mask of repeated ones, places in the window."""
    window, shift = torch.tensor(window), torch.tensor(shift)
    shift = torch.where(torch.tensor([False, False, grid[2] == int(window[2])]), 0, shift)
    at = coords + shift
    win, place = at // window, at % window
    count = [-(-g // int(w)) + 1 for g, w in zip(grid, window)]
    key = (win[:, 0] * count[1] + win[:, 1]) * count[2] + win[:, 2]
    _, n = key.unique(return_counts=True)
    m = (n + size - 1) // size
    first, which = torch.cumsum(n, 0) - n, torch.arange(len(n)).repeat_interleave(m)
    s = torch.arange(len(which)) - (torch.cumsum(m, 0) - m)[which]
    slot = (s[:, None] * size + torch.arange(size)) * n[which, None] // (m[which, None] * size) + first[which, None]
    x, y, z = place.unbind(1)
    wx, wy, wz = window.tolist()
    cells = wx * wy * wz
    orders = [torch.argsort(key * cells + (y * wx + x) * wz + z), torch.argsort(key * cells + (x * wy + y) * wz + z)]
    table = torch.stack([o[slot] for o in orders])
    repeated = torch.zeros_like(slot, dtype=torch.bool)
    repeated[:, 1:] = slot[:, 1:] == slot[:, :-1]
    return table, repeated, place


class Dsvt:
    def __init__(self, tensors, config, fold=False, dtype=torch.float32):
        self.cfg, self.dtype = config, dtype
        self.w = {k: torch.from_numpy(np.ascontiguousarray(v)).to(dtype) for k, v in tensors.items()}
        f32 = np.float32
        self.low = torch.from_numpy(np.array(config["pcr"][:3], f32))
        self.size = torch.from_numpy(np.array(config["vs"], f32))
        self.offset = torch.from_numpy((np.array(config["vs"]) / 2 + np.array(config["pcr"][:3], f32).astype(np.float64)).astype(f32))
        if fold:
            self.fold()

    def fold(self):
        pairs = [(k[: -len(".running_mean")], k) for k in list(self.w) if k.endswith("running_mean") and k.startswith(("backbone_2d", "dense_head"))]
        for norm, _ in pairs:
            head, last = norm.rsplit(".", 1)
            conv = head + "." + (last.replace("bn", "conv") if last.startswith("bn") else str(int(last) - 1))
            mean, var, g, b = (self.w.pop(f"{norm}.{k}") for k in ("running_mean", "running_var", "weight", "bias"))
            s = g / torch.sqrt(var + BEV_EPS)
            w = self.w[conv + ".weight"]
            self.w[conv + ".weight"] = w * (s.view(1, -1, 1, 1) if "deblocks" in conv else s.view(-1, 1, 1, 1))
            self.w[conv + ".bias"] = b - mean * s

    def norm(self, x, name, eps):
        if name + ".running_mean" not in self.w:
            return x
        return F.batch_norm(x, *(self.w[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")), eps=eps)

    def linear(self, x, name):
        return F.linear(x, self.w[name + ".weight"], self.w.get(name + ".bias"))

    def layer_norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"])

    # points to voxels
    def voxels(self, points):
        grid = torch.tensor(self.cfg["grid"])
        cell = ((points[:, :3] - self.low) / self.size).floor().long()
        kept = ((cell >= 0) & (cell < grid)).all(1)
        points, cell = points[kept], cell[kept]
        key = (cell[:, 0] * grid[1] + cell[:, 1]) * grid[2] + cell[:, 2]
        key, voxel, count = key.unique(return_inverse=True, return_counts=True)
        return points, voxel, count, torch.stack([key // (grid[1] * grid[2]), key // grid[2] % grid[1], key % grid[2]], 1)

    def encode(self, points, voxel, count, coords):
        n, xyz = len(count), points[:, :3]
        mean = xyz.new_zeros(n, 3).index_add_(0, voxel, xyz) / count[:, None]
        centre = coords.float() * self.size + self.offset
        x = torch.cat([points, xyz - mean[voxel], xyz - centre[voxel]], 1).to(self.dtype)
        layers = len(self.cfg["filters"])
        for i in range(layers):
            h = F.relu(self.norm(self.linear(x, f"vfe.pfn_layers.{i}.linear"), f"vfe.pfn_layers.{i}.norm", BEV_EPS))
            top = ff.pillar_max(h, voxel, n)
            x = torch.cat([h, top[voxel]], 1) if i + 1 < layers else top
        return x

    # attention
    def position(self, place, window, name):
        name = "backbone_3d.input_layer.posembed_layers." + name + ".position_embedding_head."
        at = (place.float() - torch.tensor(window) / 2)[:, : 3 if window[2] > 1 else 2].to(self.dtype)
        return self.linear(F.relu(self.norm(self.linear(at, name + "0"), name + "1", 1e-5)), name + "3")

    def attend(self, q, k, v, name, heads, mask):
        """q, k, v: [batch, rows, C]; mask [batch, rows], true where a key is left out."""
        w, b = self.w[name + ".in_proj_weight"], self.w[name + ".in_proj_bias"]
        c = q.shape[-1]
        parts = [F.linear(t, w[i * c : (i + 1) * c], b[i * c : (i + 1) * c]) for i, t in enumerate((q, k, v))]
        parts = [t.view(*t.shape[:2], heads, c // heads).transpose(1, 2) for t in parts]
        o = F.scaled_dot_product_attention(*parts, attn_mask=None if mask is None else ~mask[:, None, None, :])
        return self.linear(o.transpose(1, 2).reshape(q.shape), name + ".out_proj")

    def layer(self, x, pos, table, repeated, heads, name):
        row = x[table]
        q = row + pos[table]
        a = torch.empty_like(x)
        a[table.reshape(-1)] = self.attend(q, q, row, name + ".win_attn.self_attn", heads, repeated).reshape(-1, x.shape[1])
        y = self.layer_norm(x + a, name + ".win_attn.norm1")
        z = self.linear(F.gelu(self.linear(y, name + ".win_attn.linear1")), name + ".win_attn.linear2")
        return self.layer_norm(self.layer_norm(y + z, name + ".win_attn.norm2") + x, name + ".norm")

    def pool(self, x, coords, grid, stride, name):
        stride = torch.tensor(stride)
        cells, at = coords // stride, coords % stride
        wide = [-(-g // int(s)) for g, s in zip(grid, stride)]
        key, index = ((cells[:, 0] * wide[1] + cells[:, 1]) * wide[2] + cells[:, 2]).unique(return_inverse=True)
        slots = x.new_zeros(len(key), int(stride.prod()), x.shape[1])
        slots[index, (at[:, 0] * stride[1] + at[:, 1]) * stride[2] + at[:, 2]] = x
        query = slots.max(1, keepdim=True).values
        a = self.attend_few(query, slots + self.w[name + ".pos_embedding"], slots, name + ".self_attn")
        coords = torch.stack([key // (wide[1] * wide[2]), key // wide[2] % wide[1], key % wide[2]], 1)
        return self.layer_norm((a + query)[:, 0], name + ".norm"), coords, wide

    def attend_few(self, q, k, v, name):
        w, b = self.w[name + ".in_proj_weight"], self.w[name + ".in_proj_bias"]
        c = q.shape[-1]
        split = lambda t, i: F.linear(t, w[i * c : (i + 1) * c], b[i * c : (i + 1) * c]).view(len(t), -1, POOL_HEADS, c // POOL_HEADS).transpose(1, 2)
        o = F.scaled_dot_product_attention(split(q, 0), split(k, 1), split(v, 2))
        return self.linear(o.transpose(1, 2).reshape(q.shape), name + ".out_proj")

    def encoder(self, x, coords, dump):
        b3d, inp, grid, g = self.cfg["b3d"], self.cfg["b3d"]["INPUT_LAYER"], list(self.cfg["grid"]), 0
        for s, (size, blocks) in enumerate(b3d["set_info"]):
            if s:
                x, coords, grid = self.pool(x, coords, grid, inp["downsample_stride"][s - 1], f"backbone_3d.stage_{s - 1}_reduction")
            windows = [inp["window_shape"][s], [w * h for w, h in zip(inp["window_shape"][s], inp["hybrid_factor"])]]
            sets = [window_sets(coords, grid, w, t, size) for w, t in zip(windows, inp["shifts_list"][s])]
            for block in range(blocks):
                table, repeated, _ = sets[g % 2]
                before = x
                for e in range(2):
                    pos = self.position(sets[e][2], windows[e], f"{s}.{block}.{e}")
                    x = self.layer(x, pos, table[e], repeated, b3d["nhead"][s], f"backbone_3d.stage_{s}.{block}.encoder_list.{e}")
                x = self.layer_norm(x + before, f"backbone_3d.residual_norm_stage_{s}.{block}")
                g += 1
                if dump is not None:
                    dump[f"stage{s}.block{block}.out"] = x
        return x, coords

    # maps
    def conv(self, x, conv, norm, stride=1, pad=1, relu=True):
        x = self.norm(F.conv2d(x, self.w[conv + ".weight"], self.w.get(conv + ".bias"), stride, pad), norm, BEV_EPS)
        return F.relu(x, inplace=True) if relu else x

    def bev(self, x, dump):
        b, ups = self.cfg["b2d"], []
        for level, (n, stride, up) in enumerate(zip(b["LAYER_NUMS"], b["LAYER_STRIDES"], b["UPSAMPLE_STRIDES"])):
            for j in range(n + 1):
                name, s = f"backbone_2d.blocks.{level}.{j}.", 1 if j else stride
                short = x if j else self.conv(x, name + "downsample_layer.0", name + "downsample_layer.1", s, 0, False)
                y = self.conv(x, name + "conv1", name + "bn1", s)
                x = F.relu(self.conv(y, name + "conv2", name + "bn2", relu=False) + short)
                if dump is not None:
                    dump[f"backbone.block{level}.{j}"] = x[0]
            name = f"backbone_2d.deblocks.{level}."
            y = F.conv_transpose2d(x, self.w[name + "0.weight"], self.w.get(name + "0.bias"), int(up))
            ups.append(F.relu(self.norm(y, name + "1", BEV_EPS), inplace=True))
        return torch.cat(ups, 1)

    def head(self, x):
        x = self.conv(x, "dense_head.shared_conv.0", "dense_head.shared_conv.1")
        name = "dense_head.heads_list.0."
        return {b: F.conv2d(self.conv(x, f"{name}{b}.0.0", f"{name}{b}.0.1"), self.w[f"{name}{b}.1.weight"], self.w[f"{name}{b}.1.bias"], padding=1)[0]
                for b in BRANCHES}

    def decode(self, maps):
        cfg, post = self.cfg, self.cfg["head"]["POST_PROCESSING"]
        c, h, w = maps["hm"].shape
        top, at = maps["hm"].sigmoid().reshape(-1).topk(min(post["MAX_OBJ_PER_SAMPLE"], c * h * w))
        at, top = at[top > post["SCORE_THRESH"]], top[top > post["SCORE_THRESH"]]
        label, cell = at // (h * w), at % (h * w)
        y, x = cell // w, cell % w
        raw = {k: v.reshape(v.shape[0], -1)[:, cell] for k, v in maps.items()}
        boxes = torch.cat([((x + raw["center"][0]) * cfg["vs"][0] + cfg["pcr"][0])[None], ((y + raw["center"][1]) * cfg["vs"][1] + cfg["pcr"][1])[None],
                           raw["center_z"], raw["dim"].exp(), torch.atan2(raw["rot"][1], raw["rot"][0])[None]]).t()
        alpha = torch.tensor(post["IOU_RECTIFIER"], dtype=top.dtype)[label]
        score = top ** (1 - alpha) * ((raw["iou"][0] + 1) / 2).clamp(0, 1) ** alpha
        limit = torch.tensor(post["POST_CENTER_LIMIT_RANGE"]).view(2, 3)
        keep = ((boxes[:, :3] >= limit[0]) & (boxes[:, :3] <= limit[1])).all(1)
        return boxes[keep], score[keep], label[keep], torch.stack([y, x], 1)[keep]

    def suppress(self, boxes, scores, labels):
        nms, kept = self.cfg["head"]["POST_PROCESSING"]["NMS_CONFIG"], []
        for k in range(len(nms["NMS_THRESH"])):
            rows = (labels == k).nonzero()[:, 0]
            rows = rows[scores[rows].argsort(descending=True, stable=True)][: nms["NMS_PRE_MAXSIZE"][k]]
            b = boxes[rows].double().numpy().copy()
            b[:, 6] = np.pi / 2 - b[:, 6]  # the reference's quirk; this NMS turns clockwise
            kept.append(rows[torch.from_numpy(ff.rotated_nms(b, nms["NMS_THRESH"][k])[: nms["NMS_POST_MAXSIZE"][k]])])
        return torch.cat(kept)

    def __call__(self, points, dump=None, clock=None):
        tick, now = (clock.append if clock is not None else lambda t: None), time.perf_counter
        if points.shape[1] < self.cfg["nf"]:
            points = F.pad(points, (0, self.cfg["nf"] - points.shape[1]))
        points, voxel, count, coords = self.voxels(points)
        tick(now())
        x = self.encode(points, voxel, count, coords)
        tick(now())
        x, coords = self.encoder(x, coords, dump)
        gx, gy = self.cfg["grid"][:2]
        out = x.new_zeros(gy * gx, x.shape[1])
        out[coords[:, 1] * gx + coords[:, 0]] = x
        x = out.view(1, gy, gx, -1).permute(0, 3, 1, 2)
        tick(now())
        x = self.bev(x, dump)
        tick(now())
        maps = self.head(x)
        tick(now())
        boxes, scores, labels, cells = self.decode(maps)
        keep = self.suppress(boxes, scores, labels)
        tick(now())
        if dump is not None:
            dump.update({"head." + k: v for k, v in maps.items()})
        return boxes[keep], scores[keep], labels[keep] + 1


# ---- the published configuration of voxels ------------------------------------------------------
def voxel_network(tensors, config):
    """The pillar network's weights as those of the published network of voxels (dsvt_3D_1f_onestage): its four blocks become four
    stages, with poolings of random weights between them. Not trained on anything, as theirs."""
    config, g = json.loads(json.dumps(config)), np.random.default_rng(5)
    config.update(vs=[0.32, 0.32, 0.1875], grid=[468, 468, 32], name="voxel_waymo")
    stages, b3d = 4, config["b3d"]
    b3d["INPUT_LAYER"].update(sparse_shape=[468, 468, 32], downsample_stride=[[1, 1, 4], [1, 1, 4], [1, 1, 2]], d_model=[192] * stages,
                              set_info=[[48, 1]] * stages, window_shape=[[12, 12, 32], [12, 12, 8], [12, 12, 2], [12, 12, 1]],
                              shifts_list=[[[0, 0, 0], [6, 6, 0]]] * stages)
    b3d.update(set_info=[[48, 1]] * stages, d_model=[192] * stages, nhead=[8] * stages, dim_feedforward=[384] * stages, block_name=["DSVTBlock"] * stages)
    out = {}
    for name, t in tensors.items():
        for s in range(stages):
            for old, new in ((f"stage_0.{s}.", f"stage_{s}.0."), (f"posembed_layers.0.{s}.", f"posembed_layers.{s}.0.")):
                if old in name:
                    name = name.replace(old, new)
                    break
            else:
                continue
            break
        if "position_embedding_head.0.weight" in name and "posembed_layers.3." not in name:
            t = np.concatenate([t, 0.2 * t[:, :1]], 1)
        out[name] = t
    for s, places in enumerate((4, 4, 2)):
        p = f"backbone_3d.stage_{s}_reduction."
        shapes = {"self_attn.in_proj_weight": (576, 192), "self_attn.in_proj_bias": (576,), "self_attn.out_proj.weight": (192, 192),
                  "self_attn.out_proj.bias": (192,), "pos_embedding": (places, 192), "norm.bias": (192,)}
        out.update({p + k: (g.normal(0, 0.07, v)).astype(np.float32) for k, v in shapes.items()})
        out[p + "norm.weight"] = np.ones(192, np.float32)
    return out, config


# ---- command ------------------------------------------------------------------------------------
def load(path, **options):
    tensors, meta = ff.read_safetensors(path)
    return Dsvt(expand(tensors, meta), json.loads(meta["config"]), **options)


def rows_of(golden, name):
    stage = int(name[5])
    return golden["stage%d.rows" % stage if stage else "rows"]


def check(model, golden, points):
    """The worst error over 1e-4 + 1e-4 |golden|, and whether the boxes are the golden ones."""
    dump, worst = {}, 0.0
    boxes, scores, labels = model(points, dump)
    for name, got in dump.items():
        if name not in golden:
            continue
        want, got = golden[name], got.numpy()
        if name + ".win" in golden:
            y, x, h, w = golden[name + ".win"]
            got = got[:, y : y + h, x : x + w]
        elif name.startswith("stage"):
            got = got[rows_of(golden, name)]
        worst = max(worst, float((np.abs(got - want) / (1e-4 + 1e-4 * np.abs(want))).max()))
    same = len(boxes) == len(golden["det.boxes"])
    for box, label in zip(golden["det.boxes"], golden["det.labels"]):  # the order of near ties is nobody's
        same = same and bool(((np.abs(boxes.numpy() - box).max(1) < 1e-3) & (labels.numpy() == label)).any())
    return worst, same


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--weights", required=True)
    ap.add_argument("--case", required=True)
    ap.add_argument("--double", action="store_true", help="in float64")
    ap.add_argument("--fold", action="store_true")
    ap.add_argument("--time", action="store_true")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--repeat", type=int, default=3)
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    model = load(args.weights, fold=args.fold, dtype=torch.float64 if args.double else torch.float32)
    golden = ff.read_safetensors(args.case)[0]
    points = torch.from_numpy(golden["points"])
    with torch.inference_mode():
        for _ in range(args.repeat if args.time else 0):
            clock = [time.perf_counter()]
            det = model(points, clock=clock)
            print(" ".join(f"{n} {1e3 * (b - a):.1f}" for n, a, b in zip(STAGES, clock, clock[1:])), f"frame {1e3 * (clock[-1] - clock[0]):.1f} ms, {len(det[0])} boxes")
        worst, same = check(model, golden, points)
    print(f"worst {worst:.2f} of the tolerance, boxes {'equal' if same else 'differ'}")
    return 0 if same and worst <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
