#include "base/memory.h"
#include "evolve/algorithm.h"
#include "evolve/halving.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct algorithm *const algorithms[] = {&algorithm_nsga2,   &algorithm_nsga2_steady, &algorithm_ga,
                                                     &algorithm_firefly, &algorithm_ageing,       &algorithm_map_elites,
                                                     &algorithm_random};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

const struct algorithm *algorithm_at(int place) {
    return place < ALGORITHMS ? algorithms[place] : NULL;
}

const struct algorithm *algorithm_find(const char *name) {
    for (int i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

/* ---- what was tried ---- */

/* Open addressing, at most half full; an identity of 0 is kept as 1. */
struct identity_set {
    uint64_t *slots;
    size_t size, count; /* size is a power of two */
};

static size_t find_slot(const struct identity_set *set, uint64_t identity) {
    size_t slot = (size_t)hash_number(HASH_START, identity) & (set->size - 1);
    while (set->slots[slot] && set->slots[slot] != identity)
        slot = (slot + 1) & (set->size - 1);
    return slot;
}

static bool was_tried(const struct identity_set *set, uint64_t identity) {
    return set->slots[find_slot(set, identity ? identity : 1)] != 0;
}

static void note_tried(struct identity_set *set, uint64_t identity) {
    identity = identity ? identity : 1;
    if (2 * (set->count + 1) > set->size) {
        struct identity_set larger = {memory_allocate(2 * set->size, sizeof *set->slots), 2 * set->size, set->count};
        for (size_t i = 0; i < set->size; i++)
            if (set->slots[i])
                larger.slots[find_slot(&larger, set->slots[i])] = set->slots[i];
        free(set->slots);
        *set = larger;
    }
    size_t slot = find_slot(set, identity);
    set->count += set->slots[slot] == 0;
    set->slots[slot] = identity;
}

/* ---- what algorithms share ---- */

const struct individual *tournament(const struct evolution *evolution, struct random_stream *random) {
    const struct individual *best = NULL;
    for (int i = 0; i < evolution->settings.tournament; i++) {
        const struct individual *drawn = evolution->members[random_below(random, (uint32_t)evolution->member_count)];
        if (!best || compare_individuals(drawn, best) < 0)
            best = drawn;
    }
    return best;
}

void propose_child(const struct evolution *evolution, const struct individual *a, const struct individual *b,
                   struct random_stream *random, struct individual *child) {
    unsigned faults = breed(&a->genome, &b->genome, &evolution->settings.variation, evolution->settings.space, random,
                            &child->genome, child->sources);
    repairs_note(&child->repairs, faults);
    child->parents[0] = a->id;
    child->parents[1] = b->id;
    child->origin = ORIGIN_CHILD;
}

void propose_random(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    genome_random(&child->genome, evolution->settings.space, random);
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++)
        child->sources[liv].parent = SOURCE_NEW;
    child->origin = ORIGIN_RANDOM;
}

void propose_mutant(const struct evolution *evolution, const struct individual *parent, struct random_stream *random,
                    struct individual *child) {
    propose_child(evolution, parent, parent, random, child);
    /* Whatever crossover took from the second parent stands at the same place in the first, which it is. */
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++)
        if (child->sources[liv].parent != SOURCE_NEW)
            child->sources[liv].parent = 0;
    child->parents[1] = 0;
    child->origin = ORIGIN_MUTANT;
}

void members_add(struct evolution *evolution, const struct individual *result) {
    int place = evolution->member_count + evolution->added_count++;
    if (place == evolution->capacity) {
        evolution->capacity *= 2;
        evolution->members = memory_resize(evolution->members, (size_t)evolution->capacity, sizeof *evolution->members);
    }
    struct individual **members = evolution->members;
    for (; place > evolution->member_count && members[place - 1]->id > result->id; place--)
        members[place] = members[place - 1];
    members[place] = memory_allocate(1, sizeof **members);
    *members[place] = *result;
}

void members_keep(struct evolution *evolution, int count) {
    for (int i = count; i < evolution->member_count + evolution->added_count; i++)
        free(evolution->members[i]);
    evolution->member_count = count;
    evolution->added_count = 0;
}

/* ---- the conversation ---- */

struct evolution *evolution_create(const struct evolve_settings *settings) {
    enum { FIRST_SLOTS = 64 };
    struct evolution *evolution = memory_allocate(1, sizeof *evolution);
    evolution->settings = *settings;
    evolution->capacity = 2 * settings->population;
    evolution->members = memory_allocate((size_t)evolution->capacity, sizeof *evolution->members);
    evolution->tried = memory_allocate(1, sizeof *evolution->tried);
    evolution->tried->size = FIRST_SLOTS;
    evolution->tried->slots = memory_allocate(FIRST_SLOTS, sizeof *evolution->tried->slots);
    if (settings->filter.candidates > 1)
        evolution->filter = filter_create(&settings->filter, settings->space, settings->objectives, settings->seed);
    if (settings->rungs > 1)
        evolution->halving = halving_create(&(struct halving_settings){
            .rungs = settings->rungs, .promoted = settings->promoted, .objectives = settings->objectives});
    return evolution;
}

void evolution_destroy(struct evolution *evolution) {
    if (!evolution)
        return;
    filter_destroy(evolution->filter);
    halving_destroy(evolution->halving);
    for (int place = 0; place < evolution->known_capacity; place++)
        free(evolution->known[place].climbing);
    free(evolution->known);
    members_keep(evolution, 0);
    free(evolution->tried->slots);
    free(evolution->tried);
    free(evolution->members);
    free(evolution->shown);
    free(evolution);
}

struct filter *evolution_filter(const struct evolution *evolution) {
    return evolution->filter;
}

bool evolution_is_repeatable(const struct evolve_settings *settings) {
    return (settings->algorithm->generational || settings->algorithm->blind) && settings->filter.candidates <= 1 &&
           settings->rungs <= 1;
}

static bool waits(const struct evolution *evolution) {
    const struct algorithm *algorithm = evolution->settings.algorithm;
    bool begins = evolution->asked % evolution->settings.population == 0; /* a generation */
    return algorithm->generational && !algorithm->blind && begins && evolution->told < evolution->asked;
}

/* Nobody has parents before as many were told as the population has. */
static bool has_parents(const struct evolution *evolution) {
    return evolution->told >= evolution->settings.population;
}

static struct random_stream stream(const struct evolution *evolution, int id) {
    uint64_t name = hash_text(HASH_START, "evolution");
    name = hash_number(name, (uint64_t)((id - 1) / evolution->settings.population));
    name = hash_number(name, (uint64_t)((id - 1) % evolution->settings.population));
    return random_open(evolution->settings.seed, name);
}

/* Copies of the first members, one behind the other. */
static const struct individual *show(struct evolution *evolution, int count) {
    evolution->shown = memory_resize(evolution->shown, (size_t)count + 1, sizeof *evolution->shown);
    for (int i = 0; i < count; i++)
        evolution->shown[i] = *evolution->members[i];
    return evolution->shown;
}

static void propose_founder(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    (void)random;
    child->genome = evolution->settings.founders[child->id - 1];
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++)
        child->sources[liv].parent = SOURCE_NEW;
    child->origin = ORIGIN_FOUNDER;
}

static void propose_immigrant(const struct evolution *evolution, struct random_stream *random,
                              struct individual *child) {
    propose_random(evolution, random, child);
    child->origin = ORIGIN_IMMIGRANT;
}

/* What proposes the individual of this id. */
typedef void proposer(const struct evolution *evolution, struct random_stream *random, struct individual *child);

static proposer *proposer_of(const struct evolution *evolution, int id, struct random_stream *random) {
    const struct evolve_settings *settings = &evolution->settings;
    if (id <= settings->founder_count)
        return propose_founder;
    if (id <= settings->population)
        return propose_random;
    /* More of the first population, rather than waiting for the slowest of it. */
    if (!settings->algorithm->blind && !has_parents(evolution))
        return propose_random;
    /* Nothing is drawn where there are none: a search without them keeps its random choices. */
    if (settings->immigrants > 0 && random_uniform(random) < settings->immigrants)
        return propose_immigrant;
    return settings->algorithm->propose;
}

static void draw_once(const struct evolution *evolution, int id, proposer *propose, struct random_stream *random,
                      struct individual *child) {
    *child = (struct individual){.id = id, .generation = (id - 1) / evolution->settings.population};
    propose(evolution, random, child);
    child->identity = genome_identity(&child->genome, evolution->settings.space->catalogue);
}

/* How far a genome is beyond what is known of limits without training; one that cannot be built, infinitely. */
static double violation(const struct evolution *evolution, const struct genome *genome) {
    const struct filter_settings *filter = &evolution->settings.filter;
    struct measured measured = {0};
    if (!evolution->settings.limited)
        return 0;
    return filter->measure(filter->context, genome, &measured) ? measured.violation : INFINITY;
}

/* An individual that was not tried before and meets the limits, or what came nearest to that in 50 draws. */
static void draw_individual(const struct evolution *evolution, int id, proposer *propose, struct random_stream *random,
                            struct individual *child) {
    enum { TRIES = 50 };
    struct individual drawn;
    struct repairs repairs = {0};
    double least = INFINITY;
    bool found = false;
    for (int tries = 0; tries < TRIES && !found; tries++) {
        draw_once(evolution, id, propose, random, &drawn);
        repairs_add(&repairs, &drawn.repairs);
        bool is_new = !was_tried(evolution->tried, drawn.identity);
        double beyond = is_new ? violation(evolution, &drawn.genome) : INFINITY;
        if (tries == 0 || beyond < least) {
            *child = drawn;
            least = beyond;
        }
        found = (is_new && beyond == 0) || drawn.origin == ORIGIN_FOUNDER;
    }
    if (!found && least == INFINITY)
        *child = drawn;
    child->repairs = repairs;
}

/* Draws more of them where the individual is filtered, and leaves the one that promises most. Founders are wanted, and
 * so are immigrants, which are to be what nobody would have chosen. */
static void filter_individual(struct evolution *evolution, proposer *propose, struct random_stream *random,
                              struct individual *child) {
    int count = evolution->filter ? filter_candidates(evolution->filter, child->id) : 1;
    if (count < 2 || child->origin == ORIGIN_FOUNDER || child->origin == ORIGIN_IMMIGRANT)
        return;
    struct individual *children = memory_allocate((size_t)count, sizeof *children);
    int told_count = evolution->member_count + evolution->added_count;
    const struct individual *told = show(evolution, told_count);
    children[0] = *child;
    for (int c = 1; c < count; c++)
        draw_individual(evolution, child->id, propose, random, &children[c]);
    struct repairs repairs = {0};
    for (int c = 0; c < count; c++)
        repairs_add(&repairs, &children[c].repairs);
    *child = children[filter_choose(evolution->filter, children, count, told, told_count)];
    child->repairs = repairs;
    free(children);
}

static void make_individual(struct evolution *evolution, int id, struct individual *child) {
    struct random_stream random = stream(evolution, id);
    proposer *propose = proposer_of(evolution, id, &random);
    draw_individual(evolution, id, propose, &random, child);
    filter_individual(evolution, propose, &random, child);
}

bool evolution_ask(struct evolution *evolution, struct individual *child) {
    if (waits(evolution))
        return false;
    make_individual(evolution, ++evolution->asked, child);
    note_tried(evolution->tried, child->identity);
    return true;
}

bool evolution_guess(struct evolution *evolution, int ahead, struct individual *child) {
    int id = evolution->asked + ahead;
    bool needs_parents = id > evolution->settings.population && !evolution->settings.algorithm->blind;
    if (needs_parents && !has_parents(evolution))
        return false;
    make_individual(evolution, id, child);
    return true;
}

bool evolution_is_decided(const struct evolution *evolution, int ahead) {
    const struct algorithm *algorithm = evolution->settings.algorithm;
    int generation = (evolution->asked + ahead - 1) / evolution->settings.population;
    return generation == 0 || algorithm->blind ||
           (algorithm->generational && evolution->told >= generation * evolution->settings.population);
}

/* ---- what is known ---- */

static struct known *known_of(struct evolution *evolution, int id) {
    int before = evolution->known_capacity;
    if (id > before) {
        evolution->known_capacity = 2 * id;
        evolution->known = memory_resize(evolution->known, (size_t)evolution->known_capacity, sizeof *evolution->known);
        memset(evolution->known + before, 0, (size_t)(evolution->known_capacity - before) * sizeof *evolution->known);
    }
    return &evolution->known[id - 1];
}

/* Keeps an individual as long as it may be promoted. */
static void note_climbing(struct evolution *evolution, const struct individual *result) {
    struct known *known = known_of(evolution, result->id);
    free(known->climbing);
    known->climbing = NULL;
    if (result->rung + 1 >= evolution->settings.rungs || individual_failed(result, evolution->settings.objectives))
        return;
    known->climbing = memory_allocate(1, sizeof *result);
    *known->climbing = *result;
}

bool evolution_promote(struct evolution *evolution, struct individual *individual) {
    int id, rung;
    if (!evolution->halving || !halving_next(evolution->halving, &id, &rung))
        return false;
    *individual = *evolution->known[id - 1].climbing;
    individual->rung = rung + 1;
    return true;
}

/* ---- telling ---- */

/* In place of the last member, where it is better than that. */
static void come_back(struct evolution *evolution, const struct individual *result) {
    struct individual *pair[] = {evolution->members[evolution->member_count - 1], memory_allocate(1, sizeof *result)};
    *pair[1] = *result;
    sort_population(pair, 2, evolution->settings.objectives);
    evolution->members[evolution->member_count - 1] = pair[0];
    free(pair[1]);
}

/* What is known of an individual changes, and with it which are better. */
static void update(struct evolution *evolution, const struct individual *result) {
    bool is_member = false;
    for (int i = 0; i < evolution->member_count + evolution->added_count; i++)
        if (evolution->members[i]->id == result->id) {
            int mark = evolution->members[i]->mark;
            *evolution->members[i] = *result;
            evolution->members[i]->mark = mark;
            is_member = true;
        }
    if (!is_member && evolution->settings.algorithm->elitist && evolution->member_count > 0)
        come_back(evolution, result);
    sort_individuals(evolution->members, evolution->member_count, evolution->settings.objectives);
}

void evolution_tell(struct evolution *evolution, const struct individual *result) {
    if (evolution->filter)
        filter_tell(evolution->filter, result);
    if (evolution->halving) {
        halving_tell(evolution->halving, result);
        note_climbing(evolution, result);
    }
    struct known *known = known_of(evolution, result->id);
    if (known->told) {
        update(evolution, result);
        return;
    }
    known->told = true;
    evolution->told++;
    evolution->settings.algorithm->accept(evolution, result);
}

const struct individual *evolution_population(struct evolution *evolution, int *count) {
    *count = evolution->member_count;
    return show(evolution, *count);
}
