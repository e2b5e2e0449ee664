/*
 * A plot as SVG: a frame, ticks and titles, and in it points, error bars, lines and boxes at data coordinates.
 *
 *     struct plot plot = {.out = out, .x = {...}, .y = {...}};
 *     axis_include(&plot.x, value); ...                        what it must hold
 *     plot_begin(&plot, "what a listener hears");              the frame
 *     plot_segment(&plot, ...); plot_line(&plot, ...); ...     what is in it
 *     plot_end(&plot);
 *
 * Axes widen to round ends. What is not finite is not drawn. Classes name what style.css colours.
 */
#ifndef STARCL_REPORT_PLOT_H
#define STARCL_REPORT_PLOT_H

#include "run/metrics.h"

#include <stdbool.h>
#include <stdio.h>

enum { PLOT_WIDTH = 480, PLOT_HEIGHT = 320, AXIS_MOST_TICKS = 24, AXIS_TEXT_BYTES = 40 };

struct axis {
    const char *title;
    enum metric metric; /* whose values it has: how ticks read; METRICS: plain numbers */
    bool holds;         /* something was included */
    double least, greatest;
    bool whole;       /* ticks at whole numbers alone */
    bool logarithmic; /* chosen by axis_choose_scale() */
};

struct plot {
    FILE *out;
    struct axis x, y;
};

void axis_include(struct axis *axis, double value);
/* Logarithmic where the values are above 0 and the greatest is more than 20 times the least. */
void axis_choose_scale(struct axis *axis);
/* The round values that lie on the axis, rising; returns how many. */
int axis_ticks(const struct axis *axis, double ticks[AXIS_MOST_TICKS]);
/* "2.4", "32 KiB": as short as it can be. Writes to buffer (AXIS_TEXT_BYTES) and returns it. */
const char *axis_text(const struct axis *axis, double value, char *buffer);

/* `label` says what is drawn to who cannot see it. */
void plot_begin(struct plot *plot, const char *label);
void plot_end(struct plot *plot);

/* Where a value lies, in units of the picture. */
double plot_x(const struct plot *plot, double value);
double plot_y(const struct plot *plot, double value);

/* From one data point to another. */
void plot_segment(const struct plot *plot, double x1, double y1, double x2, double y2, const char *class_name);
/* A line through points, those that are not finite passed over; `steps`: level until the next point. */
void plot_line(const struct plot *plot, const double *x, const double *y, int count, bool steps, const char *class_name,
               const char *colour);

#endif
