/* tests/fuzz/fuzz_file.c - see fuzz.h. */
#define _POSIX_C_SOURCE 200809L
#include "tests/fuzz/fuzz.h"
#include <unistd.h>

static char path[256];

static void remove_it(void)
{
    unlink(path);
}

const char *glint_fuzz_file(const uint8_t *data, size_t size, const char *ending)
{
    if (!path[0]) {
        const char *folder = getenv("TMPDIR");
        snprintf(path, sizeof path, "%.200s/glint_fuzz_%ld%.20s", folder ? folder : "/tmp", (long)getpid(),
                 ending);
        atexit(remove_it);
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
    return path;
}
