#include "device/energy.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Files of /sys say that they have 4096 bytes and have fewer: they are read as a stream, a line of them. */
static status read_line(const char *path, char *line, int bytes) {
    FILE *file = fopen(path, "r");
    bool read = file && fgets(line, bytes, file);
    int reason = errno;
    if (file)
        fclose(file);
    if (!read)
        return fail("cannot read %s: %s", path, reason ? strerror(reason) : "it is empty");
    line[strcspn(line, "\n")] = '\0';
    return STATUS_OK;
}

static status read_number(const char *path, double *number) {
    char line[64];
    TRY(read_line(path, line, sizeof line));
    if (text_parse_number(line, number) != 0)
        return fail("%s: '%s' is no number", path, line);
    return STATUS_OK;
}

/* "intel-rapl:0", and neither "intel-rapl", "intel-rapl:0:1" nor "intel-rapl-mmio:0", which counts the same again. */
static bool is_zone(const char *name) {
    const char *number = name + strlen("intel-rapl:");
    return strncmp(name, "intel-rapl:", strlen("intel-rapl:")) == 0 && *number && !strchr(number, ':');
}

static status add_package(struct energy_counter *counter, const char *folder, const char *zone) {
    char path[256], name[64];
    snprintf(path, sizeof path, "%.160s/%.40s/name", folder, zone);
    TRY(read_line(path, name, sizeof name));
    if (strncmp(name, "package", strlen("package")) != 0)
        return STATUS_OK;
    if (counter->count == ENERGY_MAX_PACKAGES)
        return fail("%s has more than %d packages", folder, ENERGY_MAX_PACKAGES);
    struct energy_package package;
    snprintf(path, sizeof path, "%.160s/%.40s/max_energy_range_uj", folder, zone);
    TRY(read_number(path, &package.all));
    snprintf(package.path, sizeof package.path, "%.160s/%.40s/energy_uj", folder, zone);
    TRY(read_number(package.path, &package.last));
    counter->packages[counter->count++] = package;
    return STATUS_OK;
}

status energy_open(const char *folder, struct energy_counter *counter) {
    const char *chosen = folder ? folder : getenv("STARCL_POWERCAP");
    const char *path = chosen ? chosen : "/sys/class/powercap";
    status outcome = STATUS_OK;
    *counter = (struct energy_counter){0};
    DIR *directory = opendir(path);
    for (struct dirent *entry; outcome == STATUS_OK && directory && (entry = readdir(directory));)
        if (is_zone(entry->d_name))
            outcome = add_package(counter, path, entry->d_name);
    if (directory)
        closedir(directory);
    if (outcome != STATUS_OK)
        return fail_usage("the energy counter cannot be used: %s", status_message());
    if (counter->count == 0)
        return fail_usage("there is no energy counter: %s has no intel-rapl:N of a processor package", path);
    return STATUS_OK;
}

status energy_read(struct energy_counter *counter, double *microjoules) {
    for (int i = 0; i < counter->count; i++) {
        struct energy_package *package = &counter->packages[i];
        double now;
        TRY(read_number(package->path, &now));
        counter->used += now - package->last + (now < package->last ? package->all : 0);
        package->last = now;
    }
    *microjoules = counter->used;
    return STATUS_OK;
}
