/* A page of a run that has only begun: refused as a file, and shown where it brings itself up to date. */
#include "test.h"

#include "genome/builtin.h"
#include "report/page.h"
#include "run/config.h"

#include <string.h>

static char folder[TEST_PATH_BYTES];

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

static struct store *begin_run(const char *path) {
    static struct run_config config;
    struct store *store, *reader;
    const char *facts[RUN_FACTS] = {"begun", "",     builtin_files[0].text, "corpus", "device", "driver", "0.4.0",
                                    "panel", "/text"};
    assert_ok(config_load(NULL, NULL, 0, false, &config));
    char *text = config_print(&config);
    facts[FACT_CONFIG] = text;
    assert_ok(store_create(path, facts, &store));
    store_close(store);
    free(text);
    assert_ok(store_open(path, false, &reader));
    return reader;
}

static status write_page(const struct page_request *request, char **text) {
    size_t length;
    FILE *out = open_memstream(text, &length);
    status outcome = page_write(request, out);
    fclose(out);
    return outcome;
}

static void test_empty(void **unused) {
    (void)unused;
    struct store *runs[] = {begin_run("begun")};
    char *text;
    struct page_request request = {.runs = runs, .count = 1};
    assert_fails(write_page(&request, &text), STATUS_USAGE, "begun has no evaluated candidate yet");
    assert_string_equal(text, "");
    free(text);
    request.refresh_seconds = 5;
    assert_ok(write_page(&request, &text));
    assert_non_null(strstr(text, "begun has no evaluated candidate yet."));
    assert_non_null(strstr(text, "\"refresh_seconds\":5"));
    assert_non_null(strstr(text, "connect-src 'self'"));
    assert_non_null(strstr(text, "<section id=\"manifest\">"));
    assert_null(strstr(text, "<section id=\"fronts\">"));
    assert_non_null(strstr(text, "</html>\n"));
    free(text);
    store_close(runs[0]);
}

/* Of several runs, too: without any front there is no box to measure in. */
static void test_several(void **unused) {
    (void)unused;
    struct store *runs[] = {begin_run("first"), begin_run("second")};
    char *text;
    struct page_request request = {.runs = runs, .count = 2, .refresh_seconds = 5};
    assert_ok(write_page(&request, &text));
    assert_non_null(strstr(text, "second has no evaluated candidate yet."));
    assert_null(strstr(text, "nan"));
    free(text);
    store_close(runs[0]);
    store_close(runs[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_empty), cmocka_unit_test(test_several)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
