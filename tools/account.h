/* tools/account.h - what came of a session, for people and as JSON: packets of each sensor, frames, clocks,
 * latency. Live and recorded input have the same account. */
#ifndef GLINT_TOOLS_ACCOUNT_H
#define GLINT_TOOLS_ACCOUNT_H
#include "tools/session.h"
#include <jansson.h>

/* A line per sensor: its packets, frames and clock. */
void glint_account_tell_sensors(const struct glint_session *s);

/* " (3 queue, 1 late)", the reasons of dropped frames; "" when none were. Returns text. */
const char *glint_account_drops(const struct glint_session *s, char *text, size_t size);

/* "packets", "sensors", "frames", "latency_ms" and what tells the run from others; net (may be NULL) under
 * "network". Of each sensor and of all: received = decoded + malformed + foreign. docs/LIVE.md has an
 * example. */
json_t *glint_account_json(struct glint_session *s, const char *command, const struct glint_live_stats *net);
#endif
