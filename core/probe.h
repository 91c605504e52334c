/* core/probe.h - static probes (USDT) for bpftrace, perf and systemtap; nothing where sys/sdt.h
 * (systemtap-sdt-dev) was not there at build time, and one instruction that does nothing where nobody
 * listens. docs/TRACING.md lists them:
 *
 *     stage__begin(name, frame)               a stage begins to work on something; frame -1: not known yet
 *     stage__end(name, frame, ns)             time of its own that a stage has spent
 *     frame__publish(frame, latency_ns, age_ns, boxes)   age_ns INT64_MIN: not known
 *     packet__loss(lost, lost_in_all)         a gap in a sensor's packets */
#ifndef GLINT_CORE_PROBE_H
#define GLINT_CORE_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#define GLINT_PROBES 1
#endif
#endif

#ifdef GLINT_PROBES
#include <sys/sdt.h>
#define GLINT_PROBE2(name, a, b)       DTRACE_PROBE2(glint, name, a, b)
#define GLINT_PROBE3(name, a, b, c)    DTRACE_PROBE3(glint, name, a, b, c)
#define GLINT_PROBE4(name, a, b, c, d) DTRACE_PROBE4(glint, name, a, b, c, d)
#else
#define GLINT_PROBE2(name, a, b)       ((void)0)
#define GLINT_PROBE3(name, a, b, c)    ((void)0)
#define GLINT_PROBE4(name, a, b, c, d) ((void)0)
#endif
#endif
