/* Time and the user's wish to stop: what long loops ask for. */
#ifndef STARCL_BASE_CLOCK_H
#define STARCL_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

/* Monotonic seconds. */
double clock_seconds(void);

/*
 * interrupt_install() turns SIGINT and SIGTERM into a flag; a second signal ends the process at once. Long loops ask
 * interrupt_requested() and return fail_interrupted(). interrupt_request() sets the flag too, and may be called from a
 * signal handler; interrupt_forget() clears it.
 */
void interrupt_install(void);
void interrupt_request(void);
void interrupt_forget(void);
bool interrupt_requested(void);
/* For this thread the flag is set where *flag is, too; which must outlive the thread. */
void interrupt_thread_by(const atomic_bool *flag);

#endif
