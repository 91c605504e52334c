/* ros/bag_folder.c - a folder of rosbag2 as one bag, see bag.h: the files that its metadata.yaml lists, one
 * after the other. Of the YAML only that list is read: rosbag2 writes it a line per file. */
#define _POSIX_C_SOURCE 200809L
#include "ros/bag.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_FILES 4096

struct bag_folder {
    struct glint_bag bag;
    char *files[MOST_FILES];
    int32_t n_files, at;
    struct glint_bag *present;
    int32_t *topic_of; /* of the present file's topics */
};

static void close_bag(struct glint_bag *bag)
{
    struct bag_folder *f = (struct bag_folder *)bag;
    for (int32_t i = 0; i < f->n_files; i++)
        free(f->files[i]);
    glint_bag_close(f->present);
    free(f->topic_of);
    glint_bag_fini(bag);
    free(f);
}

/* A topic of the present file as one of the folder's. */
static int32_t add_from(struct bag_folder *f, const struct glint_bag_topic *t)
{
    return glint_bag_add_topic(&f->bag, (struct glint_bag_text){t->name, strlen(t->name)},
                               (struct glint_bag_text){t->type, strlen(t->type)},
                               (struct glint_bag_text){t->encoding, strlen(t->encoding)});
}

static int open_file(struct bag_folder *f, int32_t at)
{
    glint_bag_close(f->present);
    f->present = NULL;
    free(f->topic_of);
    f->topic_of = NULL;
    GLINT_TRY(glint_bag_open(f->files[at], &f->present));
    f->present->skip_corrupt = f->bag.skip_corrupt;
    f->topic_of = calloc((size_t)f->present->n_topics + 1, sizeof *f->topic_of);
    if (!f->topic_of)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", f->bag.path);
    for (int32_t i = 0; i < f->present->n_topics; i++) {
        f->topic_of[i] = add_from(f, &f->present->topics[i]);
        if (f->topic_of[i] < 0)
            return f->topic_of[i];
        f->present->topics[i].wanted = f->bag.topics[f->topic_of[i]].wanted;
    }
    return GLINT_OK;
}

/* A channel may come that no summary named: it is not wanted, and never given. */
static int next(struct glint_bag *bag, struct glint_bag_message *message_out)
{
    struct bag_folder *f = (struct bag_folder *)bag;
    while (f->at < f->n_files) {
        if (!f->present) {
            const int opened = open_file(f, f->at);
            if (opened < 0) {
                f->at++;
                return opened;
            }
        }
        const int status = glint_bag_next(f->present, message_out);
        if (status == GLINT_OK)
            message_out->topic = f->topic_of[message_out->topic];
        if (status != GLINT_E_EOF)
            return status;
        bag->n_corrupt += f->present->n_corrupt;
        if (f->present->note[0])
            memcpy(bag->note, f->present->note, sizeof bag->note);
        glint_bag_close(f->present);
        f->present = NULL;
        f->at++;
    }
    return GLINT_E_EOF;
}

static double progress(const struct glint_bag *bag)
{
    const struct bag_folder *f = (const struct bag_folder *)bag;
    const double part = f->present ? f->present->ops->progress(f->present) : 0;
    return f->n_files > 0 ? (f->at + part) / f->n_files : 1;
}

static const struct glint_bag_ops ops = {"rosbag2", next, progress, close_bag};

static int add_file(struct bag_folder *f, const char *name, size_t n)
{
    char path[2048];
    if (f->n_files == MOST_FILES)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: more than %d files", f->bag.path, MOST_FILES);
    if (memchr(name, '/', n) || n == 0 || name[0] == '.')
        return glint_fail(GLINT_E_FORMAT,
                          "%s/metadata.yaml: relative_file_paths: expected names of files in it",
                          f->bag.path);
    snprintf(path, sizeof path, "%s/%.*s", f->bag.path, (int)n, name);
    f->files[f->n_files] = strdup(path);
    return f->files[f->n_files++] ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", f->bag.path);
}

/* "    - drive_0.mcap", also in quotes. */
static int take_line(struct bag_folder *f, const char *line)
{
    const char *name = strchr(line, '-') + 1;
    name += strspn(name, " \t");
    const size_t quote = *name == '"' || *name == '\'';
    return add_file(f, name + quote, strcspn(name + quote, "\"'\r\n"));
}

/* "compression_mode: FILE": the files are packed as a whole. */
static int check_compression(const struct bag_folder *f, const char *line)
{
    if (strstr(line, "compression_mode:") && (strstr(line, "FILE") || strstr(line, "file")))
        return glint_fail(
            GLINT_E_UNSUPPORTED,
            "%s: its files are compressed as a whole: unpack them (zstd -d) and let metadata.yaml "
            "name what comes out, without compression_mode",
            f->bag.path);
    return GLINT_OK;
}

static int read_list(struct bag_folder *f)
{
    char path[1100], line[2048];
    bool in_list = false;
    int status = GLINT_OK;
    snprintf(path, sizeof path, "%s/metadata.yaml", f->bag.path);
    FILE *file = fopen(path, "r");
    if (!file)
        return glint_fail(GLINT_E_IO, "%s: cannot open", path);
    while (status == GLINT_OK && fgets(line, sizeof line, file)) {
        const char first = line[strspn(line, " \t")];
        if (in_list && first == '-')
            status = take_line(f, line);
        else if (in_list || strstr(line, "relative_file_paths:"))
            in_list = f->n_files == 0 && strstr(line, "relative_file_paths:") != NULL;
        if (status == GLINT_OK && !in_list)
            status = check_compression(f, line);
    }
    fclose(file);
    if (status == GLINT_OK && f->n_files == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: expected files under relative_file_paths", path);
    return status;
}

/* All topics of all files, and their counts. */
static int list_topics(struct bag_folder *f)
{
    for (int32_t k = 0; k < f->n_files; k++) {
        GLINT_TRY(open_file(f, k));
        const struct glint_bag *p = f->present;
        for (int32_t i = 0; i < p->n_topics; i++)
            f->bag.topics[f->topic_of[i]].n_messages += p->topics[i].n_messages;
        f->bag.first_ns = k == 0 || p->first_ns < f->bag.first_ns ? p->first_ns : f->bag.first_ns;
        f->bag.last_ns = p->last_ns > f->bag.last_ns ? p->last_ns : f->bag.last_ns;
    }
    glint_bag_close(f->present);
    f->present = NULL;
    return GLINT_OK;
}

int glint_bag_folder_open(const char *path, struct glint_bag **bag_out)
{
    struct bag_folder *f = calloc(1, sizeof *f);
    *bag_out = NULL;
    if (!f)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    f->bag.ops = &ops;
    snprintf(f->bag.path, sizeof f->bag.path, "%s", path);
    int status = read_list(f);
    if (status == GLINT_OK)
        status = list_topics(f);
    if (status < 0)
        close_bag(&f->bag);
    else
        *bag_out = &f->bag;
    return status;
}
