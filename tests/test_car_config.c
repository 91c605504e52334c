/* tests/test_car_config.c - options and sensors from YAML: the same table as the command line's, and every
 * mistake is told with its line. */
#define _GNU_SOURCE
#include "tests/files.h"
#include "core/status.h"
#include "tools/shared_options.h"
#include <fcntl.h>

enum { OWN = 1 };
static const struct glint_option options[] = {
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),  {"--queue", "N", "the command's own", OWN},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),     GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),   GLINT_OPTION_GROUP(GLINT_OPTIONS_LATE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS), GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SERVICE), {NULL, NULL, NULL, 0}};
static const struct glint_command command = {"try", "a command", "INPUT", "  glint try x\n", options, NULL};

static struct glint_shared_options o;
static char said[4096]; /* on stderr */
static const char *own;

static bool take(void *ctx, int key, const char *value)
{
    (void)ctx;
    own = key == OWN ? value : own;
    return key == OWN;
}

/* Parses `text` as the configuration with further arguments behind it; the code, what was said in `said`. */
static int parse(const char *text, int n_more, char **more)
{
    char *argv[16] = {"try", "--config", (char *)(uintptr_t)glint_test_write("car.yaml", text, strlen(text))};
    for (int i = 0; i < n_more; i++)
        argv[3 + i] = more[i];
    const int saved = dup(2), to = open(glint_test_path("said"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    own = NULL;
    dup2(to, 2);
    glint_shared_options_init(&o, &command);
    const int code = glint_shared_options_parse(&o, 3 + n_more, argv, take, NULL);
    dup2(saved, 2);
    close(saved);
    const ssize_t n = pread(to, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = 0;
    close(to);
    return code;
}

static void done(void)
{
    glint_shared_options_close(&o);
}

static void refused(const char *text, const char *place, const char *part)
{
    char head[64];
    const int code = parse(text, 0, NULL);
    snprintf(head, sizeof head, "car.yaml:%s: ", place);
    if (code != GLINT_EXIT_INPUT || !strstr(said, head) || !strstr(said, part) ||
        strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("%s\ngave %d and said: %s(wanted %s ... %s)", text, code, said, head, part);
    done();
}

static void every_option_is_a_key(void **state)
{
    (void)state;
    char *more[] = {"--late", "mark", "--out", "c"};
    assert_int_equal(parse("# a comment\n"
                           "queue: 7\n"
                           "out: [a.jsonl, b.mcap]\n"
                           "frame-deadline: 80.5\n"
                           "late: skip\n"
                           "twist: [5, 0.5]\n"
                           "pin: true\n"
                           "pcap: false\n"
                           "port: 2368\n"
                           "group: [239.1.1.1, 239.1.1.2]\n"
                           "cpus: 2-4,7\n"
                           "priority: 20\n",
                           4, more),
                     -1);
    assert_string_equal(own, "7");
    assert_int_equal(o.n_out, 3); /* those of the command line come after */
    assert_string_equal(o.out[1], "b.mcap");
    assert_string_equal(o.out[2], "c");
    assert_true(o.deadline_ns == 80500000 && o.late == GLINT_LATE_MARK);
    assert_true(o.motion.has_twist && o.motion.twist.v_m[0] == 5 && o.motion.twist.w_rad[2] == 0.5);
    assert_true(o.pin && !o.net.pcap);
    assert_true(o.net.n_ports == 1 && o.net.ports[0] == 2368 && o.net.n_groups == 2);
    assert_string_equal(o.net.groups[1], "239.1.1.2");
    assert_int_equal(o.n_threads, 4); /* of the CPUs */
    assert_true(o.net.priority == 20 && CPU_ISSET(7, &o.service.cpus) && !CPU_ISSET(5, &o.service.cpus));
    done();
}

static const char two[] = "merge: all\n"
                          "sensors:\n"
                          "  - name: front\n"
                          "    sensor: vlp16\n"
                          "    address: 192.168.1.201\n"
                          "    port: 2368\n"
                          "    translation: [1, 0, 2]\n"
                          "    rotation_rpy_deg: [0, 0, 90]\n"
                          "  - {name: rear, sensor: xt32, port: 2369, group: 239.0.0.9, calib: rear.csv,\n"
                          "     translation: [-1, 0, 2], quaternion: [1, 0, 0, 0]}\n";

static void sensors_are_placed_and_merged(void **state)
{
    (void)state;
    assert_int_equal(parse(two, 0, NULL), -1);
    const struct glint_sensor_place *p = o.service.place;
    const struct glint_pipeline_merge *m = &o.motion.merge;
    assert_int_equal(o.service.n_places, 2);
    assert_string_equal(p[0].name, "front");
    assert_true(p[0].src_ip == 0xc0a801c9 && p[0].port == 2368 && !p[0].calib);
    assert_true(p[1].src_ip == 0 && p[1].port == 2369);
    assert_string_equal(p[1].calib, "rear.csv");
    assert_true(o.net.n_ports == 2 && o.net.ports[1] == 2369 && o.net.n_groups == 1);
    assert_int_equal(m->n_sensors, 2);
    assert_string_equal(m->sensor[1].name, "rear");
    assert_true(m->sensor[0].src_ip == p[0].src_ip && m->sensor[1].port == 2369);
    assert_true(m->sensor[0].mount->t[2] == 2 && m->sensor[1].mount->t[0] == -1);
    assert_near(m->sensor[0].mount->q[3], sqrt(0.5), 1e-12);
    assert_int_equal(glint_motion_open(&o.motion, &command, 0, &o.net), 0);
    done();
}

static void one_sensor_is_mounted(void **state)
{
    (void)state;
    assert_int_equal(parse("sensors: [{name: roof, sensor: ouster, calib: os1.json, address: 10.5.5.80,\n"
                           "           translation: [0, 0, 2], rotation_rpy_deg: [0, 0, 180]}]\n",
                           0, NULL),
                     -1);
    assert_true(o.motion.has_mount && o.motion.mount.t[2] == 2);
    assert_true(o.net.n_ports == 2 && o.net.ports[0] == 7502); /* the factory's */
    done();
}

static void mistakes_are_told_with_their_lines(void **state)
{
    (void)state;
    refused("", "1", "a configuration in YAML expected");
    refused("- a\n", "1", "a map of options expected");
    refused("queue: 1\nqeue: 2\n", "2", "unknown key \"qeue\": did you mean queue?");
    refused("queue: 1\nlate: mark\nqueue: 2\n", "3", "queue is there twice (first in line 1)");
    refused("late: mark\nthreads: many\n", "2", "--threads many: expected a whole number");
    refused("\n\nlate: [mark, skip]\n", "3", "--late mark,skip: expected mark or skip");
    refused("out: [a, {b: c}]\n", "1", "out: a list of values expected");
    refused("out:\n", "1", "out: a value expected");
    refused("pin: yes please\n", "1", "pin: true or false expected");
    refused("config: other.yaml\n", "1", "unknown key \"config\"");
    refused("queue: 1\nlate: [mark\n", "3", "not YAML");
    refused("cpus: 5-2\n", "1", "--cpus 5-2: expected CPU numbers");
    refused("cpus: 1,\ncheck-config: true\n", "2", "unknown key");
}

static void mistakes_of_sensors_too(void **state)
{
    (void)state;
    refused("sensors: 3\n", "1", "a list of maps expected");
    refused("sensors:\n  - name: a\n", "2", "a sensor without sensor");
    refused("sensors:\n  - {sensor: vlp16, port: 1}\n", "2", "a sensor without name");
    refused("sensors:\n  - {name: a, sensor: vlp16}\n", "2", "which packets are its?");
    refused("sensors:\n  - name: a\n    modell: vlp16\n", "3", "unknown key \"modell\" of a sensor");
    refused("sensors:\n  - {name: a, name: b}\n", "2", "name is there twice");
    refused("sensors:\n  - {name: 'a,b'}\n", "2", "name: up to 31 characters");
    refused("sensors:\n  - {name: a, port: 0}\n", "2", "port: a whole number from 1 to 65535");
    refused("sensors:\n  - {name: a, address: front}\n", "2", "address: an IPv4 address");
    refused("sensors:\n  - {name: a, sensor: vlp16, port: 1, translation: [1, 2, 3]}\n", "2", "its pose is");
    refused("sensors:\n  - {name: a, translation: [1, 2]}\n", "2", "a list of 3 numbers");
    refused("sensors:\n  - {name: a, quaternion: [0, 0, 0, 0]}\n", "2", "of length 1 expected");
    refused("sensors:\n  - {name: a, sensor: vlp16, port: 1}\n  - {name: a, sensor: vlp16, port: 2}\n", "3",
            "sensor a is there twice (first in line 2)");
    refused(
        "sensors:\n  - {name: a, sensor: vlp16, port: 1}\n  - {name: b, sensor: vlp16, address: 1.2.3.4}\n",
        "3", "packets of sensor b are those of a too");
    refused("sensors:\n  - {name: a, sensor: vlp16, port: 1}\n  - {name: b, sensor: vlp16, port: 2}\nmerge: "
            "all\n",
            "2", "merged without a pose");
}

static void what_belongs_together(void **state)
{
    (void)state;
    char *more[] = {"--sensor", "vlp16"}, *merge[] = {"--merge", "front,left"};
    assert_int_equal(parse(two, 2, more), GLINT_EXIT_INPUT);
    assert_non_null(strstr(said, "one of the two expected"));
    done();
    assert_int_equal(parse(two, 2, merge), GLINT_EXIT_INPUT);
    assert_non_null(strstr(said, "merge: no sensor left: there are front,rear"));
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_a_key),   cmocka_unit_test(sensors_are_placed_and_merged),
        cmocka_unit_test(one_sensor_is_mounted),   cmocka_unit_test(mistakes_are_told_with_their_lines),
        cmocka_unit_test(mistakes_of_sensors_too), cmocka_unit_test(what_belongs_together),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
