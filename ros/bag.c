/* ros/bag.c - see bag.h: which kind a path is, and what all kinds share. */
#define _POSIX_C_SOURCE 200809L
#include "ros/bag.h"
#include "core/file.h"
#include "ros/mcap.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char sqlite_magic[16] = "SQLite format 3"; /* with its zero */

#define MOST_TOPICS 4096 /* each new one is compared with all */

enum kind { KIND_NONE, KIND_MCAP, KIND_DB3, KIND_FOLDER };

static bool is_rosbag_folder(const char *path)
{
    char name[1200];
    struct stat st;
    snprintf(name, sizeof name, "%s/metadata.yaml", path);
    FILE *f = stat(name, &st) == 0 && S_ISREG(st.st_mode) ? fopen(name, "r") : NULL;
    char line[200] = "";
    const bool there =
        f && fgets(line, sizeof line, f) && strncmp(line, "rosbag2_bagfile_information", 27) == 0;
    if (f)
        fclose(f);
    return there;
}

static enum kind kind_of(const char *path)
{
    struct stat st;
    uint8_t head[16] = {0};
    if (stat(path, &st) != 0)
        return KIND_NONE;
    if (S_ISDIR(st.st_mode))
        return is_rosbag_folder(path) ? KIND_FOLDER : KIND_NONE;
    FILE *f = S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    const size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (n >= GLINT_MCAP_MAGIC_SIZE && memcmp(head, GLINT_MCAP_MAGIC, GLINT_MCAP_MAGIC_SIZE) == 0)
        return KIND_MCAP;
    return n == sizeof head && memcmp(head, sqlite_magic, sizeof head) == 0 ? KIND_DB3 : KIND_NONE;
}

bool glint_bag_probe(const char *path)
{
    return kind_of(path) != KIND_NONE;
}

int glint_bag_open(const char *path, struct glint_bag **bag_out)
{
    struct stat st;
    *bag_out = NULL;
    switch (kind_of(path)) {
    case KIND_MCAP:
        return glint_bag_mcap_open(path, bag_out);
    case KIND_DB3:
        return glint_bag_db3_open(path, bag_out);
    case KIND_FOLDER:
        return glint_bag_folder_open(path, bag_out);
    default:
        return stat(path, &st) != 0
                   ? glint_fail(GLINT_E_NOTFOUND, "%s: not found", path)
                   : glint_fail(GLINT_E_FORMAT,
                                "%s: no recording of messages: expected MCAP, SQLite, or a folder of rosbag2",
                                path);
    }
}

void glint_bag_close(struct glint_bag *bag)
{
    if (bag)
        bag->ops->close(bag);
}

int glint_bag_next(struct glint_bag *bag, struct glint_bag_message *message_out)
{
    return bag->ops->next(bag, message_out);
}

int32_t glint_bag_find(const struct glint_bag *bag, const char *name)
{
    for (int32_t i = 0; i < bag->n_topics; i++)
        if (strcmp(bag->topics[i].name, name) == 0)
            return i;
    return -1;
}

static bool is_text(const char *held, struct glint_bag_text text)
{
    return strlen(held) == text.size && memcmp(held, text.data, text.size) == 0;
}

static char *copy_text(struct glint_bag_text text)
{
    char *copy = malloc(text.size + 1);
    if (!copy)
        return NULL;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return copy;
}

static bool grow(struct glint_bag *bag)
{
    if (bag->n_topics < bag->cap_topics)
        return true;
    const int32_t cap = bag->cap_topics ? 2 * bag->cap_topics : 16;
    struct glint_bag_topic *topics = realloc(bag->topics, (size_t)cap * sizeof *topics);
    if (!topics)
        return false;
    bag->topics = topics;
    bag->cap_topics = cap;
    return true;
}

int32_t glint_bag_add_topic(struct glint_bag *bag, struct glint_bag_text name, struct glint_bag_text type,
                            struct glint_bag_text encoding)
{
    for (int32_t i = 0; i < bag->n_topics; i++)
        if (is_text(bag->topics[i].name, name) && is_text(bag->topics[i].type, type))
            return i;
    if (name.size > GLINT_BAG_NAME || type.size > GLINT_BAG_NAME || encoding.size > GLINT_BAG_NAME)
        return glint_fail(GLINT_E_FORMAT, "%s: a topic's name, type or encoding of more than %d letters",
                          bag->path, GLINT_BAG_NAME);
    if (bag->n_topics == MOST_TOPICS)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: more than %d topics", bag->path, MOST_TOPICS);
    if (!grow(bag))
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for its topics", bag->path);
    struct glint_bag_topic *t = &bag->topics[bag->n_topics];
    *t = (struct glint_bag_topic){
        .name = copy_text(name), .type = copy_text(type), .encoding = copy_text(encoding)};
    bag->n_topics++;
    return t->name && t->type && t->encoding
               ? bag->n_topics - 1
               : glint_fail(GLINT_E_NOMEM, "%s: no memory for its topics", bag->path);
}

void glint_bag_fini(struct glint_bag *bag)
{
    for (int32_t i = 0; i < bag->n_topics; i++) {
        free(bag->topics[i].name);
        free(bag->topics[i].type);
        free(bag->topics[i].encoding);
    }
    free(bag->topics);
}
