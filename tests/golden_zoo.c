/* tests/golden_zoo.c - see golden_zoo.h. */
#include "tests/golden_zoo.h"
#include "core/procedural.h"

struct glint_safetensors *glint_zoo_open(const char *name)
{
    char path[512];
    struct stat st;
    struct glint_safetensors *file;
    snprintf(path, sizeof path, "%s/%s.safetensors", GLINT_ZOO_FOLDER, name);
    if (stat(path, &st) != 0)
        return NULL;
    assert_int_equal(glint_safetensors_open(path, &file), 0);
    return file;
}

struct glint_safetensors *glint_zoo_weights(const char *name)
{
    struct glint_safetensors *file = glint_zoo_open(name);
    if (file)
        assert_int_equal(glint_procedural_expand(file, name), 0);
    return file;
}

const struct glint_tensor *glint_zoo_tensor(const struct glint_safetensors *file, const char *name,
                                            enum glint_dtype dtype)
{
    const struct glint_tensor *t = glint_safetensors_find(file, name);
    if (!t || t->dtype != dtype)
        fail_msg("no tensor %s of type %s", name, glint_dtype_name(dtype));
    return t;
}

int64_t glint_zoo_integer(const struct glint_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case GLINT_DTYPE_I64:
        return ((const int64_t *)t->data)[i];
    case GLINT_DTYPE_I32:
        return ((const int32_t *)t->data)[i];
    case GLINT_DTYPE_I16:
        return ((const int16_t *)t->data)[i];
    case GLINT_DTYPE_I8:
        return ((const int8_t *)t->data)[i];
    case GLINT_DTYPE_U8:
    case GLINT_DTYPE_BOOL:
        return ((const uint8_t *)t->data)[i];
    case GLINT_DTYPE_U16:
        return ((const uint16_t *)t->data)[i];
    case GLINT_DTYPE_U32:
        return ((const uint32_t *)t->data)[i];
    default:
        fail_msg("%s: integers expected", t->name);
        return 0;
    }
}

int32_t glint_zoo_i32(const struct glint_safetensors *file, const char *name, int64_t index)
{
    return ((const int32_t *)glint_zoo_tensor(file, name, GLINT_DTYPE_I32)->data)[index];
}

/* Verdicts */

void glint_zoo_expect(struct glint_zoo *z, const char *name, bool right, const char *what)
{
    z->n_compared++;
    z->n_wrong += !right;
    if (!right)
        print_error("%s: %s: %s\n", z->title, name, what);
}

static void expect_error(struct glint_zoo *z, const char *name, const char *part, double error)
{
    char what[96];
    snprintf(what, sizeof what, "%s%.2f times the tolerance", part, error);
    if (error > z->worst)
        z->worst = error;
    glint_zoo_expect(z, name, error <= 1, what);
}

/* The error of one number against the tolerance, grown for what n numbers were added to; no number: infinite.
 */
static double error_of(const struct glint_zoo *z, double got, double want, double n)
{
    const double error = fabs(got - want) / ((z->absolute + z->relative * fabs(want)) * sqrt(n));
    return got == want ? 0 : isfinite(error) ? error : INFINITY;
}

static const struct glint_tensor *find(struct glint_zoo *z, const char *name, const char *suffix)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const struct glint_tensor *t = glint_safetensors_find(z->file, full);
    const size_t used = strlen(z->seen);
    if (t)
        snprintf(z->seen + used, sizeof z->seen - used, "%s%s ", used ? "" : " ", full);
    return t;
}

void glint_zoo_all_seen(struct glint_zoo *z, const char *except)
{
    for (int32_t i = 0; i < glint_safetensors_count(z->file); i++) {
        const char *name = glint_safetensors_at(z->file, i)->name;
        char word[160];
        bool fine = false;
        snprintf(word, sizeof word, " %s ", name);
        fine = strstr(z->seen, word) != NULL;
        for (const char *e = except; e && *e && !fine; e += strspn(e, " ")) {
            const size_t length = strcspn(e, " ");
            fine = length > 0 && !strncmp(name, e, length);
            e += length;
        }
        if (!fine)
            glint_zoo_expect(z, name, false, "was compared with nothing");
    }
}

/* Floats */

static void compare_row_sums(struct glint_zoo *z, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *sums = find(z, name, ".rowsum");
    const float *g = got->data;
    double worst = 0;
    if (!sums)
        return;
    glint_zoo_expect(z, name, sums->shape[0] == got->shape[0], "rowsum of another count of rows");
    for (int64_t i = 0; sums->shape[0] == got->shape[0] && i < got->shape[0]; i++) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < got->shape[1]; k++) {
            sum += g[i * got->shape[1] + k];
            size += fabs(g[i * got->shape[1] + k]);
        }
        const double tolerance =
            (z->absolute * (double)got->shape[1] + z->relative * size) / sqrt((double)got->shape[1]);
        const double error = fabs(sum - ((const float *)sums->data)[i]) / tolerance;
        worst = error <= worst ? worst : isfinite(error) ? error : INFINITY;
    }
    expect_error(z, name, "rowsum ", worst);
}

void glint_zoo_rows(struct glint_zoo *z, const char *name, const char *index, const struct glint_tensor *got)
{
    const struct glint_tensor *want = find(z, name, ""), *rows = index ? find(z, index, "") : NULL;
    if (got->n_dims == 2)
        compare_row_sums(z, name, got);
    if (!want)
        return;
    const int64_t n = want->shape[0], width = n ? glint_tensor_elements(want) / n : 0;
    bool fits = (!rows || rows->shape[0] == n) && (rows || got->shape[0] == n);
    fits = fits && (n == 0 || (got->shape[0] > 0 && glint_tensor_elements(got) / got->shape[0] == width));
    double worst = 0;
    for (int64_t i = 0; fits && i < n; i++) {
        const int64_t row = rows ? glint_zoo_integer(rows, i) : i;
        fits = row >= 0 && row < got->shape[0];
        for (int64_t k = 0; fits && k < width; k++) {
            const double error = error_of(z, ((const float *)got->data)[row * width + k],
                                          ((const float *)want->data)[i * width + k], 1);
            worst = error > worst ? error : worst;
        }
    }
    glint_zoo_expect(z, name, fits, "another shape");
    expect_error(z, name, "", worst);
}

void glint_zoo_whole(struct glint_zoo *z, const char *name, const struct glint_tensor *got)
{
    glint_zoo_rows(z, name, NULL, got);
}

static void compare_crop(struct glint_zoo *z, const char *name, const struct glint_tensor *got,
                         const struct glint_tensor *want, int64_t y0, int64_t x0)
{
    const int64_t h = want->shape[1], w = want->shape[2];
    double worst = 0;
    if (want->shape[0] != got->shape[0] || y0 + h > got->shape[1] || x0 + w > got->shape[2]) {
        glint_zoo_expect(z, name, false, "another shape");
        return;
    }
    for (int64_t i = 0; i < glint_tensor_elements(want); i++) {
        const int64_t c = i / (h * w), y = i / w % h, x = i % w;
        const double error =
            error_of(z, ((const float *)got->data)[(c * got->shape[1] + y0 + y) * got->shape[2] + x0 + x],
                     ((const float *)want->data)[i], 1);
        worst = error > worst ? error : worst;
    }
    expect_error(z, name, "", worst);
}

/* Means of n numbers err as sums of n do, over n; so they are held to the tolerance of one number. */
static void compare_stats(struct glint_zoo *z, const char *name, const struct glint_tensor *got,
                          const struct glint_tensor *want)
{
    const int64_t cells = got->shape[1] * got->shape[2];
    double worst = 0;
    for (int64_t c = 0; c < got->shape[0]; c++) {
        const float *g = (const float *)got->data + c * cells, *w = (const float *)want->data + 3 * c;
        double seen[3] = {0, 0, 0};
        for (int64_t i = 0; i < cells; i++) {
            seen[0] += g[i] / (double)cells;
            seen[1] += fabs(g[i]) / (double)cells;
            seen[2] = fabs(g[i]) > seen[2] ? fabs(g[i]) : seen[2];
        }
        for (int i = 0; i < 3; i++) {
            const double error = error_of(z, seen[i], w[i], 1);
            worst = error > worst ? error : worst;
        }
    }
    expect_error(z, name, "stats ", worst);
}

void glint_zoo_map(struct glint_zoo *z, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *crop = find(z, name, ""), *win = find(z, name, ".win"),
                              *stats = find(z, name, ".stats");
    if (crop)
        compare_crop(z, name, got, crop, win ? glint_zoo_integer(win, 0) : 0,
                     win ? glint_zoo_integer(win, 1) : 0);
    if (stats)
        compare_stats(z, name, got, stats);
}

/* Integers */

void glint_zoo_equal(struct glint_zoo *z, const char *name, const struct glint_tensor *got)
{
    const struct glint_tensor *want = find(z, name, "");
    char what[96];
    if (!want)
        return;
    const int64_t n = glint_tensor_elements(want);
    int64_t i = 0;
    if (glint_tensor_elements(got) != n) {
        glint_zoo_expect(z, name, false, "another count of integers");
        return;
    }
    for (i = 0; i < n && glint_zoo_integer(got, i) == glint_zoo_integer(want, i); i++)
        ;
    if (i < n)
        snprintf(what, sizeof what, "element %lld is %lld, %lld expected", (long long)i,
                 (long long)glint_zoo_integer(got, i), (long long)glint_zoo_integer(want, i));
    glint_zoo_expect(z, name, i == n, i < n ? what : "");
}
