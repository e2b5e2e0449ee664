#include "run/job_text.h"

#include "base/file.h"
#include "base/json.h"
#include "run/lineage.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

static void add_name(cJSON *json, const char *key, const char *path) {
    if (path)
        cJSON_AddStringToObject(json, key, file_name(path));
}

static cJSON *describe_parent(const struct inheritance *inheritance, int parent) {
    char genome[GENOME_TEXT_BYTES];
    if (!inheritance->parents[parent])
        return cJSON_CreateNull();
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "genome", genome_print(inheritance->parents[parent], genome));
    add_name(json, "weights", inheritance->weights[parent]);
    return json;
}

static void add_inheritance(cJSON *json, const struct job *job) {
    char sources[SOURCES_TEXT_BYTES];
    struct individual child = {.genome = *job->genome};
    memcpy(child.sources, job->inheritance->sources, sizeof child.sources);
    cJSON_AddStringToObject(json, "sources", sources_print(&child, sources));
    cJSON *parents = cJSON_AddArrayToObject(json, "parents");
    for (int parent = 0; parent < 2; parent++)
        cJSON_AddItemToArray(parents, describe_parent(job->inheritance, parent));
}

static cJSON *exact_array(const double *numbers, int count) {
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++)
        cJSON_AddItemToArray(array, json_exact(numbers[i]));
    return array;
}

char *job_print(const struct job *job) {
    char genome[GENOME_TEXT_BYTES];
    const double stop[] = {job->stop.above, job->stop.bias, job->stop.spread};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "genome", genome_print(job->genome, genome));
    /* cJSON's own numbers have 15 digits; those of a seed may be 16. */
    cJSON_AddItemToObject(json, "seed", json_exact((double)job->seed));
    cJSON_AddItemToObject(json, "steps", json_exact((double)job->steps));
    cJSON_AddItemToObject(json, "schedule_steps", json_exact((double)job->schedule_steps));
    cJSON_AddItemToObject(json, "side_steps", json_exact((double)job->side_steps));
    cJSON_AddBoolToObject(json, "measures_alone", job->measures_alone);
    if (job->measure_on)
        cJSON_AddStringToObject(json, "measure_on", job->measure_on);
    add_name(json, "resume", job->resume_path);
    add_name(json, "state", job->state_path);
    add_name(json, "weights", job->weights_path);
    add_name(json, "architecture", job->architecture_path);
    if (job->inheritance)
        add_inheritance(json, job);
    if (job->stop.above > 0 && isfinite(job->stop.bias) && isfinite(job->stop.spread))
        cJSON_AddItemToObject(json, "stop", exact_array(stop, 3));
    return json_take_text(json);
}

/* One number; those of an interval are three. What is infinite has no number in JSON, and was not measured well. */
static cJSON *describe_metric(const struct evaluation *evaluation, int metric) {
    const double values[] = {evaluation->metrics.values[metric], evaluation->low.values[metric],
                             evaluation->high.values[metric]};
    bool has_interval = isfinite(values[1]) && isfinite(values[2]);
    return exact_array(values, has_interval ? 3 : 1);
}

char *result_print(const struct job_result *result) {
    const struct evaluation *evaluation = &result->evaluation;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "failed", evaluation->failed);
    cJSON_AddBoolToObject(json, "stopped", evaluation->stopped);
    cJSON_AddStringToObject(json, "reason", evaluation->reason);
    cJSON_AddNumberToObject(json, "steps", (double)evaluation->steps);
    cJSON_AddItemToObject(json, "trained_steps", json_exact(evaluation->trained_steps));
    cJSON_AddStringToObject(json, "device", evaluation->device);
    cJSON_AddItemToObject(json, "seconds", json_exact(evaluation->seconds));
    cJSON *metrics = cJSON_AddObjectToObject(json, "metrics");
    for (int m = 0; m < METRICS; m++)
        if (isfinite(evaluation->metrics.values[m]))
            cJSON_AddItemToObject(metrics, metric_table[m].name, describe_metric(evaluation, m));
    cJSON_AddItemToObject(json, "curve", now_curve_json(&result->curve));
    cJSON *files = cJSON_AddArrayToObject(json, "files");
    for (int f = 0; f < result->files.count; f++)
        cJSON_AddItemToArray(files, cJSON_CreateString(file_name(result->files.paths[f])));
    return json_take_text(json);
}

/* ---- reading ---- */

static const double most_steps = 1e12;

static status read_count(const cJSON *json, const char *key, double least, double most, long long *count) {
    double number = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, key));
    if (!(number >= least && number <= most) || number != floor(number))
        return fail("its %s is no whole number of %.0f to %.0f", key, least, most);
    *count = (long long)number;
    return STATUS_OK;
}

/* A name is that of a file in one folder, and hides nothing: letters, digits, '-' and '.', which is not first. */
static bool is_name(const char *text) {
    size_t length = strlen(text);
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
            return false;
    return length > 0 && length < 200 && text[0] != '.';
}

/* *path is NULL where there is no such member. */
static status read_name(const cJSON *json, const char *key, const char *folder, char buffer[PATH_MAX],
                        const char **path) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    *path = NULL;
    if (!item)
        return STATUS_OK;
    if (!cJSON_IsString(item) || !is_name(item->valuestring))
        return fail("its %s is no name of a file", key);
    snprintf(buffer, PATH_MAX, "%.3000s/%s", folder, item->valuestring);
    *path = buffer;
    return STATUS_OK;
}

static status read_genome(const cJSON *json, const struct genome_space *space, struct genome *genome) {
    TRY(genome_parse(json_text(json, "genome"), genome));
    return genome_validate(genome, space);
}

/* That no LIV comes from behind the last one of its parent; of a parent that is not there nothing is taken. */
static bool sources_exist(const struct received_job *received) {
    const struct individual *child = &received->individual;
    for (int liv = 0; liv < child->genome.depth; liv++) {
        struct liv_source source = child->sources[liv];
        const struct genome *parent = source.parent == SOURCE_NEW ? NULL : received->inheritance.parents[source.parent];
        if (parent && source.liv >= parent->depth)
            return false;
    }
    return true;
}

static status read_parents(const cJSON *json, const struct genome_space *space, const char *folder,
                           struct received_job *received) {
    const cJSON *parents = cJSON_GetObjectItemCaseSensitive(json, "parents");
    struct inheritance *inheritance = &received->inheritance;
    if (!parents)
        return STATUS_OK;
    if (!sources_parse(json_text(json, "sources"), &received->individual))
        return fail("its sources are not those of its genome");
    *inheritance = (struct inheritance){.sources = received->individual.sources};
    for (int i = 0; i < 2; i++) {
        const cJSON *parent = cJSON_GetArrayItem(parents, i);
        if (!cJSON_IsObject(parent))
            continue;
        TRY(read_genome(parent, space, &received->parents[i]));
        TRY(read_name(parent, "weights", folder, received->parent_weights[i], &inheritance->weights[i]));
        inheritance->parents[i] = inheritance->weights[i] ? &received->parents[i] : NULL;
    }
    if (!sources_exist(received))
        return fail("its sources are not those of its parents");
    received->job.inheritance = inheritance;
    return STATUS_OK;
}

static void read_stop(const cJSON *json, struct stop_rule *rule) {
    const cJSON *stop = cJSON_GetObjectItemCaseSensitive(json, "stop");
    if (cJSON_GetArraySize(stop) != 3)
        return;
    *rule = (struct stop_rule){.above = cJSON_GetNumberValue(cJSON_GetArrayItem(stop, 0)),
                               .bias = cJSON_GetNumberValue(cJSON_GetArrayItem(stop, 1)),
                               .spread = cJSON_GetNumberValue(cJSON_GetArrayItem(stop, 2))};
    if (!isfinite(rule->above) || !isfinite(rule->bias) || !isfinite(rule->spread))
        *rule = (struct stop_rule){0};
}

static status read_job(const cJSON *json, const struct genome_space *space, const char *folder,
                       struct received_job *received) {
    struct job *job = &received->job;
    long long seed = 0;
    TRY(read_genome(json, space, &received->individual.genome));
    job->genome = &received->individual.genome;
    TRY(read_count(json, "seed", 0, 9007199254740992.0, &seed));
    job->seed = (uint64_t)seed;
    job->measures_alone = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "measures_alone"));
    snprintf(received->measure_on, sizeof received->measure_on, "%s", json_text(json, "measure_on"));
    job->measure_on = *received->measure_on ? received->measure_on : NULL;
    TRY(read_count(json, "steps", 0, most_steps, &job->steps));
    TRY(read_count(json, "schedule_steps", 0, most_steps, &job->schedule_steps));
    TRY(read_count(json, "side_steps", 0, most_steps, &job->side_steps));
    TRY(read_name(json, "resume", folder, received->resume, &job->resume_path));
    TRY(read_name(json, "state", folder, received->state, &job->state_path));
    TRY(read_name(json, "weights", folder, received->weights, &job->weights_path));
    TRY(read_name(json, "architecture", folder, received->architecture, &job->architecture_path));
    TRY(read_parents(json, space, folder, received));
    read_stop(json, &job->stop);
    return STATUS_OK;
}

status job_parse(const char *text, const struct genome_space *space, const char *folder,
                 struct received_job *received) {
    cJSON *json = cJSON_Parse(text);
    memset(received, 0, sizeof *received);
    status outcome = cJSON_IsObject(json) ? read_job(json, space, folder, received) : fail("it is no JSON object");
    cJSON_Delete(json);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "a job that was received cannot be used");
}

static void read_metric(const cJSON *values, int metric, struct evaluation *evaluation) {
    double numbers[3];
    int count = cJSON_GetArraySize(values);
    for (int i = 0; i < 3; i++)
        numbers[i] = i < count ? cJSON_GetNumberValue(cJSON_GetArrayItem(values, i)) : NAN;
    if (!isfinite(numbers[0]))
        return;
    evaluation->metrics.values[metric] = numbers[0];
    if (!isfinite(numbers[1]) || !isfinite(numbers[2]))
        return;
    evaluation->low.values[metric] = numbers[1];
    evaluation->high.values[metric] = numbers[2];
}

static status read_evaluation(const cJSON *json, struct evaluation *evaluation) {
    const cJSON *metrics = cJSON_GetObjectItemCaseSensitive(json, "metrics");
    evaluation->failed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "failed"));
    evaluation->stopped = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "stopped"));
    evaluation->seconds = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "seconds"));
    evaluation->trained_steps = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "trained_steps"));
    TRY(read_count(json, "steps", 0, most_steps, &evaluation->steps));
    if (!(evaluation->seconds >= 0 && isfinite(evaluation->seconds)))
        return fail("its seconds are no time");
    if (!(evaluation->trained_steps >= 0 && evaluation->trained_steps <= most_steps))
        return fail("its trained_steps are no number of steps");
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", json_text(json, "reason"));
    snprintf(evaluation->device, sizeof evaluation->device, "%s", json_text(json, "device"));
    for (int m = 0; m < METRICS; m++)
        read_metric(cJSON_GetObjectItemCaseSensitive(metrics, metric_table[m].name), m, evaluation);
    return STATUS_OK;
}

static status read_files(const cJSON *json, struct job_files *files) {
    const cJSON *file;
    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(json, "files")) {
        if (files->count == JOB_MOST_FILES || !cJSON_IsString(file) || !is_name(file->valuestring))
            return fail("its files are no names of files");
        snprintf(files->paths[files->count++], PATH_MAX, "%s", file->valuestring);
    }
    return STATUS_OK;
}

status result_parse(const char *text, uint64_t seed, struct job_result *result) {
    cJSON *json = cJSON_Parse(text);
    memset(result, 0, sizeof *result);
    struct evaluation *evaluation = &result->evaluation;
    evaluation->seed = seed;
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    status outcome = cJSON_IsObject(json) ? read_evaluation(json, evaluation) : fail("it is no JSON object");
    if (outcome == STATUS_OK)
        outcome = read_files(json, &result->files);
    if (outcome == STATUS_OK)
        now_curve_read(cJSON_GetObjectItemCaseSensitive(json, "curve"), &result->curve);
    cJSON_Delete(json);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "a result that was received cannot be used");
}

/* ---- files ---- */

static void add_file(struct job_files *files, const char *path) {
    if (path)
        snprintf(files->paths[files->count++], PATH_MAX, "%s", path);
}

/* Tasks behind the first have files of their own beside it. */
static void add_state(struct job_files *files, const char *path, int tasks) {
    add_file(files, path);
    for (int task = 1; path && task < tasks; task++)
        snprintf(files->paths[files->count++], PATH_MAX, "%.4000s.%d", path, task);
}

void job_inputs(const struct job *job, int tasks, struct job_files *files) {
    files->count = 0;
    add_state(files, job->resume_path, tasks);
    for (int i = 0; i < 2 && job->inheritance; i++)
        if (job->inheritance->parents[i])
            add_file(files, job->inheritance->weights[i]);
}

void job_outputs(const struct job *job, int tasks, struct job_files *files) {
    files->count = 0;
    add_file(files, job->weights_path);
    add_file(files, job->architecture_path);
    add_state(files, job->state_path, tasks);
}
