/* tests/fuzz/fuzz_waymo_results.c - Waymo's results: Objects and Submission files, checked as for sending.
 * What passes can be written as a submission and passes again. */
#include "tests/fuzz/fuzz.h"
#include "eval/waymo_submission.h"
#include "eval/waymo_within.h"

static void write_again(const char *path, const uint8_t *data, size_t size, int64_t n_objects)
{
    static const struct glint_waymo_submission about = {
        .task = GLINT_WAYMO_TASK_DETECTION_3D, .account = "a", .method = "b"};
    struct glint_waymo_check again;
    struct glint_waymo_within w;
    if (glint_waymo_within(path, data, size, &w) < 0 || w.from > w.end || w.end > size)
        abort();
    struct glint_buffer objects = {0};
    glint_buffer_add(&objects, data + w.from, w.end - w.from);
    if (glint_waymo_submission_write(path, &about, &objects) < 0 ||
        glint_waymo_submission_check(path, false, &again) < 0 || again.n_objects != n_objects ||
        !again.is_submission)
        abort();
    glint_buffer_fini(&objects);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = glint_fuzz_file(data, size, ".bin");
    struct glint_waymo_check check;
    (void)glint_waymo_submission_check(path, true, &check);
    if (glint_waymo_submission_check(path, false, &check) == GLINT_OK)
        write_again(path, data, size, check.n_objects);
    return 0;
}
