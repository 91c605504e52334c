/* tools/eval_json.h - the metrics of an evaluation as a JSON document. */
#ifndef GLINT_TOOLS_EVAL_JSON_H
#define GLINT_TOOLS_EVAL_JSON_H
#include "core/json_write.h"

/* Opens an object, has put add its members, and writes it to path; "-" is stdout. GLINT_E_IO, GLINT_E_NOMEM.
 */
int glint_eval_json(const char *path, void (*put)(struct glint_json_writer *w, const void *ctx),
                    const void *ctx);

/* Whether stdout is for JSON, and tables stay away. */
bool glint_eval_json_on_stdout(const char *path);
#endif
