/* eval/ranks_mpi.c - ranks over MPI; see ranks.h. A message is a head of three numbers and its byte count,
 * then the bytes in pieces that fit MPI's int. */
#define _POSIX_C_SOURCE 200809L
#include "eval/ranks.h"
#include <mpi.h>
#include <string.h>

enum { TAG_HEAD = 1, TAG_BYTES, TAG_ASSIGN };
#define PIECE ((size_t)1 << 28)

static bool opened;

static int check(int code, const char *what)
{
    char text[MPI_MAX_ERROR_STRING];
    int n = 0;
    if (code == MPI_SUCCESS)
        return GLINT_OK;
    MPI_Error_string(code, text, &n);
    return glint_fail(GLINT_E_DEVICE, "MPI: %s: %.*s", what, n, text);
}

int glint_ranks_open(struct glint_ranks *ranks_out)
{
    int rank = 0, n = 1, level;
    *ranks_out = (struct glint_ranks){0, 1};
    if (!glint_ranks_launched())
        return GLINT_OK;
    if (opened)
        return glint_fail(GLINT_E_ARG, "MPI: a process takes part in one evaluation");
    opened = true;
    GLINT_TRY(check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), "init"));
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    GLINT_TRY(check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "rank"));
    GLINT_TRY(check(MPI_Comm_size(MPI_COMM_WORLD, &n), "size"));
    *ranks_out = (struct glint_ranks){rank, n};
    return GLINT_OK;
}

void glint_ranks_close(struct glint_ranks *ranks)
{
    if (ranks->n > 1)
        MPI_Finalize();
}

int glint_ranks_send(struct glint_ranks *r, const struct glint_ranks_message *m,
                     const struct glint_buffer *bytes)
{
    const int64_t head[3] = {m->unit, m->status, bytes ? (int64_t)bytes->size : 0};
    (void)r;
    GLINT_TRY(check(MPI_Send(head, 3, MPI_INT64_T, 0, TAG_HEAD, MPI_COMM_WORLD), "send"));
    for (size_t at = 0; at < (size_t)head[2]; at += PIECE) {
        const size_t n = (size_t)head[2] - at < PIECE ? (size_t)head[2] - at : PIECE;
        GLINT_TRY(check(MPI_Send(bytes->data + at, (int)n, MPI_BYTE, 0, TAG_BYTES, MPI_COMM_WORLD), "send"));
    }
    return GLINT_OK;
}

static int receive_bytes(int from, size_t size, struct glint_buffer *bytes)
{
    uint8_t *to = glint_buffer_room(bytes, size);
    if (!to)
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes of rank %d", size, from);
    for (size_t at = 0; at < size; at += PIECE) {
        const size_t n = size - at < PIECE ? size - at : PIECE;
        GLINT_TRY(
            check(MPI_Recv(to + at, (int)n, MPI_BYTE, from, TAG_BYTES, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                  "receive"));
    }
    bytes->size += size;
    return GLINT_OK;
}

int glint_ranks_poll(struct glint_ranks *r, struct glint_ranks_message *m_out, struct glint_buffer *bytes,
                     bool *came_out)
{
    int there = 0;
    MPI_Status status;
    int64_t head[3];
    *came_out = false;
    if (r->n == 1)
        return GLINT_OK;
    GLINT_TRY(check(MPI_Iprobe(MPI_ANY_SOURCE, TAG_HEAD, MPI_COMM_WORLD, &there, &status), "probe"));
    if (!there)
        return GLINT_OK;
    const int from = status.MPI_SOURCE;
    GLINT_TRY(
        check(MPI_Recv(head, 3, MPI_INT64_T, from, TAG_HEAD, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "receive"));
    *m_out = (struct glint_ranks_message){from, (int32_t)head[0], (int32_t)head[1]};
    *came_out = true;
    return head[2] > 0 ? receive_bytes(from, (size_t)head[2], bytes) : GLINT_OK;
}

int glint_ranks_assign(struct glint_ranks *r, int32_t rank, int32_t unit)
{
    (void)r;
    return check(MPI_Send(&unit, 1, MPI_INT32_T, rank, TAG_ASSIGN, MPI_COMM_WORLD), "send");
}

int glint_ranks_assigned(struct glint_ranks *r, int32_t *unit_out, bool *came_out)
{
    int there = 0;
    (void)r;
    GLINT_TRY(check(MPI_Iprobe(0, TAG_ASSIGN, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE), "probe"));
    *came_out = there != 0;
    if (!there)
        return GLINT_OK;
    return check(MPI_Recv(unit_out, 1, MPI_INT32_T, 0, TAG_ASSIGN, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                 "receive");
}
