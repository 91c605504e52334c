/* model/device_net.h - a network on a CUDA device, as model.c sees it; no CUDA header. Two versions, chosen
 * when linking: model/cuda/net.c, and device_net_none.c in a build without.
 *
 *     glint_device_net_check(net, precision, index);      built, not bound: can it be?
 *     ... bind the weights in float, open the sparse maps ...
 *     glint_device_net_open(&run, &settings, &d);         weights to the device, memory, graphs
 *     glint_device_net_begin(d, frame);                   points on their way; returns at once
 *     glint_device_net_end(d, &run);                      waits for the oldest frame begun: boxes, masks,
 * counts
 */
#ifndef GLINT_MODEL_DEVICE_NET_H
#define GLINT_MODEL_DEVICE_NET_H
#include "glint/model.h"
#include "model/run.h"

#define GLINT_DEVICE_FRAMES 2 /* begun and not ended, at most */

struct glint_device_net;

struct glint_device_net_settings {
    int index; /* of the device */
    enum glint_precision precision;
    bool keep_stages;
};

/* GLINT_E_UNSUPPORTED, with the operation's name, where one has no version for devices; GLINT_E_DEVICE with
 * the reason where there is no such device, or for a precision that devices do not have. */
int glint_device_net_check(const struct glint_net *net, enum glint_precision precision, int index);

/* For the run of a checked net whose weights are bound in float: exec, sparse, config, net, voxels, memory,
 * score and turned are set, and stay until it is closed. Everything that frames need is reserved here.
 * GLINT_E_DEVICE, GLINT_E_NOMEM, GLINT_E_ARG. */
int glint_device_net_open(struct glint_run *run, const struct glint_device_net_settings *settings,
                          struct glint_device_net **out);
void glint_device_net_close(struct glint_device_net *d); /* NULL is fine; frames begun are lost */

/* Copies the frame's points to where the device fetches them, and enqueues its work; the frame's memory may
 * change afterwards, the frame itself gets its results by `end`. GLINT_E_CAPACITY for too many points, or for
 * more than GLINT_DEVICE_FRAMES frames begun: then nothing was. GLINT_E_DEVICE. */
int glint_device_net_begin(struct glint_device_net *d, struct glint_frame *frame);

/* Waits for the oldest frame that was begun, and gives it boxes, masks, health and latencies; run->frame is
 * it, run->cost is its. With keep_stages the tap has seen everything. Allocates nothing. GLINT_E_DEVICE. */
int glint_device_net_end(struct glint_device_net *d, struct glint_run *run);

size_t glint_device_net_bytes(const struct glint_device_net *d);     /* memory of the device that it holds */
const char *glint_device_net_name(const struct glint_device_net *d); /* "cuda:0, NVIDIA H200" */
#endif
