#include "base/settings.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfig parses in a locale of its own and then leaves the thread with the program's, whatever it had before. */
static bool read_string(config_t *config, const char *text) {
    locale_t before = uselocale((locale_t)0);
    bool parsed = config_read_string(config, text) == CONFIG_TRUE;
    uselocale(before);
    return parsed;
}

status settings_read_text(const char *name, const char *text, struct settings *settings) {
    config_init(&settings->config);
    settings->name = memory_copy_text(name);
    if (read_string(&settings->config, text))
        return STATUS_OK;
    status outcome =
        fail_usage("%s:%d: %s", name, config_error_line(&settings->config), config_error_text(&settings->config));
    settings_destroy(settings);
    return outcome;
}

status settings_read_file(const char *path, struct settings *settings) {
    char *text;
    size_t length;
    status outcome = file_read(path, &text, &length);
    if (outcome != STATUS_OK)
        return fail_usage("%s", status_message());
    outcome = strlen(text) == length ? settings_read_text(path, text, settings)
                                     : fail_usage("%s is not a config file: it holds zero bytes", path);
    free(text);
    return outcome;
}

void settings_destroy(struct settings *settings) {
    if (!settings->name)
        return;
    config_destroy(&settings->config);
    free(settings->name);
    settings->name = NULL;
}

static void append_path(const config_setting_t *setting, struct text *path) {
    if (config_setting_is_root(setting))
        return;
    append_path(config_setting_parent(setting), path);
    if (config_setting_name(setting))
        text_append(path, "%s%s", path->length ? "." : "", config_setting_name(setting));
    else
        text_append(path, "[%d]", config_setting_index(setting));
}

status settings_refuse(const struct settings *settings, const config_setting_t *setting, const char *format, ...) {
    char words[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    struct text path = {0};
    append_path(setting, &path);
    unsigned line = config_setting_source_line(setting);
    status outcome;
    if (!path.text)
        outcome = fail_usage("%s: %s", settings->name, words);
    else if (line == 0)
        outcome = fail_usage("--set %s: %s", path.text, words);
    else
        outcome = fail_usage("%s:%u: %s: %s", settings->name, line, path.text, words);
    text_free(&path);
    return outcome;
}

status settings_only(const struct settings *settings, const config_setting_t *group, const char *const *keys,
                     size_t count) {
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(member);
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known = known || strcmp(name, keys[k]) == 0;
        if (known)
            continue;
        const char *nearest = text_nearest(name, keys, count);
        struct text all = {0};
        for (size_t k = 0; k < count; k++)
            text_append(&all, "%s%s", k ? ", " : "", keys[k]);
        status outcome =
            settings_refuse(settings, member, "unknown key%s%s%s; allowed here: %s", nearest ? ", did you mean '" : "",
                            nearest ? nearest : "", nearest ? "'?" : "", all.text ? all.text : "nothing");
        text_free(&all);
        return outcome;
    }
    return STATUS_OK;
}

static const char *type_name(const config_setting_t *setting) {
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "an integer";
    case CONFIG_TYPE_FLOAT:
        return "a number";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_GROUP:
        return "a group";
    default:
        return "a list";
    }
}

status settings_integer(const struct settings *settings, const config_setting_t *setting, long long least,
                        long long most, long long *value) {
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return settings_refuse(settings, setting, "must be an integer from %lld to %lld, not %s", least, most,
                               type_name(setting));
    long long read = config_setting_get_int64(setting);
    if (read < least || read > most)
        return settings_refuse(settings, setting, "%lld is out of range; allowed: %lld to %lld", read, least, most);
    *value = read;
    return STATUS_OK;
}

status settings_number(const struct settings *settings, const config_setting_t *setting, double least, double most,
                       double *value) {
    double read;
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_FLOAT:
        read = config_setting_get_float(setting);
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        read = (double)config_setting_get_int64(setting);
        break;
    default:
        return settings_refuse(settings, setting, "must be a number from %g to %g, not %s", least, most,
                               type_name(setting));
    }
    if (!(read >= least && read <= most))
        return settings_refuse(settings, setting, "%g is out of range; allowed: %g to %g", read, least, most);
    *value = read;
    return STATUS_OK;
}

status settings_text(const struct settings *settings, const config_setting_t *setting, const char **value) {
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        return settings_refuse(settings, setting, "must be a string in quotes, not %s", type_name(setting));
    *value = config_setting_get_string(setting);
    return STATUS_OK;
}

status settings_choice(const struct settings *settings, const config_setting_t *setting, const char *const *choices,
                       size_t count, int *index) {
    const char *word = NULL;
    TRY(settings_text(settings, setting, &word));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, choices[i]) == 0) {
            *index = (int)i;
            return STATUS_OK;
        }
    }
    struct text all = {0};
    for (size_t i = 0; i < count; i++)
        text_append(&all, "%s\"%s\"", i ? ", " : "", choices[i]);
    const char *nearest = text_nearest(word, choices, count);
    status outcome =
        settings_refuse(settings, setting, "\"%s\" is not known%s%s%s; allowed: %s", word,
                        nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "", all.text);
    text_free(&all);
    return outcome;
}

status settings_list(const struct settings *settings, const config_setting_t *setting, int count) {
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_LIST && type != CONFIG_TYPE_ARRAY)
        return settings_refuse(settings, setting, "must be a list in ( ) or [ ], not %s", type_name(setting));
    if (count && config_setting_length(setting) != count)
        return settings_refuse(settings, setting, "must have %d elements, not %d", count,
                               config_setting_length(setting));
    return STATUS_OK;
}

status settings_member(const struct settings *settings, const config_setting_t *group, const char *key,
                       const config_setting_t **member) {
    *member = config_setting_get_member(group, key);
    if (!*member)
        return settings_refuse(settings, group, "the key '%s' is missing", key);
    return STATUS_OK;
}

/* Copies a parsed value to `name` under `parent`; lists and arrays element by element. */
static config_setting_t *copy_setting(config_setting_t *parent, const char *name, const config_setting_t *from) {
    int type = config_setting_type(from);
    config_setting_t *to = config_setting_add(parent, name, type);
    if (!to)
        return NULL;
    switch (type) {
    case CONFIG_TYPE_INT:
        config_setting_set_int(to, config_setting_get_int(from));
        break;
    case CONFIG_TYPE_INT64:
        config_setting_set_int64(to, config_setting_get_int64(from));
        break;
    case CONFIG_TYPE_FLOAT:
        config_setting_set_float(to, config_setting_get_float(from));
        break;
    case CONFIG_TYPE_STRING:
        config_setting_set_string(to, config_setting_get_string(from));
        break;
    case CONFIG_TYPE_BOOL:
        config_setting_set_bool(to, config_setting_get_bool(from));
        break;
    default:
        for (int i = 0; i < config_setting_length(from); i++) {
            const config_setting_t *element = config_setting_get_elem(from, (unsigned)i);
            if (!copy_setting(to, config_setting_name(element), element))
                return NULL;
        }
    }
    return to;
}

static status assign_parsed(struct settings *settings, const char *path, const config_setting_t *value) {
    char part[128];
    config_setting_t *group = config_root_setting(&settings->config);
    for (const char *rest = path;; rest += strcspn(rest, ".") + 1) {
        size_t length = strcspn(rest, ".");
        if (length == 0 || length >= sizeof part)
            return fail_usage("--set %s: a path looks like model.width", path);
        memcpy(part, rest, length);
        part[length] = '\0';
        config_setting_t *member = config_setting_get_member(group, part);
        if (rest[length] == '\0') {
            if (member)
                config_setting_remove(group, part);
            if (!copy_setting(group, part, value))
                return fail_usage("--set %s: the name '%s' or the value cannot be used", path, part);
            return STATUS_OK;
        }
        if (!member)
            member = config_setting_add(group, part, CONFIG_TYPE_GROUP);
        if (!member || !config_setting_is_group(member))
            return fail_usage("--set %s: '%s' is not a group", path, part);
        group = member;
    }
}

/* The value of "value = <quote><text><quote>;" as libconfig reads it, or NULL. */
static config_setting_t *parse_value(config_t *config, const char *text, const char *quote) {
    struct text line = {0};
    text_append(&line, "value = %s%s%s;", quote, text, quote);
    bool parsed = read_string(config, line.text) && config_setting_length(config_root_setting(config)) == 1;
    text_free(&line);
    return parsed ? config_lookup(config, "value") : NULL;
}

status settings_assign(struct settings *settings, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return fail_usage("--set %s: write it as path=value, for example --set model.width=64", assignment);
    char *path = memory_copy_text(assignment);
    path[equals - assignment] = '\0';
    config_t parsed;
    config_init(&parsed);
    config_setting_t *value = parse_value(&parsed, equals + 1, "");
    if (!value) {
        /* Not a value of libconfig: a string, so that paths need no quotes. */
        struct text escaped = {0};
        for (const char *c = equals + 1; *c; c++)
            text_append(&escaped, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        value = parse_value(&parsed, escaped.text ? escaped.text : "", "\"");
        text_free(&escaped);
    }
    status outcome =
        value ? assign_parsed(settings, path, value) : fail_usage("--set %s: the value does not parse", assignment);
    config_destroy(&parsed);
    free(path);
    return outcome;
}
