/* eval/semantickitti.c - see semantickitti.h. */
#include "eval/semantickitti.h"
#include "core/bytes.h"
#include <string.h>

static const char *const official_names[GLINT_SEMANTICKITTI_CLASSES] = {
    "unlabeled", "car",          "bicycle", "motorcycle", "truck",    "other-vehicle", "person",
    "bicyclist", "motorcyclist", "road",    "parking",    "sidewalk", "other-ground",  "building",
    "fence",     "vegetation",   "trunk",   "terrain",    "pole",     "traffic-sign"};
static const uint8_t official_class[GLINT_SEMANTICKITTI_CLASSES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                                    10, 11, 12, 13, 14, 15, 16, 17, 18, 19};
const struct glint_semantickitti_scheme glint_semantickitti_official = {GLINT_SEMANTICKITTI_CLASSES,
                                                                        official_names, official_class};

enum { NONE, GROUND, VEGETATION, BUILDING, POLE, VEHICLE, PEDESTRIAN, CYCLIST, COARSE };
static const char *const coarse_names[COARSE] = {"unlabeled", "ground",  "vegetation", "building",
                                                 "pole",      "vehicle", "pedestrian", "cyclist"};
static const uint8_t coarse_class[GLINT_SEMANTICKITTI_CLASSES] = {
    NONE,   VEHICLE, CYCLIST, CYCLIST,  VEHICLE,  VEHICLE,    PEDESTRIAN, CYCLIST, CYCLIST, GROUND,
    GROUND, GROUND,  GROUND,  BUILDING, BUILDING, VEGETATION, VEGETATION, GROUND,  POLE,    POLE};
const struct glint_semantickitti_scheme glint_semantickitti_coarse = {COARSE, coarse_names, coarse_class};

static const struct {
    uint16_t label;
    uint8_t class;
} map[] = {{0, 0},   {1, 0},   {10, 1},  {11, 2},  {13, 5},  {15, 3},  {16, 5},  {18, 4},  {20, 5},
           {30, 6},  {31, 7},  {32, 8},  {40, 9},  {44, 10}, {48, 11}, {49, 12}, {50, 13}, {51, 14},
           {52, 0},  {60, 9},  {70, 15}, {71, 16}, {72, 17}, {80, 18}, {81, 19}, {99, 0},  {252, 1},
           {253, 7}, {254, 6}, {255, 8}, {256, 5}, {257, 5}, {258, 4}, {259, 5}};
#define N_LABELS   (sizeof map / sizeof map[0])
#define MOST_LABEL 259

int32_t glint_semantickitti_class_of(uint32_t label)
{
    for (size_t i = 0; i < N_LABELS; i++)
        if (map[i].label == (label & 0xffff))
            return map[i].class;
    return -1;
}

/* The first in the map is the one that does not move, and of several kinds the one named like the class,
 * except for other-vehicle, where buses and trains come first. */
uint16_t glint_semantickitti_label_of(int32_t official)
{
    if (official == 5)
        return 20;
    for (size_t i = 0; i < N_LABELS; i++)
        if (map[i].class == official)
            return map[i].label;
    return 0;
}

static int32_t named(const struct glint_semantickitti_scheme *scheme, const char *name)
{
    for (int32_t i = 0; i < scheme->n_classes; i++)
        if (strcmp(scheme->names[i], name) == 0)
            return i;
    return -1;
}

int glint_semantickitti_scheme_of(const char *const *names, int32_t n,
                                  const struct glint_semantickitti_scheme **out, uint8_t *class_out)
{
    static const struct glint_semantickitti_scheme *const schemes[] = {&glint_semantickitti_official,
                                                                       &glint_semantickitti_coarse};
    for (int s = 0; s < 2; s++) {
        int32_t n_known = 0, n_classes = 0;
        for (int32_t i = 0; i < n; i++) {
            const int32_t c = named(schemes[s], names[i]);
            class_out[i] = (uint8_t)(c < 0 ? 0 : c);
            n_known += c >= 0;
            n_classes += c > 0;
        }
        *out = schemes[s];
        if (n_classes > 0 && (s == 1 || n_known == n))
            return GLINT_OK;
    }
    return glint_fail(
        GLINT_E_UNSUPPORTED,
        "the model's point classes are neither SemanticKITTI's nor ground, vegetation, building, pole, "
        "vehicle, pedestrian, cyclist");
}

/* ---- counting ---- */

/* Class + 1 per label 0..MOST_LABEL, 0 where there is none: a table, as scans have 120 thousand points. */
static void fill_table(uint8_t table[MOST_LABEL + 1], const uint8_t *class_of)
{
    memset(table, 0, MOST_LABEL + 1);
    for (size_t i = 0; i < N_LABELS; i++)
        table[map[i].label] = (uint8_t)(1 + class_of[map[i].class]);
}

static int check_labels(struct glint_label_bytes file, const uint8_t *table)
{
    for (size_t i = 0; i < file.size / 4; i++) {
        const uint32_t label = glint_le32(file.data + 4 * i) & 0xffff;
        if (label > MOST_LABEL || !table[label])
            return glint_fail(GLINT_E_FORMAT, "%s: point %zu: SemanticKITTI has no label %u", file.name, i,
                              label);
    }
    return GLINT_OK;
}

static int check_size(struct glint_label_bytes file, size_t n, const char *of_what)
{
    if (file.size % 4 != 0)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu bytes, expected a multiple of 4", file.name, file.size);
    return file.size / 4 == n ? GLINT_OK
                              : glint_fail(GLINT_E_FORMAT, "%s: %zu labels, but %s has %zu", file.name,
                                           file.size / 4, of_what, n);
}

int glint_semantickitti_add(struct glint_semantickitti_counts *counts, struct glint_label_bytes truth,
                            struct glint_label_bytes found)
{
    uint8_t table[MOST_LABEL + 1];
    fill_table(table, official_class);
    GLINT_TRY(check_size(truth, truth.size / 4, truth.name));
    GLINT_TRY(check_size(found, truth.size / 4, truth.name));
    GLINT_TRY(check_labels(truth, table));
    GLINT_TRY(check_labels(found, table));
    for (size_t i = 0; i < truth.size; i += 4)
        counts->n[table[glint_le32(truth.data + i) & 0xffff] - 1]
                 [table[glint_le32(found.data + i) & 0xffff] - 1]++;
    return GLINT_OK;
}

int glint_semantickitti_add_classes(struct glint_semantickitti_counts *counts,
                                    const struct glint_semantickitti_scheme *scheme,
                                    struct glint_label_bytes truth, const uint8_t *found, int32_t n_found)
{
    uint8_t table[MOST_LABEL + 1];
    fill_table(table, scheme->class_of);
    GLINT_TRY(check_size(truth, (size_t)n_found, "the scan"));
    GLINT_TRY(check_labels(truth, table));
    for (int32_t i = 0; i < n_found; i++)
        counts->n[table[glint_le32(truth.data + 4 * (size_t)i) & 0xffff] - 1]
                 [found[i] < scheme->n_classes ? found[i] : 0]++;
    return GLINT_OK;
}

/* Points whose truth is class 0 do not count; a 0 that was found where the truth is another class is missed.
 */
void glint_semantickitti_finish(const struct glint_semantickitti_counts *counts, int32_t n_classes,
                                struct glint_semantickitti_iou *out)
{
    int64_t right = 0, all = 0;
    *out = (struct glint_semantickitti_iou){0};
    for (int32_t c = 1; c < n_classes; c++) {
        int64_t in_truth = 0, in_found = 0;
        for (int32_t k = 0; k < n_classes; k++) {
            in_truth += counts->n[c][k];
            in_found += k > 0 ? counts->n[k][c] : 0;
        }
        const int64_t both = counts->n[c][c], either = in_truth + in_found - both;
        out->points[c] = in_truth;
        out->iou[c] = either > 0 ? (double)both / (double)either : 0;
        out->iou_mean += out->iou[c] / (n_classes - 1);
        right += both;
        all += in_found; /* as published: of what was found, not of the truth */
    }
    out->accuracy = all > 0 ? (double)right / (double)all : 0;
}
