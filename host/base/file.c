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

status file_write(const char *path, const void *bytes, size_t length) {
    char temporary[PATH_MAX];
    int name_length = snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    if (name_length < 0 || (size_t)name_length >= sizeof temporary)
        return fail("the path %s is too long", path);
    int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return fail("cannot write %s: %s", temporary, strerror(errno));
    bool written = write_all(descriptor, bytes, length) && fsync(descriptor) == 0;
    int error = errno;
    close(descriptor);
    if (written && rename(temporary, path) == 0)
        return STATUS_OK;
    if (written)
        error = errno;
    unlink(temporary);
    return fail("cannot write %s: %s", path, strerror(error));
}

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
