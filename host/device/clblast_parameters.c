#include "device/clblast_parameters.h"

#include "base/random.h"

#include <clblast_c.h>
#include <pthread.h>
#include <string.h>

static const char *const names[CLBLAST_PARAMETERS] = {
    "GEMMK",  "KREG",   "KWG",    "KWI",  "MDIMA", "MDIMC", "MWG",  "NDIMB", "NDIMC",
    "NWG",    "SA",     "SB",     "STRM", "STRN",  "VWM",   "VWN",  "KWID",  "MDIMAD",
    "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB",  "VWMD",  "VWND", "WGD",   "XGEMM_MIN_INDIRECT_SIZE"};

static const struct kernel {
    const char *name;
    int first, count;
} kernels[] = {{"Xgemm", CLBLAST_XGEMM, CLBLAST_DIRECT - CLBLAST_XGEMM},
               {"XgemmDirect", CLBLAST_DIRECT, CLBLAST_ROUTINE - CLBLAST_DIRECT},
               {"GemmRoutine", CLBLAST_ROUTINE, 1}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* ---- rules ---- */

static bool divides(int divisor, int value) {
    return divisor > 0 && value > 0 && value % divisor == 0;
}

static bool is_flag(int value) {
    return value == 0 || value == 1;
}

static bool is_vector(int value) {
    return value == 1 || value == 2 || value == 4 || value == 8;
}

/* Work-items of a group, and bytes of local memory. */
static bool fits_group(const struct device_information *device, int items, int floats) {
    return items > 0 && (size_t)items <= device->largest_work_group &&
           (cl_ulong)floats * sizeof(float) <= device->local_bytes;
}

/*
 * What a work-item keeps in registers. CLBlast has no such rule, but larger ones take drivers minutes to compile, and
 * spill.
 */
static bool fits_registers(int rows, int columns) {
    return rows * columns <= 128;
}

/*
 * Of CLBlast's two tiled kernels only the older one, GEMMK 0: with the other its strided batches are wrong where they
 * are padded (1.5.3). The tiles are loaded by MDIMA (NDIMB) work-items along m (n) and the rest of the group along k.
 */
static bool xgemm_fits(const int *v, const struct device_information *device) {
    int items = v[CLBLAST_MDIMC] * v[CLBLAST_NDIMC];
    return v[CLBLAST_GEMMK] == 0 && v[CLBLAST_KREG] == 1 && is_vector(v[CLBLAST_VWM]) && is_vector(v[CLBLAST_VWN]) &&
           is_flag(v[CLBLAST_SA]) && is_flag(v[CLBLAST_SB]) && is_flag(v[CLBLAST_STRM]) && is_flag(v[CLBLAST_STRN]) &&
           divides(v[CLBLAST_KWI], v[CLBLAST_KWG]) && divides(v[CLBLAST_MDIMC] * v[CLBLAST_VWM], v[CLBLAST_MWG]) &&
           divides(v[CLBLAST_NDIMC] * v[CLBLAST_VWN], v[CLBLAST_NWG]) &&
           divides(v[CLBLAST_MDIMA] * v[CLBLAST_VWM], v[CLBLAST_MWG]) &&
           divides(v[CLBLAST_NDIMB] * v[CLBLAST_VWN], v[CLBLAST_NWG]) && divides(v[CLBLAST_MDIMA], items) &&
           divides(v[CLBLAST_NDIMB], items) && divides(items / v[CLBLAST_MDIMA], v[CLBLAST_KWG]) &&
           divides(items / v[CLBLAST_NDIMB], v[CLBLAST_KWG]) &&
           fits_registers(v[CLBLAST_MWG] / v[CLBLAST_MDIMC], v[CLBLAST_NWG] / v[CLBLAST_NDIMC]) &&
           fits_group(device, items,
                      v[CLBLAST_KWG] * (v[CLBLAST_SA] * v[CLBLAST_MWG] + v[CLBLAST_SB] * v[CLBLAST_NWG]));
}

static bool direct_fits(const int *v, const struct device_information *device) {
    int tile = v[CLBLAST_WGD], items = v[CLBLAST_MDIMCD] * v[CLBLAST_NDIMCD];
    return is_vector(v[CLBLAST_VWMD]) && is_vector(v[CLBLAST_VWND]) && is_flag(v[CLBLAST_PADA]) &&
           is_flag(v[CLBLAST_PADB]) && divides(v[CLBLAST_KWID], tile) &&
           divides(v[CLBLAST_MDIMCD] * v[CLBLAST_VWMD], tile) && divides(v[CLBLAST_NDIMCD] * v[CLBLAST_VWND], tile) &&
           divides(v[CLBLAST_MDIMAD] * v[CLBLAST_VWMD], tile) && divides(v[CLBLAST_NDIMBD] * v[CLBLAST_VWND], tile) &&
           divides(v[CLBLAST_MDIMAD], items) && divides(v[CLBLAST_NDIMBD], items) &&
           divides(items / v[CLBLAST_MDIMAD], tile) && divides(items / v[CLBLAST_NDIMBD], tile) &&
           fits_registers(tile / v[CLBLAST_MDIMCD], tile / v[CLBLAST_NDIMCD]) &&
           fits_group(device, items, tile * (2 * tile + v[CLBLAST_PADA] + v[CLBLAST_PADB]));
}

bool clblast_parameters_fit(const struct clblast_parameters *parameters, const struct device_information *device) {
    for (int i = 0; i < CLBLAST_PARAMETERS; i++)
        if (parameters->values[i] < 0 || (i != CLBLAST_LEAST_INDIRECT && parameters->values[i] > 1024))
            return false;
    return xgemm_fits(parameters->values, device) && direct_fits(parameters->values, device);
}

/* ---- CLBlast ---- */

/* Of the process, as CLBlast keeps them. */
enum { MOST_DEVICES = 64 };
static pthread_mutex_t set_lock = PTHREAD_MUTEX_INITIALIZER;
static cl_device_id devices_set[MOST_DEVICES];
static int devices_set_count;

static bool is_set(cl_device_id id) {
    for (int i = 0; i < devices_set_count; i++)
        if (devices_set[i] == id)
            return true;
    return false;
}

bool clblast_parameters_were_set(const struct device_information *device) {
    pthread_mutex_lock(&set_lock);
    bool were_set = is_set(device->id);
    pthread_mutex_unlock(&set_lock);
    return were_set;
}

/* False where there is no room. */
static bool note_set(cl_device_id id) {
    pthread_mutex_lock(&set_lock);
    bool noted = is_set(id) || devices_set_count < MOST_DEVICES;
    if (noted && !is_set(id))
        devices_set[devices_set_count++] = id;
    pthread_mutex_unlock(&set_lock);
    return noted;
}

status clblast_parameters_set(const struct device_information *device, const struct clblast_parameters *parameters) {
    if (!note_set(device->id))
        return fail("CLBlast has parameters for %d devices already", MOST_DEVICES);
    for (int i = 0; i < KERNELS; i++) {
        const char *kernel_names[CLBLAST_PARAMETERS];
        size_t values[CLBLAST_PARAMETERS];
        for (int j = 0; j < kernels[i].count; j++) {
            kernel_names[j] = names[kernels[i].first + j];
            values[j] = (size_t)parameters->values[kernels[i].first + j];
        }
        int code = CLBlastOverrideParameters(device->id, kernels[i].name, CLBlastPrecisionSingle,
                                             (size_t)kernels[i].count, kernel_names, values);
        TRY(opencl_check(code, "setting the parameters of CLBlast's %s", kernels[i].name));
    }
    return STATUS_OK;
}

/* ---- candidates ---- */

enum { XGEMM_COUNT = CLBLAST_DIRECT - CLBLAST_XGEMM, DIRECT_COUNT = CLBLAST_ROUTINE - CLBLAST_DIRECT };

/* Work-groups that are one core's loop: few work-items with much to do each, wide vectors, no local memory. */
static const int cpu_xgemm[][XGEMM_COUNT] = {
    {0, 1, 32, 2, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 8, 8},       {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
    {0, 1, 16, 2, 8, 8, 128, 8, 8, 64, 1, 1, 0, 0, 8, 8},      {0, 1, 16, 2, 4, 4, 32, 8, 8, 64, 0, 0, 0, 0, 8, 8},
    {0, 1, 32, 2, 16, 16, 128, 16, 16, 128, 0, 0, 0, 0, 8, 8},
};
static const int cpu_direct[][DIRECT_COUNT] = {
    {2, 8, 8, 8, 8, 0, 0, 2, 2, 16}, {2, 8, 8, 8, 8, 1, 1, 4, 4, 32}, {2, 4, 4, 4, 4, 0, 0, 4, 4, 16},
    {2, 8, 8, 8, 8, 0, 0, 4, 4, 32}, {8, 4, 4, 4, 4, 0, 0, 8, 8, 32},
};

/* Tiles of 32 to 128 by 8 x 8 to 16 x 16 work-items, with operands in local memory or only in registers. */
static const int gpu_xgemm[][XGEMM_COUNT] = {
    {0, 1, 32, 2, 16, 16, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4},     {0, 1, 16, 2, 16, 16, 128, 16, 8, 64, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}, {0, 1, 32, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4},
    {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 1, 1, 2, 2}, {0, 1, 16, 2, 8, 8, 64, 16, 16, 128, 1, 1, 1, 0, 4, 8},
    {0, 1, 32, 2, 16, 16, 64, 16, 16, 64, 1, 1, 1, 1, 2, 2},   {0, 1, 16, 2, 32, 16, 128, 32, 8, 128, 1, 1, 1, 0, 4, 1},
    {0, 1, 32, 2, 8, 8, 64, 16, 16, 64, 1, 1, 0, 0, 4, 2},     {0, 1, 32, 8, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4},
};
static const int gpu_direct[][DIRECT_COUNT] = {
    {2, 8, 8, 8, 8, 1, 1, 4, 4, 32},   {2, 8, 8, 8, 8, 1, 1, 4, 2, 32},   {2, 16, 16, 16, 16, 1, 1, 2, 2, 32},
    {2, 8, 8, 8, 8, 1, 1, 2, 2, 16},   {8, 16, 16, 8, 8, 1, 1, 2, 4, 32}, {2, 16, 16, 16, 16, 1, 1, 4, 4, 64},
    {2, 8, 8, 16, 16, 1, 1, 4, 2, 32}, {16, 8, 8, 8, 8, 1, 1, 1, 1, 32},  {2, 8, 8, 8, 8, 1, 1, 1, 1, 8},
    {2, 8, 8, 8, 8, 0, 0, 8, 8, 64},
};

static int draw(struct random_stream *random, const int *values, int count) {
    return values[random_below(random, (uint32_t)count)];
}

#define DRAW(random, ...) draw(random, (const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

static void draw_xgemm(struct random_stream *random, int *v) {
    v[CLBLAST_GEMMK] = 0;
    v[CLBLAST_KREG] = 1;
    v[CLBLAST_KWG] = DRAW(random, 16, 32);
    v[CLBLAST_KWI] = DRAW(random, 2, 8);
    v[CLBLAST_MWG] = DRAW(random, 32, 64, 128);
    v[CLBLAST_NWG] = DRAW(random, 32, 64, 128);
    v[CLBLAST_MDIMC] = DRAW(random, 8, 16, 32);
    v[CLBLAST_NDIMC] = DRAW(random, 8, 16, 32);
    v[CLBLAST_MDIMA] = DRAW(random, 8, 16, 32);
    v[CLBLAST_NDIMB] = DRAW(random, 8, 16, 32);
    v[CLBLAST_VWM] = DRAW(random, 1, 2, 4, 8);
    v[CLBLAST_VWN] = DRAW(random, 1, 2, 4, 8);
    v[CLBLAST_STRM] = DRAW(random, 0, 1);
    v[CLBLAST_STRN] = DRAW(random, 0, 1);
    v[CLBLAST_SA] = v[CLBLAST_SB] = DRAW(random, 0, 1, 1);
}

static void draw_direct(struct random_stream *random, int *v) {
    v[CLBLAST_WGD] = DRAW(random, 8, 16, 32, 64);
    v[CLBLAST_KWID] = DRAW(random, 2, 8, 16);
    v[CLBLAST_MDIMCD] = v[CLBLAST_MDIMAD] = DRAW(random, 8, 16, 32);
    v[CLBLAST_NDIMCD] = v[CLBLAST_NDIMBD] = DRAW(random, 8, 16, 32);
    v[CLBLAST_VWMD] = DRAW(random, 1, 2, 4, 8);
    v[CLBLAST_VWND] = DRAW(random, 1, 2, 4, 8);
    v[CLBLAST_PADA] = v[CLBLAST_PADB] = DRAW(random, 0, 1, 1);
}

enum { MOST_DRAWS = 10000 };

/* Rows that a small device cannot hold are drawn too. */
static bool complete(const struct device_information *device, int index, bool draw_both,
                     struct clblast_parameters *set) {
    struct random_stream random = random_open(hash_text(HASH_START, "CLBlast parameters"), (uint64_t)index);
    bool draw_x = draw_both || !xgemm_fits(set->values, device),
         draw_d = draw_both || !direct_fits(set->values, device);
    for (int i = 0; i < MOST_DRAWS; i++) {
        if (draw_x)
            draw_xgemm(&random, set->values);
        if (draw_d)
            draw_direct(&random, set->values);
        draw_x = draw_x && !xgemm_fits(set->values, device);
        draw_d = draw_d && !direct_fits(set->values, device);
        if (!draw_x && !draw_d)
            return true;
    }
    return false;
}

bool clblast_parameters_candidate(const struct device_information *device, int index, struct clblast_parameters *set) {
    enum { CPU_ROWS = sizeof cpu_xgemm / sizeof *cpu_xgemm, GPU_ROWS = sizeof gpu_xgemm / sizeof *gpu_xgemm };
    _Static_assert(sizeof cpu_direct / sizeof *cpu_direct == CPU_ROWS, "sets are tried in pairs");
    _Static_assert(sizeof gpu_direct / sizeof *gpu_direct == GPU_ROWS, "sets are tried in pairs");
    bool cpu = device->type & CL_DEVICE_TYPE_CPU, listed = index < (cpu ? (int)CPU_ROWS : (int)GPU_ROWS);
    if (cpu && !listed)
        return false;
    *set = (struct clblast_parameters){.given = true};
    if (listed) {
        memcpy(set->values + CLBLAST_XGEMM, cpu ? cpu_xgemm[index] : gpu_xgemm[index], sizeof *cpu_xgemm);
        memcpy(set->values + CLBLAST_DIRECT, cpu ? cpu_direct[index] : gpu_direct[index], sizeof *cpu_direct);
    }
    return complete(device, index, !listed, set);
}

/* ---- JSON ---- */

cJSON *clblast_parameters_print(const struct clblast_parameters *parameters) {
    cJSON *json = cJSON_CreateObject();
    for (int i = 0; i < KERNELS; i++) {
        cJSON *kernel = cJSON_AddObjectToObject(json, kernels[i].name);
        for (int j = kernels[i].first; j < kernels[i].first + kernels[i].count; j++)
            cJSON_AddNumberToObject(kernel, names[j], parameters->values[j]);
    }
    return json;
}

bool clblast_parameters_parse(const cJSON *json, struct clblast_parameters *parameters) {
    for (int i = 0; i < KERNELS; i++) {
        const cJSON *kernel = cJSON_GetObjectItemCaseSensitive(json, kernels[i].name);
        for (int j = kernels[i].first; j < kernels[i].first + kernels[i].count; j++) {
            const cJSON *value = cJSON_GetObjectItemCaseSensitive(kernel, names[j]);
            if (!cJSON_IsNumber(value))
                return false;
            parameters->values[j] = value->valueint;
        }
    }
    parameters->given = true;
    return true;
}
