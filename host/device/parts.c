#include "device/parts.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether the driver knows a way to split the device. */
static bool splits(cl_device_id id, cl_device_partition_property way) {
    cl_device_partition_property ways[16] = {0};
    size_t bytes = 0;
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof ways, ways, &bytes) != CL_SUCCESS)
        return false;
    for (size_t i = 0; i < bytes / sizeof *ways; i++)
        if (ways[i] == way)
            return true;
    return false;
}

int parts_most(cl_device_id id, cl_uint compute_units) {
    cl_uint most = 1;
    if (!splits(id, CL_DEVICE_PARTITION_EQUALLY) && !splits(id, CL_DEVICE_PARTITION_BY_COUNTS))
        return 1;
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_MAX_SUB_DEVICES, sizeof most, &most, NULL) != CL_SUCCESS)
        return 1;
    if (most > compute_units)
        most = compute_units;
    return most > 1 ? (int)most : 1;
}

status part_describe(const struct device_information *whole, int64_t parts, int64_t part,
                     struct device_information *information) {
    const char *name = whole->name;
    if (parts < 1)
        return fail_usage("%s cannot be split in %lld parts: they are 1 or more", name, (long long)parts);
    if (parts > 1 && whole->most_parts <= 1)
        return fail_usage("%s cannot be split: its driver does not do that, or it has one compute unit", name);
    if (parts > 1 && parts > whole->most_parts)
        return fail_usage("%s cannot be split in %lld parts: its %u compute units make at most %d", name,
                          (long long)parts, whole->compute_units, whole->most_parts);
    if (part < 1 || part > parts)
        return fail_usage("%s has no part %lld of %lld; its parts are 1 to %lld", name, (long long)part,
                          (long long)parts, (long long)parts);
    *information = *whole;
    if (parts == 1)
        return STATUS_OK;
    information->part = (int)part;
    information->parts = (int)parts;
    information->most_parts = 1;
    information->whole = whole->id;
    information->id = NULL;
    information->compute_units /= (cl_uint)parts;
    information->global_bytes /= (cl_ulong)parts;
    if (information->largest_buffer_bytes > information->global_bytes)
        information->largest_buffer_bytes = information->global_bytes;
    snprintf(information->name, sizeof information->name, "%.200s (part %d of %d)", whole->model, information->part,
             information->parts);
    snprintf(information->kind, sizeof information->kind, "%.200s (one of %d parts)", whole->model, information->parts);
    return STATUS_OK;
}

/* What clCreateSubDevices() is told; ends with zeros. The caller frees it. */
static cl_device_partition_property *way_to_split(const struct device_information *information) {
    size_t parts = (size_t)information->parts;
    cl_device_partition_property *way = memory_allocate(parts + 3, sizeof *way);
    bool equally = splits(information->whole, CL_DEVICE_PARTITION_EQUALLY);
    way[0] = equally ? CL_DEVICE_PARTITION_EQUALLY : CL_DEVICE_PARTITION_BY_COUNTS;
    for (size_t i = 1; i <= (equally ? 1 : parts); i++)
        way[i] = (cl_device_partition_property)information->compute_units;
    return way;
}

status part_create(const struct device_information *information, cl_device_id *id) {
    *id = information->parts > 1 ? NULL : information->id;
    if (information->parts <= 1)
        return STATUS_OK;
    /* Equal parts are as many as there are compute units for, which may be more than `parts`. */
    cl_device_partition_property *way = way_to_split(information);
    cl_device_id *made = NULL;
    cl_uint count = 0;
    int code = clCreateSubDevices(information->whole, way, 0, NULL, &count);
    if (code == CL_SUCCESS && count < (cl_uint)information->part)
        code = CL_DEVICE_PARTITION_FAILED;
    if (code == CL_SUCCESS) {
        made = memory_allocate(count, sizeof *made);
        code = clCreateSubDevices(information->whole, way, count, made, NULL);
    }
    for (cl_uint i = 0; code == CL_SUCCESS && i < count; i++) {
        if (i == (cl_uint)information->part - 1)
            *id = made[i];
        else
            clReleaseDevice(made[i]);
    }
    free(made);
    free(way);
    return opencl_check(code, "splitting the device of %s", information->name);
}

void part_release(const struct device_information *information, cl_device_id id) {
    if (information->parts > 1 && id)
        clReleaseDevice(id);
}
