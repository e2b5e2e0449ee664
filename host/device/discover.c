#include "device/discover.h"

#include "base/memory.h"
#include "base/text.h"
#include "device/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char device_driver_advice[] =
    "Install an OpenCL driver: on Debian `apt-get install pocl-opencl-icd` runs on any CPU, mesa-opencl-icd on AMD, "
    "intel-opencl-icd on Intel GPUs, nvidia-opencl-icd on NVIDIA. `starcl doctor` says what the system has";

/* A part that was chosen, in a place of its own, where it stays. */
struct chosen_part {
    struct chosen_part *next;
    struct device_information information;
};

static void device_text(cl_device_id id, cl_device_info what, char *text, size_t bytes) {
    text[0] = '\0';
    if (clGetDeviceInfo(id, what, bytes, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    text[bytes - 1] = '\0';
    for (size_t length = strlen(text); length > 0 && isspace((unsigned char)text[length - 1]); length--)
        text[length - 1] = '\0';
}

static bool has_extension(cl_device_id id, const char *name) {
    size_t bytes = 0;
    bool found = false;
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &bytes) != CL_SUCCESS || bytes == 0)
        return false;
    char *all = memory_allocate(bytes, 1);
    if (clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, bytes, all, NULL) == CL_SUCCESS)
        for (char *rest = all, *one; (one = strtok_r(rest, " ", &rest));)
            found = found || strcmp(one, name) == 0;
    free(all);
    return found;
}

/* A driver that does not know an answer leaves the default. */
#define DEVICE_VALUE(id, what, field) ((void)clGetDeviceInfo(id, what, sizeof(field), &(field), NULL))

static void describe(struct device_information *device) {
    cl_device_id id = device->id;
    device_text(id, CL_DEVICE_NAME, device->model, sizeof device->model);
    memcpy(device->name, device->model, sizeof device->name);
    memcpy(device->kind, device->model, sizeof device->kind);
    device_text(id, CL_DEVICE_VENDOR, device->vendor, sizeof device->vendor);
    device_text(id, CL_DRIVER_VERSION, device->driver, sizeof device->driver);
    device_text(id, CL_DEVICE_VERSION, device->version, sizeof device->version);
    DEVICE_VALUE(id, CL_DEVICE_TYPE, device->type);
    DEVICE_VALUE(id, CL_DEVICE_MAX_COMPUTE_UNITS, device->compute_units);
    device->most_parts = parts_most(id, device->compute_units);
    DEVICE_VALUE(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, device->clock_megahertz);
    DEVICE_VALUE(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, device->float_vector_width);
    DEVICE_VALUE(id, CL_DEVICE_GLOBAL_MEM_SIZE, device->global_bytes);
    DEVICE_VALUE(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, device->largest_buffer_bytes);
    DEVICE_VALUE(id, CL_DEVICE_LOCAL_MEM_SIZE, device->local_bytes);
    DEVICE_VALUE(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, device->largest_work_group);
    cl_bool unified = CL_FALSE;
    DEVICE_VALUE(id, CL_DEVICE_HOST_UNIFIED_MEMORY, unified);
    device->own_memory = !unified;
    cl_uint alignment_bits = 1024;
    DEVICE_VALUE(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, alignment_bits);
    device->address_alignment_bytes = alignment_bits / 8 ? alignment_bits / 8 : 128;
    cl_bool available = CL_FALSE, compiler = CL_FALSE, little_endian = CL_FALSE;
    DEVICE_VALUE(id, CL_DEVICE_AVAILABLE, available);
    DEVICE_VALUE(id, CL_DEVICE_COMPILER_AVAILABLE, compiler);
    DEVICE_VALUE(id, CL_DEVICE_ENDIAN_LITTLE, little_endian);
    device->half = has_extension(id, "cl_khr_fp16");
    device->float64 = has_extension(id, "cl_khr_fp64");
    device->usable = available && compiler && little_endian;
}

status device_list_create(struct device_list *list) {
    *list = (struct device_list){0};
    cl_uint platform_count = 0;
    int code = clGetPlatformIDs(0, NULL, &platform_count);
    enum { PLATFORM_NOT_FOUND_KHR = -1001 };
    if (code == PLATFORM_NOT_FOUND_KHR || (code == CL_SUCCESS && platform_count == 0))
        return fail("no OpenCL platform was found. %s", device_driver_advice);
    TRY(opencl_check(code, "listing the OpenCL platforms"));
    cl_platform_id *platforms = memory_allocate(platform_count, sizeof *platforms);
    status result = opencl_check(clGetPlatformIDs(platform_count, platforms, NULL), "listing the OpenCL platforms");
    for (cl_uint p = 0; result == STATUS_OK && p < platform_count; p++) {
        cl_uint device_count = 0;
        /* A platform whose hardware is absent answers CL_DEVICE_NOT_FOUND: it has nothing to list. */
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 0, NULL, &device_count) != CL_SUCCESS || !device_count)
            continue;
        cl_device_id *ids = memory_allocate(device_count, sizeof *ids);
        result = opencl_check(clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, device_count, ids, NULL),
                              "listing the devices of OpenCL platform %u", p);
        for (cl_uint d = 0; result == STATUS_OK && d < device_count; d++) {
            list->devices = memory_resize(list->devices, list->count + 1, sizeof *list->devices);
            struct device_information *device = &list->devices[list->count++];
            *device = (struct device_information){
                .platform_index = (int)p, .device_index = (int)d, .platform = platforms[p], .id = ids[d]};
            (void)clGetPlatformInfo(platforms[p], CL_PLATFORM_NAME, sizeof device->platform_name - 1,
                                    device->platform_name, NULL);
            describe(device);
        }
        free(ids);
    }
    free(platforms);
    if (result == STATUS_OK && list->count == 0)
        result = fail("OpenCL platforms are installed (%u), but none has a device. %s", platform_count,
                      device_driver_advice);
    if (result != STATUS_OK)
        device_list_destroy(list);
    return result;
}

void device_list_destroy(struct device_list *list) {
    for (struct chosen_part *part = list->parts, *next; part; part = next) {
        next = part->next;
        free(part);
    }
    free(list->devices);
    *list = (struct device_list){0};
}

const char *device_type_name(cl_device_type type) {
    if (type & CL_DEVICE_TYPE_GPU)
        return "GPU";
    if (type & CL_DEVICE_TYPE_ACCELERATOR)
        return "accelerator";
    if (type & CL_DEVICE_TYPE_CPU)
        return "CPU";
    return "device";
}

bool device_prefers_half(const struct device_information *device) {
    return device->half || device->type & CL_DEVICE_TYPE_GPU;
}

/* Larger is better: the type decides, then whose memory it has, then compute units times clock. */
static double preference(const struct device_information *device) {
    double type = device->type & CL_DEVICE_TYPE_GPU ? 4 : device->type & CL_DEVICE_TYPE_ACCELERATOR ? 2 : 0;
    double speed = (double)device->compute_units * (device->clock_megahertz ? device->clock_megahertz : 1);
    return (type + device->own_memory) * 1e12 + speed;
}

static bool contains_ignoring_case(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, length) == 0)
            return true;
    return false;
}

static bool parse_index(const char *choice, int *platform, int *device) {
    char after;
    *device = 0;
    if (sscanf(choice, "%d.%d%c", platform, device, &after) == 2)
        return true;
    return sscanf(choice, "%d%c", platform, &after) == 1;
}

static bool means(const char *choice, const struct device_information *device) {
    int platform_index, device_index;
    if (parse_index(choice, &platform_index, &device_index))
        return device->platform_index == platform_index && device->device_index == device_index;
    if (strcasecmp(choice, "auto") == 0)
        return true;
    if (strcasecmp(choice, "cpu") == 0)
        return device->type & CL_DEVICE_TYPE_CPU;
    if (strcasecmp(choice, "gpu") == 0)
        return device->type & CL_DEVICE_TYPE_GPU;
    if (strcasecmp(choice, "accelerator") == 0)
        return device->type & CL_DEVICE_TYPE_ACCELERATOR;
    return contains_ignoring_case(device->name, choice) || contains_ignoring_case(device->platform_name, choice);
}

const char *device_words(const char *choice) {
    if (choice && *choice)
        return choice;
    const char *variable = getenv("STARCL_DEVICE");
    return variable ? variable : "";
}

const char *device_index(const struct device_information *information, char *index) {
    int length = snprintf(index, DEVICE_INDEX_BYTES, "%d.%d", information->platform_index, information->device_index);
    if (information->parts > 1)
        snprintf(index + length, (size_t)(DEVICE_INDEX_BYTES - length), "/%d:%d", information->parts,
                 information->part);
    return index;
}

/* The best of the usable devices that the words mean, or NULL. */
static const struct device_information *find_device(const struct device_list *list, const char *words) {
    const struct device_information *found = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        if (device->usable && means(words, device) && (!found || preference(device) > preference(found)))
            found = device;
    }
    return found;
}

static status refuse_choice(const struct device_list *list, const char *choice) {
    struct text names = {0};
    for (size_t i = 0; i < list->count; i++)
        text_append(&names, "\n  %d.%d  %s, %s (%s)%s", list->devices[i].platform_index, list->devices[i].device_index,
                    device_type_name(list->devices[i].type), list->devices[i].name, list->devices[i].platform_name,
                    list->devices[i].usable ? "" : ", not usable: no compiler or not available");
    status result =
        fail_usage("no usable OpenCL device matches '%s'. Choose an index, cpu, gpu, accelerator or part of "
                   "a name:%s",
                   choice, names.text);
    text_free(&names);
    return result;
}

/* "D/N" or "D/N:K". */
struct part_words {
    char *device; /* owned */
    int64_t parts, part;
    bool all; /* without K */
};

static bool split_words(const char *words, struct part_words *result) {
    const char *slash = strrchr(words, '/');
    if (!slash || slash == words)
        return false;
    char *device = memory_copy_text(words), *parts = device + (slash - words), *part = strchr(parts, ':');
    *parts++ = '\0';
    if (part)
        *part++ = '\0';
    *result = (struct part_words){.device = device, .all = !part};
    if (text_parse_integer(parts, &result->parts) == 0 && (!part || text_parse_integer(part, &result->part) == 0))
        return true;
    free(device);
    return false;
}

struct selection {
    const struct device_information **devices; /* owned */
    int count;
};

static void add(struct selection *selection, const struct device_information *device) {
    selection->devices = memory_resize(selection->devices, (size_t)selection->count + 1, sizeof(void *));
    selection->devices[selection->count++] = device;
}

static status add_part(struct device_list *list, const struct device_information *whole, int64_t parts, int64_t part,
                       struct selection *selection) {
    struct device_information information;
    TRY(part_describe(whole, parts, part, &information));
    if (parts == 1) {
        add(selection, whole);
        return STATUS_OK;
    }
    struct chosen_part *chosen = memory_allocate(1, sizeof *chosen);
    *chosen = (struct chosen_part){list->parts, information};
    list->parts = chosen;
    add(selection, &chosen->information);
    return STATUS_OK;
}

/* Adds what the words mean, a device or more. Words that are part of a name are that, whatever else they look like. */
static status select_devices(struct device_list *list, const char *words, struct selection *selection) {
    struct part_words part;
    if (strcasecmp(words, "all") == 0) {
        for (size_t i = 0; i < list->count; i++)
            if (list->devices[i].usable)
                add(selection, &list->devices[i]);
        return selection->count > 0 ? STATUS_OK : refuse_choice(list, words);
    }
    const struct device_information *device = find_device(list, words);
    if (device) {
        add(selection, device);
        return STATUS_OK;
    }
    if (!split_words(words, &part))
        return refuse_choice(list, words);
    device = find_device(list, part.device);
    status outcome = device ? STATUS_OK : refuse_choice(list, part.device);
    int64_t first = part.all ? 1 : part.part, last = part.all && part.parts > 1 ? part.parts : first;
    for (int64_t k = first; outcome == STATUS_OK && k <= last; k++)
        outcome = add_part(list, device, part.parts, k, selection);
    free(part.device);
    return outcome;
}

status device_choose(struct device_list *list, const char *choice, const struct device_information **chosen,
                     const char **reason) {
    const char *from = "it is what --device asks for";
    if (!choice || !*choice) {
        choice = device_words(NULL);
        from = "it is what STARCL_DEVICE asks for";
    }
    if (!*choice) {
        choice = "auto";
        from = "GPUs come before accelerators before CPUs, then those with memory of their own, then the most compute "
               "units times clock";
    }
    if (reason)
        *reason = from;
    *chosen = NULL;
    struct selection selection = {0};
    char index[DEVICE_INDEX_BYTES];
    status outcome = select_devices(list, choice, &selection);
    if (outcome == STATUS_OK && selection.count > 1)
        outcome = fail_usage("'%s' means %d devices where one is needed: name one of them, such as %s. A search takes "
                             "several with devices.use",
                             choice, selection.count, device_index(selection.devices[0], index));
    if (outcome == STATUS_OK)
        *chosen = selection.devices[0];
    free(selection.devices);
    return outcome;
}

/* Parts are counted from the first compute unit on. */
static bool share_units(const struct device_information *a, const struct device_information *b) {
    cl_uint a_first = a->parts > 1 ? (cl_uint)(a->part - 1) * a->compute_units : 0;
    cl_uint b_first = b->parts > 1 ? (cl_uint)(b->part - 1) * b->compute_units : 0;
    return a->platform_index == b->platform_index && a->device_index == b->device_index &&
           a_first < b_first + b->compute_units && b_first < a_first + a->compute_units;
}

/* The last one against those before it. */
static status refuse_overlap(const struct selection *selection) {
    const struct device_information *last = selection->devices[selection->count - 1];
    char index[DEVICE_INDEX_BYTES], other[DEVICE_INDEX_BYTES];
    for (int i = 0; i < selection->count - 1; i++) {
        if (!share_units(selection->devices[i], last))
            continue;
        device_index(last, index);
        device_index(selection->devices[i], other);
        if (strcmp(index, other) == 0)
            return fail_usage("the device %s, %s, is chosen twice", index, last->name);
        return fail_usage("the devices %s and %s have compute units in common; choose one of them", other, index);
    }
    return STATUS_OK;
}

status device_choose_several(struct device_list *list, const char *const *choices, int count,
                             const struct device_information ***chosen, int *found) {
    struct selection all = {0};
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++) {
        struct selection selection = {0};
        outcome = select_devices(list, choices[i], &selection);
        for (int j = 0; outcome == STATUS_OK && j < selection.count; j++) {
            add(&all, selection.devices[j]);
            outcome = refuse_overlap(&all);
        }
        free(selection.devices);
    }
    if (outcome != STATUS_OK) {
        free(all.devices);
        all = (struct selection){0};
    }
    *chosen = all.devices;
    *found = all.count;
    return outcome;
}
