/* sim/names.c - the names of scenes, classes and labels; see sim/sim.h. */
#include "sim/sim.h"

#define NAME(upper, name) #name,

const char *glint_sim_scene_name(enum glint_sim_scene scene)
{
    static const char *const names[] = {GLINT_SIM_SCENE_MAP(NAME)};
    return (unsigned)scene < GLINT_SIM_SCENE_COUNT ? names[scene] : "?";
}

const char *glint_sim_class_name(enum glint_sim_class cls)
{
    static const char *const names[] = {GLINT_SIM_CLASS_MAP(NAME)};
    return (unsigned)cls < GLINT_SIM_CLASS_COUNT ? names[cls] : "?";
}

const char *glint_sim_label_name(enum glint_sim_label label)
{
    static const char *const names[] = {GLINT_SIM_LABEL_MAP(NAME)};
    return (unsigned)label < GLINT_SIM_LABEL_COUNT ? names[label] : "?";
}
