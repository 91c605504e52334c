/* tests/nuscenes_fixture.h - the dataset of nuscenes_made.h in the test's folder, with one table changed. */
#ifndef GLINT_TESTS_NUSCENES_FIXTURE_H
#define GLINT_TESTS_NUSCENES_FIXTURE_H
#include "tests/files.h"
#include "tests/nuscenes_made.h"

/* FOLDER/name, written there; `table` with other text (NULL: left out). */
static inline const char *nusc_write(const char *name, const char *table, const char *text)
{
    static char root[512];
    snprintf(root, sizeof root, "%s/%s", glint_test_folder, name);
    nusc_write_tables(root, table, text);
    return root;
}

/* The table's text with `from` replaced by `to` at its first place; valid until the next call. */
static inline const char *nusc_changed(const char *table, const char *from, const char *to)
{
    static char text[16384];
    for (size_t i = 0; i < NUSC_N_TABLES; i++) {
        const char *at = strcmp(nusc_tables[i].name, table) == 0 ? strstr(nusc_tables[i].text, from) : NULL;
        if (at) {
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - nusc_tables[i].text), nusc_tables[i].text, to,
                     at + strlen(from));
            return text;
        }
    }
    fail_msg("%s is not in %s", from, table);
    return NULL;
}
#endif
