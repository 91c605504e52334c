/* tools/options.h - the command line of `glint`: declared options, exit codes, one-line errors. */
#ifndef GLINT_TOOLS_OPTIONS_H
#define GLINT_TOOLS_OPTIONS_H
#include "glint/model.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum glint_exit { /* scripts rely on them */
                  GLINT_EXIT_OK = 0,
                  GLINT_EXIT_FAILED = 1, /* at run time */
                  GLINT_EXIT_USAGE = 2,
                  GLINT_EXIT_INPUT = 3,
                  GLINT_EXIT_DEVICE = 4, /* a device or a permission is missing */
};

struct glint_option {
    const char *name;  /* "--threads" */
    const char *value; /* "N" for the help; NULL: a flag */
    const char *help;
    int key; /* the command's own, > 0 and < GLINT_SHARED_KEYS */
};

/* Options that several commands have, by groups (shared_options.h): an entry of a command's options that
 * stands for a whole group. */
enum glint_option_groups {
    GLINT_OPTIONS_SENSOR,  /* --sensor --calib */
    GLINT_OPTIONS_CLOCK,   /* --clock */
    GLINT_OPTIONS_FRAMING, /* --cut --sub-sweep */
    GLINT_OPTIONS_MOTION,  /* --poses ... --stack */
    GLINT_OPTIONS_MERGE,   /* --merge --deadline */
    GLINT_OPTIONS_LATE,    /* --frame-deadline --late */
    GLINT_OPTIONS_MODEL,   /* --model --device --precision --score */
    GLINT_OPTIONS_THREADS, /* --threads */
    GLINT_OPTIONS_OUT,     /* --out, may repeat */
    GLINT_OPTIONS_TRACK,   /* --track */
    GLINT_OPTIONS_ROS,     /* --topics --layout --compress */
    GLINT_OPTIONS_TRACE,   /* --trace */
    GLINT_OPTIONS_JSON,    /* --json */
    GLINT_OPTIONS_FRAMES,  /* --frames */
    GLINT_OPTIONS_DAMAGE,  /* --skip-corrupt */
    GLINT_OPTIONS_TOPIC,   /* --topic */
    GLINT_OPTIONS_NET,     /* --port ... --hw-stamps */
    GLINT_OPTIONS_EVAL,    /* --json --report --parts --resume */
    GLINT_OPTIONS_SERVICE, /* --config ... --lock-memory */
    GLINT_OPTIONS_COUNT
};
#define GLINT_SHARED_KEYS 1000
#define GLINT_OPTION_GROUP(group)                                                                            \
    {                                                                                                        \
        "", NULL, NULL, (group)                                                                              \
    }

/* The options of a group, up to a name of NULL. */
const struct glint_option *glint_option_group(int group);

struct glint_command {
    const char *name, *help;            /* one line */
    const char *usage;                  /* behind the name: "INPUT... [options]" */
    const char *example;                /* lines, each with its newline */
    const struct glint_option *options; /* ends with a name of NULL */
    int (*run)(const struct glint_command *command, int argc, char **argv); /* argv[0]: the command's name */
};

/* The option of that name ("--threads") among the command's and its groups', NULL: none; and the name without
 * dashes that is nearest to a wrong one, NULL: none is near. */
const struct glint_option *glint_command_option(const struct glint_command *command, const char *name);
const char *glint_command_nearest(const struct glint_command *command, const char *wrong);

/* Until it is NULL again, glint_usage_error tells this place ("car.yaml:12") instead of the command. */
void glint_usage_origin(const char *origin);

/* Walks the arguments. Options may stand anywhere, as "--name value" or "--name=value"; "--" ends them. */
struct glint_arguments {
    const struct glint_command *command;
    int argc, at;
    char **argv;
    bool only_inputs;
};
enum { GLINT_ARG_END = 0, GLINT_ARG_INPUT = -1, GLINT_ARG_ERROR = -2, GLINT_ARG_HELP = -3 };

/* The next option's key with its value (NULL for flags), or one of GLINT_ARG_*. --help prints the command's
 * help to stdout; an error has printed its line. */
int glint_arguments_next(struct glint_arguments *a, const char **value_out);

/* What the command returns for GLINT_ARG_ERROR and GLINT_ARG_HELP. */
int glint_arguments_exit(int arg);

/* Values: false after a printed line that names option, value and what was expected. */
bool glint_value_int(const struct glint_command *c, const char *option, const char *text, int64_t lo,
                     int64_t hi, int32_t *out);
bool glint_value_float(const struct glint_command *c, const char *option, const char *text, double lo,
                       double hi, float *out);
/* "A:B" with A or B left out, B beyond the last frame: frames A <= i < B. "N" is "0:N". */
bool glint_value_frames(const struct glint_command *c, const char *option, const char *text,
                        uint64_t *from_out, uint64_t *to_out);

/* "auto", "cpu", "cuda" or "cuda:N". */
bool glint_value_device(const struct glint_command *c, const char *option, const char *text);
/* f32, bf16, f16 or i16. */
const char *glint_precision_name(enum glint_precision precision);
bool glint_value_precision(const struct glint_command *c, const char *option, const char *text,
                           enum glint_precision *out);

/* Prints "glint: run: ..." to stderr, with where help is, and returns GLINT_EXIT_USAGE. */
int glint_usage_error(const struct glint_command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "glint: " and the library's reason for a failed call and returns the exit code for it; or returns
 * the code alone, where the reason was told already. */
enum glint_side { GLINT_SIDE_INPUT, GLINT_SIDE_OUTPUT };
int glint_report_failure(int status, enum glint_side side);
int glint_failure_exit(int status, enum glint_side side);

/* Prints "glint: ..." to stderr, one line. */
void glint_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Whether this process has the capability of that number (linux/capability.h). */
bool glint_has_capability(int number);

/* Whether the library's words for people are printed. */
void glint_log_to_stderr(bool on);

void glint_command_help(const struct glint_command *c);

/* The entry of `names` (n of them) nearest to `wrong`, NULL when none is near: for "did you mean". */
const char *glint_nearest_name(const char *wrong, const char *const *names, int n);
#endif
