// nms_peer.cpp - greedy rotated suppression as detection toolboxes do it on the CPU: for every pair the corners of each box
// inside the other and the crossings of their edges, sorted by angle around their centre, float32. Written for this
// comparison. Build: c++ -O3 -march=native -shared -fPIC nms_peer.cpp -o nms_peer.so
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {
struct Point {
    float x, y;
};

float cross(Point a, Point b)
{
    return a.x * b.y - a.y * b.x;
}

struct Box {
    float x, y, dx, dy, c, s, area, radius;
    Point corner[4];
};

Box make(const double *r)
{
    Box b{float(r[0]), float(r[1]), float(r[2]), float(r[3]), float(std::cos(r[4])), float(std::sin(r[4])), 0, 0, {}};
    b.area = b.dx * b.dy;
    b.radius = 0.5f * std::hypot(b.dx, b.dy);
    const float sx[4] = {0.5f, -0.5f, -0.5f, 0.5f}, sy[4] = {0.5f, 0.5f, -0.5f, -0.5f};
    for (int i = 0; i < 4; i++)
        b.corner[i] = {b.x + sx[i] * b.dx * b.c - sy[i] * b.dy * b.s, b.y + sx[i] * b.dx * b.s + sy[i] * b.dy * b.c};
    return b;
}

bool inside(const Box &b, Point p)
{
    const float x = p.x - b.x, y = p.y - b.y, margin = 1e-2f;
    return std::fabs(x * b.c + y * b.s) < 0.5f * b.dx + margin && std::fabs(-x * b.s + y * b.c) < 0.5f * b.dy + margin;
}

bool crossing(Point a0, Point a1, Point b0, Point b1, Point &out)
{
    const Point r{a1.x - a0.x, a1.y - a0.y}, s{b1.x - b0.x, b1.y - b0.y}, q{b0.x - a0.x, b0.y - a0.y};
    const float d = cross(r, s);
    if (std::fabs(d) < 1e-8f)
        return false;
    const float t = cross(q, s) / d, u = cross(q, r) / d;
    if (t < 0 || t > 1 || u < 0 || u > 1)
        return false;
    out = {a0.x + t * r.x, a0.y + t * r.y};
    return true;
}

float overlap(const Box &a, const Box &b)
{
    Point p[24], centre{0, 0};
    int n = 0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            n += crossing(a.corner[i], a.corner[(i + 1) % 4], b.corner[j], b.corner[(j + 1) % 4], p[n]);
    for (int i = 0; i < 4; i++) {
        if (inside(a, b.corner[i]))
            p[n++] = b.corner[i];
        if (inside(b, a.corner[i]))
            p[n++] = a.corner[i];
    }
    if (n < 3)
        return 0;
    for (int i = 0; i < n; i++) {
        centre.x += p[i].x / float(n);
        centre.y += p[i].y / float(n);
    }
    std::sort(p, p + n, [centre](Point u, Point v) {
        return std::atan2(u.y - centre.y, u.x - centre.x) < std::atan2(v.y - centre.y, v.x - centre.x);
    });
    float area = 0;
    for (int i = 1; i + 1 < n; i++)
        area += cross({p[i].x - p[0].x, p[i].y - p[0].y}, {p[i + 1].x - p[0].x, p[i + 1].y - p[0].y});
    return 0.5f * std::fabs(area);
}
} // namespace

// boxes: n x 5 (x, y, dx, dy, yaw) in descending score; keep: room for n. near: pairs whose circles do not meet are left out,
// which the usual versions do not do. Returns the number kept.
extern "C" int32_t nms_peer(const double *boxes, int32_t n, double threshold, int32_t near, int32_t *keep)
{
    std::vector<Box> b(static_cast<size_t>(n));
    std::vector<char> gone(static_cast<size_t>(n), 0);
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++)
        b[size_t(i)] = make(boxes + 5 * i);
    for (int32_t i = 0; i < n; i++) {
        if (gone[size_t(i)])
            continue;
        keep[kept++] = i;
        const Box &a = b[size_t(i)];
        for (int32_t j = i + 1; j < n; j++) {
            const Box &c = b[size_t(j)];
            if (gone[size_t(j)])
                continue;
            if (near && std::hypot(a.x - c.x, a.y - c.y) > a.radius + c.radius)
                continue;
            const float o = overlap(a, c);
            gone[size_t(j)] = o / std::fmax(a.area + c.area - o, 1e-8f) > float(threshold);
        }
    }
    return kept;
}
