#include "train/ranks.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "starcl/version.h"
#include "train/ranks_transport.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What ranks tell each other first, in one layout for all versions. */
struct introduction {
    char version[32];
    char host[64];
    char place[128]; /* equal where process ids are of the same processes */
    long long process;
};

struct ranks {
    const struct ranks_transport *transport;
    int own, count;
    struct introduction introductions[RANKS_MOST];
    bool in_common; /* the last failure */
};

/* ---- who is there ---- */

static bool names_several(const char *variable) {
    const char *value = getenv(variable);
    return value && strtol(value, NULL, 10) > 1;
}

/* PMIx tells a rank alone; Slurm tells the count beside it. */
bool ranks_launched(void) {
    return names_several("OMPI_COMM_WORLD_SIZE") || names_several("PMI_SIZE") ||
           (getenv("PMIX_RANK") && !getenv("OMPI_COMM_WORLD_SIZE") && names_several("SLURM_NTASKS"));
}

int ranks_own(const struct ranks *ranks) {
    return ranks ? ranks->own : 0;
}

int ranks_count(const struct ranks *ranks) {
    return ranks ? ranks->count : 1;
}

bool ranks_lead(const struct ranks *ranks) {
    return ranks_own(ranks) == 0;
}

static bool is_near(const struct ranks *ranks, int rank) {
    return strcmp(ranks->introductions[rank].place, ranks->introductions[ranks->own].place) == 0;
}

int ranks_local(const struct ranks *ranks) {
    int before = 0;
    for (int rank = 0; rank < ranks_own(ranks); rank++)
        before += strcmp(ranks->introductions[rank].host, ranks->introductions[ranks->own].host) == 0;
    return before;
}

const char *ranks_name(const struct ranks *ranks, int rank) {
    static char name[128];
    const struct introduction *introduction = &ranks->introductions[rank];
    snprintf(name, sizeof name, "rank %d (process %lld on %s)", rank, introduction->process, introduction->host);
    return name;
}

/* ---- meeting ---- */

static struct introduction introduce(void) {
    struct introduction own = {.process = getpid()};
    char space[64] = "", *boot = NULL;
    size_t length;
    snprintf(own.version, sizeof own.version, "%s", STAR_VERSION);
    if (gethostname(own.host, sizeof own.host - 1) != 0)
        snprintf(own.host, sizeof own.host, "?");
    if (readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0 ||
        file_read("/proc/sys/kernel/random/boot_id", &boot, &length) != STATUS_OK)
        snprintf(space, sizeof space, "process %lld", own.process); /* then no other is known to be near */
    snprintf(own.place, sizeof own.place, "%s %.40s", space, boot ? boot : "");
    free(boot);
    return own;
}

static status check_versions(const struct ranks *ranks) {
    for (int rank = 1; rank < ranks->count; rank++)
        if (strcmp(ranks->introductions[rank].version, ranks->introductions[0].version) != 0)
            return fail("%s is starcl %.31s, and rank 0 is starcl %.31s; install the same version everywhere",
                        ranks_name(ranks, rank), ranks->introductions[rank].version, ranks->introductions[0].version);
    return STATUS_OK;
}

/* Kept loaded: what it starts may outlive its end. */
static status load(const char *module, const struct ranks_transport **transport) {
    static const char advice[] = "a starcl that was built where MPI was found has it, on Debian in the package "
                                 "starcl-mpi; without a launcher one process trains alone";
    void *library = module ? dlopen(module, RTLD_NOW | RTLD_GLOBAL) : NULL;
    if (!library)
        return fail("several processes were started to train one model, and the module starcl-mpi.so that connects "
                    "them %s%s; %s",
                    module ? "cannot be loaded: " : "is not there", module ? dlerror() : "", advice);
    *transport = dlsym(library, RANKS_TRANSPORT_SYMBOL);
    if (!*transport || (*transport)->version != RANKS_TRANSPORT_VERSION)
        return fail("%s belongs to another version of starcl", module);
    return STATUS_OK;
}

static status check(const char *problem) {
    return problem ? fail("MPI: %s", problem) : STATUS_OK;
}

static status meet(struct ranks *ranks, const char *module) {
    TRY(load(module, &ranks->transport));
    TRY(check(ranks->transport->begin(&ranks->own, &ranks->count)));
    if (ranks->count > RANKS_MOST)
        return ranks_in_common(ranks, fail_usage("%d processes are more than can train one model together; allowed: "
                                                 "at most %d",
                                                 ranks->count, RANKS_MOST));
    ranks->introductions[ranks->own] = introduce();
    TRY(ranks_gather_records(ranks, ranks->introductions, sizeof *ranks->introductions));
    status outcome = check_versions(ranks);
    return outcome == STATUS_OK ? outcome : ranks_in_common(ranks, outcome);
}

status ranks_open(const char *module, struct ranks **result) {
    *result = NULL;
    if (!ranks_launched())
        return STATUS_OK;
    struct ranks *ranks = memory_allocate(1, sizeof *ranks);
    status outcome = meet(ranks, module);
    if (outcome != STATUS_OK && !ranks->transport) {
        free(ranks);
        ranks = NULL;
    }
    *result = ranks;
    return outcome;
}

void ranks_close(struct ranks *ranks) {
    if (!ranks)
        return;
    ranks->transport->end();
    free(ranks);
}

void ranks_abort(struct ranks *ranks, int code) {
    if (ranks)
        ranks->transport->abort(code);
}

/* ---- sending and waiting ---- */

_Static_assert((int)RANKS_MOST_CHANNEL == (int)RANKS_CHANNELS - 1, "the transport has other channels");

/* The channel of those functions here that wait for what they have begun. */
enum { WAITED_FOR = 0 };

status ranks_send(struct ranks *ranks, int channel, int to, const void *bytes, size_t length) {
    return check(ranks->transport->send(channel, to, bytes, length));
}

status ranks_receive(struct ranks *ranks, int channel, int from, void *bytes, size_t length) {
    return check(ranks->transport->receive(channel, from, bytes, length));
}

static bool is_gone(const struct ranks *ranks, int rank) {
    return rank != ranks->own && is_near(ranks, rank) && kill((pid_t)ranks->introductions[rank].process, 0) != 0 &&
           errno == ESRCH;
}

/*
 * Fails where a rank is gone. The first of those that are left tells it, and ends the others before they do; but it may
 * be stuck in MPI, which tries to reach the one that is gone: then the next one tells it.
 */
static status miss(const struct ranks *ranks) {
    const struct timespec pause = {.tv_nsec = 400 * 1000 * 1000};
    int gone = 0;
    while (gone < ranks->count && !is_gone(ranks, gone))
        gone++;
    if (gone == ranks->count)
        return STATUS_OK;
    for (int rank = 0; rank < ranks->own && rank < 2; rank++)
        nanosleep(&pause, NULL);
    return fail("%s is gone: it was killed, or has said why it ended", ranks_name(ranks, gone));
}

/* A connection that broke may be that of a rank that is about to be gone, which says more. */
static status lose(struct ranks *ranks, const char *problem) {
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    for (int look = 0; look < 10; look++) {
        TRY(miss(ranks));
        nanosleep(&pause, NULL);
    }
    return check(problem);
}

/*
 * Who asks to stop asks all ranks, which then agree on a step; where one does not come to it, its machine may be lost,
 * and the launcher is about to end the others.
 */
struct patience {
    double asked; /* when this rank was first seen to be asked to stop while it waits; 0: it was not */
    bool told;
};

static status be_patient(struct ranks *ranks, struct patience *patience, double now) {
    enum { TELL_SECONDS = 1, MOST_SECONDS = 120 };
    if (!interrupt_requested())
        return STATUS_OK;
    patience->asked = patience->asked > 0 ? patience->asked : now;
    if (now - patience->asked > MOST_SECONDS)
        return fail("asked to stop, and another rank has not answered for %d seconds: it may be lost", MOST_SECONDS);
    if (now - patience->asked > 0.5 * TELL_SECONDS && !patience->told && ranks_lead(ranks))
        progress_line("asked to stop; waiting for the other ranks to end the step. If one of them was lost, "
                      "`starcl train --resume` goes on from the last state that was kept");
    patience->told = patience->told || now - patience->asked > 0.5 * TELL_SECONDS;
    return STATUS_OK;
}

/*
 * Where others take long, their processor may be this one. While the device computes nothing is late yet: a look every
 * half a millisecond keeps a network busy, and takes a processor that is the device less than a hundredth of its time.
 */
static void pause_after(double waited, enum ranks_state state) {
    const struct timespec pause = {.tv_nsec = (state == RANKS_COMPUTING ? 500 : 50) * 1000};
    if (waited < 1e-3 && state != RANKS_COMPUTING)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

status ranks_test(struct ranks *ranks, int channel, bool *done) {
    const char *problem = ranks->transport->test(channel, done);
    return problem ? lose(ranks, problem) : STATUS_OK;
}

status ranks_attend(struct ranks *ranks, status (*ask)(void *context, enum ranks_state *state), void *context) {
    const double look_seconds = 0.1;
    double start = clock_seconds(), looked = start;
    struct patience patience = {.asked = 0};
    for (;;) {
        enum ranks_state state;
        TRY(ask(context, &state));
        if (state == RANKS_DONE)
            return STATUS_OK;
        double now = clock_seconds();
        start = state == RANKS_COMPUTING ? now : start;
        if (now - looked > look_seconds) {
            TRY(miss(ranks));
            if (state != RANKS_COMPUTING)
                TRY(be_patient(ranks, &patience, now));
            looked = now;
        }
        pause_after(now - start, state);
    }
}

static status ask_channel(void *context, enum ranks_state *state) {
    bool done;
    TRY(ranks_test(context, WAITED_FOR, &done));
    *state = done ? RANKS_DONE : RANKS_TRAVELLING;
    return STATUS_OK;
}

static status wait_for_others(struct ranks *ranks) {
    return ranks_attend(ranks, ask_channel, ranks);
}

/* ---- all together ---- */

status ranks_begin_gather(struct ranks *ranks, int channel, void *bytes, const size_t *offsets) {
    char *all = bytes;
    for (int rank = 0; rank < ranks->count; rank++)
        if (rank != ranks->own)
            TRY(ranks_receive(ranks, channel, rank, all + offsets[rank], offsets[rank + 1] - offsets[rank]));
    for (int away = 1; away < ranks->count; away++)
        TRY(ranks_send(ranks, channel, (ranks->own + away) % ranks->count, all + offsets[ranks->own],
                       offsets[ranks->own + 1] - offsets[ranks->own]));
    return STATUS_OK;
}

status ranks_gather(struct ranks *ranks, void *bytes, const size_t *offsets) {
    if (!ranks)
        return STATUS_OK;
    TRY(ranks_begin_gather(ranks, WAITED_FOR, bytes, offsets));
    return wait_for_others(ranks);
}

status ranks_gather_records(struct ranks *ranks, void *records, size_t record_bytes) {
    size_t offsets[RANKS_MOST + 1];
    for (int rank = 0; rank <= ranks_count(ranks); rank++)
        offsets[rank] = (size_t)rank * record_bytes;
    return ranks_gather(ranks, records, offsets);
}

status ranks_share(struct ranks *ranks, void *bytes, size_t length) {
    if (!ranks)
        return STATUS_OK;
    if (ranks->own != 0)
        TRY(ranks_receive(ranks, WAITED_FOR, 0, bytes, length));
    for (int rank = 1; ranks->own == 0 && rank < ranks->count; rank++)
        TRY(ranks_send(ranks, WAITED_FOR, rank, bytes, length));
    return wait_for_others(ranks);
}

status ranks_share_text(struct ranks *ranks, char **text) {
    size_t length = ranks_lead(ranks) ? strlen(*text) : 0;
    TRY(ranks_share(ranks, &length, sizeof length));
    if (!ranks_lead(ranks))
        *text = memory_allocate(length + 1, 1);
    return ranks_share(ranks, *text, length);
}

/* ---- failures ---- */

struct answer {
    status outcome;
    char message[2048];
};

status ranks_agree(struct ranks *ranks, status outcome) {
    if (!ranks)
        return outcome;
    struct answer *answers = memory_allocate((size_t)ranks->count, sizeof *answers);
    answers[ranks->own].outcome = outcome;
    if (outcome != STATUS_OK)
        snprintf(answers[ranks->own].message, sizeof answers->message, "%s", status_message());
    status gathered = ranks_gather_records(ranks, answers, sizeof *answers);
    int first = 0, alike = 0;
    while (first < ranks->count && answers[first].outcome == STATUS_OK)
        first++;
    bool failed = gathered == STATUS_OK && first < ranks->count;
    for (int rank = 0; failed && rank < ranks->count; rank++)
        alike += memcmp(&answers[rank], &answers[first], sizeof *answers) == 0;
    if (failed && alike == ranks->count)
        gathered = ranks_in_common(ranks, outcome);
    else if (failed) {
        status known = first == 0 ? fail("%s", answers[first].message)
                                  : fail("%s: %s", ranks_name(ranks, first), answers[first].message);
        gathered = ranks_in_common(ranks, known == STATUS_OK ? known : answers[first].outcome);
    }
    free(answers);
    return gathered;
}

status ranks_in_common(struct ranks *ranks, status failure) {
    if (!ranks || failure == STATUS_OK)
        return failure;
    ranks->in_common = true;
    return ranks_lead(ranks) ? failure : fail_told_elsewhere(failure);
}

bool ranks_failed_alone(const struct ranks *ranks, status outcome) {
    return ranks && outcome != STATUS_OK && !ranks->in_common;
}
