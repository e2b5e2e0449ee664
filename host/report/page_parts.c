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

/* A generation's share of the way; light yellow, which cannot be seen on white, left out. */
static const char *generation_colour(const struct page_run *run, int generation, char *buffer) {
    return colour_ordered(run->generations.count > 1 ? 0.85 * generation / (run->generations.count - 1) : 0, buffer);
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
            generation_colour(run, individual->generation, colour), colour_kind(kind), colour_kind(run->place));
    page_tell(page, run, candidate, plot->out);
    fprintf(plot->out, "</title></use>\n");
    if (individual->origin != ORIGIN_FOUNDER)
        return;
    fprintf(plot->out, "<circle class=\"ring\" cx=\"%.1f\" cy=\"%.1f\" r=\"7.5\"/>", plot_x(plot, x), plot_y(plot, y));
    fprintf(plot->out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", plot_x(plot, x) + 10, plot_y(plot, y) + 3.5);
    markup_text(candidate->baseline ? candidate->baseline : "founder", plot->out);
    fprintf(plot->out, "</text>\n");
}

void page_swatch(const char *colour, const char *words, FILE *out) {
    fprintf(out, "<span class=\"swatch\"><i style=\"background:%s\"></i>", colour);
    markup_text(words, out);
    fprintf(out, "</span>\n");
}

void page_note(FILE *out, const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort(); /* as memory.h says of small structures */
    fprintf(out, "<p class=\"note\">");
    markup_text(text, out);
    fprintf(out, "</p>\n");
    free(text);
}
