#include "device/drivers.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ENDING[] = ".icd";

static bool has_ending(const char *name) {
    size_t length = strlen(name), ending = strlen(ENDING);
    return length > ending && strcmp(name + length - ending, ENDING) == 0;
}

/* The first line of an .icd file. */
static void read_library(struct driver *driver) {
    FILE *file = fopen(driver->file, "r");
    if (!file || !fgets(driver->library, sizeof driver->library, file))
        snprintf(driver->problem, sizeof driver->problem, "%s", file ? "it names no library" : strerror(errno));
    driver->library[strcspn(driver->library, "\r\n")] = '\0';
    if (file)
        fclose(file);
}

/* Kept open: drivers do not all bear to be closed. */
static void try_library(struct driver *driver) {
    if (*driver->problem == '\0' && !dlopen(driver->library, RTLD_LAZY | RTLD_LOCAL))
        snprintf(driver->problem, sizeof driver->problem, "%s", dlerror());
}

static struct driver *add(struct driver_list *list) {
    list->drivers = memory_resize(list->drivers, list->count + 1, sizeof *list->drivers);
    struct driver *driver = &list->drivers[list->count++];
    *driver = (struct driver){.file = ""};
    return driver;
}

static int visible(const struct dirent *entry) {
    return has_ending(entry->d_name);
}

static void add_folder(struct driver_list *list) {
    struct dirent **entries;
    int count = scandir(list->place, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        struct driver *driver = add(list);
        if (snprintf(driver->file, sizeof driver->file, "%s/%s", list->place, entries[i]->d_name) <
            (int)sizeof driver->file)
            read_library(driver);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void driver_list_create(struct driver_list *list) {
    const char *variables[] = {"OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"}, *place = "/etc/OpenCL/vendors";
    for (int i = 1; i >= 0; i--)
        if (getenv(variables[i]) && *getenv(variables[i]))
            place = getenv(variables[i]);
    *list = (struct driver_list){.place = ""};
    snprintf(list->place, sizeof list->place, "%s", place);
    if (file_is_directory(place) || !file_exists(place)) {
        add_folder(list);
    } else {
        struct driver *driver = add(list);
        snprintf(driver->file, sizeof driver->file, "%s", place);
        if (has_ending(place))
            read_library(driver);
        else
            snprintf(driver->library, sizeof driver->library, "%s", place);
    }
    for (size_t i = 0; i < list->count; i++)
        try_library(&list->drivers[i]);
}

void driver_list_destroy(struct driver_list *list) {
    free(list->drivers);
    *list = (struct driver_list){.place = ""};
}
