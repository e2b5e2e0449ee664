#include "cli/parallel.h"

#include "base/process.h"
#include "base/progress.h"
#include "cli/outcome.h"

#include <stdio.h>

static const char MODULE[] = "starcl-mpi.so";

static bool find_module(char path[PATH_MAX]) {
    return process_beside_own(MODULE, path) || process_beside_own(STARCL_MODULES_FROM_PROGRAM "/starcl-mpi.so", path);
}

status parallel_begin(struct ranks **ranks) {
    char module[PATH_MAX];
    status outcome = ranks_open(find_module(module) ? module : NULL, ranks);
    if (!ranks_lead(*ranks))
        progress_silence();
    return outcome;
}

void parallel_tell_resume(const struct ranks *ranks, const char *words, const char *folder) {
    char launcher[32] = "";
    if (ranks)
        snprintf(launcher, sizeof launcher, "mpirun -n %d ", ranks_count(ranks));
    fprintf(stderr, "%s. Go on with:  %sstarcl train --resume --out %s\n", words, launcher, folder);
}

status parallel_end(struct ranks *ranks, status outcome, const char *folder) {
    progress_clear();
    if (!ranks)
        return outcome;
    /* Before the others end, for the launcher may end this one as soon as they do. */
    outcome_tell(outcome);
    if (!ranks_failed_alone(ranks, outcome)) {
        ranks_close(ranks);
        return outcome == STATUS_FAILED || outcome == STATUS_USAGE ? fail_told_elsewhere(outcome) : outcome;
    }
    if (folder)
        parallel_tell_resume(ranks, "all ranks end; the last state is kept", folder);
    ranks_abort(ranks, outcome);
    return outcome;
}
