#include "cli/outcome.h"

#include "base/progress.h"
#include "report/front.h"

#include <stdio.h>

static status print_front(const char *path) {
    struct store *store;
    TRY(store_open(path, false, &store));
    status outcome = report_front(store, stdout);
    store_close(store);
    return outcome;
}

status outcome_of_run(status outcome, const char *path) {
    progress_clear();
    if (outcome == STATUS_OK) {
        TRY(print_front(path));
        printf("\nOne of them, LIV by LIV:  starcl show %s:ID\nWeights of the front:     %s/checkpoints\n", path, path);
    } else if (*path) {
        fprintf(stderr, "%s; everything so far is kept. Go on with:  starcl resume %s\n",
                outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped", path);
    }
    return outcome;
}
