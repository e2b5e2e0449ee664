#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path) {
    struct stat information;
    return stat(path, &information) == 0;
}

const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool file_is_directory(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && S_ISDIR(information.st_mode);
}

status file_read(const char *path, char **bytes, size_t *length) {
    *bytes = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail("cannot read %s: %s", path, strerror(errno));
    size_t used = 0, capacity = 0;
    char *content = NULL;
    for (size_t got = 1; got > 0; used += got) {
        if (capacity - used < 2) {
            capacity = capacity ? 2 * capacity : 16384;
            content = memory_resize(content, capacity, 1);
        }
        got = fread(content + used, 1, capacity - used - 1, file);
    }
    bool failed = ferror(file);
    int error = errno;
    fclose(file);
    if (failed) {
        free(content);
        return fail("cannot read %s: %s", path, strerror(error));
    }
    content[used] = '\0';
    *bytes = content;
    *length = used;
    return STATUS_OK;
}

/* ---- writing ---- */

struct file_writer {
    int descriptor;
    char path[PATH_MAX], temporary[PATH_MAX]; /* the second is "" where it is written to in place */
    bool is_new;                              /* replaces nothing */
};

/* A pipe or a device, /dev/null say: it takes bytes, and a file must not take its place. */
static bool takes_bytes(const char *path) {
    struct stat information;
    return stat(path, &information) == 0 && !S_ISREG(information.st_mode) && !S_ISDIR(information.st_mode);
}

static bool write_all(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

status file_writer_open(const char *path, struct file_writer **result) {
    struct file_writer *writer = memory_allocate(1, sizeof *writer);
    *result = NULL;
    int length = snprintf(writer->temporary, sizeof writer->temporary, "%s.%ld.new", path, (long)gettid());
    if (length < 0 || (size_t)length >= sizeof writer->temporary) {
        free(writer);
        return fail("the path %s is too long", path);
    }
    memcpy(writer->path, path, strlen(path) + 1);
    if (takes_bytes(path))
        writer->temporary[0] = '\0';
    const char *opened = writer->temporary[0] ? writer->temporary : path;
    writer->descriptor = open(opened, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor < 0) {
        status outcome = fail("cannot write %s: %s", opened, strerror(errno));
        free(writer);
        return outcome;
    }
    *result = writer;
    return STATUS_OK;
}

status file_writer_append(struct file_writer *writer, const void *bytes, size_t length) {
    if (write_all(writer->descriptor, bytes, length))
        return STATUS_OK;
    return fail("cannot write %s: %s", writer->path, strerror(errno));
}

static void parent_of(const char *path, char folder[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    if (slash)
        snprintf(folder, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    else
        memcpy(folder, ".", 2);
}

/* A renamed file is safe from a crash only when its folder is on the disk too. */
static status sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    parent_of(path, folder);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 && errno == EACCES) /* a folder that may be written to but not listed */
        return STATUS_OK;
    /* EINVAL: a file system that has no such operation. */
    bool synced = descriptor >= 0 && (fsync(descriptor) == 0 || errno == EINVAL);
    int error = errno;
    if (descriptor >= 0)
        close(descriptor);
    return synced ? STATUS_OK : fail("cannot write the folder %s: %s", folder, strerror(error));
}

static status refuse_existing(const char *path) {
    return fail_usage("%s exists already, and nothing is overwritten: give another name, or remove it", path);
}

/* Gives the file its name; errno is EEXIST where a new one would replace another. */
static bool put_in_place(const struct file_writer *writer) {
    if (!writer->is_new)
        return rename(writer->temporary, writer->path) == 0;
    if (renameat2(AT_FDCWD, writer->temporary, AT_FDCWD, writer->path, RENAME_NOREPLACE) == 0)
        return true;
    /* Not every file system knows the flag. */
    if (errno == EINVAL && file_exists(writer->path))
        errno = EEXIST;
    return errno == EINVAL && rename(writer->temporary, writer->path) == 0;
}

status file_writer_commit(struct file_writer *writer) {
    status outcome = STATUS_OK;
    bool in_place = !writer->temporary[0], synced = in_place || fsync(writer->descriptor) == 0;
    int error = errno;
    /* On network file systems only close() says that the disk was full. */
    if (close(writer->descriptor) != 0 && synced) {
        synced = false;
        error = errno;
    }
    writer->descriptor = -1;
    if (synced && (in_place || put_in_place(writer))) {
        outcome = in_place ? STATUS_OK : sync_folder_of(writer->path);
        free(writer);
        return outcome;
    }
    if (synced)
        error = errno;
    outcome = writer->is_new && error == EEXIST ? refuse_existing(writer->path)
                                                : fail("cannot write %s: %s", writer->path, strerror(error));
    file_writer_abandon(writer);
    return outcome;
}

void file_writer_abandon(struct file_writer *writer) {
    if (!writer)
        return;
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    if (writer->temporary[0])
        unlink(writer->temporary);
    free(writer);
}

static status write_whole(const char *path, const void *bytes, size_t length, bool is_new) {
    struct file_writer *writer;
    TRY(file_writer_open(path, &writer));
    writer->is_new = is_new;
    status outcome = file_writer_append(writer, bytes, length);
    if (outcome == STATUS_OK)
        return file_writer_commit(writer);
    file_writer_abandon(writer);
    return outcome;
}

status file_write(const char *path, const void *bytes, size_t length) {
    return write_whole(path, bytes, length, false);
}

status file_check_new(const char *path) {
    char folder[PATH_MAX];
    parent_of(path, folder);
    if (file_exists(path) && !takes_bytes(path))
        return refuse_existing(path);
    if (!file_is_directory(folder))
        return fail_usage("%s cannot be written: there is no folder %s; make it first", path, folder);
    return STATUS_OK;
}

status file_write_new(const char *path, const void *bytes, size_t length) {
    TRY(file_check_new(path));
    return write_whole(path, bytes, length, true);
}

/* ---- folders ---- */

status file_make_directory(const char *path) {
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return fail("cannot make the folder '%s': the path is %s", path, length ? "too long" : "empty");
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return fail("cannot make the folder %s: %s", part, strerror(errno));
    }
    if (!file_is_directory(path))
        return fail("cannot make the folder %s: a file of that name exists", path);
    return STATUS_OK;
}

/* The name that mkdtemp() and mkstemp() complete. */
static void name_temporary(const char *what, char *path) {
    const char *base = getenv("TMPDIR");
    snprintf(path, PATH_MAX, "%.3000s/starcl-%.64s-XXXXXX", base && *base ? base : "/tmp", what);
}

static status settle_temporary(const char *what, bool made, char *path) {
    if (made)
        return STATUS_OK;
    status outcome = fail("cannot make %s for the %s: %s; TMPDIR may name another place", path, what, strerror(errno));
    path[0] = '\0';
    return outcome;
}

status file_temporary_directory(const char *what, char *path) {
    name_temporary(what, path);
    return settle_temporary(what, mkdtemp(path) != NULL, path);
}

status file_temporary(const char *what, char *path) {
    name_temporary(what, path);
    int descriptor = mkstemp(path);
    if (descriptor >= 0)
        close(descriptor);
    return settle_temporary(what, descriptor >= 0, path);
}

status file_cache_directory(const char *name, char *path, size_t path_bytes) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (cache && cache[0] == '/')
        length = snprintf(path, path_bytes, "%s/starcl/%s", cache, name);
    else if (home && home[0])
        length = snprintf(path, path_bytes, "%s/.cache/starcl/%s", home, name);
    else
        return fail("there is no cache folder: neither XDG_CACHE_HOME nor HOME is set");
    if (length < 0 || (size_t)length >= path_bytes)
        return fail("the path of the cache folder is too long");
    TRY(file_make_directory(path));
    if (access(path, W_OK) != 0)
        return fail("cannot write to the cache folder %s: %s", path, strerror(errno));
    return STATUS_OK;
}
