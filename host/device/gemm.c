#include "device/gemm.h"

#include "base/memory.h"
#include "base/progress.h"
#include "device/gemm_choice.h"
#include "device/gemv.h"
#include "starcl/constants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct gemm_provider *const providers[] = {&gemm_panel, &gemm_clblast, &gemm_tiles};
enum { PROVIDERS = sizeof providers / sizeof *providers };

struct gemm_state {
    struct device *device;
    struct gemm_choice choice;
    const struct gemm_unit *unit;
    char name[GEMM_CHOICE_NAME_BYTES];
    cl_mem scratch;
    size_t scratch_bytes;
    bool of_companion;
};

/*
 * Where a work-group is one core's loop the panel kernel is 12 to 22 times as fast as CLBlast as packaged; on devices
 * with many lanes its one work-item a tile is hopeless, and CLBlast's kernels fit.
 */
bool gemm_provider_fits(const struct gemm_provider *provider, const struct device *device) {
    bool one_lane = device_shape(device).lanes == 1;
    return provider == &gemm_panel ? one_lane : provider == &gemm_tiles ? !one_lane : true;
}

const struct gemm_provider *gemm_provider_find(const char *name) {
    for (int i = 0; i < PROVIDERS; i++)
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    return NULL;
}

/* What was tuned, where it fits the shape that the device was opened with; else the first provider that fits. */
static struct gemm_choice automatic_choice(const struct device *device) {
    struct gemm_choice choice;
    bool fits = gemm_choice_read(device_information(device), &choice);
    for (int kind = 0; kind < GEMM_CLASSES && fits; kind++)
        fits = gemm_provider_fits(choice.providers[kind], device);
    for (int i = 0; i < PROVIDERS && !fits; i++) {
        choice = gemm_choice_of(providers[i]);
        fits = gemm_provider_fits(providers[i], device);
    }
    return choice;
}

static bool is_automatic(const char *name) {
    return !name || strcmp(name, "auto") == 0;
}

static status named_choice(const struct device *device, const char *name, struct gemm_choice *choice) {
    const struct gemm_provider *provider = gemm_provider_find(name);
    if (!provider)
        return fail_usage("there is no GEMM provider '%s'; allowed: %s", name, gemm_provider_names());
    if (!gemm_provider_fits(provider, device))
        return fail_usage("the GEMM provider '%s' is for devices whose work-groups are %s; %s is not shaped so",
                          provider->name, provider == &gemm_panel ? "one work-item" : "many work-items",
                          device_information(device)->name);
    *choice = gemm_choice_of(provider);
    return STATUS_OK;
}

static status use(struct gemm_state *state, const struct gemm_choice *choice) {
    if (choice->clblast.given)
        TRY(clblast_parameters_set(device_information(state->device), &choice->clblast));
    const char *name = gemm_choice_describe(choice, (char[GEMM_CHOICE_NAME_BYTES]){0});
    state->choice = *choice;
    if (state->unit)
        snprintf(state->name, sizeof state->name, "%.40s, %s by %s", name, gemm_factors_name(state->unit->factors),
                 state->unit->name);
    else
        snprintf(state->name, sizeof state->name, "%s", name);
    return STATUS_OK;
}

status gemm_use(struct device *device, const struct gemm_choice *choice) {
    return use(device_gemm_state(device), choice);
}

status gemm_state_create(struct device *device, const char *provider, struct gemm_state **state) {
    struct gemm_choice choice;
    if (is_automatic(provider))
        choice = automatic_choice(device);
    else
        TRY(named_choice(device, provider, &choice));
    /* Its results would not be those of another process with the same config. */
    if (gemm_choice_uses(&choice, &gemm_clblast) && !choice.clblast.given &&
        clblast_parameters_were_set(device_information(device)))
        return fail("CLBlast as packaged is asked for, but this process has set parameters for %s, and CLBlast keeps "
                    "them until it ends",
                    device_information(device)->name);
    *state = memory_allocate(1, sizeof **state);
    (*state)->device = device;
    return use(*state, &choice);
}

struct gemm_state *gemm_state_of_companion(const struct gemm_state *state, struct device *companion) {
    struct gemm_state *copy = memory_allocate(1, sizeof *copy);
    *copy =
        (struct gemm_state){.device = companion, .choice = state->choice, .unit = state->unit, .of_companion = true};
    memcpy(copy->name, state->name, sizeof copy->name);
    return copy;
}

static void release_scratch(struct gemm_state *state) {
    device_buffer_destroy(state->device, state->scratch);
    state->scratch = NULL;
    state->scratch_bytes = 0;
}

void gemm_release_scratch(struct device *device) {
    release_scratch(device_gemm_state(device));
}

void gemm_state_destroy(struct gemm_state *state) {
    if (!state)
        return;
    release_scratch(state);
    for (int i = 0; i < PROVIDERS && !state->of_companion; i++)
        if (providers[i]->release)
            providers[i]->release();
    free(state);
}

/* With everything filled in that may be 0. */
static struct gemm complete(const struct gemm *gemm) {
    struct gemm result = *gemm;
    result.lda = gemm->lda ? gemm->lda : gemm->transpose_a ? gemm->m : gemm->k;
    result.ldb = gemm->ldb ? gemm->ldb : gemm->transpose_b ? gemm->k : gemm->n;
    result.ldc = gemm->ldc ? gemm->ldc : gemm->n;
    result.batch = gemm->batch ? gemm->batch : 1;
    return result;
}

static const struct gemm_provider *provider_of(struct device *device, const struct gemm *completed) {
    return device_gemm_state(device)->choice.providers[gemm_class_of(completed)];
}

/* For providers that only know C = ... + beta * C. */
static status put_addend_in_c(struct device *device, struct gemm *completed) {
    size_t last_row = (size_t)(completed->m - 1) * (size_t)completed->ldc;
    size_t last_member = (size_t)(completed->batch - 1) * (size_t)completed->c_step;
    size_t floats = last_row + last_member + (size_t)completed->n;
    TRY(device_copy(device, completed->addend, 0, completed->c, 0, floats * sizeof(float)));
    completed->addend = NULL;
    return STATUS_OK;
}

/* A tile of any provider would be mostly empty for one row, and none reads float16, normalises or has gates. */
static bool is_for_gemv(const struct gemm *completed) {
    return completed->half_b || completed->a_gain || completed->a_gate || (completed->m == 1 && gemv_takes(completed));
}

status gemm(struct device *device, const struct gemm *gemm) {
    if (gemm->m <= 0 || gemm->n <= 0)
        return STATUS_OK;
    struct gemm completed = complete(gemm);
    if (is_for_gemv(&completed))
        return gemv_takes(&completed) ? gemv(device, &completed, 1)
                                      : fail("a product with B in float16, or a norm or gates of A, takes nothing "
                                             "transposed, and a norm no batch");
    const struct gemm_provider *provider = provider_of(device, &completed);
    if (completed.addend && !provider->takes_addend)
        TRY(put_addend_in_c(device, &completed));
    return provider->run(device, &completed);
}

/* ---- several ---- */

enum { MOST_TOGETHER = GEMV_TOGETHER > STAR_TILES_TOGETHER ? GEMV_TOGETHER : STAR_TILES_TOGETHER };

/* Sides that write one C cannot be one launch. */
static bool writes_one_of(const struct gemm *other, const struct gemm *some, int count) {
    for (int i = 0; i < count; i++)
        if (other->c && some[i].c == other->c)
            return true;
    return false;
}

/* Whether `other` may be in one launch with the `count` products that are there. */
static bool joins(struct device *device, enum gemm_relation relation, const struct gemm *other, const struct gemm *some,
                  int count) {
    const struct gemm *one = &some[0];
    if (is_for_gemv(other))
        return count < GEMV_TOGETHER && relation == GEMM_SIDES && gemv_takes_together(one, other);
    const struct gemm_provider *provider = provider_of(device, one);
    if (is_for_gemv(one) || provider != provider_of(device, other) || !provider->run_together ||
        count == STAR_TILES_TOGETHER || one->batch > 1 || other->batch > 1 || one->transpose_a != other->transpose_a ||
        one->transpose_b != other->transpose_b || one->m != other->m || one->alpha != other->alpha)
        return false;
    if (relation == GEMM_TERMS)
        return one->c == other->c && one->n == other->n && one->ldc == other->ldc;
    return one->a == other->a && one->k == other->k && one->lda == other->lda && one->beta == other->beta &&
           !writes_one_of(other, some, count);
}

/* The first products of `gemms`, as many as one launch can take. */
static int take_together(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count,
                         struct gemm some[MOST_TOGETHER]) {
    int taken = 0;
    for (; taken < count && taken < MOST_TOGETHER; taken++) {
        struct gemm next = complete(&gemms[taken]);
        if (taken > 0 && !joins(device, relation, &next, some, taken))
            break;
        some[taken] = next;
    }
    return taken;
}

static status run_together(struct device *device, enum gemm_relation relation, const struct gemm *some, int count) {
    if (count == 1)
        return gemm(device, &some[0]);
    if (is_for_gemv(&some[0]))
        return gemv(device, some, count);
    return provider_of(device, &some[0])->run_together(device, relation, some, count);
}

status gemm_together(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count) {
    struct gemm some[MOST_TOGETHER];
    for (int first = 0, taken; first < count; first += taken) {
        taken = take_together(device, relation, gemms + first, count - first, some);
        if (relation == GEMM_TERMS && first > 0) {
            some[0].beta = 1;
            some[0].addend = NULL;
        }
        TRY(run_together(device, relation, some, taken));
    }
    return STATUS_OK;
}

size_t gemm_together_bytes(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count) {
    struct gemm some[MOST_TOGETHER];
    size_t largest = 0;
    for (int first = 0, taken; first < count; first += taken) {
        taken = take_together(device, relation, gemms + first, count - first, some);
        size_t bytes = taken == 1 ? gemm_scratch_bytes(device, &some[0])
                       : is_for_gemv(&some[0])
                           ? 0
                           : provider_of(device, &some[0])->together_bytes(device, relation, some, taken);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* ---- scratch ---- */

size_t gemm_scratch_bytes(struct device *device, const struct gemm *gemm) {
    struct gemm completed = complete(gemm);
    return is_for_gemv(&completed) ? 0 : provider_of(device, &completed)->scratch_bytes(device, &completed);
}

status gemm_scratch(struct device *device, size_t bytes, cl_mem *scratch) {
    struct gemm_state *state = device_gemm_state(device);
    if (state->scratch_bytes < bytes) {
        release_scratch(state);
        TRY(device_buffer_create(device, bytes, &state->scratch));
        state->scratch_bytes = bytes;
    }
    *scratch = state->scratch;
    return STATUS_OK;
}

status gemm_keep_scratch(struct device *device, size_t bytes) {
    cl_mem kept;
    return gemm_scratch(device, bytes, &kept);
}

struct product_blocks gemm_blocks(struct device *device) {
    struct product_blocks blocks = shape_product_blocks(device_shape(device));
    const struct block_choice *choice = &device_gemm_state(device)->choice.blocks;
    if (choice->given) {
        blocks.block_rows = choice->block_rows;
        blocks.block_k = choice->block_k;
        blocks.tile_columns = choice->tile_columns;
        blocks.packing = choice->packing;
    }
    return blocks;
}

int gemm_tiles_chosen(struct device *device, const struct gemm *completed) {
    const struct tile_choice *choice = &device_gemm_state(device)->choice.tiles;
    return choice->given ? choice->which[gemm_class_of(completed)] : -1;
}

const struct gemm_unit *gemm_unit(struct device *device) {
    return device_gemm_state(device)->unit;
}

void gemm_unit_set(struct device *device, const struct gemm_unit *unit) {
    device_gemm_state(device)->unit = unit;
}

status gemm_use_products(struct device *device, const char *provider, const char *products) {
    struct gemm_state *state = device_gemm_state(device);
    const struct gemm_unit *unit = NULL;
    int factors = products ? gemm_factors_find(products) : STAR_FACTORS_FLOAT32;
    if (factors == STAR_FACTORS_FLOAT32)
        return STATUS_OK;
    if (factors < 0)
        return fail_usage("products do not multiply in '%s'; allowed: %s", products, gemm_products_names());
    if (!is_automatic(provider) && gemm_provider_find(provider) != &gemm_tiles) {
        progress_line("the GEMM provider '%s' multiplies in float32 alone; for %s it must be 'tiles', or 'auto'",
                      provider, products);
        return STATUS_OK;
    }
    if (gemm_provider_fits(&gemm_tiles, device))
        TRY(gemm_units_probe(device, factors, &unit));
    if (!unit) {
        progress_line("%s has no instruction that multiplies matrices in %s; products are in float32",
                      device_information(device)->name, products);
        return STATUS_OK;
    }
    struct gemm_choice choice = gemm_choice_of(&gemm_tiles);
    choice.tiles = state->choice.tiles;
    choice.tuned = state->choice.tuned;
    state->unit = unit;
    return use(state, &choice);
}

const char *gemm_provider_name(struct device *device) {
    return device_gemm_state(device)->name;
}

bool gemm_provider_exists(const char *name) {
    return is_automatic(name) || gemm_provider_find(name);
}

const char *gemm_provider_names(void) {
    return "auto, panel, clblast, tiles";
}
