#include "run/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first of a unit's names is its own, of factor 1; "" is a number alone. */
static const struct unit_name {
    enum metric_unit unit;
    const char *name;
    double factor;
} unit_names[] = {
    {UNIT_NONE, "", 1},
    {UNIT_BITS, "", 1},
    {UNIT_SHARE, "", 1},
    {UNIT_SHARE, "%", 0.01},
    {UNIT_COUNT, "", 1},
    {UNIT_COUNT, "k", 1e3},
    {UNIT_COUNT, "M", 1e6},
    {UNIT_COUNT, "G", 1e9},
    {UNIT_COUNT, "T", 1e12},
    {UNIT_BYTES, "B", 1},
    {UNIT_BYTES, "KiB", 1024.0},
    {UNIT_BYTES, "MiB", 1048576.0},
    {UNIT_BYTES, "GiB", 1073741824.0},
    {UNIT_BYTES, "TiB", 1099511627776.0},
    {UNIT_BYTES, "kB", 1e3},
    {UNIT_BYTES, "MB", 1e6},
    {UNIT_BYTES, "GB", 1e9},
    {UNIT_BYTES, "TB", 1e12},
    {UNIT_MICROSECONDS, "us", 1},
    {UNIT_MICROSECONDS, "ms", 1e3},
    {UNIT_MICROSECONDS, "s", 1e6},
    {UNIT_PER_SECOND, "", 1},
    {UNIT_PER_SECOND, "k", 1e3},
    {UNIT_PER_SECOND, "M", 1e6},
    {UNIT_PER_SECOND, "G", 1e9},
    {UNIT_PER_SECOND, "T", 1e12},
    {UNIT_MICROJOULES, "uJ", 1},
    {UNIT_MICROJOULES, "mJ", 1e3},
    {UNIT_MICROJOULES, "J", 1e6},
};
enum { UNIT_NAMES = sizeof unit_names / sizeof *unit_names };

static status refuse_unit(enum metric metric, const char *text, const char *unit) {
    struct text allowed = {0};
    bool named = false;
    for (int i = 0; i < UNIT_NAMES; i++) {
        if (unit_names[i].unit != metric_table[metric].unit || !*unit_names[i].name)
            continue;
        text_append(&allowed, "%s%s", named ? ", " : "", unit_names[i].name);
        named = true;
    }
    status outcome = *unit ? fail_usage("\"%s\": '%s' is no unit of %s", text, unit, metric_table[metric].name)
                           : fail_usage("\"%s\" has no unit", text);
    if (named)
        outcome = fail_usage("%s; allowed: %s, or a number without quotes", status_message(), allowed.text);
    else
        outcome = fail_usage("%s; allowed: a number alone", status_message());
    text_free(&allowed);
    return outcome;
}

status limit_parse(enum metric metric, const char *text, double *value) {
    char *unit;
    double number = strtod(text, &unit);
    if (unit == text || !isfinite(number))
        return fail_usage("\"%s\" does not begin with a number", text);
    while (*unit == ' ')
        unit++;
    for (int i = 0; i < UNIT_NAMES; i++) {
        if (unit_names[i].unit != metric_table[metric].unit || strcmp(unit_names[i].name, unit) != 0)
            continue;
        *value = number * unit_names[i].factor;
        return STATUS_OK;
    }
    return refuse_unit(metric, text, unit);
}

static double excess(const struct limit *limit, double value) {
    bool at_least = metric_table[limit->metric].larger_is_better;
    if (isnan(value) || (at_least ? value >= limit->value : value <= limit->value))
        return 0;
    double relative = at_least ? limit->value / fmax(value, 0) - 1 : value / limit->value - 1;
    return fmin(relative, LIMIT_MOST_EXCESS);
}

double limits_violation(const struct limit_list *limits, const struct metrics *metrics) {
    double sum = 0;
    for (int i = 0; i < limits->count; i++)
        sum += excess(&limits->limits[i], metrics->values[limits->limits[i].metric]);
    return sum;
}

bool limits_any(const struct limit_list *limits, enum metric_kind kind) {
    for (int i = 0; i < limits->count; i++)
        if (metric_table[limits->limits[i].metric].kind == kind)
            return true;
    return false;
}

const char *limit_text(const struct limit *limit, char *buffer) {
    char value[TEXT_NUMBER_BYTES];
    snprintf(buffer, LIMIT_TEXT_BYTES, "at %s %s", metric_table[limit->metric].larger_is_better ? "least" : "most",
             limit->written[0] ? limit->written : metric_text(limit->metric, limit->value, value));
    return buffer;
}
