/* io/nuscenes_splits.c - which scenes are in which split; see nuscenes_tables.h.
 *
 * The numbers of scenes ("scene-0103" is 103) as published with the dataset: 700 train, 150 val, 150 test; of
 * the mini set 8 train and 2 val. Runs of numbers, rising. */
#include "io/nuscenes_tables.h"
#include <string.h>

struct range {
    uint16_t first, last;
};
static const struct range train[] = {
    {1, 2},     {4, 11},    {19, 34},   {41, 76},    {120, 135},   {138, 139},   {149, 152},  {154, 155},
    {157, 168}, {170, 185}, {187, 188}, {190, 196},  {199, 200},   {202, 204},   {206, 214},  {218, 220},
    {222, 222}, {224, 264}, {283, 306}, {315, 318},  {321, 321},   {323, 324},   {328, 328},  {347, 386},
    {388, 403}, {405, 408}, {410, 459}, {461, 465},  {467, 469},   {471, 472},   {474, 480},  {499, 502},
    {504, 515}, {517, 518}, {525, 539}, {541, 546},  {566, 566},   {568, 568},   {570, 578},  {580, 580},
    {582, 600}, {639, 679}, {681, 681}, {683, 689},  {695, 698},   {700, 701},   {703, 719},  {726, 728},
    {730, 731}, {733, 741}, {744, 744}, {746, 747},  {749, 752},   {757, 765},   {767, 769},  {786, 787},
    {789, 792}, {803, 806}, {808, 813}, {815, 817},  {819, 822},   {847, 856},   {858, 858},  {860, 866},
    {868, 873}, {875, 878}, {880, 880}, {882, 903},  {945, 945},   {947, 947},   {949, 949},  {952, 953},
    {955, 961}, {975, 984}, {988, 992}, {994, 1025}, {1044, 1058}, {1074, 1102}, {1104, 1110}};
static const struct range val[] = {{3, 3},     {12, 18},    {35, 36},   {38, 39},   {92, 110},  {221, 221},
                                   {268, 278}, {329, 332},  {344, 346}, {519, 524}, {552, 565}, {625, 627},
                                   {629, 630}, {632, 638},  {770, 771}, {775, 775}, {777, 778}, {780, 784},
                                   {794, 800}, {802, 802},  {904, 917}, {919, 931}, {962, 963}, {966, 969},
                                   {971, 972}, {1059, 1073}};
static const struct range test[] = {{77, 91},   {111, 119}, {140, 140}, {142, 148}, {265, 266}, {279, 282},
                                    {307, 314}, {333, 343}, {481, 498}, {547, 551}, {601, 604}, {606, 624},
                                    {827, 831}, {833, 842}, {844, 846}, {932, 933}, {935, 943}, {1026, 1043}};
static const struct range mini_train[] = {{61, 61},   {553, 553},   {655, 655},   {757, 757},
                                          {796, 796}, {1077, 1077}, {1094, 1094}, {1100, 1100}};
static const struct range mini_val[] = {{103, 103}, {916, 916}};

#define SPLIT(name)                                                                                          \
    {                                                                                                        \
#name, name, sizeof name / sizeof *name                                                              \
    }
static const struct split {
    const char *name;
    const struct range *range;
    size_t n;
} splits[] = {SPLIT(train), SPLIT(val), SPLIT(test), SPLIT(mini_train), SPLIT(mini_val)};

/* The number in "scene-0103"; -1 when it is no such name. */
static int number_of(const char *scene_name)
{
    int n = 0;
    if (strlen(scene_name) != 10 || memcmp(scene_name, "scene-", 6) != 0)
        return -1;
    for (const char *p = scene_name + 6; *p; p++) {
        if (*p < '0' || *p > '9')
            return -1;
        n = 10 * n + (*p - '0');
    }
    return n;
}

int glint_nuscenes_in_split(const char *split, const char *scene_name)
{
    const int number = number_of(scene_name);
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        if (strcmp(splits[i].name, split) != 0)
            continue;
        for (size_t k = 0; k < splits[i].n; k++)
            if (number >= splits[i].range[k].first && number <= splits[i].range[k].last)
                return 1;
        return 0;
    }
    return -1;
}
