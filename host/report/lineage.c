#include "report/lineage.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "run/lineage.h"
#include "run/recorded.h"

#include <math.h>
#include <stdlib.h>

struct lineage {
    struct recorded *run;
    int *places; /* of the candidate and its ancestors, newest first */
    int count;
};

static const char *const sharing_words[SHARING_KINDS] = {"features", "weights"};

static status read_lineage(struct store *store, int id, struct lineage *lineage) {
    TRY(recorded_read(store, RECORDED_EVERY, NULL, &lineage->run));
    lineage->places = lineage_of(lineage->run->candidates, lineage->run->candidate_count, id, &lineage->count);
    if (lineage->count > 0)
        return STATUS_OK;
    if (lineage->run->candidate_count == 0)
        return fail_usage("%s has no candidate %d: it has none yet", store_path(store), id);
    return fail_usage("%s has no candidate %d; its candidates are %d to %d", store_path(store), id,
                      lineage->run->candidates[0].individual.id,
                      lineage->run->candidates[lineage->run->candidate_count - 1].individual.id);
}

static void release_lineage(struct lineage *lineage) {
    recorded_release(lineage->run);
    free(lineage->places);
}

static const struct candidate *find(const struct lineage *lineage, int id) {
    int place = id ? lineage_find(lineage->run->candidates, lineage->run->candidate_count, id) : -1;
    return place >= 0 ? &lineage->run->candidates[place] : NULL;
}

static const char *class_name(const struct lineage *lineage, const struct genome *genome, int liv) {
    int class_gene = genome->livs[liv].genes[LIV_CLASS];
    return class_gene <= lineage->run->catalogue.class_count ? lineage->run->catalogue.classes[class_gene - 1].name
                                                             : "?";
}

/* Fills the changes of a candidate that has parents; false where it has none. */
static bool find_changes(const struct lineage *lineage, const struct candidate *candidate, struct liv_change *changes) {
    const struct candidate *parents[2];
    for (int p = 0; p < 2; p++)
        parents[p] = find(lineage, candidate->individual.parents[p]);
    if (!candidate->individual.parents[0])
        return false;
    lineage_changes(candidate, parents, changes);
    return true;
}

/* ---- for people ---- */

/* LIVs that follow each other in one parent as they do here, and share as they did, are one part: "1-3 from 31". */
static bool continues(const struct liv_change *before, const struct liv_change *next) {
    bool plain = !before->is_new && !next->is_new;
    for (int kind = 0; kind < SHARING_KINDS; kind++)
        plain = plain && before->sharing[kind] == SHARING_AS_BEFORE && next->sharing[kind] == SHARING_AS_BEFORE;
    return plain && before->parent == next->parent && next->place == before->place + 1;
}

static void print_part(const struct lineage *lineage, const struct genome *genome, const struct liv_change *changes,
                       int first, int last, FILE *out) {
    /* Around what is shared, by enum sharing_change. */
    static const char *const begins[] = {"", "shares", "no longer shares", "shares other"};
    static const char *const ends[] = {"", " now", "", ""};
    const struct liv_change *change = &changes[first];
    fprintf(out, first == last ? "        LIV %d" : "        LIVs %d", first + 1);
    if (first < last)
        fprintf(out, "-%d", last + 1);
    if (change->is_new) {
        fprintf(out, ": new, %s\n", class_name(lineage, genome, first));
        return;
    }
    fprintf(out, ": from %d", change->parent);
    if (change->place != first)
        fprintf(out, first == last ? ", its LIV %d" : ", its LIVs %d on", change->place + 1);
    for (int kind = 0; kind < SHARING_KINDS; kind++)
        if (change->sharing[kind] != SHARING_AS_BEFORE)
            fprintf(out, ", %s %s%s", begins[change->sharing[kind]], sharing_words[kind], ends[change->sharing[kind]]);
    fprintf(out, "\n");
}

static void print_candidate(const struct lineage *lineage, const struct candidate *candidate, FILE *out) {
    const struct individual *individual = &candidate->individual;
    struct summary summary = recorded_summary(lineage->run, candidate);
    struct liv_change changes[GENOME_MAX_DEPTH];
    char genome[GENOME_TEXT_BYTES], number[TEXT_NUMBER_BYTES];
    fprintf(out, "%6d  generation %d, %s", individual->id, individual->generation + 1,
            origin_names[individual->origin]);
    if (individual->parents[0])
        fprintf(out, " of %d", individual->parents[0]);
    if (individual->parents[1] && individual->parents[1] != individual->parents[0])
        fprintf(out, " and %d", individual->parents[1]);
    if (summary.failed)
        fprintf(out, ", failed: %s", summary.reason);
    else if (summary.seeds == 0)
        fprintf(out, ", not trained");
    for (int o = 0; o < lineage->run->objective_count && !summary.failed && summary.seeds > 0; o++)
        fprintf(out, ", %s %s",
                metric_text(lineage->run->objectives[o], summary.mean.values[lineage->run->objectives[o]], number),
                metric_table[lineage->run->objectives[o]].title);
    fprintf(out, "\n");
    struct terminal_table table;
    fprintf(terminal_table_begin(&table, false, out), "        %s\n", genome_print(&individual->genome, genome));
    terminal_table_end(&table);
    if (!find_changes(lineage, candidate, changes))
        return;
    for (int first = 0, last; first < individual->genome.depth; first = last + 1) {
        for (last = first; last + 1 < individual->genome.depth && continues(&changes[last], &changes[last + 1]);)
            last++;
        print_part(lineage, &individual->genome, changes, first, last, out);
    }
}

static void print_table(struct store *store, const struct lineage *lineage, FILE *out) {
    bool guessed = false;
    fprintf(out, "Lineage of candidate %d of %s: it and the %d that it descends from, newest first\n\n",
            lineage->run->candidates[lineage->places[0]].individual.id, store_path(store), lineage->count - 1);
    for (int i = 0; i < lineage->count; i++) {
        const struct candidate *candidate = &lineage->run->candidates[lineage->places[i]];
        print_candidate(lineage, candidate, out);
        guessed = guessed || (candidate->individual.parents[0] && !candidate->has_sources);
    }
    if (guessed)
        fprintf(out, "\nThis run began before it was kept where LIVs came from: they are told by place and class.\n");
}

/* ---- for scripts ---- */

static cJSON *describe_changes(const struct lineage *lineage, const struct candidate *candidate,
                               const struct liv_change *changes) {
    static const char *const words[] = {"as before", "begun", "ended", "otherwise"};
    static const char *const keys[SHARING_KINDS] = {"feature_sharing", "weight_sharing"};
    cJSON *list = cJSON_CreateArray();
    for (int liv = 0; liv < candidate->individual.genome.depth; liv++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "class", class_name(lineage, &candidate->individual.genome, liv));
        cJSON_AddBoolToObject(item, "new", changes[liv].is_new);
        if (!changes[liv].is_new) {
            cJSON_AddNumberToObject(item, "parent", changes[liv].parent);
            cJSON_AddNumberToObject(item, "parent_liv", changes[liv].place + 1);
            for (int kind = 0; kind < SHARING_KINDS; kind++)
                cJSON_AddStringToObject(item, keys[kind], words[changes[liv].sharing[kind]]);
        }
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

static cJSON *describe_candidate(const struct lineage *lineage, const struct candidate *candidate) {
    const struct individual *individual = &candidate->individual;
    struct summary summary = recorded_summary(lineage->run, candidate);
    struct liv_change changes[GENOME_MAX_DEPTH];
    char genome[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "id", individual->id);
    cJSON_AddNumberToObject(json, "generation", individual->generation + 1);
    cJSON_AddStringToObject(json, "origin", origin_names[individual->origin]);
    cJSON *parents = cJSON_AddArrayToObject(json, "parents");
    for (int p = 0; p < 2; p++)
        if (individual->parents[p])
            cJSON_AddItemToArray(parents, cJSON_CreateNumber(individual->parents[p]));
    cJSON_AddStringToObject(json, "genome", genome_print(&individual->genome, genome));
    cJSON_AddBoolToObject(json, "trained", summary.seeds > 0);
    cJSON_AddBoolToObject(json, "failed", summary.failed);
    cJSON *metrics = cJSON_AddObjectToObject(json, "metrics");
    for (int m = 0; m < METRICS; m++)
        if (!isnan(summary.mean.values[m]))
            cJSON_AddNumberToObject(metrics, metric_table[m].name, summary.mean.values[m]);
    if (find_changes(lineage, candidate, changes)) {
        cJSON_AddBoolToObject(json, "sources_were_kept", candidate->has_sources);
        cJSON_AddItemToObject(json, "livs", describe_changes(lineage, candidate, changes));
    }
    return json;
}

static void print_json(struct store *store, const struct lineage *lineage, FILE *out) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", store_path(store));
    cJSON_AddNumberToObject(json, "candidate", lineage->run->candidates[lineage->places[0]].individual.id);
    cJSON *list = cJSON_AddArrayToObject(json, "lineage");
    for (int i = 0; i < lineage->count; i++)
        cJSON_AddItemToArray(list, describe_candidate(lineage, &lineage->run->candidates[lineage->places[i]]));
    json_print(json, out);
}

status report_lineage(struct store *store, int id, bool json, FILE *out) {
    struct lineage lineage = {0};
    status outcome = read_lineage(store, id, &lineage);
    if (outcome == STATUS_OK)
        (json ? print_json : print_table)(store, &lineage, out);
    release_lineage(&lineage);
    return outcome;
}
