/* convert/import.c - see import.h. In order: tensors and configuration are read, the configuration becomes
 * config.json, the network it describes says which tensors it wants, and these are written one by one, as
 * floats in blocks: a checkpoint is never in memory twice. What was written is bound before it gets its name.
 */
#include "convert/import.h"
#include "convert/config_file.h"
#include "convert/match.h"
#include "convert/published.h"
#include "convert/sha256.h"
#include "core/file.h"
#include "core/status.h"
#include "glint/model.h"
#include "model/build.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX 65536 /* bytes of a config.json that we write */
#define BLOCK      16384 /* floats converted at a time */

struct import {
    const struct glint_import_job *job;
    struct glint_weights_file *weights;
    struct glint_json_doc *foreign;
    struct glint_published published;
    struct glint_text config;
    struct glint_model_config parsed;
    struct glint_net net;
    struct glint_match match;
    char arch[32];
    const char *format; /* of the weights file */
    struct glint_import_result *result;
    struct glint_text notes;
    bool made_folder;
};

/* Configuration */

static int read_foreign(struct import *im)
{
    bool python;
    char name[1200];
    if (im->job->config)
        return glint_config_file_load(im->job->config, im->job->base, &im->foreign);
    const char *text = glint_weights_config(im->weights, &python);
    if (!text)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: no \"config\" in it; name the configuration it was trained with by --config",
                          im->job->weights);
    snprintf(name, sizeof name, "%s: %s", im->job->weights, python ? "meta.config" : "metadata config");
    return python ? glint_config_python(name, "", NULL, text, strlen(text), &im->foreign)
                  : glint_json_parse(name, text, strlen(text), &im->foreign);
}

static const char *stem(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = 0;
    return out;
}

static int find_arch(const struct import *im, struct glint_json root, const struct glint_arch **out)
{
    const char *wanted = im->job->arch, *published = im->published.arch;
    if (wanted && published && strcmp(wanted, published))
        return glint_json_fail(root, "a configuration of %s for %s, not for %s", im->published.framework,
                               published, wanted);
    const char *name = wanted ? wanted : published;
    *out = name ? glint_arch_find(name) : glint_arch_recognise(root);
    if (*out && (*out)->convert)
        return GLINT_OK;
    if (name)
        return glint_fail(GLINT_E_FORMAT, "architecture \"%s\" is not known here", name);
    const char *skipped = "";
    if (glint_json_has(root, "_skipped"))
        GLINT_TRY(glint_json_string(root, "_skipped", &skipped));
    return glint_json_fail(root,
                           "its members are those of no architecture known here; name one with --arch%s%s",
                           skipped[0] ? "; not read: " : "", skipped);
}

/* The description of a published configuration as a document for the architecture's convert. */
static int training_doc(struct import *im, struct glint_json_doc **out)
{
    char *text = json_dumps(im->published.training, JSON_COMPACT);
    const char *name = im->job->config ? im->job->config : im->job->weights;
    const int status = text ? glint_json_parse(name, text, strlen(text), out)
                            : glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    free(text);
    return status;
}

/* A config.json of ours stays as it is. */
static int keep_config(struct import *im, struct glint_json root)
{
    char *text = json_dumps(glint_published_node(root), JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    if (!text)
        return glint_fail(GLINT_E_NOMEM, "no memory for a configuration");
    glint_text_add(&im->config, "%s\n", text);
    free(text);
    return GLINT_OK;
}

static int convert_published(struct import *im)
{
    const struct glint_json root = glint_json_root(im->foreign);
    struct glint_json_doc *training = NULL;
    const struct glint_arch *arch = NULL;
    char name[128];
    GLINT_TRY(glint_published_read(
        root, stem(im->job->config ? im->job->config : im->job->weights, name, sizeof name), &im->published));
    GLINT_TRY(find_arch(im, root, &arch));
    if (!im->published.framework)
        return arch->convert(root, &im->config);
    GLINT_TRY(training_doc(im, &training));
    int status = arch->convert(glint_json_root(training), &im->config);
    glint_json_close(training);
    if (status == GLINT_OK && im->config.status == GLINT_OK)
        status = glint_published_overlay(&im->published, &im->config);
    glint_text_add(&im->notes, "- Its configuration is of %s.\n%s", im->published.framework,
                   im->published.notes_data);
    return status;
}

static int make_config(struct import *im)
{
    GLINT_TRY(read_foreign(im));
    const struct glint_json root = glint_json_root(im->foreign);
    GLINT_TRY(glint_json_has(root, "glint") ? keep_config(im, root) : convert_published(im));
    if (im->config.status != GLINT_OK)
        return glint_fail(GLINT_E_FORMAT, "%s: its configuration is longer than %d bytes", im->job->weights,
                          CONFIG_MAX);
    GLINT_TRY(glint_model_config_parse("config.json", im->config.data, im->config.used, &im->parsed));
    snprintf(im->arch, sizeof im->arch, "%s", im->parsed.arch);
    return glint_net_build(&im->parsed, 1, false, &im->net);
}

/* Weights */

static int put_numbers(const struct glint_numbers *numbers, FILE *out)
{
    float block[BLOCK];
    const int64_t n = glint_numbers_count(numbers);
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t step = n - at < BLOCK ? n - at : BLOCK;
        glint_numbers_f32(numbers, at, step, block);
        fwrite(block, sizeof *block, (size_t)step, out); /* a failure shows when the file is committed */
    }
    return GLINT_OK;
}

static int put_tensor(void *ctx, int32_t index, FILE *out)
{
    struct import *im = ctx;
    const struct glint_match_entry *e = &im->match.entries[index];
    struct glint_numbers numbers;
    void *owned;
    GLINT_TRY(glint_weights_numbers(im->weights, e->source, &numbers, &owned));
    im->result->n_converted += numbers.dtype != GLINT_DTYPE_F32;
    glint_numbers_permute(&numbers, e->order, &numbers);
    const int status = put_numbers(&numbers, out);
    free(owned);
    return status;
}

static int write_weights(struct import *im, const char *path)
{
    static const char *const meta[] = {"format", "pt"};
    struct glint_tensor *tensors = calloc((size_t)im->match.n + 1, sizeof *tensors);
    if (!tensors)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d tensors", im->match.n);
    for (int32_t i = 0; i < im->match.n; i++) {
        tensors[i] = im->match.entries[i].wanted;
        tensors[i].name = im->match.entries[i].name;
    }
    const int status = glint_safetensors_write_by(path, tensors, im->match.n, meta, 1, put_tensor, im);
    free(tensors);
    return status;
}

/* As opening the folder would: values too are checked. The message names the file that they are from. */
static int try_weights(struct import *im, const char *path)
{
    struct glint_safetensors *file;
    struct glint_arena weights = {0};
    GLINT_TRY(glint_safetensors_open(path, &file));
    const int status = glint_net_bind(&im->net, file, im->job->weights, &weights, &im->result->n_parameters);
    glint_arena_fini(&weights);
    glint_safetensors_close(file);
    return status;
}

/* Writing */

static int out_path(const struct import *im, const char *name, char *path, size_t size)
{
    if (snprintf(path, size, "%s/%s", im->job->out, name) >= (int)size)
        return glint_fail(GLINT_E_ARG, "%.64s...: path longer than %zu", im->job->out, size - 1);
    return GLINT_OK;
}

static int write_text(const struct import *im, const char *name, const char *text)
{
    char path[1024];
    struct glint_file_out file;
    GLINT_TRY(out_path(im, name, path, sizeof path));
    GLINT_TRY(glint_file_create(&file, path));
    fputs(text, file.stream);
    return glint_file_commit(&file);
}

static void add_names(struct glint_text *text, const char *what, const char *const *names, int32_t n)
{
    if (n)
        glint_text_add(text, "- %s:", what);
    for (int32_t i = 0; i < n; i++)
        glint_text_add(text, "%s %s", i ? "," : "", names[i]);
    if (n)
        glint_text_add(text, ".\n");
}

/* What was read is given back, so that a large file is never in memory whole. */
static void hash_file(const struct glint_file *file, char hash[65])
{
    const size_t step = (size_t)16 << 20;
    struct glint_sha256 sha;
    size_t dropped = 0;
    glint_sha256_begin(&sha);
    for (size_t at = 0; at < file->size; at += step) {
        glint_sha256_add(&sha, file->data + at, file->size - at < step ? file->size - at : step);
        glint_file_done(file, at, &dropped);
    }
    glint_sha256_end(&sha, hash);
}

static int add_source(const struct import *im, struct glint_text *text)
{
    struct glint_file file;
    char hash[65], name[128];
    const char *config = im->job->config, *slash = strrchr(im->job->weights, '/');
    GLINT_TRY(glint_file_open(&file, im->job->weights));
    hash_file(&file, hash);
    glint_text_add(text, "- Source: `%.200s`, %zu bytes, %s, SHA-256 `%s`.\n",
                   slash ? slash + 1 : im->job->weights, file.size, im->format, hash);
    glint_file_close(&file);
    if (config)
        glint_text_add(text, "- Configuration: `%s`.\n", stem(config, name, sizeof name));
    return GLINT_OK;
}

static void note_weights(struct import *im)
{
    int32_t turned = 0;
    for (int32_t i = 0; i < im->match.n; i++)
        turned += im->match.entries[i].turned;
    glint_text_add(&im->notes, "%s", glint_weights_notes(im->weights));
    if (im->result->n_converted)
        glint_text_add(&im->notes, "- %d tensors were not F32 in it and are now.\n", im->result->n_converted);
    if (turned)
        glint_text_add(
            &im->notes,
            "- %d weights of sparse convolutions are as spconv 2 orders them; it had spconv 1's order.\n",
            turned);
    if (im->match.n_counters)
        glint_text_add(&im->notes, "- %d counters of training are left out.\n", im->match.n_counters);
}

static int write_card(struct import *im)
{
    char data[8192];
    struct glint_text text = {.data = data, .cap = sizeof data};
    const struct glint_model_config *c = &im->parsed;
    glint_text_add(&text, "# A %s model\n\nImported by `glint import`.\n\n", im->arch);
    GLINT_TRY(add_source(im, &text));
    glint_text_add(&text, "- Architecture: %s, %d layers, %lld parameters in %d tensors.\n", im->arch,
                   im->net.n_layers, (long long)im->result->n_parameters, im->match.n);
    add_names(&text, "Classes of boxes", c->classes, c->n_classes);
    add_names(&text, "Classes of points", c->point_classes, c->n_point_classes);
    glint_text_add(&text, "- Trained on: not known to the importer.\n- Measured: not yet.\n"
                          "- Licence: that of the imported weights.\n");
    if (im->notes.used)
        glint_text_add(&text, "\n## What was done to it\n\n%s", im->notes.data);
    return write_text(im, "README.md", data);
}

static int make_folder(struct import *im)
{
    im->made_folder = mkdir(im->job->out, 0777) == 0;
    return im->made_folder || errno == EEXIST
               ? GLINT_OK
               : glint_fail(GLINT_E_IO, "%s: cannot make the folder: %s", im->job->out, strerror(errno));
}

/* Weights under another name until they have been bound; a model that was there is none from then on. */
static int write_checked(struct import *im, char *trial, size_t size)
{
    char path[1024], config[1024];
    GLINT_TRY(out_path(im, "config.json", config, sizeof config));
    GLINT_TRY(out_path(im, "model.safetensors", path, sizeof path));
    GLINT_TRY(out_path(im, "model.safetensors.trial", trial, size));
    GLINT_TRY(write_weights(im, trial));
    note_weights(im);
    glint_weights_close(im->weights); /* its memory, before that of the network */
    im->weights = NULL;
    GLINT_TRY(try_weights(im, trial));
    unlink(config);
    if (rename(trial, path) != 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    return GLINT_OK;
}

static int write_folder(struct import *im)
{
    char trial[1024] = "";
    GLINT_TRY(make_folder(im));
    int status = write_checked(im, trial, sizeof trial);
    if (status == GLINT_OK)
        status = write_card(im);
    if (status == GLINT_OK)
        return write_text(im, "config.json", im->config.data); /* last: a folder with it is whole */
    if (trial[0])
        unlink(trial);
    if (im->made_folder)
        rmdir(im->job->out); /* unless something is in it */
    return status;
}

static int import(struct import *im)
{
    GLINT_TRY(glint_weights_open(im->job->weights, &im->weights));
    im->format = glint_weights_format(im->weights);
    GLINT_TRY(make_config(im));
    GLINT_TRY(glint_match_make(&im->match, &im->net, im->weights, im->job->weights));
    return write_folder(im);
}

int glint_import_run(const struct glint_import_job *job, struct glint_import_result *result_out)
{
    struct glint_import_result spare;
    struct import im = {.job = job, .result = result_out ? result_out : &spare};
    *im.result = (struct glint_import_result){0};
    im.config.cap = CONFIG_MAX;
    im.config.data = calloc(1, CONFIG_MAX);
    im.notes = (struct glint_text){.data = im.result->notes, .cap = sizeof im.result->notes};
    const int status =
        im.config.data ? import(&im) : glint_fail(GLINT_E_NOMEM, "%s: no memory", job->weights);
    snprintf(im.result->arch, sizeof im.result->arch, "%s", im.arch);
    im.result->n_layers = im.net.n_layers;
    im.result->n_tensors = im.match.n;
    free(im.config.data);
    glint_match_fini(&im.match);
    glint_net_fini(&im.net);
    glint_model_config_close(&im.parsed);
    glint_published_fini(&im.published);
    glint_json_close(im.foreign);
    glint_weights_close(im.weights);
    return status;
}

int glint_model_import(const char *weights_path, const char *arch, const char *config_path,
                       const char *out_folder)
{
    const struct glint_import_job job = {
        .weights = weights_path, .arch = arch, .config = config_path, .out = out_folder};
    return glint_import_run(&job, NULL);
}
