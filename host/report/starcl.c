/* The public interface, in terms of the rooms. */
#include "starcl/starcl.h"

#include "base/memory.h"
#include "device/discover.h"
#include "report/devices.h"
#include "report/front.h"
#include "run/search.h"

#include <stdlib.h>

const char *star_message(void) {
    return status_message();
}

/* A stream that writes into *text; capture_end() completes it, or takes it back after a failure. */
struct capture {
    FILE *stream;
    size_t bytes;
};

static status capture_begin(struct capture *capture, char **text) {
    *text = NULL;
    capture->stream = open_memstream(text, &capture->bytes);
    return capture->stream ? STATUS_OK : fail("the host has no memory left");
}

static status capture_end(struct capture *capture, status outcome, char **text) {
    fclose(capture->stream);
    if (outcome != STATUS_OK) {
        free(*text);
        *text = NULL;
    }
    return outcome;
}

int star_devices(char **json) {
    struct device_list list;
    const struct device_information *chosen;
    struct capture capture;
    TRY(capture_begin(&capture, json));
    status outcome = device_list_create(&list);
    if (outcome == STATUS_OK) {
        outcome = device_choose(&list, NULL, &chosen, NULL);
        if (outcome == STATUS_OK)
            report_devices_json(&list, chosen, capture.stream);
        device_list_destroy(&list);
    }
    return capture_end(&capture, outcome, json);
}

int star_search(const char *config_path, const char *const *assignments, int count, const char *run_path, char *path,
                size_t path_bytes) {
    struct run_config *config = memory_allocate(1, sizeof *config);
    status outcome = config_load(config_path, assignments, count, true, config);
    if (path_bytes > 0)
        path[0] = '\0';
    if (outcome == STATUS_OK)
        outcome = search_start(config, run_path, path, path_bytes);
    free(config);
    return outcome;
}

int star_resume(const char *run_path) {
    return search_resume(run_path);
}

int star_front(const char *run_path, char **json) {
    struct store *store;
    struct capture capture;
    TRY(capture_begin(&capture, json));
    status outcome = store_open(run_path, false, &store);
    if (outcome == STATUS_OK) {
        outcome = report_front_json(store, capture.stream);
        store_close(store);
    }
    return capture_end(&capture, outcome, json);
}

static status describe(const char *genome_text, const char *config_path, FILE *out) {
    static struct run_config config;
    static struct catalogue catalogue;
    struct genome genome;
    TRY(genome_parse(genome_text, &genome));
    TRY(config_load(config_path, NULL, 0, false, &config));
    TRY(catalogue_read(config.model.catalogue, &catalogue));
    return report_architecture(&genome, &catalogue, &config, true, out);
}

int star_architecture(const char *genome, const char *config_path, char **json) {
    struct capture capture;
    TRY(capture_begin(&capture, json));
    return capture_end(&capture, describe(genome, config_path, capture.stream), json);
}
