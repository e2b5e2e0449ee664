#include "report/plot.h"

#include "report/markup.h"

#include <math.h>
#include <string.h>

enum { LEFT = 70, RIGHT = 16, TOP = 10, BOTTOM = 44 };

/* ---- axes ---- */

void axis_include(struct axis *axis, double value) {
    if (!isfinite(value))
        return;
    axis->least = axis->holds ? fmin(axis->least, value) : value;
    axis->greatest = axis->holds ? fmax(axis->greatest, value) : value;
    axis->holds = true;
}

void axis_choose_scale(struct axis *axis) {
    axis->logarithmic = axis->holds && axis->least > 0 && axis->greatest > 20 * axis->least;
}

/* What values count in: 1024s of bytes, so that ticks are round in the unit that a person reads. */
static double unit_of(const struct axis *axis, double value) {
    double unit = 1;
    if (axis->metric != METRICS && metric_table[axis->metric].unit == UNIT_BYTES)
        while (unit * 1024 <= fabs(value))
            unit *= 1024;
    return unit;
}

/* 1, 2 or 5 times a power of ten: the smallest that is not below. */
static double round_up(double value) {
    double power = pow(10, floor(log10(value))), digit = value / power;
    return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

static double step_of(const struct axis *axis) {
    double unit = unit_of(axis, fmax(fabs(axis->least), fabs(axis->greatest)));
    double step = round_up((axis->greatest - axis->least) / unit / 5) * unit;
    return axis->whole && step < 1 ? 1 : step;
}

/* Ends that are round, and apart. */
static void settle(struct axis *axis) {
    if (!axis->holds)
        axis->greatest = 1;
    if (axis->logarithmic) {
        axis->least /= 1.15;
        axis->greatest *= 1.15;
        return;
    }
    if (axis->least == axis->greatest) {
        double half = axis->whole || axis->least == 0 ? 0.5 : 0.05 * fabs(axis->least);
        axis->least -= half;
        axis->greatest += half;
        return;
    }
    double step = step_of(axis) / 2;
    if (!axis->whole) {
        axis->least = floor(axis->least / step) * step;
        axis->greatest = ceil(axis->greatest / step) * step;
    }
}

/* Powers of two of bytes, with a stride that leaves few; 1, 2 and 5 times powers of ten otherwise, or the powers alone.
 */
static int logarithmic_ticks(const struct axis *axis, double *ticks) {
    static const double digits[] = {1, 2, 5};
    bool bytes = axis->metric != METRICS && metric_table[axis->metric].unit == UNIT_BYTES;
    double base = bytes ? 2 : 10, decades = log(axis->greatest / axis->least) / log(base);
    int count = 0, stride = bytes ? (int)ceil(decades / 6) : decades > 6 ? (int)ceil(decades / 6) : 1;
    int parts = bytes || decades > 2.5 ? 1 : 3;
    for (double power = floor(log(axis->least) / log(base)); power <= log(axis->greatest) / log(base) + 1; power++)
        for (int part = 0; part < parts; part++) {
            double tick = digits[part] * pow(base, power);
            if ((long)power % stride == 0 && tick >= axis->least && tick <= axis->greatest && count < AXIS_MOST_TICKS)
                ticks[count++] = tick;
        }
    return count;
}

int axis_ticks(const struct axis *axis, double ticks[AXIS_MOST_TICKS]) {
    int count = 0;
    if (axis->logarithmic)
        return logarithmic_ticks(axis, ticks);
    double step = step_of(axis), first = ceil(axis->least / step - 1e-9);
    for (double tick = first; tick * step <= axis->greatest + 1e-9 * step && count < AXIS_MOST_TICKS; tick++)
        ticks[count++] = tick * step + 0.0; /* not -0 */
    return count;
}

/* Zeros at the end of a fraction: "2.4000" is 2.4, "32.0 KiB" is 32 KiB. */
static void shorten(char *text) {
    char *point = strchr(text, '.');
    if (!point)
        return;
    char *end = point + 1 + strspn(point + 1, "0123456789"), *last = end;
    while (last[-1] == '0')
        last--;
    if (last[-1] == '.')
        last--;
    memmove(last, end, strlen(end) + 1);
}

const char *axis_text(const struct axis *axis, double value, char *buffer) {
    if (axis->metric == METRICS)
        snprintf(buffer, AXIS_TEXT_BYTES, fabs(value) >= 1e6 ? "%.3g" : "%.7g", fabs(value) < 1e-12 ? 0 : value);
    else
        metric_text(axis->metric, value, buffer);
    shorten(buffer);
    return buffer;
}

/* ---- the picture ---- */

static double share_of(const struct axis *axis, double value) {
    if (axis->logarithmic)
        return log(value / axis->least) / log(axis->greatest / axis->least);
    return (value - axis->least) / (axis->greatest - axis->least);
}

double plot_x(const struct plot *plot, double value) {
    return LEFT + share_of(&plot->x, value) * (PLOT_WIDTH - LEFT - RIGHT);
}

double plot_y(const struct plot *plot, double value) {
    return PLOT_HEIGHT - BOTTOM - share_of(&plot->y, value) * (PLOT_HEIGHT - TOP - BOTTOM);
}

/* The text of a tick, unless it is that of the one before: values closer to each other than their texts. */
static void write_tick(const struct axis *axis, const double *ticks, int tick, FILE *out) {
    char text[AXIS_TEXT_BYTES], before[AXIS_TEXT_BYTES] = "";
    if (tick > 0)
        axis_text(axis, ticks[tick - 1], before);
    if (strcmp(axis_text(axis, ticks[tick], text), before) != 0)
        markup_text(text, out);
    fprintf(out, "</text>\n");
}

static void draw_ticks(const struct plot *plot) {
    double ticks[AXIS_MOST_TICKS];
    int count = axis_ticks(&plot->x, ticks);
    for (int t = 0; t < count; t++) {
        double x = plot_x(plot, ticks[t]);
        fprintf(plot->out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" class=\"middle\">", x,
                TOP, PLOT_HEIGHT - BOTTOM, x, PLOT_HEIGHT - BOTTOM + 15);
        write_tick(&plot->x, ticks, t, plot->out);
    }
    count = axis_ticks(&plot->y, ticks);
    for (int t = 0; t < count; t++) {
        double y = plot_y(plot, ticks[t]);
        fprintf(plot->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" class=\"end\">", LEFT, y,
                PLOT_WIDTH - RIGHT, LEFT - 6, y + 4);
        write_tick(&plot->y, ticks, t, plot->out);
    }
}

void plot_begin(struct plot *plot, const char *label) {
    settle(&plot->x);
    settle(&plot->y);
    fprintf(plot->out, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", PLOT_WIDTH, PLOT_HEIGHT);
    markup_text(label, plot->out);
    fprintf(plot->out, "\">\n");
    draw_ticks(plot);
    fprintf(plot->out, "<path class=\"frame\" d=\"M%d %dV%dH%d\"/><text x=\"%d\" y=\"%d\" class=\"middle title\">",
            LEFT, TOP, PLOT_HEIGHT - BOTTOM, PLOT_WIDTH - RIGHT, (LEFT + PLOT_WIDTH - RIGHT) / 2, PLOT_HEIGHT - 8);
    markup_text(plot->x.title, plot->out);
    fprintf(plot->out, "</text><text transform=\"translate(11 %d) rotate(-90)\" class=\"middle title\">",
            (TOP + PLOT_HEIGHT - BOTTOM) / 2);
    markup_text(plot->y.title, plot->out);
    fprintf(plot->out, "</text>\n");
}

void plot_end(struct plot *plot) {
    fprintf(plot->out, "</svg>\n");
}

void plot_segment(const struct plot *plot, double x1, double y1, double x2, double y2, const char *class_name) {
    if (isfinite(x1) && isfinite(y1) && isfinite(x2) && isfinite(y2))
        fprintf(plot->out, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", class_name, plot_x(plot, x1),
                plot_y(plot, y1), plot_x(plot, x2), plot_y(plot, y2));
}

void plot_line(const struct plot *plot, const double *x, const double *y, int count, bool steps, const char *class_name,
               const char *colour) {
    bool begun = false;
    fprintf(plot->out, "<path class=\"%s\" stroke=\"%s\" d=\"", class_name, colour);
    for (int i = 0; i < count; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            continue;
        if (begun && steps)
            fprintf(plot->out, "H%.1f", plot_x(plot, x[i]));
        fprintf(plot->out, "%c%.1f %.1f", begun ? 'L' : 'M', plot_x(plot, x[i]), plot_y(plot, y[i]));
        begun = true;
    }
    fprintf(plot->out, "\"/>\n");
}
