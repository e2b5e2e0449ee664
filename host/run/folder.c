#include "run/folder.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct folder_kind folder_of_search = {"a run", "run.db", "--run", "starcl resume"};
const struct folder_kind folder_of_training = {"a folder that starcl train made", "genome.txt", "--out",
                                               "starcl train --resume --out"};

struct folder {
    const struct folder_kind *kind;
    char path[PATH_MAX]; /* where it is */
    char name[PATH_MAX]; /* where it will be when it is published */
    bool published;
    int lock, log;     /* descriptors, -1: none */
    off_t before_last; /* bytes of the log before its last line */
};

const char *folder_path(const struct folder *folder) {
    return folder->path;
}

const char *folder_file(const struct folder *folder, const char *name, char *path) {
    snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, folder->path, name);
    return path;
}

status folder_write(struct folder *folder, const char *name, const char *text) {
    char path[PATH_MAX];
    return file_write(folder_file(folder, name, path), text, strlen(text));
}

status folder_make_directory(struct folder *folder, const char *name) {
    char path[PATH_MAX];
    return file_make_directory(folder_file(folder, name, path));
}

/* ---- lock and log ---- */

/* A process that was just killed may hold its lock for a moment more. */
static bool lock_descriptor(int descriptor) {
    enum { TRIES = 30 };
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    for (int tries = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (tries == TRIES)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static status lock_folder(struct folder *folder) {
    char path[PATH_MAX];
    folder->lock = open(folder_file(folder, "lock", path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (folder->lock < 0)
        return fail("cannot open %s: %s", path, strerror(errno));
    if (!lock_descriptor(folder->lock))
        return fail("another starcl is working in %s", folder->path);
    return STATUS_OK;
}

/* The bytes of the log up to the end of its last whole line. */
static off_t whole_lines(int log, off_t length) {
    char last;
    while (length > 0 && pread(log, &last, 1, length - 1) == 1 && last != '\n')
        length--;
    return length;
}

static status open_log(struct folder *folder) {
    char path[PATH_MAX];
    folder->log = open(folder_file(folder, "log.jsonl", path), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (folder->log < 0)
        return fail("cannot write %s: %s", path, strerror(errno));
    off_t length = lseek(folder->log, 0, SEEK_END), whole = whole_lines(folder->log, length);
    if (whole != length && ftruncate(folder->log, whole) != 0)
        return fail("cannot write %s: %s", path, strerror(errno));
    folder->before_last = whole;
    return STATUS_OK;
}

cJSON *folder_event(const char *kind, cJSON *details) {
    cJSON *event = details ? details : cJSON_CreateObject();
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    cJSON_AddStringToObject(event, "time", stamp);
    cJSON_AddStringToObject(event, "event", kind);
    return event;
}

void folder_unlog(struct folder *folder) {
    /* Where even this fails, a line too many is what remains. */
    if (ftruncate(folder->log, folder->before_last) != 0)
        return;
}

status folder_log(struct folder *folder, const cJSON *event) {
    char *json = cJSON_PrintUnformatted(event), path[PATH_MAX];
    size_t length = strlen(json), written = 0;
    char *line = memory_allocate(length + 2, 1);
    memcpy(line, json, length);
    line[length++] = '\n';
    cJSON_free(json);
    folder->before_last = lseek(folder->log, 0, SEEK_END);
    bool good = true;
    while (good && written < length) {
        ssize_t more = write(folder->log, line + written, length - written);
        good = more > 0 || (more < 0 && errno == EINTR);
        written += more > 0 ? (size_t)more : 0;
    }
    good = good && fdatasync(folder->log) == 0;
    int error = errno;
    free(line);
    if (good)
        return STATUS_OK;
    folder_unlog(folder);
    return fail("cannot write %s: %s", folder_file(folder, "log.jsonl", path), strerror(error));
}

/* ---- notes ---- */

static bool write_whole(const char *path, const char *text) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return false;
    size_t length = strlen(text);
    bool whole = write(descriptor, text, length) == (ssize_t)length;
    return close(descriptor) == 0 && whole;
}

void folder_note(struct folder *folder, const char *name, const char *text) {
    char path[PATH_MAX], temporary[PATH_MAX + 8];
    folder_file(folder, name, path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    if (!text)
        unlink(path);
    /* One that a killed process left half written goes, too. */
    if (!text || !write_whole(temporary, text) || rename(temporary, path) != 0)
        unlink(temporary);
}

bool folder_is_open(const char *path) {
    char lock[PATH_MAX];
    snprintf(lock, sizeof lock, "%.*s/lock", PATH_MAX - 64, path);
    int descriptor = open(lock, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    /* Held for this moment alone: who wants to write meanwhile tries again (lock_descriptor()). */
    bool is_open = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(descriptor);
    return is_open;
}

/* ---- creating ---- */

static void set_path(char *to, const char *path) {
    snprintf(to, PATH_MAX, "%s", path);
    for (size_t length = strlen(to); length > 1 && to[length - 1] == '/'; length--)
        to[length - 1] = '\0';
}

static struct folder *new_folder(const struct folder_kind *kind, const char *path) {
    struct folder *folder = memory_allocate(1, sizeof *folder);
    folder->kind = kind;
    folder->lock = folder->log = -1;
    set_path(folder->path, path);
    set_path(folder->name, path);
    return folder;
}

static status refuse_existing(const struct folder_kind *kind, const char *path) {
    return fail_usage("%s exists and is not overwritten; choose another folder with %s, or go on with it: %s %s", path,
                      kind->option, kind->resume, path);
}

status folder_check_free(const struct folder_kind *kind, const char *path) {
    return file_exists(path) ? refuse_existing(kind, path) : STATUS_OK;
}

/* The folder that holds `path`. */
static void parent_of(const char *path, char parent[PATH_MAX]) {
    snprintf(parent, PATH_MAX, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    else
        snprintf(parent, PATH_MAX, ".");
}

/* Makes the entries of a folder last through a loss of power. */
static status sync_directory(const char *path) {
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems know no fsync() of a folder; they say EINVAL. */
    bool synced = descriptor >= 0 && (fsync(descriptor) == 0 || errno == EINVAL);
    int error = errno;
    if (descriptor >= 0)
        close(descriptor);
    return synced ? STATUS_OK : fail("cannot write the folder %s: %s", path, strerror(error));
}

/* A name beside the folder's own that nothing has; what a killed process left of its try stays where it is. */
static status make_beside(struct folder *folder) {
    for (int tries = 0; tries < 1000; tries++) {
        int length = snprintf(folder->path, PATH_MAX, tries ? "%s.%ld-%d.new" : "%s.%ld.new", folder->name,
                              (long)getpid(), tries);
        if (length >= PATH_MAX - 64)
            return fail_usage("the path %s is too long", folder->name);
        if (mkdir(folder->path, 0777) == 0)
            return STATUS_OK;
        if (errno != EEXIST)
            break;
    }
    status outcome = fail("cannot make the folder %s: %s", folder->path, strerror(errno));
    folder->path[0] = '\0'; /* nothing of ours to remove */
    return outcome;
}

status folder_create(const struct folder_kind *kind, const char *path, struct folder **result) {
    struct folder *folder = new_folder(kind, path);
    char parent[PATH_MAX];
    parent_of(folder->name, parent);
    *result = NULL;
    status outcome = folder_check_free(kind, folder->name);
    folder->path[0] = '\0';
    if (outcome == STATUS_OK)
        outcome = file_make_directory(parent);
    if (outcome == STATUS_OK)
        outcome = make_beside(folder);
    if (outcome == STATUS_OK)
        outcome = lock_folder(folder);
    if (outcome == STATUS_OK)
        outcome = open_log(folder);
    if (outcome == STATUS_OK)
        *result = folder;
    else
        folder_close(folder);
    return outcome;
}

status folder_publish(struct folder *folder) {
    char parent[PATH_MAX];
    const char *name = folder->name;
    parent_of(name, parent);
    TRY(sync_directory(folder->path));
    bool renamed = renameat2(AT_FDCWD, folder->path, AT_FDCWD, name, RENAME_NOREPLACE) == 0;
    /* Not every file system knows the flag; rename() alone replaces an empty folder at most. */
    if (!renamed && errno == EINVAL && !file_exists(name))
        renamed = rename(folder->path, name) == 0;
    if (!renamed && (errno == EEXIST || errno == ENOTEMPTY || file_exists(name)))
        return refuse_existing(folder->kind, name);
    if (!renamed)
        return fail("cannot make the folder %s: %s", name, strerror(errno));
    status outcome = sync_directory(parent);
    if (outcome != STATUS_OK && rename(name, folder->path) == 0)
        return outcome; /* folder_close() removes it: the name is free for the next try */
    memcpy(folder->path, folder->name, sizeof folder->path);
    folder->published = true;
    return outcome;
}

status folder_open(const struct folder_kind *kind, const char *path, struct folder **result) {
    struct folder *folder = new_folder(kind, path);
    char marker[PATH_MAX];
    folder->published = true;
    *result = NULL;
    status outcome = STATUS_OK;
    if (!file_exists(folder_file(folder, kind->marker, marker)))
        outcome = fail_usage("%s is not %s: it has no %s", folder->path, kind->what, kind->marker);
    if (outcome == STATUS_OK)
        outcome = lock_folder(folder);
    if (outcome == STATUS_OK)
        outcome = open_log(folder);
    if (outcome == STATUS_OK)
        *result = folder;
    else
        folder_close(folder);
    return outcome;
}

void folder_remove(const char *path) {
    DIR *directory = opendir(path);
    if (directory) {
        for (struct dirent *entry; (entry = readdir(directory));) {
            char entry_path[PATH_MAX];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
            if (unlink(entry_path) != 0)
                folder_remove(entry_path);
        }
        closedir(directory);
    }
    rmdir(path);
}

void folder_close(struct folder *folder) {
    if (!folder)
        return;
    if (!folder->published && folder->path[0])
        folder_remove(folder->path);
    if (folder->log >= 0)
        close(folder->log);
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder);
}
