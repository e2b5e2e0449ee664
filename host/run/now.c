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

void now_curve_add(struct now_curve *curve, int64_t step, double loss) {
    if (curve->stride == 0)
        curve->stride = 1;
    if (curve->count == NOW_POINTS)
        thin(curve);
    if (++curve->told % curve->stride != 0)
        return;
    curve->steps[curve->count] = (double)step;
    curve->losses[curve->count++] = loss;
}

/* A millionth is more than a plot shows, and numbers are short. */
static double rounded(double value) {
    return isfinite(value) ? round(1e6 * value) / 1e6 : value;
}

cJSON *now_curve_json(const struct now_curve *curve) {
    cJSON *json = cJSON_CreateArray();
    for (int i = 0; i < curve->count; i++) {
        const double point[] = {curve->steps[i], rounded(curve->losses[i])};
        if (isfinite(point[1]))
            cJSON_AddItemToArray(json, cJSON_CreateDoubleArray(point, 2));
    }
    return json;
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

static void describe_training(cJSON *json, const struct now_training *training) {
    if (!*training->what)
        return;
    cJSON_AddStringToObject(json, "what", training->what);
    add_number(json, "step", (double)training->step);
    add_number(json, "steps", (double)training->steps);
    add_number(json, "loss", rounded(training->loss));
}

static cJSON *describe_devices(const struct now *now) {
    cJSON *json = cJSON_CreateArray();
    for (int i = 0; i < now->device_count; i++) {
        cJSON *device = cJSON_CreateObject();
        cJSON_AddStringToObject(device, "device", now->devices[i].device);
        describe_training(device, &now->devices[i]);
        cJSON_AddItemToArray(json, device);
    }
    return json;
}

static cJSON *describe(const struct now *now) {
    cJSON *json = cJSON_CreateObject();
    add_number(json, "time", now->time);
    describe_training(json, &now->training);
    add_number(json, "steps_per_second", rounded(now->steps_per_second));
    add_number(json, "share", rounded(now->share));
    add_number(json, "seconds_left", rounded(now->seconds_left));
    add_number(json, "cores_used", rounded(now->cores_used));
    add_number(json, "cores", now->cores);
    cJSON_AddItemToObject(json, "curve", now_curve_json(&now->curve));
    cJSON_AddItemToObject(json, "devices", describe_devices(now));
    return json;
}

/* A rate is that of one training; another one has begun where its name is another or its steps are fewer. */
static void set_rates(struct now_teller *teller, struct now *now) {
    const struct now_training *training = &now->training;
    double clock = clock_seconds(), processor = processor_seconds(), passed = clock - teller->last_clock;
    bool known = teller->last_clock > 0;
    bool goes_on = strcmp(teller->last_what, training->what) == 0 && training->step > teller->last_step;
    now->cores_used = known ? (processor - teller->last_processor) / passed : NAN;
    now->cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    now->steps_per_second = known && goes_on ? (double)(training->step - teller->last_step) / passed : NAN;
    teller->last_clock = clock;
    teller->last_processor = processor;
    teller->last_step = training->step;
    snprintf(teller->last_what, sizeof teller->last_what, "%s", training->what);
}

bool now_is_due(const struct now_teller *teller) {
    return clock_seconds() - teller->last_clock >= 1;
}

void now_tell(struct now_teller *teller, struct store *store, struct now *now) {
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    now->time = (double)wall.tv_sec;
    set_rates(teller, now);
    cJSON *json = describe(now);
    char *text = cJSON_PrintUnformatted(json);
    store_note(store, name, text);
    cJSON_free(text);
    cJSON_Delete(json);
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

static void read_training(const cJSON *json, struct now_training *training) {
    snprintf(training->device, sizeof training->device, "%s", json_text(json, "device"));
    snprintf(training->what, sizeof training->what, "%s", json_text(json, "what"));
    training->step = read_count(json, "step");
    training->steps = read_count(json, "steps");
    training->loss = read_number(json, "loss");
}

static void read_devices(const cJSON *json, struct now *now) {
    const cJSON *device;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(json, "devices")) {
        if (now->device_count < NOW_DEVICES && cJSON_IsObject(device))
            read_training(device, &now->devices[now->device_count++]);
    }
}

void now_curve_read(const cJSON *json, struct now_curve *curve) {
    const cJSON *point;
    *curve = (struct now_curve){.count = 0};
    cJSON_ArrayForEach(point, json) {
        const cJSON *step = cJSON_GetArrayItem(point, 0), *loss = cJSON_GetArrayItem(point, 1);
        if (curve->count == NOW_POINTS || !cJSON_IsNumber(step) || !cJSON_IsNumber(loss))
            return;
        if (!isfinite(step->valuedouble) || !isfinite(loss->valuedouble))
            continue;
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
        read_training(json, &now->training);
        now->steps_per_second = read_number(json, "steps_per_second");
        now->share = read_number(json, "share");
        now->seconds_left = read_number(json, "seconds_left");
        now->cores_used = read_number(json, "cores_used");
        now->cores = read_number(json, "cores");
        now_curve_read(cJSON_GetObjectItemCaseSensitive(json, "curve"), &now->curve);
        read_devices(json, now);
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
