#include "cascade.h"

#include "base/memory.h"
#include "report/markup.h"
#include "starcl/version.h"

#include <stdlib.h>

/* ---- what lines and platforms look like ---- */

/* Okabe and Ito's colours, which the colour-blind can tell apart, without the yellow that paper swallows. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#e69f00"};
enum { COLOURS = sizeof colours / sizeof *colours };

/* Around (0, 0). Seven colours and six shapes go together again after 42 lines. */
static const char *const shapes[] = {"M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
                                     "M-4.5-4.5h9v9h-9z",
                                     "M0-6L5.5 4.5h-11z",
                                     "M0-6.5L6 0L0 6.5L-6 0z",
                                     "M0 6L5.5-4.5h-11z",
                                     "M-6 0L-3-5.2h6L6 0L3 5.2h-6z"};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const char *colour_of(int line) {
    return colours[line % COLOURS];
}

static void append_escaped(struct text *page, const char *words) {
    for (; *words; words++) {
        const char *entity = markup_entity(*words);
        if (entity)
            text_append(page, "%s", entity);
        else
            text_append(page, "%c", *words);
    }
}

/* ---- the picture ---- */

enum {
    LEFT = 70, /* of the curves; pixels, as all below */
    TOP = 20,
    HEIGHT = 300,
    LEAST_WIDTH = 360, /* of the curves */
    STEP = 56,         /* of a platform, where that is wider */
    GAP = 24,          /* between curves and bars */
    BAR = 30,
    ROW = 24,        /* of the chart of platforms */
    NAME_WIDTH = 240 /* of the workloads' names, beside that chart */
};

struct frame {
    const struct portability *portability;
    double width, step; /* of the curves, and of one platform in them */
    double most;        /* efficiency at the upper end */
    double chart_top, bars_left;
};

static struct frame lay_out(const struct portability *portability) {
    struct frame frame = {.portability = portability, .most = 1};
    int steps = portability->platform_count ? portability->platform_count : 1;
    frame.width = steps * STEP > LEAST_WIDTH ? steps * STEP : LEAST_WIDTH;
    frame.step = frame.width / steps;
    for (int i = 0; i < portability->line_count; i++)
        for (int j = 0; j < portability->platform_count; j++)
            while (portability->lines[i].cells[j].efficiency > frame.most)
                frame.most += 0.1;
    frame.chart_top = TOP + HEIGHT + 34;
    frame.bars_left = LEFT + frame.width + GAP;
    return frame;
}

static double x_of(const struct frame *frame, int place) {
    return LEFT + (place + 0.5) * frame->step;
}

static double y_of(const struct frame *frame, double efficiency) {
    return TOP + HEIGHT * (1 - efficiency / frame->most);
}

static void append_marker(struct text *page, int line, double x, double y) {
    text_append(page, "<path d=\"%s\" fill=\"%s\" stroke=\"#fff\" transform=\"translate(%.1f %.1f)\"/>\n",
                shapes[line % SHAPES], colour_of(line), x, y);
}

static void append_grid(struct text *page, const struct frame *frame) {
    double right = frame->bars_left + (frame->portability->line_count + 0.5) * BAR;
    for (int percent = 0; percent <= 100 * frame->most + 0.5; percent += 20) {
        double y = y_of(frame, percent / 100.0);
        text_append(page, "<path d=\"M%d %.1fH%.1fM%.1f %.1fH%.1f\" stroke=\"%s\"/>", LEFT, y, LEFT + frame->width,
                    frame->bars_left, y, right, percent == 0 || percent == 100 ? "#666" : "#ddd");
        text_append(page, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d %%</text>\n", LEFT - 8, y + 4, percent);
    }
    for (int place = 0; place < frame->portability->platform_count; place++)
        text_append(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x_of(frame, place),
                    TOP + HEIGHT + 18, place + 1);
    text_append(page,
                "<text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">share of the platform's "
                "bound</text>\n",
                TOP + HEIGHT / 2);
    text_append(page, "<text x=\"%.1f\" y=\"%d\">portability</text>\n", frame->bars_left, TOP + HEIGHT + 18);
}

/* The line's platforms that ran it, the best first; returns how many. The order of equals is that of the platforms. */
static int sort_platforms(const struct portability_line *line, int platform_count, int *order) {
    int count = 0;
    for (int platform = 0; platform < platform_count; platform++) {
        if (line->cells[platform].efficiency <= 0)
            continue;
        int place = count++;
        for (; place > 0 && line->cells[order[place - 1]].efficiency < line->cells[platform].efficiency; place--)
            order[place] = order[place - 1];
        order[place] = platform;
    }
    return count;
}

static void append_curve(struct text *page, const struct frame *frame, int index, const int *order, int count) {
    const struct portability_line *line = &frame->portability->lines[index];
    text_append(page, "<path fill=\"none\" stroke-width=\"1.8\" stroke=\"%s\" d=\"", colour_of(index));
    for (int i = 0; i < count; i++)
        text_append(page, "%c%.1f %.1f", i ? 'L' : 'M', x_of(frame, i), y_of(frame, line->cells[order[i]].efficiency));
    text_append(page, "\"/>\n");
    for (int i = 0; i < count; i++) {
        double efficiency = line->cells[order[i]].efficiency;
        text_append(page, "<g><title>");
        append_escaped(page, line->name);
        text_append(page, ", [%d] ", order[i] + 1);
        append_escaped(page, frame->portability->platforms[order[i]]);
        text_append(page, ": %.1f %%</title>", 100 * efficiency);
        append_marker(page, index, x_of(frame, i), y_of(frame, efficiency));
        text_append(page, "</g>\n");
    }
}

/* The row of boxes below the curves: which platform each step of this line is. */
static void append_steps(struct text *page, const struct frame *frame, int index, const int *order, int count) {
    double y = frame->chart_top + index * ROW;
    text_append(page, "<path d=\"M%d %.1fH%.1f\" stroke=\"%s\" stroke-width=\"1.8\"/>", LEFT - 12, y + ROW / 2.0,
                frame->bars_left - 8, colour_of(index));
    append_marker(page, index, LEFT - 12, y + ROW / 2.0);
    for (int i = 0; i < count; i++)
        text_append(page,
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"hsl(210 20%% %d%%)\" "
                    "stroke=\"#666\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">[%d]</text>\n",
                    x_of(frame, i) - frame->step / 2, y + 1, frame->step, ROW - 2,
                    96 - 30 * order[i] / frame->portability->platform_count, x_of(frame, i), y + ROW / 2.0 + 4,
                    order[i] + 1);
    append_marker(page, index, frame->bars_left, y + ROW / 2.0);
    text_append(page, "<text x=\"%.1f\" y=\"%.1f\">", frame->bars_left + 12, y + ROW / 2.0 + 4);
    append_escaped(page, frame->portability->lines[index].name);
    text_append(page, "</text>\n");
}

static void append_bar(struct text *page, const struct frame *frame, int index) {
    const struct portability_line *line = &frame->portability->lines[index];
    double x = frame->bars_left + (index + 0.25) * BAR, y = y_of(frame, line->score);
    text_append(page, "<g><title>");
    append_escaped(page, line->name);
    text_append(page,
                ": %.1f %%</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"#fff\" "
                "stroke=\"%s\" stroke-width=\"1.8\"/>",
                100 * line->score, x, y, BAR - 8, TOP + HEIGHT - y, colour_of(index));
    append_marker(page, index, x + (BAR - 8) / 2.0, y);
    text_append(page, "</g>\n");
}

static void append_picture(struct text *page, const struct portability *portability) {
    struct frame frame = lay_out(portability);
    double bars = (portability->line_count + 0.5) * BAR;
    double width = frame.bars_left + (bars > NAME_WIDTH ? bars : NAME_WIDTH) + 10;
    double height = frame.chart_top + portability->line_count * ROW + 10;
    int *order = memory_allocate((size_t)portability->platform_count + 1, sizeof *order);
    text_append(page,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" role=\"img\" "
                "aria-label=\"Cascade plot; the table below has its numbers\" font-size=\"13\">\n",
                width, height, width);
    append_grid(page, &frame);
    for (int i = 0; i < portability->line_count; i++) {
        int count = sort_platforms(&portability->lines[i], portability->platform_count, order);
        append_curve(page, &frame, i, order, count);
        append_steps(page, &frame, i, order, count);
        append_bar(page, &frame, i);
    }
    text_append(page, "</svg>\n");
    free(order);
}

/* ---- the table ---- */

/* A cell is the bluer the higher its share, and black on it can be read at any. */
static void append_share(struct text *page, double share) {
    double depth = share > 1 ? 1 : share;
    if (share > 0)
        text_append(page, "<td style=\"background:hsl(205 70%% %.0f%%)\">%.1f</td>", 98 - 33 * depth, 100 * share);
    else
        text_append(page, "<td class=\"none\">did not run</td>");
}

static void append_table(struct text *page, const struct portability *portability) {
    text_append(page, "<table>\n<tr><th>%% of the platform's bound</th>");
    for (int i = 1; i <= portability->platform_count; i++)
        text_append(page, "<th>[%d]</th>", i);
    text_append(page, "<th>portability</th></tr>\n");
    for (int i = 0; i < portability->line_count; i++) {
        const struct portability_line *line = &portability->lines[i];
        text_append(page, "<tr><th>");
        append_escaped(page, line->name);
        text_append(page, "</th>");
        for (int j = 0; j < portability->platform_count; j++)
            append_share(page, line->cells[j].efficiency);
        text_append(page, "<td><b>%.1f</b></td></tr>\n", 100 * line->score);
    }
    text_append(page, "</table>\n<ul>\n");
    for (int i = 0; i < portability->platform_count; i++) {
        text_append(page, "<li>[%d] ", i + 1);
        append_escaped(page, portability->platforms[i]);
        text_append(page, "</li>\n");
    }
    text_append(page, "</ul>\n");
}

/* ---- the page ---- */

void cascade_append(const struct portability *portability, struct text *page) {
    text_append(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<title>How portable is starcl's performance?</title>\n<style>\n"
                      "body { font-family: sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em; }\n"
                      "svg { max-width: 100%%; height: auto; }\n"
                      "table { border-collapse: collapse; } th, td { padding: .25em .7em; border: 1px solid #ccc; }\n"
                      "th { text-align: left; font-weight: normal; } td { text-align: right; }\n"
                      "ul { list-style: none; padding: 0; }\n"
                      "td.none { color: #666; font-style: italic; }\n"
                      "td { -webkit-print-color-adjust: exact; print-color-adjust: exact; }\n"
                      "@media print { body { margin: 0; max-width: none; } }\n"
                      "</style>\n</head>\n<body>\n<h1>How portable is starcl's performance?</h1>\n");
    append_picture(page, portability);
    text_append(page,
                "<p>Each workload walks down its platforms from where it reaches most of what the platform can do to\n"
                "where it reaches least. A curve that ends early did not run everywhere. The boxes say which platform\n"
                "each step is. Portability is the harmonic mean over all platforms, 0 where one did not run it\n"
                "(Pennycook, Sewall and Lee).</p>\n");
    append_table(page, portability);
    text_append(page, "<p><small>starcl %s</small></p>\n</body>\n</html>\n", STAR_VERSION);
}
