/*
 * One child at a time, with pipes on its stdout and stderr that are read as they fill:
 *
 *     child  stdout ──►┐ poll ──► output
 *            stderr ──►┘     └──► errors
 *
 * The child is started with posix_spawn() and not forked: an OpenCL driver has threads, which a fork would not take
 * along, and memory mapped for a device. Files that a process keeps open are opened with O_CLOEXEC everywhere.
 */
#include "base/process.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *own;

void process_set_own(const char *called_as) {
    static const char running[] = "/proc/self/exe"; /* in the child, too, until it runs another program */
    own = access(running, X_OK) == 0 ? running : called_as;
}

const char *process_own(void) {
    return own;
}

bool process_beside_own(const char *relative, char path[PATH_MAX]) {
    char program[PATH_MAX], joined[2 * PATH_MAX];
    ssize_t length = own ? readlink(own, program, sizeof program - 1) : -1;
    if (length < 0)
        return false;
    program[length] = '\0';
    snprintf(joined, sizeof joined, "%s/%s", dirname(program), relative);
    return realpath(joined, path) != NULL;
}

static bool is_replaced(const char *variable, const char *const *environment) {
    for (; *environment; environment++) {
        size_t name = strcspn(*environment, "=") + 1;
        if (strncmp(variable, *environment, name) == 0)
            return true;
    }
    return false;
}

/* This process's environment and the additions; the caller frees the list, not the texts. */
static char **join_environment(const char *const *environment) {
    static const char *const nothing[] = {NULL};
    size_t count = 0, added = 0, kept = 0;
    if (!environment)
        environment = nothing;
    while (environ[count])
        count++;
    while (environment[added])
        added++;
    char **all = memory_allocate(count + added + 1, sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (!is_replaced(environ[i], environment))
            all[kept++] = environ[i];
    memcpy(all + kept, environment, added * sizeof *all);
    return all;
}

struct stream {
    int read_end, write_end; /* -1: closed, or not there */
    struct text text;
};

static status open_pipe(struct stream *stream) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail("cannot make a pipe: %s", strerror(errno));
    stream->read_end = ends[0];
    stream->write_end = ends[1];
    return STATUS_OK;
}

static void close_end(int *end) {
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static status start(const char *const *arguments, const char *const *environment, const struct stream streams[2],
                    pid_t *child) {
    char **variables = join_environment(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, streams[0].write_end, STDOUT_FILENO);
    if (streams[1].write_end >= 0)
        posix_spawn_file_actions_adddup2(&actions, streams[1].write_end, STDERR_FILENO);
    int error = posix_spawnp(child, arguments[0], &actions, NULL, (char *const *)arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    free(variables);
    return error == 0 ? STATUS_OK : fail("cannot start %s: %s", arguments[0], strerror(error));
}

/* What there is now; the stream is closed where nothing follows. */
static void read_some(struct stream *stream) {
    char bytes[4096];
    ssize_t count = read(stream->read_end, bytes, sizeof bytes);
    if (count > 0)
        text_append(&stream->text, "%.*s", (int)count, bytes);
    else if (count == 0 || errno != EINTR)
        close_end(&stream->read_end);
}

/* Until the child has closed both streams. A wish to stop is passed on once. */
static void read_all(struct stream streams[2], pid_t child) {
    enum { LOOK_MS = 100 }; /* a signal that came just before poll() does not end it */
    bool told = false;
    while (streams[0].read_end >= 0 || streams[1].read_end >= 0) {
        struct pollfd ready[2] = {{.fd = streams[0].read_end, .events = POLLIN},
                                  {.fd = streams[1].read_end, .events = POLLIN}};
        if (interrupt_requested() && !told)
            told = kill(child, SIGTERM) == 0;
        if (poll(ready, 2, LOOK_MS) <= 0)
            continue;
        for (int i = 0; i < 2; i++)
            if (ready[i].revents)
                read_some(&streams[i]);
    }
}

static int wait_for(pid_t child) {
    int state;
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

static char *take_text(struct text *text) {
    char *taken = text->text ? text->text : memory_copy_text("");
    *text = (struct text){0};
    return taken;
}

static status run(const char *const *arguments, const char *const *environment, struct stream streams[2], bool errors,
                  struct process_result *result) {
    pid_t child;
    TRY(open_pipe(&streams[0]));
    if (errors)
        TRY(open_pipe(&streams[1]));
    TRY(start(arguments, environment, streams, &child));
    close_end(&streams[0].write_end);
    close_end(&streams[1].write_end);
    read_all(streams, child);
    int code = wait_for(child);
    if (interrupt_requested() || code == STATUS_INTERRUPTED)
        return fail_interrupted();
    *result = (struct process_result){
        .code = code, .output = take_text(&streams[0].text), .errors = errors ? take_text(&streams[1].text) : NULL};
    return STATUS_OK;
}

status process_run(const char *const *arguments, const char *const *environment, bool errors,
                   struct process_result *result) {
    struct stream streams[2] = {{-1, -1, {0}}, {-1, -1, {0}}};
    status outcome = run(arguments, environment, streams, errors, result);
    for (int i = 0; i < 2; i++) {
        close_end(&streams[i].read_end);
        close_end(&streams[i].write_end);
        text_free(&streams[i].text);
    }
    return outcome;
}

void process_result_free(struct process_result *result) {
    free(result->output);
    free(result->errors);
    *result = (struct process_result){0};
}

const char *process_reason(struct process_result *result) {
    static const char prefix[] = "starcl: ";
    const char *reason = NULL;
    for (char *line = result->errors; line && *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        if (strncmp(line, prefix, sizeof prefix - 1) == 0) {
            *end = '\0';
            reason = line + sizeof prefix - 1;
        }
        line = next;
    }
    return reason;
}
