// sweep.c - rolling-shutter casting on top of the scene simulator.
//
// sim_cast() of lidarsim.c freezes the world for a whole turn and fires all lasers of a column at one
// azimuth. A packet capture needs more: every block has an exact azimuth, every laser its own offset inside
// the block, the sensor moves while it turns, and so do other road users. The caller steps through the turn
// in short slices: sim_advance() moves the objects, sim_sweep() casts the blocks of one slice from the sensor
// pose of that moment.
//
// Build: gcc -O2 -ffp-contract=off -shared -fPIC -I DIR_OF_LIDARSIM -o libsweep.so sweep.c -lm
#include "lidarsim.c"

// env, half width of the road, height of the ground at the first ego pose, and that pose (x, y, yaw)
void sim_info(const Scene *S, float out[6])
{
    const float *e = S->ego[0];
    out[0] = (float)S->env;
    out[1] = S->hw;
    out[2] = ground_z(S, e[0], e[1]);
    out[3] = e[0];
    out[4] = e[1];
    out[5] = e[2];
}

float sim_ground(const Scene *S, float x, float y)
{
    return ground_z(S, x, y);
}

// rows of class, x, y, z (centre), l, w, h, yaw in the world; returns the number of objects
int sim_objects(const Scene *S, float *out, int cap)
{
    int n = S->no < cap ? S->no : cap;
    for (int i = 0; i < n; i++) {
        const Obj *b = &S->o[i];
        float row[8] = {(float)b->cls, b->x, b->y, b->z, b->l, b->w, b->h, b->yaw};
        memcpy(out + 8 * i, row, sizeof row);
    }
    return n;
}

// rows of x, y, half length, half width, yaw: everything that occupies ground; returns the number of
// rectangles
int sim_rects(const Scene *S, float *out, int cap)
{
    int n = S->nr < cap ? S->nr : cap;
    for (int i = 0; i < n; i++)
        memcpy(out + 5 * i, &S->r[i], 5 * sizeof(float));
    return n;
}

// Move every object by its velocity vel[i] = (vx, vy) for dt seconds; it keeps its height above the ground.
void sim_advance(Scene *S, const float *vel, float dt)
{
    static float shift[MAXOBJ][3];
    for (int i = 0; i < S->no; i++) {
        Obj *b = &S->o[i];
        float dx = vel[2 * i] * dt, dy = vel[2 * i + 1] * dt;
        float dz = dx || dy ? ground_z(S, b->x + dx, b->y + dy) - ground_z(S, b->x, b->y) : 0;
        shift[i][0] = dx;
        shift[i][1] = dy;
        shift[i][2] = dz;
        b->x += dx;
        b->y += dy;
        b->z += dz;
    }
    for (int i = 0; i < S->np; i++) {
        Prim *p = &S->p[i];
        if (p->obj < 0)
            continue;
        for (int k = 0; k < 3; k++)
            p->c[k] += shift[p->obj][k];
    }
}

// ---- primitives by azimuth ------------------------------------------------------------------
typedef struct {
    float near;
    int prim;
} Entry;
typedef struct {
    Entry *e;
    int n, cap;
} Bin;
static Bin bins[NBIN];

static int nearer(const void *a, const void *b)
{
    float x = ((const Entry *)a)->near, y = ((const Entry *)b)->near;
    return (x > y) - (x < y);
}

// Centre and half width of the azimuth range that a primitive covers, seen from (x, y); half width PI:
// everywhere.
static void azimuth_range(const Prim *p, float x, float y, float *mid, float *half)
{
    float dx = p->c[0] - x, dy = p->c[1] - y, d = sqrtf(dx * dx + dy * dy), a = atan2f(dy, dx);
    *mid = a;
    *half = PI;
    if (d <= p->brad * 1.02f + 0.05f)
        return;
    *half = asinf(fminf(1, p->brad / d));
    if (p->type != CONVEX && p->type != VOLBOX)
        return;
    float lo = 0, hi = 0; // long boxes: by the corners of the footprint
    for (int k = 0; k < 4; k++) {
        float u = (k & 1 ? 1 : -1) * p->h[0], v = (k & 2 ? 1 : -1) * p->h[1];
        float b = atan2f(dy + p->R[3] * u + p->R[4] * v, dx + p->R[0] * u + p->R[1] * v) - a;
        if (b > PI)
            b -= 2 * PI;
        if (b < -PI)
            b += 2 * PI;
        lo = fminf(lo, b);
        hi = fmaxf(hi, b);
    }
    if (hi - lo < 2.6f) {
        *mid = a + (lo + hi) / 2;
        *half = (hi - lo) / 2 + 0.004f;
    } else
        *half = PI;
}

// Fill the bins that the azimuth range first..first+count-1 needs, near to far.
static void fill_bins(const Scene *S, float x, float y, float max_range, int first, int count)
{
    for (int k = 0; k < count; k++)
        bins[(first + k) % NBIN].n = 0;
    for (int i = 0; i < S->np; i++) {
        const Prim *p = &S->p[i];
        float dx = p->c[0] - x, dy = p->c[1] - y, near = sqrtf(dx * dx + dy * dy) - p->brad, mid, half;
        if (near > max_range)
            continue;
        azimuth_range(p, x, y, &mid, &half);
        int i0 = (int)floorf((mid - half) / (2 * PI) * NBIN),
            n = (int)floorf((mid + half) / (2 * PI) * NBIN) - i0 + 1;
        for (int k = 0; k < (n < NBIN ? n : NBIN); k++) {
            int b = (((i0 + k) % NBIN) + NBIN) % NBIN;
            if ((b - first + NBIN) % NBIN >= count)
                continue;
            Bin *q = &bins[b];
            if (q->n == q->cap) {
                q->cap = q->cap ? 2 * q->cap : 64;
                q->e = realloc(q->e, sizeof(Entry) * (size_t)q->cap);
            }
            q->e[q->n++] = (Entry){near, i};
        }
    }
    for (int k = 0; k < count; k++) {
        Bin *q = &bins[(first + k) % NBIN];
        qsort(q->e, (size_t)q->n, sizeof(Entry), nearer);
    }
}

// ---- one ray ----------------------------------------------------------------------------------
// March to the height field; the step is bounded by the steepest slope the scenes have.
static void hit_ground(const Scene *S, const float *o, const float *d, uint64_t *s, Hit *h)
{
    if (d[2] >= 0.12f)
        return;
    float t = 0.3f, before = 0.3f;
    for (int it = 0; it < 300 && t < h->t; it++) {
        float gap = o[2] + t * d[2] - ground_z(S, o[0] + t * d[0], o[1] + t * d[1]);
        if (gap < 0) {
            float a = before, b = t;
            for (int k = 0; k < 7; k++) {
                float m = (a + b) / 2;
                if (o[2] + m * d[2] - ground_z(S, o[0] + m * d[0], o[1] + m * d[1]) < 0)
                    b = m;
                else
                    a = m;
            }
            int g = gidx(o[0] + b * d[0], o[1] + b * d[1]);
            h->cosi = fmaxf(0.01f, -d[2] + 0.02f);
            h->refl = S->grefl[g];
            h->cls = C_GROUND;
            h->obj = -1;
            h->t = b + S->grough[g] * fminf(1.0f / h->cosi, 12.0f) * gauss(s) * 0.5f;
            return;
        }
        before = t;
        t += fmaxf(0.1f, gap / (0.45f - d[2]));
    }
}

static float received(const Hit *h, const Sensor *q)
{
    if (h->cls == C_GROUND)
        return (0.06f + 0.94f * h->refl) * fminf(1.0f, q->gnd + 1.5f * h->cosi);
    return h->refl * (0.15f + 0.85f * h->cosi);
}

// Cast nblock blocks of nbeam rays from pose (x, y, yaw), sensor upright at q->height above the ground. Ray
// (k, b) goes to azimuth block_az[k] + beam_az[b] (radians, clockwise from straight ahead) and elevation
// elev[b]. rng and last[nbeam] are state that the caller keeps from slice to slice, zero at the start of a
// capture. Per ray: range in metres (0: no return), intensity 0..1, point class, object index or -1.
void sim_sweep(Scene *S, const Sensor *q, const float pose[3], const float *elev, const float *beam_az,
               int nbeam, const float *block_az, int nblock, uint64_t *rng, float *last, float *range,
               float *intensity, uint8_t *cls, int16_t *obj)
{
    float cy = cosf(pose[2]), sy = sinf(pose[2]), gz = ground_z(S, pose[0], pose[1]);
    float o[3] = {pose[0], pose[1], gz + q->height};
    int np = S->np;
    if (q->ego_body > 0) { // the carrier vehicle, as in sim_cast
        float L = 4.4f, W = 0.9f, top = q->height - q->ego_body, x = o[0] - 0.3f * cy, y = o[1] - 0.3f * sy;
        box(S, C_OTHER, -1, x, y, gz + top * 0.5f - 0.1f, pose[2], L / 2 * 0.55f, W * 0.9f,
            top * 0.5f - 0.05f, 0.2f, M_PLAIN);
        box(S, C_OTHER, -1, x, y, gz + 0.55f, pose[2], L / 2, W, 0.35f, 0.2f, M_PLAIN);
    }
    float span = block_az[nblock - 1] - block_az[0] + beam_az[nbeam - 1];
    int first = (int)floorf((pose[2] - block_az[0] - span) / (2 * PI) * NBIN) - 1,
        count = (int)(span / (2 * PI) * NBIN) + 4;
    first = ((first % NBIN) + NBIN) % NBIN;
    if (count > NBIN)
        count = NBIN;
    fill_bins(S, o[0], o[1], q->max_range, first, count);
    for (int r = 0; r < nblock * nbeam; r++) {
        int b = r % nbeam;
        float az = pose[2] - block_az[r / nbeam] - beam_az[b], c = cosf(elev[b]);
        float d[3] = {c * cosf(az), c * sinf(az), sinf(elev[b])};
        Hit h = {q->max_range, 1, 0, -1, -1};
        float drop = 0;
        range[r] = 0;
        intensity[r] = 0;
        cls[r] = 255;
        obj[r] = -1;
        hit_ground(S, o, d, rng, &h);
        const Bin *bin = &bins[(((int)floorf(az / (2 * PI) * NBIN) % NBIN) + NBIN) % NBIN];
        for (int k = 0; k < bin->n && bin->e[k].near <= h.t; k++)
            hit_prim(&S->p[bin->e[k].prim], o, d, rng, &h, &drop);
        if (h.cls < 0 || h.t < q->min_range || h.t > q->max_range - 0.5f)
            continue;
        if (U(rng) < q->p_drop || U(rng) < drop)
            continue;
        float shade = received(&h, q);
        if (shade * q->sens / (h.t * h.t / 400.0f + 0.5f) < 0.05f * (0.4f + 1.2f * U(rng)))
            continue;
        float jump = h.t - last[b], mixed = 0; // a beam over an edge may return a range in between
        last[b] = h.t;
        if (fabsf(jump) > 0.4f && fabsf(jump) < 6.0f && U(rng) < q->p_mix)
            mixed = -jump * U(rng);
        float in = shade * q->inten_gain * (1 + 0.12f * gauss(rng));
        range[r] = h.t + mixed + q->range_noise * gauss(rng);
        intensity[r] = powf(fminf(1.0f, fmaxf(0.0f, in)), q->inten_gamma);
        cls[r] = (uint8_t)h.cls;
        obj[r] = (int16_t)h.obj;
    }
    S->np = np;
}
