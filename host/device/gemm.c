#include "device/gemm.h"

#include "base/memory.h"
#include "device/gemm_provider.h"

#include <stdlib.h>
#include <string.h>

static const struct gemm_provider *const providers[] = {&gemm_panel, &gemm_clblast};
enum { PROVIDERS = sizeof providers / sizeof *providers };

struct gemm_state {
    struct device *device;
    const struct gemm_provider *provider;
    cl_mem scratch;
    size_t scratch_bytes;
};

/*
 * Where a work-group is one core's loop the panel kernel is 15 to 25 times faster than CLBlast as packaged; on devices
 * with many lanes its one work-item a tile is hopeless, and CLBlast's kernels fit.
 */
static bool fits(const struct gemm_provider *provider, const struct device *device) {
    return provider != &gemm_panel || device_shape(device).lanes == 1;
}

status gemm_state_create(struct device *device, const char *provider, struct gemm_state **state) {
    const struct gemm_provider *chosen = NULL;
    bool any = !provider || strcmp(provider, "auto") == 0;
    for (int i = 0; i < PROVIDERS && !chosen; i++)
        if (any ? fits(providers[i], device) : strcmp(providers[i]->name, provider) == 0)
            chosen = providers[i];
    if (!chosen)
        return fail_usage("there is no GEMM provider '%s'; allowed: auto, %s", provider, gemm_provider_names());
    if (!fits(chosen, device))
        return fail_usage(
            "the GEMM provider '%s' is for devices whose work-groups are one work-item; %s is not shaped so",
            chosen->name, device_information(device)->name);
    *state = memory_allocate(1, sizeof **state);
    **state = (struct gemm_state){.device = device, .provider = chosen};
    return STATUS_OK;
}

static void release_scratch(struct gemm_state *state) {
    device_buffer_destroy(state->device, state->scratch);
    state->scratch = NULL;
    state->scratch_bytes = 0;
}

void gemm_release_scratch(struct device *device) {
    release_scratch(device_gemm_state(device));
}

void gemm_state_destroy(struct gemm_state *state) {
    if (!state)
        return;
    release_scratch(state);
    if (state->provider->release)
        state->provider->release();
    free(state);
}

/* With everything filled in that may be 0. */
static struct gemm complete(const struct gemm *gemm) {
    struct gemm result = *gemm;
    result.lda = gemm->lda ? gemm->lda : gemm->transpose_a ? gemm->m : gemm->k;
    result.ldb = gemm->ldb ? gemm->ldb : gemm->transpose_b ? gemm->k : gemm->n;
    result.ldc = gemm->ldc ? gemm->ldc : gemm->n;
    result.batch = gemm->batch ? gemm->batch : 1;
    return result;
}

status gemm(struct device *device, const struct gemm *gemm) {
    if (gemm->m <= 0 || gemm->n <= 0)
        return STATUS_OK;
    struct gemm completed = complete(gemm);
    return device_gemm_state(device)->provider->run(device, &completed);
}

status gemm_together(struct device *device, const struct gemm *gemms, int count) {
    const struct gemm_provider *provider = device_gemm_state(device)->provider;
    struct gemm completed[GEMM_TOGETHER];
    for (int first = 0; first < count; first += GEMM_TOGETHER) {
        int some = count - first < GEMM_TOGETHER ? count - first : GEMM_TOGETHER;
        for (int i = 0; i < some; i++)
            completed[i] = complete(&gemms[first + i]);
        if (provider->run_together) {
            TRY(provider->run_together(device, completed, some));
            continue;
        }
        for (int i = 0; i < some; i++)
            TRY(provider->run(device, &completed[i]));
    }
    return STATUS_OK;
}

size_t gemm_scratch_bytes(struct device *device, const struct gemm *gemm) {
    struct gemm completed = complete(gemm);
    return device_gemm_state(device)->provider->scratch_bytes(device, &completed);
}

status gemm_scratch(struct device *device, size_t bytes, cl_mem *scratch) {
    struct gemm_state *state = device_gemm_state(device);
    if (state->scratch_bytes < bytes) {
        release_scratch(state);
        TRY(device_buffer_create(device, bytes, &state->scratch));
        state->scratch_bytes = bytes;
    }
    *scratch = state->scratch;
    return STATUS_OK;
}

const char *gemm_provider_name(struct device *device) {
    return device_gemm_state(device)->provider->name;
}

const char *gemm_provider_names(void) {
    return "panel, clblast";
}
