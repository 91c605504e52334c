/* tools/options.c - see options.h. */
#include "tools/options.h"
#include "core/log.h"
#include "glint/status.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 128

/* Walks a command's options with those of its groups in their places. */
struct walk {
    const struct glint_option *own, *group; /* group: the next of the group at hand, NULL: none */
};

static const struct glint_option *next_option(struct walk *w)
{
    for (;;) {
        if (w->group && w->group->name)
            return w->group++;
        w->group = NULL;
        if (!w->own->name)
            return NULL;
        const struct glint_option *o = w->own++;
        if (o->name[0])
            return o;
        w->group = glint_option_group(o->key);
    }
}

/* Levenshtein's distance, for names of up to 31 letters. */
static int edits(const char *a, const char *b)
{
    int row[33];
    const int n = (int)strlen(b);
    if (n > 31 || strlen(a) > 31)
        return 99;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            const int insert = row[j - 1] + 1, drop = row[j] + 1;
            row[j] = change < insert ? (change < drop ? change : drop) : (insert < drop ? insert : drop);
        }
    }
    return row[n];
}

const char *glint_nearest_name(const char *wrong, const char *const *names, int n)
{
    const char *best = NULL;
    int least = strlen(wrong) < 5 ? 2 : 3; /* more changes than that mean another word */
    for (int i = 0; i < n; i++) {
        const int d = edits(wrong, names[i]);
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

static const char *origin; /* of what is read at the moment; NULL: the command line */

void glint_usage_origin(const char *where)
{
    origin = where;
}

int glint_usage_error(const struct glint_command *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "glint: %s: ", origin ? origin : c->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, " (see glint %s --help)\n", c->name);
    va_end(args);
    return GLINT_EXIT_USAGE;
}

void glint_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("glint: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}

static void print_log(void *ctx, enum glint_log_level level, const char *line)
{
    (void)ctx;
    static const char *const prefix[] = {"debug: ", "", "warning: ", "error: "};
    glint_say("%s%s", prefix[level], line);
}

void glint_log_to_stderr(bool on)
{
    glint_log_set(on ? print_log : NULL, NULL, GLINT_LOG_INFO);
}

bool glint_has_capability(int number)
{
    char line[128];
    unsigned long long rights = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "CapEff:", 7) == 0)
            rights = strtoull(line + 7, NULL, 16);
    if (f)
        fclose(f);
    return rights >> number & 1;
}

int glint_report_failure(int status, enum glint_side side)
{
    const char *reason = glint_error_text();
    glint_say("%s", reason[0] ? reason : glint_status_text(status));
    return glint_failure_exit(status, side);
}

int glint_failure_exit(int status, enum glint_side side)
{
    switch (status) {
    case GLINT_E_ARG:
        return GLINT_EXIT_USAGE;
    case GLINT_E_DEVICE:
        return GLINT_EXIT_DEVICE;
    case GLINT_E_UNSUPPORTED:
        return side == GLINT_SIDE_INPUT ? GLINT_EXIT_INPUT : GLINT_EXIT_USAGE;
    case GLINT_E_FORMAT:
    case GLINT_E_NOTFOUND:
    case GLINT_E_IO:
        return side == GLINT_SIDE_INPUT ? GLINT_EXIT_INPUT : GLINT_EXIT_FAILED;
    default:
        return GLINT_EXIT_FAILED;
    }
}

void glint_command_help(const struct glint_command *c)
{
    printf("glint %s - %s\n\nusage: glint %s %s\n", c->name, c->help, c->name, c->usage);
    printf("\noptions:\n");
    struct walk walk = {c->options, NULL};
    for (const struct glint_option *o; (o = next_option(&walk)) != NULL;) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-20s %s\n", left, o->help);
    }
    printf("  %-20s %s\n\nexample:\n%s", "--help", "this text", c->example);
}

const struct glint_option *glint_command_option(const struct glint_command *command, const char *name)
{
    struct walk walk = {command->options, NULL};
    for (const struct glint_option *o; (o = next_option(&walk)) != NULL;)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

const char *glint_command_nearest(const struct glint_command *command, const char *wrong)
{
    const char *names[MAX_NAMES];
    int n = 0;
    struct walk walk = {command->options, NULL};
    for (const struct glint_option *o; n < MAX_NAMES && (o = next_option(&walk)) != NULL;)
        names[n++] = o->name + 2;
    return glint_nearest_name(wrong, names, n);
}

static int unknown_option(const struct glint_command *c, const char *given)
{
    const char *names[MAX_NAMES];
    char name[32];
    int n = 0;
    struct walk walk = {c->options, NULL};
    for (const struct glint_option *o; n < MAX_NAMES && (o = next_option(&walk)) != NULL;)
        names[n++] = o->name;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(given, "="), given);
    const char *near = glint_nearest_name(name, names, n);
    if (near)
        glint_usage_error(c, "unknown option %s: did you mean %s?", name, near);
    else
        glint_usage_error(c, "unknown option %s", name);
    return GLINT_ARG_ERROR;
}

static int option_value(struct glint_arguments *a, const struct glint_option *o, const char *inside,
                        const char **value)
{
    if (!o->value) {
        if (!inside)
            return o->key;
        glint_usage_error(a->command, "%s takes no value", o->name);
        return GLINT_ARG_ERROR;
    }
    *value = inside ? inside : a->at < a->argc ? a->argv[a->at++] : NULL;
    if (*value)
        return o->key;
    glint_usage_error(a->command, "%s needs a value: %s %s", o->name, o->name, o->value);
    return GLINT_ARG_ERROR;
}

int glint_arguments_next(struct glint_arguments *a, const char **value_out)
{
    *value_out = NULL;
    if (a->at >= a->argc)
        return GLINT_ARG_END;
    const char *given = a->argv[a->at++];
    if (a->only_inputs || given[0] != '-' || given[1] == 0) {
        *value_out = given;
        return GLINT_ARG_INPUT;
    }
    if (strcmp(given, "--") == 0) {
        a->only_inputs = true;
        return glint_arguments_next(a, value_out);
    }
    if (strcmp(given, "--help") == 0 || strcmp(given, "-h") == 0) {
        glint_command_help(a->command);
        return GLINT_ARG_HELP;
    }
    const size_t length = strcspn(given, "=");
    struct walk walk = {a->command->options, NULL};
    for (const struct glint_option *o; (o = next_option(&walk)) != NULL;)
        if (strlen(o->name) == length && memcmp(o->name, given, length) == 0)
            return option_value(a, o, given[length] ? given + length + 1 : NULL, value_out);
    return unknown_option(a->command, given);
}

int glint_arguments_exit(int arg)
{
    return arg == GLINT_ARG_HELP ? GLINT_EXIT_OK : GLINT_EXIT_USAGE;
}

bool glint_value_int(const struct glint_command *c, const char *option, const char *text, int64_t lo,
                     int64_t hi, int32_t *out)
{
    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < lo || v > hi) {
        glint_usage_error(c, "%s %s: expected a whole number from %lld to %lld", option, text, (long long)lo,
                          (long long)hi);
        return false;
    }
    *out = (int32_t)v;
    return true;
}

bool glint_value_float(const struct glint_command *c, const char *option, const char *text, double lo,
                       double hi, float *out)
{
    char *end;
    const double v = strtod(text, &end);
    if (end == text || *end || !(v >= lo && v <= hi)) {
        glint_usage_error(c, "%s %s: expected a number from %g to %g", option, text, lo, hi);
        return false;
    }
    *out = (float)v;
    return true;
}

/* A run of digits; *text moves behind it. */
static bool digits(const char **text, uint64_t *out)
{
    char *end;
    errno = 0;
    if (**text < '0' || **text > '9')
        return false;
    *out = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

bool glint_value_frames(const struct glint_command *c, const char *option, const char *text,
                        uint64_t *from_out, uint64_t *to_out)
{
    const char *at = text;
    uint64_t from = 0, to = UINT64_MAX;
    bool good = *at == ':' || digits(&at, &from);
    if (good && *at == 0 && at > text) { /* a number alone */
        to = from;
        from = 0;
    } else {
        good = good && *at++ == ':';
        good = good && (*at == 0 || digits(&at, &to));
    }
    good = good && *at == 0 && from < to;
    if (!good) {
        glint_usage_error(c, "%s %s: expected A:B, the frames from A to before B, or N, the first N", option,
                          text);
        return false;
    }
    *from_out = from;
    *to_out = to;
    return true;
}

bool glint_value_device(const struct glint_command *c, const char *option, const char *text)
{
    const char *at = strncmp(text, "cuda:", 5) == 0 ? text + 5 : "";
    uint64_t index;
    if (strcmp(text, "auto") == 0 || strcmp(text, "cpu") == 0 || strcmp(text, "cuda") == 0)
        return true;
    if (digits(&at, &index) && *at == 0)
        return true;
    glint_usage_error(c, "%s %s: expected auto, cpu, cuda or cuda:N", option, text);
    return false;
}

static const char *const precisions[] = {[GLINT_PRECISION_F32] = "f32",
                                         [GLINT_PRECISION_BF16] = "bf16",
                                         [GLINT_PRECISION_F16] = "f16",
                                         [GLINT_PRECISION_I16] = "i16"};

const char *glint_precision_name(enum glint_precision precision)
{
    return precisions[precision];
}

bool glint_value_precision(const struct glint_command *c, const char *option, const char *text,
                           enum glint_precision *out)
{
    for (int i = GLINT_PRECISION_F32; i <= GLINT_PRECISION_I16; i++)
        if (strcmp(text, precisions[i]) == 0) {
            *out = (enum glint_precision)i;
            return true;
        }
    glint_usage_error(c, "%s %s: expected f32, bf16, f16 or i16", option, text);
    return false;
}
