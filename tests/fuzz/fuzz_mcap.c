/* tests/fuzz/fuzz_mcap.c - MCAP files as inputs: every packet and every point that comes must be sane. */
#include "tests/fuzz/fuzz.h"
#include "core/frame.h"
#include "ros/source_bag.h"
#include <math.h>

#define MOST 100000 /* packets or frames of one input: each takes some of its bytes */

static unsigned sum; /* of packets' bytes, so that all are read */

static int next(struct glint_source *source, struct glint_frame *frame)
{
    struct glint_packet p;
    if (source->ops->next_frame) {
        frame->points.n = 0;
        return source->ops->next_frame(source, frame);
    }
    const int status = source->ops->next_packet(source, &p);
    for (uint32_t i = 0; status == GLINT_OK && i < p.size; i++)
        sum += p.data[i];
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct glint_frame_pool *pool;
    struct glint_source *source;
    int status = GLINT_OK, n = 0;
    if (!pool && glint_frame_pool_open(1, 1000, 1, &pool) < 0)
        abort();
    uint8_t *block = glint_fuzz_block(data, size);
    if (glint_source_bag_open_memory(block, size, "input", &source) == GLINT_OK) {
        struct glint_frame *frame = glint_frame_get(pool, false);
        while (status != GLINT_E_EOF && n++ < MOST) {
            status = next(source, frame);
            for (int32_t i = 0; i < frame->points.n; i++)
                if (!isfinite(frame->points.x[i]) || !isfinite(frame->points.intensity[i]))
                    abort();
        }
        if (n >= MOST)
            abort();
        glint_frame_unref(frame);
        glint_source_close(source);
    }
    free(block);
    return 0;
}
