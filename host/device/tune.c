#include "device/tune.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

/*
 * The measured products come first, one a class; the others are only compared. Batches come last: CLBlast builds
 * another program for them. All with dense rows.
 */
enum { SINGLE_PRODUCTS = GEMM_CLASSES + 7, PRODUCTS = SINGLE_PRODUCTS + 3 };

struct tuner {
    struct device *device;
    struct tune_report *report;
    double start, deadline, longest_candidate, longest_batches; /* seconds */
    struct gemm products[PRODUCTS];
    size_t elements; /* floats of each buffer */
    cl_mem a, b, c;
    float *expected[PRODUCTS], *result;
};

/* ---- products ---- */

static size_t matrix_elements(const struct gemm *product, int rows, int columns) {
    return (size_t)rows * (size_t)columns * (size_t)product->batch;
}

static size_t result_elements(const struct gemm *product) {
    return matrix_elements(product, product->m, product->n);
}

static struct gemm product_of(int rows, int in, int out) {
    return (struct gemm){.m = rows, .n = out, .k = in, .alpha = 1, .batch = 1};
}

/* The three products of y[rows, out] = x[rows, in] weight[in, out]: y, dx = dy weight^T, dweight = x^T dy. */
static void layer_products(int rows, int in, int out, struct gemm *forward, struct gemm *input, struct gemm *weight) {
    *forward = product_of(rows, in, out);
    *input = product_of(rows, out, in);
    input->transpose_b = true;
    *weight = product_of(in, rows, out);
    weight->transpose_a = true;
}

/* Layers as they are trained: a few thousand tokens and a width of some hundreds, more where more runs at once. */
static void list_products(struct tuner *tuner) {
    enum { FEW_UNITS = 8 };
    bool little =
        device_shape(tuner->device).lanes == 1 || device_information(tuner->device)->compute_units < FEW_UNITS;
    int tokens = little ? 2048 : 8192, width = little ? 256 : 512;
    struct gemm *p = tuner->products, *checked = p + GEMM_CLASSES, *batches = p + SINGLE_PRODUCTS;
    p[GEMM_THIN] = product_of(4, 512, 512);
    layer_products(2048, 128, 128, &p[GEMM_FORWARD], &p[GEMM_INPUT_GRADIENT], &p[GEMM_WEIGHT_GRADIENT]);
    layer_products(tokens, width, 2 * width, &p[GEMM_LARGE_FORWARD], &p[GEMM_LARGE_INPUT_GRADIENT],
                   &p[GEMM_LARGE_WEIGHT_GRADIENT]);
    /* Edges and accumulation, on both sides of the size from which CLBlast pads. */
    layer_products(97, 48, 50, &checked[0], &checked[1], &checked[2]);
    layer_products(413, 419, 421, &checked[3], &checked[4], &checked[5]);
    checked[6] = product_of(3, 70, 100);
    layer_products(413, 419, 421, &batches[0], &batches[1], &batches[2]);
    for (struct gemm *each = checked; each < p + PRODUCTS; each++)
        each->beta = 1;
    for (int i = 0; i < PRODUCTS - SINGLE_PRODUCTS; i++)
        batches[i].batch = 2;
    for (int i = 0; i < PRODUCTS; i++) {
        size_t a = matrix_elements(&p[i], p[i].m, p[i].k), b = matrix_elements(&p[i], p[i].k, p[i].n);
        size_t c = result_elements(&p[i]), most = a > b ? a : b;
        most = most > c ? most : c;
        tuner->elements = tuner->elements > most ? tuner->elements : most;
        p[i].a_step = p[i].m * p[i].k;
        p[i].b_step = p[i].k * p[i].n;
        p[i].c_step = p[i].m * p[i].n;
    }
}

static status fill(struct tuner *tuner, cl_mem buffer, uint64_t name) {
    struct random_stream random = random_open(name, 0);
    random_normal(&random, tuner->result, tuner->elements, 1);
    return device_write(tuner->device, buffer, 0, tuner->result, tuner->elements * sizeof *tuner->result);
}

static status prepare(struct tuner *tuner) {
    cl_mem *const buffers[] = {&tuner->a, &tuner->b, &tuner->c};
    list_products(tuner);
    tuner->result = memory_allocate(tuner->elements, sizeof *tuner->result);
    for (int i = 0; i < 3; i++)
        TRY(device_buffer_create(tuner->device, tuner->elements * sizeof *tuner->result, buffers[i]));
    TRY(fill(tuner, tuner->a, 1));
    TRY(fill(tuner, tuner->b, 2));
    for (int i = 0; i < PRODUCTS; i++) {
        tuner->products[i].a = tuner->a;
        tuner->products[i].b = tuner->b;
        tuner->products[i].c = tuner->c;
        tuner->expected[i] = memory_allocate(result_elements(&tuner->products[i]), sizeof *tuner->result);
    }
    return STATUS_OK;
}

static void release(struct tuner *tuner) {
    gemm_release_scratch(tuner->device);
    device_buffer_destroy(tuner->device, tuner->a);
    device_buffer_destroy(tuner->device, tuner->b);
    device_buffer_destroy(tuner->device, tuner->c);
    for (int i = 0; i < PRODUCTS; i++)
        free(tuner->expected[i]);
    free(tuner->result);
}

/* ---- one choice ---- */

/* C begins as the first numbers of B. */
static status compute(struct tuner *tuner, int product, float *result) {
    size_t bytes = result_elements(&tuner->products[product]) * sizeof *result;
    TRY(device_copy(tuner->device, tuner->b, 0, tuner->c, 0, bytes));
    TRY(gemm(tuner->device, &tuner->products[product]));
    return device_read(tuner->device, tuner->c, 0, result, bytes);
}

/* All operands are near 1, so one lost or doubled term of a sum is far more than the rounding of any order. */
static status agrees(struct tuner *tuner, int product, bool *same) {
    const struct gemm *p = &tuner->products[product];
    float tolerance = 1e-5f * (float)p->k + 1e-5f;
    TRY(compute(tuner, product, tuner->result));
    *same = true;
    for (size_t i = 0; i < result_elements(p) && *same; i++)
        *same = fabsf(tuner->result[i] - tuner->expected[product][i]) < tolerance;
    return STATUS_OK;
}

static status time_runs(struct tuner *tuner, int product, int runs, double *seconds) {
    double start = clock_seconds();
    for (int i = 0; i < runs; i++)
        TRY(gemm(tuner->device, &tuner->products[product]));
    TRY(device_finish(tuner->device));
    *seconds = (clock_seconds() - start) / runs;
    return STATUS_OK;
}

/* The best of several rounds that are long enough for the clock, after a first run; what is hopeless gets only that. */
static status measure(struct tuner *tuner, int kind, double hopeless, double *gflops) {
    enum { ROUNDS = 6, MOST_RUNS = 200 };
    const double round_seconds = 5e-3;
    const struct gemm *p = &tuner->products[kind];
    double operations = 2.0 * p->m * p->n * p->k, best, seconds;
    TRY(time_runs(tuner, kind, 1, &best));
    int runs = (int)fmin(MOST_RUNS, ceil(round_seconds / best));
    for (int round = 0; round < ROUNDS && operations / best * 1e-9 > hopeless; round++) {
        TRY(time_runs(tuner, kind, runs, &seconds));
        best = fmin(best, seconds);
    }
    *gflops = operations / best * 1e-9;
    return STATUS_OK;
}

static status measure_packaged(struct tuner *tuner) {
    struct gemm_choice clblast = gemm_choice_of(&gemm_clblast);
    struct tune_row *rows = tuner->report->rows;
    TRY(gemm_use(tuner->device, &clblast));
    for (int i = 0; i < PRODUCTS; i++)
        TRY(compute(tuner, i, tuner->expected[i]));
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const struct gemm *p = &tuner->products[kind];
        rows[kind] = (struct tune_row){.m = p->m, .n = p->n, .k = p->k};
        TRY(measure(tuner, kind, 0, &rows[kind].packaged));
    }
    return STATUS_OK;
}

/* Of our own kernels the one that fits, which must compute what CLBlast does. */
static status use_own(struct tuner *tuner, const struct gemm_provider *own, const struct tile_choice *tiles) {
    struct gemm_choice choice = gemm_choice_of(own);
    if (tiles)
        choice.tiles = *tiles;
    TRY(gemm_use(tuner->device, &choice));
    for (int i = 0; i < PRODUCTS; i++) {
        bool same;
        TRY(agrees(tuner, i, &same));
        if (!same)
            return fail("the %s kernel and CLBlast do not agree on a product of %d x %d x %d on %s", own->name,
                        tuner->products[i].m, tuner->products[i].n, tuner->products[i].k,
                        device_information(tuner->device)->name);
    }
    return STATUS_OK;
}

static status measure_panel(struct tuner *tuner) {
    TRY(use_own(tuner, &gemm_panel, NULL));
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        TRY(measure(tuner, kind, 0, &tuner->report->rows[kind].panel));
    return STATUS_OK;
}

/* ---- sizes of tiles ---- */

/* Each class has the fastest, unless that gains less than 2 % over what the products' sizes choose. */
static status tune_tiles(struct tuner *tuner, struct tile_choice *best) {
    const double least_gain = 1.02;
    struct tune_row *rows = tuner->report->rows;
    double by_size[GEMM_CLASSES];
    TRY(use_own(tuner, &gemm_tiles, NULL));
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        TRY(measure(tuner, kind, 0, &by_size[kind]));
        rows[kind].tiles = by_size[kind];
    }
    double fastest[GEMM_CLASSES] = {0};
    for (int which = 0; which < PRODUCT_TILES; which++) {
        struct tile_choice tried = {.given = true};
        for (int kind = 0; kind < GEMM_CLASSES; kind++)
            tried.which[kind] = which;
        TRY(use_own(tuner, &gemm_tiles, &tried));
        for (int kind = 0; kind < GEMM_CLASSES; kind++) {
            double gflops;
            TRY(measure(tuner, kind, fastest[kind] / 4, &gflops));
            if (gflops > fastest[kind]) {
                fastest[kind] = gflops;
                best->which[kind] = which;
            }
        }
    }
    double gained = 0;
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        gained += log(fastest[kind] / by_size[kind]);
    best->given = gained > GEMM_CLASSES * log(least_gain);
    for (int kind = 0; kind < GEMM_CLASSES && best->given; kind++)
        rows[kind].tiles = fastest[kind];
    return STATUS_OK;
}

/* ---- blocks of the panel kernel ---- */

static struct block_choice blocks_of_shape(const struct tuner *tuner) {
    struct product_blocks blocks = shape_product_blocks(device_shape(tuner->device));
    return (struct block_choice){true, blocks.packing, blocks.block_rows, blocks.block_k, blocks.tile_columns};
}

static bool are_equal(const struct block_choice *one, const struct block_choice *other) {
    return one->packing == other->packing && one->block_rows == other->block_rows && one->block_k == other->block_k &&
           one->tile_columns == other->tile_columns;
}

/* The which-th neighbour of the blocks, of which one number is another. */
static struct block_choice varied_blocks(struct block_choice blocks, int which) {
    switch (which) {
    case 0:
        blocks.block_k /= 2;
        break;
    case 1:
        blocks.block_k = blocks.block_k * 3 / 2;
        break;
    case 2:
        blocks.tile_columns /= 2;
        break;
    case 3:
        blocks.tile_columns *= 2;
        break;
    case 4:
        blocks.block_rows /= 2;
        break;
    case 5:
        blocks.block_rows *= 2;
        break;
    default:
        blocks.packing = (enum packing)(which - 6);
        break;
    }
    return blocks;
}
enum { VARIED_BLOCKS = 6 + PACK_BOTH + 1 };

/*
 * The classes' speeds with some blocks against those with others, measured in turn, because a processor is faster in
 * one minute than in another.
 */
static status compare_blocks(struct tuner *tuner, const struct block_choice *one, const struct block_choice *other,
                             double *gain) {
    struct gemm_choice choices[2] = {gemm_choice_of(&gemm_panel), gemm_choice_of(&gemm_panel)};
    double sum = 0;
    choices[0].blocks = *one;
    choices[1].blocks = *other;
    for (int kind = GEMM_FORWARD; kind < GEMM_CLASSES; kind++) {
        double gflops[2];
        for (int i = 0; i < 2; i++) {
            TRY(gemm_use(tuner->device, &choices[i]));
            TRY(measure(tuner, kind, 0, &gflops[i]));
        }
        sum += log(gflops[0] / gflops[1]);
    }
    *gain = exp(sum / (GEMM_CLASSES - GEMM_FORWARD));
    return STATUS_OK;
}

/*
 * Up the hill from the shape's blocks, a neighbour at a time. A step must be 2 % faster, twice in a row: what is kept
 * should not be the noise of a measurement.
 */
static status tune_blocks(struct tuner *tuner, struct block_choice *best) {
    const struct block_choice first = blocks_of_shape(tuner);
    const double least_gain = 1.02;
    *best = first;
    tuner->report->blocks_gain = 1;
    for (int which = 0; which < VARIED_BLOCKS && clock_seconds() < tuner->deadline; which++) {
        struct block_choice tried = varied_blocks(*best, which);
        double gain, again;
        if (are_equal(&tried, best))
            continue;
        TRY(compare_blocks(tuner, &tried, best, &gain));
        if (gain < least_gain)
            continue;
        TRY(compare_blocks(tuner, &tried, best, &again));
        if (again < least_gain)
            continue;
        *best = tried;
        tuner->report->blocks_gain *= fmin(gain, again);
    }
    best->given = !are_equal(best, &first);
    return STATUS_OK;
}

/* ---- candidates ---- */

struct candidate {
    struct clblast_parameters parameters;
    double gflops[GEMM_CLASSES];
};

/* Sums of logarithms: what is twice as fast in one class and half as fast in another is as good. */
static double score(const double *gflops, int first, int last) {
    double sum = 0;
    for (int kind = first; kind <= last; kind++)
        sum += log(gflops[kind]);
    return sum;
}

/* What our own kernel that fits the device makes of a class. */
static double own_speed(const struct tune_row *row) {
    return fmax(row->panel, row->tiles);
}

/* What the device gains as a whole when each class takes the better of our own kernel and this. */
static double gain(const struct tuner *tuner, const double *gflops) {
    double sum = 0;
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        sum += log(fmax(own_speed(&tuner->report->rows[kind]), gflops[kind]));
    return sum;
}

static bool all_agree(struct tuner *tuner, int first, int last) {
    bool same = true;
    for (int i = first; i < last && same; i++)
        if (agrees(tuner, i, &same) != STATUS_OK)
            return false;
    return same;
}

/* CLBlast and drivers say no in many ways; a device that is really lost says it again outside. */
static bool try_candidate(struct tuner *tuner, const struct clblast_parameters *parameters,
                          struct candidate *candidate) {
    struct gemm_choice choice = gemm_choice_of(&gemm_clblast);
    double start = clock_seconds();
    choice.clblast = *parameters;
    candidate->parameters = *parameters;
    bool usable = gemm_use(tuner->device, &choice) == STATUS_OK && all_agree(tuner, 0, SINGLE_PRODUCTS);
    for (int kind = 0; kind < GEMM_CLASSES && usable; kind++) {
        double hopeless = tuner->report->rows[kind].packaged / 4;
        usable = measure(tuner, kind, hopeless, &candidate->gflops[kind]) == STATUS_OK;
    }
    tuner->longest_candidate = fmax(tuner->longest_candidate, clock_seconds() - start);
    tuner->report->candidates++;
    tuner->report->refused += !usable;
    return usable;
}

/* The longest so far; before the first the two builds of a slow one, on a CPU. */
static double candidate_seconds(const struct tuner *tuner) {
    return tuner->report->candidates ? tuner->longest_candidate + tuner->longest_batches : 15;
}

static bool has_time(const struct tuner *tuner) {
    return clock_seconds() + candidate_seconds(tuner) < tuner->deadline;
}

static void tell(const struct tuner *tuner, const struct candidate *best) {
    progress_update(
        "tuning, %.0f of %.0f s: set %d of CLBlast's parameters; best so far %.1f GFLOP/s small, %.1f large",
        clock_seconds() - tuner->start, tuner->deadline - tuner->start, tuner->report->candidates + 1,
        best->gflops[GEMM_FORWARD], best->gflops[GEMM_LARGE_FORWARD]);
}

static bool is_better(const struct tuner *tuner, const struct candidate *one, const struct candidate *other) {
    double difference = gain(tuner, one->gflops) - gain(tuner, other->gflops);
    if (fabs(difference) < 1e-9) /* our own kernel is ahead of both */
        return score(one->gflops, 0, GEMM_CLASSES - 1) > score(other->gflops, 0, GEMM_CLASSES - 1);
    return difference > 0;
}

/* The candidate that was tried last becomes the best one if it is, and its batches are right too. */
static void take(struct tuner *tuner, const struct candidate *tried, struct candidate *best) {
    double start = clock_seconds();
    if (best->parameters.given && !is_better(tuner, tried, best))
        return;
    if (all_agree(tuner, SINGLE_PRODUCTS, PRODUCTS))
        *best = *tried;
    else
        tuner->report->refused++;
    tuner->longest_batches = fmax(tuner->longest_batches, clock_seconds() - start);
}

/*
 * A build holds both of CLBlast's kernels, so a candidate is a set for each, and with the size from which the tiled one
 * is used between the small and the large classes both are measured at once. Then the best set for either is tried
 * together, and with either kernel for everything.
 */
static status search(struct tuner *tuner, struct candidate *best) {
    const struct device_information *information = device_information(tuner->device);
    struct candidate tried = {0}, tiled = {0}, direct = {0};
    struct clblast_parameters parameters;
    for (int i = 0; has_time(tuner) && clblast_parameters_candidate(information, i, &parameters); i++) {
        if (interrupt_requested())
            return fail_interrupted();
        tell(tuner, best);
        parameters.values[CLBLAST_LEAST_INDIRECT] = GEMM_LARGE_EDGE;
        if (!try_candidate(tuner, &parameters, &tried))
            continue;
        if (!tiled.parameters.given || score(tried.gflops, GEMM_LARGE_FORWARD, GEMM_CLASSES - 1) >
                                           score(tiled.gflops, GEMM_LARGE_FORWARD, GEMM_CLASSES - 1))
            tiled = tried;
        if (!direct.parameters.given ||
            score(tried.gflops, 0, GEMM_LARGE_FORWARD - 1) > score(direct.gflops, 0, GEMM_LARGE_FORWARD - 1))
            direct = tried;
        take(tuner, &tried, best);
        /* Three are left for the combinations. */
        if (clock_seconds() + 4 * candidate_seconds(tuner) > tuner->deadline)
            break;
    }
    const int sizes[] = {GEMM_LARGE_EDGE, 1, 1 << 15};
    for (int i = 0; i < 3 && tiled.parameters.given && has_time(tuner); i++) {
        if (interrupt_requested())
            return fail_interrupted();
        tell(tuner, best);
        parameters = direct.parameters;
        for (int j = CLBLAST_XGEMM; j < CLBLAST_DIRECT; j++)
            parameters.values[j] = tiled.parameters.values[j];
        parameters.values[CLBLAST_LEAST_INDIRECT] = sizes[i];
        if (try_candidate(tuner, &parameters, &tried))
            take(tuner, &tried, best);
    }
    return STATUS_OK;
}

/* ---- the choice ---- */

/* What is kept must be clearly better than what needs no keeping: measurements vary by some percent. */
static void choose(const struct tuner *tuner, const struct candidate *best, const struct block_choice *blocks,
                   const struct tile_choice *tiles) {
    struct tune_report *report = tuner->report;
    double packaged[GEMM_CLASSES];
    bool panel_fits = gemm_provider_fits(&gemm_panel, tuner->device);
    const struct gemm_provider *own = panel_fits ? &gemm_panel : &gemm_tiles;
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        packaged[kind] = report->rows[kind].packaged;
        report->rows[kind].with_parameters = best->gflops[kind];
    }
    bool tuned = best->parameters.given && gain(tuner, best->gflops) > gain(tuner, packaged) + GEMM_CLASSES * log(1.02);
    report->best = best->parameters;
    report->choice = gemm_choice_of(own);
    report->choice.tuned = true;
    report->choice.blocks = *blocks;
    report->choice.tiles = *tiles;
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        if ((tuned ? best->gflops : packaged)[kind] > 1.05 * own_speed(&report->rows[kind]))
            report->choice.providers[kind] = &gemm_clblast;
    if (tuned && gemm_choice_uses(&report->choice, &gemm_clblast))
        report->choice.clblast = best->parameters;
}

static status run(struct tuner *tuner) {
    struct candidate best = {0};
    struct block_choice blocks = {0};
    struct tile_choice tiles = {0};
    progress_update("tuning: the providers as packaged ...");
    TRY(prepare(tuner));
    TRY(measure_packaged(tuner));
    if (gemm_provider_fits(&gemm_panel, tuner->device)) {
        TRY(measure_panel(tuner));
        TRY(tune_blocks(tuner, &blocks));
    } else {
        TRY(tune_tiles(tuner, &tiles));
    }
    TRY(search(tuner, &best));
    choose(tuner, &best, &blocks, &tiles);
    tuner->report->seconds = clock_seconds() - tuner->start;
    return gemm_use(tuner->device, &tuner->report->choice);
}

status tune_gemm(struct device *device, double seconds, struct tune_report *report) {
    double start = clock_seconds();
    struct tuner tuner = {.device = device, .report = report, .start = start, .deadline = start + seconds};
    *report = (struct tune_report){0};
    if (clblast_parameters_were_set(device_information(device)))
        return fail("this process has set parameters of CLBlast already, and CLBlast as packaged can no longer be "
                    "measured");
    status outcome = run(&tuner);
    release(&tuner);
    progress_clear();
    return outcome;
}
