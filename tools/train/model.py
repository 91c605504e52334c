"""The network "flatpoint" in PyTorch, with the names and shapes of the tensors that `glint run` loads.

It is model/arch_flatpoint.c, layer by layer, in batches and trainable: pillars, a two-layer point encoder, layers of grouped
attention in four window orders, pillars merged into a coarse map, two stages of convolutions, a heat map, boxes from a patch of
the map around a centre, and a class for every point. Shapes: N points, P pillars, K box centres, B samples.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

NORM_MOMENTUM = 0.02
BOX_BIAS = (0.5, 0.5, -0.8, 1.2, 0.45, 0.5)  # of a car beside the sensor: the first step need not find it
HEAT_BIAS = -3.5  # the share of cells with an object


def largest(x, index, n):
    """Per column the largest row of x among those with one index: [N, c] -> [n, c]."""
    out = x.new_full((n, x.shape[1]), -1e9)
    return out.scatter_reduce(0, index[:, None].expand_as(x), x, "amax", include_self=True)


class PointEncoder(nn.Module):
    """Point features and the pillars' maxima of them. In float32: 16 bits cannot hold metres."""

    def __init__(self, columns, widths, eps):
        super().__init__()
        self.l1 = nn.Linear(columns, widths[0], bias=False)
        self.b1 = nn.BatchNorm1d(widths[0], eps=eps, momentum=NORM_MOMENTUM)
        self.l2 = nn.Linear(2 * widths[0], widths[1], bias=False)
        self.b2 = nn.BatchNorm1d(widths[1], eps=eps, momentum=NORM_MOMENTUM)

    def forward(self, features, pillar, n):
        with torch.autocast(features.device.type, enabled=False):
            x = F.relu(self.b1(self.l1(features)))
            x = F.relu(self.b2(self.l2(torch.cat([x, largest(x, pillar, n)[pillar]], 1))))
            return x, largest(x, pillar, n)


class Layer(nn.Module):
    """Attention inside groups of equal size along an order of pillars, then the feed-forward part; norms after each."""

    def __init__(self, d, heads, ffn, eps):
        super().__init__()
        self.heads = heads
        self.qk, self.v, self.o = nn.Linear(d, 2 * d), nn.Linear(d, d), nn.Linear(d, d)
        self.n1, self.n2 = nn.LayerNorm(d, eps=eps), nn.LayerNorm(d, eps=eps)
        self.f1, self.f2 = nn.Linear(d, ffn), nn.Linear(ffn, d)

    def forward(self, x, position, take, back, group):
        d, n = x.shape[1], take.numel() // group
        def grouped(t):  # [P, d] -> [groups * heads, group, d / heads]
            return t[take].view(n, group, self.heads, -1).transpose(1, 2).reshape(n * self.heads, group, -1)
        q, k = self.qk(x + position).split(d, 1)
        q, k, v = grouped(q), grouped(k), grouped(self.v(x))
        weight = torch.softmax(torch.bmm(q, k.transpose(1, 2)) * (d // self.heads) ** -0.5, -1)
        y = torch.bmm(weight, v).view(n, self.heads, group, -1).transpose(1, 2).reshape(n * group, d)[back]
        x = self.n1(x + self.o(y))
        return self.n2(x + self.f2(F.gelu(self.f1(x))))


class BoxHead(nn.Module):
    """The ten numbers of a box (decode.py) from a patch of the map around its centre. In float32."""

    def __init__(self, channels, hidden, patch):
        super().__init__()
        self.patch = patch
        self.l1, self.l2 = nn.Linear(patch * patch * channels, hidden), nn.Linear(hidden, hidden)
        self.l3 = nn.Linear(hidden, 10)
        with torch.no_grad():
            self.l3.bias[:6] = torch.tensor(BOX_BIAS)

    def forward(self, maps, sample, cell):
        """maps [B, c, m, m]; centres: sample [K] and cell [K] = row * m + column."""
        m, r = maps.shape[2], self.patch // 2
        padded = F.pad(maps.float(), (r, r, r, r)).permute(0, 2, 3, 1)
        o = torch.arange(self.patch, device=maps.device)
        i = (cell // m)[:, None, None] + o[None, :, None]
        j = (cell % m)[:, None, None] + o[None, None, :]
        with torch.autocast(maps.device.type, enabled=False):
            x = padded[sample[:, None, None], i, j].flatten(1)
            return self.l3(F.relu(self.l2(F.relu(self.l1(x)))))


def window_embedding(place, window, d, temperature):
    """Sinusoids of a pillar's place [P, 2] inside its window."""
    q = d // 4
    rate = temperature ** (-torch.arange(q, dtype=torch.float32, device=place.device) / q)
    a = (place.float() - (window - 1) / 2)[:, :, None] * rate
    return torch.cat([a.sin(), a.cos()], 2).flatten(1)


def grouping(counts, group, device):
    """Groups of `group` neighbours along each sample's run of counts[b] pillars: `take` [groups * group] names the member of each
    place; the last group reaches back into the one before (a run shorter than a group repeats itself); `back` [P] the place a
    pillar's result is read from, the group before's where it is in two."""
    take, back, first, place = [], [], 0, 0
    for n in counts:
        groups = (n + group - 1) // group
        t, b = torch.arange(groups * group, device=device), torch.arange(n, device=device)
        if n >= group:
            t[(groups - 1) * group:] = torch.arange(n - group, n, device=device)
            b[(groups - 1) * group:] += groups * group - n
        else:
            t %= n
        take.append(t + first)
        back.append(b + place)
        first, place = first + n, place + groups * group
    return torch.cat(take), torch.cat(back)


def conv3x3(i, o, stride, eps):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o, eps=eps, momentum=NORM_MOMENTUM), nn.ReLU(inplace=True))


class Net(nn.Module):
    """Net(config): config of network_config.read()."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        e, bev, head = config.raw["encoder"], config.raw["bev"], config.raw["head"]
        d, self.window, self.group, self.temperature = e["dim"], e["window"], e["group"], e["position_temperature"]
        (c1, c2), shared, eps = bev["channels"], bev["shared"], bev["norm_eps"]
        scale = config.raw["vfe"]["scale"]
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32), persistent=False)
        self.vfe = PointEncoder(len(scale), config.raw["vfe"]["widths"], eps)
        self.layers = nn.ModuleList([Layer(d, e["heads"], e["ffn"], e["layer_norm_eps"]) for _ in range(4 * e["blocks"])])
        self.merge = nn.Linear(d, config.stride ** 2 * c1, bias=False)
        self.mb = nn.BatchNorm2d(c1, eps=eps, momentum=NORM_MOMENTUM)
        self.s1 = nn.Sequential(conv3x3(c1, c1, 1, eps), conv3x3(c1, c1, 1, eps))
        self.s2 = nn.Sequential(conv3x3(c1, c2, 2, eps), conv3x3(c2, c2, 1, eps), conv3x3(c2, c2, 1, eps))
        self.up = nn.ConvTranspose2d(c2, c1, 2, 2, bias=False)
        self.ub = nn.BatchNorm2d(c1, eps=eps, momentum=NORM_MOMENTUM)
        self.fuse = conv3x3(2 * c1, shared, 1, eps)
        self.hm = nn.Conv2d(shared, len(config.classes), 1)
        self.box = BoxHead(shared, head["hidden"], head["patch"])
        hidden = config.raw["points"]["hidden"]
        self.sp, self.sc = nn.Linear(d, hidden), nn.Linear(d + shared, hidden)
        self.so = nn.Linear(hidden, len(config.point_classes))
        nn.init.constant_(self.hm.bias, HEAT_BIAS)
        nn.init.normal_(self.hm.weight, 0, 0.02)

    def features(self, points, pillar, ij, sample, origin):
        """[N, columns]: fields, offset to the pillar's mean (3), to its centre (2), z; scaled to be about one."""
        n = torch.bincount(pillar, minlength=len(ij))
        mean = points.new_zeros(len(ij), 3).index_add_(0, pillar, points[:, :3]) / n[:, None]
        centre = (ij.float() + 0.5) * self.config.pillar + origin[sample]
        f = torch.cat([points, points[:, :3] - mean[pillar], points[:, :2] - centre[pillar], points[:, 2:3]], 1)
        return f * self.scale

    def orders(self, ij, sample, counts, n):
        """(embedding, take, back) of the four orders x, x shifted, y, y shifted."""
        w, plans = self.window, []
        windows = n // w + 2
        take, back = grouping(counts, self.group, ij.device)
        for axis in (0, 1):
            for shift in (0, w // 2):
                at, place, o = (ij + shift) // w, (ij + shift) % w, 1 - axis
                key = (((sample * windows + at[:, axis]) * windows + at[:, o]) * w + place[:, axis]) * w + place[:, o]
                order = torch.argsort(key)
                inverse = torch.empty_like(order)
                inverse[order] = torch.arange(len(order), device=order.device)
                plans.append((window_embedding(place, w, self.merge.in_features, self.temperature), order[take], back[inverse]))
        return plans

    def merged(self, x, ij, cell, samples, m):
        """Pillars into the coarse map [B, c1, m, m]: one product per place inside a map cell, summed."""
        s, c1 = self.config.stride, self.mb.num_features
        place = (ij[:, 0] % s) * s + ij[:, 1] % s
        y = self.merge(x).view(len(x), s * s, c1)[torch.arange(len(x), device=x.device), place]
        y = y.new_zeros(samples * m * m, c1, dtype=torch.float32).index_add_(0, cell, y.float())
        return F.relu(self.mb(y.view(samples, m, m, c1).permute(0, 3, 1, 2).contiguous()))

    def forward(self, points, cell, sample, origin, n, centres=None):
        """points [N, 4], cell [N] = row * n + column in an n x n grid, sorted within each sample, sample [N], origin [B, 2] (lower
        corners). Gives heat map logits [B, classes, m, m], boxes [K, 10] at centres (sample, map cell), or the map where there are
        none, and point logits [N, point classes]."""
        batch = origin.shape[0]
        uniq, pillar = torch.unique_consecutive(sample * (n * n) + cell, return_inverse=True)
        at = uniq // (n * n)
        ij = torch.stack([uniq % (n * n) // n, uniq % n], 1)
        point_features, x = self.vfe(self.features(points, pillar, ij, at, origin), pillar, len(uniq))
        counts = [c for c in torch.bincount(at, minlength=batch).tolist() if c]
        plans = self.orders(ij, at, counts, n)
        for i, layer in enumerate(self.layers):
            x = layer(x, *plans[i % 4], self.group)
        m, s = n // self.config.stride, self.config.stride
        where = (at * m + ij[:, 0] // s) * m + ij[:, 1] // s
        y = self.merged(x, ij, where, batch, m)
        a = self.s1(y) + y
        h = self.fuse(torch.cat([a, F.relu(self.ub(self.up(self.s2(a))))], 1))
        near = h.permute(0, 2, 3, 1).reshape(-1, h.shape[1])[where]
        logits = self.so(F.relu(self.sp(point_features) + self.sc(torch.cat([x, near.to(x.dtype)], 1))[pillar]))
        return self.hm(h), (h if centres is None else self.box(h, *centres)), logits
