/*
 * A crowd of workers, simulated event by event, that feeds the real evolution: how much of their time they are busy,
 * and what it costs the search that an individual does not know of those that are in flight when it is asked for.
 *
 * Workers differ in speed by up to a factor of 10 (log-uniform), jobs in size (lognormal, sigma 1); a middling job
 * takes a minute on the slowest worker. The driver is one thread: each asking and telling takes it `driver_seconds`,
 * and workers queue for it. What it really takes is measured beside, and must be less.
 *
 *     worker 1  |== 1 ==|==== 1001 ====|= 1003 =| ...       busy share: of the workers' time from the beginning until
 *     worker 2  |======= 2 =======|== 1002 ==| ...          the last job is given out. What is left then has nobody
 *     ...                                                   to wait for, and is printed as `with the tail`.
 */
#include "test.h"

#include "bits.h"
#include "evolve/algorithm.h"
#include "evolve/archive.h"

#include <math.h>
#include <string.h>
#include <time.h>

static const double driver_seconds = 0.002, middling_seconds = 60;

static struct catalogue catalogue;
static struct genome_space space;

static int set_up(void **unused) {
    (void)unused;
    return bit_space(&catalogue, &space);
}

/* ---- events: a heap, the earliest first ---- */

struct event {
    double time;
    int worker;
};

struct heap {
    struct event *events;
    int count;
};

static bool is_earlier(struct event a, struct event b) {
    return a.time < b.time || (a.time == b.time && a.worker < b.worker);
}

static void heap_add(struct heap *heap, struct event event) {
    int place = heap->count++;
    for (int above; place > 0 && is_earlier(event, heap->events[above = (place - 1) / 2]); place = above)
        heap->events[place] = heap->events[above];
    heap->events[place] = event;
}

static struct event heap_take(struct heap *heap) {
    struct event first = heap->events[0], moved = heap->events[--heap->count];
    int place = 0;
    for (int below = 1; below < heap->count; below = 2 * place + 1) {
        below += below + 1 < heap->count && is_earlier(heap->events[below + 1], heap->events[below]);
        if (!is_earlier(heap->events[below], moved))
            break;
        heap->events[place] = heap->events[below];
        place = below;
    }
    heap->events[place] = moved;
    return first;
}

/* ---- the simulation ---- */

struct simulation {
    const struct evolve_settings *settings;
    int workers, evaluations;
    uint64_t seed; /* of speeds and sizes */
};

struct outcome {
    double busy, busy_with_tail; /* shares of the workers' time */
    double jobs_an_hour;         /* given out, until the last one was */
    double milliseconds;         /* of the processor, for an evaluation's asking and telling */
    double hypervolume;          /* of all that were told, as a share of the whole front's */
};

static double number_of(uint64_t seed, const char *what, int id, bool normal) {
    struct random_stream random = random_open(seed, hash_number(hash_text(HASH_START, what), (uint64_t)id));
    float value;
    if (!normal)
        return random_uniform(&random);
    random_normal(&random, &value, 1, 1);
    return (double)value;
}

static double front_hypervolume(void) {
    struct archive *archive = archive_create(2, (const double[]){1, 1});
    for (int ones = 0; ones <= BITS; ones++)
        (void)archive_add(archive, &(struct individual){.id = ones + 1, .objectives = {-ones, ones - BITS}}, NULL,
                          NULL);
    double whole = archive_hypervolume(archive);
    archive_destroy(archive);
    return whole;
}

struct state {
    const struct simulation *simulation;
    struct evolution *evolution;
    struct archive *archive;
    struct heap heap;
    struct individual *jobs; /* by worker */
    int *idle;               /* workers, who has waited longest last */
    int idle_count, given;
    double now, driver_free, last_given, busy, busy_before_last;
};

static void give_out(struct state *state) {
    const struct simulation *simulation = state->simulation;
    while (state->idle_count > 0 && state->given < simulation->evaluations) {
        int worker = state->idle[state->idle_count - 1];
        struct individual *job = &state->jobs[worker];
        if (!evolution_ask(state->evolution, job))
            return;
        state->idle_count--;
        state->given++;
        state->driver_free = fmax(state->driver_free, state->now) + driver_seconds;
        double speed = pow(10, number_of(simulation->seed, "speed", worker, false));
        double seconds = middling_seconds * exp(number_of(simulation->seed, "size", job->id, true)) / speed;
        heap_add(&state->heap, (struct event){state->driver_free + seconds, worker});
        state->last_given = state->driver_free;
        state->busy += seconds;
    }
}

static void take_in(struct state *state, int worker) {
    struct individual *job = &state->jobs[worker];
    lotz(&job->genome, job->objectives);
    job->descriptor = ldexp(1, (int)-job->objectives[0]);
    state->driver_free = fmax(state->driver_free, state->now) + driver_seconds;
    evolution_tell(state->evolution, job);
    (void)archive_add(state->archive, job, NULL, NULL);
    memmove(state->idle + 1, state->idle, (size_t)state->idle_count++ * sizeof *state->idle);
    state->idle[0] = worker;
}

static struct outcome simulate(const struct simulation *simulation) {
    int workers = simulation->workers;
    struct state state = {.simulation = simulation,
                          .evolution = evolution_create(simulation->settings),
                          .archive = archive_create(2, (const double[]){1, 1}),
                          .heap = {.events = calloc((size_t)workers, sizeof(struct event))},
                          .jobs = calloc((size_t)workers, sizeof *state.jobs),
                          .idle = calloc((size_t)workers, sizeof *state.idle),
                          .idle_count = workers};
    clock_t start = clock();
    double rest = 0; /* of jobs, behind the last time that one was given out */
    for (int worker = 0; worker < workers; worker++)
        state.idle[worker] = workers - 1 - worker;
    give_out(&state);
    while (state.heap.count > 0) {
        struct event event = heap_take(&state.heap);
        state.now = event.time;
        take_in(&state, event.worker);
        give_out(&state);
        if (state.given == simulation->evaluations)
            rest += fmax(0, event.time - state.last_given);
    }
    struct outcome outcome = {
        .busy = (state.busy - rest) / (workers * state.last_given),
        .busy_with_tail = state.busy / (workers * state.now),
        .jobs_an_hour = 3600 * state.given / state.last_given,
        .milliseconds = 1000.0 * (double)(clock() - start) / CLOCKS_PER_SEC / state.given,
        .hypervolume = archive_hypervolume(state.archive) / front_hypervolume(),
    };
    assert_int_equal(state.given, simulation->evaluations);
    free(state.heap.events);
    free(state.jobs);
    free(state.idle);
    archive_destroy(state.archive);
    evolution_destroy(state.evolution);
    return outcome;
}

static struct evolve_settings settings_of(const struct algorithm *algorithm, int population, uint64_t seed) {
    return (struct evolve_settings){.algorithm = algorithm,
                                    .space = &space,
                                    .seed = seed,
                                    .population = population,
                                    .objectives = 2,
                                    .tournament = 2,
                                    .variation = {.crossover_points = 2, .mutation = 2.0 / BITS}};
}

/* ---- how busy they are ---- */

/* 1,000 workers, a population of 1,000, 20 jobs for each worker on average; fewer where what is to be seen is the same.
 */
static void test_a_thousand_workers(void **unused) {
    (void)unused;
    enum { WORKERS = 1000, JOBS = 20, FEWER_JOBS = 5 };
    static const struct algorithm *const algorithms[] = {&algorithm_nsga2_steady, &algorithm_ageing,
                                                         &algorithm_map_elites, &algorithm_random, &algorithm_nsga2};
    struct outcome outcomes[5];
    for (int i = 0; i < 5; i++) {
        struct evolve_settings settings = settings_of(algorithms[i], WORKERS, 1);
        outcomes[i] =
            simulate(&(struct simulation){&settings, WORKERS, (i == 0 || i == 4 ? JOBS : FEWER_JOBS) * WORKERS, 7});
        printf("  %-12s %.1f %% busy, %.1f %% with the tail, %.0f jobs an hour, %.3f ms of the driver for each\n",
               algorithms[i]->name, 100 * outcomes[i].busy, 100 * outcomes[i].busy_with_tail, outcomes[i].jobs_an_hour,
               outcomes[i].milliseconds);
        /* Asking and telling each take `driver_seconds`. */
        assert_true(outcomes[i].milliseconds < 2 * 1000 * driver_seconds);
    }
    for (int i = 0; i < 4; i++)
        assert_true(outcomes[i].busy >= 0.95);
    assert_true(outcomes[4].jobs_an_hour < outcomes[0].jobs_an_hour / 2);
}

/* ---- what it costs the search ---- */

/* Evaluations that are as many: told one at a time, by a population's worth of workers, and by many more. */
static void test_equal_evaluations(void **unused) {
    (void)unused;
    enum { POPULATION = 84, SEEDS = 10 };
    static const int evaluations[] = {1000, 4000}, workers[] = {1, 8, 84, 420};
    for (int e = 0; e < 2; e++) {
        double means[4] = {0}, generational = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct evolve_settings settings = settings_of(&algorithm_nsga2_steady, POPULATION, seed);
            for (int w = 0; w < 4; w++)
                means[w] +=
                    simulate(&(struct simulation){&settings, workers[w], evaluations[e], seed}).hypervolume / SEEDS;
            settings.algorithm = &algorithm_nsga2;
            generational +=
                simulate(&(struct simulation){&settings, POPULATION, evaluations[e], seed}).hypervolume / SEEDS;
        }
        printf("  lotz, %d evaluations, share of the front's hypervolume: %.3f one at a time, %.3f with 8 workers, "
               "%.3f with 84, %.3f with 420; %.3f a generation at a time\n",
               evaluations[e], means[0], means[1], means[2], means[3], generational);
        assert_true(means[1] >= 0.95 * means[0]);
        assert_true(means[2] >= 0.85 * means[0]);
        assert_true(means[3] >= 0.5 * means[0]);
    }
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_thousand_workers),
                                       cmocka_unit_test(test_equal_evaluations)};
    test_choose(count, words);
    return cmocka_run_group_tests(tests, set_up, NULL);
}
