/* bench/make_waymo.c - made results and ground truth as large as a Waymo evaluation:
 *
 *     make_waymo SEGMENTS FRAMES PREFIX        writes PREFIX_gt.bin and PREFIX_pred.bin (Objects messages)
 *
 * Segments of 50 to 100 labelled objects that drive or walk on straight lines at 10 Hz, most of them found
 * with boxes that are a little off (the nearer, the better, with scores to match), some twice, and as many
 * false ones with low scores. The same arguments give the same bytes. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PI      3.14159265358979323846
#define MOST    100 /* labelled objects of a frame */
#define N_TYPES 4

/* ---- numbers ---- */

static uint64_t random_state = 88172645463325252u;

static double uniform(double lo, double hi) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return lo + (hi - lo) * (double)((random_state * UINT64_C(2685821657736338717)) >> 11) * 0x1p-53;
}

static double normal(double sigma) /* near enough: twelve uniform ones */
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(0, 1);
    return sigma * sum;
}

/* ---- messages ---- */

struct message {
    uint8_t data[512];
    size_t n;
};

static void put_varint(struct message *m, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        m->data[m->n++] = (uint8_t)(value | 0x80);
    m->data[m->n++] = (uint8_t)value;
}
static void put_bytes(struct message *m, uint32_t field, const void *data, size_t n)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, n);
    memcpy(m->data + m->n, data, n);
    m->n += n;
}
static void put_number(struct message *m, uint32_t field, uint64_t value)
{
    put_varint(m, field << 3);
    put_varint(m, value);
}
static void put_double(struct message *m, uint32_t field, double value)
{
    put_varint(m, field << 3 | 1);
    memcpy(m->data + m->n, &value, 8);
    m->n += 8;
}

/* ---- objects ---- */

struct object {
    double v[7]; /* x y z width length height heading, in the order of the message */
    double vx, vy;
    int type, n_points, id;
};

static void write_object(FILE *out, const struct object *o, const char *context, int64_t stamp_us,
                         float score)
{
    struct message box = {0}, speed = {0}, label = {0}, object = {0}, objects = {0};
    char id[32];
    for (uint32_t k = 0; k < 7; k++)
        put_double(&box, k + 1, o->v[k]);
    put_bytes(&label, 1, box.data, box.n);
    if (score < 0) { /* ground truth */
        put_double(&speed, 1, o->vx);
        put_double(&speed, 2, o->vy);
        put_double(&speed, 3, 0);
        put_double(&speed, 4, 0);
        put_bytes(&label, 2, speed.data, speed.n);
    }
    put_number(&label, 3, (uint64_t)o->type);
    put_bytes(&label, 4, id, (size_t)snprintf(id, sizeof id, "%022d", o->id));
    if (score < 0)
        put_number(&label, 7, (uint64_t)o->n_points);
    put_bytes(&object, 1, label.data, label.n);
    if (score >= 0) {
        put_varint(&object, 2 << 3 | 5);
        memcpy(object.data + object.n, &score, 4);
        object.n += 4;
    }
    put_bytes(&object, 4, context, strlen(context));
    put_number(&object, 5, (uint64_t)stamp_us);
    put_bytes(&objects, 1, object.data, object.n);
    if (fwrite(objects.data, 1, objects.n, out) != objects.n)
        exit(1);
}

static struct object make_object(int id)
{
    static const double size[N_TYPES][3] = {
        {1.9, 4.6, 1.7}, {0.8, 0.9, 1.7}, {0.7, 0.2, 0.9}, {0.8, 1.8, 1.7}};
    static const double speed[N_TYPES] = {8, 1.3, 0, 4};
    const double kind = uniform(0, 1), heading = uniform(-PI, PI);
    const int type = kind < 0.6 ? 0 : kind < 0.88 ? 1 : kind < 0.96 ? 2 : 3;
    struct object o = {.type = type + 1, .id = id};
    const double v = uniform(0, 1) < 0.5 ? 0 : speed[type] * uniform(0.3, 1.5);
    o.v[0] = uniform(-75, 75);
    o.v[1] = uniform(-75, 75);
    o.v[2] = uniform(0.5, 1.5);
    for (int k = 0; k < 3; k++)
        o.v[3 + k] = size[type][k] * uniform(0.85, 1.25);
    o.v[6] = heading;
    o.vx = v * cos(heading);
    o.vy = v * sin(heading);
    return o;
}

static double distance_of(const struct object *o)
{
    return sqrt(o->v[0] * o->v[0] + o->v[1] * o->v[1]);
}

/* A found box: off by a few percent of its size, more when far; now and then turned around. */
static struct object found(const struct object *o, double blur)
{
    struct object p = *o;
    p.v[0] += normal(blur * o->v[4]);
    p.v[1] += normal(blur * o->v[3] * 2);
    p.v[2] += normal(0.05);
    for (int k = 3; k < 6; k++)
        p.v[k] *= 1 + normal(0.05);
    p.v[6] += normal(0.06) + (uniform(0, 1) < 0.02 ? PI : 0);
    return p;
}

static float bounded(double score)
{
    return (float)(score < 0.01 ? 0.01 : score > 0.999 ? 0.999 : score);
}

/* ---- files ---- */

static void write_frame(FILE *truth, FILE *results, struct object *objects, int n, const char *context,
                        int64_t stamp)
{
    for (int i = 0; i < n; i++) {
        struct object *o = &objects[i];
        const double far = distance_of(o) / 100, blur = 0.02 + 0.03 * far;
        o->v[0] += 0.1 * o->vx;
        o->v[1] += 0.1 * o->vy;
        o->n_points = (int)(600 * exp(-6 * far) * uniform(0, 1.3));
        write_object(truth, o, context, stamp, -1);
        if (uniform(0, 1) < 0.95 - 0.5 * far) {
            const struct object p = found(o, blur);
            write_object(results, &p, context, stamp, bounded(0.9 - 0.5 * far + normal(0.12)));
        }
        if (uniform(0, 1) < 0.25) { /* twice */
            const struct object p = found(o, 3 * blur);
            write_object(results, &p, context, stamp, bounded(0.25 + normal(0.12)));
        }
        if (uniform(0, 1) < 0.9) { /* nothing there */
            const struct object p = make_object(1000000 + (int)uniform(0, 1e6));
            const double u = uniform(0, 1);
            write_object(results, &p, context, stamp, bounded(0.02 + 0.5 * u * u * u));
        }
    }
}

static FILE *create(const char *prefix, const char *ending)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s", prefix, ending);
    FILE *f = fopen(path, "wb");
    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: make_waymo SEGMENTS FRAMES PREFIX\n");
        return 2;
    }
    FILE *truth = create(argv[3], "_gt.bin"), *results = create(argv[3], "_pred.bin");
    for (int s = 0; s < atoi(argv[1]); s++) {
        struct object objects[MOST];
        char context[64];
        const int n = (int)uniform(50, MOST + 1);
        snprintf(context, sizeof context, "%020d_%04d_000_%04d_000", 1000003 * (s + 1), 20 * s, 20 * s + 20);
        for (int i = 0; i < n; i++)
            objects[i] = make_object(1000 * s + i);
        for (int f = 0; f < atoi(argv[2]); f++)
            write_frame(truth, results, objects, n, context,
                        1550000000000000 + 20000000LL * s + 100000LL * f);
    }
    return fclose(truth) != 0 || fclose(results) != 0;
}
