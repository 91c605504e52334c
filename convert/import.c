/* convert/import.c - a model folder from a weights file and the configuration it was trained with: config.json
 * in our terms, model.safetensors with the same tensors, README.md. What is written has been built and bound
 * before. */
#include "core/file.h"
#include "core/procedural.h"
#include "core/status.h"
#include "glint/model.h"
#include "model/build.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_MAX 65536 /* bytes of a config.json that we write */

struct import {
    const char *weights_path, *out_folder;
    struct glint_safetensors *weights;
    struct glint_json_doc *foreign;
    const struct glint_arch *arch;
    struct glint_text config;
    int32_t n_layers;
    int64_t n_parameters;
};

static int read_foreign(struct import *im, const char *config_path)
{
    if (config_path)
        return glint_json_load(config_path, &im->foreign);
    const char *text = glint_safetensors_metadata(im->weights, "config");
    char name[1200];
    if (!text)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: no \"config\" in its metadata; name a configuration file with --config",
                          im->weights_path);
    snprintf(name, sizeof name, "%s: metadata config", im->weights_path);
    return glint_json_parse(name, text, strlen(text), &im->foreign);
}

static int find_arch(struct import *im, const char *arch)
{
    const struct glint_json root = glint_json_root(im->foreign);
    im->arch = arch ? glint_arch_find(arch) : glint_arch_recognise(root);
    if (im->arch && im->arch->convert)
        return GLINT_OK;
    if (arch)
        return glint_fail(GLINT_E_FORMAT, "architecture \"%s\" is not known here", arch);
    return glint_json_fail(root, "its members are those of no architecture known here; name one with --arch");
}

/* Builds and binds the network, as opening the folder would. */
static int try_model(struct import *im)
{
    struct glint_model_config config;
    struct glint_net net = {0};
    struct glint_arena weights = {0};
    GLINT_TRY(glint_model_config_parse("config.json", im->config.data, im->config.used, &config));
    int status = glint_net_build(&config, 1, false, &net);
    if (status == GLINT_OK)
        status = glint_net_bind(&net, im->weights, im->weights_path, &weights, &im->n_parameters);
    im->n_layers = net.n_layers;
    glint_arena_fini(&weights);
    glint_net_fini(&net);
    glint_model_config_close(&config);
    return status;
}

/* Writing */

static int out_path(const struct import *im, const char *name, char *path, size_t size)
{
    if (snprintf(path, size, "%s/%s", im->out_folder, name) >= (int)size)
        return glint_fail(GLINT_E_ARG, "%.64s...: path longer than %zu", im->out_folder, size - 1);
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

static int write_weights(const struct import *im)
{
    static const char *const meta[] = {"format", "pt"};
    const int32_t n = glint_safetensors_count(im->weights);
    char path[1024];
    GLINT_TRY(out_path(im, "model.safetensors", path, sizeof path));
    struct glint_tensor *tensors = calloc((size_t)n + 1, sizeof *tensors);
    if (!tensors)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d tensors", n);
    for (int32_t i = 0; i < n; i++)
        tensors[i] = *glint_safetensors_at(im->weights, i);
    const int status = glint_safetensors_write(path, tensors, n, meta, 1);
    free(tensors);
    return status;
}

static int write_card(const struct import *im)
{
    char data[4096];
    struct glint_text text = {.data = data, .cap = sizeof data};
    const char *slash = strrchr(im->weights_path, '/');
    glint_text_add(&text,
                   "# A %s model\n\nImported by `glint import` from `%.200s`.\n\n"
                   "- Architecture: %s, %d layers, %lld parameters.\n"
                   "- Trained on: not known to the importer.\n- Measured: not yet.\n"
                   "- Licence: that of the imported weights.\n",
                   im->arch->name, slash ? slash + 1 : im->weights_path, im->arch->name, im->n_layers,
                   (long long)im->n_parameters);
    return write_text(im, "README.md", data);
}

static int write_folder(const struct import *im)
{
    if (mkdir(im->out_folder, 0777) != 0 && errno != EEXIST)
        return glint_fail(GLINT_E_IO, "%s: cannot make the folder: %s", im->out_folder, strerror(errno));
    GLINT_TRY(write_weights(im));
    GLINT_TRY(write_card(im));
    return write_text(im, "config.json", im->config.data); /* last: a folder with it is whole */
}

static int import(struct import *im, const char *arch, const char *config_path)
{
    GLINT_TRY(glint_safetensors_open(im->weights_path, &im->weights));
    GLINT_TRY(glint_procedural_expand(im->weights, im->weights_path));
    GLINT_TRY(read_foreign(im, config_path));
    GLINT_TRY(find_arch(im, arch));
    GLINT_TRY(im->arch->convert(glint_json_root(im->foreign), &im->config));
    if (im->config.status != GLINT_OK)
        return glint_fail(GLINT_E_FORMAT, "%s: its configuration is longer than %d bytes", im->weights_path,
                          CONFIG_MAX);
    GLINT_TRY(try_model(im));
    return write_folder(im);
}

int glint_model_import(const char *weights_path, const char *arch, const char *config_path,
                       const char *out_folder)
{
    struct import im = {.weights_path = weights_path, .out_folder = out_folder};
    im.config.cap = CONFIG_MAX;
    im.config.data = calloc(1, CONFIG_MAX);
    const int status = im.config.data ? import(&im, arch, config_path)
                                      : glint_fail(GLINT_E_NOMEM, "%s: no memory", weights_path);
    free(im.config.data);
    glint_json_close(im.foreign);
    glint_safetensors_close(im.weights);
    return status;
}
