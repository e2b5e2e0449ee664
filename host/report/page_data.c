/* What a page draws from: runs as the functions of `starcl show` read them, and its JSON. */
#include "base/memory.h"
#include "report/page_state.h"
#include "run/evaluator.h"
#include "run/founders.h"
#include "run/lineage.h"
#include "run/motifs.h"
#include "starcl/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

const char *page_class_name(const struct page_run *run, int class_gene) {
    const struct catalogue *catalogue = &run->front.run->catalogue;
    return class_gene >= 1 && class_gene <= catalogue->class_count ? catalogue->classes[class_gene - 1].name : "?";
}

int page_kind(const struct page *page, const char *class_name) {
    int kind = 0;
    while (kind < page->kind_count && strcmp(page->kinds[kind], class_name) != 0)
        kind++;
    return kind < page->kind_count ? kind : COLOUR_KINDS;
}

static int dominant_class(const struct genome *genome) {
    int counts[CATALOGUE_MAX_CLASSES + 1] = {0}, dominant = 0;
    for (int liv = 0; liv < genome->depth; liv++)
        if (genome->livs[liv].genes[LIV_CLASS] <= CATALOGUE_MAX_CLASSES)
            counts[genome->livs[liv].genes[LIV_CLASS]]++;
    for (int class_gene = 1; class_gene <= CATALOGUE_MAX_CLASSES; class_gene++)
        if (counts[class_gene] > counts[dominant])
            dominant = class_gene;
    return dominant;
}

static const char *state_of(const struct page_candidate *candidate, const struct individual *individual) {
    const struct summary *summary = &candidate->summary;
    return candidate->on_front         ? "front"
           : candidate->failed         ? "failed"
           : summary->stopped          ? "stopped early"
           : summary->seeds == 0       ? "not in full"
           : individual->violation > 0 ? "over limits"
                                       : "dominated";
}

static bool is_member(const struct front *front, int id) {
    for (int i = 0; i < front->count; i++)
        if (front->members[i].individual.id == id)
            return true;
    return false;
}

/* A founder's name, where the space can still be told and the genome is valid in it. */
static const char *baseline_of(const struct recorded *run, const struct candidate *candidate) {
    struct genome fixed;
    struct genome_space space;
    if (candidate->individual.origin != ORIGIN_FOUNDER ||
        config_space(&run->config, &run->catalogue, &fixed, &space) != STATUS_OK ||
        genome_validate(&candidate->individual.genome, &space) != STATUS_OK)
        return NULL;
    return founders_baseline(&run->config, &space, &candidate->individual.genome);
}

static void read_candidates(struct page_run *run) {
    const struct recorded *recorded = run->front.run;
    run->count = recorded->candidate_count;
    run->candidates = memory_allocate((size_t)run->count + 1, sizeof *run->candidates);
    for (int c = 0; c < run->count; c++) {
        struct page_candidate *candidate = &run->candidates[c];
        candidate->recorded = &recorded->candidates[c];
        struct individual individual =
            recorded_individual(recorded, candidate->recorded, recorded->objectives, recorded->objective_count);
        candidate->summary = recorded_summary(recorded, candidate->recorded);
        candidate->on_front = is_member(&run->front, individual.id);
        candidate->failed = has_failed(candidate->recorded->evaluations, candidate->recorded->evaluation_count,
                                       recorded->config.train.steps);
        candidate->state = state_of(candidate, &individual);
        candidate->baseline = baseline_of(recorded, candidate->recorded);
        candidate->dominant = dominant_class(&individual.genome);
    }
}

static status read_run(struct page_run *run) {
    TRY(store_hold(run->store));
    TRY(front_read(run->store, NULL, &run->front));
    TRY(generations_read(run->store, &run->generations));
    TRY(recorded_read(run->store, RECORDED_EVERY, NULL, &run->every));
    TRY(store_progress(run->store, &run->progress, &run->progress_count));
    TRY(store_loss_curves(run->store, &run->curves, &run->curve_count));
    read_candidates(run);
    return STATUS_OK;
}

/* Colours go to the classes that most LIVs of the candidates have. */
static void choose_kinds(struct page *page) {
    struct {
        char name[CLASS_NAME_BYTES];
        double share;
    } all[CATALOGUE_MAX_CLASSES * 2];
    int count = 0;
    for (int r = 0; r < page->count; r++) {
        const struct page_run *run = &page->runs[r];
        for (int c = 0; c < run->front.run->catalogue.class_count; c++) {
            const char *name = run->front.run->catalogue.classes[c].name;
            int place = 0;
            while (place < count && strcmp(all[place].name, name) != 0)
                place++;
            if (place == (int)(sizeof all / sizeof *all))
                continue;
            if (place == count) {
                memcpy(all[count].name, name, CLASS_NAME_BYTES);
                all[count++].share = 0;
            }
            for (int g = 0; g < run->generations.count; g++)
                all[place].share += run->generations.analyses[g].class_shares[c];
        }
    }
    for (; page->kind_count < COLOUR_KINDS; page->kind_count++) {
        int best = 0;
        for (int i = 1; i < count; i++)
            if (all[i].share > all[best].share)
                best = i;
        if (count == 0 || all[best].share <= 0)
            return;
        memcpy(page->kinds[page->kind_count], all[best].name, CLASS_NAME_BYTES);
        all[best].share = 0;
    }
}

static status refuse_empty(const struct page_run *run) {
    return fail_usage("%s has no evaluated candidate yet, so there is nothing to report: let its search go on, with "
                      "starcl resume %s where none is running",
                      store_path(run->store), store_path(run->store));
}

status page_read(const struct page_request *request, struct page *page) {
    *page = (struct page){.request = request,
                          .runs = memory_allocate((size_t)request->count, sizeof *page->runs),
                          .count = request->count};
    for (int r = 0; r < page->count; r++) {
        page->runs[r].store = request->runs[r];
        page->runs[r].place = r;
        TRY(read_run(&page->runs[r]));
        if (page->runs[r].generations.count > page->generations)
            page->generations = page->runs[r].generations.count;
        if (request->refresh_seconds == 0 && page->runs[r].count == 0)
            return refuse_empty(&page->runs[r]);
    }
    page->objectives = page->runs[0].front.run->objectives;
    page->objective_count = page->runs[0].front.run->objective_count;
    choose_kinds(page);
    return comparison_read(request->runs, request->count, &page->comparison);
}

void page_release(struct page *page) {
    for (int r = 0; r < page->count; r++) {
        struct page_run *run = &page->runs[r];
        front_release(&run->front);
        generations_release(&run->generations);
        recorded_release(run->every);
        free(run->candidates);
        free(run->progress);
        loss_curves_free(run->curves, run->curve_count);
    }
    free(page->runs);
    comparison_release(&page->comparison);
}

bool page_has_candidates(const struct page_run *run) {
    return run->count > 0;
}

bool page_has_front(const struct page_run *run) {
    return run->front.count > 0;
}

struct motif *page_find_motifs(const struct page_run *run, int length, int *found) {
    const struct recorded *recorded = run->front.run;
    const struct genome **genomes = memory_allocate((size_t)run->front.count + 1, sizeof *genomes);
    struct motif *motifs = NULL;
    struct genome fixed;
    struct genome_space space;
    *found = 0;
    for (int i = 0; i < run->front.count; i++)
        genomes[i] = &run->front.members[i].individual.genome;
    if (config_space(&recorded->config, &recorded->catalogue, &fixed, &space) == STATUS_OK)
        motifs = motifs_find(genomes, run->front.count, &space, length, found);
    free(genomes);
    return motifs;
}

/* ---- JSON ---- */

static cJSON *describe_candidate(const struct page_run *run, const struct page_candidate *candidate) {
    const struct individual *individual = &candidate->recorded->individual;
    enum metric columns[METRICS];
    int column_count = front_columns(&run->front, columns);
    char text[GENOME_TEXT_BYTES], number[TEXT_NUMBER_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "id", individual->id);
    cJSON_AddNumberToObject(json, "generation", individual->generation + 1);
    cJSON_AddStringToObject(json, "origin", origin_names[individual->origin]);
    if (candidate->baseline)
        cJSON_AddStringToObject(json, "baseline", candidate->baseline);
    cJSON *parents = cJSON_AddArrayToObject(json, "parents");
    for (int p = 0; p < 2; p++)
        if (individual->parents[p])
            cJSON_AddItemToArray(parents, cJSON_CreateNumber(individual->parents[p]));
    cJSON_AddStringToObject(json, "state", candidate->state);
    if (candidate->summary.reason && *candidate->summary.reason)
        cJSON_AddStringToObject(json, "reason", candidate->summary.reason);
    cJSON_AddStringToObject(json, "dominant", page_class_name(run, candidate->dominant));
    cJSON_AddStringToObject(json, "genome", genome_print(&individual->genome, text));
    cJSON_AddNumberToObject(json, "seeds", candidate->summary.seeds);
    cJSON_AddItemToObject(json, "metrics", front_describe_metrics(&candidate->summary.mean));
    cJSON_AddItemToObject(json, "standard_errors", front_describe_metrics(&candidate->summary.errors));
    cJSON *texts = cJSON_AddObjectToObject(json, "texts"); /* as a person reads them */
    for (int c = 0; c < column_count; c++)
        if (!isnan(candidate->summary.mean.values[columns[c]]))
            cJSON_AddStringToObject(texts, metric_table[columns[c]].name,
                                    metric_text(columns[c], candidate->summary.mean.values[columns[c]], number));
    return json;
}

static cJSON *describe_motifs(const struct page_run *run) {
    cJSON *list = cJSON_CreateArray();
    for (int length = 2; length <= MOTIF_MOST_LENGTH; length++) {
        int found;
        struct motif *motifs = page_find_motifs(run, length, &found);
        for (int m = 0; m < found; m++) {
            cJSON *json = cJSON_CreateObject(), *classes = cJSON_AddArrayToObject(json, "classes");
            for (int i = 0; i < length; i++)
                cJSON_AddItemToArray(classes, cJSON_CreateString(page_class_name(run, motifs[m].classes[i])));
            cJSON_AddNumberToObject(json, "holders", motifs[m].holders);
            cJSON_AddNumberToObject(json, "share", motifs[m].share.value);
            cJSON_AddNumberToObject(json, "low", motifs[m].share.low);
            cJSON_AddNumberToObject(json, "high", motifs[m].share.high);
            cJSON_AddNumberToObject(json, "random_share", motifs[m].random_share);
            cJSON_AddNumberToObject(json, "stands_out", motifs[m].stands_out);
            cJSON_AddItemToArray(list, json);
        }
        free(motifs);
    }
    return list;
}

static cJSON *describe_facts(const struct page_run *run) {
    static const struct {
        const char *name;
        enum run_fact fact;
    } facts[] = {{"device", FACT_DEVICE}, {"driver", FACT_DRIVER}, {"version", FACT_VERSION}, {"gemm", FACT_GEMM},
                 {"text", FACT_TEXT},     {"corpus", FACT_CORPUS}, {"config", FACT_CONFIG}};
    cJSON *json = cJSON_CreateObject();
    for (size_t f = 0; f < sizeof facts / sizeof *facts; f++)
        cJSON_AddStringToObject(json, facts[f].name, store_fact(run->store, facts[f].fact));
    return json;
}

static status describe_run(const struct page_run *run, cJSON *list) {
    cJSON *front;
    TRY(front_describe(run->store, &run->front, &front));
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "name", store_fact(run->store, FACT_NAME));
    cJSON_AddStringToObject(json, "path", store_path(run->store));
    cJSON_AddItemToObject(json, "front", front);
    cJSON_AddItemToObject(json, "generations", generations_describe(run->store, &run->generations));
    cJSON *candidates = cJSON_AddArrayToObject(json, "candidates");
    for (int c = 0; c < run->count; c++)
        cJSON_AddItemToArray(candidates, describe_candidate(run, &run->candidates[c]));
    cJSON *progress = cJSON_AddArrayToObject(json, "progress");
    for (int p = 0; p < run->progress_count; p++) {
        const struct progress_point *point = &run->progress[p];
        const double numbers[] = {point->candidate, point->tokens, point->hypervolume};
        cJSON_AddItemToArray(progress, cJSON_CreateDoubleArray(numbers, 3));
    }
    cJSON_AddItemToObject(json, "motifs", describe_motifs(run));
    cJSON_AddItemToObject(json, "facts", describe_facts(run));
    cJSON_AddItemToArray(list, json);
    return STATUS_OK;
}

/* Names and titles of the metrics that candidates are listed with, and where less is better. */
static void describe_columns(const struct page *page, cJSON *json) {
    enum metric columns[METRICS];
    int count = front_columns(&page->runs[0].front, columns);
    cJSON *list = cJSON_AddArrayToObject(json, "columns");
    for (int c = 0; c < count; c++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", metric_table[columns[c]].name);
        cJSON_AddStringToObject(item, "title", metric_table[columns[c]].title);
        cJSON_AddBoolToObject(item, "larger_is_better", metric_table[columns[c]].larger_is_better);
        cJSON_AddBoolToObject(item, "objective", c < page->objective_count);
        cJSON_AddItemToArray(list, item);
    }
}

status page_describe(const struct page *page, cJSON **json) {
    *json = cJSON_CreateObject();
    cJSON_AddStringToObject(*json, "starcl", STAR_VERSION);
    cJSON_AddNumberToObject(*json, "refresh_seconds", page->request->refresh_seconds);
    describe_columns(page, *json);
    cJSON *runs = cJSON_AddArrayToObject(*json, "runs");
    status outcome = STATUS_OK;
    for (int r = 0; outcome == STATUS_OK && r < page->count; r++)
        outcome = describe_run(&page->runs[r], runs);
    if (outcome == STATUS_OK && page->count > 1)
        cJSON_AddItemToObject(*json, "comparison", comparison_describe(&page->comparison));
    if (outcome == STATUS_OK)
        return outcome;
    cJSON_Delete(*json);
    *json = NULL;
    return outcome;
}
