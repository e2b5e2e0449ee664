/* What several sections of a page draw: candidates as points, legends, notes. */
#include "base/text.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "report/plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void page_shapes(FILE *out) {
    /* By kind; the last is of the classes that have none. */
    static const char *const shapes[COLOUR_KINDS + 1] = {
        "<circle r=\"4.2\"/>",
        "<path d=\"M-3.8-3.8H3.8V3.8H-3.8Z\"/>",
        "<path d=\"M0-5L4.8 3.6H-4.8Z\"/>",
        "<path d=\"M0-5.4L5.4 0L0 5.4L-5.4 0Z\"/>",
        "<path d=\"M0 5L4.8-3.6H-4.8Z\"/>",
        "<path d=\"M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7Z\"/>",
        "<path d=\"M0-5L4.8-1.5L2.9 4H-2.9L-4.8-1.5Z\"/>",
        "<circle r=\"2.6\"/>",
    };
    fprintf(out, "<svg width=\"0\" height=\"0\" class=\"shapes\" aria-hidden=\"true\"><defs>\n");
    for (int shape = 0; shape <= COLOUR_KINDS; shape++)
        fprintf(out, "<g id=\"shape-%d\">%s</g>\n", shape, shapes[shape]);
    fprintf(out, "</defs></svg>\n");
}

void page_tell(const struct page *page, const struct page_run *run, const struct page_candidate *candidate, FILE *out) {
    const struct individual *individual = &candidate->recorded->individual;
    char number[TEXT_NUMBER_BYTES];
    if (page->count > 1)
        markup_print(out, "%s: ", store_path(run->store));
    markup_print(out, "%d, %s of generation %d", individual->id,
                 candidate->baseline ? candidate->baseline : origin_names[individual->origin],
                 individual->generation + 1);
    for (int o = 0; o < page->objective_count; o++)
        markup_print(out, "%s%s %s", o ? ", " : ": ",
                     metric_text(page->objectives[o], candidate->summary.mean.values[page->objectives[o]], number),
                     metric_table[page->objectives[o]].title);
}

void page_ends(const struct summary *summary, enum metric metric, double *low, double *high) {
    double error = metric_varies(metric) ? summary->errors.values[metric] : NAN;
    *low = isnan(error) ? summary->low.values[metric] : summary->mean.values[metric] - error;
    *high = isnan(error) ? summary->high.values[metric] : summary->mean.values[metric] + error;
}

void page_include(struct axis *axis, const struct summary *summary) {
    double low, high;
    page_ends(summary, axis->metric, &low, &high);
    axis_include(axis, summary->mean.values[axis->metric]);
    axis_include(axis, low);
    axis_include(axis, high);
}

void page_errors(const struct plot *plot, const struct summary *summary) {
    double low, high, x = summary->mean.values[plot->x.metric], y = summary->mean.values[plot->y.metric];
    page_ends(summary, plot->y.metric, &low, &high);
    plot_segment(plot, x, low, x, high, "error");
    page_ends(summary, plot->x.metric, &low, &high);
    plot_segment(plot, low, y, high, y, "error");
}

const char *page_generation_colour(const struct page *page, int generation, char *buffer) {
    const double most = 0.85; /* yellow cannot be seen on white */
    return colour_ordered(page->generations > 1 ? most * generation / (page->generations - 1) : 0, buffer);
}

void page_point(const struct page *page, const struct page_run *run, const struct page_candidate *candidate,
                const struct plot *plot, double x, double y) {
    const struct individual *individual = &candidate->recorded->individual;
    int kind = page_kind(page, page_class_name(run, candidate->dominant));
    char colour[COLOUR_BYTES];
    if (!isfinite(x) || !isfinite(y))
        return;
    fprintf(plot->out,
            "<use href=\"#shape-%d\" x=\"%.1f\" y=\"%.1f\" class=\"point%s%s\" data-candidate=\"%d:%d\" "
            "style=\"--generation:%s;--class:%s;--run:%s\"><title>",
            kind, plot_x(plot, x), plot_y(plot, y), candidate->on_front ? " front" : "",
            individual->origin == ORIGIN_FOUNDER ? " founder" : "", run->place, individual->id,
            page_generation_colour(page, individual->generation, colour), colour_kind(kind), colour_kind(run->place));
    page_tell(page, run, candidate, plot->out);
    fprintf(plot->out, "</title></use>\n");
    if (individual->origin != ORIGIN_FOUNDER)
        return;
    fprintf(plot->out, "<circle class=\"ring\" cx=\"%.1f\" cy=\"%.1f\" r=\"7.5\"/>", plot_x(plot, x), plot_y(plot, y));
    bool left = plot_x(plot, x) > 0.7 * PLOT_WIDTH; /* where the words would leave the picture */
    fprintf(plot->out, "<text class=\"name%s\" x=\"%.1f\" y=\"%.1f\">", left ? " end" : "",
            plot_x(plot, x) + (left ? -10 : 10), plot_y(plot, y) + 3.5);
    markup_text(candidate->baseline ? candidate->baseline : "founder", plot->out);
    fprintf(plot->out, "</text>\n");
}

void page_swatch(const char *colour, const char *words, FILE *out) {
    fprintf(out, "<span class=\"swatch\"><i style=\"background:%s\"></i>", colour);
    markup_text(words, out);
    fprintf(out, "</span>\n");
}

void page_runs_legend(const struct page *page, FILE *out) {
    if (page->count < 2)
        return;
    fprintf(out, "<div class=\"legend\">");
    for (int r = 0; r < page->count; r++)
        page_swatch(colour_kind(r), store_path(page->runs[r].store), out);
    fprintf(out, "</div>\n");
}

void page_note(FILE *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(out, "<p class=\"note\">");
    markup_list(out, format, arguments);
    fprintf(out, "</p>\n");
    va_end(arguments);
}
