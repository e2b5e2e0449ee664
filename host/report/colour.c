#include "report/colour.h"

#include <math.h>
#include <stdio.h>

const char *colour_ordered(double share, char *buffer) {
    static const unsigned char stops[][3] = {{68, 1, 84},    {72, 40, 120},  {62, 74, 137},  {49, 104, 142},
                                             {38, 130, 142}, {31, 158, 137}, {53, 183, 121}, {110, 206, 88},
                                             {181, 222, 43}, {253, 231, 37}};
    enum { LAST = sizeof stops / sizeof *stops - 1 };
    double place = fmin(fmax(share, 0), 1) * LAST;
    int below = place < LAST ? (int)place : LAST - 1;
    unsigned parts[3];
    for (int part = 0; part < 3; part++)
        parts[part] =
            (unsigned)lround(stops[below][part] + (place - below) * (stops[below + 1][part] - stops[below][part]));
    snprintf(buffer, COLOUR_BYTES, "#%02x%02x%02x", parts[0] & 0xff, parts[1] & 0xff, parts[2] & 0xff);
    return buffer;
}

const char *colour_kind(int kind) {
    static const char *const kinds[COLOUR_KINDS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#000000"};
    return kind >= 0 && kind < COLOUR_KINDS ? kinds[kind] : "#8a8a8a";
}
