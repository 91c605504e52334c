/* calib/deskew.c - the table, the reference version, and the choice of version; see deskew.h. */
#include "calib/deskew.h"
#include "core/cpu.h"
#include <math.h>
#include <string.h>

/* ---- the table ---- */

static void set_mount(struct glint_deskew_table *t, const struct glint_pose *mount)
{
    double m[12];
    glint_pose_to_matrix(mount ? *mount : glint_pose_identity(), m);
    for (int i = 0; i < 12; i++)
        t->mount[i] = (float)m[i];
}

static void set_still(struct glint_deskew_table *t)
{
    t->n = 1;
    t->last_ns = 0;
    t->entries_per_ns = 0;
    memset(&t->entry[0], 0, sizeof t->entry[0]);
}

/* q and -q turn alike; the one with w >= 0 has the vector part that goes evenly. */
static void set_entry(struct glint_deskew_entry *e, struct glint_pose p)
{
    const double sign = p.q[0] < 0 ? -1 : 1;
    for (int k = 0; k < 3; k++) {
        e->v[k] = (float)(sign * p.q[k + 1]);
        e->t[k] = (float)p.t[k];
        e->dv[k] = e->dt[k] = 0;
    }
}

static void set_differences(struct glint_deskew_table *t)
{
    for (int32_t i = 0; i + 1 < t->n; i++)
        for (int k = 0; k < 3; k++) {
            t->entry[i].dv[k] = t->entry[i + 1].v[k] - t->entry[i].v[k];
            t->entry[i].dt[k] = t->entry[i + 1].t[k] - t->entry[i].t[k];
        }
}

/* Entries at offsets 0, step, ... to extent_ns or just beyond; trajectory time is begin + offset * scale. */
static int fill(const struct glint_trajectory *tr, int64_t begin, double scale, uint32_t extent_ns,
                int64_t reference, struct glint_deskew_table *t)
{
    uint32_t step = GLINT_DESKEW_STEP_NS;
    if (extent_ns / step + 2 > GLINT_DESKEW_ENTRIES)
        step = extent_ns / (GLINT_DESKEW_ENTRIES - 2) + 1;
    const int32_t n = extent_ns == 0 ? 1 : (int32_t)((extent_ns - 1) / step) + 2;
    for (int32_t i = 0; i < n; i++) {
        struct glint_pose motion;
        uint32_t offset = (uint32_t)i * step;
        /* the last entry may lie beyond the sweep, where there need be no pose: from its end by even motion
         */
        const bool beyond = offset > extent_ns;
        offset = beyond ? extent_ns : offset;
        GLINT_TRY(glint_trajectory_motion(tr, begin + llround(offset * scale), reference, &motion));
        set_entry(&t->entry[i], motion);
        if (beyond) {
            const float part = (float)step / (float)(extent_ns - (uint32_t)(i - 1) * step);
            for (int k = 0; k < 3; k++) {
                const struct glint_deskew_entry *a = &t->entry[i - 1];
                t->entry[i].v[k] = a->v[k] + part * (t->entry[i].v[k] - a->v[k]);
                t->entry[i].t[k] = a->t[k] + part * (t->entry[i].t[k] - a->t[k]);
            }
        }
    }
    t->n = n;
    t->last_ns = (uint32_t)(n - 1) * step;
    t->entries_per_ns = 1.0f / (float)step;
    set_differences(t);
    return GLINT_OK;
}

static int make(const struct glint_trajectory *tr, int64_t begin, double scale, uint32_t extent_ns,
                int64_t reference, const struct glint_pose *mount, struct glint_deskew_table *t)
{
    set_mount(t, mount);
    set_still(t);
    if (!tr)
        return GLINT_OK;
    const uint32_t most = UINT32_C(2000000000);
    const int status = fill(tr, begin, scale, extent_ns < most ? extent_ns : most, reference, t);
    if (status < 0)
        set_still(t);
    return status;
}

int glint_deskew_make(const struct glint_trajectory *trajectory, int64_t stamp_ns, uint32_t extent_ns,
                      int64_t reference_ns, const struct glint_pose *mount,
                      struct glint_deskew_table *table_out)
{
    return make(trajectory, stamp_ns, 1, extent_ns, reference_ns, mount, table_out);
}

int glint_deskew_make_by_frame(const struct glint_trajectory *trajectory, uint64_t frame, uint32_t extent_ns,
                               double reference_part, const struct glint_pose *mount,
                               struct glint_deskew_table *table_out)
{
    const int64_t begin = (int64_t)(frame < 1000000000u ? frame : 1000000000u) * 1000000000;
    const double scale = extent_ns > 0 ? 1e9 / extent_ns : 0;
    return make(trajectory, begin, scale, extent_ns, begin + llround(reference_part * 1e9), mount, table_out);
}

/* ---- the points ---- */

void glint_deskew_c(const struct glint_deskew_table *table, float *x, float *y, float *z,
                    const uint32_t *offset_ns, int32_t n)
{
    const float *m = table->mount;
    for (int32_t i = 0; i < n; i++) {
        const float px = ((m[0] * x[i] + m[1] * y[i]) + m[2] * z[i]) + m[3];
        const float py = ((m[4] * x[i] + m[5] * y[i]) + m[6] * z[i]) + m[7];
        const float pz = ((m[8] * x[i] + m[9] * y[i]) + m[10] * z[i]) + m[11];
        const uint32_t o = offset_ns[i] < table->last_ns ? offset_ns[i] : table->last_ns;
        const float u = (float)(int32_t)o * table->entries_per_ns;
        int32_t k = (int32_t)u;
        k = k < table->n - 1 ? k : table->n - 1;
        const float a = u - (float)k;
        const struct glint_deskew_entry *e = &table->entry[k];
        const float vx = e->v[0] + a * e->dv[0], vy = e->v[1] + a * e->dv[1], vz = e->v[2] + a * e->dv[2];
        const float w2 = 1.0f - ((vx * vx + vy * vy) + vz * vz);
        const float w = sqrtf(w2 > 0.0f ? w2 : 0.0f);
        const float ax = vy * pz - vz * py, ay = vz * px - vx * pz, az = vx * py - vy * px;
        const float bx = vy * az - vz * ay, by = vz * ax - vx * az, bz = vx * ay - vy * ax;
        const float sx = w * ax + bx, sy = w * ay + by, sz = w * az + bz;
        x[i] = (px + (sx + sx)) + (e->t[0] + a * e->dt[0]);
        y[i] = (py + (sy + sy)) + (e->t[1] + a * e->dt[1]);
        z[i] = (pz + (sz + sz)) + (e->t[2] + a * e->dt[2]);
    }
}

glint_deskew_fn *glint_deskew_get(unsigned isa)
{
    glint_deskew_fn *fn = glint_deskew_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_deskew_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_deskew_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
