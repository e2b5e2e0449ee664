/* Axes of plots: round ticks that read well, whatever the values are, and points where they belong. */
#include "test.h"

#include "report/colour.h"
#include "report/plot.h"

#include <math.h>
#include <string.h>

static struct axis axis_of(enum metric metric, double least, double greatest) {
    struct axis axis = {.title = "title", .metric = metric};
    axis_include(&axis, greatest);
    axis_include(&axis, NAN);
    axis_include(&axis, INFINITY);
    axis_include(&axis, least);
    axis_choose_scale(&axis);
    return axis;
}

/* The ticks' texts with a space behind each, into buffer. */
static const char *texts_of(const struct axis *axis, char buffer[512]) {
    double ticks[AXIS_MOST_TICKS];
    char text[AXIS_TEXT_BYTES];
    int count = axis_ticks(axis, ticks);
    *buffer = '\0';
    for (int t = 0; t < count; t++) {
        strcat(buffer, axis_text(axis, ticks[t], text));
        strcat(buffer, " ");
    }
    return buffer;
}

static void test_ticks(void **unused) {
    (void)unused;
    char texts[512];
    struct axis bits = axis_of(METRIC_BITS_PER_BYTE, 2.38, 2.65), bytes = axis_of(METRIC_CACHE_BYTES, 23000, 6.3e6),
                few = axis_of(METRIC_CACHE_BYTES, 1e5, 3e5), count = axis_of(METRIC_PARAMETERS, 81300, 184000),
                wide = axis_of(METRIC_PARAMETERS, 1e3, 1e6), plain = axis_of(METRICS, 0, 4.2e11);
    assert_string_equal(texts_of(&bits, texts), "2.4 2.5 2.6 ");
    assert_true(bytes.logarithmic && wide.logarithmic && !few.logarithmic && !bits.logarithmic && !plain.logarithmic);
    assert_string_equal(texts_of(&bytes, texts), "64 KiB 256 KiB 1 MiB 4 MiB ");
    assert_string_equal(texts_of(&few, texts), "100 KiB 150 KiB 200 KiB 250 KiB ");
    assert_string_equal(texts_of(&count, texts), "100k 150k ");
    assert_string_equal(texts_of(&wide, texts), "1k 10k 100k 1M ");
    assert_string_equal(texts_of(&plain, texts), "0 1e+11 2e+11 3e+11 4e+11 ");
}

/* Few generations have whole numbers, and values that go down to 0 or below have no logarithm. */
static void test_scales(void **unused) {
    (void)unused;
    char texts[512];
    struct axis generations = axis_of(METRICS, 1, 4), zero = axis_of(METRICS, 0, 1000),
                below = axis_of(METRICS, -9, 900);
    generations.whole = true;
    assert_string_equal(texts_of(&generations, texts), "1 2 3 4 ");
    assert_false(zero.logarithmic || below.logarithmic);
    generations = axis_of(METRICS, 1, 2);
    generations.whole = true;
    assert_string_equal(texts_of(&generations, texts), "1 2 ");
}

static char *draw(double least, double greatest, double *x, double *y) {
    char *text;
    size_t length;
    struct plot plot = {.x = axis_of(METRICS, least, greatest), .y = axis_of(METRICS, least, greatest)};
    plot.out = open_memstream(&text, &length);
    plot_begin(&plot, "\"<label>");
    *x = plot_x(&plot, greatest) - plot_x(&plot, least);
    *y = plot_y(&plot, greatest) - plot_y(&plot, least);
    plot_segment(&plot, least, NAN, greatest, greatest, "unseen");
    plot_line(&plot, (double[]){least, NAN, greatest}, (double[]){least, 1, greatest}, 3, false, "seen", "#000");
    plot_end(&plot);
    fclose(plot.out);
    return text;
}

/* To the right and upwards; a single value has an axis, too; what is not finite is passed over; titles are text. */
static void test_plot(void **unused) {
    (void)unused;
    const double values[][2] = {{1, 2}, {1, 1000}, {-5, 5}, {0, 1e-9}, {3, 3}, {0, 0}, {1e300, 1e301}};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        double x, y;
        char *text = draw(values[v][0], values[v][1], &x, &y);
        bool apart = values[v][0] != values[v][1];
        assert_true(apart ? x > 50 && x < PLOT_WIDTH && y < -50 && y > -PLOT_HEIGHT : x == 0 && y == 0);
        assert_non_null(strstr(text, "aria-label=\"&quot;&lt;label&gt;\""));
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, "inf"));
        assert_null(strstr(text, "unseen"));
        assert_non_null(strstr(text, "class=\"seen\""));
        free(text);
    }
}

/* Viridis at its ends (van der Walt and Smith's table), and never outside. */
static void test_colours(void **unused) {
    (void)unused;
    char colour[COLOUR_BYTES];
    assert_string_equal(colour_ordered(0, colour), "#440154");
    assert_string_equal(colour_ordered(1, colour), "#fde725");
    assert_string_equal(colour_ordered(-3, colour), "#440154");
    assert_string_equal(colour_ordered(7, colour), "#fde725");
    for (int a = 0; a < COLOUR_KINDS; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(colour_kind(a), colour_kind(b));
    assert_string_equal(colour_kind(COLOUR_KINDS), colour_kind(99));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ticks), cmocka_unit_test(test_scales),
                                       cmocka_unit_test(test_plot), cmocka_unit_test(test_colours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
