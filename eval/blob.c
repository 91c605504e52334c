/* eval/blob.c - see blob.h. */
#include "eval/blob.h"
#include <string.h>

int glint_blob_view(struct glint_blob *blob, size_t n, const void **bytes_out)
{
    if (n > blob->size - blob->at)
        return glint_fail(GLINT_E_FORMAT,
                          "a part of the evaluation ends at byte %zu, where %zu more were expected",
                          blob->size, n);
    *bytes_out = blob->data + blob->at;
    blob->at += n;
    return GLINT_OK;
}

int glint_blob_read(struct glint_blob *blob, void *bytes_out, size_t n)
{
    const void *bytes;
    GLINT_TRY(glint_blob_view(blob, n, &bytes));
    if (n > 0)
        memcpy(bytes_out, bytes, n);
    return GLINT_OK;
}
