#include "run/now.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char name[] = "now.json";

/* ---- the curve ---- */

/* Every second point, so that there is room for as many again. */
static void thin(struct now_curve *curve) {
    curve->count /= 2;
    for (int i = 0; i < curve->count; i++) {
        curve->steps[i] = curve->steps[2 * i + 1];
        curve->losses[i] = curve->losses[2 * i + 1];
    }
    curve->stride *= 2;
}

static void add_point(struct now_curve *curve, int64_t step, double loss) {
    if (curve->stride == 0)
        curve->stride = 1;
    if (curve->count == NOW_POINTS)
        thin(curve);
    if (++curve->told % curve->stride != 0)
        return;
    curve->steps[curve->count] = (double)step;
    curve->losses[curve->count++] = loss;
}

/* ---- telling ---- */

static double processor_seconds(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return NAN;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void add_number(cJSON *json, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(json, key, value);
}

/* A millionth is more than a plot shows, and numbers are short. */
static double rounded(double value) {
    return isfinite(value) ? round(1e6 * value) / 1e6 : value;
}

static cJSON *describe_curve(const struct now_curve *curve) {
    cJSON *json = cJSON_CreateArray();
    for (int i = 0; i < curve->count; i++) {
        const double point[] = {curve->steps[i], rounded(curve->losses[i])};
        if (isfinite(point[1]))
            cJSON_AddItemToArray(json, cJSON_CreateDoubleArray(point, 2));
    }
    return json;
}

static cJSON *describe(const struct now *now) {
    cJSON *json = cJSON_CreateObject();
    add_number(json, "time", now->time);
    cJSON_AddStringToObject(json, "what", now->what);
    add_number(json, "step", (double)now->step);
    add_number(json, "steps", (double)now->steps);
    add_number(json, "loss", rounded(now->loss));
    add_number(json, "steps_per_second", rounded(now->steps_per_second));
    add_number(json, "share", rounded(now->share));
    add_number(json, "seconds_left", rounded(now->seconds_left));
    add_number(json, "cores_used", rounded(now->cores_used));
    add_number(json, "cores", now->cores);
    cJSON_AddItemToObject(json, "curve", describe_curve(&now->curve));
    return json;
}

static void set_rates(struct now_teller *teller, double clock, double processor) {
    struct now *now = &teller->now;
    double passed = clock - teller->last_clock;
    bool known = teller->last_clock > 0;
    now->cores_used = known ? (processor - teller->last_processor) / passed : NAN;
    now->cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    now->steps_per_second =
        known && now->step > teller->last_step ? (double)(now->step - teller->last_step) / passed : NAN;
    teller->last_clock = clock;
    teller->last_processor = processor;
    teller->last_step = now->step;
}

void now_tell(struct now_teller *teller, struct store *store, const struct now_progress *progress) {
    struct now *now = &teller->now;
    struct timespec wall;
    /* Another training has begun. */
    if (strcmp(now->what, progress->what) != 0 || progress->step <= now->step) {
        now->curve = (struct now_curve){0};
        teller->last_step = INT64_MAX;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    now->time = (double)wall.tv_sec;
    snprintf(now->what, sizeof now->what, "%s", progress->what);
    now->step = progress->step;
    now->steps = progress->steps;
    now->loss = progress->loss;
    now->share = progress->share;
    now->seconds_left = progress->seconds_left;
    add_point(&now->curve, progress->step, progress->loss);
    double clock = clock_seconds();
    if (clock - teller->last_clock < 1)
        return;
    set_rates(teller, clock, processor_seconds());
    cJSON *json = describe(now);
    char *text = cJSON_PrintUnformatted(json);
    store_note(store, name, text);
    cJSON_free(text);
    cJSON_Delete(json);
}

cJSON *now_take_curve(struct now_teller *teller) {
    cJSON *curve = describe_curve(&teller->now.curve);
    teller->now.curve = (struct now_curve){0};
    return curve;
}

void now_end(struct store *store) {
    store_note(store, name, NULL);
}

/* ---- reading ---- */

static double read_number(const cJSON *json, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static int64_t read_count(const cJSON *json, const char *key) {
    double number = read_number(json, key);
    return number >= 0 && number < 9e15 ? (int64_t)number : 0;
}

static void read_curve(const cJSON *json, struct now_curve *curve) {
    const cJSON *point;
    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(json, "curve")) {
        const cJSON *step = cJSON_GetArrayItem(point, 0), *loss = cJSON_GetArrayItem(point, 1);
        if (curve->count == NOW_POINTS || !cJSON_IsNumber(step) || !cJSON_IsNumber(loss))
            return;
        curve->steps[curve->count] = step->valuedouble;
        curve->losses[curve->count++] = loss->valuedouble;
    }
}

void now_read_text(const char *text, bool *found, struct now *now) {
    cJSON *json = cJSON_Parse(text);
    *now = (struct now){0};
    *found = cJSON_IsObject(json);
    if (*found) {
        now->time = read_number(json, "time");
        snprintf(now->what, sizeof now->what, "%s", json_text(json, "what"));
        now->step = read_count(json, "step");
        now->steps = read_count(json, "steps");
        now->loss = read_number(json, "loss");
        now->steps_per_second = read_number(json, "steps_per_second");
        now->share = read_number(json, "share");
        now->seconds_left = read_number(json, "seconds_left");
        now->cores_used = read_number(json, "cores_used");
        now->cores = read_number(json, "cores");
        read_curve(json, &now->curve);
    }
    cJSON_Delete(json);
}

void now_read(const char *run, bool *found, struct now *now) {
    char path[PATH_MAX], *text;
    size_t length;
    *found = false;
    *now = (struct now){0};
    if (snprintf(path, sizeof path, "%s/%s", run, name) >= (int)sizeof path ||
        file_read(path, &text, &length) != STATUS_OK)
        return;
    now_read_text(text, found, now);
    free(text);
}
