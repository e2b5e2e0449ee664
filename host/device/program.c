#include "device/program.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "device/program_cache.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A program is in the list from the moment somebody begins to build it. Until it is ready others wait for it; where
 * building fails it is taken out again, and who waited builds it once more and has the failure for a message of its
 * own.
 */
struct program {
    struct program *next;
    const char *name; /* of kernel_sources */
    char *options;
    cl_program program;
    bool ready, from_source;
    struct launched *launched;
};

/* A kernel that has run once. */
struct launched {
    struct launched *next;
    char *kernel;
};

struct program_store {
    const struct device_information *information;
    cl_context context;
    char *options;
    char *directory; /* of the cache, or NULL */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct program *programs;
    struct build_statistics statistics;
    bool keeps_binaries;
};

static void release(struct program *program) {
    for (struct launched *launched = program->launched, *next; launched; launched = next) {
        next = launched->next;
        free(launched->kernel);
        free(launched);
    }
    if (program->program)
        clReleaseProgram(program->program);
    free(program->options);
    free(program);
}

void program_store_destroy(struct program_store *store) {
    if (!store)
        return;
    for (struct program *program = store->programs, *next; program; program = next) {
        next = program->next;
        release(program);
    }
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
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
 * Files that every use builds alike, with no options of its own, and that are small: they are one program, because a
 * driver takes longer to begin a program than to build one of them. PoCL 3.1: 0.16 s each, 0.4 s for all.
 */
static const char *const together[] = {"embedding", "rms_norm",        "elementwise", "cross_entropy",
                                       "reduce",    "adamw",           "rotary",      "convolution",
                                       "toeplitz",  "implicit_kernel", "spread_last"};
static const char TOGETHER[] = "together";

enum { TOGETHER_COUNT = sizeof together / sizeof *together };

/* What messages call the sources of a program. */
static const char *files_of(const char *name) {
    static _Thread_local char files[64];
    if (name == TOGETHER)
        return "the small files of cl/";
    snprintf(files, sizeof files, "cl/%s.cl", name);
    return files;
}

static bool is_together(const char *name) {
    for (int i = 0; i < TOGETHER_COUNT; i++)
        if (strcmp(together[i], name) == 0)
            return true;
    return false;
}

static cl_program load_binary(const struct program_store *store, const char *path, const char *key,
                              const char *options) {
    char *file = NULL;
    size_t bytes;
    cl_program program = NULL;
    const unsigned char *binary = program_cache_read(path, key, &file, &bytes);
    if (binary && bytes > 0) {
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

/* The driver's binary of a built program, or NULL; the caller frees it. */
static unsigned char *ask_binary(cl_program program, size_t *bytes) {
    *bytes = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof *bytes, bytes, NULL) != CL_SUCCESS || *bytes == 0)
        return NULL;
    unsigned char *binary = memory_allocate(*bytes, 1);
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) != CL_SUCCESS) {
        free(binary);
        return NULL;
    }
    return binary;
}

/*
 * What the compiler says, which may be longer than a message: then its beginning and its end, where the first error is,
 * and how many there are. The caller frees it.
 */
static char *read_log(cl_program program, cl_device_id device) {
    enum { MOST = OPENCL_WHAT_BYTES - 1024, KEPT = MOST / 2 - 64 };
    size_t bytes = 0;
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) != CL_SUCCESS)
        bytes = 0;
    char *log = memory_allocate(bytes + 1, 1);
    if (clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) != CL_SUCCESS)
        log[0] = '\0';
    size_t length = strlen(log);
    if (length <= MOST)
        return log;
    struct text cut = {0};
    text_append(&cut, "%.*s\n[... %zu bytes ...]\n%s", (int)KEPT, log, length - 2 * KEPT, log + length - KEPT);
    free(log);
    return cut.text;
}

static status build_source(const struct program_store *store, const char *name, const char *source, const char *options,
                           cl_program *result) {
    int code;
    cl_program program = clCreateProgramWithSource(store->context, 1, &source, NULL, &code);
    TRY(opencl_check(code, "creating the program of %s", files_of(name)));
    code = clBuildProgram(program, 1, &store->information->id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        char *log = read_log(program, store->information->id);
        clReleaseProgram(program);
        status outcome = opencl_check(code, "building %s with %s\n%s\n", files_of(name), options, log);
        free(log);
        return outcome;
    }
    *result = program;
    return STATUS_OK;
}

/*
 * Some drivers have a binary when they have built, and a copy of it saves the next process the building. Others compile
 * each kernel once more when they are asked for it, for work-groups of any size, which takes longer than building did;
 * at a launch they compile the kernel for the work-group that it has, and keep that on disk themselves. Which kind this
 * one is, is seen from the seconds that it takes to hand over the binary of an empty kernel: next to none, or (PoCL
 * 3.1) between a twentieth and a quarter of what building it took. It is asked once; the answer is an entry of the
 * cache like others.
 */
static bool hands_over_binaries(const struct program_store *store) {
    enum { BUILDING_OVER_ASKING = 50 };
    char path[PATH_MAX], *file = NULL, *key = program_cache_key(store->information, "", "", "empty");
    size_t bytes = 0;
    program_cache_path(store->directory, "empty", key, path);
    if (!program_cache_read(path, key, &file, &bytes)) {
        cl_program program;
        unsigned char *binary = NULL;
        double start = clock_seconds();
        char source[96]; /* one that no driver has kept from before */
        snprintf(source, sizeof source, "__kernel void empty_%.0f(void) {}\n", 1e9 * start);
        if (build_source(store, "empty", source, "", &program) == STATUS_OK) {
            double built = clock_seconds();
            binary = ask_binary(program, &bytes);
            if (clock_seconds() - built > (built - start) / BUILDING_OVER_ASKING)
                bytes = 0;
            clReleaseProgram(program);
        }
        program_cache_write(path, key, binary, bytes);
        free(binary);
    }
    free(key);
    free(file);
    return bytes > 0;
}

struct program_store *program_store_create(const struct device_information *information, cl_context context,
                                           const char *options, enum binaries binaries) {
    struct program_store *store = memory_allocate(1, sizeof *store);
    store->information = information;
    store->context = context;
    store->options = memory_copy_text(options);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->changed, NULL);
    char directory[PATH_MAX];
    if (binaries != BINARIES_NOT_KEPT && file_cache_directory("programs", directory, sizeof directory) == STATUS_OK) {
        store->directory = memory_copy_text(directory);
        store->keeps_binaries = binaries == BINARIES_KEPT || hands_over_binaries(store);
    }
    return store;
}

/* What every program begins with; each file may use those before it. */
static const char *const common[] = {"constants", "arguments", "vectors", "rows",
                                     "columns",   "groups",    "masks",   "nonlinearities"};

enum { COMMON = sizeof common / sizeof *common };

static status append_files(const char *const *names, int count, struct text *source) {
    for (int i = 0; i < count; i++) {
        const struct kernel_source *file = find_source(names[i]);
        if (!file)
            return fail("this program has no kernel file cl/%s.cl", names[i]);
        text_append(source, "#line 1 \"%s\"\n%s\n", file->name, file->text);
    }
    return STATUS_OK;
}

/* The common files, and behind them cl/<name>.cl, with those that it begins with, or those that are built together. */
static status append_sources(const char *name, struct text *source) {
    static const char *const tiles[] = {"matrix_layouts", "matrix_units", "gemm_tiles"};
    TRY(append_files(common, COMMON, source));
    if (name == TOGETHER)
        return append_files(together, TOGETHER_COUNT, source);
    return strcmp(name, tiles[2]) == 0 ? append_files(tiles, 3, source) : append_files(&name, 1, source);
}

static status load_or_build(struct program_store *store, struct program *program, const char *source) {
    struct text options = {0};
    text_append(&options, "%s %s", store->options, program->options);
    char path[PATH_MAX], *key = program_cache_key(store->information, store->options, program->options, source);
    if (store->keeps_binaries) {
        program_cache_path(store->directory, program->name, key, path);
        program->program = load_binary(store, path, key, options.text);
    }
    program->from_source = !program->program;
    status outcome = STATUS_OK;
    if (program->from_source)
        outcome = build_source(store, program->name, source, options.text, &program->program);
    if (program->from_source && outcome == STATUS_OK && store->keeps_binaries) {
        size_t bytes;
        unsigned char *binary = ask_binary(program->program, &bytes);
        if (binary)
            program_cache_write(path, key, binary, bytes);
        free(binary);
    }
    free(key);
    text_free(&options);
    return outcome;
}

/* Builds program->name with program->options; the store's list is not looked at. */
static status build(struct program_store *store, struct program *program) {
    struct text source = {0};
    status outcome = append_sources(program->name, &source);
    if (outcome == STATUS_OK)
        outcome = load_or_build(store, program, source.text);
    text_free(&source);
    return outcome;
}

static struct program *find(const struct program_store *store, const char *name, const char *options) {
    for (struct program *program = store->programs; program; program = program->next)
        if (strcmp(program->name, name) == 0 && strcmp(program->options, options) == 0)
            return program;
    return NULL;
}

static void take_out(struct program_store *store, struct program *program) {
    struct program **place = &store->programs;
    while (*place != program)
        place = &(*place)->next;
    *place = program->next;
    release(program);
}

/* The lock is held, and is again when it returns. */
static void add_seconds(struct program_store *store, enum build_place where, double seconds) {
    *(where == BUILD_WAITED_FOR ? &store->statistics.waited : &store->statistics.background) += seconds;
}

/* Adds the program and builds it; the lock is held, but not while it builds. *result stays NULL where that fails. */
static status add(struct program_store *store, const char *name, const char *options, enum build_place where,
                  struct program **result) {
    struct program *program = memory_allocate(1, sizeof *program);
    *program = (struct program){.next = store->programs, .name = name, .options = memory_copy_text(options)};
    store->programs = program;
    pthread_mutex_unlock(&store->lock);
    double start = clock_seconds();
    if (where == BUILD_WAITED_FOR)
        progress_update("building the kernels of %s for %s ...", files_of(name), store->information->name);
    status outcome = build(store, program);
    pthread_mutex_lock(&store->lock);
    program->ready = true;
    if (program->from_source) {
        add_seconds(store, where, clock_seconds() - start);
        *(where == BUILD_WAITED_FOR ? &store->statistics.programs_waited : &store->statistics.programs_background) +=
            outcome == STATUS_OK;
    }
    if (outcome == STATUS_OK)
        *result = program;
    else
        take_out(store, program);
    pthread_cond_broadcast(&store->changed);
    return outcome;
}

status program_store_find(struct program_store *store, const char *name, const char *options, enum build_place where,
                          struct program **result) {
    const struct kernel_source *source = find_source(name);
    if (!source)
        return fail("this program has no kernel file cl/%s.cl", name);
    name = *options == '\0' && is_together(name) ? TOGETHER : source->name;
    status outcome = STATUS_OK;
    double start = clock_seconds();
    bool waited = false;
    pthread_mutex_lock(&store->lock);
    while ((*result = find(store, name, options)) && !(*result)->ready) {
        waited = true;
        pthread_cond_wait(&store->changed, &store->lock);
    }
    if (waited && where == BUILD_WAITED_FOR)
        add_seconds(store, where, clock_seconds() - start);
    if (!*result)
        outcome = add(store, name, options, where, result);
    pthread_mutex_unlock(&store->lock);
    return outcome;
}

cl_program program_opencl(const struct program *program) {
    return program->program;
}

bool program_was_launched(struct program_store *store, const struct program *program, const char *kernel) {
    pthread_mutex_lock(&store->lock);
    bool was = !program->from_source;
    for (const struct launched *launched = program->launched; launched && !was; launched = launched->next)
        was = strcmp(launched->kernel, kernel) == 0;
    pthread_mutex_unlock(&store->lock);
    return was;
}

void program_note_launched(struct program_store *store, struct program *program, const char *kernel,
                           enum build_place where, double seconds) {
    struct launched *launched = memory_allocate(1, sizeof *launched);
    launched->kernel = memory_copy_text(kernel);
    pthread_mutex_lock(&store->lock);
    add_seconds(store, where, seconds);
    ++*(where == BUILD_WAITED_FOR ? &store->statistics.launches_waited : &store->statistics.launches_background);
    launched->next = program->launched;
    program->launched = launched;
    pthread_mutex_unlock(&store->lock);
}

void program_store_add_seconds(struct program_store *store, enum build_place where, double seconds) {
    pthread_mutex_lock(&store->lock);
    add_seconds(store, where, seconds);
    pthread_mutex_unlock(&store->lock);
}

struct build_statistics program_store_statistics(struct program_store *store) {
    pthread_mutex_lock(&store->lock);
    struct build_statistics statistics = store->statistics;
    pthread_mutex_unlock(&store->lock);
    return statistics;
}
