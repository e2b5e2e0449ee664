/*
 * What carries bytes between the processes of one training. It is a module of its own, starcl-mpi.so (ranks_mpi.c),
 * which ranks_open() loads when a launcher has started several processes: so starcl itself needs no MPI, and neither do
 * those who never train on several devices. Plain C on both sides: it may be built at another time than starcl.
 */
#ifndef STARCL_TRAIN_RANKS_TRANSPORT_H
#define STARCL_TRAIN_RANKS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { RANKS_TRANSPORT_VERSION = 1 };
#define RANKS_TRANSPORT_SYMBOL "ranks_transport"

/* Functions return NULL, or what went wrong, which is valid until the next call. All are called from one thread. */
struct ranks_transport {
    int version;
    const char *(*begin)(int *own, int *count); /* once in the life of a process */
    /*
     * Begin to send to or to receive from a rank; the bytes must stay until test() says that all is done. What one rank
     * sends to another arrives in order, and both name the same length.
     */
    const char *(*send)(int to, const void *bytes, size_t length);
    const char *(*receive)(int from, void *bytes, size_t length);
    /* Whether everything that was begun is done; it must be asked for anything to go on. */
    const char *(*test)(bool *done);
    void (*end)(void);       /* all ranks come to it */
    void (*abort)(int code); /* ends all ranks; may not return */
};

#endif
