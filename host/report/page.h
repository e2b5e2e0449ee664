/*
 * The page about one run or several: a single HTML file that needs no network and reads without JavaScript.
 *
 * Plots are SVG that is drawn here, every number of it is what `starcl show` computes from the same functions, and the
 * same numbers lie in the page as JSON (<script id="data">), one object:
 *
 *     {"starcl": version, "refresh_seconds", "columns": [{"name", "title", "larger_is_better", "objective"}, ...],
 *      "runs": [run, ...], "comparison": as `show --compare --json`, of several runs}
 *     run: {"name", "path", "front": as `show --json`, "generations": as `show --generations --json`,
 *           "candidates": [{"id", "generation", "origin", "state", "dominant", "genome", "metrics", "texts", ...}],
 *           "progress": [[candidate, tokens, hypervolume], ...], "motifs": [...], "facts": {...}}
 *
 * page/page.js adds hovering, sorting, filters and limits to what is there, page/style.css how it looks on screens wide
 * and narrow and on paper. A section is a row of a table in page.c.
 */
#ifndef STARCL_REPORT_PAGE_H
#define STARCL_REPORT_PAGE_H

#include "base/text.h"
#include "run/store.h"

#include <stdbool.h>
#include <stdio.h>

struct page_request {
    struct store *const *runs; /* opened to be read; each is held (store_hold()), so that the page is of one moment */
    int count;                 /* 1 to COMPARISON_MOST_RUNS */
    int refresh_seconds;       /* 0: a file that stays as it is; otherwise the page asks `now` beside its own address so
                                  often what the runs do (now.h), and itself when it has changed */
};

/*
 * Writes the page. STATUS_USAGE where the objectives of the runs differ, and where a page that stays as it is would be
 * about a run that has no evaluation yet; nothing was written then. What `out` could not take is for the caller to see
 * (ferror).
 */
status page_write(const struct page_request *request, FILE *out) MUST_CHECK;
/* The same into a text that the caller frees; NULL after a failure. */
status page_make(const struct page_request *request, char **text, size_t *length) MUST_CHECK;

/*
 * What a browser may do with the page, as Content-Security-Policy says it: its own style and its own script, named by
 * their SHA-256, run, and nothing else. Attributes may colour what is drawn. A live page may ask where it is from.
 */
void page_policy(bool live, struct text *policy);

/* The beginning of such a page up to its body; `more` goes into its head. */
void page_head(const char *title, bool live, const char *more, FILE *out);

#endif
