/* The sections about a run generation by generation: scores, classes and sharing; and what lengths of training and a
 * surrogate say of each other. Numbers are those of generations.h. */
#include "base/memory.h"
#include "base/text.h"
#include "report/children.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "report/plot.h"
#include "run/lineage.h"

#include <math.h>
#include <stdlib.h>

/* ---- scores ---- */

/* Least to greatest as a line, the middle half as a box, the median across it. */
static void draw_spread(const struct plot *plot, double at, const struct spread *spread) {
    double half = 0.3 * fmin(plot_x(plot, at + 1) - plot_x(plot, at), 26), x = plot_x(plot, at);
    if (spread->count == 0)
        return;
    fprintf(plot->out,
            "<g class=\"spread\"><path d=\"M%.1f %.1fV%.1f\"/><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
            "height=\"%.1f\"/><path class=\"median\" d=\"M%.1f %.1fh%.1f\"/></g>\n",
            x, plot_y(plot, spread->least), plot_y(plot, spread->greatest), x - half,
            plot_y(plot, spread->upper_quartile), 2 * half,
            fmax(plot_y(plot, spread->lower_quartile) - plot_y(plot, spread->upper_quartile), 0.5), x - half,
            plot_y(plot, spread->median), 2 * half);
}

static void draw_scores(const struct generations *generations, enum metric metric, FILE *out) {
    struct plot plot = {.out = out,
                        .x = {.title = "generation", .metric = METRICS, .whole = true},
                        .y = {.title = metric_table[metric].title, .metric = metric}};
    axis_include(&plot.x, 0.5);
    axis_include(&plot.x, generations->count + 0.5);
    for (int g = 0; g < generations->count; g++) {
        axis_include(&plot.y, generations->analyses[g].metrics[metric].least);
        axis_include(&plot.y, generations->analyses[g].metrics[metric].greatest);
    }
    axis_choose_scale(&plot.y);
    plot_begin(&plot, "Distribution of a score in each generation");
    for (int g = 0; g < generations->count; g++)
        draw_spread(&plot, g + 1, &generations->analyses[g].metrics[metric]);
    plot_end(&plot);
}

void page_scores(const struct page *page, const struct page_run *run, FILE *out) {
    (void)page;
    fprintf(out, "<div class=\"plots\">\n");
    for (int o = 0; o < run->front.run->objective_count; o++)
        draw_scores(&run->generations, run->front.run->objectives[o], out);
    fprintf(out, "</div>\n");
    page_note(out,
              "Of all that a generation of %lld candidates brought, those that did not fail: least, quartiles, median "
              "and greatest.",
              run->front.run->config.search.population);
}

/* ---- classes ---- */

/* Dark on light, light on dark. */
static void write_share(double share, double greatest, FILE *out) {
    char colour[COLOUR_BYTES];
    double place = greatest > 0 ? share / greatest : 0;
    if (share > 0)
        fprintf(out, "<td style=\"background:%s;color:%s\">%.1f</td>", colour_ordered(place, colour),
                place > 0.6 ? "#000" : "#fff", 100 * share);
    else
        fprintf(out, "<td></td>");
}

void page_classes(const struct page *page, const struct page_run *run, FILE *out) {
    enum { MOST = 24 };
    const struct generations *generations = &run->generations;
    int shown = generations->count < MOST ? generations->count : MOST, columns[MOST];
    double greatest = 0;
    (void)page;
    for (int i = 0; i < shown; i++)
        columns[i] = shown > 1 ? (int)((long long)i * (generations->count - 1) / (shown - 1)) : 0;
    for (int c = 0; c < run->front.run->catalogue.class_count; c++)
        for (int g = 0; g < generations->count; g++)
            greatest = fmax(greatest, generations->analyses[g].class_shares[c]);
    fprintf(out, "<div class=\"wide\"><table class=\"shares\">\n<tr><th>generation</th>");
    for (int i = 0; i < shown; i++)
        fprintf(out, "<th>%d</th>", columns[i] + 1);
    fprintf(out, "</tr>\n");
    for (int c = 0; c < run->front.run->catalogue.class_count; c++) {
        if (!generations_have_class(generations, c))
            continue;
        fprintf(out, "<tr><th>");
        markup_text(run->front.run->catalogue.classes[c].name, out);
        fprintf(out, "</th>");
        for (int i = 0; i < shown; i++)
            write_share(generations->analyses[columns[i]].class_shares[c], greatest, out);
        fprintf(out, "</tr>\n");
    }
    fprintf(out, "</table></div>\n");
    page_note(out, "Percent of all LIVs of the generation.%s",
              shown < generations->count ? " Of more generations than fit, some are shown, evenly chosen." : "");
}

/* ---- sharing ---- */

/* One of a generation's numbers. */
typedef double (*number_of)(const struct analysis *analysis, int kind);

static double connections_of(const struct analysis *analysis, int kind) {
    return analysis->connections[kind].number;
}

static double distance_of(const struct analysis *analysis, int kind) {
    return analysis->connections[kind].distance;
}

static double diversity_of(const struct analysis *analysis, int kind) {
    (void)kind;
    return analysis->diversity;
}

static void draw_numbers(const struct generations *generations, const char *title, number_of number, int kinds,
                         FILE *out) {
    struct plot plot = {.out = out,
                        .x = {.title = "generation", .metric = METRICS, .whole = true},
                        .y = {.title = title, .metric = METRICS}};
    double *x = memory_allocate((size_t)generations->count + 1, sizeof *x);
    double *y = memory_allocate((size_t)generations->count + 1, sizeof *y);
    axis_include(&plot.x, 1);
    axis_include(&plot.x, generations->count);
    axis_include(&plot.y, 0);
    for (int kind = 0; kind < kinds; kind++)
        for (int g = 0; g < generations->count; g++)
            axis_include(&plot.y, number(&generations->analyses[g], kind));
    plot_begin(&plot, title);
    for (int kind = 0; kind < kinds; kind++) {
        for (int g = 0; g < generations->count; g++) {
            x[g] = g + 1;
            y[g] = number(&generations->analyses[g], kind);
        }
        plot_line(&plot, x, y, generations->count, false, kind ? "line dashed" : "line", colour_kind(kind));
        for (int g = 0; g < generations->count; g++)
            if (isfinite(y[g]))
                fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", plot_x(&plot, x[g]),
                        plot_y(&plot, y[g]), colour_kind(kind));
    }
    plot_end(&plot);
    free(x);
    free(y);
}

void page_sharing(const struct page *page, const struct page_run *run, FILE *out) {
    (void)page;
    fprintf(out, "<div class=\"legend\">");
    page_swatch(colour_kind(0), "features", out);
    page_swatch(colour_kind(1), "weights (dashed)", out);
    fprintf(out, "</div>\n<div class=\"plots\">\n");
    draw_numbers(&run->generations, "shared connections a genome", connections_of, SHARING_KINDS, out);
    draw_numbers(&run->generations, "their length, LIVs", distance_of, SHARING_KINDS, out);
    draw_numbers(&run->generations, "diversity", diversity_of, 1, out);
    fprintf(out, "</div>\n");
    page_note(out, "A connection leads from a LIV that uses another's features, or weights, to the first one that has "
                   "them. Diversity is the mean distance of two genomes, in LIVs that differ.");
}

/* ---- repair ---- */

bool page_has_repairs(const struct page_run *run) {
    return generations_repairs(&run->generations).children > 0;
}

static double invalid_of(const struct analysis *analysis, int kind) {
    (void)kind;
    const struct repairs *repairs = &analysis->repairs;
    return repairs->children > 0 ? repairs_percent(repairs, repairs->invalid) : NAN;
}

void page_repairs(const struct page *page, const struct page_run *run, FILE *out) {
    struct repairs all = generations_repairs(&run->generations);
    (void)page;
    fprintf(out, "<div class=\"plots\">\n");
    draw_numbers(&run->generations, "invalid before repair, %", invalid_of, 1, out);
    fprintf(out,
            "<div><table>\n<tr><th>of all %d children</th><th class=\"number\">%%</th></tr>\n"
            "<tr><td>invalid</td><td class=\"number\">%.1f</td></tr>\n",
            all.children, repairs_percent(&all, all.invalid));
    for (int f = 0; f < DRAFT_FAULTS; f++)
        fprintf(out, "<tr><td>%s</td><td class=\"number\">%.1f</td></tr>\n", fault_table[f].title,
                repairs_percent(&all, all.faults[f]));
    fprintf(out, "</table></div>\n</div>\n");
    page_note(out, "Of the children that crossover and mutation made, also those that were drawn again or that a "
                   "surrogate did not choose: how many repair had to change. A child can have several causes.");
}

/* ---- lengths of training ---- */

/* The mean quality with so many steps; NaN where there is none. */
static double quality_at(const struct candidate *candidate, long long steps, enum metric quality) {
    struct summary summary = summarise(candidate->evaluations, candidate->evaluation_count, steps);
    return summary.mean.values[quality];
}

bool page_has_lengths(const struct page_run *run) {
    return run->generations.agreement_count > 0;
}

/* The next larger number of steps that a candidate was trained for; 0 at the end. */
static long long next_length(const struct candidate *candidate, long long steps) {
    long long next = 0;
    for (int e = 0; e < candidate->evaluation_count; e++)
        if (candidate->evaluations[e].steps > steps && (next == 0 || candidate->evaluations[e].steps < next))
            next = candidate->evaluations[e].steps;
    return next;
}

static void draw_lengths(const struct page *page, const struct page_run *run, FILE *out) {
    enum metric quality = generations_quality(&run->generations);
    struct plot plot = {.out = out,
                        .x = {.title = "steps of training", .metric = METRICS, .whole = true},
                        .y = {.title = metric_table[quality].title, .metric = quality}};
    for (int draws = 0; draws < 2; draws++) {
        for (int c = 0; c < run->count; c++) {
            const struct candidate *candidate = run->candidates[c].recorded;
            double before = NAN, at = NAN;
            for (long long steps = next_length(candidate, 0); steps > 0; steps = next_length(candidate, steps)) {
                double value = quality_at(candidate, steps, quality);
                if (draws) {
                    plot_segment(&plot, at, before, (double)steps, value,
                                 run->candidates[c].on_front ? "way front" : "way");
                    page_point(page, run, &run->candidates[c], &plot, (double)steps, value);
                } else {
                    axis_include(&plot.x, (double)steps);
                    axis_include(&plot.y, value);
                }
                at = (double)steps;
                before = value;
            }
        }
        if (!draws)
            plot_begin(&plot, "Quality of candidates over the lengths that they were trained for");
    }
    plot_end(&plot);
}

static void write_correlation(double correlation, FILE *out) {
    if (isnan(correlation))
        fprintf(out, "<td class=\"number\">-</td>");
    else
        fprintf(out, "<td class=\"number\">%.3f</td>", correlation);
}

void page_lengths(const struct page *page, const struct page_run *run, FILE *out) {
    fprintf(out, "<div class=\"plots\">\n");
    draw_lengths(page, run, out);
    fprintf(out, "<div><table>\n<tr><th class=\"number\">steps</th><th class=\"number\">more steps</th>"
                 "<th class=\"number\">candidates</th><th class=\"number\">rank correlation</th></tr>\n");
    for (int a = 0; a < run->generations.agreement_count; a++) {
        const struct agreement *agreement = &run->generations.agreements[a];
        fprintf(out, "<tr><td class=\"number\">%lld</td><td class=\"number\">%lld</td><td class=\"number\">%d</td>",
                agreement->shorter, agreement->longer, agreement->candidates);
        write_correlation(agreement->correlation, out);
        fprintf(out, "</tr>\n");
    }
    fprintf(out, "</table></div>\n</div>\n");
    page_note(out, "How candidates that were trained for several lengths come out at each, and how two lengths order "
                   "the same candidates: Spearman's rank correlation, from 3 candidates on.");
}

/* ---- the surrogate ---- */

bool page_has_surrogate(const struct page_run *run) {
    return run->generations.prediction_count > 0;
}

static const struct page_candidate *find_candidate(const struct page_run *run, int id) {
    const struct recorded *recorded = run->front.run;
    int place = lineage_find(recorded->candidates, recorded->candidate_count, id);
    return place >= 0 ? &run->candidates[place] : NULL;
}

static void draw_predictions(const struct page *page, const struct page_run *run, enum metric metric, FILE *out) {
    struct plot plot = {.out = out,
                        .x = {.title = "predicted", .metric = metric},
                        .y = {.title = metric_table[metric].title, .metric = metric}};
    for (int draws = 0; draws < 2; draws++) {
        for (int p = 0; p < run->generations.prediction_count; p++) {
            const struct prediction_record *record = &run->generations.predictions[p];
            const struct page_candidate *candidate = find_candidate(run, record->candidate);
            double value = candidate ? quality_at(candidate->recorded, record->steps, metric) : NAN;
            if (record->metric != metric || isnan(value))
                continue;
            if (draws)
                page_point(page, run, candidate, &plot, record->value, value);
            for (int v = 0; v < 2 && !draws; v++) {
                axis_include(&plot.x, v ? value : record->value);
                axis_include(&plot.y, v ? value : record->value);
            }
        }
        if (!draws) {
            plot_begin(&plot, "What was predicted of candidates, and what training told");
            plot_segment(&plot, plot.x.least, plot.y.least, plot.x.greatest, plot.y.greatest, "staircase diagonal");
        }
    }
    plot_end(&plot);
}

static void write_judgement(const struct page_run *run, enum metric metric, FILE *out) {
    fprintf(out,
            "<div><table>\n<tr><th class=\"number\">generation</th><th class=\"number\">predictions of %s</th>"
            "<th class=\"number\">rank correlation</th></tr>\n",
            metric_table[metric].title);
    for (int g = 0; g < run->generations.count; g++) {
        int count;
        double correlation = generations_judge_surrogate(&run->generations, g, metric, &count);
        fprintf(out, "<tr><td class=\"number\">%d</td><td class=\"number\">%d</td>", g + 1, count);
        write_correlation(correlation, out);
        fprintf(out, "</tr>\n");
    }
    fprintf(out, "</table></div>\n");
}

void page_surrogate(const struct page *page, const struct page_run *run, FILE *out) {
    fprintf(out, "<div class=\"plots\">\n");
    for (int o = 0; o < run->front.run->objective_count; o++) {
        if (!generations_predicted(&run->generations, run->front.run->objectives[o]))
            continue;
        draw_predictions(page, run, run->front.run->objectives[o], out);
        write_judgement(run, run->front.run->objectives[o], out);
    }
    fprintf(out, "</div>\n");
    page_note(out, "What it predicted of candidates before they were trained, beside what training told. The rank "
                   "correlation is that of the latest 50 predictions behind a generation.");
}
