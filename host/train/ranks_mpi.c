/* The one file that knows MPI, and all of starcl-mpi.so. */
#include "train/ranks_transport.h"

#include <mpi.h>
#include <stdlib.h>

/* MPI counts in int. */
enum { MOST_BYTES = 1 << 30 };

/* By channel, which is the tag of its messages. */
static struct posted {
    MPI_Request *requests;
    int count, room;
} posted[RANKS_CHANNELS];

static const char *check(int code) {
    static char words[MPI_MAX_ERROR_STRING + 1];
    int length = 0;
    if (code == MPI_SUCCESS)
        return NULL;
    MPI_Error_string(code, words, &length);
    words[length] = '\0';
    return words;
}

static const char *begin(int *own, int *count) {
    int provided;
    const char *problem = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided));
    if (!problem)
        problem = check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    if (!problem)
        problem = check(MPI_Comm_rank(MPI_COMM_WORLD, own));
    return problem ? problem : check(MPI_Comm_size(MPI_COMM_WORLD, count));
}

static MPI_Request *next_request(int channel) {
    struct posted *own = &posted[channel];
    if (own->count == own->room) {
        own->room = own->room ? 2 * own->room : 64;
        own->requests = realloc(own->requests, (size_t)own->room * sizeof *own->requests);
        if (!own->requests)
            abort();
    }
    return &own->requests[own->count++];
}

static int piece_of(size_t length) {
    return length < MOST_BYTES ? (int)length : MOST_BYTES;
}

static const char *post_send(int channel, int to, const void *bytes, size_t length) {
    const char *problem = NULL;
    for (size_t done = 0; !problem && done < length; done += MOST_BYTES)
        problem = check(MPI_Isend((const char *)bytes + done, piece_of(length - done), MPI_BYTE, to, channel,
                                  MPI_COMM_WORLD, next_request(channel)));
    return problem;
}

static const char *post_receive(int channel, int from, void *bytes, size_t length) {
    const char *problem = NULL;
    for (size_t done = 0; !problem && done < length; done += MOST_BYTES)
        problem = check(MPI_Irecv((char *)bytes + done, piece_of(length - done), MPI_BYTE, from, channel,
                                  MPI_COMM_WORLD, next_request(channel)));
    return problem;
}

static const char *test(int channel, bool *done) {
    int all = 0;
    struct posted *own = &posted[channel];
    const char *problem = check(MPI_Testall(own->count, own->requests, &all, MPI_STATUSES_IGNORE));
    *done = all;
    if (all)
        own->count = 0;
    return problem;
}

static void end(void) {
    MPI_Finalize();
    for (int channel = 0; channel < RANKS_CHANNELS; channel++)
        free(posted[channel].requests);
}

static void end_all(int code) {
    MPI_Abort(MPI_COMM_WORLD, code);
}

extern const struct ranks_transport ranks_transport;
const struct ranks_transport ranks_transport = {.version = RANKS_TRANSPORT_VERSION,
                                                .begin = begin,
                                                .send = post_send,
                                                .receive = post_receive,
                                                .test = test,
                                                .end = end,
                                                .abort = end_all};
