/* tests/test_import.c - checkpoints to model folders: what fits, what is said when it does not, what stays
 * behind. */
#include "tests/util.h"
#include "tests/archive_made.h"
#include "tests/model_fixture.h"
#include "convert/import.h"
#include "core/file.h"
#include "glint/model.h"
#include <unistd.h>

#define OUT    GLINT_BUILD_DIR "/test_import_model"
#define PTH    GLINT_BUILD_DIR "/test_import.pth"
#define CONFIG GLINT_BUILD_DIR "/test_import.json"

static void save(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

/* The fixture's weights as a checkpoint; tensors before `skip` only, the one at `rename` under another name.
 */
static void save_fixture(const struct fixture *f, bool plain, int32_t n, int32_t rename)
{
    static struct made_entry entries[FIXTURE_TENSORS];
    static char keys[FIXTURE_TENSORS][8];
    for (int32_t i = 0; i < n; i++) {
        const struct glint_tensor *t = &f->tensor[i];
        snprintf(keys[i], sizeof keys[i], "%d", i);
        entries[i] = (struct made_entry){.name = i == rename ? "other.name" : t->name, .data = t->data};
        entries[i].tensor = (struct made_tensor){.key = keys[i], .dtype = t->dtype, .n_dims = t->n_dims};
        memcpy(entries[i].tensor.shape, t->shape, sizeof t->shape);
        made_contiguous(&entries[i].tensor);
    }
    struct made m = plain ? made_checkpoint_plain(entries, n) : made_checkpoint_zip(entries, n, false);
    save(PTH, m.data, m.n);
    made_free(&m);
    save(CONFIG, fixture_config, strlen(fixture_config));
}

static void remove_folder(void)
{
    unlink(OUT "/config.json");
    unlink(OUT "/README.md");
    unlink(OUT "/model.safetensors");
    rmdir(OUT);
}

static const struct glint_import_job job = {.weights = PTH, .config = CONFIG, .out = OUT};

static bool card_says(const char *text)
{
    struct glint_file file;
    char card[8192];
    assert_int_equal(glint_file_open(&file, OUT "/README.md"), GLINT_OK);
    snprintf(card, sizeof card, "%.*s", (int)file.size, (const char *)file.data);
    glint_file_close(&file);
    return strstr(card, text) != NULL;
}

static void both_formats_make_the_same_model(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    struct glint_safetensors *file;
    struct glint_import_result result;
    for (int plain = 0; plain < 2; plain++) {
        remove_folder();
        save_fixture(f, plain, f->n, -1);
        if (glint_import_run(&job, &result) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_true(result.n_tensors == f->n && result.n_converted == 0 &&
                    !strcmp(result.arch, "flatformer"));
        assert_int_equal(glint_safetensors_open(OUT "/model.safetensors", &file), GLINT_OK);
        assert_int_equal(glint_safetensors_count(file), f->n);
        for (int32_t i = 0; i < f->n; i++) {
            const struct glint_tensor *t = glint_safetensors_find(file, f->name[i]);
            assert_non_null(t);
            assert_memory_equal(t->data, f->data[i], (size_t)glint_tensor_elements(t) * sizeof(float));
        }
        glint_safetensors_close(file);
        assert_true(card_says("SHA-256") && card_says("car, person") && card_says("`state_dict`"));
    }
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    assert_int_equal(glint_model_open(OUT, &s, NULL, &model), GLINT_OK);
    glint_model_close(model);
    fixture_close(f);
}

static void expect_refusal(const char *reason)
{
    struct stat st;
    assert_int_equal(glint_import_run(&job, NULL), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
    assert_int_not_equal(stat(OUT, &st), 0); /* nothing is left behind */
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    char text[300];
    remove_folder();
    save_fixture(f, false, f->n, 5);
    snprintf(text, sizeof text, "1 missing: \"%s\"; 1 left over: \"other.name\"", f->name[5]);
    expect_refusal(text);
    save_fixture(f, false, f->n - 2, -1);
    snprintf(text, sizeof text, "2 missing: \"%s\", \"%s\"", f->name[f->n - 2], f->name[f->n - 1]);
    expect_refusal(text);
    save_fixture(f, false, 3, -1);
    expect_refusal("missing: ");
    assert_non_null(strstr(glint_error_text(), " ..."));
    save_fixture(f, false, f->n, -1);
    save(CONFIG, fixture_replace("\"ffn\": 24", "\"ffn\": 25"),
         strlen(fixture_replace("\"ffn\": 24", "\"ffn\": 25")));
    expect_refusal("fc1.weight\" [24, 16] instead of [25, 16]");
    f->data[7][0] = NAN;
    save_fixture(f, false, f->n, -1);
    expect_refusal("is not a finite number");
    save(CONFIG, "{\"a\": 1}", 8);
    expect_refusal("no architecture known");
    fixture_close(f);
}

/* A folder that is a model stays it when what comes does not fit, and is the new one when it does. */
static void models_are_replaced_whole(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    struct glint_model_settings s;
    struct glint_model *model;
    struct stat st;
    remove_folder();
    glint_model_settings_default(&s);
    save_fixture(f, false, f->n, -1);
    assert_int_equal(glint_import_run(&job, NULL), GLINT_OK);
    f->data[7][0] = NAN;
    save_fixture(f, false, f->n, -1);
    assert_int_equal(glint_import_run(&job, NULL), GLINT_E_FORMAT);
    assert_int_not_equal(stat(OUT "/model.safetensors.trial", &st), 0);
    assert_int_equal(glint_model_open(OUT, &s, NULL, &model), GLINT_OK);
    glint_model_close(model);
    f->data[7][0] = 0.5f;
    save_fixture(f, false, f->n, -1);
    assert_int_equal(glint_import_run(&job, NULL), GLINT_OK);
    assert_int_equal(glint_model_open(OUT, &s, NULL, &model), GLINT_OK);
    glint_model_close(model);
    fixture_close(f);
}

/* Values of other types are converted and counted; counters of training are left out. */
static void halves_and_counters(void **state)
{
    (void)state;
    struct fixture *f = fixture_open();
    static struct made_entry entries[FIXTURE_TENSORS + 1];
    static char keys[FIXTURE_TENSORS][8];
    static const int64_t steps = 100;
    struct glint_import_result result;
    uint16_t *halves[FIXTURE_TENSORS];
    for (int32_t i = 0; i < f->n; i++) {
        const struct glint_tensor *t = &f->tensor[i];
        const int64_t n = glint_tensor_elements(t);
        halves[i] = malloc((size_t)n * sizeof *halves[i]);
        for (int64_t k = 0; k < n; k++)
            halves[i][k] = 0x3c00; /* 1 */
        snprintf(keys[i], sizeof keys[i], "%d", i);
        entries[i] = (struct made_entry){.name = t->name, .data = halves[i]};
        entries[i].tensor =
            (struct made_tensor){.key = keys[i], .dtype = GLINT_DTYPE_F16, .n_dims = t->n_dims};
        memcpy(entries[i].tensor.shape, t->shape, sizeof t->shape);
        made_contiguous(&entries[i].tensor);
    }
    entries[f->n] =
        (struct made_entry){"a.num_batches_tracked", {.key = "n", .dtype = GLINT_DTYPE_I64, .n = 1}, &steps};
    struct made m = made_checkpoint_zip(entries, f->n + 1, true);
    save(PTH, m.data, m.n);
    save(CONFIG, fixture_config, strlen(fixture_config));
    remove_folder();
    if (glint_import_run(&job, &result) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(result.n_converted, f->n);
    assert_true(card_says("tensors were not F32") && card_says("1 counters of training"));
    for (int32_t i = 0; i < f->n; i++)
        free(halves[i]);
    made_free(&m);
    fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_formats_make_the_same_model),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(models_are_replaced_whole),
        cmocka_unit_test(halves_and_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
