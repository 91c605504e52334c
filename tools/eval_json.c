/* tools/eval_json.c - see eval_json.h. */
#include "tools/eval_json.h"
#include "core/status.h"
#include <stdio.h>
#include <string.h>

bool glint_eval_json_on_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int glint_eval_json(const char *path, void (*put)(struct glint_json_writer *w, const void *ctx),
                    const void *ctx)
{
    struct glint_json_writer w;
    const bool on_stdout = glint_eval_json_on_stdout(path);
    if (on_stdout)
        glint_json_writer_init(&w, 1);
    else
        GLINT_TRY(glint_json_writer_create(&w, path, 1));
    glint_json_put_object(&w, NULL);
    put(&w, ctx);
    glint_json_put_end(&w);
    const int status = glint_json_writer_finish(&w);
    if (on_stdout && status == GLINT_OK)
        fwrite(w.text, 1, w.size, stdout);
    if (on_stdout)
        glint_json_writer_fini(&w);
    return status;
}
