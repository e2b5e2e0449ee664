#include "test.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/settings.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- status ---- */

static status fails_deep_down(void) {
    return fail("no %s", "paper");
}

static void test_status(void **unused) {
    (void)unused;
    assert_fails(fails_deep_down(), STATUS_FAILED, "no paper");
    assert_fails(fail_while(fails_deep_down(), "printing page %d", 3), STATUS_FAILED, "printing page 3: no paper");
    /* A message may quote the one before it. */
    assert_fails(fail_usage("again: %s", status_message()), STATUS_USAGE, "again: printing page 3: no paper");
}

static void test_failure_kind(void **unused) {
    (void)unused;
    assert_fails(fail_as(FAILURE_TRANSIENT, "lost %d", 1), STATUS_FAILED, "lost 1");
    assert_int_equal(failure_kind(), FAILURE_TRANSIENT);
    assert_fails(fail_while(STATUS_FAILED, "running"), STATUS_FAILED, "running: lost 1");
    assert_int_equal(failure_kind(), FAILURE_TRANSIENT);
    assert_fails(fail("no paper"), STATUS_FAILED, "no paper");
    assert_int_equal(failure_kind(), FAILURE_PLAIN);
    assert_fails(fail_as(FAILURE_DEVICE, "refused"), STATUS_FAILED, "refused");
    assert_int_equal(failure_kind(), FAILURE_DEVICE);
    assert_fails(fail_interrupted(), STATUS_INTERRUPTED, "interrupted");
    assert_int_equal(failure_kind(), FAILURE_PLAIN);
}

/* ---- text ---- */

static void test_nearest(void **unused) {
    (void)unused;
    const char *words[] = {"width", "depth", "context", "head_channels"};
    assert_string_equal(text_nearest("widht", words, 4), "width");
    assert_string_equal(text_nearest("heads_channel", words, 4), "head_channels");
    assert_string_equal(text_nearest("Depth", words, 4), "depth");
    assert_null(text_nearest("zzz", words, 4));
    assert_null(text_nearest("", words, 0));
}

static void test_numbers(void **unused) {
    (void)unused;
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(text_bytes(buffer, 512), "512 B");
    assert_string_equal(text_bytes(buffer, 1536), "1.5 KiB");
    assert_string_equal(text_bytes(buffer, 3.0 * 1024 * 1024), "3.0 MiB");
    assert_string_equal(text_count(buffer, 999), "999");
    assert_string_equal(text_count(buffer, 146432), "146k");
    assert_string_equal(text_count(buffer, 1.25e6), "1.25M");
    assert_string_equal(text_duration(buffer, 59.4), "59 s");
    assert_string_equal(text_duration(buffer, 200), "3 min 20 s");
    assert_string_equal(text_duration(buffer, 7500), "2 h 05 min");
    int64_t integer;
    double number;
    assert_int_equal(text_parse_integer("42", &integer), 0);
    assert_int_equal(integer, 42);
    assert_int_equal(text_parse_integer("42x", &integer), -1);
    assert_int_equal(text_parse_integer("", &integer), -1);
    assert_int_equal(text_parse_integer(" 1", &integer), -1);
    assert_int_equal(text_parse_integer("99999999999999999999", &integer), -1);
    assert_int_equal(text_parse_number("1e-3", &number), 0);
    assert_true(number == 1e-3);
    assert_int_equal(text_parse_number("nan", &number), -1);
}

/* The shortest decimal that reads back as the same double: no shorter one does, and this one does. */
static void test_exact_numbers(void **unused) {
    (void)unused;
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(text_exact(buffer, 0.1), "0.1");
    assert_string_equal(text_exact(buffer, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(text_exact(buffer, 1.0 / 3), "0.3333333333333333");
    assert_string_equal(text_exact(buffer, 8e-4), "0.0008");
    assert_string_equal(text_exact(buffer, 1e-6), "1e-06");
    assert_string_equal(text_exact(buffer, 20), "20.0");
    assert_string_equal(text_exact(buffer, 1e6), "1000000.0");
    assert_string_equal(text_exact(buffer, 5e-324), "5e-324");
    assert_string_equal(text_exact(buffer, -DBL_MAX), "-1.7976931348623157e+308");
    assert_string_equal(text_exact(buffer, 0), "0.0");
    struct random_stream random = random_open(3, 4);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)random_word(&random) << 32 | random_word(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        double back = strtod(text_exact(buffer, value), NULL);
        if (memcmp(&back, &value, sizeof value) != 0)
            fail_test("%.17g is printed as %s", value, buffer);
        if (!strpbrk(buffer, ".e"))
            fail_test("%s would be read as an integer", buffer);
    }
}

/* ---- random ---- */

/* The known answer of Random123's own tests for counter and key zero. */
static void test_philox(void **unused) {
    (void)unused;
    struct random_stream random = random_open(0, 0);
    assert_int_equal(random_word(&random), 0x6627e8d5);
    assert_int_equal(random_word(&random), 0xe169c58d);
    assert_int_equal(random_word(&random), 0xbc57ac4c);
    assert_int_equal(random_word(&random), 0x9b00dbd8);
}

static void test_distributions(void **unused) {
    (void)unused;
    enum { COUNT = 60000 };
    struct random_stream random = random_open(1, 2);
    int counts[6] = {0};
    for (int i = 0; i < COUNT; i++)
        counts[random_below(&random, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], COUNT / 6 - 500, COUNT / 6 + 500);
    float *values = memory_allocate(COUNT, sizeof *values);
    random_normal(&random, values, COUNT, 2);
    double sum = 0, squares = 0;
    for (int i = 0; i < COUNT; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    assert_true(fabs(sum / COUNT) < 0.04);
    assert_true(fabs(sqrt(squares / COUNT) - 2) < 0.04);
    free(values);
    assert_int_equal(random_below_long(&random, 1), 0);
}

/* ---- files ---- */

static char folder[TEST_PATH_BYTES];

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder);
}

static int remove_folder(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

static void test_files(void **unused) {
    (void)unused;
    char path[96], *bytes;
    size_t length;
    snprintf(path, sizeof path, "%s/a/b", folder);
    assert_ok(file_make_directory(path));
    assert_ok(file_make_directory(path));
    assert_true(file_is_directory(path));
    snprintf(path, sizeof path, "%s/a/b/c", folder);
    assert_ok(file_write(path, "first", 5));
    assert_ok(file_write(path, "second", 6));
    assert_ok(file_read(path, &bytes, &length));
    assert_int_equal(length, 6);
    assert_string_equal(bytes, "second");
    free(bytes);
    assert_fails(file_make_directory(path), STATUS_FAILED, "a file of that name exists");
    snprintf(path, sizeof path, "%s/none/c", folder);
    assert_fails(file_write(path, "x", 1), STATUS_FAILED, "No such file");
    assert_fails(file_read(path, &bytes, &length), STATUS_FAILED, path);
}

static void assert_content(const char *path, const char *expected) {
    char *bytes;
    size_t length;
    assert_ok(file_read(path, &bytes, &length));
    assert_int_equal(length, strlen(expected));
    assert_string_equal(bytes, expected);
    free(bytes);
}

/* Names in a folder, itself and its parent not counted. */
static int count_names(const char *path) {
    DIR *directory = opendir(path);
    int count = -2;
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* A new file is complete, and takes the place of nothing: the link leads to no file, so that only naming the new one
 * meets it, as it would meet a file that came while it was written. */
static void test_new_file(void **unused) {
    (void)unused;
    char own[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 8];
    assert_int_equal(test_make_folder(own), 0);
    snprintf(path, sizeof path, "%s/new", own);
    assert_ok(file_write_new(path, "first", 5));
    assert_content(path, "first");
    assert_fails(file_write_new(path, "second", 6), STATUS_USAGE, "exists already, and nothing is overwritten");
    assert_fails(file_write_new(own, "second", 6), STATUS_USAGE, "exists already");
    assert_content(path, "first");
    assert_int_equal(count_names(own), 1);
    snprintf(path, sizeof path, "%s/link", own);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_fails(file_write_new(path, "third", 5), STATUS_USAGE, "exists already");
    assert_int_equal(count_names(own), 2);
    snprintf(path, sizeof path, "%s/no/x", own);
    assert_fails(file_write_new(path, "x", 1), STATUS_USAGE, "there is no folder");
    assert_int_equal(test_remove_folder(own), 0);
}

/* A pipe gets the bytes, and stays one. */
static void test_file_in_place(void **unused) {
    (void)unused;
    char own[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 8], read_back[8] = "";
    struct stat information;
    assert_int_equal(test_make_folder(own), 0);
    snprintf(path, sizeof path, "%s/pipe", own);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_NONBLOCK);
    assert_ok(file_write(path, "bytes", 5));
    assert_int_equal(read(reader, read_back, sizeof read_back), 5);
    assert_string_equal(read_back, "bytes");
    close(reader);
    assert_int_equal(stat(path, &information), 0);
    assert_true(S_ISFIFO(information.st_mode));
    assert_int_equal(test_remove_folder(own), 0);
}

static void test_file_writer(void **unused) {
    (void)unused;
    char path[TEST_PATH_BYTES + 16], inside[TEST_PATH_BYTES + 16];
    snprintf(inside, sizeof inside, "%s/writer", folder);
    snprintf(path, sizeof path, "%s/text", inside);
    assert_ok(file_make_directory(inside));
    struct file_writer *writer;
    assert_ok(file_write(path, "old", 3));
    assert_ok(file_writer_open(path, &writer));
    assert_ok(file_writer_append(writer, "new ", 4));
    assert_content(path, "old");
    assert_ok(file_writer_append(writer, "content", 7));
    assert_content(path, "old");
    assert_ok(file_writer_commit(writer));
    assert_content(path, "new content");
    assert_int_equal(count_names(inside), 1);
    /* What is abandoned leaves nothing behind. */
    assert_ok(file_writer_open(path, &writer));
    assert_ok(file_writer_append(writer, "half", 4));
    assert_int_equal(count_names(inside), 2);
    file_writer_abandon(writer);
    assert_content(path, "new content");
    assert_int_equal(count_names(inside), 1);
    /* What cannot take the name leaves nothing behind either. */
    assert_fails(file_write(inside, "x", 1), STATUS_FAILED, "cannot write");
    assert_int_equal(count_names(inside), 1);
    /* A name without a folder is in this one. */
    char here[1024];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(inside), 0);
    assert_ok(file_write("text", "here", 4));
    assert_int_equal(chdir(here), 0);
    assert_content(path, "here");
    /* A disk that takes eight bytes more. */
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 8, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    status outcome = file_write(path, "more than eight bytes", 21);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_fails(outcome, STATUS_FAILED, "File too large");
    assert_content(path, "here");
    assert_int_equal(count_names(inside), 1);
}

/* Nobody else has them; without a place they are none, and the name is empty. */
static void test_temporary_files(void **unused) {
    (void)unused;
    char first[PATH_MAX], second[PATH_MAX], third[PATH_MAX];
    setenv("TMPDIR", folder, 1);
    assert_ok(file_temporary_directory("work", first));
    assert_ok(file_temporary_directory("work", second));
    assert_ok(file_temporary("text", third));
    assert_string_not_equal(first, second);
    assert_true(file_is_directory(first) && file_is_directory(second) && !file_is_directory(third));
    assert_memory_equal(file_name(first), "starcl-work-", 12);
    assert_memory_equal(file_name(third), "starcl-text-", 12);
    assert_memory_equal(first, folder, strlen(folder));
    assert_string_equal(file_name("no-folder"), "no-folder");
    assert_int_equal(rmdir(first) | rmdir(second) | unlink(third), 0);
    setenv("TMPDIR", "/proc/none", 1);
    assert_fails(file_temporary_directory("work", first), STATUS_FAILED, "TMPDIR may name another place");
    assert_fails(file_temporary("text", third), STATUS_FAILED, "for the text");
    assert_true(*first == '\0' && *third == '\0');
    unsetenv("TMPDIR");
}

/* cJSON's own numbers lose digits; these are read back bit for bit. */
static void test_json_numbers(void **unused) {
    (void)unused;
    const double numbers[] = {0.1 + 0.2, 1e-308, 4.3430042736639374, 1259877326730561.0, -0.0, DBL_MAX, DBL_TRUE_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char *text = json_take_text(json_exact(numbers[i]));
        cJSON *json = cJSON_Parse(text);
        double read = cJSON_GetNumberValue(json);
        assert_memory_equal(&read, &numbers[i], sizeof read);
        cJSON_Delete(json);
        free(text);
    }
    char *none = json_take_text(json_exact(INFINITY));
    assert_string_equal(none, "null");
    free(none);
}

static void test_cache_directory(void **unused) {
    (void)unused;
    char path[256], expected[96];
    snprintf(expected, sizeof expected, "%s/starcl/things", folder);
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_ok(file_cache_directory("things", path, sizeof path));
    assert_string_equal(path, expected);
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    assert_fails(file_cache_directory("things", path, sizeof path), STATUS_FAILED, "/proc/nowhere");
    unsetenv("XDG_CACHE_HOME");
}

/* ---- settings ---- */

static const char SETTINGS[] = "model = {\n  width = 64;\n  name = \"x\";\n  list = [ 1, 2 ];\n};\n";

static const config_setting_t *lookup(const struct settings *settings, const char *path) {
    const config_setting_t *setting = config_lookup(&settings->config, path);
    assert_non_null(setting);
    return setting;
}

static void test_settings(void **unused) {
    (void)unused;
    struct settings settings;
    long long integer;
    double number;
    const char *text, *choices[] = {"y", "z"}, *keys[] = {"width", "name"};
    int index;
    assert_ok(settings_read_text("a.cfg", SETTINGS, &settings));
    assert_ok(settings_integer(&settings, lookup(&settings, "model.width"), 1, 64, &integer));
    assert_int_equal(integer, 64);
    assert_fails(settings_integer(&settings, lookup(&settings, "model.width"), 1, 63, &integer), STATUS_USAGE,
                 "a.cfg:2: model.width: 64 is out of range; allowed: 1 to 63");
    assert_fails(settings_integer(&settings, lookup(&settings, "model.name"), 1, 63, &integer), STATUS_USAGE,
                 "a.cfg:3: model.name: must be an integer from 1 to 63, not a string");
    assert_ok(settings_number(&settings, lookup(&settings, "model.width"), 0, 100, &number));
    assert_fails(settings_text(&settings, lookup(&settings, "model.width"), &text), STATUS_USAGE, "must be a string");
    assert_fails(settings_choice(&settings, lookup(&settings, "model.name"), choices, 2, &index), STATUS_USAGE,
                 "\"x\" is not known, did you mean \"y\"?; allowed: \"y\", \"z\"");
    assert_fails(settings_only(&settings, lookup(&settings, "model"), keys, 2), STATUS_USAGE,
                 "a.cfg:4: model.list: unknown key");
    assert_fails(settings_list(&settings, lookup(&settings, "model.list"), 3), STATUS_USAGE,
                 "must have 3 elements, not 2");
    settings_destroy(&settings);
    assert_fails(settings_read_text("b.cfg", "model = {\n width 64;\n}", &settings), STATUS_USAGE, "b.cfg:2: ");
    assert_fails(settings_read_file("/nowhere.cfg", &settings), STATUS_USAGE, "/nowhere.cfg");
}

/* Reading leaves the locale of its thread as it was, which a library's caller may have set. */
static void test_settings_locale(void **unused) {
    (void)unused;
    struct settings settings;
    locale_t own = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
    assert_true(own != (locale_t)0);
    locale_t before = uselocale(own);
    assert_ok(settings_read_text("a.cfg", SETTINGS, &settings));
    bool kept = uselocale((locale_t)0) == own;
    assert_ok(settings_assign(&settings, "model.scale=0.5"));
    kept = kept && uselocale((locale_t)0) == own;
    uselocale(before);
    freelocale(own);
    settings_destroy(&settings);
    assert_true(kept);
}

static void test_assignments(void **unused) {
    (void)unused;
    struct settings settings;
    long long integer;
    const char *text;
    assert_ok(settings_read_text("a.cfg", SETTINGS, &settings));
    assert_ok(settings_assign(&settings, "model.width=32"));
    assert_ok(settings_integer(&settings, lookup(&settings, "model.width"), 1, 64, &integer));
    assert_int_equal(integer, 32);
    assert_ok(settings_assign(&settings, "data.path=../some \"text\".txt"));
    assert_ok(settings_text(&settings, lookup(&settings, "data.path"), &text));
    assert_string_equal(text, "../some \"text\".txt");
    assert_ok(settings_assign(&settings, "model.list=[\"a\", \"b\", \"c\"]"));
    assert_ok(settings_list(&settings, lookup(&settings, "model.list"), 3));
    assert_ok(settings_assign(&settings, "model.width=big"));
    assert_fails(settings_integer(&settings, lookup(&settings, "model.width"), 1, 64, &integer), STATUS_USAGE,
                 "--set model.width: must be an integer");
    assert_fails(settings_assign(&settings, "model.width"), STATUS_USAGE, "path=value");
    assert_fails(settings_assign(&settings, "=3"), STATUS_USAGE, "path=value");
    assert_fails(settings_assign(&settings, "model..x=3"), STATUS_USAGE, "a path looks like");
    assert_fails(settings_assign(&settings, "model.width.x=3"), STATUS_USAGE, "is not a group");
    settings_destroy(&settings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),          cmocka_unit_test(test_failure_kind),
        cmocka_unit_test(test_nearest),         cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_exact_numbers),   cmocka_unit_test(test_philox),
        cmocka_unit_test(test_distributions),   cmocka_unit_test(test_files),
        cmocka_unit_test(test_file_writer),     cmocka_unit_test(test_file_in_place),
        cmocka_unit_test(test_new_file),        cmocka_unit_test(test_cache_directory),
        cmocka_unit_test(test_temporary_files), cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_settings),        cmocka_unit_test(test_settings_locale),
        cmocka_unit_test(test_assignments),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
