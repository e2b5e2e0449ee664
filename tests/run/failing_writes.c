/*
 * A disk that fails: preloaded (LD_PRELOAD), it counts what is done to files under FAULT_FOLDER by write, pwrite,
 * fsync, fdatasync, ftruncate, rename and renameat2, and lets number FAULT_AT fail, and with FAULT_STAYS set all from
 * there on, with FAULT_ERROR (a number of errno.h). The count is written to FAULT_COUNT, a file, when the program ends.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t write(int descriptor, const void *bytes, size_t count);
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset);
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset);
int fsync(int descriptor);
int fdatasync(int descriptor);
int ftruncate(int descriptor, off_t length);
int ftruncate64(int descriptor, off_t length);
int rename(const char *from, const char *to);
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);

static atomic_long done;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static bool in_folder(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static bool descriptor_in_folder(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return in_folder(path);
}

/* Counts one more; whether it fails, with errno set. */
static bool fails(bool counted) {
    if (!counted)
        return false;
    long at = number("FAULT_AT"), now = atomic_fetch_add(&done, 1) + 1;
    if (at == 0 || (getenv("FAULT_STAYS") ? now < at : now != at))
        return false;
    errno = (int)number("FAULT_ERROR");
    return true;
}

__attribute__((destructor)) static void tell_count(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld\n", atomic_load(&done));
    fclose(file);
}

/* The next definition of the same name, called with the same arguments. */
#define FORWARD(type, name, parameters, arguments, counted)                                                            \
    type name parameters {                                                                                             \
        static type(*next) parameters;                                                                                 \
        if (!next)                                                                                                     \
            next = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                                        \
        return fails(counted) ? -1 : next arguments;                                                                   \
    }

FORWARD(ssize_t, write, (int descriptor, const void *bytes, size_t count), (descriptor, bytes, count),
        descriptor_in_folder(descriptor))
FORWARD(ssize_t, pwrite, (int descriptor, const void *bytes, size_t count, off_t offset),
        (descriptor, bytes, count, offset), descriptor_in_folder(descriptor))
FORWARD(ssize_t, pwrite64, (int descriptor, const void *bytes, size_t count, off_t offset),
        (descriptor, bytes, count, offset), descriptor_in_folder(descriptor))
FORWARD(int, fsync, (int descriptor), (descriptor), descriptor_in_folder(descriptor))
FORWARD(int, fdatasync, (int descriptor), (descriptor), descriptor_in_folder(descriptor))
FORWARD(int, ftruncate, (int descriptor, off_t length), (descriptor, length), descriptor_in_folder(descriptor))
FORWARD(int, ftruncate64, (int descriptor, off_t length), (descriptor, length), descriptor_in_folder(descriptor))
FORWARD(int, rename, (const char *from, const char *to), (from, to), in_folder(from))
FORWARD(int, renameat2, (int from_folder, const char *from, int to_folder, const char *to, unsigned flags),
        (from_folder, from, to_folder, to, flags), in_folder(from))
