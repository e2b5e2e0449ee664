/*
 * What carries bytes between the processes of one training. It is a module of its own, starcl-mpi.so (ranks_mpi.c),
 * which ranks_open() loads when a launcher has started several processes: so starcl itself needs no MPI, and neither do
 * those who never train on several devices. Plain C on both sides: it may be built at another time than starcl.
 */
#ifndef STARCL_TRAIN_RANKS_TRANSPORT_H
#define STARCL_TRAIN_RANKS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { RANKS_TRANSPORT_VERSION = 2 };
#define RANKS_TRANSPORT_SYMBOL "ranks_transport"

/*
 * What is sent goes through a channel, 0 .. RANKS_CHANNELS - 1. What one rank sends to another through one channel
 * arrives in order, and both name the same length; channels do not wait for each other.
 */
enum { RANKS_CHANNELS = 32 };

/* Functions return NULL, or what went wrong, which is valid until the next call. All are called from one thread. */
struct ranks_transport {
    int version;
    const char *(*begin)(int *own, int *count); /* once in the life of a process */
    /* Begin to send to or to receive from a rank; the bytes must stay until test() says that the channel is done. */
    const char *(*send)(int channel, int to, const void *bytes, size_t length);
    const char *(*receive)(int channel, int from, void *bytes, size_t length);
    /* Whether all that was begun on a channel is done; one of them must be asked for anything to go on. */
    const char *(*test)(int channel, bool *done);
    void (*end)(void);       /* all ranks come to it */
    void (*abort)(int code); /* ends all ranks; may not return */
};

#endif
