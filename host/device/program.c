#include "device/program.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct program {
    struct program *next;
    const char *name; /* of kernel_sources */
    char *options;
    cl_program program;
    bool from_source;
};

struct kernel {
    struct kernel *next;
    const struct program *program;
    char *name;
    cl_kernel kernel;
};

enum { KERNEL_SLOTS = 256 };

struct program_store {
    const struct device_information *information;
    cl_context context;
    char *options;
    char *directory; /* NULL: no cache on disk */
    struct program *programs;
    struct kernel *kernels[KERNEL_SLOTS];
    int built;
    double build_seconds;
};

struct program_store *program_store_create(const struct device_information *information, cl_context context,
                                           const char *options, bool use_disk) {
    struct program_store *store = memory_allocate(1, sizeof *store);
    store->information = information;
    store->context = context;
    store->options = memory_copy_text(options);
    char directory[PATH_MAX];
    if (use_disk && file_cache_directory("programs", directory, sizeof directory) == STATUS_OK)
        store->directory = memory_copy_text(directory);
    return store;
}

void program_store_destroy(struct program_store *store) {
    if (!store)
        return;
    for (int slot = 0; slot < KERNEL_SLOTS; slot++) {
        for (struct kernel *kernel = store->kernels[slot], *next; kernel; kernel = next) {
            next = kernel->next;
            clReleaseKernel(kernel->kernel);
            free(kernel->name);
            free(kernel);
        }
    }
    for (struct program *program = store->programs, *next; program; program = next) {
        next = program->next;
        clReleaseProgram(program->program);
        free(program->options);
        free(program);
    }
    free(store->directory);
    free(store->options);
    free(store);
}

static const struct kernel_source *find_source(const char *name) {
    for (const struct kernel_source *source = kernel_sources; source->name; source++)
        if (strcmp(source->name, name) == 0)
            return source;
    return NULL;
}

/*
 * A cache entry: magic, the CRC-32 and the length of the rest, then the key as text with its zero byte, then the
 * binary. The file's name is a hash of the key; the key inside makes a collision harmless.
 */
static const char MAGIC[8] = "starcl1";

struct entry_header {
    char magic[8];
    uint32_t checksum;
    uint32_t key_bytes;
    uint64_t binary_bytes;
};

static char *entry_key(const struct program_store *store, const char *source, const char *options) {
    const struct device_information *device = store->information;
    struct text key = {0};
    text_append(&key, "%s\n%s\n%s\n%s\n%s\n%s %s\n%s", device->platform_name, device->name, device->vendor,
                device->version, device->driver, store->options, options, source);
    return key.text;
}

static void entry_path(const struct program_store *store, const char *name, const char *key, char *path) {
    snprintf(path, PATH_MAX, "%s/%s-%016llx.bin", store->directory, name,
             (unsigned long long)hash_text(HASH_START, key));
}

static uint32_t entry_checksum(const char *content, size_t bytes) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)content, bytes);
}

/* The binary inside a cache file, or NULL where there is none for this key. The caller frees *file. */
static const unsigned char *entry_read(const char *path, const char *key, char **file, size_t *binary_bytes) {
    struct entry_header header;
    size_t length;
    if (file_read(path, file, &length) != STATUS_OK)
        return NULL;
    if (length < sizeof header)
        return NULL;
    memcpy(&header, *file, sizeof header);
    const char *content = *file + sizeof header;
    size_t content_bytes = length - sizeof header;
    if (memcmp(header.magic, MAGIC, sizeof MAGIC) != 0 || header.key_bytes > content_bytes ||
        header.binary_bytes != content_bytes - header.key_bytes ||
        header.checksum != entry_checksum(content, content_bytes) || header.key_bytes != strlen(key) + 1 ||
        memcmp(content, key, header.key_bytes) != 0)
        return NULL;
    *binary_bytes = (size_t)header.binary_bytes;
    return (const unsigned char *)content + header.key_bytes;
}

static cl_program load_binary(const struct program_store *store, const char *path, const char *key,
                              const char *options) {
    char *file = NULL;
    size_t bytes;
    cl_program program = NULL;
    const unsigned char *binary = entry_read(path, key, &file, &bytes);
    if (binary) {
        int code, binary_status;
        program = clCreateProgramWithBinary(store->context, 1, &store->information->id, &bytes, &binary, &binary_status,
                                            &code);
        if (code != CL_SUCCESS || binary_status != CL_SUCCESS ||
            clBuildProgram(program, 1, &store->information->id, options, NULL, NULL) != CL_SUCCESS) {
            if (program)
                clReleaseProgram(program);
            program = NULL;
        }
    }
    free(file);
    return program;
}

/* A cache that cannot be written costs time, nothing else, so failures end here. */
static void save_binary(cl_program program, const char *path, const char *key) {
    size_t bytes = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0)
        return;
    struct entry_header header = {.key_bytes = (uint32_t)strlen(key) + 1, .binary_bytes = bytes};
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    size_t content_bytes = header.key_bytes + bytes;
    char *file = memory_allocate(1, sizeof header + content_bytes), *content = file + sizeof header;
    memcpy(content, key, header.key_bytes);
    unsigned char *binary = (unsigned char *)content + header.key_bytes;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS) {
        header.checksum = entry_checksum(content, content_bytes);
        memcpy(file, &header, sizeof header);
        (void)!file_write(path, file, sizeof header + content_bytes);
    }
    free(file);
}

static status build_source(const struct program_store *store, const char *name, const char *source, const char *options,
                           cl_program *result) {
    progress_update("building the kernels of %s.cl for %s ...", name, store->information->name);
    int code;
    cl_program program = clCreateProgramWithSource(store->context, 1, &source, NULL, &code);
    TRY(opencl_check(code, "creating the program of cl/%s.cl", name));
    code = clBuildProgram(program, 1, &store->information->id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        char log[4096] = "";
        clGetProgramBuildInfo(program, store->information->id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        clReleaseProgram(program);
        return opencl_check(code, "building cl/%s.cl with %s\n%s\n", name, options, log);
    }
    *result = program;
    return STATUS_OK;
}

/* What every program begins with; each file may use those before it. */
static const char *const common[] = {"constants", "arguments", "vectors", "rows",
                                     "columns",   "groups",    "masks",   "nonlinearities"};

/* The common files and cl/<name>.cl behind each other. */
static status append_sources(const char *name, struct text *source) {
    enum { COMMON = sizeof common / sizeof *common };
    for (int i = 0; i <= COMMON; i++) {
        const struct kernel_source *file = find_source(i < COMMON ? common[i] : name);
        if (!file)
            return fail("this program has no kernel file cl/%s.cl", i < COMMON ? common[i] : name);
        text_append(source, "#line 1 \"%s\"\n%s\n", file->name, file->text);
    }
    return STATUS_OK;
}

static status build(const struct program_store *store, const char *name, const char *options, struct program *result) {
    struct text source = {0}, all_options = {0};
    status outcome = append_sources(name, &source);
    text_append(&all_options, "%s %s", store->options, options);
    if (outcome == STATUS_OK && !store->directory) {
        outcome = build_source(store, name, source.text, all_options.text, &result->program);
        result->from_source = true;
    } else if (outcome == STATUS_OK) {
        char path[PATH_MAX], *key = entry_key(store, source.text, options);
        entry_path(store, name, key, path);
        result->program = load_binary(store, path, key, all_options.text);
        result->from_source = !result->program;
        if (result->from_source)
            outcome = build_source(store, name, source.text, all_options.text, &result->program);
        if (result->from_source && outcome == STATUS_OK)
            save_binary(result->program, path, key);
        free(key);
    }
    text_free(&source);
    text_free(&all_options);
    return outcome;
}

static status find_program(struct program_store *store, const char *name, const char *options,
                           const struct program **result) {
    for (const struct program *program = store->programs; program; program = program->next) {
        if (strcmp(program->name, name) == 0 && strcmp(program->options, options) == 0) {
            *result = program;
            return STATUS_OK;
        }
    }
    struct program built = {.next = store->programs};
    double start = clock_seconds();
    TRY(build(store, name, options, &built));
    if (built.from_source) {
        store->built++;
        store->build_seconds += clock_seconds() - start;
    }
    built.name = find_source(name)->name;
    built.options = memory_copy_text(options);
    struct program *program = memory_allocate(1, sizeof *program);
    *program = built;
    store->programs = program;
    *result = program;
    return STATUS_OK;
}

status program_store_kernel(struct program_store *store, const char *program, const char *kernel, const char *options,
                            cl_kernel *result, bool *is_new) {
    *is_new = false;
    options = options ? options : "";
    uint64_t hash = hash_text(hash_text(hash_text(HASH_START, program), kernel), options);
    struct kernel **slot = &store->kernels[hash % KERNEL_SLOTS];
    for (const struct kernel *known = *slot; known; known = known->next) {
        if (strcmp(known->name, kernel) == 0 && strcmp(known->program->name, program) == 0 &&
            strcmp(known->program->options, options) == 0) {
            *result = known->kernel;
            return STATUS_OK;
        }
    }
    const struct program *owner;
    TRY(find_program(store, program, options, &owner));
    int code;
    cl_kernel created = clCreateKernel(owner->program, kernel, &code);
    TRY(opencl_check(code, "finding kernel %s in cl/%s.cl", kernel, program));
    struct kernel *added = memory_allocate(1, sizeof *added);
    *added = (struct kernel){.next = *slot, .program = owner, .name = memory_copy_text(kernel), .kernel = created};
    *slot = added;
    *result = created;
    *is_new = owner->from_source;
    return STATUS_OK;
}

void program_store_add_seconds(struct program_store *store, double seconds) {
    store->build_seconds += seconds;
}

void program_store_statistics(const struct program_store *store, int *built, double *seconds) {
    *built = store->built;
    *seconds = store->build_seconds;
}
