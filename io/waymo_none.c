/* io/waymo_none.c - frames in a build without protobuf-c; see waymo_frame.h. */
#include "core/status.h"
#include "io/waymo_frame.h"

const char *glint_waymo_laser_name(int32_t laser)
{
    (void)laser;
    return "?";
}

int glint_waymo_reader_open(int32_t n_frames, struct glint_pool *pool, struct glint_waymo_reader **reader_out)
{
    (void)n_frames, (void)pool;
    *reader_out = NULL;
    return glint_fail(GLINT_E_UNSUPPORTED,
                      "Waymo's frames cannot be read: built without protobuf-c (libprotobuf-c-dev, "
                      "protobuf-c-compiler)");
}

void glint_waymo_reader_close(struct glint_waymo_reader *reader)
{
    (void)reader;
}

void glint_waymo_read(struct glint_waymo_reader *reader, const char *path, const struct glint_record *records,
                      int32_t n, enum glint_waymo_parts parts)
{
    (void)reader, (void)path, (void)records, (void)n, (void)parts;
}

int glint_waymo_reader_frame(const struct glint_waymo_reader *reader, int32_t i,
                             const struct glint_waymo_frame **frame_out)
{
    (void)reader, (void)i;
    *frame_out = NULL;
    return GLINT_E_UNSUPPORTED;
}
