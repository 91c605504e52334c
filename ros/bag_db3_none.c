/* ros/bag_db3_none.c - in builds without SQLite. */
#include "ros/bag.h"

int glint_bag_db3_open(const char *path, struct glint_bag **bag_out)
{
    *bag_out = NULL;
    return glint_fail(GLINT_E_UNSUPPORTED, "%s: SQLite was left out of this build (libsqlite3-dev)", path);
}
