/* tests/test_ouster_format.c - every field of the shared captures' packets and frames by the digests
 * published with them, and fragments put together again. */
#include "tests/md5.h"
#include "tests/packets.h"
#include "calib/ouster_meta.h"
#include "core/json.h"
#include "io/capture.h"
#include "io/ouster_format.h"

#define CELLS_CAP (128 * 2048)

/* One field of a whole capture: the digest over packets, and the frame at hand. */
struct field {
    char name[24];
    struct md5 packets;
    uint64_t frame[CELLS_CAP];
};

static struct field fields[16];
static int32_t n_fields;
static struct glint_ouster_meta meta;
static const struct glint_ouster_profile *profile;

static bool per_column(const char *name)
{
    return strcmp(name, "TIMESTAMP") == 0 || strcmp(name, "STATUS") == 0 ||
           strcmp(name, "MEASUREMENT_ID") == 0;
}

static uint64_t value_of(const char *name, const uint8_t *column, int32_t row)
{
    if (strcmp(name, "TIMESTAMP") == 0)
        return glint_ouster_timestamp(column);
    if (strcmp(name, "STATUS") == 0)
        return glint_ouster_status(profile, meta.pixels, column);
    if (strcmp(name, "MEASUREMENT_ID") == 0)
        return glint_ouster_measurement_id(column);
    const struct glint_ouster_field *f = glint_ouster_field(profile, name);
    assert_non_null(f);
    return glint_ouster_value(f, column + profile->column_head + row * profile->pixel_bytes);
}

static uint32_t bytes_of(const char *name, bool frame)
{
    if (strcmp(name, "TIMESTAMP") == 0)
        return 8;
    if (strcmp(name, "STATUS") == 0)
        return frame ? 8 : 4;
    return strcmp(name, "MEASUREMENT_ID") == 0 ? 2 : glint_ouster_field(profile, name)->bytes;
}

static void add_value(struct md5 *m, uint64_t value, uint32_t bytes)
{
    uint8_t b[8];
    put64(b, value);
    md5_add(m, b, bytes);
}

static void take_columns(const uint8_t *data)
{
    for (int32_t i = 0; i < n_fields; i++) {
        struct field *f = &fields[i];
        const int32_t rows = per_column(f->name) ? 1 : meta.pixels;
        for (int32_t row = 0; row < rows; row++)
            for (int32_t c = 0; c < meta.columns_per_packet; c++) {
                const uint8_t *column = glint_ouster_column(profile, meta.pixels, data, c);
                const uint64_t value = value_of(f->name, column, row);
                add_value(&f->packets, value, bytes_of(f->name, false));
                if (glint_ouster_status(profile, meta.pixels, column) & 1)
                    f->frame[row * meta.columns_per_frame + glint_ouster_measurement_id(column)] = value;
            }
    }
}

static void check_digest(struct md5 *m, struct glint_json want, const char *name)
{
    const char *hex;
    char got[33];
    md5_end(m, got);
    assert_int_equal(glint_json_string(want, name, &hex), GLINT_OK);
    assert_string_equal(got, hex);
}

static void end_frame(struct glint_json want)
{
    for (int32_t i = 0; i < n_fields; i++) {
        struct field *f = &fields[i];
        const int32_t cells = (per_column(f->name) ? 1 : meta.pixels) * meta.columns_per_frame;
        struct md5 m;
        md5_begin(&m);
        for (int32_t k = 0; k < cells; k++)
            add_value(&m, f->frame[k], bytes_of(f->name, true));
        memset(f->frame, 0, sizeof f->frame);
        check_digest(&m, glint_json_get(want, "md5"), f->name);
    }
}

static void begin_fields(struct glint_json names)
{
    n_fields = (int32_t)glint_json_members(names);
    assert_in_range(n_fields, 7, 16);
    memset(fields, 0, sizeof fields);
    for (int32_t i = 0; i < n_fields; i++) {
        snprintf(fields[i].name, sizeof fields[i].name, "%s", glint_json_key(names, (size_t)i));
        md5_begin(&fields[i].packets);
    }
}

/* folder/stem.pcap against the digests of its truth. */
static void check_capture(const char *folder, const char *stem, const char *metadata)
{
    char path[600], name[300];
    struct glint_json_doc *doc;
    struct glint_source *source;
    struct glint_packet p;
    int64_t frame = -1;
    size_t n_frames = 0;
    snprintf(name, sizeof name, "captures/%s/%s.truth.json", folder, stem);
    if (!glint_test_shared(name, path, sizeof path))
        skip();
    assert_int_equal(glint_json_load(path, &doc), GLINT_OK);
    const struct glint_json digest = glint_json_get(glint_json_root(doc), "digest");
    const struct glint_json frames = glint_json_get(digest, "frames");
    snprintf(path, sizeof path, "%s/captures/%s/%s", GLINT_SHARED, folder, metadata);
    assert_int_equal(glint_ouster_meta_load(path, &meta), GLINT_OK);
    profile = glint_ouster_profile(meta.profile);
    begin_fields(glint_json_get(digest, "packet_md5"));
    snprintf(path, sizeof path, "%s/captures/%s/%s.pcap", GLINT_SHARED, folder, stem);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    while (source->ops->next_packet(source, &p) == GLINT_OK) {
        if (p.size != glint_ouster_packet_bytes(profile, meta.pixels, meta.columns_per_packet))
            continue;
        const uint8_t *first = glint_ouster_column(profile, meta.pixels, p.data, 0);
        const int64_t id = profile->packet_head ? p.data[2] | p.data[3] << 8 : first[10] | first[11] << 8;
        if (frame >= 0 && id != frame)
            end_frame(glint_json_at(frames, n_frames++));
        frame = id;
        take_columns(p.data);
    }
    end_frame(glint_json_at(frames, n_frames++));
    assert_int_equal(n_frames, glint_json_size(frames));
    for (int32_t i = 0; i < n_fields; i++)
        check_digest(&fields[i].packets, glint_json_get(digest, "packet_md5"), fields[i].name);
    source->ops->close(source);
    glint_json_close(doc);
}

static void every_field_has_its_published_digest(void **state)
{
    (void)state;
    static const char *const captures[][3] = {
        {"ouster_os0_128_rng15", "OS-0-128-U1_v2.3.0_1024x10", "OS-0-128-U1_v2.3.0_1024x10.json"},
        {"ouster_os0_128_window", "windowed_frame1", "windowed_frame1_0.json"},
        {"ouster_os0_32_dual", "OS-0-32-U1_v2.2.0_1024x10", "OS-0-32-U1_v2.2.0_1024x10.json"},
        {"ouster_os1_128_rng15_3scans", "OS-1-128_v2.3.0_1024x10_lb_n3", "OS-1-128_v2.3.0_1024x10.json"},
        {"ouster_os1_32_legacy", "OS-1-32-G_v2.1.1_1024x10", "OS-1-32-G_v2.1.1_1024x10.json"},
        {"ouster_os1_64_legacy", "OS-1-64_1024x10_fw20", "OS-1-64_sensor_config_reduced.json"},
    };
    for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++)
        check_capture(captures[i][0], captures[i][1], captures[i][2]);
}

/* Ranges of one packet of two beams and more, as a table of u32. */
static void check_ranges(const struct glint_packet *p, const char *metadata, struct glint_json want)
{
    char path[600];
    struct md5 m;
    snprintf(path, sizeof path, "%s/captures/ouster_fragmented/%s", GLINT_SHARED, metadata);
    assert_int_equal(glint_ouster_meta_load(path, &meta), GLINT_OK);
    profile = glint_ouster_profile(meta.profile);
    assert_int_equal(p->size, glint_ouster_packet_bytes(profile, meta.pixels, meta.columns_per_packet));
    md5_begin(&m);
    for (int32_t row = 0; row < meta.pixels; row++)
        for (int32_t c = 0; c < meta.columns_per_packet; c++)
            add_value(&m, value_of("RANGE", glint_ouster_column(profile, meta.pixels, p->data, c), row), 4);
    check_digest(&m, want, "range_md5");
}

static void fragments_are_put_together(void **state)
{
    (void)state;
    char path[600];
    struct glint_json_doc *doc;
    struct glint_source *source;
    struct glint_packet p;
    size_t n = 0;
    if (!glint_test_shared("captures/ouster_fragmented/same_ports.truth.json", path, sizeof path))
        skip();
    assert_int_equal(glint_json_load(path, &doc), GLINT_OK);
    const struct glint_json datagrams = glint_json_get(glint_json_root(doc), "datagrams");
    glint_test_shared("captures/ouster_fragmented/same_ports.pcap", path, sizeof path);
    assert_int_equal(glint_source_open(path, NULL, &source), GLINT_OK);
    for (; source->ops->next_packet(source, &p) == GLINT_OK; n++) {
        const struct glint_json want = glint_json_at(datagrams, n);
        const struct glint_json fit = glint_json_at(glint_json_get(want, "size_fits"), 0);
        int32_t number;
        struct md5 m;
        assert_int_equal(glint_json_i32(want, "payload_bytes", 0, 65535, &number), GLINT_OK);
        assert_int_equal(p.size, number);
        assert_int_equal(glint_json_i32(want, "last_record", 0, 65535, &number), GLINT_OK);
        assert_int_equal(p.record, number);
        assert_int_equal(glint_json_i32(want, "source_port", 0, 65535, &number), GLINT_OK);
        assert_int_equal(p.src_port, number);
        md5_begin(&m);
        md5_add(&m, p.data, p.size);
        check_digest(&m, want, "payload_md5");
        const char *metadata;
        if (glint_json_has(fit, "metadata") && glint_json_string(fit, "metadata", &metadata) == GLINT_OK)
            check_ranges(&p, metadata, fit);
    }
    assert_int_equal(n, glint_json_size(datagrams));
    source->ops->close(source);
    glint_json_close(doc);
}

static void values_are_cut_out_and_shifted(void **state)
{
    (void)state;
    static const uint8_t pixel[20] = {0x34, 0x92, 0x77, 0x12, 0xff, 0xff, 0xff, 0x21};
    const struct glint_ouster_profile *low = glint_ouster_profile("RNG15_RFL8_NIR8"),
                                      *dual = glint_ouster_profile("RNG19_RFL8_SIG16_NIR16_DUAL");
    assert_int_equal(glint_ouster_value(glint_ouster_field(low, "RANGE"), pixel), 0x1234 * 8);
    assert_int_equal(glint_ouster_value(glint_ouster_field(low, "FLAGS"), pixel), 1);
    assert_int_equal(glint_ouster_value(glint_ouster_field(low, "NEAR_IR"), pixel), 0x120);
    assert_int_equal(glint_ouster_value(glint_ouster_field(dual, "RANGE"), pixel), 0x79234);
    assert_int_equal(glint_ouster_value(glint_ouster_field(dual, "FLAGS"), pixel), 0x77 >> 3);
    assert_int_equal(glint_ouster_value(glint_ouster_field(dual, "RANGE2"), pixel), 0x7ffff);
    assert_int_equal(glint_ouster_value(glint_ouster_field(dual, "REFLECTIVITY2"), pixel), 0x21);
    assert_null(glint_ouster_field(low, "SIGNAL"));
    assert_null(glint_ouster_profile("RNG20"));
    for (int32_t i = 0; i < glint_ouster_n_profiles(); i++)
        for (int32_t k = 0; k < GLINT_OUSTER_FIELDS_CAP && glint_ouster_profile_at(i)->field[k].name; k++) {
            const struct glint_ouster_field *f = &glint_ouster_profile_at(i)->field[k];
            assert_true(f->bit + f->bits <= 8 * glint_ouster_profile_at(i)->pixel_bytes);
            assert_true(f->bits + f->up <= 8 * f->bytes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_cut_out_and_shifted),
        cmocka_unit_test(every_field_has_its_published_digest),
        cmocka_unit_test(fragments_are_put_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
