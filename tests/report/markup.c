/* Whatever a run holds is text in a page: between tags, in an attribute, and in JSON inside a script. */
#include "test.h"

#include "report/markup.h"

#include <string.h>

static const char hostile[] =
    "</script><script>alert(1)</script><img src=x onerror='alert(\"2\")'>&amp; \\ \xe2\x80\xa8";

/* What `write` leaves; the caller frees it. */
static char *written(void (*write)(FILE *out)) {
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    write(out);
    fclose(out);
    return text;
}

static void write_text(FILE *out) {
    markup_text(hostile, out);
}

static void write_formatted(FILE *out) {
    markup_print(out, "%s %d", hostile, 7);
}

static void write_heading(FILE *out) {
    markup_heading(3, "<b>", out);
}

static void write_json(FILE *out) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "a", hostile);
    cJSON_AddStringToObject(json, hostile, "b");
    markup_json(json, out);
    cJSON_Delete(json);
}

static void test_text(void **unused) {
    (void)unused;
    char *text = written(write_text), *formatted = written(write_formatted), *heading = written(write_heading);
    assert_null(strpbrk(text, "<>\"'"));
    assert_non_null(strstr(text, "&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert_non_null(strstr(text, "onerror=&#39;alert(&quot;2&quot;)&#39;&gt;&amp;amp; \\ \xe2\x80\xa8"));
    assert_int_equal(strncmp(formatted, text, strlen(text)), 0);
    assert_string_equal(formatted + strlen(text), " 7");
    assert_string_equal(heading, "<h3>&lt;b&gt;</h3>\n");
    free(text);
    free(formatted);
    free(heading);
}

/* It reads back as what it was. */
static void test_json(void **unused) {
    (void)unused;
    char *text = written(write_json);
    assert_null(strpbrk(text, "<>&"));
    cJSON *json = cJSON_Parse(text);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "a")), hostile);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, hostile)), "b");
    cJSON_Delete(json);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
