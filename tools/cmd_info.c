/* tools/cmd_info.c - what a file is. What is found is put into one JSON object, which is then printed as JSON
 * or as lines. */
#define _GNU_SOURCE
#include "core/file.h"
#include "core/frame.h"
#include "core/safetensors.h"
#include "core/text.h"
#include "glint/model.h"
#include "io/capture_info.h"
#include "io/source_points.h"
#include "io/waymo_files.h"
#include "ros/bag.h"
#include "tools/commands.h"
#include "tools/info_bag.h"
#include "tools/info_archive.h"
#include "tools/info_waymo.h"
#include "tools/places.h"
#include "tools/standard_scan.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { JSON = 1, SENSOR, CALIB, SKIP_CORRUPT };

struct job {
    const char *path, *sensor, *calib;
    json_t *out;
    bool skip_corrupt;
    int status;
};

static void put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void put_text(json_t *object, const char *key, const char *text)
{
    json_t *value = json_string(text);
    put(object, key, value ? value : json_string("(not UTF-8)"));
}

static void put_count(json_t *object, const char *key, uint64_t value)
{
    put(object, key, json_integer((json_int_t)value));
}

static void put_time(json_t *object, const char *key, int64_t ns)
{
    const time_t seconds = (time_t)(ns / 1000000000);
    struct tm utc;
    char text[64], whole[96];
    if (!gmtime_r(&seconds, &utc))
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(whole, sizeof whole, "%s.%06dZ", text, (int)(ns % 1000000000 / 1000));
    put_text(object, key, whole);
}

static void put_rounded(json_t *object, const char *key, double value)
{
    put(object, key, json_real(round(value * 1e6) / 1e6));
}

static json_t *flow_json(const struct glint_capture_flow *flow)
{
    char from[24];
    json_t *out = json_object();
    snprintf(from, sizeof from, "%u.%u.%u.%u", flow->src_ip >> 24, flow->src_ip >> 16 & 255,
             flow->src_ip >> 8 & 255, flow->src_ip & 255);
    put_text(out, "from", from);
    put_count(out, "port", flow->dst_port);
    put_count(out, "bytes", flow->size);
    put_count(out, "packets", flow->packets);
    return out;
}

static void describe_motion(json_t *out, const struct glint_capture_info *info)
{
    json_t *mean = json_array();
    put_count(out, "imu_samples", info->imu_samples);
    for (int k = 0; k < 3; k++)
        json_array_append_new(mean, json_real(round((double)info->accel_mean[k] * 1e3) / 1e3));
    put(out, "imu_mean_accel_m_s2", mean);
}

static void describe_position(json_t *out, const struct glint_capture_info *info)
{
    const struct glint_position *p = &info->last_position;
    put_count(out, "positions", info->positions);
    put_text(out, "last_sentence", p->sentence);
    if (p->utc_ns)
        put_time(out, "receiver_time", p->utc_ns);
    put_text(out, "receiver_fix", p->valid ? "yes" : "no");
    if (p->has_pps)
        put_text(out, "pulse_per_second",
                 p->pps == 2   ? "locked"
                 : p->pps == 1 ? "attempting"
                 : p->pps == 3 ? "error"
                               : "none");
}

static double lost_percent(const struct glint_capture_info *info)
{
    const double lost = (double)info->loss.packets_lost;
    return 100.0 * lost / (lost + (double)info->lidar_packets);
}

static void describe_sensor(json_t *out, const struct glint_capture_info *info)
{
    static const char *const scales[] = {
        [GLINT_TIME_UNKNOWN] = "none",
        [GLINT_TIME_UTC] = "UTC of the sensor",
        [GLINT_TIME_TAI] = "TAI of the sensor, leap seconds taken off",
        [GLINT_TIME_GPS] = "GPS time of the sensor, leap seconds taken off",
        [GLINT_TIME_HOUR] = "the sensor's within the hour, the receiver's or the capture's hour",
        [GLINT_TIME_CAPTURE] = "the sensor's clock is not set: moved to the capture's",
    };
    put_text(out, "sensor", info->sensor);
    put_text(out, "recognised_by", info->why);
    put_text(out, "calibration", info->calibration);
    put_text(out, "returns", info->return_mode);
    put_count(out, "frames", info->frames);
    if (info->frame_rate_hz > 0.0)
        put(out, "frames_per_second", json_real(round(info->frame_rate_hz * 1e3) / 1e3));
    put_count(out, "points", info->returns);
    put_count(out, "lidar_packets", info->lidar_packets);
    put_count(out, "other_packets", info->other_packets);
    put_count(out, "malformed", info->loss.packets_malformed);
    put_count(out, "foreign", info->loss.packets_foreign);
    put_count(out, "lost", info->loss.packets_lost);
    if (info->loss.packets_lost)
        put(out, "lost_percent", json_real(round(lost_percent(info) * 1e2) / 1e2));
    if (info->imu_samples)
        describe_motion(out, info);
    if (info->positions)
        describe_position(out, info);
    if (info->sensor_first_ns)
        put_time(out, "first_return", info->sensor_first_ns);
    if (info->time_scale != GLINT_TIME_UNKNOWN)
        put_text(out, "time", scales[info->time_scale]);
    if (info->clock_offset_ns)
        put_rounded(out, "clock_offset_s", (double)info->clock_offset_ns * 1e-9);
}

static void describe_capture(struct job *j)
{
    const struct glint_decoder_settings settings = {
        .sensor = j->sensor, .calib = j->calib, .capture = j->path};
    struct glint_capture_info *info = calloc(1, sizeof *info);
    j->status = info ? glint_capture_info_read(j->path, &settings, info) : GLINT_E_NOMEM;
    if (j->status == GLINT_OK) {
        put_text(j->out, "kind", "capture");
        put_count(j->out, "records", info->records);
        put_count(j->out, "datagrams", info->datagrams);
        put_count(j->out, "incomplete_datagrams", info->incomplete_datagrams);
        put_time(j->out, "first_record", info->first_ns);
        put_rounded(j->out, "seconds", (double)(info->last_ns - info->first_ns) * 1e-9);
        if (info->has_sensor)
            describe_sensor(j->out, info);
        else
            put_text(j->out, "no_sensor", info->why_not);
        if (info->truncated[0])
            put_text(j->out, "truncated", info->truncated);
        json_t *flows = json_array();
        for (int32_t i = 0; i < info->n_flows; i++)
            json_array_append_new(flows, flow_json(&info->flows[i]));
        put(j->out, "flows", flows);
    }
    free(info);
}

struct extent {
    float lo[4], hi[4];
};

static void widen(struct extent *e, const struct glint_points *p)
{
    const float *columns[] = {p->x, p->y, p->z, p->intensity};
    for (int k = 0; k < 4; k++)
        for (int32_t i = 0; i < p->n; i++) {
            e->lo[k] = fminf(e->lo[k], columns[k][i]);
            e->hi[k] = fmaxf(e->hi[k], columns[k][i]);
        }
}

static void put_extent(json_t *out, const struct extent *e)
{
    static const char *const names[] = {"x_m", "y_m", "z_m", "intensity"};
    for (int k = 0; k < 4 && e->lo[0] <= e->hi[0]; k++) {
        json_t *pair = json_array();
        json_array_append_new(pair, json_real(round((double)e->lo[k] * 1e4) / 1e4));
        json_array_append_new(pair, json_real(round((double)e->hi[k] * 1e4) / 1e4));
        put(out, names[k], pair);
    }
}

/* Adds the format of the file that a frame is from to the list, once. */
static void note_format(json_t *formats, const char *path)
{
    struct glint_file file;
    if (glint_file_open(&file, path) < 0)
        return;
    const struct glint_cloud_file cloud = {path, file.data, file.size};
    const struct glint_cloud_format *format = glint_cloud_format_of(&cloud);
    bool known = !format;
    for (size_t i = 0; i < json_array_size(formats) && !known; i++)
        known = strcmp(json_string_value(json_array_get(formats, i)), format->name) == 0;
    if (!known)
        json_array_append_new(formats, json_string(format->name));
    glint_file_close(&file);
}

/* Reads all frames; a file that cannot be read is counted and named. */
static int read_frames(struct job *j, struct glint_source *source, struct glint_frame_pool *pool)
{
    struct extent extent = {{INFINITY, INFINITY, INFINITY, INFINITY},
                            {-INFINITY, -INFINITY, -INFINITY, -INFINITY}};
    uint64_t frames = 0, bad = 0, points = 0, dropped = 0;
    int first_failure = GLINT_OK;
    json_t *formats = json_array();
    put(j->out, "format", formats);
    for (int status; (status = 0, true);) {
        struct glint_frame *frame = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, frame);
        if (status == GLINT_OK) {
            frames++;
            note_format(formats, frame->source);
            points += (uint64_t)frame->points.n;
            dropped = frame->loss.points_dropped;
            widen(&extent, &frame->points);
        } else if (status != GLINT_E_EOF) {
            bad++;
            glint_report_failure(status, GLINT_SIDE_INPUT);
            first_failure = first_failure ? first_failure : status;
        }
        glint_frame_unref(frame);
        if (status == GLINT_E_EOF || bad > 1000)
            break;
    }
    put_count(j->out, "frames", frames);
    put_count(j->out, "bad_files", bad);
    put_count(j->out, "points", points);
    put_count(j->out, "points_dropped", dropped);
    put_extent(j->out, &extent);
    return frames ? GLINT_OK : first_failure;
}

static void describe_points(struct job *j, struct glint_source *source)
{
    struct glint_frame_pool *pool;
    const int32_t cap = source->ops->cap_points(source);
    put_text(j->out, "kind", glint_is_folder(j->path) ? "folder of point files" : "point file");
    j->status = glint_frame_pool_open(1, cap > 0 ? cap : 1, 1, &pool);
    if (j->status < 0)
        return;
    j->status = read_frames(j, source, pool);
    glint_frame_pool_close(pool);
}

static json_t *names_json(const char *const *names, int32_t n)
{
    json_t *out = json_array();
    for (int32_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(names[i]));
    return out;
}

/* Work on one scan depends on what is in it: the one of tools/standard_scan.h. */
static void put_cost(json_t *out, struct glint_model *model)
{
    struct glint_model_cost cost;
    if (glint_standard_scan_run(model) < 0)
        return;
    glint_model_cost(model, &cost);
    json_t *stages = json_object();
    double sum = 0.0;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        if (cost.flop[i] > 0.0)
            put_rounded(stages, glint_stage_name((enum glint_stage)i), cost.flop[i] * 1e-9);
        sum += cost.flop[i];
    }
    put_rounded(stages, "all", sum * 1e-9);
    put_count(stages, "points", (uint64_t)cost.n_points);
    put_count(stages, "pillars", (uint64_t)cost.n_pillars);
    put(out, "gflop_of_a_made_scan", stages);
}

static void describe_model(struct job *j)
{
    struct glint_model_settings settings;
    struct glint_model *model;
    glint_model_settings_default(&settings);
    settings.cap_points = GLINT_STANDARD_SCAN_POINTS;
    j->status = glint_model_open(j->path, &settings, NULL, &model);
    if (j->status < 0)
        return;
    const struct glint_model_info *info = glint_model_info(model);
    put_text(j->out, "kind", "model");
    put_text(j->out, "name", info->name);
    put_text(j->out, "architecture", info->arch);
    put_count(j->out, "parameters", (uint64_t)info->n_parameters);
    put_count(j->out, "memory_bytes", info->memory_bytes);
    put(j->out, "classes", names_json(info->classes, info->n_classes));
    put(j->out, "point_classes", names_json(info->point_classes, info->n_point_classes));
    json_t *range = json_array();
    for (int i = 0; i < 6; i++)
        json_array_append_new(range, json_real(round((double)info->range[i] * 1e4) / 1e4));
    put(j->out, "range_m", range);
    put_cost(j->out, model);
    json_t *layers = json_array();
    for (int32_t i = 0; i < glint_model_layers(model); i++) {
        char text[512];
        glint_model_layer_text(model, i, text, sizeof text);
        json_array_append_new(layers, json_string(text));
    }
    put(j->out, "layers", layers);
    glint_model_close(model);
}

static json_t *tensor_json(const struct glint_tensor *t)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%.300s %s [", t->name, glint_dtype_name(t->dtype));
    for (int32_t k = 0; k < t->n_dims; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%lld", k ? ", " : "", (long long)t->shape[k]);
    snprintf(text + n, sizeof text - (size_t)n, "]");
    return json_string(text);
}

static void describe_tensors(struct job *j)
{
    struct glint_safetensors *file;
    uint64_t elements = 0;
    j->status = glint_safetensors_open(j->path, &file);
    if (j->status < 0)
        return;
    json_t *tensors = json_array();
    for (int32_t i = 0; i < glint_safetensors_count(file); i++) {
        const struct glint_tensor *t = glint_safetensors_at(file, i);
        elements += (uint64_t)glint_tensor_elements(t);
        json_array_append_new(tensors, tensor_json(t));
    }
    put_text(j->out, "kind", "tensors");
    put(j->out, "holds_configuration", json_boolean(glint_safetensors_metadata(file, "config") != NULL));
    put_count(j->out, "n_tensors", (uint64_t)glint_safetensors_count(file));
    put_count(j->out, "elements", elements);
    put(j->out, "tensors", tensors);
    glint_safetensors_close(file);
}

/* What is told of a capture's records says nothing of a recording of messages. */
static void leave_to_bag(json_t *out)
{
    static const char *const others[] = {"records",      "datagrams", "other_records", "incomplete_datagrams",
                                         "first_record", "seconds",   "format",        "bad_files"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        json_object_del(out, others[i]);
    put_text(out, "kind", "recording of messages");
}

static void describe(struct job *j)
{
    char config[4200];
    struct stat st;
    struct glint_source *source;
    snprintf(config, sizeof config, "%.4000s/config.json", j->path);
    put_text(j->out, "path", j->path);
    if (stat(j->path, &st) == 0 && S_ISREG(st.st_mode))
        put_count(j->out, "bytes", (uint64_t)st.st_size);
    if (stat(config, &st) == 0) {
        describe_model(j);
        return;
    }
    if (glint_ends_with(j->path, ".safetensors")) {
        describe_tensors(j);
        return;
    }
    if (glint_info_is_archive(j->path)) {
        j->status = glint_info_archive(j->path, j->out);
        return;
    }
    if (glint_waymo_is_path(j->path)) {
        j->status = glint_info_waymo(j->path, j->skip_corrupt, j->out);
        return;
    }
    const bool is_bag = glint_bag_probe(j->path);
    if (is_bag)
        j->status = glint_info_bag(j->path, j->out);
    if (j->status < 0)
        return;
    j->status = glint_source_open(j->path, NULL, &source);
    if (j->status < 0 && is_bag) { /* a recording all the same */
        put_text(j->out, "kind", "recording of messages");
        put_text(j->out, "not_read", glint_error_text());
        j->status = GLINT_OK;
        return;
    }
    if (j->status < 0)
        return;
    if (source->ops->gives_packets)
        describe_capture(j);
    else
        describe_points(j, source);
    if (is_bag)
        leave_to_bag(j->out);
    glint_source_close(source);
}

static void print_value(const json_t *value);

static void print_list(const json_t *array)
{
    const size_t n = json_array_size(array);
    for (size_t i = 0; i < n; i++) {
        if (i)
            printf(", ");
        print_value(json_array_get(array, i));
    }
}

static void print_object(const json_t *object)
{
    const char *key;
    json_t *value;
    const char *comma = "";
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        printf("%s%s ", comma, key);
        print_value(value);
        comma = ", ";
    }
}

static void print_value(const json_t *value)
{
    if (json_is_string(value))
        printf("%s", json_string_value(value));
    else if (json_is_integer(value))
        printf("%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        printf("%.10g", json_real_value(value));
    else if (json_is_boolean(value))
        printf("%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_array(value))
        print_list(value);
    else if (json_is_object(value))
        print_object(value);
}

/* Whether every row that reaches this column has a blank there. */
static bool blank_column(const json_t *rows, size_t column)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *text = json_string_value(json_array_get(rows, i));
        if (text && column < strlen(text) && text[column] != ' ')
            return false;
    }
    return true;
}

/* Rows of one table: columns that no row fills are left out, two blanks between stay. */
static void print_rows(const json_t *rows)
{
    char keep[512];
    for (size_t k = 0, blanks = 0; k < sizeof keep; k++) {
        blanks = blank_column(rows, k) ? blanks + 1 : 0;
        keep[k] = blanks <= 2;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *text = json_string_value(json_array_get(rows, i));
        printf("\n  ");
        for (size_t k = 0; text[k]; k++)
            if (k >= sizeof keep || keep[k])
                putchar(text[k]);
    }
}

/* A line per member; long lists a line per element. */
static void print_text(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const bool rows = strcmp(key, "tensors") == 0 || strcmp(key, "flows") == 0 ||
                          strcmp(key, "topics") == 0 || strcmp(key, "segments") == 0 ||
                          strcmp(key, "images_of_first_frame") == 0;
        const bool table = strcmp(key, "layers") == 0;
        printf(rows || table ? "%s" : "%-21s ", key);
        for (size_t i = 0; rows && i < json_array_size(value); i++) {
            printf("\n  ");
            print_value(json_array_get(value, i));
        }
        if (table)
            print_rows(value);
        else if (!rows)
            print_value(value);
        printf("\n");
    }
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_arguments a = {c, argc, 1, argv, false};
    struct job j = {0};
    const char *value;
    bool as_json = false;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (arg == GLINT_ARG_INPUT && j.path)
            return glint_usage_error(c, "one file at a time: %s", value);
        if (arg == JSON)
            as_json = true;
        else if (arg == SKIP_CORRUPT)
            j.skip_corrupt = true;
        else
            *(arg == SENSOR ? &j.sensor : arg == CALIB ? &j.calib : &j.path) = value;
    }
    if (!j.path)
        return glint_usage_error(c, "no file given");
    j.out = json_object();
    describe(&j);
    int code = j.status < 0 ? glint_report_failure(j.status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    if (code == GLINT_EXIT_OK && as_json)
        json_dumpf(j.out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    else if (code == GLINT_EXIT_OK)
        print_text(j.out);
    if (code == GLINT_EXIT_OK && as_json)
        printf("\n");
    json_decref(j.out);
    return code;
}

static const struct glint_option options[] = {
    {"--json", NULL, "one JSON object instead of lines", JSON},
    {"--sensor", "NAME", "sensor of a capture (default: by its packets)", SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file", CALIB},
    {"--skip-corrupt", NULL, "damaged records of TFRecord files are counted and left out", SKIP_CORRUPT},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_info = {
    "info",           "what a file is: capture, point file, folder of them, model, checkpoint, tensors",
    "FILE [options]", "  glint info drive.pcap\n  glint info data/models/glint-tiny\n",
    options,          run};
