/* eval/ranks.c - what ranks with and without MPI share; see ranks.h. */
#include "eval/ranks.h"
#include <stdlib.h>

/* Set by Open MPI, by MPICH's and Intel's hydra, and by srun with PMI. */
bool glint_ranks_launched(void)
{
    static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (getenv(sizes[i]) && atoi(getenv(sizes[i])) > 1)
            return true;
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");
    return tasks && atoi(tasks) > 1 && (getenv("PMI_RANK") || getenv("PMIX_RANK"));
}
