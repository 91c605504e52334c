/* tests/fuzz/replay.c - runs a fuzz target without libFuzzer: replay_NAME SEEDS...
 *
 * Each argument is a file or a folder of files. Every file is run as it is, cut at every byte (at ROUNDS
 * places when it is longer) and ROUNDS times with one to four bytes changed: the same ones on every machine.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/fuzz/fuzz.h"
#include <dirent.h>
#include <sys/stat.h>

#ifndef ROUNDS
#define ROUNDS 600
#endif

static uint64_t random_state;
static long n_runs;

static uint64_t random_u64(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static void run(const uint8_t *data, size_t size)
{
    LLVMFuzzerTestOneInput(data, size);
    n_runs++;
}

static void run_damaged(const uint8_t *data, size_t size)
{
    static const uint8_t nasty[] = {0, 1, 0x7f, 0x80, 0xff, '"', '[', '-', '9', '\\', '\n'};
    uint8_t *copy = glint_fuzz_block(data, size);
    random_state = 88172645463325252u + size;
    for (int round = 0; round < ROUNDS && size > 0; round++) {
        memcpy(copy, data, size);
        for (uint64_t n = 1 + random_u64() % 4; n > 0; n--) {
            const uint64_t value = random_u64(), which = random_u64();
            copy[random_u64() % size] = which % 2 ? nasty[value % sizeof nasty] : (uint8_t)value;
        }
        run(copy, size);
    }
    free(copy);
}

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        fprintf(stderr, "%s: cannot read\n", path);
        return 1;
    }
    const size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size + 1);
    if (!data || fread(data, 1, size, f) != size)
        abort();
    fclose(f);
    run(data, size);
    const size_t step = size / ROUNDS + 1;
    for (size_t cut = 0; cut < size; cut += step)
        run(data, cut);
    run_damaged(data, size);
    free(data);
    return 0;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return replay_file(path);
    int bad = 0;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        char name[1024];
        snprintf(name, sizeof name, "%.700s/%.300s", path, e->d_name);
        if (e->d_name[0] != '.')
            bad |= replay_file(name);
    }
    closedir(folder);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = argc < 2;
    for (int i = 1; i < argc; i++)
        bad |= replay(argv[i]);
    printf("%ld runs\n", n_runs);
    return bad || n_runs == 0;
}
