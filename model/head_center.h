/* model/head_center.h - boxes from the maps of a centre head (Yin et al., Center-based 3D Object Detection
 * and Tracking, CVPR 2021): score, best cells, box of a cell, range; then suppression per class. */
#ifndef GLINT_MODEL_HEAD_CENTER_H
#define GLINT_MODEL_HEAD_CENTER_H
#include "core/box.h"
#include "model/build.h"

/* The branches of the head, in the order of a candidate's raw values; the head's maps are the decode layer's
 * inputs. */
#define GLINT_CENTER_MAP(X)                                                                                  \
    X(REG, reg, 2)       /* place in the cell, cells from its lower corner */                                \
    X(HEIGHT, height, 1) /* centre's z, m */                                                                 \
    X(DIM, dim, 3)       /* logarithms of the sizes along the box's x, y, z */                               \
    X(ROT, rot, 2)       /* sine, cosine of the yaw (clockwise, see below) */                                \
    X(VEL, vel, 2)       /* m/s */                                                                           \
    X(IOU, iou, 1)       /* how well the box fits, 0..1 */                                                   \
    X(HEATMAP, heatmap, 0 /* one per class */)

enum glint_center_branch {
#define GLINT_CENTER_ENUM(upper, name, channels) GLINT_CENTER_##upper,
    GLINT_CENTER_MAP(GLINT_CENTER_ENUM)
#undef GLINT_CENTER_ENUM
        GLINT_CENTER_BRANCHES
};

int32_t glint_center_branch_channels(enum glint_center_branch branch, int32_t n_classes);

#define GLINT_CENTER_BOX 9 /* X Y Z dx dy dz yaw vx vy, as the reference has them */

/* Whose conventions. mmdetection3d (FlatFormer): rot is sine, cosine; yaw clockwise, dy along the heading.
 * OpenPCDet: rot is cosine, sine; yaw counter-clockwise, dx along the heading; other names of branches. */
enum glint_center_style { GLINT_CENTER_MMDET, GLINT_CENTER_PCDET };

struct glint_center { /* of a head's layers */
    enum glint_center_style style;
    bool branch_bias;  /* the branches' first convolutions have one (besides the norm) */
    bool joint;        /* suppression over all classes together, by the rules of class 0 */
    unsigned branches; /* those that there are, 1 << enum glint_center_branch each, for a tap; 0: all */
    float circle; /* > 0: joint suppression by squared distances of centres up to this, m^2, not by IoU */
    int32_t n_classes, top_k;
    float cell[2], origin[2];       /* of the head's map, m */
    float score[GLINT_CLASSES_MAX]; /* least score per class */
    float iou_power;
    bool rectify; /* after the best cells are picked by heat and passed their score: score^(1 - alpha) *
                   * ((iou + 1) / 2 in 0..1)^alpha, alpha of the class (DSVT) */
    float alpha[GLINT_CLASSES_MAX];
    float range[6]; /* of a candidate's centre, m */
    float nms_iou[GLINT_CLASSES_MAX];
    double nms_turn; /* added to a box's yaw before its IoU is taken, radians (a quirk of DSVT) */
    int32_t nms_pre[GLINT_CLASSES_MAX], nms_post[GLINT_CLASSES_MAX]; /* most boxes before and after */
    float nms_range[6]; /* of a box's centre, after suppression, m */
};

/* Boxes in descending score; equal scores by class, then cell. In one block of memory. */
struct glint_candidates {
    int32_t cap, n, n_raw;
    float *box; /* n x 9, Z at the centre */
    float *score;
    int32_t *label;
    int32_t *cell;   /* n x 2: y, x */
    float *raw;      /* n x n_raw: the head's values at the cell, branches in order */
    int32_t *source; /* of detections: index of the candidate */
};

/* Carves arrays for cap boxes from memory (glint_candidates_bytes). */
size_t glint_candidates_bytes(int32_t cap, int32_t n_raw);
void glint_candidates_init(struct glint_candidates *c, void *memory, int32_t cap, int32_t n_raw);

/* Reads the sections "decode" and "nms". GLINT_E_FORMAT. */
int glint_center_config(const struct glint_model_config *config, struct glint_center *center);

/* The best top_k cells over all classes above their class's score: score, label, cell, and of raw the values
 * of the branches whose map is given (the others 0). Needs the heat map; without iou there is no
 * rectification. least_score < 0: center->score. candidates: initialised, cap top_k. */
void glint_center_pick(const struct glint_center *center,
                       const struct glint_map *const maps[GLINT_CENTER_BRANCHES], float least_score,
                       struct glint_candidates *out);

/* The boxes of picked cells from their raw values; those that lie outside of the range, or are no numbers,
 * go. With center->rectify scores change here, the order does not; those not above least_score (< 0: none)
 * go too. */
void glint_center_boxes(const struct glint_center *center, float least_score,
                        struct glint_candidates *candidates);

/* Marks the cells that glint_center_pick would ask for a score: those whose heat alone passes. */
void glint_center_warm(const struct glint_center *center, const struct glint_map *heat, float least_score,
                       struct glint_active *cells);

/* Where a branch's values begin in a row of raw. */
int32_t glint_center_raw_offset(enum glint_center_branch branch, int32_t n_classes);

const char *glint_center_branch_name(enum glint_center_branch branch, enum glint_center_style style);

/* Appends detection i of `in`, its label counted from first_label on. There is room. */
void glint_candidates_take(const struct glint_candidates *in, int32_t i, int32_t first_label,
                           struct glint_candidates *out);

struct glint_center_work { /* memory of glint_center_nms for cap candidates */
    struct glint_rect *rects;
    int32_t *list, *keep;
    void *scratch;
};
size_t glint_center_work_bytes(int32_t cap);
void glint_center_work_init(struct glint_center_work *work, void *memory, int32_t cap);

/* Per class (joint: of all), by descending score, the best nms_pre, greedy suppression by rotated IoU above
 * nms_iou (or by center->circle), the best nms_post; classes one after another; then nms_range. out:
 * initialised as candidates are, no raw values; Z at the centre. */
void glint_center_nms(const struct glint_center *center, const struct glint_candidates *in,
                      const struct glint_center_work *work, struct glint_candidates *out);

/* Adds the layer that finds the cells whose heat alone passes a score; returns their value, for
 * glint_build_center_branch. */
int32_t glint_build_center_gate(struct glint_build *b, const struct glint_center *center, int32_t heat);

/* Adds the layers that pick the cells, from the maps that there are (-1: none; the heat map is), and returns
 * the value of the candidates. The IoU's may be that of a branch at the gate's cells. */
int32_t glint_build_center_pick(struct glint_build *b, const struct glint_center *center,
                                const int32_t maps[GLINT_CENTER_BRANCHES]);

/* Adds a branch that is computed at the picked (or the gate's) cells only: 3x3 to `hidden` channels with norm
 * and ReLU, 3x3 with bias; returns its map, defined there only. The same bits as the whole maps would have.
 * Tensors: PREFIX.0.conv, PREFIX.0.bn, PREFIX.1; of OpenPCDet PREFIX.0.0, PREFIX.0.1, PREFIX.1. */
int32_t glint_build_center_branch(struct glint_build *b, const struct glint_center *center,
                                  enum glint_center_branch branch, const char *prefix, double norm_eps,
                                  int32_t shared, int32_t hidden, int32_t candidates);

/* The same two convolutions over the whole map, through the map `hidden`; returns the map NAME. */
int32_t glint_build_center_map(struct glint_build *b, const struct glint_center *center,
                               enum glint_center_branch branch, const char *prefix, double norm_eps,
                               int32_t shared, int32_t hidden, const char *name);

/* All branches of a head, after its shared convolution: the heat map as a whole (and the IoU's, where it
 * counts for which cells are picked), the others at the picked cells only; a tap sees all of them whole.
 * Returns the value of the candidates, with all values. */
struct glint_center_branches {
    const struct glint_center *center; /* its branches and style say which there are and their names */
    char prefix[40], name[16];         /* tensors PREFIX.<branch>...; maps NAME.<branch> */
    double norm_eps;
    int32_t shared, hidden; /* the shared map; one that whole branches go through */
};
int32_t glint_build_center_branches(struct glint_build *b, const struct glint_center_branches *h);

/* Adds the layers from candidates with all values to the frame's boxes. */
void glint_build_center_boxes(struct glint_build *b, const struct glint_center *center, int32_t candidates);

/* The same for head `head` of several, up to its detections, whose value is returned; and the layer that
 * joins the heads' detections, in their order, to the frame's boxes. first_label: of each head's classes
 * among all. show_circle: a tap sees what circle suppression with this radius keeps too; 0: not. */
#define GLINT_CENTER_HEADS GLINT_LAYER_VALUES
int32_t glint_build_center_head(struct glint_build *b, const struct glint_center *center, int32_t candidates,
                                int32_t head, int32_t first_label, float show_circle);
void glint_build_center_join(struct glint_build *b, const struct glint_center *heads, int32_t n_heads,
                             const int32_t *detections, const int32_t *first_label);

/* A box of a centre head as everything outside of the model room has it. */
void glint_center_box(enum glint_center_style style, const float box[GLINT_CENTER_BOX], float score,
                      int32_t label, struct glint_box *out);
#endif
