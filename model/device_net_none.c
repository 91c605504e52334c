/* model/device_net_none.c - a build without CUDA; see device_net.h. */
#include "core/status.h"
#include "model/device_net.h"

int glint_device_net_check(const struct glint_net *net, enum glint_precision precision, int index)
{
    (void)net;
    (void)precision;
    return glint_fail(GLINT_E_DEVICE, "device \"cuda:%d\": this build of Glint is without CUDA", index);
}

int glint_device_net_open(struct glint_run *run, const struct glint_device_net_settings *settings,
                          struct glint_device_net **out)
{
    *out = NULL;
    return glint_device_net_check(run->net, settings->precision, settings->index);
}

void glint_device_net_close(struct glint_device_net *d)
{
    (void)d;
}

int glint_device_net_begin(struct glint_device_net *d, struct glint_frame *frame)
{
    (void)d;
    (void)frame;
    return GLINT_E_DEVICE;
}

int glint_device_net_end(struct glint_device_net *d, struct glint_run *run)
{
    (void)d;
    (void)run;
    return GLINT_E_DEVICE;
}

size_t glint_device_net_bytes(const struct glint_device_net *d)
{
    (void)d;
    return 0;
}

const char *glint_device_net_name(const struct glint_device_net *d)
{
    (void)d;
    return "";
}
