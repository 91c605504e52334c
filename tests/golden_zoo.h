/* tests/golden_zoo.h - the golden cases of the zoo (dsvt/, centerpoint/, ptv3/), unpacked into the build tree
 * by the fixture golden_zoo (tests/golden/unpack_zoo.sh; `ctest -R golden_zoo`), and what compares with them.
 *
 *     glint_test(golden_dsvt ZOO)                                  CMakeLists.txt: the cases are there when
 * it runs struct glint_safetensors *f = glint_zoo_open("dsvt/pillar_tiny_edge_1");   NULL: skip() struct
 * glint_zoo z = {.title = "pillar_tiny_edge_1", .file = f, .absolute = 1e-4, .relative = 1e-4};
 *     glint_zoo_rows(&z, "vfe.out", "rows", tensor);               chosen rows, and the sums of all rows
 *     glint_zoo_map(&z, "bev", tensor);                            crop, and statistics of the whole map
 *     glint_zoo_equal(&z, "coords", tensor);                       integers, every one
 *     assert_int_equal(z.n_wrong, 0);
 *
 * The file's tensor NAME holds the rows listed in its tensor INDEX, NAME.rowsum sums of every row; of a map
 * NAME [C, h, w] is the crop at NAME.win (y0, x0, h, w), NAME.stats [C, 3] mean, mean of sizes, largest size
 * of the whole. The reference's numbers w are met when |got - w| <= absolute + relative |w|; sums and means
 * are of many such numbers and their tolerance grows with the root of how many, as rounding does. What
 * differs is printed and counted. */
#ifndef GLINT_TESTS_GOLDEN_ZOO_H
#define GLINT_TESTS_GOLDEN_ZOO_H
#include "core/safetensors.h"
#include "tests/util.h"
#include <stdbool.h>

#define GLINT_ZOO_FOLDER GLINT_BUILD_DIR "/golden_zoo"

/* name: folder and file without its ending. weights: procedural tensors whole. NULL where the cases are not
 * there. */
struct glint_safetensors *glint_zoo_open(const char *name);
struct glint_safetensors *glint_zoo_weights(const char *name);

struct glint_zoo { /* comparisons with one case */
    const char *title;
    const struct glint_safetensors *file;
    double absolute, relative;
    int32_t n_compared, n_wrong;
    double worst;     /* largest |got - w| / (absolute + relative |w|) seen, 1 at the limit */
    char seen[65536]; /* " name name ": the file's tensors that were compared */
};

/* A tensor that must be in the file, of that type. */
const struct glint_tensor *glint_zoo_tensor(const struct glint_safetensors *file, const char *name,
                                            enum glint_dtype dtype);
int32_t glint_zoo_i32(const struct glint_safetensors *file, const char *name, int64_t index);

/* Each compares what the file has under NAME and its additions, and does nothing where it has none.
 * index NULL: every row is there. */
void glint_zoo_rows(struct glint_zoo *z, const char *name, const char *index, const struct glint_tensor *got);
void glint_zoo_map(struct glint_zoo *z, const char *name, const struct glint_tensor *got);
void glint_zoo_whole(struct glint_zoo *z, const char *name, const struct glint_tensor *got);
void glint_zoo_equal(struct glint_zoo *z, const char *name,
                     const struct glint_tensor *got); /* of any integer types */

/* The verdict of a comparison of one's own. */
void glint_zoo_expect(struct glint_zoo *z, const char *name, bool right, const char *what);

/* Each of the file's tensors but those whose names start with one of `except` (words between blanks) was
 * compared. */
void glint_zoo_all_seen(struct glint_zoo *z, const char *except);

/* An integer element of a tensor of any integer type. */
int64_t glint_zoo_integer(const struct glint_tensor *t, int64_t i);
#endif
