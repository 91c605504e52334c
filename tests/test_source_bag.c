/* tests/test_source_bag.c - recordings as inputs: packets of each driver's messages, clouds of any layout and
 * byte order, rosbag2's folders and databases, and messages that lie. */
#include "tests/clouds.h"
#include "io/output.h"
#include "ros/bag.h"
#include "ros/cloud.h"
#include "ros/compress.h"
#include "ros/mcap_write.h"
#include "ros/packets.h"
#include "ros/source_bag.h"
#if GLINT_HAVE_SQLITE3
#include <sqlite3.h>
#endif

#define STAMP INT64_C(1700000000123456789)

/* ---- making messages ---- */

/* CDR in either byte order, as ros/cdr.h aligns. */
struct maker {
    struct glint_buffer b;
    bool big;
};

static void begin(struct maker *m, bool big)
{
    const uint8_t head[4] = {0, !big, 0, 0};
    m->big = big;
    glint_buffer_clear(&m->b);
    glint_buffer_add(&m->b, head, 4);
}

static void put(struct maker *m, uint64_t value, size_t size)
{
    while ((m->b.size - 4) % size)
        glint_buffer_add(&m->b, "", 1);
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)(value >> 8 * (m->big ? size - 1 - i : i));
        glint_buffer_add(&m->b, &byte, 1);
    }
}

static void put_text(struct maker *m, const char *text)
{
    put(m, strlen(text) + 1, 4);
    glint_buffer_add(&m->b, text, strlen(text) + 1);
}

static void put_stamp(struct maker *m, int64_t ns)
{
    put(m, (uint64_t)(ns / 1000000000), 4);
    put(m, (uint64_t)(ns % 1000000000), 4);
}

static void put_header(struct maker *m)
{
    put_stamp(m, STAMP);
    put_text(m, "lidar_top");
}

static void put_bytes(struct maker *m, uint8_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t byte = (uint8_t)(first + i);
        glint_buffer_add(&m->b, &byte, 1);
    }
}

/* ---- packets ---- */

struct packets_case {
    const char *type;
    bool header, list, stamped, sized, difop;
    uint32_t fixed, size; /* of the array, 0: a sequence; of the packets in it */
};

static const struct packets_case cases[] = {
    {"velodyne_msgs/msg/VelodyneScan", true, true, true, false, false, 1206, 1206},
    {"pandar_msgs/msg/PandarScan", true, true, true, true, false, 1500, 1080},
    {"nebula_msgs/msg/NebulaPackets", true, true, true, false, false, 0, 893},
    {"robosense_msgs/msg/RobosenseScan", true, true, true, true, false, 1248, 1210},
    {"rslidar_msg/msg/RslidarPacket", true, false, false, false, true, 0, 1248},
    {"ouster_sensor_msgs/msg/PacketMsg", false, false, false, false, false, 0, 3392},
};

static void make_packets(struct maker *m, const struct packets_case *c, uint32_t n, bool big)
{
    begin(m, big);
    if (c->header)
        put_header(m);
    if (c->difop)
        put(m, 0, 1), put(m, 1, 1);
    if (c->list)
        put(m, n, 4);
    for (uint32_t i = 0; i < n; i++) {
        if (c->stamped)
            put_stamp(m, STAMP + i * 1000);
        if (!c->fixed)
            put(m, c->size, 4);
        put_bytes(m, (uint8_t)i, c->fixed ? c->fixed : c->size);
        if (c->sized)
            put(m, c->size, 4);
    }
}

static void packets_of_every_driver_are_read(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_ros_packet_list list;
    struct glint_ros_packet p;
    for (size_t k = 0; k < 2 * sizeof cases / sizeof cases[0]; k++) {
        const struct packets_case *c = &cases[k / 2];
        const struct glint_ros_packets *kind = glint_ros_packets_of(c->type);
        const uint32_t want = c->list ? 3 : 1;
        uint32_t n = 0;
        make_packets(&m, c, want, k % 2);
        expect_ok(glint_ros_packets_open(kind, m.b.data, m.b.size, "test", &list));
        for (; glint_ros_packets_next(&list, &p); n++) {
            assert_int_equal(p.size, c->size);
            assert_int_equal(p.data[5], n + 5);
            assert_int_equal(p.stamp_ns, !c->header ? 0 : STAMP + (c->stamped ? n * 1000 : 0));
        }
        assert_int_equal(n, want);
        assert_false(list.reader.failed);
        assert_int_equal(list.reader.at, list.reader.size);
    }
    assert_null(glint_ros_packets_of("std_msgs/msg/String"));
    glint_buffer_fini(&m.b);
}

static void packets_cut_short_fail(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_ros_packet_list list;
    struct glint_ros_packet p;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        make_packets(&m, &cases[k], cases[k].list ? 2 : 1, false);
        for (size_t n = 0; n < m.b.size; n += n < 64 ? 1 : 37) {
            uint8_t *exact = malloc(n + 1);
            memcpy(exact, m.b.data, n);
            if (glint_ros_packets_open(glint_ros_packets_of(cases[k].type), exact, n, "cut", &list) ==
                GLINT_OK) {
                while (glint_ros_packets_next(&list, &p))
                    continue;
                assert_true(list.reader.failed);
            }
            free(exact);
        }
    }
    glint_buffer_fini(&m.b);
}

static void the_byte_too_many_of_old_ouster_drivers_is_taken_off(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_ros_packet_list list;
    struct glint_ros_packet p;
    begin(&m, false);
    put(&m, 3393, 4);
    put_bytes(&m, 0, 3393);
    expect_ok(glint_ros_packets_open(glint_ros_packets_of("ouster_ros/msg/PacketMsg"), m.b.data, m.b.size,
                                     "x", &list));
    assert_true(glint_ros_packets_next(&list, &p));
    assert_int_equal(p.size, 3392);
    glint_buffer_fini(&m.b);
}

/* ---- clouds ---- */

enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 };

struct cloud_field {
    const char *name;
    uint32_t offset;
    uint8_t kind;
    double first, step; /* value of point i: first + i * step */
};

struct cloud_case {
    uint32_t width, height, point_step, row_gap;
    bool big;
    struct cloud_field fields[8];
};

static const struct cloud_case plain = {.width = 10,
                                        .height = 1,
                                        .point_step = 22,
                                        .fields = {{"x", 0, FLOAT32, 1, 0.5},
                                                   {"y", 4, FLOAT32, 2, 0},
                                                   {"z", 8, FLOAT32, -1, 0.25},
                                                   {"intensity", 12, FLOAT32, 0, 10},
                                                   {"ring", 16, UINT16, 3, 1},
                                                   {"time", 18, FLOAT32, 0, 0.001}}};

static void store(uint8_t *at, const struct cloud_field *f, double value, bool big)
{
    static const size_t sizes[] = {0, 1, 1, 2, 2, 4, 4, 4, 8};
    const float single = (float)value;
    const int64_t whole = (int64_t)value;
    uint8_t bytes[8];
    const size_t size = f->kind <= FLOAT64 ? sizes[f->kind] : 1;
    memcpy(bytes,
           f->kind == FLOAT32   ? (const void *)&single
           : f->kind == FLOAT64 ? (const void *)&value
                                : &whole,
           size);
    for (size_t k = 0; k < size; k++)
        at[k] = bytes[big ? size - 1 - k : k];
}

static void make_cloud(struct maker *m, const struct cloud_case *c)
{
    uint32_t n = 0;
    begin(m, c->big);
    put_header(m);
    put(m, c->height, 4);
    put(m, c->width, 4);
    while (n < 8 && c->fields[n].name)
        n++;
    put(m, n, 4);
    for (uint32_t i = 0; i < n; i++) {
        put_text(m, c->fields[i].name);
        put(m, c->fields[i].offset, 4);
        put(m, c->fields[i].kind, 1);
        put(m, 1, 4);
    }
    const uint32_t row = c->width * c->point_step + c->row_gap, size = row * c->height;
    put(m, c->big, 1);
    put(m, c->point_step, 4);
    put(m, row, 4);
    put(m, size, 4);
    uint8_t *data = calloc(1, size);
    for (uint32_t i = 0; i < c->width * c->height; i++)
        for (uint32_t k = 0; k < n; k++)
            store(data + i / c->width * row + i % c->width * c->point_step + c->fields[k].offset,
                  &c->fields[k], c->fields[k].first + i * c->fields[k].step, c->big);
    glint_buffer_add(&m->b, data, size);
    put(m, 1, 1);
    free(data);
}

static int read_cloud(const struct maker *m, struct glint_frame *f)
{
    struct glint_ros_cloud cloud;
    f->points.n = 0;
    GLINT_TRY(glint_ros_cloud_open(m->b.data, m->b.size, "test", &cloud));
    glint_ros_cloud_read(&cloud, f);
    return GLINT_OK;
}

static void clouds_of_any_layout_are_read(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    struct cloud_case c = plain;
    for (int k = 0; k < 8; k++) {
        c.big = k & 1;
        c.height = k & 2 ? 5 : 1;
        c.row_gap = k & 4 ? 6 : 0;
        make_cloud(&m, &c);
        expect_ok(read_cloud(&m, f));
        assert_int_equal(f->points.n, 10 * c.height);
        assert_int_equal(f->stamp_ns, STAMP);
        for (int32_t i = 0; i < f->points.n; i++) {
            assert_true(f->points.x[i] == 1 + (float)i * 0.5f && f->points.z[i] == -1 + (float)i * 0.25f);
            assert_near(f->points.intensity[i], fmin(i * 10 / 255.0, 1), 1e-6);
            assert_int_equal(f->points.ring[i], 3 + i);
            assert_near(f->points.offset_ns[i], i * 1e6, 500);
        }
    }
    cloud_frame_done(f);
    glint_buffer_fini(&m.b);
}

static void values_of_every_type_are_read(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    for (uint8_t kind = INT8; kind <= FLOAT64; kind++)
        for (int big = 0; big < 2; big++) {
            const double sign = kind == UINT8 || kind == UINT16 || kind == UINT32 ? 1 : -1;
            const struct cloud_case c = {.width = 4,
                                         .height = 1,
                                         .point_step = 40,
                                         .big = big,
                                         .fields = {{"z", 1, kind, 7 * sign, sign},
                                                    {"y", 11, kind, 0, 0},
                                                    {"x", 21, kind, 5, 1},
                                                    {"intensity", 30, kind, 1, 0}}};
            make_cloud(&m, &c);
            expect_ok(read_cloud(&m, f));
            for (int i = 0; i < 4; i++)
                assert_true(f->points.x[i] == 5 + (float)i && f->points.z[i] == (float)(sign * (7 + i)));
            assert_near(f->points.intensity[0], kind < FLOAT32 ? 1 / 255.0 : 1, 1e-6);
        }
    cloud_frame_done(f);
    glint_buffer_fini(&m.b);
}

/* Times as drivers have them: dates (Hesai), before the stamp (Velodyne), nanoseconds (Ouster). */
static void times_become_offsets(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    static const struct {
        struct cloud_field field;
        int64_t stamp;
        double step_ns, most;
    } times[] = {{{"timestamp", 12, FLOAT64, 1700000000.25, 0.001}, INT64_C(1700000000250000000), 1e6, 300},
                 {{"time", 12, FLOAT32, -0.01, 0.001}, STAMP - 10000000, 1e6, 10},
                 {{"t", 12, UINT32, 0, 1500}, STAMP, 1500, 0}};
    for (size_t k = 0; k < 3; k++) {
        struct cloud_case c = plain;
        c.fields[3] = times[k].field;
        c.fields[4].name = NULL;
        make_cloud(&m, &c);
        expect_ok(read_cloud(&m, f));
        assert_near(f->stamp_ns - times[k].stamp, 0, times[k].most);
        for (int i = 0; i < 10; i++)
            assert_near(f->points.offset_ns[i], i * times[k].step_ns, times[k].most);
    }
    cloud_frame_done(f);
    glint_buffer_fini(&m.b);
}

static void clouds_that_lie_are_refused(void **state)
{
    (void)state;
    struct maker m = {0};
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    struct cloud_case c = plain;
    c.fields[2].offset = 19; /* z reaches beyond the point */
    make_cloud(
        &m, &(struct cloud_case){.width = 1, .height = 1, .point_step = 64, .fields = {{"x", 0, 9, 0, 0}}});
    expect_failure(read_cloud(&m, f), GLINT_E_FORMAT, "field x: no type 9");
    make_cloud(&m, &(struct cloud_case){
                       .width = 1, .height = 1, .point_step = 8, .fields = {{"x", 0, FLOAT32, 0, 0}}});
    expect_failure(read_cloud(&m, f), GLINT_E_FORMAT, "fields x, y and z");
    c.point_step = 64; /* room for the test's writing, taken back in the message */
    make_cloud(&m, &c);
    for (size_t i = 4; i + 4 < m.b.size; i += 4)
        if (m.b.data[i] == 64 && m.b.data[i + 1] == 0 && i > 100) {
            m.b.data[i] = 22;
            break;
        }
    expect_failure(read_cloud(&m, f), GLINT_E_FORMAT, "field z at offset 19 does not fit into point_step 22");
    make_cloud(&m, &plain);
    m.b.data[4 + 8 + 4 + 12 + 4] = 11; /* width, behind stamp, frame_id and height */
    expect_failure(read_cloud(&m, f), GLINT_E_FORMAT, "11 x 1 points of 22 bytes");
    make_cloud(&m, &plain);
    for (size_t n = 0; n < m.b.size; n++) {
        struct glint_ros_cloud cloud;
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, m.b.data, n);
        assert_true(glint_ros_cloud_open(exact, n, "cut", &cloud) == GLINT_E_FORMAT || n == m.b.size - 1);
        free(exact);
    }
    cloud_frame_done(f);
    glint_buffer_fini(&m.b);
}

/* ---- files ---- */

static const struct glint_mcap_channel cloud_topic = {"/points", "sensor_msgs/msg/PointCloud2", "", NULL},
                                       second_cloud = {"/rear", "sensor_msgs/msg/PointCloud2", "", NULL},
                                       packet_topic = {"/packets", "velodyne_msgs/msg/VelodyneScan", "",
                                                       NULL},
                                       text_topic = {"/chatter", "std_msgs/msg/String", "", NULL};

/* An MCAP file of n messages on each of the topics. */
static const char *write_bag(const char *name, const struct glint_mcap_channel *const *topics, int n_topics,
                             int n)
{
    const char *path = glint_test_path(name);
    struct glint_mcap_writer *w;
    struct glint_mcap_settings settings;
    struct maker m = {0};
    uint16_t id[4];
    glint_mcap_settings_default(&settings);
    expect_ok(glint_mcap_create(path, &settings, &w));
    for (int t = 0; t < n_topics; t++)
        expect_ok(glint_mcap_add_channel(w, topics[t], &id[t]));
    for (int i = 0; i < n * n_topics; i++) {
        const struct glint_mcap_channel *topic = topics[i % n_topics];
        if (topic == &packet_topic)
            make_packets(&m, &cases[0], 2, false);
        else
            make_cloud(&m, &plain);
        expect_ok(glint_mcap_write(w, id[i % n_topics], STAMP + i, m.b.data, m.b.size));
    }
    expect_ok(glint_mcap_finish(w));
    glint_mcap_close(w);
    glint_buffer_fini(&m.b);
    return path;
}

static int count_frames(const char *path, const char *topic)
{
    const struct glint_source_settings settings = {.topic = topic};
    struct glint_source *source;
    struct glint_frame *f = cloud_frame(CLOUD_CAP);
    int n = 0;
    expect_ok(glint_source_open(path, &settings, &source));
    assert_false(source->ops->gives_packets);
    assert_int_equal(source->ops->cap_points(source), 15);
    while (source->ops->next_frame(source, f) == GLINT_OK) {
        assert_int_equal(f->points.n, 10);
        assert_int_equal(f->index, n);
        f->points.n = 0;
        n++;
    }
    glint_source_close(source);
    cloud_frame_done(f);
    return n;
}

static void the_topic_is_chosen(void **state)
{
    (void)state;
    struct glint_source *source;
    const char *one =
        write_bag("one.mcap", (const struct glint_mcap_channel *const[]){&text_topic, &cloud_topic}, 2, 3);
    assert_int_equal(count_frames(one, NULL), 3);
    const char *two =
        write_bag("two.mcap", (const struct glint_mcap_channel *const[]){&cloud_topic, &second_cloud}, 2, 4);
    assert_int_equal(count_frames(two, "/rear"), 4);
    expect_failure(glint_source_open(two, NULL, &source), GLINT_E_ARG,
                   "2 topics of clouds, choose one with --topic");
    expect_failure(glint_source_open(two, &(struct glint_source_settings){.topic = "/left"}, &source),
                   GLINT_E_NOTFOUND,
                   "no topic /left; there are: /points (sensor_msgs/msg/PointCloud2), /rear");
    expect_failure(glint_source_open(one, &(struct glint_source_settings){.topic = "/chatter"}, &source),
                   GLINT_E_UNSUPPORTED, "/chatter is of type std_msgs/msg/String");
    const char *none = write_bag("none.mcap", (const struct glint_mcap_channel *const[]){&text_topic}, 1, 2);
    expect_failure(glint_source_open(none, NULL, &source), GLINT_E_NOTFOUND, "no topic of PointCloud2");
}

/* rosbag2 with compression_mode: MESSAGE. */
static void packed_clouds_tell_their_size_too(void **state)
{
    (void)state;
    const char *path = glint_test_path("packed.mcap");
    struct glint_compressor *c;
    struct glint_mcap_writer *w;
    struct glint_mcap_settings settings;
    struct glint_buffer packed = {0};
    struct maker m = {0};
    uint16_t id;
    if (glint_compressor_open(GLINT_COMPRESSION_ZSTD, &c) != GLINT_OK)
        skip();
    make_cloud(&m, &plain);
    expect_ok(glint_compressor_run(c, m.b.data, m.b.size, &packed));
    glint_mcap_settings_default(&settings);
    expect_ok(glint_mcap_create(path, &settings, &w));
    expect_ok(glint_mcap_add_channel(w, &cloud_topic, &id));
    for (int i = 0; i < 3; i++)
        expect_ok(glint_mcap_write(w, id, STAMP + i, packed.data, packed.size));
    expect_ok(glint_mcap_finish(w));
    glint_mcap_close(w);
    glint_compressor_close(c);
    glint_buffer_fini(&packed);
    glint_buffer_fini(&m.b);
    assert_int_equal(count_frames(path, NULL), 3);
}

static void names_without_end_are_refused(void **state)
{
    (void)state;
    struct glint_source *source;
    char text[GLINT_BAG_NAME + 2];
    memset(text, 'a', sizeof text);
    text[GLINT_BAG_NAME + 1] = 0;
    const struct glint_mcap_channel topic = {text, "sensor_msgs/msg/PointCloud2", "", NULL},
                                    type = {"/points", text, "", NULL};
    const char *path =
        write_bag("topic.mcap", (const struct glint_mcap_channel *const[]){&cloud_topic, &topic}, 2, 2);
    expect_failure(glint_source_open(path, NULL, &source), GLINT_E_FORMAT, "of more than 1024 letters");
    path = write_bag("type.mcap", (const struct glint_mcap_channel *const[]){&cloud_topic, &type}, 2, 2);
    expect_failure(glint_source_open(path, NULL, &source), GLINT_E_FORMAT, "a name of 1025 letters");
}

static void packets_come_with_their_time_and_sender(void **state)
{
    (void)state;
    struct glint_source *source;
    struct glint_packet p;
    const char *path = write_bag(
        "packets.mcap", (const struct glint_mcap_channel *const[]){&packet_topic, &cloud_topic}, 2, 3);
    int n = 0;
    expect_ok(glint_source_open(path, NULL, &source));
    assert_true(source->ops->gives_packets);
    for (; source->ops->next_packet(source, &p) == GLINT_OK; n++) {
        assert_int_equal(p.size, 1206);
        assert_int_equal(p.stamp_ns, STAMP + n % 2 * 1000);
        assert_int_equal(p.record, n);
        assert_int_equal(p.src_ip, 0x7f000001);
        assert_int_equal(p.dst_port, 2368);
    }
    assert_int_equal(n, 6);
    assert_non_null(strstr(source->ops->input_path(source, 0), "packets.mcap /packets"));
    glint_source_close(source);
}

static void folders_of_rosbag2_are_read(void **state)
{
    (void)state;
    struct glint_source *source;
    const struct glint_mcap_channel *const topics[] = {&cloud_topic};
    write_bag("bag/bag_0.mcap", topics, 1, 3);
    write_bag("bag/bag_1.mcap", topics, 1, 2);
    static const char yaml[] =
        "rosbag2_bagfile_information:\n  version: 5\n  relative_file_paths:\n    - bag_0.mcap\n"
        "    - 'bag_1.mcap'\n  compression_mode: \"\"\n  files:\n    - path: bag_0.mcap\n";
    glint_test_write("bag/metadata.yaml", yaml, sizeof yaml - 1);
    assert_int_equal(count_frames(glint_test_path("bag"), NULL), 5);
    static const char packed[] =
        "rosbag2_bagfile_information:\n  relative_file_paths:\n    - bag_0.mcap.zstd\n"
        "  compression_format: zstd\n  compression_mode: FILE\n";
    glint_test_write("bag/metadata.yaml", packed, sizeof packed - 1);
    expect_failure(glint_source_open(glint_test_path("bag"), NULL, &source), GLINT_E_UNSUPPORTED,
                   "compressed as a whole");
    static const char outside[] = "rosbag2_bagfile_information:\n  relative_file_paths:\n    - ../x.mcap\n";
    glint_test_write("bag/metadata.yaml", outside, sizeof outside - 1);
    expect_failure(glint_source_open(glint_test_path("bag"), NULL, &source), GLINT_E_FORMAT,
                   "expected names of files in it");
}

#if GLINT_HAVE_SQLITE3
static void databases_of_rosbag2_are_read(void **state)
{
    (void)state;
    const char *path = glint_test_path("a.db3");
    struct maker m = {0};
    sqlite3 *db;
    sqlite3_stmt *s;
    struct glint_source *source;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(
        db,
        "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT, q "
        "TEXT);"
        "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB);"
        "INSERT INTO topics VALUES(3,'/points','sensor_msgs/msg/PointCloud2','cdr','');"
        "INSERT INTO topics VALUES(7,'/chatter','std_msgs/msg/String','cdr','');",
        NULL, NULL, NULL);
    make_cloud(&m, &plain);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO messages VALUES(?,?,?,?)", -1, &s, NULL), SQLITE_OK);
    for (int i = 0; i < 6; i++) {
        sqlite3_bind_int(s, 1, i + 1);
        sqlite3_bind_int(s, 2, i % 2 ? 7 : 3);
        sqlite3_bind_int64(s, 3, STAMP - i);
        sqlite3_bind_blob(s, 4, m.b.data, (int)m.b.size, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    assert_int_equal(count_frames(path, NULL), 3);
    assert_int_equal(sqlite3_open(glint_test_path("b.db3"), &db), SQLITE_OK);
    sqlite3_exec(
        db,
        "CREATE TABLE x(y); CREATE VIEW topics AS SELECT * FROM x; CREATE VIEW messages AS SELECT * FROM x",
        NULL, NULL, NULL);
    sqlite3_close(db);
    expect_failure(glint_source_open(glint_test_path("b.db3"), NULL, &source), GLINT_E_FORMAT,
                   "expected tables topics and messages");
    glint_buffer_fini(&m.b);
}
#endif

static int prepare(void **state)
{
    glint_ros_add_sources();
    return glint_test_folder_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_driver_are_read),
        cmocka_unit_test(packets_cut_short_fail),
        cmocka_unit_test(the_byte_too_many_of_old_ouster_drivers_is_taken_off),
        cmocka_unit_test(clouds_of_any_layout_are_read),
        cmocka_unit_test(values_of_every_type_are_read),
        cmocka_unit_test(times_become_offsets),
        cmocka_unit_test(clouds_that_lie_are_refused),
        cmocka_unit_test(the_topic_is_chosen),
        cmocka_unit_test(packed_clouds_tell_their_size_too),
        cmocka_unit_test(names_without_end_are_refused),
        cmocka_unit_test(packets_come_with_their_time_and_sender),
        cmocka_unit_test(folders_of_rosbag2_are_read),
#if GLINT_HAVE_SQLITE3
        cmocka_unit_test(databases_of_rosbag2_are_read),
#endif
    };
    return cmocka_run_group_tests(tests, prepare, glint_test_folder_remove);
}
