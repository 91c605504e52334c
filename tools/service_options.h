/* tools/service_options.h - the options of a program that runs for months: its configuration, which CPUs and
 * priorities it takes, and what is checked before. Group SERVICE of shared_options.h. */
#ifndef GLINT_TOOLS_SERVICE_OPTIONS_H
#define GLINT_TOOLS_SERVICE_OPTIONS_H
#include "glint/pipeline.h"
#include "io/source_live.h"
#include "tools/car_config.h"
#include "tools/options.h"
#include <sched.h>

struct glint_shared_options;

struct glint_service_options { /* start with all zero */
    const char *config_path, *record_path;
    bool check, lock_memory, has_cpus;
    int32_t priority; /* SCHED_FIFO of the receive thread, the others one less; 0: none */
    int32_t receive_cpu_plus_1;
    cpu_set_t cpus;
    struct glint_car_config *config; /* NULL: none */
    int32_t n_places;                /* of the configuration's sensors */
    struct glint_sensor_place place[GLINT_CAR_SENSORS];
};

/* Takes an option of the group SERVICE; false after a printed line. */
bool glint_service_take(struct glint_service_options *s, const struct glint_command *c, int key,
                        const char *value);

/* Before the other options are taken: reads the file that --config names, if one does, by take. 0, or the
 * exit code after a printed line. */
int glint_service_load(struct glint_service_options *s, const struct glint_command *c, int argc, char **argv,
                       bool (*take)(void *ctx, int key, const char *value), void *ctx);

/* After all options: what the configuration's sensors mean for ports, groups, mounting and merging. 0, or the
 * exit code after a printed line. */
int glint_service_apply(struct glint_shared_options *o);
void glint_service_options_close(struct glint_service_options *s);

/* What the kernel allows: applied to this process before it starts threads and takes memory. 0, or
 * GLINT_EXIT_DEVICE after a line that says what is not permitted and how it is. */
int glint_service_enter(const struct glint_service_options *s);

/* Limits as they are, for `glint doctor` and --check-config: the highest real-time priority (0: none) and how
 * many bytes may be locked (UINT64_MAX: any). */
int32_t glint_service_priority_limit(void);
uint64_t glint_service_lock_limit(void);
#endif
