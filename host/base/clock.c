#include "base/clock.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static _Thread_local const atomic_bool *thread_interrupted;

double clock_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void on_signal(int signal_number) {
    if (interrupted)
        _exit(128 + signal_number);
    interrupted = 1;
}

void interrupt_install(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupt_request(void) {
    interrupted = 1;
}

void interrupt_forget(void) {
    interrupted = 0;
}

bool interrupt_requested(void) {
    return interrupted != 0 || (thread_interrupted && atomic_load(thread_interrupted));
}

void interrupt_thread_by(const atomic_bool *flag) {
    thread_interrupted = flag;
}
