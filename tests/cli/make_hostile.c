/* tests/cli/make_hostile.c - checkpoints that want to do harm: make_hostile FOLDER writes them and prints a
 * line for each, "FILE WORDS": what the refusal must say. Used by import.sh. */
#include "tests/archive_made.h"

static const char *folder;

static void save(const char *name, const uint8_t *data, size_t n, const char *words)
{
    char path[1024];
    snprintf(path, sizeof path, "%.900s/%.100s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
        abort();
    printf("%s %s\n", name, words);
}

/* An archive with this pickle, and one storage of 64 bytes. */
static void save_pickle(const char *name, const void *pickle, size_t n, const char *entry, const char *words)
{
    static const uint8_t zeros[64];
    struct made_zip z = {0};
    made_zip_add(&z, entry, pickle, n, false);
    made_zip_add(&z, "x/data/0", zeros, sizeof zeros, false);
    made_zip_end(&z);
    save(name, z.file.data, z.file.n, words);
    made_free(&z.file);
}

static void save_calls(void)
{
    static const char *const calls[][4] = {
        {"system.pth", "posix", "system", "global posix.system is refused"},
        {"os.pth", "os", "system", "global os.system is refused"},
        {"eval.pth", "builtins", "eval", "global builtins.eval is refused"},
        {"eval2.pth", "__builtin__", "eval", "global __builtin__.eval is refused"},
        {"getattr.pth", "__builtin__", "getattr", "global __builtin__.getattr is refused"},
        {"reconstruct.pth", "numpy.core.multiarray", "_reconstruct",
         "global numpy.core.multiarray._reconstruct is refused"},
        {"runstring.pth", "numpy.testing._private.utils", "runstring", "runstring is refused"},
        {"load.pth", "torch.storage", "_load_from_bytes", "global torch.storage._load_from_bytes is refused"},
        {"subprocess.pth", "subprocess", "Popen", "global subprocess.Popen is refused"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct made m = {0};
        made_add(&m, "\x80\2", 2);
        made_global(&m, calls[i][1], calls[i][2]);
        made_text(&m, "touch harm");
        made_add(&m, "\x85R.", 3);
        save_pickle(calls[i][0], m.data, m.n, "x/data.pkl", calls[i][3]);
        made_free(&m);
    }
}

static void save_tensor(const char *name, struct made_tensor t, const char *entry, const char *words)
{
    struct made m = {0};
    made_add(&m, "\x80\2}", 3);
    made_text(&m, "w");
    made_pickled_tensor(&m, &t, false);
    made_add(&m, "s.", 2);
    save_pickle(name, m.data, m.n, entry, words);
    made_free(&m);
}

static void save_tensors(void)
{
    struct made_tensor t = {
        .key = "0", .dtype = GLINT_DTYPE_F32, .n = 16, .n_dims = 1, .shape = {16}, .stride = {1}};
    struct made_tensor bad = t;
    bad.n = bad.shape[0] = INT64_MAX;
    save_tensor("huge.pth", bad, "x/data.pkl", "storage of 9223372036854775807 elements");
    bad = t;
    bad.shape[0] = INT64_MAX;
    save_tensor("long.pth", bad, "x/data.pkl", "more elements than its storage");
    bad.stride[0] = 0;
    save_tensor("zero_stride.pth", bad, "x/data.pkl", "they overlap");
    bad = t;
    bad.offset = 1;
    save_tensor("beyond.pth", bad, "x/data.pkl", "element 16 of a storage of 16");
    save_tensor("traversal.pth", t, "../../../etc/data.pkl", "no \"config\" in it");
    bad = t;
    bad.key = "../../../../etc/passwd";
    save_tensor("key.pth", bad, "x/data.pkl", "no \"config\" in it");
}

static void save_repeated(const char *name, const char *start, size_t n_start, const char *unit, size_t times,
                          const char *words)
{
    struct made m = {0};
    made_add(&m, "\x80\2", 2);
    made_add(&m, start, n_start);
    for (size_t i = 0; i < times; i++)
        made_add(&m, unit, strlen(unit));
    made_byte(&m, '.');
    save_pickle(name, m.data, m.n, "x/data.pkl", words);
    made_free(&m);
}

static void save_bombs(void)
{
    const size_t size = (size_t)60 << 20;
    uint8_t *zeros = calloc(1, size);
    struct made_zip z = {0};
    save_repeated("nested.pth", "", 0, "(", 1000000, "nested deeper");
    save_repeated("tuples.pth", "N", 1, "\x85", 3000000, "more than");
    save_repeated("itself.pth", "]q\0", 3, "", 0, "no state dict in it");
    save_repeated("memo.pth", "", 0, "]q\1", 2000000, "more than");
    made_zip_add(&z, "x/data.pkl", zeros, size, true);
    made_zip_end(&z);
    save("bomb.pth", z.file.data, z.file.n, "unpacks to more than 20 times the archive");
    made_free(&z.file);
    z = (struct made_zip){0};
    made_zip_add(&z, "x/data.pkl", "\x80\2}.", 4, false);
    made_add(&z.directory, z.directory.data, z.directory.n);
    z.n = 2;
    made_zip_end(&z);
    save("overlap.pth", z.file.data, z.file.n, "overlaps another entry");
    made_free(&z.file);
    free(zeros);
}

int main(int argc, char **argv)
{
    static const char memo[] = "\x80\2Nr\xff\xff\xff\x7f.";
    if (argc < 2)
        return 2;
    folder = argv[1];
    save_calls();
    save_tensors();
    save_bombs();
    save_pickle("place.pth", memo, sizeof memo - 1, "x/data.pkl", "place 2147483647 of the memo");
    return 0;
}
