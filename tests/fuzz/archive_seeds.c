/* tests/fuzz/archive_seeds.c - inputs of fuzz_archive: archive_seeds FOLDER. Small checkpoints in both
 * formats, with tensors of every type, and pickles alone. */
#include "tests/archive_made.h"

static const char *folder;
static int n_seeds;

static void save(char kind, const uint8_t *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%.900s/seed_%03d", folder, n_seeds++);
    FILE *f = fopen(path, "wb");
    if (!f || fputc(kind, f) == EOF || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
}

static void save_made(char kind, struct made m)
{
    save(kind, m.data, m.n);
    made_free(&m);
}

static void save_type(enum glint_dtype dtype)
{
    static const uint8_t data[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const struct made_entry entries[] = {
        {"a", {.key = "0", .dtype = dtype, .n = 6, .n_dims = 2, .shape = {2, 3}, .stride = {3, 1}}, data},
        {"b",
         {.key = "1", .dtype = dtype, .n = 4, .offset = 1, .n_dims = 1, .shape = {3}, .stride = {1}},
         data}};
    const struct made_zip zip = {.no_crc = true};
    save_made(0, made_checkpoint_zip_by(zip, entries, 2, false));
    save_made(0, made_checkpoint_plain(entries, 2));
    save_made(1, made_state(entries, 1, false));
    if (dtype == GLINT_DTYPE_F32)
        save_made(0, made_checkpoint_zip_by(zip, entries, 1, true));
}

int main(int argc, char **argv)
{
    static const char scalar[] =
        "\x80\2cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0f8\x89\x88\x87R"
        "(K\3X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        "c_codecs\nencode\nX\x9\0\0\0\0\0\0\0\0\0\xc3\xa0?X\6\0\0\0latin1\x86R\x86R.";
    static const char values[] =
        "\x80\4\x95\5\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1M\1\2J\1\2\3\4e\x8c\1b\x94"
        "G?\xf8\0\0\0\0\0\0\x8c\1c\x94N\x88\x89\x87\x94\x8c\1d\x94"
        "C\3xyz\x8a\2\1\2\x86h\1\x8a\x9\1\2\3\4\5\6\7\x8\x9u.";
    if (argc < 2)
        return 2;
    folder = argv[1];
    for (int i = 0; i < GLINT_DTYPE_COUNT; i++)
        if (made_class((enum glint_dtype)i))
            save_type((enum glint_dtype)i);
    save(1, (const uint8_t *)scalar, sizeof scalar - 1);
    save(1, (const uint8_t *)values, sizeof values - 1);
    return 0;
}
