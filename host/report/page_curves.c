/* The losses of trainings, step by step. */
#include "report/page_state.h"
#include "report/plot.h"

#include <stdlib.h>

bool page_has_curves(const struct page_run *run) {
    return run->curve_count > 0;
}

static bool is_on_front(const struct page_run *run, int id) {
    for (int c = 0; c < run->count; c++)
        if (run->candidates[c].recorded->individual.id == id)
            return run->candidates[c].on_front;
    return false;
}

/* Of the front, or of the others, which lie below. */
static void draw_curves(const struct plot *plot, const struct page_run *run, bool front) {
    for (int c = 0; c < run->curve_count; c++) {
        const struct loss_curve *curve = &run->curves[c];
        if (is_on_front(run, curve->candidate) != front)
            continue;
        fprintf(plot->out, "<g><title>%d</title>", curve->candidate);
        plot_line(plot, curve->steps, curve->losses, curve->count, false, front ? "way front" : "way", "currentColor");
        fprintf(plot->out, "</g>\n");
    }
}

void page_curves(const struct page *page, const struct page_run *run, FILE *out) {
    (void)page;
    struct plot plot = {.out = out,
                        .x = {.title = "step", .metric = METRICS, .whole = true},
                        .y = {.title = "training loss, nats", .metric = METRICS}};
    for (int c = 0; c < run->curve_count; c++) {
        const struct loss_curve *curve = &run->curves[c];
        for (int i = 0; i < curve->count; i++) {
            axis_include(&plot.x, curve->steps[i]);
            axis_include(&plot.y, curve->losses[i]);
        }
    }
    fprintf(out, "<div class=\"plots\">\n");
    plot_begin(&plot, "Training loss over steps, a line a training");
    draw_curves(&plot, run, false);
    draw_curves(&plot, run, true);
    plot_end(&plot);
    fprintf(out, "</div>\n");
    page_note(out, "The loss of each training's batches, up to 128 of its steps; dark lines are of the front.");
}
