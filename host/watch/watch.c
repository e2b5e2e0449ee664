#include "watch/watch.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "report/comparison.h"
#include "report/now.h"
#include "report/page.h"
#include "watch/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Between two looks; the most of a core's time that making the page may take; how far behind a search the operating
 * system puts it. */
static const double look_seconds = 0.25, most_share = 0.03;
enum { REFRESH_SECONDS = 1, NICENESS = 5 };

struct watch {
    struct server *server;
    struct sight *sights[COMPARISON_MOST_RUNS];
    enum sight_state told[COMPARISON_MOST_RUNS]; /* what the user was told of each */
    int count;
    bool due;                   /* the page is older than what was seen */
    int shown;                  /* runs that are in the page */
    double next;                /* clock_seconds() from which the page may be made again */
    char *trouble;              /* why it could not be made; NULL: it could */
    char tag[SERVER_TAG_BYTES]; /* of the page */
    char *now;                  /* as published last */
};

static bool is_there(const struct sight *sight) {
    return sight->state != SIGHT_GONE && sight->state != SIGHT_UNREADABLE;
}

static int count_there(const struct watch *watch) {
    int there = 0;
    for (int i = 0; i < watch->count; i++)
        there += is_there(watch->sights[i]);
    return there;
}

/* ---- the page ---- */

static status publish_page(struct watch *watch, struct store *const *stores, int count) {
    struct page_request request = {.runs = stores, .count = count, .refresh_seconds = REFRESH_SECONDS};
    char *text;
    size_t length;
    TRY(page_make(&request, &text, &length));
    status outcome = server_publish(watch->server, "/", text, length, watch->tag);
    free(text);
    return outcome;
}

/* Of the runs that are there; opened anew, for a folder may have become another run since. */
static status make_page(struct watch *watch) {
    struct store *stores[COMPARISON_MOST_RUNS];
    int opened = 0;
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < watch->count; i++) {
        if (!is_there(watch->sights[i]))
            continue;
        outcome = store_open(watch->sights[i]->path, false, &stores[opened]);
        opened += outcome == STATUS_OK;
    }
    if (outcome == STATUS_OK)
        outcome = publish_page(watch, stores, opened);
    for (int i = 0; i < opened; i++)
        store_close(stores[i]);
    watch->shown = opened;
    return outcome;
}

/* That this thread has computed: how long something takes does not count, for others may have the machine meanwhile. */
static double processor_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The page as it is stays where none can be made; it is tried again when the time has come. */
static void renew_page(struct watch *watch) {
    double begun = processor_seconds();
    free(watch->trouble);
    watch->trouble = NULL;
    watch->due = make_page(watch) != STATUS_OK;
    if (watch->due)
        watch->trouble = memory_copy_text(status_message());
    double computed = processor_seconds() - begun;
    watch->next = clock_seconds() + (watch->due ? 1 : computed / most_share);
}

/* ---- what is done now ---- */

static status publish_now(struct watch *watch) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return fail("there is no memory for the page");
    report_now(watch->sights, watch->count, watch->tag, watch->trouble, out);
    if (fclose(out) != 0) {
        free(text);
        return fail("there is no memory for the page");
    }
    status outcome = STATUS_OK;
    if (!watch->now || strcmp(text, watch->now) != 0)
        outcome = server_publish(watch->server, "/now", text, length, NULL);
    free(watch->now);
    watch->now = text;
    return outcome;
}

/* ---- the loop ---- */

static void tell(struct watch *watch, int place) {
    char words[SIGHT_TEXT_BYTES];
    const struct sight *sight = watch->sights[place];
    if (sight->state != watch->told[place])
        progress_line("%s: %s", sight->path, sight_text(sight, words));
    watch->told[place] = sight->state;
}

static void look(struct watch *watch) {
    for (int i = 0; i < watch->count; i++) {
        sight_look(watch->sights[i]);
        watch->due = watch->due || watch->sights[i]->changed;
        tell(watch, i);
    }
    watch->due = watch->due || count_there(watch) != watch->shown;
}

/* Until the next look, or a signal. */
static void rest(void) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(look_seconds * 1e9)}, NULL);
}

static status go_on(struct watch *watch) {
    while (!interrupt_requested()) {
        look(watch);
        if (watch->due && count_there(watch) > 0 && clock_seconds() >= watch->next)
            renew_page(watch);
        TRY(publish_now(watch));
        rest();
    }
    return STATUS_OK;
}

static status begin(struct watch *watch, const char *const *paths, int count, int port) {
    struct text policy = {0};
    for (; watch->count < count; watch->count++) {
        TRY(sight_open(paths[watch->count], &watch->sights[watch->count]));
        watch->told[watch->count] = SIGHT_UNREADABLE; /* nothing yet */
    }
    page_policy(true, &policy);
    status outcome = server_open(port, policy.text, &watch->server);
    text_free(&policy);
    TRY(outcome);
    TRY(make_page(watch));
    TRY(publish_now(watch));
    printf("http://127.0.0.1:%d/\n", server_port(watch->server));
    return fflush(stdout) == 0 ? STATUS_OK : fail("cannot write the output");
}

status watch_runs(const char *const *paths, int count, int port) {
    struct watch watch = {.server = NULL};
    /* The search goes first. Where that is not granted, it only shares. */
    errno = 0;
    if (nice(NICENESS) == -1 && errno != 0)
        progress_line("the search is not preferred to this: the operating system does not allow it");
    status outcome = begin(&watch, paths, count, port);
    if (outcome == STATUS_OK)
        outcome = go_on(&watch);
    server_close(watch.server);
    for (int i = 0; i < watch.count; i++)
        sight_close(watch.sights[i]);
    free(watch.trouble);
    free(watch.now);
    return outcome;
}
