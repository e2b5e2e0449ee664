#include "device/gemm_choice.h"

#include "base/file.h"
#include "base/random.h"
#include "starcl/version.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[GEMM_CLASSES] = {
    "thin",
    "forward",
    "input gradient",
    "weight gradient",
    "large forward",
    "large input gradient",
    "large weight gradient",
};

const char *gemm_class_name(enum gemm_class kind) {
    return class_names[kind];
}

enum gemm_class gemm_class_of(const struct gemm *gemm) {
    enum gemm_class kind = gemm->transpose_a   ? GEMM_WEIGHT_GRADIENT
                           : gemm->transpose_b ? GEMM_INPUT_GRADIENT
                                               : GEMM_FORWARD;
    if (gemm->m <= GEMM_THIN_ROWS && kind != GEMM_WEIGHT_GRADIENT)
        return GEMM_THIN;
    bool large = (double)gemm->m * gemm->n * gemm->k >= (double)GEMM_LARGE_EDGE * GEMM_LARGE_EDGE * GEMM_LARGE_EDGE;
    return large ? kind + (GEMM_LARGE_FORWARD - GEMM_FORWARD) : kind;
}

struct gemm_choice gemm_choice_of(const struct gemm_provider *provider) {
    struct gemm_choice choice = {0};
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        choice.providers[kind] = provider;
    return choice;
}

bool gemm_choice_uses(const struct gemm_choice *choice, const struct gemm_provider *provider) {
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        if (choice->providers[kind] == provider)
            return true;
    return false;
}

cJSON *gemm_blocks_print(const struct block_choice *blocks) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "block_rows", blocks->block_rows);
    cJSON_AddNumberToObject(json, "block_k", blocks->block_k);
    cJSON_AddNumberToObject(json, "tile_columns", blocks->tile_columns);
    cJSON_AddStringToObject(json, "packing", packing_name(blocks->packing));
    return json;
}

static bool parse_size(const cJSON *json, const char *name, int *size) {
    enum { MOST = 1 << 14 };
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, name);
    *size = cJSON_IsNumber(number) ? number->valueint : 0;
    return *size > 0 && *size <= MOST;
}

static bool parse_blocks(const cJSON *json, struct block_choice *blocks) {
    const char *packing = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "packing"));
    *blocks = (struct block_choice){.given = true};
    while (packing && blocks->packing <= PACK_BOTH && strcmp(packing, packing_name(blocks->packing)) != 0)
        blocks->packing++;
    return packing && blocks->packing <= PACK_BOTH && parse_size(json, "block_rows", &blocks->block_rows) &&
           parse_size(json, "block_k", &blocks->block_k) && parse_size(json, "tile_columns", &blocks->tile_columns);
}

static bool parse_tiles(const cJSON *json, struct tile_choice *tiles) {
    *tiles = (struct tile_choice){.given = true};
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const cJSON *which = cJSON_GetObjectItemCaseSensitive(json, class_names[kind]);
        tiles->which[kind] = cJSON_IsNumber(which) ? which->valueint : -1;
        if (tiles->which[kind] < 0 || tiles->which[kind] >= PRODUCT_TILES)
            return false;
    }
    return true;
}

/*
 * {"classes": {"thin": "panel", ...}, "clblast": {...}, "blocks": {...}, "tiles": {"thin": 2, ...}}; the caller deletes
 * it.
 */
static cJSON *print_choice(const struct gemm_choice *choice) {
    cJSON *json = cJSON_CreateObject(), *classes = cJSON_AddObjectToObject(json, "classes");
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        cJSON_AddStringToObject(classes, class_names[kind], choice->providers[kind]->name);
    if (choice->clblast.given)
        cJSON_AddItemToObject(json, "clblast", clblast_parameters_print(&choice->clblast));
    if (choice->blocks.given)
        cJSON_AddItemToObject(json, "blocks", gemm_blocks_print(&choice->blocks));
    cJSON *tiles = choice->tiles.given ? cJSON_AddObjectToObject(json, "tiles") : NULL;
    for (int kind = 0; tiles && kind < GEMM_CLASSES; kind++)
        cJSON_AddNumberToObject(tiles, class_names[kind], choice->tiles.which[kind]);
    return json;
}

static bool parse_choice(const cJSON *json, const struct device_information *device, struct gemm_choice *choice) {
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(json, "classes");
    const cJSON *clblast = cJSON_GetObjectItemCaseSensitive(json, "clblast");
    const cJSON *blocks = cJSON_GetObjectItemCaseSensitive(json, "blocks");
    const cJSON *tiles = cJSON_GetObjectItemCaseSensitive(json, "tiles");
    *choice = (struct gemm_choice){.tuned = true};
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(classes, class_names[kind]));
        choice->providers[kind] = name ? gemm_provider_find(name) : NULL;
        if (!choice->providers[kind])
            return false;
    }
    if (blocks && !parse_blocks(blocks, &choice->blocks))
        return false;
    if (tiles && !parse_tiles(tiles, &choice->tiles))
        return false;
    return !clblast ||
           (clblast_parameters_parse(clblast, &choice->clblast) && clblast_parameters_fit(&choice->clblast, device));
}

const char *gemm_choice_describe(const struct gemm_choice *choice, char name[GEMM_CHOICE_NAME_BYTES]) {
    if (!choice->tuned)
        return choice->providers[0]->name;
    cJSON *json = print_choice(choice);
    char *text = cJSON_PrintUnformatted(json);
    bool panel = gemm_choice_uses(choice, &gemm_panel), tiles = gemm_choice_uses(choice, &gemm_tiles);
    bool clblast = gemm_choice_uses(choice, &gemm_clblast);
    snprintf(name, GEMM_CHOICE_NAME_BYTES, "tuned %08llx: %s%s%s%s",
             (unsigned long long)(hash_text(HASH_START, text) & 0xffffffff),
             panel   ? "panel"
             : tiles ? "tiles"
                     : "",
             (panel || tiles) && clblast ? ", " : "", clblast ? "clblast" : "",
             choice->clblast.given ? " with parameters" : "");
    cJSON_free(text);
    cJSON_Delete(json);
    return name;
}

/* ---- the file ---- */

/* What a choice is for; the file says it again, so that a collision of its name's hash is harmless. */
static const struct {
    const char *name;
    size_t offset;
} keys[] = {
    {"platform", offsetof(struct device_information, platform_name)},
    {"device", offsetof(struct device_information, model)},
    {"driver", offsetof(struct device_information, driver)},
};
enum { KEYS = sizeof keys / sizeof *keys };

static const char *key_text(const struct device_information *device, int key) {
    return (const char *)device + keys[key].offset;
}

static status choice_path(const struct device_information *device, char *path, size_t path_bytes) {
    char directory[PATH_MAX - 64];
    TRY(file_cache_directory("tuning", directory, sizeof directory));
    uint64_t hash = hash_text(HASH_START, STAR_VERSION);
    for (int key = 0; key < KEYS; key++)
        hash = hash_text(hash, key_text(device, key));
    snprintf(path, path_bytes, "%s/gemm-%016llx.json", directory, (unsigned long long)hash);
    return STATUS_OK;
}

static bool is_text(const cJSON *json, const char *name, const char *expected) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return text && strcmp(text, expected) == 0;
}

bool gemm_choice_read(const struct device_information *device, struct gemm_choice *choice) {
    char path[PATH_MAX], *text = NULL;
    size_t length;
    if (choice_path(device, path, sizeof path) != STATUS_OK || !file_exists(path) ||
        file_read(path, &text, &length) != STATUS_OK)
        return false;
    cJSON *json = cJSON_Parse(text);
    bool known = json && is_text(json, "starcl", STAR_VERSION);
    for (int key = 0; key < KEYS; key++)
        known = known && is_text(json, keys[key].name, key_text(device, key));
    known = known && parse_choice(json, device, choice);
    cJSON_Delete(json);
    free(text);
    return known;
}

status gemm_choice_write(const struct device_information *device, const struct gemm_choice *choice, char *path,
                         size_t path_bytes) {
    char own_path[PATH_MAX];
    TRY(choice_path(device, own_path, sizeof own_path));
    cJSON *json = print_choice(choice);
    cJSON_AddStringToObject(json, "starcl", STAR_VERSION);
    for (int key = 0; key < KEYS; key++)
        cJSON_AddStringToObject(json, keys[key].name, key_text(device, key));
    char *text = cJSON_Print(json);
    status outcome = file_write(own_path, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    if (path)
        snprintf(path, path_bytes, "%s", own_path);
    return outcome;
}
