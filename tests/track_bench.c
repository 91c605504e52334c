/* tests/track_bench.c - tracks of a drive against its labels, beside those of a plain nearest-centre tracker:
 *
 *     track_bench LABELS.jsonl DETECTIONS.jsonl TRACKS.jsonl [poses]     what glint run wrote without and
 * with --track track_bench argoverse FOLDER [poses]                               its annotations, degraded
 * into detections
 *
 * Prints a line per tracker; "poses": the nearest-centre tracker works in the world (of the lines' "ego").
 * MOTA and switches are over objects with 5 points or more within 50 m. */
#include "tests/argoverse.h"
#include "tests/mota.h"
#include <jansson.h>

static struct mota_object object[MOTA_BOXES];
static struct glint_box boxes[MOTA_BOXES * 2];

static int32_t label_of(const char *name)
{
    for (int32_t i = 0; i < 4; i++)
        if (strcmp(name, street_classes[i]) == 0)
            return i;
    return 0;
}

static float number(json_t *array, size_t i)
{
    return (float)json_number_value(json_array_get(array, i));
}

static struct glint_box box_of(json_t *o)
{
    struct glint_box b = {.label = label_of(json_string_value(json_object_get(o, "label"))), .id = -1};
    for (size_t k = 0; k < 3; k++) {
        b.center[k] = number(json_object_get(o, "center"), k);
        b.size[k] = number(json_object_get(o, "size"), k);
    }
    b.yaw = (float)json_number_value(json_object_get(o, "yaw"));
    b.score = (float)json_number_value(json_object_get(o, "score"));
    if (json_object_get(o, "id"))
        b.id = (int32_t)json_integer_value(json_object_get(o, "id"));
    return b;
}

static int32_t read_objects(json_t *line)
{
    json_t *list = json_object_get(line, "boxes");
    int32_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < MOTA_BOXES; i++, n++) {
        json_t *o = json_array_get(list, i);
        object[n] = (struct mota_object){.box = box_of(o),
                                         .track = (int32_t)json_integer_value(json_object_get(o, "track"))};
        object[n].counts = json_integer_value(json_object_get(o, "points")) >= 5 &&
                           hypotf(object[n].box.center[0], object[n].box.center[1]) <= 50;
    }
    return n;
}

static void read_frame(json_t *line, struct glint_frame *f)
{
    json_t *list = json_object_get(line, "boxes"), *ego = json_object_get(line, "ego");
    *f = (struct glint_frame){.boxes = boxes, .cap_boxes = MOTA_BOXES * 2};
    for (size_t i = 0; i < json_array_size(list) && i < MOTA_BOXES; i++)
        boxes[f->n_boxes++] = box_of(json_array_get(list, i));
    f->has_pose = ego != NULL;
    for (size_t k = 0; k < 4 && ego; k++) {
        f->pose_rotation[k] = json_number_value(json_array_get(json_object_get(ego, "rotation"), k));
        if (k < 3)
            f->pose_position[k] = json_number_value(json_array_get(json_object_get(ego, "position"), k));
    }
}

static void print(const char *name, const struct mota *m)
{
    printf("%-28s MOTA %6.3f  missed %5lld  false %5lld  switches %4lld  of %lld; mean distance %.3f m\n",
           name, mota_value(m), (long long)m->missed, (long long)m->false_boxes, (long long)m->switches,
           (long long)m->objects, m->matches ? m->distance / (double)m->matches : 0);
}

static json_t *next_line(FILE *f)
{
    static char line[1 << 22];
    return fgets(line, sizeof line, f) ? json_loads(line, 0, NULL) : NULL;
}

static int32_t undetected[MOTA_OBJECTS], seen[MOTA_OBJECTS];

/* Which objects the detections have, within 2 m. */
static void note_detected(int32_t n, const struct glint_frame *f)
{
    for (int32_t i = 0; i < n; i++) {
        double least = 2;
        for (int32_t k = 0; k < f->n_boxes; k++)
            least = fmin(least, mota_apart(&object[i].box, &f->boxes[k]));
        seen[object[i].track]++;
        undetected[object[i].track] += least >= 2;
    }
}

static void print_throughout(const struct mota *ours, const struct mota *plain)
{
    int n = 0, changed = 0, plain_changed = 0;
    for (int i = 0; i < MOTA_OBJECTS; i++) {
        if (seen[i] < 10 || undetected[i] > 0)
            continue;
        n++;
        changed += ours->of[i].switches > 0;
        plain_changed += plain->of[i].switches > 0;
    }
    printf("detected in all of 10 frames or more: %d objects, id changed: %d, nearest %d\n", n, changed,
           plain_changed);
}

static int of_lines(char **path)
{
    static struct mota ours, plain[3];
    static struct nearest nearest[3];
    FILE *f[3];
    for (int i = 0; i < 3; i++)
        if (!(f[i] = fopen(path[i], "r")))
            return 1;
    for (int i = 0; i < 3; i++) {
        const double reach[][4] = {{1, 0.5, 1, 1.5}, {2, 1, 2, 2}, {4, 1, 3, 4}};
        memcpy(nearest[i].reach_m, reach[i], sizeof reach[i]);
    }
    for (json_t *l; (l = next_line(f[0])) != NULL;) {
        struct glint_frame frame;
        const int32_t n = read_objects(l);
        json_t *d = next_line(f[1]), *t = next_line(f[2]);
        read_frame(d, &frame);
        note_detected(n, &frame);
        for (int i = 0; i < 3; i++) {
            read_frame(d, &frame);
            nearest_run(&nearest[i], &frame, 0.1);
            mota_frame(&plain[i], object, n, boxes, frame.n_boxes);
        }
        read_frame(t, &frame);
        mota_frame(&ours, object, n, boxes, frame.n_boxes);
        json_decref(l);
        json_decref(d);
        json_decref(t);
    }
    print("glint", &ours);
    print("nearest centre, 1 m", &plain[0]);
    print("nearest centre, 2 m", &plain[1]);
    print("nearest centre, 4 m", &plain[2]);
    print_throughout(&ours, &plain[2]);
    for (int i = 0; i < 3; i++)
        fclose(f[i]);
    return 0;
}

static int of_argoverse(const char *folder, bool poses)
{
    static struct argoverse a;
    if (!argoverse_read(&a, folder))
        return 1;
    for (int kind = 0; kind < 3; kind++) {
        struct argoverse_result r;
        argoverse_track(&a, &argoverse_noises[kind], poses, 1, &r);
        printf("%s:\n", argoverse_noises[kind].name);
        print("  glint", &r.ours);
        print("  nearest centre, best reach", &r.nearest);
        printf("  detected throughout: %d objects, id changed: %d, nearest %d\n", r.throughout, r.changed,
               r.nearest_changed);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "argoverse") == 0)
        return of_argoverse(argv[2], argc > 3);
    return argc == 4 ? of_lines(argv + 1) : 2;
}
