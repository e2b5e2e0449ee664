#include "report/doctor.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "device/device.h"
#include "device/drivers.h"
#include "device/program_cache.h"
#include "run/folder.h"
#include "run/store.h"

#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kind_names[FINDING_KINDS] = {"good", "note", "problem"};

/* `remedy` is copied. */
static void add(struct findings *findings, enum finding_kind kind, const char *subject, const char *remedy,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void add(struct findings *findings, enum finding_kind kind, const char *subject, const char *remedy,
                const char *format, ...) {
    char words[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    findings->findings = memory_resize(findings->findings, (size_t)findings->count + 1, sizeof *findings->findings);
    struct finding *finding = &findings->findings[findings->count++];
    *finding = (struct finding){
        .kind = kind, .words = memory_copy_text(words), .remedy = remedy ? memory_copy_text(remedy) : NULL};
    snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    findings->problems += kind == FINDING_PROBLEM;
}

void findings_free(struct findings *findings) {
    for (int i = 0; i < findings->count; i++) {
        free(findings->findings[i].words);
        free(findings->findings[i].remedy);
    }
    free(findings->findings);
    *findings = (struct findings){0};
}

/* ---- drivers and devices ---- */

static void examine_drivers(struct findings *findings) {
    struct driver_list drivers;
    driver_list_create(&drivers);
    if (drivers.count == 0)
        add(findings, FINDING_PROBLEM, "drivers", device_driver_advice, "no OpenCL driver is registered in %s",
            drivers.place);
    for (size_t i = 0; i < drivers.count; i++) {
        const struct driver *driver = &drivers.drivers[i];
        if (*driver->problem)
            add(findings, FINDING_PROBLEM, "driver",
                "Install the driver's package again (`dpkg -S` with this file's name says which), or remove the file",
                "%s: %s cannot be loaded: %s", driver->file, *driver->library ? driver->library : "its library",
                driver->problem);
        else
            add(findings, FINDING_GOOD, "driver", NULL, "%s: %s", driver->file, driver->library);
    }
    driver_list_destroy(&drivers);
}

static void examine_device(const struct device_information *information, struct findings *findings) {
    const cl_ulong little = (cl_ulong)2 << 30;
    char name[640], memory[TEXT_NUMBER_BYTES];
    struct device *device;
    snprintf(name, sizeof name, "%d.%d %s, %s (driver %s)", information->platform_index, information->device_index,
             device_type_name(information->type), information->name, information->driver);
    text_bytes(memory, (double)information->global_bytes);
    if (!information->usable) {
        add(findings, FINDING_PROBLEM, "device", "Install the driver's compiler, or choose another device",
            "%s is not usable: it is not available, has no compiler, or is big endian", name);
        return;
    }
    if (device_open(information, NULL, &device) != STATUS_OK) {
        add(findings, FINDING_PROBLEM, "device", "Install the driver's package again, or choose another device",
            "%s cannot be opened: %s", name, status_message());
        return;
    }
    device_close(device);
    add(findings, FINDING_GOOD, "device", NULL, "%s with %s", name, memory);
    if (information->global_bytes < little)
        add(findings, FINDING_NOTE, "memory",
            "Candidates that need more are trained in parts or refused: a smaller model.width, model.context or "
            "train.batch needs less, and `starcl search CONFIG --dry-run` says how much",
            "%s has little memory, %s", name, memory);
    if (!information->float64)
        add(findings, FINDING_NOTE, "float64",
            "Nothing is to be done: kernels need none, and checks compute on the host", "%s has no double precision",
            name);
}

static void examine_devices(struct device_list *list, struct findings *findings) {
    const struct device_information *chosen;
    const char *reason;
    char index[DEVICE_INDEX_BYTES];
    for (size_t i = 0; i < list->count; i++)
        examine_device(&list->devices[i], findings);
    if (device_choose(list, NULL, &chosen, &reason) == STATUS_OK)
        add(findings, FINDING_GOOD, "choice", NULL, "%s would be used: %s", device_index(chosen, index), reason);
    else
        add(findings, FINDING_PROBLEM, "choice", *device_words(NULL) ? "Change or unset STARCL_DEVICE" : NULL, "%s",
            status_message());
}

/* Files of a GPU that the user may not open, although they are there. */
static void examine_node(const char *path, struct findings *findings) {
    struct stat state;
    char remedy[256];
    if (stat(path, &state) != 0 || access(path, R_OK | W_OK) == 0)
        return;
    const struct group *group = getgrgid(state.st_gid);
    snprintf(remedy, sizeof remedy, "Join its group, and log in again: sudo usermod -aG %s \"$USER\"",
             group ? group->gr_name : "render");
    add(findings, FINDING_PROBLEM, "permission", remedy, "%s may not be read and written by you", path);
}

static void examine_permissions(struct findings *findings) {
    static const char *const fixed[] = {"/dev/kfd", "/dev/nvidiactl", "/dev/nvidia0"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        examine_node(fixed[i], findings);
    DIR *folder = opendir("/dev/dri");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[sizeof entry->d_name + 16];
        snprintf(path, sizeof path, "/dev/dri/%s", entry->d_name);
        if (strncmp(entry->d_name, "render", strlen("render")) == 0)
            examine_node(path, findings);
    }
    if (folder)
        closedir(folder);
}

/* ---- the cache ---- */

static void examine_cache(const struct device_list *devices, struct findings *findings) {
    static const char remedy[] =
        "Make it writable, or set XDG_CACHE_HOME to a folder that is; until then every process "
        "builds its kernels";
    struct program_cache_survey survey;
    char path[PATH_MAX], command[PATH_MAX + 64], all[TEXT_NUMBER_BYTES], stale[TEXT_NUMBER_BYTES];
    if (file_cache_directory("programs", path, sizeof path) != STATUS_OK) {
        add(findings, FINDING_PROBLEM, "cache", remedy, "kernels cannot be kept: %s", status_message());
        return;
    }
    if (access(path, W_OK | X_OK) != 0) {
        add(findings, FINDING_PROBLEM, "cache", remedy, "kernels cannot be kept: %s cannot be written", path);
        return;
    }
    program_cache_survey(path, devices, &survey);
    add(findings, FINDING_GOOD, "cache", NULL, "%s has %d kernel programs, %s", path, survey.entries,
        text_bytes(all, (double)survey.bytes));
    snprintf(command, sizeof command, "They do no harm. To have the space: rm -r \"%s\"", path);
    if (survey.stale > 0)
        add(findings, FINDING_NOTE, "cache", command,
            "%d of them, %s, are stale: of devices, drivers or versions that are no longer here", survey.stale,
            text_bytes(stale, (double)survey.stale_bytes));
}

/* ---- runs ---- */

static void examine_run(const char *path, struct findings *findings) {
    struct store *store;
    if (store_open(path, false, &store) != STATUS_OK) {
        /* A URL may hold a password; the message names it where it does not. */
        const char *named = store_is_url(path) ? "it" : path;
        add(findings, FINDING_PROBLEM, "run", NULL, "%s cannot be read: %s", named, status_message());
        return;
    }
    store_close(store);
    add(findings, FINDING_GOOD, "run", NULL, "%s can be read", path);
}

/* A run on a server: whether it can be read, and whether somebody works in it. */
static void examine_server(const char *url, struct findings *findings) {
    struct store *store;
    char remedy[PATH_MAX + 128];
    examine_run(url, findings);
    status outcome = store_open(url, true, &store);
    if (outcome == STATUS_OK) {
        snprintf(remedy, sizeof remedy, "To go on with it: starcl resume '%s'", store_path(store));
        add(findings, FINDING_GOOD, "database", remedy, "%s is a run, and no process works in it", store_path(store));
        store_close(store);
        return;
    }
    add(findings, FINDING_PROBLEM, "database",
        "The message says what to do; where another starcl works in it, wait until it ends or stop it with Ctrl-C "
        "there",
        "%s", status_message());
}

static void examine_folder(const char *path, struct findings *findings) {
    const struct folder_kind *kinds[] = {&folder_of_search, &folder_of_training}, *kind = NULL;
    struct folder *folder;
    char remedy[PATH_MAX + 128], marker[PATH_MAX + 32];
    for (int i = 0; i < 2; i++) {
        snprintf(marker, sizeof marker, "%s/%s", path, kinds[i]->marker);
        if (!kind && file_exists(marker))
            kind = kinds[i];
    }
    if (!kind) {
        add(findings, FINDING_PROBLEM, "folder", "Name a folder that `starcl search` or `starcl train` has made",
            "%s is neither a run nor a training", path);
        return;
    }
    if (kind == &folder_of_search)
        examine_run(path, findings);
    if (folder_open(kind, path, &folder) == STATUS_OK) {
        folder_close(folder);
        snprintf(remedy, sizeof remedy, "To go on with it: %s %s", kind->resume, path);
        add(findings, FINDING_GOOD, "folder", remedy, "%s is %s, and no process works in it", path, kind->what);
        return;
    }
    snprintf(remedy, sizeof remedy,
             "Wait until it ends, or stop it with Ctrl-C there (`fuser %s/lock` says which process); what it has done "
             "is kept",
             path);
    add(findings, FINDING_PROBLEM, "folder", remedy, "%s", status_message());
}

/* ---- all ---- */

void doctor_examine(const char *const *folders, int folder_count, struct findings *findings) {
    struct device_list devices;
    *findings = (struct findings){0};
    examine_drivers(findings);
    if (device_list_create(&devices) == STATUS_OK)
        examine_devices(&devices, findings);
    else
        add(findings, FINDING_PROBLEM, "devices", NULL, "%s", status_message());
    examine_permissions(findings);
    examine_cache(&devices, findings);
    device_list_destroy(&devices);
    for (int i = 0; i < folder_count; i++)
        (store_is_url(folders[i]) ? examine_server : examine_folder)(folders[i], findings);
}

void report_findings(const struct findings *findings, FILE *out) {
    for (int i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->findings[i];
        bool alarms = finding->kind == FINDING_PROBLEM;
        fprintf(out, "%s%-8s%s %-10s %s\n", alarms ? terminal_begin(TERMINAL_ALARM, out) : "",
                kind_names[finding->kind], alarms ? terminal_end(out) : "", finding->subject, finding->words);
        if (finding->remedy)
            fprintf(out, "%-19s -> %s\n", "", finding->remedy);
    }
    if (findings->problems == 0)
        fprintf(out, "\nNothing stands in the way.\n");
}

void report_findings_json(const struct findings *findings, FILE *out) {
    cJSON *json = cJSON_CreateArray();
    for (int i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->findings[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "kind", kind_names[finding->kind]);
        cJSON_AddStringToObject(item, "subject", finding->subject);
        cJSON_AddStringToObject(item, "found", finding->words);
        if (finding->remedy)
            cJSON_AddStringToObject(item, "remedy", finding->remedy);
        cJSON_AddItemToArray(json, item);
    }
    json_print(json, out);
}
