/* tools/car_config.h - options from a YAML file: what `--config car.yaml` means. docs/SERVICE.md has an
 * example.
 *
 * Every option of the command is a key of the same name, without its dashes, with the same value; a list
 * where an option may repeat or takes names with commas. So there is one table of options, the command's, and
 * what is wrong is told by the same words, with the file's line. Beside them one key, `sensors`, is a list of
 * maps: see struct glint_car_sensor. */
#ifndef GLINT_TOOLS_CAR_CONFIG_H
#define GLINT_TOOLS_CAR_CONFIG_H
#include "calib/pose.h"
#include "io/sensors.h"
#include "tools/options.h"

#define GLINT_CAR_SENSORS GLINT_SENSORS_CAP

struct glint_car_sensor {            /* an entry of `sensors` */
    struct glint_sensor_place place; /* name, sensor, calib, address, port */
    const char *group;               /* multicast group its packets are sent to; NULL: none */
    bool has_pose; /* translation, and rotation_rpy_deg or quaternion: vehicle from sensor */
    struct glint_pose pose;
    unsigned long line;
};

struct glint_car_config {
    int32_t n_sensors;
    struct glint_car_sensor sensor[GLINT_CAR_SENSORS];
    char names[GLINT_CAR_SENSORS * 40]; /* "front,left": what `merge: all` stands for */
    void *document;                     /* private: the strings above and those handed to take */
};

/* Reads path and hands each option's key and value (NULL for flags) to take, which returns false after a
 * printed line; while it runs glint_usage_error tells the file's line. The values live as long as the config.
 * 0, or the exit code after a printed line: GLINT_EXIT_INPUT for what is no YAML, unknown or repeated keys,
 * wrong values.
 */
int glint_car_config_load(const char *path, const struct glint_command *command,
                          bool (*take)(void *ctx, int key, const char *value), void *ctx,
                          struct glint_car_config **config_out);
void glint_car_config_close(struct glint_car_config *config); /* NULL is fine */
#endif
