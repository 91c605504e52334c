/* eval/report_text.h - appending to a page, for the files of the report. */
#ifndef GLINT_EVAL_REPORT_TEXT_H
#define GLINT_EVAL_REPORT_TEXT_H
#include "core/status.h"
#include "io/output.h"

/* Formatted markup of at most some 500 bytes; nothing in the arguments is escaped. */
void glint_report_put(struct glint_buffer *b, const char *fmt, ...) GLINT_PRINTF(2, 3);

/* Text with & < > " escaped, and control characters left out. */
void glint_report_escape(struct glint_buffer *b, const char *text);

/* Bytes as base64. */
void glint_report_base64(struct glint_buffer *b, const uint8_t *data, size_t size);
#endif
