/*
 * starcl as a library: run searches, train and use what they find, from a program of your own. `pkg-config --libs
 * starcl` names the shared library; for the static one `pkg-config --static --libs starcl` adds what it needs.
 *
 * Functions return an int with the meaning of the program's exit codes: 0 done, 1 failed, 2 the call or a config is
 * wrong, 130 interrupted (by star_interrupt(); everything so far is kept). star_message() then says what happened.
 * Texts that are returned through a char ** belong to the caller, who frees them with free(); after a failure they are
 * NULL. One thread at a time, but for star_interrupt(). Progress goes to stderr, nothing to stdout.
 *
 * Numbers are written and read with a decimal point and messages are English whatever the program's locale is: each
 * function works in the "C" locale of its thread and gives the thread's own back when it returns.
 *
 * `assignments` are `count` overrides of a config's keys, such as "model.width=64"; NULL and 0 for none. The device is
 * the config's devices.device, or what STARCL_DEVICE says, or the best.
 */
#ifndef STARCL_STARCL_H
#define STARCL_STARCL_H

#include "starcl/version.h"

#include <stddef.h>

/* What the library shows; all other names in it are its own. */
#define STAR_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* What the last failure of this thread was; never NULL, valid until the next one. */
STAR_API const char *star_message(void);

/*
 * Asks the search, training or generation that runs now to stop; it returns 130 soon, after its current step. May be
 * called from a signal handler or another thread. Without one running, it does nothing: each function begins anew.
 */
STAR_API void star_interrupt(void);

/* Every OpenCL device, as `starcl devices --json` prints it. */
STAR_API int star_devices(char **json);

/*
 * Runs the experiment of a config file. `run_path` is the folder of the run, which must not exist; NULL makes
 * runs/<name>-<number>. The folder's path is written to `path` (`path_bytes` with the zero byte; "" if it was not
 * made); `path` may be NULL where `path_bytes` is 0.
 *
 * Where limits are on what is measured on the device, the front is measured again in this process: the several ones
 * that search.measure.processes asks for are started by the program starcl alone.
 */
STAR_API int star_search(const char *config_path, const char *const *assignments, int count, const char *run_path,
                         char *path, size_t path_bytes);

/* Goes on with a run that was interrupted or killed. One that is done is left as it is. */
STAR_API int star_resume(const char *run_path);

/* The Pareto front of a run, as `starcl show RUN --json` prints it. */
STAR_API int star_front(const char *run_path, char **json);

/*
 * LIVs, parameters, FLOPs and cache of a genome at a config's sizes, as `starcl show GENOME --json` prints them.
 * `genome` and `config_path` are as for star_train().
 */
STAR_API int star_architecture(const char *genome, const char *config_path, char **json);

/*
 * Trains one architecture in the folder `path`, which must not exist and gets weights.safetensors, architecture.json
 * and what star_train_resume() needs. `genome` is a genome, "RUN:ID" for a candidate of a run, or NULL for the config's
 * model.pattern. `config_path` may be NULL: for RUN:ID the run's config, otherwise the defaults. `bits_per_byte` may be
 * NULL; it becomes the loss on the validation part.
 */
STAR_API int star_train(const char *genome, const char *config_path, const char *const *assignments, int count,
                        const char *path, double *bits_per_byte);

/* Goes on in such a folder where its last state is. The assignments change its config, train.steps for instance. */
STAR_API int star_train_resume(const char *path, const char *const *assignments, int count, double *bits_per_byte);

/* How text is made. Start from STAR_GENERATION_DEFAULTS. */
struct star_generation {
    const char *prompt;      /* what the text begins with, not empty */
    int tokens;              /* bytes to make, 1 to 1000000 */
    double temperature;      /* 0: always the likeliest */
    int top_k;               /* choose among the likeliest k; 0: among all */
    unsigned long long seed; /* of the choices */
    const char *weights;     /* "auto", "float32" or "float16" */
    const char *device;      /* as devices.device; NULL: what STARCL_DEVICE says, or the best */
};

#define STAR_GENERATION_DEFAULTS                                                                                       \
    { "\n", 200, 0.8, 0, 1, "auto", NULL }

/*
 * Text that trained weights write, the prompt in front. `checkpoint` is a folder of star_train(), or a .safetensors
 * file such as RUN/checkpoints/7.safetensors; `generation` may be NULL: the defaults. The text has *length bytes
 * (`length` may be NULL), zero bytes possibly among them, and a zero byte behind them.
 */
STAR_API int star_generate(const char *checkpoint, const struct star_generation *generation, char **text,
                           size_t *length);

#ifdef __cplusplus
}
#endif

#endif
