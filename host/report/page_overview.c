/* The sections about all runs of a page: what came of them, their fronts, limits, and how the fronts grew. */
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

static void write_key(const struct page *page, int run, FILE *out) {
    if (page->count > 1)
        fprintf(out, "<i class=\"key\" style=\"background:%s\"></i>", colour_kind(run));
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
    write_key(page, run->place, out);
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

/* ---- fronts ---- */

/* What a pair of objectives is drawn from, by its first: the best of both as a staircase. */
struct corner {
    double x, y;
};

static int by_x(const void *a, const void *b) {
    const struct corner *p = a, *q = b;
    return p->x != q->x ? (p->x < q->x ? -1 : 1) : (p->y > q->y) - (p->y < q->y);
}

/* Candidates that none is better than in both of these two objectives; from left to right. */
static void draw_staircase(const struct page *page, const struct page_run *run, enum metric x, enum metric y,
                           const struct plot *plot) {
    struct corner *corners = memory_allocate((size_t)run->front.count + 1, sizeof *corners);
    double *xs = memory_allocate((size_t)run->front.count + 1, sizeof *xs), best = INFINITY;
    double *ys = memory_allocate((size_t)run->front.count + 1, sizeof *ys);
    int count = 0;
    for (int i = 0; i < run->front.count; i++) {
        const struct metrics *mean = &run->front.members[i].search.mean;
        corners[i] = (struct corner){metric_objective(x, mean->values[x]), metric_objective(y, mean->values[y])};
    }
    qsort(corners, (size_t)run->front.count, sizeof *corners, by_x);
    for (int i = 0; i < run->front.count; i++) {
        if (corners[i].y >= best)
            continue;
        best = corners[i].y;
        xs[count] = metric_objective(x, corners[i].x);
        ys[count++] = metric_objective(y, corners[i].y);
    }
    plot_line(plot, xs, ys, count, true, "staircase", page->count > 1 ? colour_kind(run->place) : "currentColor");
    free(corners);
    free(xs);
    free(ys);
}

/* A mean with what other seeds, or measurements, would change: one standard error, or the ends of an interval. */
static void ends_of(const struct summary *summary, enum metric metric, double *low, double *high) {
    double error = metric_varies(metric) ? summary->errors.values[metric] : NAN;
    *low = isnan(error) ? summary->low.values[metric] : summary->mean.values[metric] - error;
    *high = isnan(error) ? summary->high.values[metric] : summary->mean.values[metric] + error;
}

static void draw_errors(const struct summary *summary, enum metric x, enum metric y, const struct plot *plot) {
    double low, high, at_x = summary->mean.values[x], at_y = summary->mean.values[y];
    ends_of(summary, y, &low, &high);
    plot_segment(plot, at_x, low, at_x, high, "error");
    ends_of(summary, x, &low, &high);
    plot_segment(plot, low, at_y, high, at_y, "error");
}

static void include(struct axis *axis, const struct summary *summary) {
    double low, high;
    ends_of(summary, axis->metric, &low, &high);
    axis_include(axis, summary->mean.values[axis->metric]);
    axis_include(axis, low);
    axis_include(axis, high);
}

/* Members of the front are drawn last: nothing covers them. */
static void draw_points(const struct page *page, const struct page_run *run, bool of_front, struct plot *plot) {
    for (int c = 0; c < run->count; c++) {
        const struct page_candidate *candidate = &run->candidates[c];
        if (candidate->on_front != of_front || candidate->summary.failed)
            continue;
        draw_errors(&candidate->summary, plot->x.metric, plot->y.metric, plot);
        page_point(page, run, candidate, plot, candidate->summary.mean.values[plot->x.metric],
                   candidate->summary.mean.values[plot->y.metric]);
    }
}

static void draw_pair(const struct page *page, enum metric x, enum metric y, FILE *out) {
    struct plot plot = {.out = out,
                        .x = {.title = metric_table[x].title, .metric = x},
                        .y = {.title = metric_table[y].title, .metric = y}};
    for (int r = 0; r < page->count; r++) {
        for (int c = 0; c < page->runs[r].count; c++) {
            if (page->runs[r].candidates[c].summary.failed)
                continue;
            include(&plot.x, &page->runs[r].candidates[c].summary);
            include(&plot.y, &page->runs[r].candidates[c].summary);
        }
    }
    axis_choose_scale(&plot.x);
    axis_choose_scale(&plot.y);
    plot_begin(&plot, "Candidates by two objectives, the front marked");
    for (int r = 0; r < page->count; r++)
        draw_points(page, &page->runs[r], false, &plot);
    for (int r = 0; r < page->count; r++)
        draw_staircase(page, &page->runs[r], x, y, &plot);
    for (int r = 0; r < page->count; r++)
        draw_points(page, &page->runs[r], true, &plot);
    plot_end(&plot);
}

/* With one objective there is no pair: candidates in order. */
static void draw_single(const struct page *page, enum metric metric, FILE *out) {
    struct plot plot = {.out = out,
                        .x = {.title = "candidate", .metric = METRICS, .whole = true},
                        .y = {.title = metric_table[metric].title, .metric = metric}};
    for (int r = 0; r < page->count; r++) {
        for (int c = 0; c < page->runs[r].count; c++) {
            axis_include(&plot.x, page->runs[r].candidates[c].recorded->individual.id);
            include(&plot.y, &page->runs[r].candidates[c].summary);
        }
    }
    axis_choose_scale(&plot.y);
    plot_begin(&plot, "Candidates in order of their making");
    for (int r = 0; r < page->count; r++) {
        for (int c = 0; c < page->runs[r].count; c++) {
            const struct page_candidate *candidate = &page->runs[r].candidates[c];
            double low, high, id = candidate->recorded->individual.id;
            ends_of(&candidate->summary, metric, &low, &high);
            plot_segment(&plot, id, low, id, high, "error");
            page_point(page, &page->runs[r], candidate, &plot, id, candidate->summary.mean.values[metric]);
        }
    }
    plot_end(&plot);
}

/* Three colourings, chosen without a script (style.css). Shapes are classes in all of them. */
static void write_choice(const struct page *page, FILE *out) {
    static const char *const names[] = {"generation", "class", "run"};
    fprintf(out, "<fieldset class=\"choice\"><legend>Colours by</legend>\n");
    for (int n = page->count > 1 ? 2 : 0, left = page->count > 1 ? 3 : 2; left > 0; n = (n + 1) % 3, left--)
        fprintf(out, "<label><input type=\"radio\" name=\"colours\" id=\"by-%s\"%s> %s</label>\n", names[n],
                n == (page->count > 1 ? 2 : 0) ? " checked" : "", n == 1 ? "dominant class" : names[n]);
    fprintf(out, "</fieldset>\n");
}

static void write_legends(const struct page *page, FILE *out) {
    char colour[COLOUR_BYTES], words[32];
    int generations = page->runs[0].generations.count, shown = generations < 5 ? generations : 5;
    fprintf(out, "<div class=\"legend by-generation\">");
    for (int i = 0; i < shown; i++) {
        int generation = shown > 1 ? i * (generations - 1) / (shown - 1) : 0;
        double share = generations > 1 ? 0.85 * generation / (generations - 1) : 0;
        snprintf(words, sizeof words, "generation %d", generation + 1);
        page_swatch(colour_ordered(share, colour), words, out);
    }
    fprintf(out, "</div>\n<div class=\"legend by-run\">");
    for (int r = 0; page->count > 1 && r < page->count; r++)
        page_swatch(colour_kind(r), store_path(page->runs[r].store), out);
    fprintf(out, "</div>\n<div class=\"legend\">");
    for (int kind = 0; kind <= page->kind_count && kind <= COLOUR_KINDS; kind++) {
        int shape = kind < page->kind_count ? kind : COLOUR_KINDS;
        fprintf(out,
                "<span class=\"swatch\"><svg class=\"shape\" viewBox=\"-7 -7 14 14\"><use href=\"#shape-%d\" "
                "class=\"point\" style=\"--class:%s\"/></svg>",
                shape, colour_kind(shape));
        markup_text(kind < page->kind_count ? page->kinds[kind] : "others", out);
        fprintf(out, "</span>\n");
    }
    fprintf(out, "</div>\n");
}

void page_fronts(const struct page *page, FILE *out) {
    write_choice(page, out);
    write_legends(page, out);
    fprintf(out, "<div class=\"plots\">\n");
    for (int a = 0; a < page->objective_count; a++)
        for (int b = a + 1; b < page->objective_count; b++)
            draw_pair(page, page->objectives[b], page->objectives[a], out);
    if (page->objective_count == 1)
        draw_single(page, page->objectives[0], out);
    fprintf(out, "</div>\n");
    page_note(out,
              "Shapes are the class that most LIVs of a genome have. Large points with an edge are on the front: no "
              "candidate is at least as good in every objective and better in one. The line joins those that none "
              "is better than in the two objectives of a plot. Rings are what the search began with. Bars are a "
              "standard error over seeds, or the 95 %% interval of what was measured on the device.");
}

/* ---- limits ---- */

void page_limits(const struct page *page, FILE *out) {
    (void)page;
    fprintf(out, "<noscript><p class=\"note\">Limits are set with a script, which this browser does not run.</p>"
                 "</noscript>\n<div id=\"limit-controls\"></div>\n");
    page_note(out, "What of the front remains when objectives must keep to limits, and the best that is left of each. "
                   "Members that exceed one fade in the plots above.");
}

/* ---- growth ---- */

/* The hypervolume in the box of the comparison, as the front of a run grew; where it is the same, in the end, as there.
 */
static int grow_in_box(const struct page *page, const struct page_run *run, double *tokens, double *volumes) {
    double ones[MAX_OBJECTIVES];
    int count = 0;
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
        tokens[count] = run->progress[p].tokens;
        volumes[count++] = archive_hypervolume(archive);
    }
    archive_destroy(archive);
    return count;
}

static int grow(const struct page *page, const struct page_run *run, double *tokens, double *volumes) {
    if (page->count > 1)
        return grow_in_box(page, run, tokens, volumes);
    for (int p = 0; p < run->progress_count; p++) {
        tokens[p] = run->progress[p].tokens;
        volumes[p] = run->progress[p].hypervolume;
    }
    return run->progress_count;
}

void page_growth(const struct page *page, FILE *out) {
    /* Tokens are a count, and read as parameters do. */
    struct plot plot = {.out = out,
                        .x = {.title = "tokens trained on", .metric = METRIC_PARAMETERS},
                        .y = {.title = "hypervolume", .metric = METRICS}};
    double **tokens = memory_allocate((size_t)page->count, sizeof *tokens);
    double **volumes = memory_allocate((size_t)page->count, sizeof *volumes);
    int *counts = memory_allocate((size_t)page->count, sizeof *counts), points = 0;
    axis_include(&plot.x, 0);
    axis_include(&plot.y, 0);
    for (int r = 0; r < page->count; r++) {
        tokens[r] = memory_allocate((size_t)page->runs[r].progress_count + 1, sizeof **tokens);
        volumes[r] = memory_allocate((size_t)page->runs[r].progress_count + 1, sizeof **volumes);
        counts[r] = grow(page, &page->runs[r], tokens[r], volumes[r]);
        points += counts[r];
        for (int p = 0; p < counts[r]; p++) {
            axis_include(&plot.x, tokens[r][p]);
            axis_include(&plot.y, volumes[r][p]);
        }
    }
    if (points == 0)
        page_note(out, "It is not known (yet): it is measured from the first generation with a success on, and not in "
                       "runs that were begun before it was kept.");
    else {
        fprintf(out, "<div class=\"plots\">\n");
        plot_begin(&plot, "Hypervolume of the front over the tokens trained on");
        for (int r = 0; r < page->count; r++)
            plot_line(&plot, tokens[r], volumes[r], counts[r], true, "line", colour_kind(r));
        plot_end(&plot);
        fprintf(out, "</div>\n");
        if (page->count > 1) {
            fprintf(out, "<div class=\"legend\">");
            for (int r = 0; r < page->count; r++)
                page_swatch(colour_kind(r), store_path(page->runs[r].store), out);
            fprintf(out, "</div>\n");
        }
    }
    for (int r = 0; r < page->count; r++) {
        free(tokens[r]);
        free(volumes[r]);
    }
    free(tokens);
    free(volumes);
    free(counts);
}
