/* tools/service.h - a live session as a service: signs of life to the service manager, recording, log
 * rotation.
 *
 *     glint_service_open(&v, &o->service, &session, source);   // session.live and session.reader are set
 *     ... glint_session_run; v.on_frame for each published frame ...
 *     glint_service_end(&v);                                   // the rest is only finishing files
 *     glint_service_json(&v); glint_service_close(&v);
 *
 * All of it happens in the input's thread, which reads packets through this: when that thread hangs, or when
 * a frame does not come out of the pipeline any more, the manager hears nothing and starts the program anew.
 * No timer says that all is well. */
#ifndef GLINT_TOOLS_SERVICE_H
#define GLINT_TOOLS_SERVICE_H
#include "io/pcap_write.h"
#include "tools/notify.h"
#include "tools/session.h"
#include <stdatomic.h>

struct glint_service {        /* start with all zero */
    struct glint_source base; /* what the pipeline reads: the live source, watched */
    struct glint_source *live;
    const struct glint_service_options *options;
    struct glint_session *session;
    struct glint_notify notify;

    struct glint_pcap_writer *record;            /* NULL: none, or failing */
    struct glint_pcap_writer_stats record_stats; /* of writers before */
    char record_path[1024];
    uint64_t record_failures;
    bool record_failing;

    uint64_t n_packets, told_packets;
    int64_t next_ns, next_ping_ns, next_status_ns, last_packet_ns; /* monotonic */
    uint64_t done;                                                 /* frames that came out of the pipeline */
    int64_t done_ns; /* when the last of them did, or when nothing was in it */
    uint64_t told_published;
    int64_t told_ns;
    int32_t hangups;
    bool ending;
    _Atomic uint64_t n_degraded, n_pings;
    _Atomic uint32_t health; /* of the last frame */
};

/* Tells the manager READY (or that packets are waited for), begins to record. 0, or the exit code after a
 * printed line. */
int glint_service_open(struct glint_service *v, const struct glint_service_options *options,
                       struct glint_session *session, struct glint_source *live);

void glint_service_ready(struct glint_service *v);                                  /* READY=1, once */
void glint_service_frame(struct glint_service *v, const struct glint_frame *frame); /* publish's thread */

/* After the run: STOPPING=1, the recording is finished; GLINT_E_IO. */
int glint_service_end(struct glint_service *v);
void glint_service_close(struct glint_service *v);
json_t *glint_service_json(const struct glint_service *v); /* NULL: nothing to tell */
#endif
