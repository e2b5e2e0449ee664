/* A page from within: what its sections draw from, and the sections. page.c has the table of them. */
#ifndef STARCL_REPORT_PAGE_STATE_H
#define STARCL_REPORT_PAGE_STATE_H

#include "report/colour.h"
#include "report/comparison.h"
#include "report/front.h"
#include "report/generations.h"
#include "report/page.h"

/* An evaluated candidate; as a row of the table and a point of the plots. */
struct page_candidate {
    const struct candidate *recorded;
    struct summary summary;
    bool on_front, failed;
    const char *state;    /* "front", "dominated", "over limits", "stopped early", "not in full", "failed" */
    const char *baseline; /* "mamba", where it computes what that does; NULL: it is none */
    int dominant;         /* class gene of most of its LIVs, the smallest of several; 0: of no catalogue */
};

struct page_run {
    struct store *store;
    int place; /* in the page, from 0 */
    struct front front;
    struct generations generations;
    struct recorded *every; /* also those that were not evaluated, whom lineages pass through */
    struct page_candidate *candidates;
    int count;
    struct progress_point *progress;
    int progress_count;
    struct loss_curve *curves;
    int curve_count;
};

struct page {
    const struct page_request *request;
    struct page_run *runs;
    int count;
    struct comparison comparison;
    const enum metric *objectives; /* of the first run, whose order all follow */
    int objective_count;
    int generations;                            /* of the run that has most */
    char kinds[COLOUR_KINDS][CLASS_NAME_BYTES]; /* the classes that have colours and shapes: those of most LIVs */
    int kind_count;
};

/* page_data.c: reads all; releases, after a failure too; and the JSON of the page, which the caller deletes. */
status page_read(const struct page_request *request, struct page *page) MUST_CHECK;
void page_release(struct page *page);
status page_describe(const struct page *page, cJSON **json) MUST_CHECK;

/* The class of a gene by name, "?" for one of no catalogue; and its kind, from 0, COLOUR_KINDS for the others. */
const char *page_class_name(const struct page_run *run, int class_gene);
int page_kind(const struct page *page, const char *class_name);

/* page_parts.c: what several sections draw. */
struct axis;
struct plot;
/* The ends of a mean's error bar: one standard error over seeds, or the interval of what was measured on the device;
 * NaN where there is none. */
void page_ends(const struct summary *summary, enum metric metric, double *low, double *high);
/* Makes room on an axis for a mean of its metric with its bar; and draws the bars of a point. */
void page_include(struct axis *axis, const struct summary *summary);
void page_errors(const struct plot *plot, const struct summary *summary);
/* The shapes that page_point() draws; once a page, before the first of them. */
void page_shapes(FILE *out);
/* A candidate at a place of a plot, with what hovering tells. */
void page_point(const struct page *page, const struct page_run *run, const struct page_candidate *candidate,
                const struct plot *plot, double x, double y);
/* "7, child of generation 2: 2.3813 bits/byte, 124k parameters", as text. */
void page_tell(const struct page *page, const struct page_run *run, const struct page_candidate *candidate, FILE *out);
/* A swatch with words behind it, in a legend. */
void page_swatch(const char *colour, const char *words, FILE *out);
/* The colours of runs, where there are several. */
void page_runs_legend(const struct page *page, FILE *out);
/* The colour of a generation, from 0, of all runs; writes to buffer (COLOUR_BYTES) and returns it. */
const char *page_generation_colour(const struct page *page, int generation, char *buffer);
/* A paragraph of plain words. */
void page_note(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sections: of all runs together, or of one run each. */
void page_summary(const struct page *page, FILE *out);
void page_fronts(const struct page *page, FILE *out);
void page_limits(const struct page *page, FILE *out);
void page_growth(const struct page *page, FILE *out);
void page_table(const struct page *page, FILE *out);
void page_final(const struct page *page, const struct page_run *run, FILE *out);
void page_scores(const struct page *page, const struct page_run *run, FILE *out);
void page_classes(const struct page *page, const struct page_run *run, FILE *out);
void page_sharing(const struct page *page, const struct page_run *run, FILE *out);
void page_repairs(const struct page *page, const struct page_run *run, FILE *out);
void page_genomes(const struct page *page, const struct page_run *run, FILE *out);
void page_motifs(const struct page *page, const struct page_run *run, FILE *out);
void page_lineage(const struct page *page, const struct page_run *run, FILE *out);
void page_curves(const struct page *page, const struct page_run *run, FILE *out);
void page_lengths(const struct page *page, const struct page_run *run, FILE *out);
void page_surrogate(const struct page *page, const struct page_run *run, FILE *out);
void page_manifest(const struct page *page, const struct page_run *run, FILE *out);

/* Whether a run has what the section is about. */
bool page_has_final(const struct page_run *run);
bool page_has_front(const struct page_run *run);
bool page_has_candidates(const struct page_run *run);
bool page_has_curves(const struct page_run *run);
bool page_has_repairs(const struct page_run *run);
bool page_has_lengths(const struct page_run *run);
bool page_has_surrogate(const struct page_run *run);

/* The motifs of a run's front, of 2 or 3 LIVs; the caller frees them. */
struct motif;
struct motif *page_find_motifs(const struct page_run *run, int length, int *found);

#endif
