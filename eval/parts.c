/* eval/parts.c - see parts.h. */
#define _POSIX_C_SOURCE 200809L
#include "eval/parts.h"
#include "core/file.h"
#include "core/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct header { /* before the bytes */
    char magic[8];
    uint64_t identity, size;
    uint32_t crc, unit;
};
static const char magic[8] = "glpart1";

static void path_of(const struct glint_parts *p, int32_t unit, const char *ending, char path[1000])
{
    snprintf(path, 1000, "%s/unit_%06d.%s", p->folder, (int)unit, ending);
}

/* Only what this file has named: a wrong --parts folder loses nothing. */
static void remove_all(const struct glint_parts *p)
{
    DIR *folder = opendir(p->folder);
    char path[1300];
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (strncmp(e->d_name, "unit_", 5) != 0 ||
            !(glint_ends_with(e->d_name, ".part") || glint_ends_with(e->d_name, ".running")))
            continue;
        snprintf(path, sizeof path, "%s/%s", p->folder, e->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
}

int glint_parts_open(struct glint_parts *p, const char *folder, uint64_t identity, bool resume)
{
    if (strlen(folder) >= sizeof p->folder)
        return glint_fail(GLINT_E_ARG, "%s: longer than %zu bytes", folder, sizeof p->folder - 1);
    *p = (struct glint_parts){.identity = identity};
    snprintf(p->folder, sizeof p->folder, "%s", folder);
    GLINT_TRY(glint_output_parents(folder));
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return glint_fail(GLINT_E_IO, "%s: %s", folder, strerror(errno));
    if (!resume)
        remove_all(p);
    return GLINT_OK;
}

static int check(const struct glint_parts *p, const struct glint_file *f, int32_t unit, struct header *h)
{
    if (f->size < sizeof *h)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu bytes are no part of an evaluation", f->path, f->size);
    memcpy(h, f->data, sizeof *h);
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->unit != (uint32_t)unit ||
        h->size != f->size - sizeof *h ||
        h->crc != (uint32_t)crc32_z(0, f->data + sizeof *h, (size_t)h->size))
        return glint_fail(GLINT_E_FORMAT, "%s: a damaged part of an evaluation", f->path);
    if (h->identity != p->identity)
        return glint_fail(
            GLINT_E_ARG,
            "%s: of another evaluation (other data, model or options): begin anew without resuming", f->path);
    return GLINT_OK;
}

int glint_parts_read(const struct glint_parts *p, int32_t unit, struct glint_buffer *out)
{
    char path[1000];
    struct glint_file file;
    struct header h;
    path_of(p, unit, "part", path);
    GLINT_TRY(glint_file_open(&file, path));
    const int status = check(p, &file, unit, &h);
    if (status == GLINT_OK)
        glint_buffer_add(out, file.data + sizeof h, (size_t)h.size);
    glint_file_close(&file);
    return status == GLINT_OK && out->failed ? glint_fail(GLINT_E_NOMEM, "%s: no memory", path) : status;
}

int glint_parts_write(const struct glint_parts *p, int32_t unit, const struct glint_buffer *bytes)
{
    char path[1000], mark[1000];
    struct glint_buffer file = {0};
    struct header h = {.identity = p->identity, .size = bytes->size, .unit = (uint32_t)unit};
    memcpy(h.magic, magic, sizeof magic);
    h.crc = (uint32_t)crc32_z(0, bytes->data, bytes->size);
    glint_buffer_add(&file, &h, sizeof h);
    glint_buffer_add(&file, bytes->data, bytes->size);
    path_of(p, unit, "part", path);
    path_of(p, unit, "running", mark);
    const int status = glint_output_write(path, &file);
    glint_buffer_fini(&file);
    if (status == GLINT_OK)
        unlink(mark);
    return status;
}

int glint_parts_mark(const struct glint_parts *p, int32_t unit, const char *who)
{
    char path[1000];
    struct glint_buffer text = {0};
    path_of(p, unit, "running", path);
    glint_buffer_text(&text, who);
    const int status = glint_output_write(path, &text);
    glint_buffer_fini(&text);
    return status;
}

bool glint_parts_marked(const struct glint_parts *p, int32_t unit, char *who_out, size_t size)
{
    char path[1000];
    path_of(p, unit, "running", path);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    const size_t n = fread(who_out, 1, size - 1, f);
    who_out[n] = '\0';
    who_out[strcspn(who_out, "\r\n")] = '\0';
    fclose(f);
    return true;
}

void glint_parts_remove(const struct glint_parts *p)
{
    remove_all(p);
    rmdir(p->folder);
}
