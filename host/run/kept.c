/*
 * What a search keeps of what was told: everything evaluated, and the weights of the front. Whatever is dominated now
 * stays dominated. Where children inherit weights everybody may become a parent, and they are kept until the search is
 * over.
 */
#include "base/memory.h"
#include "run/search_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int last_rung(const struct search *search) {
    return config_rungs(&search->config) - 1;
}

const char *search_checkpoint_path(const struct search *search, int id, char path[PATH_MAX], const char *format, ...) {
    char ending[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ending, sizeof ending, format, arguments);
    va_end(arguments);
    store_checkpoint_path(search->store, id, ending, path, PATH_MAX);
    return path;
}

static void remove_weights(const struct search *search, int id) {
    char path[PATH_MAX];
    unlink(search_checkpoint_path(search, id, path, ".safetensors"));
    unlink(search_checkpoint_path(search, id, path, ".json"));
}

const char *search_state_path(const struct search *search, int id, int seed, char path[PATH_MAX]) {
    return search_checkpoint_path(search, id, path, "-state-%d.safetensors", seed + 1);
}

static void remove_states(const struct search *search, int id) {
    char path[PATH_MAX];
    for (int seed = 0; seed < search->config.search.seeds; seed++) {
        unlink(search_state_path(search, id, seed, path));
        for (int task = 1; task < search->tasks.count; task++)
            unlink(search_checkpoint_path(search, id, path, "-state-%d.safetensors.%d", seed + 1, task));
    }
}

static int by_id(const void *a, const void *b) {
    return ((const struct individual *)a)->id - ((const struct individual *)b)->id;
}

struct individual *search_find(const struct search *search, int id) {
    struct individual key = {.id = id};
    return search->archived ? bsearch(&key, search->archive, (size_t)search->archived, sizeof key, by_id) : NULL;
}

bool search_on_front(const struct search *search, int index) {
    const struct individual *individual = &search->archive[index];
    if (individual_failed(individual, search->objective_count) || individual->violation > 0)
        return false;
    for (int i = 0; i < search->archived; i++)
        if (dominates(&search->archive[i], individual, search->objective_count))
            return false;
    return true;
}

/* Ids that compute the same share one evaluation, whose weights are the first one's. */
static bool is_twin(const struct search *search, const struct individual *individual) {
    for (int i = 0; i < search->archived; i++)
        if (search->archive[i].identity == individual->identity && search->archive[i].id != individual->id &&
            genome_equal(&search->archive[i].genome, &individual->genome))
            return true;
    return false;
}

static void note_told(struct search *search, const struct individual *told) {
    struct individual *known = search_find(search, told->id);
    if (known) {
        *known = *told;
        return;
    }
    if (search->archived == search->archive_capacity) {
        search->archive_capacity = search->archive_capacity ? 2 * search->archive_capacity : 64;
        search->archive = memory_resize(search->archive, (size_t)search->archive_capacity, sizeof *search->archive);
    }
    int place = search->archived++;
    for (; place > 0 && search->archive[place - 1].id > told->id; place--)
        search->archive[place] = search->archive[place - 1];
    search->archive[place] = *told;
}

void search_keep(struct search *search, const struct individual *told) {
    int left_count = 0, *left = memory_allocate((size_t)archive_count(search->front) + 1, sizeof *left);
    if (is_twin(search, told)) {
        free(left);
        return;
    }
    note_told(search, told);
    bool on_front = archive_add(search->front, told, left, &left_count);
    for (int i = 0; i < left_count && !search->config.search.inheritance; i++)
        remove_weights(search, left[i]);
    if (!on_front && !search->config.search.inheritance)
        remove_weights(search, told->id);
    if (told->rung == last_rung(search) || told->failed)
        remove_states(search, told->id);
    free(left);
}

void search_clean_checkpoints(const struct search *search) {
    const int *front = archive_ids(search->front);
    int count = archive_count(search->front);
    for (int i = 0; i < search->archived; i++) {
        int id = search->archive[i].id, place = 0;
        while (place < count && front[place] != id)
            place++;
        if (config_rungs(&search->config) > 1)
            remove_states(search, id);
        if (search->config.search.inheritance && place == count && !search_on_front(search, i))
            remove_weights(search, id);
    }
}
