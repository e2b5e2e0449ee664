#include "watch/follow.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/terminal.h"
#include "report/front.h"
#include "report/now.h"
#include "run/candidate_line.h"
#include "run/evaluator.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- lines, where stdout is no terminal ---- */

/* A candidate that was trained for so many steps. */
struct line_key {
    int candidate;
    long long steps;
};

struct lines {
    struct line_key *written;
    int count, capacity;
};

/* Whether it was not written yet; it counts as written from now on. */
static bool is_new(struct lines *lines, int candidate, long long steps) {
    for (int i = 0; i < lines->count; i++)
        if (lines->written[i].candidate == candidate && lines->written[i].steps == steps)
            return false;
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity ? 2 * lines->capacity : 64;
        lines->written = memory_resize(lines->written, (size_t)lines->capacity, sizeof *lines->written);
    }
    lines->written[lines->count++] = (struct line_key){candidate, steps};
    return true;
}

static bool is_final(const struct recorded *run, long long steps) {
    return run->config.search.final.keep > 0 && steps == config_final_steps(&run->config);
}

/* With all its seeds, or one that decides alone. */
static bool is_complete(const struct recorded *run, const struct summary *summary, bool final) {
    return summary->failed || summary->stopped ||
           summary->seeds >= (final ? run->config.search.final.seeds : run->config.search.seeds);
}

static void write_line(struct lines *lines, const struct recorded *run, const struct candidate *candidate,
                       long long steps) {
    const struct individual *individual = &candidate->individual;
    struct summary summary = summarise(candidate->evaluations, candidate->evaluation_count, steps);
    struct text line = {0};
    bool final = is_final(run, steps);
    if (!is_complete(run, &summary, final) || !is_new(lines, individual->id, steps))
        return;
    if (final)
        candidate_final_line(individual, &summary, &line);
    else
        candidate_line(&run->config, individual, steps, &summary, &line);
    if (final)
        printf("final  %s\n", line.text);
    else
        printf("%4d  %s\n", individual->id, line.text);
    text_free(&line);
}

/* Evaluations are in order of steps; those of 0 steps only measured again. */
static void write_candidate(struct lines *lines, const struct recorded *run, const struct candidate *candidate,
                            bool final) {
    long long before = 0;
    for (int e = 0; e < candidate->evaluation_count; e++) {
        long long steps = candidate->evaluations[e].steps;
        if (steps > before && is_final(run, steps) == final)
            write_line(lines, run, candidate, steps);
        before = steps;
    }
}

static status write_lines(struct lines *lines, struct store *store) {
    struct recorded *run;
    TRY(recorded_read(store, RECORDED_EVALUATED, NULL, &run));
    for (int final = 0; final < 2; final++)
        for (int c = 0; c < run->candidate_count; c++)
            write_candidate(lines, run, &run->candidates[c], final);
    recorded_release(run);
    return fflush(stdout) == 0 ? STATUS_OK : fail("cannot write the output");
}

/* ---- the screen of a terminal ---- */

/*
 * The front, cut to what the screen holds above the last two rows, which tell what is done now. Lines do not wrap
 * meanwhile, or they would be more than were counted; each clears what stood behind its end.
 */
static void draw(const char *front, const char *now) {
    int height = terminal_rows(stdout), rows = (height > 3 ? height : 24) - 3, written = 0;
    fputs("\033[H\033[?7l", stdout);
    for (const char *line = front; *line && written < rows; written++) {
        int length = (int)strcspn(line, "\n");
        printf("%.*s\033[K\n", length, line);
        line += length + (line[length] == '\n');
    }
    printf("\033[K\n%s\033[K\033[J\033[?7h\n", now);
}

static status front_text(struct store *store, char **text) {
    size_t length;
    FILE *out = open_memstream(text, &length);
    if (!out)
        return fail("there is no memory for the front");
    status outcome = report_front(store, out);
    if (fclose(out) != 0 && outcome == STATUS_OK)
        outcome = fail("there is no memory for the front");
    return outcome;
}

/* ---- following ---- */

struct follow {
    struct sight *sight;
    bool on_terminal, due; /* something was seen that was not shown yet */
    struct lines lines;
    char *front, *now; /* as they are on the screen */
    enum sight_state told;
    int failures; /* to read it, in a row */
};

/* A run that is just being removed or brought up to date may be readable, or gone, a moment later. */
enum { MOST_FAILURES = 8 };

static status show_changes(struct follow *follow) {
    struct store *store;
    char *front = NULL;
    TRY(store_open(follow->sight->path, false, &store));
    status outcome = store_hold(store);
    if (outcome == STATUS_OK)
        outcome = follow->on_terminal ? front_text(store, &front) : write_lines(&follow->lines, store);
    store_close(store);
    if (outcome == STATUS_OK && front) {
        free(follow->front);
        follow->front = front;
        return outcome;
    }
    free(front);
    return outcome;
}

static status draw_changes(struct follow *follow, bool changed) {
    struct text now = {0};
    now_describe(follow->sight, &now);
    if (changed || !follow->now || strcmp(follow->now, now.text) != 0)
        draw(follow->front ? follow->front : "", now.text);
    free(follow->now);
    follow->now = now.text;
    return fflush(stdout) == 0 ? STATUS_OK : fail("cannot write the output");
}

/* Beside lines, on stderr: why no more come now. */
static void tell(struct follow *follow) {
    char words[SIGHT_TEXT_BYTES];
    if (follow->sight->state != follow->told && follow->sight->state != SIGHT_DONE && !follow->on_terminal)
        progress_line("%s: %s", follow->sight->path, sight_text(follow->sight, words));
    follow->told = follow->sight->state;
}

static status step(struct follow *follow) {
    char words[SIGHT_TEXT_BYTES];
    sight_look(follow->sight);
    follow->due = follow->due || follow->sight->changed;
    if (follow->sight->state == SIGHT_GONE)
        return fail("%s", sight_text(follow->sight, words));
    bool changed = follow->due && follow->sight->state != SIGHT_UNREADABLE;
    status outcome = changed ? show_changes(follow) : STATUS_OK;
    follow->failures = outcome == STATUS_OK ? 0 : follow->failures + 1;
    if (follow->failures == MOST_FAILURES)
        return outcome;
    follow->due = follow->due && !(changed && outcome == STATUS_OK);
    tell(follow);
    return follow->on_terminal ? draw_changes(follow, changed) : STATUS_OK;
}

static status go_on(struct follow *follow) {
    static const struct timespec pause = {.tv_nsec = 250 * 1000 * 1000};
    TRY(step(follow));
    while (follow->sight->state != SIGHT_DONE) {
        if (interrupt_requested())
            return fail_interrupted();
        nanosleep(&pause, NULL); /* or until a signal */
        TRY(step(follow));
    }
    return STATUS_OK;
}

status follow_run(const char *path) {
    struct follow follow = {.on_terminal = terminal_is_capable(stdout), .due = true, .told = SIGHT_RUNNING};
    TRY(sight_open(path, &follow.sight));
    if (follow.on_terminal)
        fputs("\033[2J", stdout);
    status outcome = go_on(&follow);
    sight_close(follow.sight);
    free(follow.lines.written);
    free(follow.front);
    free(follow.now);
    return outcome;
}
