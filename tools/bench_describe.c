/* tools/bench_describe.c - what one needs to know to repeat a measurement. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/status.h"
#include "tools/bench.h"
#include "tools/first_frame.h"
#include "tools/glint_commit.h"
#include "tools/places.h"
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <zlib.h>

void glint_bench_put_crc(json_t *object, const char *key, uint32_t crc)
{
    char text[16];
    snprintf(text, sizeof text, "%08lx", (unsigned long)crc);
    json_object_set_new(object, key, json_string(text));
}

/* CRC-32 of the file: tells inputs apart. No size for a folder. */
static void describe_input(struct glint_bench *b)
{
    json_t *input = json_object();
    json_object_set_new(b->out, "input", input);
    if (!b->input) {
        json_object_set_new(input, "made", json_true());
        return;
    }
    FILE *f = glint_is_folder(b->input) ? NULL : fopen(b->input, "rb");
    const char *slash = strrchr(b->input, '/');
    unsigned char block[65536];
    uLong crc = crc32(0, NULL, 0);
    json_int_t bytes = 0;
    for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0; bytes += (json_int_t)n)
        crc = crc32(crc, block, (uInt)n);
    json_object_set_new(input, "name", json_string(slash && slash[1] ? slash + 1 : b->input));
    if (f) {
        json_object_set_new(input, "bytes", json_integer(bytes));
        glint_bench_put_crc(input, "crc32", (uint32_t)crc);
        fclose(f);
    }
}

static void describe_machine(struct glint_bench *b)
{
    struct utsname name;
    json_t *machine = json_object();
    json_object_set_new(machine, "processor", json_string(glint_cpu_name()));
    json_object_set_new(machine, "cores", json_integer(glint_cpu_count()));
    json_object_set_new(machine, "isa", json_string(glint_cpu_isa_name(glint_cpu_isa())));
    json_object_set_new(machine, "clock_ghz", json_real(glint_ceiling_clock_ghz()));
    if (uname(&name) == 0)
        json_object_set_new(machine, "system",
                            json_sprintf("%s %s %s", name.sysname, name.release, name.machine));
    json_object_set_new(b->out, "machine", machine);
}

static void describe_build(struct glint_bench *b)
{
    json_t *build = json_object();
    json_object_set_new(build, "version", json_string(GLINT_VERSION));
    json_object_set_new(build, "commit", json_string(GLINT_COMMIT));
    json_object_set_new(build, "type", json_string(GLINT_BUILD_TYPE));
    json_object_set_new(build, "compiler", json_string(GLINT_COMPILER));
    json_object_set_new(build, "flags", json_string(GLINT_C_FLAGS));
    json_object_set_new(b->out, "build", build);
}

void glint_bench_describe(struct glint_bench *b)
{
    char text[32];
    const time_t now = time(NULL);
    struct tm utc;
    json_object_set_new(b->out, "measures", json_string(b->kind));
    if (gmtime_r(&now, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        json_object_set_new(b->out, "time", json_string(text));
    describe_machine(b);
    describe_build(b);
    describe_input(b);
    json_object_set_new(b->out, "threads", json_integer(b->n_threads));
    json_object_set_new(b->out, "precision", json_string(glint_precision_name(b->precision)));
    json_object_set_new(b->out, "device", json_string(b->device));
    json_object_set_new(b->out, "repeat", json_integer(b->repeat));
}

static uLong crc_floats(uLong crc, const float *values, int32_t n)
{
    return crc32(crc, (const Bytef *)values, (uInt)((size_t)n * sizeof *values));
}

void glint_bench_describe_frame(struct glint_bench *b, const struct glint_frame *frame)
{
    const struct glint_points *p = &frame->points;
    uLong crc = crc32(0, NULL, 0);
    crc = crc_floats(crc, p->x, p->n);
    crc = crc_floats(crc, p->y, p->n);
    crc = crc_floats(crc, p->z, p->n);
    crc = crc_floats(crc, p->intensity, p->n);
    json_t *out = json_object();
    json_object_set_new(out, "points", json_integer(p->n));
    glint_bench_put_crc(out, "crc32", (uint32_t)crc);
    json_object_set_new(b->out, "frame", out);
}

int glint_bench_first_frame(struct glint_bench *b, struct glint_first_frame *first)
{
    const int status = b->input ? glint_first_frame_open(first, b->input, b->sensor, b->calib)
                                : glint_first_frame_make(first, b->n_points);
    if (status == GLINT_OK)
        glint_bench_describe_frame(b, first->frame);
    return status;
}
