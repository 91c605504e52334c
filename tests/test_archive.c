/* tests/test_archive.c - checkpoints in both formats of torch.save: tensors of all types and layouts, state
 * dicts as repositories nest them, what is refused. */
#include "tests/util.h"
#include "tests/archive_made.h"
#include "convert/archive.h"
#include "convert/sha256.h"
#include "convert/weights.h"
#include "core/status.h"

static const float floats[6] = {0, 1, 2, -3, 4.5f, 1e-3f};
static const uint16_t halves[4] = {0x3c00, 0xc500, 0x0001, 0x7c00}; /* 1, -5, 2^-24, infinity */
static const uint16_t brains[2] = {0x3f80, 0xc0a0};                 /* 1, -5 */
static const int64_t count = 77;

static const struct made_entry entries[] = {
    {"module.a",
     {.key = "0", .dtype = GLINT_DTYPE_F32, .n = 6, .n_dims = 2, .shape = {2, 3}, .stride = {3, 1}},
     floats},
    {"module.turned",
     {.key = "1",
      .dtype = GLINT_DTYPE_F32,
      .n = 6,
      .offset = 1,
      .n_dims = 2,
      .shape = {2, 2},
      .stride = {1, 2}},
     floats},
    {"module.half",
     {.key = "2", .dtype = GLINT_DTYPE_F16, .n = 4, .n_dims = 1, .shape = {4}, .stride = {1}},
     halves},
    {"module.brain",
     {.key = "3", .dtype = GLINT_DTYPE_BF16, .n = 2, .n_dims = 1, .shape = {2}, .stride = {1}},
     brains},
    {"module.count", {.key = "4", .dtype = GLINT_DTYPE_I64, .n = 1, .n_dims = 0}, &count},
    {"module.none",
     {.key = "5", .dtype = GLINT_DTYPE_F32, .n = 0, .n_dims = 2, .shape = {0, 9}, .stride = {9, 1}},
     floats},
};
enum { N_ENTRIES = sizeof entries / sizeof *entries };

static const char *save(const struct made *m)
{
    static const char path[] = GLINT_BUILD_DIR "/test_archive.pth";
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(m->data, 1, m->n, f), m->n);
    fclose(f);
    return path;
}

static void expect_floats(const struct glint_weights_file *f, const char *name, const float *want, int64_t n)
{
    struct glint_numbers t;
    void *owned;
    float got[8];
    const int32_t index = glint_weights_find(f, name);
    assert_true(index >= 0);
    if (glint_weights_numbers(f, index, &t, &owned) != GLINT_OK)
        fail_msg("%s: %s", name, glint_error_text());
    assert_int_equal(glint_numbers_count(&t), n);
    glint_numbers_f32(&t, 0, n, got);
    if (n)
        assert_memory_equal(got, want, (size_t)n * sizeof *got);
    for (int64_t i = 0; i < n; i++) { /* and each alone */
        glint_numbers_f32(&t, i, 1, got);
        assert_memory_equal(got, want + i, sizeof *got);
    }
    free(owned);
}

static void expect_all(struct made m)
{
    struct glint_weights_file *f;
    if (glint_weights_open(save(&m), &f) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(glint_weights_count(f), N_ENTRIES);
    expect_floats(f, "a", floats, 6);
    expect_floats(f, "turned", (const float[]){1, -3, 2, 4.5f}, 4);
    expect_floats(f, "half", (const float[]){1, -5, 0x1p-24f, INFINITY}, 4);
    expect_floats(f, "brain", (const float[]){1, -5}, 2);
    expect_floats(f, "count", (const float[]){77}, 1);
    expect_floats(f, "none", NULL, 0);
    assert_non_null(strstr(glint_weights_notes(f), "`state_dict`"));
    assert_non_null(strstr(glint_weights_notes(f), "`module.` is taken off"));
    glint_weights_close(f);
    made_free(&m);
}

static void both_formats_give_the_same_tensors(void **state)
{
    (void)state;
    expect_all(made_checkpoint_zip(entries, N_ENTRIES, false));
    expect_all(made_checkpoint_zip(entries, N_ENTRIES, true));
    expect_all(made_checkpoint_plain(entries, N_ENTRIES));
}

/* As PyTorch 2.15 wrote them: both formats, another protocol; parameters, views, every type, an optimizer's
 * state, numpy's scalars. */
static void what_pytorch_wrote(void **state)
{
    (void)state;
    static const char *const files[] = {"torch_zip.pth", "torch_older.pth", "torch_protocol5.pth"};
    static const float weight[12] = {-1, -0.5f, 0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4, 4.5f},
                       turned[12] = {-1, 1, 3, -0.5f, 1.5f, 3.5f, 0, 2, 4, 0.5f, 2.5f, 4.5f};
    char path[600];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct glint_weights_file *f;
        bool python;
        snprintf(path, sizeof path, GLINT_SOURCE_DIR "/tests/golden/%s", files[i]);
        if (glint_weights_open(path, &f) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_int_equal(glint_weights_count(f), 11);
        struct glint_numbers t;
        void *owned;
        float got[12];
        assert_int_equal(glint_weights_numbers(f, glint_weights_find(f, "weight"), &t, &owned), GLINT_OK);
        glint_numbers_f32(&t, 0, 12, got);
        assert_memory_equal(got, weight, sizeof weight);
        assert_int_equal(glint_weights_numbers(f, glint_weights_find(f, "turned"), &t, &owned), GLINT_OK);
        glint_numbers_f32(&t, 0, 12, got);
        assert_memory_equal(got, turned, sizeof turned);
        expect_floats(f, "part", (const float[]){1.5f, 2, 3.5f, 4}, 4);
        expect_floats(f, "half", (const float[]){1.5f, -2, 65504, 0x1p-24f}, 4);
        expect_floats(f, "brain", (const float[]){1.5f, -3}, 2);
        expect_floats(f, "double", (const float[]){0.1f}, 1);
        expect_floats(f, "num_batches_tracked", (const float[]){77}, 1);
        expect_floats(f, "mask", (const float[]){1, 0, 1}, 3);
        expect_floats(f, "bytes", (const float[]){1, 255}, 2);
        expect_floats(f, "short", (const float[]){-7}, 1);
        expect_floats(f, "empty", NULL, 0);
        assert_string_equal(glint_weights_config(f, &python), "model = dict(type='X')\n");
        assert_true(python);
        glint_weights_close(f);
    }
}

static int tell(void *ctx, const char *way, const struct glint_numbers *t)
{
    char *text = ctx;
    const size_t n = strlen(text);
    snprintf(text + n, 1000 - n, "%s/%d ", way, t->n_dims);
    return GLINT_OK;
}

static void every_tensor_is_told_with_its_way(void **state)
{
    (void)state;
    struct made m = made_checkpoint_zip(entries, 2, false);
    struct glint_archive *a;
    char text[1000] = "";
    assert_int_equal(glint_archive_parse("a", m.data, m.n, &a), GLINT_OK);
    assert_int_equal(glint_archive_tensors(a, tell, text), GLINT_OK);
    assert_string_equal(text, "state_dict.module.a/2 state_dict.module.turned/2 ");
    glint_archive_close(a);
    made_free(&m);
}

/* A data.pkl of our own, with one storage of four floats. */
static struct made zip_of(const struct made *pickle, const char *folder)
{
    struct made_zip z = {0};
    char name[100];
    snprintf(name, sizeof name, "%s/data.pkl", folder);
    made_zip_add(&z, name, pickle->data, pickle->n, false);
    snprintf(name, sizeof name, "%s/data/0", folder);
    made_zip_add(&z, name, floats, 16, false);
    made_zip_end(&z);
    return z.file;
}

static struct made nested(const char *outer, const char *inner, const char *key)
{
    const struct made_tensor t = {
        .key = key, .dtype = GLINT_DTYPE_F32, .n = 4, .n_dims = 1, .shape = {4}, .stride = {1}};
    struct made p = {0};
    made_add(&p, "\x80\2}", 3);
    made_text(&p, outer);
    if (inner) {
        made_byte(&p, '}');
        made_text(&p, inner);
    }
    made_byte(&p, '}');
    made_text(&p, "w");
    made_pickled_tensor(&p, &t, false);
    made_add(&p, inner ? "sss." : "ss.", inner ? 4 : 3);
    return p;
}

static int open_made(struct made pickle, const char *folder, struct glint_weights_file **f)
{
    struct made m = zip_of(&pickle, folder);
    const int status = glint_weights_open(save(&m), f);
    made_free(&m);
    made_free(&pickle);
    return status;
}

static void state_dicts_are_found_where_repositories_put_them(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        {"model_state", NULL}, {"state_dict", NULL}, {"model", NULL}, {"model", "state_dict"}};
    struct glint_weights_file *f;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(open_made(nested(keys[i][0], keys[i][1], "0"), "x", &f), GLINT_OK);
        expect_floats(f, "w", floats, 4);
        glint_weights_close(f);
    }
    assert_int_equal(open_made(nested("something", NULL, "0"), "x", &f), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no state dict"));
    /* names are compared with each other, never opened */
    assert_int_equal(open_made(nested("state_dict", NULL, "0"), "../../etc", &f), GLINT_OK);
    expect_floats(f, "w", floats, 4);
    glint_weights_close(f);
}

static void numbers_must_be_there(void **state)
{
    (void)state;
    struct glint_weights_file *f;
    struct glint_numbers t;
    void *owned;
    assert_int_equal(open_made(nested("state_dict", NULL, "../../../etc/passwd"), "x", &f), GLINT_OK);
    assert_int_equal(glint_weights_numbers(f, 0, &t, &owned), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "no entry data/../../../etc/passwd"));
    glint_weights_close(f);
    struct made_entry e = entries[0];
    e.tensor.n = 5; /* one less than the tensor needs */
    struct made m = made_checkpoint_zip(&e, 1, false);
    assert_int_equal(glint_weights_open(save(&m), &f), GLINT_E_FORMAT);
    made_free(&m);
    struct made_zip z = {0}; /* an entry smaller than its storage */
    struct made p = made_state(entries, 1, false);
    made_zip_add(&z, "x/data.pkl", p.data, p.n, false);
    made_zip_add(&z, "x/data/0", floats, 20, false);
    made_zip_end(&z);
    assert_int_equal(glint_weights_open(save(&z.file), &f), GLINT_OK);
    assert_int_equal(glint_weights_numbers(f, 0, &t, &owned), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "20 bytes, 6 elements of F32 expected"));
    glint_weights_close(f);
    made_free(&z.file);
    made_free(&p);
}

static void refused(const struct made *m, const char *reason)
{
    struct glint_archive *a;
    uint8_t *block = malloc(m->n ? m->n : 1);
    memcpy(block, m->data, m->n);
    const int status = glint_archive_parse("a", block, m->n, &a);
    if (status != GLINT_E_FORMAT || a || !strstr(glint_error_text(), reason))
        fail_msg("%s: \"%s\" expected in \"%s\"", glint_status_name(status), reason, glint_error_text());
    free(block);
}

static void other_files_are_refused_by_name(void **state)
{
    (void)state;
    struct made m = {0};
    made_add(&m, "\x80\2}.", 4);
    refused(&m, "magic number is missing");
    made_free(&m);
    uint8_t tar[512] = {0};
    memcpy(tar + 257, "ustar", 5);
    refused(&(struct made){.data = tar, .n = sizeof tar}, "a tar archive");
    struct made_zip z = {0};
    made_zip_add(&z, "x/y", "1", 1, false);
    made_zip_end(&z);
    refused(&z.file, "without FOLDER/data.pkl");
    made_free(&z.file);
    z = (struct made_zip){0};
    made_zip_add(&z, "x/data.pkl", "\x80\2}.", 4, false);
    made_zip_add(&z, "x/constants.pkl", "\x80\2}.", 4, false);
    made_zip_end(&z);
    refused(&z.file, "TorchScript");
    made_free(&z.file);
    z = (struct made_zip){0};
    made_zip_add(&z, "x/data.pkl", "\x80\2}.", 4, false);
    made_zip_add(&z, "x/byteorder", "big", 3, false);
    made_zip_end(&z);
    refused(&z.file, "big-endian");
    made_free(&z.file);
}

static void files_cut_short_are_refused(void **state)
{
    (void)state;
    struct made m = made_checkpoint_plain(entries, 2);
    for (size_t n = 0; n < m.n; n++)
        refused(&(struct made){.data = m.data, .n = n}, "a");
    made_byte(&m, 0);
    refused(&m, "bytes after the last storage");
    made_free(&m);
    m = made_checkpoint_plain(entries, 1);
    uint8_t *key = memchr(m.data + m.n - 60, '0', 30); /* in the list of keys behind the values */
    assert_non_null(key);
    *key = '9';
    refused(&m, "a tensor's storage is not in the file");
    made_free(&m);
    m = made_checkpoint_plain_of(entries, 1, 2);
    refused(&m, "a storage that no tensor has");
    made_free(&m);
    struct made_entry twice[2] = {entries[0], entries[0]}; /* two tensors of one name, one storage */
    m = made_checkpoint_plain(twice, 2);
    refused(&m, "key is there twice");
    made_free(&m);
    twice[1].tensor.key = "1";
    m = made_checkpoint_zip(twice, 2, false);
    struct glint_weights_file *f;
    assert_int_equal(glint_weights_open(save(&m), &f), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "tensor a is there twice"));
    made_free(&m);
}

/* In pieces of `step` bytes. */
static void expect_hash(const char *bytes, size_t size, size_t step, const char *want)
{
    struct glint_sha256 s;
    char text[65];
    glint_sha256_begin(&s);
    for (size_t at = 0; at < size; at += step)
        glint_sha256_add(&s, (const uint8_t *)bytes + at, size - at < step ? size - at : step);
    glint_sha256_end(&s, text);
    assert_string_equal(text, want);
}

/* FIPS 180-4's examples */
static void hashes(void **state)
{
    (void)state;
    static char many[1000000];
    memset(many, 'a', sizeof many);
    expect_hash("abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 56,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect_hash("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t step = 1; step < 200; step += 37)
        expect_hash(many, sizeof many, step,
                    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_give_the_same_tensors),
        cmocka_unit_test(what_pytorch_wrote),
        cmocka_unit_test(every_tensor_is_told_with_its_way),
        cmocka_unit_test(state_dicts_are_found_where_repositories_put_them),
        cmocka_unit_test(numbers_must_be_there),
        cmocka_unit_test(other_files_are_refused_by_name),
        cmocka_unit_test(files_cut_short_are_refused),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
