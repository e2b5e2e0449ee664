/* The sections about the fronts of all runs: every pair of objectives, and what limits would take away. */
#include "base/memory.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "report/plot.h"

#include <math.h>
#include <stdlib.h>

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

/* Members of the front are drawn last: nothing covers them. */
static void draw_points(const struct page *page, const struct page_run *run, bool of_front, struct plot *plot) {
    for (int c = 0; c < run->count; c++) {
        const struct page_candidate *candidate = &run->candidates[c];
        if (candidate->on_front != of_front || candidate->summary.failed)
            continue;
        page_errors(plot, &candidate->summary);
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
            page_include(&plot.x, &page->runs[r].candidates[c].summary);
            page_include(&plot.y, &page->runs[r].candidates[c].summary);
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
            page_include(&plot.y, &page->runs[r].candidates[c].summary);
        }
    }
    axis_choose_scale(&plot.y);
    plot_begin(&plot, "Candidates in order of their making");
    for (int r = 0; r < page->count; r++) {
        for (int c = 0; c < page->runs[r].count; c++) {
            const struct page_candidate *candidate = &page->runs[r].candidates[c];
            double low, high, id = candidate->recorded->individual.id;
            page_ends(&candidate->summary, metric, &low, &high);
            plot_segment(&plot, id, low, id, high, "error");
            page_point(page, &page->runs[r], candidate, &plot, id, candidate->summary.mean.values[metric]);
        }
    }
    plot_end(&plot);
}

/* Colourings, of which style.css shows the one that is chosen, without a script. The first one is to begin with. */
static void write_choice(const struct page *page, FILE *out) {
    static const struct {
        const char *id, *words;
    } choices[] = {{"run", "run"}, {"generation", "generation"}, {"class", "dominant class"}};
    fprintf(out, "<fieldset class=\"choice\"><legend>Colours by</legend>\n");
    for (int n = page->count > 1 ? 0 : 1; n < 3; n++)
        fprintf(out, "<label><input type=\"radio\" name=\"colours\" id=\"by-%s\"%s> %s</label>\n", choices[n].id,
                n == (page->count > 1 ? 0 : 1) ? " checked" : "", choices[n].words);
    fprintf(out, "</fieldset>\n");
}

static void write_legends(const struct page *page, FILE *out) {
    char colour[COLOUR_BYTES], words[32];
    int shown = page->generations < 5 ? page->generations : 5;
    fprintf(out, "<div class=\"legend by-generation\">");
    for (int i = 0; i < shown; i++) {
        int generation = shown > 1 ? i * (page->generations - 1) / (shown - 1) : 0;
        snprintf(words, sizeof words, "generation %d", generation + 1);
        page_swatch(page_generation_colour(page, generation, colour), words, out);
    }
    fprintf(out, "</div>\n<div class=\"by-run\">");
    page_runs_legend(page, out);
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
