/* What runs do at this moment: for the page that is live, and for a terminal. */
#ifndef STARCL_REPORT_NOW_H
#define STARCL_REPORT_NOW_H

#include "base/text.h"
#include "run/sight.h"

#include <stdio.h>

/* "running, 35 % done, 40 s left: generation 2/4, candidate 3/8, step 36 of 120, ...; on <device>", in one line. */
void now_describe(const struct sight *sight, struct text *text);

/*
 * A page of its own, which shows itself anew every two seconds without a script. What it shows is <section id="now">,
 * which the script of the page about the runs puts into that; `data-page` there tells the state of the page,
 * `page_tag`, so that the script knows when to ask for it. `trouble` is why
 * that page is older than the runs, NULL where it is not.
 */
void report_now(struct sight *const *sights, int count, const char *page_tag, const char *trouble, FILE *out);

#endif
