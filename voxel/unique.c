/* voxel/unique.c - see unique.h. */
#include "voxel/unique.h"

/* Each position is written where the next run would start, and stays there only if one does: no branch on the
 * data but the one for a full table, which is taken once. */
int32_t glint_unique(const uint32_t *key, int32_t n, int32_t cap, int32_t *start_out)
{
    start_out[0] = 0;
    if (n <= 0 || cap <= 0)
        return 0;
    int32_t run = 0;
    for (int32_t i = 1; i < n; i++) {
        start_out[run + 1] = i;
        run += key[i] != key[i - 1];
        if (run == cap)
            return cap;
    }
    start_out[run + 1] = n;
    return run + 1;
}
