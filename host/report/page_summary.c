/* The sections that say in short what came of all runs: their table, and how their hypervolume grew. */
#include "base/memory.h"
#include "base/text.h"
#include "evolve/archive.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "report/plot.h"
#include "run/lineage.h"

#include <math.h>
#include <stdlib.h>

/* ---- summary ---- */

static void write_cell(const char *text, bool number, FILE *out) {
    fprintf(out, number ? "<td class=\"number\">" : "<td>");
    markup_text(text, out);
    fprintf(out, "</td>");
}

/* Of a single run it is measured up to the reference that the run keeps; of several, by their comparison. */
static void write_hypervolume(const struct page *page, const struct page_run *run, FILE *out) {
    char text[TEXT_NUMBER_BYTES] = "-";
    if (page->count > 1)
        snprintf(text, sizeof text, "%.6f", page->comparison.contestants[run->place].hypervolume);
    else if (run->progress_count > 0)
        snprintf(text, sizeof text, "%.4g", run->progress[run->progress_count - 1].hypervolume);
    write_cell(text, true, out);
}

static void write_run(const struct page *page, const struct page_run *run, FILE *out) {
    const struct contestant *contestant = &page->comparison.contestants[run->place];
    char run_status[32], number[TEXT_NUMBER_BYTES];
    if (store_get_status(run->store, run_status, sizeof run_status) != STATUS_OK)
        snprintf(run_status, sizeof run_status, "unknown");
    fprintf(out, "<tr><td>");
    if (page->count > 1)
        fprintf(out, "<i class=\"key\" style=\"background:%s\"></i>", colour_kind(run->place));
    markup_text(store_path(run->store), out);
    fprintf(out, "</td>");
    write_cell(run_status, false, out);
    fprintf(out, "<td class=\"number\">%d</td><td class=\"number\">%d</td><td class=\"number\">%d</td>",
            contestant->evaluated, contestant->failed, contestant->front_count);
    write_hypervolume(page, run, out);
    for (int o = 0; o < page->objective_count; o++) {
        double best = contestant->best[o];
        write_cell(metric_text(page->objectives[o], isfinite(best) ? metric_objective(page->objectives[o], best) : NAN,
                               number),
                   true, out);
    }
    write_cell(text_count(number, contestant->tokens), true, out);
    write_cell(text_duration(number, contestant->seconds), true, out);
    fprintf(out, "</tr>\n");
}

/* "up to 4.7370 bits/byte, 220k parameters" */
static void write_box(const struct page *page, FILE *out) {
    double reference[MAX_OBJECTIVES];
    char number[TEXT_NUMBER_BYTES];
    int count = page->objective_count;
    bool several = page->count > 1;
    for (int o = 0; several && o < count; o++)
        reference[o] = metric_objective(page->objectives[o], page->comparison.reference[o]);
    if (!several &&
        (store_get_reference(page->runs[0].store, reference, &count) != STATUS_OK || count != page->objective_count))
        return;
    fprintf(out, "<p class=\"note\">Best values are those of the front; tokens and time are those of all candidates. "
                 "Hypervolume is what the front dominates ");
    fprintf(out, several ? "of the box from the best values of all runs" : "up to the reference of this run,");
    for (int o = 0; o < count; o++)
        markup_print(out, "%s %s %s",
                     o         ? ","
                     : several ? " to"
                               : "",
                     metric_text(page->objectives[o], reference[o], number), metric_table[page->objectives[o]].title);
    fprintf(out, "; more is better.</p>\n");
}

void page_summary(const struct page *page, FILE *out) {
    static const char *const titles[] = {"run", "status", "evaluated", "failed", "front", "hypervolume"};
    fprintf(out, "<div class=\"wide\"><table>\n<tr>");
    for (size_t t = 0; t < sizeof titles / sizeof *titles; t++)
        fprintf(out, "<th>%s</th>", titles[t]);
    for (int o = 0; o < page->objective_count; o++)
        fprintf(out, "<th>best %s</th>", metric_table[page->objectives[o]].title);
    fprintf(out, "<th>tokens</th><th>time</th></tr>\n");
    for (int r = 0; r < page->count; r++)
        write_run(page, &page->runs[r], out);
    fprintf(out, "</table></div>\n");
    for (int r = 0; r < page->count; r++)
        if (page->runs[r].count == 0)
            page_note(out, "%s has no evaluated candidate yet.", store_path(page->runs[r].store));
    write_box(page, out);
}

/* ---- growth ---- */

/* A point a candidate, in order. */
struct growth_line {
    double *tokens, *volumes;
    int count;
};

/* In the box of the comparison, whose hypervolume it comes to. */
static void measure_in_box(const struct page *page, const struct page_run *run, double *volumes) {
    double ones[MAX_OBJECTIVES];
    for (int o = 0; o < page->objective_count; o++)
        ones[o] = 1;
    struct archive *archive = archive_create(page->objective_count, ones);
    for (int p = 0; p < run->progress_count; p++) {
        const struct recorded *recorded = run->front.run;
        int place = lineage_find(recorded->candidates, recorded->candidate_count, run->progress[p].candidate);
        if (place >= 0) {
            struct individual individual =
                recorded_individual(recorded, &recorded->candidates[place], page->objectives, page->objective_count);
            for (int o = 0; o < page->objective_count; o++)
                individual.objectives[o] = comparison_share(&page->comparison, o, individual.objectives[o]);
            (void)archive_add(archive, &individual, NULL, NULL);
        }
        volumes[p] = archive_hypervolume(archive);
    }
    archive_destroy(archive);
}

static struct growth_line measure(const struct page *page, const struct page_run *run) {
    struct growth_line line = {.count = run->progress_count};
    line.tokens = memory_allocate((size_t)line.count + 1, sizeof *line.tokens);
    line.volumes = memory_allocate((size_t)line.count + 1, sizeof *line.volumes);
    for (int p = 0; p < line.count; p++) {
        line.tokens[p] = run->progress[p].tokens;
        line.volumes[p] = run->progress[p].hypervolume;
    }
    if (page->count > 1)
        measure_in_box(page, run, line.volumes);
    return line;
}

static void draw_growth(const struct page *page, const struct growth_line *lines, FILE *out) {
    /* Tokens are a count, and read as parameters do. */
    struct plot plot = {.out = out,
                        .x = {.title = "tokens trained on", .metric = METRIC_PARAMETERS},
                        .y = {.title = "hypervolume", .metric = METRICS}};
    axis_include(&plot.x, 0);
    axis_include(&plot.y, 0);
    for (int r = 0; r < page->count; r++) {
        for (int p = 0; p < lines[r].count; p++) {
            axis_include(&plot.x, lines[r].tokens[p]);
            axis_include(&plot.y, lines[r].volumes[p]);
        }
    }
    fprintf(out, "<div class=\"plots\">\n");
    plot_begin(&plot, "Hypervolume of the front over the tokens trained on");
    for (int r = 0; r < page->count; r++)
        plot_line(&plot, lines[r].tokens, lines[r].volumes, lines[r].count, true, "line", colour_kind(r));
    plot_end(&plot);
    fprintf(out, "</div>\n");
    page_runs_legend(page, out);
}

void page_growth(const struct page *page, FILE *out) {
    struct growth_line *lines = memory_allocate((size_t)page->count, sizeof *lines);
    int points = 0;
    for (int r = 0; r < page->count; r++) {
        lines[r] = measure(page, &page->runs[r]);
        points += lines[r].count;
    }
    if (points > 0)
        draw_growth(page, lines, out);
    else
        page_note(out, "It is not known (yet): it is measured from the first generation with a success on, and not in "
                       "runs that were begun before it was kept.");
    for (int r = 0; r < page->count; r++) {
        free(lines[r].tokens);
        free(lines[r].volumes);
    }
    free(lines);
}
