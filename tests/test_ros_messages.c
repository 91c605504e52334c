/* tests/test_ros_messages.c - CDR, the tables of ROS 2 types, and a frame as messages: every message is
 * walked by its type's table, which must end exactly where the message does. */
#include "tests/util.h"
#include "core/frame.h"
#include "core/status.h"
#include "ros/messages.h"

static const char *const classes[] = {"car", "pedestrian"};
static const struct glint_sink_context context = {.n_classes = 2, .classes = classes};

static struct glint_frame_pool *pool;

static struct glint_frame *make_frame(int32_t n_points, int32_t n_boxes)
{
    assert_int_equal(glint_frame_pool_open(1, 64, 16, &pool), GLINT_OK);
    struct glint_frame *f = glint_frame_get(pool, false);
    for (int32_t i = 0; i < n_points; i++)
        glint_frame_add_point(f, (float)i, -1.5f, 0.25f, 0.5f, (uint16_t)(300 + i), (uint8_t)(i % 2),
                              (uint32_t)i * 1000);
    f->index = 12;
    f->stamp_ns = 1700000000123456789;
    strcpy(f->source, "VLP-16");
    f->n_boxes = n_boxes;
    for (int32_t i = 0; i < n_boxes; i++)
        f->boxes[i] = (struct glint_box){.center = {1, 2, 3},
                                         .size = {4, 2, 1.5f},
                                         .yaw = 0.5f,
                                         .velocity = {(float)i, 0},
                                         .score = 0.75f,
                                         .label = i,
                                         .id = 70 + i};
    f->latency_ns[GLINT_STAGE_TRACK] = 1000;
    return f;
}

static void drop_frame(struct glint_frame *f)
{
    glint_frame_unref(f);
    glint_frame_pool_close(pool);
}

static struct glint_cdr_reader encode(const struct glint_ros_settings *s, enum glint_ros_topic topic,
                                      const struct glint_frame *f, struct glint_buffer *bytes)
{
    struct glint_cdr_reader r;
    glint_ros_encode(s, topic, &context, f, bytes);
    assert_false(bytes->failed);
    assert_int_equal(glint_cdr_open(&r, bytes->data, bytes->size, "test"), GLINT_OK);
    return r;
}

static void numbers_stand_at_multiples_of_their_size(void **state)
{
    (void)state;
    static const uint8_t want[] = {
        0,    1,    0, 0,                                  /* header; then counted from 0: */
        7,    0,    0, 0, 3, 0, 0, 0, 'a', 'b', 0,    0,   /* u8 at 0, a text's length at 4 */
        0x34, 0x12, 0, 0, 0, 0, 0, 0, 0,   0,   0xf8, 0x3f /* u16 at 12, f64 1.5 at 16 */
    };
    struct glint_buffer b = {0};
    struct glint_cdr c;
    glint_cdr_begin(&c, &b);
    glint_cdr_put_u8(&c, 7);
    glint_cdr_put_text(&c, "ab");
    glint_cdr_put_u16(&c, 0x1234);
    glint_cdr_put_f64(&c, 1.5);
    assert_int_equal(b.size, sizeof want);
    assert_memory_equal(b.data, want, sizeof want);
    glint_buffer_fini(&b);
}

static void both_byte_orders_are_read_and_nothing_beyond(void **state)
{
    (void)state;
    static const uint8_t big[] = {0, 0, 0, 0, 0x12, 0, 0x34, 0x56, 0, 0, 0, 2, 'x', 0};
    static const uint8_t strange[] = {0, 7, 0, 0}, no_zero[] = {0, 1, 0, 0, 1, 0, 0, 0, 'x'};
    struct glint_cdr_reader r;
    assert_int_equal(glint_cdr_open(&r, big, sizeof big, "big"), GLINT_OK);
    assert_int_equal(glint_cdr_u8(&r), 0x12);
    assert_int_equal(glint_cdr_u16(&r), 0x3456);
    assert_string_equal(glint_cdr_text(&r), "x");
    assert_false(r.failed);
    assert_int_equal(glint_cdr_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(glint_cdr_open(&r, strange, 4, "strange"), GLINT_E_FORMAT);
    assert_int_equal(glint_cdr_open(&r, big, 3, "short"), GLINT_E_FORMAT);
    assert_int_equal(glint_cdr_open(&r, no_zero, sizeof no_zero, "text"), GLINT_OK);
    assert_string_equal(glint_cdr_text(&r), "");
    assert_true(r.failed);
}

static void every_message_is_one_of_its_type(void **state)
{
    (void)state;
    static const int32_t sizes[][2] = {{0, 0}, {1, 1}, {7, 3}, {64, 16}};
    struct glint_ros_settings s;
    struct glint_buffer bytes = {0};
    glint_ros_settings_default(&s);
    for (int k = 0; k < 16; k++) {
        struct glint_frame *f = make_frame(sizes[k % 4][0], sizes[k % 4][1]);
        s.layout = k & 4 ? GLINT_ROS_XYZIRCAEDT : GLINT_ROS_XYZIRC;
        f->has_masks = k & 8;
        f->has_pose = true;
        for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
            glint_buffer_clear(&bytes);
            struct glint_cdr_reader r = encode(&s, (enum glint_ros_topic)t, f, &bytes);
            glint_ros_skip(glint_ros_topic((enum glint_ros_topic)t)->type, &r);
            assert_false(r.failed);
            assert_int_equal(r.at, r.size);
        }
        drop_frame(f);
    }
    glint_buffer_fini(&bytes);
}

static void a_message_cut_short_fails_its_walk(void **state)
{
    (void)state;
    struct glint_ros_settings s;
    struct glint_buffer bytes = {0};
    struct glint_cdr_reader r;
    struct glint_frame *f = make_frame(5, 2);
    glint_ros_settings_default(&s);
    f->has_pose = true;
    for (int t = 0; t < GLINT_ROS_TOPIC_COUNT; t++) {
        glint_buffer_clear(&bytes);
        encode(&s, (enum glint_ros_topic)t, f, &bytes);
        for (size_t n = GLINT_CDR_HEADER; n < bytes.size; n++) {
            assert_int_equal(glint_cdr_open(&r, bytes.data, n, "cut"), GLINT_OK);
            glint_ros_skip(glint_ros_topic((enum glint_ros_topic)t)->type, &r);
            assert_true(r.failed);
        }
    }
    drop_frame(f);
    glint_buffer_fini(&bytes);
}

static void points_have_autowares_layout(void **state)
{
    (void)state;
    struct glint_ros_settings s;
    struct glint_buffer bytes = {0};
    struct glint_frame *f = make_frame(3, 1);
    glint_ros_settings_default(&s);
    f->has_masks = true;
    f->point_class[2] = 5;
    f->point_confidence[2] = 77;
    f->point_instance[2] = 0x102;
    struct glint_cdr_reader r = encode(&s, GLINT_ROS_TOPIC_POINTS, f, &bytes);
    glint_ros_skip_to(&glint_ros_point_cloud2, "point_step", &r);
    assert_int_equal(glint_cdr_u32(&r), 20);
    assert_int_equal(glint_cdr_u32(&r), 60);
    assert_int_equal(glint_cdr_u32(&r), 60);
    const uint8_t *p = glint_cdr_bytes(&r, 60) + 40;
    static const uint8_t want[20] = {
        0,   0, 0,    0x40, 0, 0,  0xc0, 0xbf, 0, 0, 0x80, 0x3e, /* 2, -1.5, 0.25 */
        128, 1, 0x2e, 0x01, 5, 77, 2,    1};                     /* intensity, return, channel 302, masks */
    assert_memory_equal(p, want, sizeof want);
    drop_frame(f);
    glint_buffer_fini(&bytes);
}

static void what_there_is_nothing_to_say_about_is_not_wanted(void **state)
{
    (void)state;
    struct glint_ros_settings s;
    struct glint_frame *f = make_frame(1, 1);
    glint_ros_settings_default(&s);
    assert_true(glint_ros_wants(&s, GLINT_ROS_TOPIC_TRACKS, f));
    assert_false(glint_ros_wants(&s, GLINT_ROS_TOPIC_TF, f));
    f->latency_ns[GLINT_STAGE_TRACK] = -1;
    f->has_pose = true;
    assert_false(glint_ros_wants(&s, GLINT_ROS_TOPIC_TRACKS, f));
    assert_true(glint_ros_wants(&s, GLINT_ROS_TOPIC_TF, f));
    s.topics = 1u << GLINT_ROS_TOPIC_POINTS;
    assert_false(glint_ros_wants(&s, GLINT_ROS_TOPIC_TF, f));
    assert_int_equal(glint_ros_stamp(f), 1700000000123456789);
    f->stamp_ns = 0;
    assert_int_equal(glint_ros_stamp(f), 1200000000);
    drop_frame(f);
}

static void put_one(const void *ctx, glint_sink_count_fn *put, void *put_ctx)
{
    put(put_ctx, ctx, 4321);
}

/* Text `wanted` with the zero behind it, somewhere in the bytes. */
static bool has_text(const struct glint_buffer *b, const char *wanted)
{
    const size_t n = strlen(wanted) + 1;
    for (size_t i = 0; i + n <= b->size; i++)
        if (memcmp(b->data + i, wanted, n) == 0)
            return true;
    return false;
}

static void diagnostics_name_what_is_wrong_and_count(void **state)
{
    (void)state;
    struct glint_ros_settings s;
    struct glint_buffer bytes = {0};
    struct glint_frame *f = make_frame(3, 1);
    glint_ros_settings_default(&s);
    encode(&s, GLINT_ROS_TOPIC_DIAGNOSTICS, f, &bytes);
    assert_true(has_text(&bytes, "ok") && has_text(&bytes, "VLP-16") && !has_text(&bytes, "4321"));
    s.account = put_one;
    s.account_ctx = "frames_given_up";
    f->health = GLINT_HEALTH_BIT(GLINT_HEALTH_SENSOR_MISSING) | GLINT_HEALTH_BIT(GLINT_HEALTH_LATE);
    strcpy(f->missing, "left");
    glint_buffer_clear(&bytes);
    encode(&s, GLINT_ROS_TOPIC_DIAGNOSTICS, f, &bytes);
    assert_true(has_text(&bytes, "sensor_missing, late (left)"));
    assert_true(has_text(&bytes, "frames_given_up") && has_text(&bytes, "4321"));
    drop_frame(f);
    glint_buffer_fini(&bytes);
}

static void schemas_name_every_type_once(void **state)
{
    (void)state;
    struct glint_buffer text = {0};
    char name[GLINT_ROS_NAME];
    glint_ros_schema_text(&glint_ros_detection3d_array, &text);
    assert_true(strncmp((const char *)text.data,
                        "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n=====", 65) == 0);
    const char *pose = strstr((const char *)text.data, "\nMSG: geometry_msgs/Pose\n");
    assert_non_null(pose);
    assert_null(strstr(pose + 1, "\nMSG: geometry_msgs/Pose\n"));
    glint_ros_type_name(&glint_ros_point_cloud2, name);
    assert_string_equal(name, "sensor_msgs/msg/PointCloud2");
    glint_ros_dds_name(&glint_ros_point_cloud2, name);
    assert_string_equal(name, "sensor_msgs::msg::dds_::PointCloud2_");
    assert_int_equal(glint_ros_topic_named("points"), GLINT_ROS_TOPIC_POINTS);
    assert_int_equal(glint_ros_topic_named("/tf"), GLINT_ROS_TOPIC_TF);
    assert_int_equal(glint_ros_topic_named("cloud"), GLINT_ROS_TOPIC_COUNT);
    glint_buffer_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_at_multiples_of_their_size),
        cmocka_unit_test(both_byte_orders_are_read_and_nothing_beyond),
        cmocka_unit_test(every_message_is_one_of_its_type),
        cmocka_unit_test(a_message_cut_short_fails_its_walk),
        cmocka_unit_test(points_have_autowares_layout),
        cmocka_unit_test(what_there_is_nothing_to_say_about_is_not_wanted),
        cmocka_unit_test(diagnostics_name_what_is_wrong_and_count),
        cmocka_unit_test(schemas_name_every_type_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
