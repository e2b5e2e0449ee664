/*
 * How well a run's queue feeds many workers: test_run_queue_load WORKERS SECONDS, in the database of STARCL_TEST_STORE.
 *
 * Each worker is a process with a connection of its own. A job is a pause of 50 ms. This process is the driver: it sees
 * to it that two jobs a worker wait, and takes and forgets what is done. All begin at one moment, when all are there,
 * and work for so many seconds. Prints what share of that time the workers spent in jobs, and jobs a second; fails
 * where a job was done twice, or its result came not once.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "run/queue.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORKERS = 256, MOST_JOBS = 1 << 18 };
static const double job_seconds = 0.05, lease_seconds = 30;

/* What all processes see. */
struct board {
    _Atomic int ready, failed;
    _Atomic bool begun;
    double begin, end;                                     /* of clock_seconds(), once it has begun */
    double busy[MOST_WORKERS];                             /* seconds of these in jobs */
    int finished[MOST_WORKERS];                            /* jobs */
    double leasing[MOST_WORKERS], finishing[MOST_WORKERS]; /* seconds */
    _Atomic unsigned char started[MOST_JOBS];              /* how often */
};

static const char *const facts[RUN_FACTS] = {"load",   "config", "catalogue", "corpus", "device",
                                             "driver", "1",      "panel",     "/text"};
static struct board *board;

static void rest(double seconds) {
    nanosleep(
        &(struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * (seconds - (double)(time_t)seconds))},
        NULL);
}

/* ---- a worker ---- */

static status do_job(struct store *store, int number, const struct leased_job *leased) {
    bool counts;
    double begin = clock_seconds();
    atomic_fetch_add(&board->started[atoi(leased->job)], 1);
    rest(job_seconds);
    double end = clock_seconds();
    board->busy[number] += (end < board->end ? end : board->end) - begin;
    TRY(queue_finish(store, leased, leased->job, NULL, 0, &counts));
    if (!counts)
        return fail("a lease of %g s ran out", lease_seconds);
    board->finished[number]++;
    board->finishing[number] += clock_seconds() - end;
    return STATUS_OK;
}

static status take_jobs(struct store *store, int number, const char *name) {
    struct leased_job leased;
    struct seen_worker seen = {.device = "none"};
    snprintf(seen.name, sizeof seen.name, "%s", name);
    double last_seen = 0;
    while (clock_seconds() < board->end) {
        bool found;
        double begin = clock_seconds();
        if (begin - last_seen > 2) { /* as work.c does */
            TRY(queue_see(store, &seen, lease_seconds));
            last_seen = begin;
        }
        TRY(queue_lease(store, name, NULL, lease_seconds, &found, &leased));
        board->leasing[number] += clock_seconds() - begin;
        if (!found) {
            rest(0.1); /* as work.c does */
            continue;
        }
        status outcome = do_job(store, number, &leased);
        free(leased.job);
        TRY(outcome);
    }
    return queue_leave(store, name);
}

static status work(const char *run, int number) {
    struct store *store;
    char name[32];
    snprintf(name, sizeof name, "worker:%d", number);
    TRY(store_join(run, &store));
    atomic_fetch_add(&board->ready, 1);
    while (!atomic_load(&board->begun))
        rest(0.001);
    status outcome = take_jobs(store, number, name);
    store_close(store);
    return outcome;
}

static void be_worker(const char *run, int number) {
    if (work(run, number) == STATUS_OK)
        _exit(0);
    fprintf(stderr, "worker %d: %s\n", number, status_message());
    atomic_fetch_add(&board->failed, 1);
    _exit(1);
}

/* ---- the driver ---- */

struct driver {
    struct store *store;
    int workers, put, done; /* jobs */
    unsigned char *came;    /* results of a job */
};

static status put_jobs(struct driver *driver) {
    struct new_job jobs[3 * MOST_WORKERS];
    char texts[3 * MOST_WORKERS][16], keys[3 * MOST_WORKERS][16];
    int count = 0;
    for (; driver->put < driver->done + 3 * driver->workers && driver->put < MOST_JOBS; driver->put++) {
        snprintf(texts[count], sizeof *texts, "%d", driver->put);
        snprintf(keys[count], sizeof *keys, "job %d", driver->put);
        jobs[count] = (struct new_job){.key = keys[count], .job = texts[count]};
        count++;
    }
    return count > 0 ? queue_put(driver->store, jobs, count) : STATUS_OK;
}

static status take_results(struct driver *driver) {
    struct done_job *jobs;
    int count;
    TRY(queue_done(driver->store, &jobs, &count));
    long long *ids = memory_allocate((size_t)count + 1, sizeof *ids);
    for (int j = 0; j < count; j++) {
        ids[j] = jobs[j].id;
        driver->came[jobs[j].result ? atoi(jobs[j].result) : 0]++;
        driver->done++;
    }
    done_jobs_free(jobs, count);
    status outcome = count > 0 ? queue_forget(driver->store, ids, count) : STATUS_OK;
    free(ids);
    return outcome;
}

static status drive(struct driver *driver, double seconds) {
    TRY(put_jobs(driver));
    while (atomic_load(&board->ready) < driver->workers)
        if (atomic_load(&board->failed))
            return fail("a worker failed");
        else
            rest(0.001);
    board->begin = clock_seconds();
    board->end = board->begin + seconds;
    atomic_store(&board->begun, true);
    while (clock_seconds() < board->end) {
        TRY(take_results(driver));
        TRY(put_jobs(driver));
        rest(0.02); /* in which not so many jobs are done as wait */
    }
    return STATUS_OK;
}

/* Jobs that were done while nobody looked, and whether each was done once. */
static status check(struct driver *driver) {
    int finished = 0;
    for (int w = 0; w < driver->workers; w++)
        finished += board->finished[w];
    TRY(take_results(driver));
    for (int j = 0; j < driver->put; j++)
        if (board->started[j] > 1 || driver->came[j] != board->started[j])
            return fail("job %d was done %d times, and has %d results", j, board->started[j], driver->came[j]);
    if (driver->done != finished || atomic_load(&board->failed))
        return fail("%d jobs were done, and %d results came; %d workers failed", finished, driver->done,
                    atomic_load(&board->failed));
    return STATUS_OK;
}

static void report(const struct driver *driver, double seconds) {
    double busy = 0, leasing = 0, finishing = 0;
    for (int w = 0; w < driver->workers; w++) {
        busy += board->busy[w];
        leasing += board->leasing[w];
        finishing += board->finishing[w];
    }
    printf("{\"workers\": %d, \"seconds\": %g, \"busy\": %.4f, \"jobs_per_second\": %.1f, \"lease_ms\": %.2f, "
           "\"finish_ms\": %.2f}\n",
           driver->workers, seconds, busy / (driver->workers * seconds), driver->done / seconds,
           1e3 * leasing / driver->done, 1e3 * finishing / driver->done);
}

int main(int count, char **words) {
    double seconds = count > 2 ? atof(words[2]) : 0;
    struct driver driver = {.workers = count > 2 ? atoi(words[1]) : 0};
    char run[4096];
    if (driver.workers < 1 || driver.workers > MOST_WORKERS || seconds <= 0) {
        fprintf(stderr, "test_run_queue_load WORKERS SECONDS\n");
        return 2;
    }
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(run, sizeof run, "%.3000s#load-%ld", getenv("STARCL_TEST_STORE"), (long)getpid());
    status outcome = store_create(run, facts, &driver.store);
    for (int w = 0; w < driver.workers && outcome == STATUS_OK; w++)
        if (fork() == 0)
            be_worker(run, w);
    driver.came = memory_allocate(MOST_JOBS, 1);
    if (outcome == STATUS_OK)
        outcome = drive(&driver, seconds);
    atomic_store(&board->begun, true); /* also where it failed: then they have no time */
    while (wait(NULL) > 0)
        continue;
    if (outcome == STATUS_OK)
        outcome = check(&driver);
    if (outcome == STATUS_OK)
        report(&driver, seconds);
    else
        fprintf(stderr, "%s\n", status_message());
    store_close(driver.store);
    free(driver.came);
    return outcome == STATUS_OK ? 0 : 1;
}
