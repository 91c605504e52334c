/* tools/check_config.h - --check-config: everything that a run would open is opened, and told. */
#ifndef GLINT_TOOLS_CHECK_CONFIG_H
#define GLINT_TOOLS_CHECK_CONFIG_H
#include "tools/shared_options.h"

/* After the options were taken and motion was opened. Prints what would run; files that were not there are
 * not left behind. The exit code of the first thing that is wrong, each has its line. */
int glint_check_config(struct glint_shared_options *o);
#endif
