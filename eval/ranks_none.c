/* eval/ranks_none.c - ranks in a build without MPI; see ranks.h. */
#include "eval/ranks.h"

int glint_ranks_open(struct glint_ranks *ranks_out)
{
    *ranks_out = (struct glint_ranks){0, 1};
    if (glint_ranks_launched())
        return glint_fail(GLINT_E_UNSUPPORTED,
                          "started by mpirun, but built without MPI (libopenmpi-dev): run it alone");
    return GLINT_OK;
}

void glint_ranks_close(struct glint_ranks *ranks)
{
    (void)ranks;
}

int glint_ranks_send(struct glint_ranks *r, const struct glint_ranks_message *m,
                     const struct glint_buffer *bytes)
{
    (void)r;
    (void)m;
    (void)bytes;
    return GLINT_OK;
}

int glint_ranks_poll(struct glint_ranks *r, struct glint_ranks_message *m_out, struct glint_buffer *bytes,
                     bool *came_out)
{
    (void)r;
    (void)m_out;
    (void)bytes;
    *came_out = false;
    return GLINT_OK;
}

int glint_ranks_assign(struct glint_ranks *r, int32_t rank, int32_t unit)
{
    (void)r;
    (void)rank;
    (void)unit;
    return GLINT_OK;
}

int glint_ranks_assigned(struct glint_ranks *r, int32_t *unit_out, bool *came_out)
{
    (void)r;
    (void)unit_out;
    *came_out = false;
    return GLINT_OK;
}
