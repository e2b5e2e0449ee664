#include "cli/outcome.h"

#include "base/progress.h"
#include "base/terminal.h"
#include "report/front.h"

#include <stdio.h>
#include <string.h>

/* A URL may hold what a shell takes for its own. */
static const char *quote_of(const char *path) {
    return store_is_url(path) && strpbrk(path, "?&;*") ? "'" : "";
}

static void print_next(const char *path) {
    const char *quote = quote_of(path);
    printf("\nOne of them, LIV by LIV:  starcl show %s%s:ID%s\n", quote, path, quote);
    if (store_is_url(path))
        printf("Weights of the front:     starcl export %s%s:ID%s --to pytorch -o DIR\n", quote, path, quote);
    else
        printf("Weights of the front:     %s/checkpoints\n", path);
}

/* And how to see more. The run's own path says its name, which a URL may lack. */
static status print_front(const char *path) {
    struct store *store;
    TRY(store_open(path, false, &store));
    status outcome = report_front(store, stdout);
    if (outcome == STATUS_OK)
        print_next(store_path(store));
    store_close(store);
    return outcome;
}

void outcome_tell(status outcome) {
    if ((outcome == STATUS_FAILED || outcome == STATUS_USAGE) && failure_kind() != FAILURE_ELSEWHERE)
        fprintf(stderr, "%sstarcl:%s %s\n", terminal_begin(TERMINAL_ALARM, stderr), terminal_end(stderr),
                status_message());
}

status outcome_of_run(status outcome, const char *path) {
    progress_clear();
    if (outcome == STATUS_OK) {
        TRY(print_front(path));
    } else if (*path) {
        const char *quote = quote_of(path);
        fprintf(stderr, "%s; everything so far is kept. Go on with:  starcl resume %s%s%s\n",
                outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped", quote, path, quote);
    }
    return outcome;
}
