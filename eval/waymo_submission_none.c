/* eval/waymo_submission_none.c - results in a build without protobuf-c; see waymo_submission.h. */
#include "core/status.h"
#include "eval/waymo_submission.h"

static int built_without(void)
{
    return glint_fail(GLINT_E_UNSUPPORTED,
                      "Waymo's results cannot be written or checked: built without protobuf-c");
}

int glint_waymo_put_prediction(struct glint_buffer *objects, const struct glint_waymo_prediction *result)
{
    (void)objects, (void)result;
    return built_without();
}

int glint_waymo_objects_write(const char *path, const struct glint_buffer *objects)
{
    (void)path, (void)objects;
    return built_without();
}

int glint_waymo_submission_write(const char *path, const struct glint_waymo_submission *about,
                                 const struct glint_buffer *objects)
{
    (void)path, (void)about, (void)objects;
    return built_without();
}

int glint_waymo_submission_check(const char *path, bool tracking, struct glint_waymo_check *check_out)
{
    (void)path, (void)tracking;
    *check_out = (struct glint_waymo_check){0};
    return built_without();
}
