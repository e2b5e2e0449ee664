/*
 * The processes that train one model together, called ranks as MPI calls them: 0 .. count - 1. Rank 0 leads: it has the
 * folder, and says what is to be said. Every rank does the same steps in the same order, so that what one sends another
 * receives:
 *
 *     rank 0   forward, backward | gradients | update | forward ...      |  write the state
 *     rank 1   forward, backward | gradients | update | forward ...      |
 *                                 \_ wait for each other, and for nobody else
 *
 * Most of the gradients have come by then, while backward was running (gradient_sum.h).
 *
 * A process that no launcher started is alone: it has no ranks (NULL), which every function here takes for one process
 * that is rank 0; then nothing is loaded and nothing is sent.
 *
 * A failure that all ranks have alike, or that they have agreed on, ends them all in good order, and rank 0 tells it.
 * One that a single rank has it tells itself, and ranks_abort() ends the others, which would wait for it for ever. A
 * rank that is gone without a word is missed by those who wait for it.
 */
#ifndef STARCL_TRAIN_RANKS_H
#define STARCL_TRAIN_RANKS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { RANKS_MOST = 64 };

struct ranks;

/* Whether a launcher (mpirun, srun) says that it started this process as one of several. */
bool ranks_launched(void);
/*
 * Meets the other ranks; `module` is the path of starcl-mpi.so, NULL where there is none. NULL and no failure for a
 * process that is alone. Refuses ranks of another version.
 */
status ranks_open(const char *module, struct ranks **ranks) MUST_CHECK;
/* All ranks come to it. */
void ranks_close(struct ranks *ranks);
/* Ends all ranks with this exit code. */
void ranks_abort(struct ranks *ranks, int code);

int ranks_own(const struct ranks *ranks);
int ranks_count(const struct ranks *ranks);
bool ranks_lead(const struct ranks *ranks);
/* How many ranks before this one are on the same machine. */
int ranks_local(const struct ranks *ranks);
/* "rank 1 (process 4711 on node7)"; valid until the next call. */
const char *ranks_name(const struct ranks *ranks, int rank);

/*
 * Begin to send and to receive through a channel, 1 .. RANKS_MOST_CHANNEL: the bytes must stay until ranks_test() says
 * that all that was begun there is done. What is begun goes on while ranks_test() or ranks_attend() are at work, for
 * MPI has no thread of its own; so it needs none of its locks either.
 */
enum { RANKS_MOST_CHANNEL = 31 };
status ranks_send(struct ranks *ranks, int channel, int to, const void *bytes, size_t length) MUST_CHECK;
status ranks_receive(struct ranks *ranks, int channel, int from, void *bytes, size_t length) MUST_CHECK;
/* ranks_gather() below, begun. */
status ranks_begin_gather(struct ranks *ranks, int channel, void *bytes, const size_t *offsets) MUST_CHECK;
status ranks_test(struct ranks *ranks, int channel, bool *done) MUST_CHECK;

/* What a rank waits for. */
enum ranks_state {
    RANKS_DONE,
    RANKS_TRAVELLING, /* what others send, and nothing else */
    RANKS_COMPUTING,  /* its device too, which may be the processor that this thread runs on */
};
/* Asks again and again, until it is done. Fails where a rank is gone. */
status ranks_attend(struct ranks *ranks, status (*ask)(void *context, enum ranks_state *state),
                    void *context) MUST_CHECK;

/*
 * Everybody gets what everybody has: rank r's are the bytes offsets[r] .. offsets[r + 1] - 1. This and what follows
 * waits for the others, and fails where one of them is gone.
 */
status ranks_gather(struct ranks *ranks, void *bytes, const size_t *offsets) MUST_CHECK;
/* The same of records of one size, rank by rank. */
status ranks_gather_records(struct ranks *ranks, void *records, size_t record_bytes) MUST_CHECK;
/* What rank 0 has goes to all others. */
status ranks_share(struct ranks *ranks, void *bytes, size_t length) MUST_CHECK;
/* The same of a text, which the others own and free. */
status ranks_share_text(struct ranks *ranks, char **text) MUST_CHECK;

/*
 * Whether a step that each rank did for itself went well everywhere: the first rank's failure that has one becomes that
 * of all, with the name of a rank other than 0 where not all failed alike.
 */
status ranks_agree(struct ranks *ranks, status outcome) MUST_CHECK;
/* Says of a failure that all ranks have it, and returns it; only rank 0 is to tell it then. */
status ranks_in_common(struct ranks *ranks, status failure) MUST_CHECK;
/* Whether a failure is this rank's own, so that the others know nothing of it. */
bool ranks_failed_alone(const struct ranks *ranks, status outcome);

#endif
