/* tests/fuzz/fuzz_car_config.c - a configuration as glint live reads it: options of every kind, and sensors.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/shared_options.h"

static const struct glint_option options[] = {GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_LATE),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_SERVICE),
                                              {NULL, NULL, NULL, 0}};
static const struct glint_command command = {"live", "", "", "", options, NULL};

static bool take(void *ctx, int key, const char *value)
{
    (void)ctx;
    (void)key;
    (void)value;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct glint_shared_options o;
    static FILE *quiet;
    char name[] = "live", option[] = "--config";
    char *argv[] = {name, option, (char *)(uintptr_t)glint_fuzz_file(data, size, ".yaml")};
    if (!quiet)
        stderr = quiet = fopen("/dev/null", "w"); /* a line for every mistake */
    glint_shared_options_init(&o, &command);
    const int code = glint_shared_options_parse(&o, 3, argv, take, NULL);
    if (code != -1 && code != GLINT_EXIT_INPUT && code != GLINT_EXIT_USAGE)
        abort();
    if (code == -1 && o.service.n_places != o.service.config->n_sensors)
        abort();
    glint_shared_options_close(&o);
    return 0;
}
