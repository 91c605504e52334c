/* tools/stub_info.c - until io/capture_info.c is there. */
#include "io/capture_info.h"
#include "core/status.h"
int glint_capture_info_read(const char *path, const struct glint_decoder_settings *s,
                            struct glint_capture_info *i)
{
    (void)s;
    (void)i;
    return glint_fail(GLINT_E_UNSUPPORTED, "%s: captures are not described yet", path);
}
