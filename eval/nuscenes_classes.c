/* eval/nuscenes_classes.c - see nuscenes_classes.h. */
#include "eval/nuscenes_classes.h"
#include <string.h>

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

static const char *const detection[] = {
    "car",        "truck",      "bus",     "trailer",      "construction_vehicle",
    "pedestrian", "motorcycle", "bicycle", "traffic_cone", "barrier"};
static const double detection_range[] = {50, 50, 50, 50, 50, 40, 40, 40, 30, 30};
static const char *const tracking[] = {"bicycle",    "bus",     "car",  "motorcycle",
                                       "pedestrian", "trailer", "truck"};
static const double tracking_range[] = {40, 50, 50, 40, 40, 50, 50};

static const struct glint_nuscenes_task_info tasks[] = {
    {COUNT(detection), detection, detection_range, "detection_name", "detection_score"},
    {COUNT(tracking), tracking, tracking_range, "tracking_name", "tracking_score"}};

const char *const glint_nuscenes_attributes[] = {
    "cycle.with_rider",    "cycle.without_rider", "pedestrian.moving", "pedestrian.sitting_lying_down",
    "pedestrian.standing", "vehicle.moving",      "vehicle.parked",    "vehicle.stopped"};

const char *const glint_nuscenes_lidarseg[] = {
    "ignore",     "barrier",    "bicycle",      "bus",     "car",       "construction_vehicle",
    "motorcycle", "pedestrian", "traffic_cone", "trailer", "truck",     "driveable_surface",
    "other_flat", "sidewalk",   "terrain",      "manmade", "vegetation"};

static const struct category {
    const char *name, *class;
} categories[] = {{"movable_object.barrier", "barrier"},
                  {"vehicle.bicycle", "bicycle"},
                  {"vehicle.bus.bendy", "bus"},
                  {"vehicle.bus.rigid", "bus"},
                  {"vehicle.car", "car"},
                  {"vehicle.construction", "construction_vehicle"},
                  {"vehicle.motorcycle", "motorcycle"},
                  {"human.pedestrian.adult", "pedestrian"},
                  {"human.pedestrian.child", "pedestrian"},
                  {"human.pedestrian.construction_worker", "pedestrian"},
                  {"human.pedestrian.police_officer", "pedestrian"},
                  {"movable_object.trafficcone", "traffic_cone"},
                  {"vehicle.trailer", "trailer"},
                  {"vehicle.truck", "truck"},
                  /* lidarseg alone */
                  {"flat.driveable_surface", "driveable_surface"},
                  {"flat.other", "other_flat"},
                  {"flat.sidewalk", "sidewalk"},
                  {"flat.terrain", "terrain"},
                  {"static.manmade", "manmade"},
                  {"static.vegetation", "vegetation"}};

const struct glint_nuscenes_task_info *glint_nuscenes_task_info(enum glint_nuscenes_task task)
{
    return &tasks[task];
}

static int32_t find(const char *const *names, int32_t n, const char *name, int32_t length)
{
    for (int32_t i = 0; i < n; i++)
        if ((int32_t)strlen(names[i]) == length && memcmp(names[i], name, (size_t)length) == 0)
            return i;
    return -1;
}

static const char *class_of(const char *category)
{
    for (int32_t i = 0; i < COUNT(categories); i++)
        if (strcmp(categories[i].name, category) == 0)
            return categories[i].class;
    return "";
}

int32_t glint_nuscenes_class_named(enum glint_nuscenes_task task, const char *name, int32_t length)
{
    return find(tasks[task].name, tasks[task].n_classes, name, length);
}

int32_t glint_nuscenes_attribute_named(const char *name, int32_t length)
{
    return find(glint_nuscenes_attributes, GLINT_NUSCENES_ATTRIBUTES, name, length);
}

int32_t glint_nuscenes_class_of(enum glint_nuscenes_task task, const char *category)
{
    const char *name = class_of(category);
    return glint_nuscenes_class_named(task, name, (int32_t)strlen(name));
}

int32_t glint_nuscenes_lidarseg_of(const char *category)
{
    const char *name = class_of(category);
    const int32_t i =
        find(glint_nuscenes_lidarseg, GLINT_NUSCENES_LIDARSEG_CLASSES, name, (int32_t)strlen(name));
    return i < 0 ? 0 : i;
}

int glint_nuscenes_is_cycle(enum glint_nuscenes_task task, int32_t index)
{
    const char *name = tasks[task].name[index];
    return strcmp(name, "bicycle") == 0 || strcmp(name, "motorcycle") == 0;
}
