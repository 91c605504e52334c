/* tests/nuscenes_made.h - the tables of a small nuScenes dataset as text: two scenes, one of them in
 * mini_val. */
#ifndef GLINT_TESTS_NUSCENES_MADE_H
#define GLINT_TESTS_NUSCENES_MADE_H
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tokens are a letter for the table and a number: T("a1") is "a1" with zeros before it. */
#define NUSC_TOKEN(two) "000000000000000000000000000000" two

static const struct nusc_table {
    const char *name, *text;
} nusc_tables[] = {
    {"scene",
     "[{\"token\":\"" NUSC_TOKEN("c1") "\",\"name\":\"scene-0103\"},\n"
                                       "{\"token\":\"" NUSC_TOKEN("c2") "\",\"name\":\"scene-0001\"}]"},
    {"sample",
     "[{\"token\":\"" NUSC_TOKEN("5a") "\",\"timestamp\":1000000,\"prev\":\"\",\"scene_token\":\"" NUSC_TOKEN(
         "c1") "\"},\n"
               "{\"token\":\"" NUSC_TOKEN("5b") "\",\"timestamp\":1500000,\"scene_token\":\"" NUSC_TOKEN(
                   "c1") "\"},\n"
                         "{\"token\":\"" NUSC_TOKEN("5c") "\",\"timestamp\":1000000,\"scene_token\":"
                                                          "\"" NUSC_TOKEN("c2") "\"},\n"
                                                                                "{\"token\":\"" NUSC_TOKEN(
                                                                                    "5d") "\",\"timestamp\":"
                                                                                          "3100000,\"scene_"
                                                                                          "token\":"
                                                                                          "\"" NUSC_TOKEN(
                                                                                              "c"
                                                                                              "1") "\"}]"},
    {"sensor",
     "[{\"token\":\"" NUSC_TOKEN("01") "\",\"channel\":\"CAM_FRONT\"},"
                                       "{\"token\":\"" NUSC_TOKEN("02") "\",\"channel\":\"LIDAR_TOP\"}]"},
    {"calibrated_sensor", "[{\"token\":\"" NUSC_TOKEN("11") "\",\"sensor_token\":\"" NUSC_TOKEN(
                              "01") "\",\"translation\":[0,0,0],\"rotation\":[1,0,0,0]},"
                                    "{\"token\":\"" NUSC_TOKEN("12") "\",\"sensor_token\":\"" NUSC_TOKEN(
                                        "02") "\",\"translation\":[1,0,2],\"rotation\":[0.7071067811865476,0,"
                                              "0,-0.7071067811865476]}]"},
#define NUSC_DATA(token, sample, sensor, time, key, prev, next)                                              \
    "{\"token\":\"" NUSC_TOKEN(token) "\",\"sample_token\":\"" NUSC_TOKEN(                                   \
        sample) "\",\"ego_pose_token\":"                                                                     \
                "\"" NUSC_TOKEN(token) "\",\"calibrated_sensor_token\":\"" NUSC_TOKEN(                       \
                    sensor) "\","                                                                            \
                            "\"timestamp"                                                                    \
                            "\":" time ",\"is_key_"                                                          \
                            "frame\":" key ",\"filename"                                                     \
                            "\":"                                                                            \
                            "\"samples/"                                                                     \
                            "LIDAR_"                                                                         \
                            "TOP/" token ".pcd.bin\","                                                       \
                            "\"prev\""                                                                       \
                            ":" prev ",\"next\""                                                             \
                            ":" next "}"
#define NUSC_QUOTED(two) "\"" NUSC_TOKEN(two) "\""
    {"sample_data",
     "[" NUSC_DATA("da", "5a", "12", "1000000", "true", "\"\"", NUSC_QUOTED("d1")) ",\n" NUSC_DATA(
         "d1", "5b", "12", "1450000", "false", NUSC_QUOTED("da"),
         NUSC_QUOTED(
             "db")) ",\n" NUSC_DATA("ca", "5b", "11", "1450000", "true", "\"\"",
                                    "\"\"") ",\n" NUSC_DATA("db", "5b", "12", "1500000", "true",
                                                            NUSC_QUOTED("d1"),
                                                            "\"\"") ",\n" NUSC_DATA("dc", "5c", "12",
                                                                                    "1000000", "true", "\"\"",
                                                                                    "\"\"") ",\n" NUSC_DATA("dd",
                                                                                                            "5d",
                                                                                                            "12",
                                                                                                            "3100000",
                                                                                                            "true",
                                                                                                            "\"\"",
                                                                                                            "\"\"") "]"},
#define NUSC_POSE(token, x)                                                                                  \
    "{\"token\":\"" NUSC_TOKEN(token) "\",\"timestamp\":1,\"rotation\":[1,0,0,0],"                           \
                                      "\"translation\":[" x ",0,0]}"
    {"ego_pose",
     "[" NUSC_POSE("da", "100") "," NUSC_POSE("d1", "101.5") "," NUSC_POSE("db", "102") "," NUSC_POSE(
         "dc", "0") "," NUSC_POSE("dd", "110") "," NUSC_POSE("ca", "102") "]"},
    {"category", "[{\"token\":\"" NUSC_TOKEN(
                     "e1") "\",\"name\":\"vehicle.car\",\"index\":17},"
                           "{\"token\":\"" NUSC_TOKEN(
                               "e2") "\",\"name\":\"vehicle.bicycle\"},"
                                     "{\"token\":\"" NUSC_TOKEN(
                                         "e3") "\",\"name\":\"static_object.bicycle_rack\"},"
                                               "{\"token\":\"" NUSC_TOKEN("e4") "\",\"name\":\"animal\"}]"},
    {"attribute",
     "[{\"token\":\"" NUSC_TOKEN("b1") "\",\"name\":\"vehicle.moving\"},"
                                       "{\"token\":\"" NUSC_TOKEN("b2") "\",\"name\":\"vehicle.parked\"}]"},
    {"instance", "[{\"token\":\"" NUSC_TOKEN("f1") "\",\"category_token\":\"" NUSC_TOKEN(
                     "e1") "\"},"
                           "{\"token\":\"" NUSC_TOKEN("f2") "\",\"category_token\":\"" NUSC_TOKEN(
                               "e2") "\"},"
                                     "{\"token\":\"" NUSC_TOKEN("f3") "\",\"category_token\":\"" NUSC_TOKEN(
                                         "e3") "\"},"
                                               "{\"token\":\"" NUSC_TOKEN(
                                                   "f4") "\",\"category_token\":\"" NUSC_TOKEN("e4") "\"}]"},
#define NUSC_BOX(token, sample, instance, attributes, x, y, size, points, prev, next)                        \
    "{\"token\":\"" NUSC_TOKEN(token) "\",\"sample_token\":\"" NUSC_TOKEN(                                   \
        sample) "\",\"instance_token\":\"" NUSC_TOKEN(instance) "\",\"attribute_tokens\":[" attributes       \
                                                                "],\"translation\":[" x "," y                \
                                                                ",1],\"size\":" size                         \
                                                                ",\"rotation\":[1,0,0,0],\"prev\":" prev     \
                                                                ",\"next\":" next                            \
                                                                ",\"num_lidar_pts\":" points                 \
                                                                ",\"num_radar_pts\":0}"
    {"sample_annotation",
     "[" NUSC_BOX("a2", "5b", "f1", NUSC_QUOTED("b1"), "112", "1", "[2,4,1.5]", "9", NUSC_QUOTED("a1"), NUSC_QUOTED("a5")) ",\n" NUSC_BOX(
         "a1", "5a", "f1", NUSC_QUOTED("b1"), "110", "0", "[2,4,1.5]", "9", "\"\"",
         NUSC_QUOTED(
             "a2")) ",\n" NUSC_BOX("a3", "5a", "f2", "", "120", "5", "[0.6,1.8,1.2]", "3", "\"\"",
                                   "\"\"") ",\n" NUSC_BOX("a4", "5a", "f3", "", "121", "5", "[1,3,2]", "3",
                                                          "\"\"",
                                                          "\"\"") ",\n" NUSC_BOX("a6", "5a", "f4", "", "110",
                                                                                 "9", "[1,1,1]", "3", "\"\"",
                                                                                 "\"\"") ",\n" NUSC_BOX("a7",
                                                                                                        "5b",
                                                                                                        "f2",
                                                                                                        "",
                                                                                                        "120",
                                                                                                        "5",
                                                                                                        "[0."
                                                                                                        "6,1."
                                                                                                        "8,1."
                                                                                                        "2]",
                                                                                                        "0",
                                                                                                        "\""
                                                                                                        "\"",
                                                                                                        "\""
                                                                                                        "\"") ",\n" NUSC_BOX("a5",
                                                                                                                             "5d",
                                                                                                                             "f1",
                                                                                                                             NUSC_QUOTED(
                                                                                                                                 "b2"),
                                                                                                                             "117",
                                                                                                                             "1",
                                                                                                                             "[2,4,1.5]",
                                                                                                                             "9",
                                                                                                                             NUSC_QUOTED(
                                                                                                                                 "a2"),
                                                                                                                             "\"\"") "]"},
};
#define NUSC_N_TABLES (sizeof nusc_tables / sizeof *nusc_tables)

/* Writes the tables to ROOT/v1.0-mini; `table` (NULL: none) with other text (NULL: left out). */
static inline void nusc_write_tables(const char *root, const char *table, const char *text)
{
    char path[700];
    mkdir(root, 0777);
    snprintf(path, sizeof path, "%.600s/v1.0-mini", root);
    mkdir(path, 0777);
    for (size_t i = 0; i < NUSC_N_TABLES; i++) {
        const char *content = table && strcmp(table, nusc_tables[i].name) == 0 ? text : nusc_tables[i].text;
        snprintf(path, sizeof path, "%.600s/v1.0-mini/%s.json", root, nusc_tables[i].name);
        unlink(path);
        FILE *f = content ? fopen(path, "wb") : NULL;
        if (f) {
            fputs(content, f);
            fclose(f);
        }
    }
}
#endif
