#include "report/now.h"

#include "report/markup.h"
#include "report/page.h"
#include "report/plot.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

/* Where nothing was told for long, since when: the search measures, builds kernels, or waits. Rounded, so that what is
 * written does not change with every second. */
static void describe_age(const struct now *now, struct text *text) {
    char duration[TEXT_NUMBER_BYTES];
    double age = floor(((double)time(NULL) - now->time) / 10) * 10;
    if (age >= 10)
        text_append(text, "; told %s ago", text_duration(duration, age));
}

/* ", 21 % done, 40 s left" */
static void describe_whole(const struct now *now, struct text *text) {
    char duration[TEXT_NUMBER_BYTES];
    if (isfinite(now->share))
        text_append(text, ", %.0f %% done", 100 * now->share);
    if (isfinite(now->seconds_left))
        text_append(text, ", %s left", text_duration(duration, now->seconds_left));
}

static int busy_devices(const struct now *now) {
    int busy = 0;
    for (int i = 0; i < now->device_count; i++)
        busy += *now->devices[i].what != '\0';
    return busy;
}

static void describe_training(const struct now *now, struct text *text) {
    text_append(text, ": %s, step %" PRId64 " of %" PRId64, now->training.what, now->training.step, now->training.steps);
    if (isfinite(now->training.loss))
        text_append(text, ", loss %.3f nats", now->training.loss);
    if (isfinite(now->steps_per_second))
        text_append(text, ", %.1f steps/s", now->steps_per_second);
    if (now->device_count > 1)
        text_append(text, ", %d of %d devices busy", busy_devices(now), now->device_count);
    if (isfinite(now->cores_used) && isfinite(now->cores))
        text_append(text, ", %.1f of %.0f cores used", now->cores_used, now->cores);
}

/* The most important first: terminals cut the end off. */
void now_describe(const struct sight *sight, struct text *text) {
    char words[SIGHT_TEXT_BYTES];
    text_append(text, "%s", sight_text(sight, words));
    if (sight->has_now) {
        describe_whole(&sight->now, text);
        describe_training(&sight->now, text);
    }
    if (sight->state == SIGHT_RUNNING && *sight->device)
        text_append(text, "; on %s", sight->device);
    if (sight->has_now)
        describe_age(&sight->now, text);
}

static void draw_curve(const struct now *now, FILE *out) {
    const struct now_curve *curve = &now->curve;
    struct plot plot = {.out = out,
                        .x = {.title = "step", .metric = METRICS, .whole = true},
                        .y = {.title = "training loss, nats", .metric = METRICS}};
    if (curve->count < 2)
        return;
    axis_include(&plot.x, 0);
    axis_include(&plot.x, (double)now->training.steps);
    for (int i = 0; i < curve->count; i++) {
        axis_include(&plot.x, curve->steps[i]);
        axis_include(&plot.y, curve->losses[i]);
    }
    fprintf(out, "<div class=\"plots\">\n");
    plot_begin(&plot, "Training loss of the candidate that is trained now");
    plot_line(&plot, curve->steps, curve->losses, curve->count, false, "line", "currentColor");
    plot_end(&plot);
    fprintf(out, "</div>\n");
}

/* A row a device: what it trains, and how far that is; one without a training waits for one. */
static void write_device(const struct now_training *device, FILE *out) {
    fprintf(out, "<tr><td>");
    markup_text(device->device, out);
    fprintf(out, "</td><td>");
    markup_text(*device->what ? device->what : "waits", out);
    if (device->steps > 0)
        fprintf(out, "</td><td class=\"number\">%" PRId64 " of %" PRId64 "</td>", device->step, device->steps);
    else
        fprintf(out, "</td><td></td>");
    if (device->steps > 0 && isfinite(device->loss))
        fprintf(out, "<td class=\"number\">%.3f</td></tr>\n", device->loss);
    else
        fprintf(out, "<td></td></tr>\n");
}

static void write_devices(const struct now *now, FILE *out) {
    if (now->device_count < 2)
        return;
    fprintf(out, "<div class=\"wide\"><table>\n<tr><th>device</th><th>trains</th><th class=\"number\">step</th>"
                 "<th class=\"number\">loss, nats</th></tr>\n");
    for (int i = 0; i < now->device_count; i++)
        write_device(&now->devices[i], out);
    fprintf(out, "</table></div>\n");
}

static void write_sight(const struct sight *sight, bool named, FILE *out) {
    struct text text = {0};
    if (named)
        markup_heading(3, sight->path, out);
    now_describe(sight, &text);
    if (sight->state == SIGHT_GONE && !named)
        text_append(&text, "; what it was last stands below");
    fprintf(out, "<p>");
    markup_text(text.text, out);
    fprintf(out, "</p>\n");
    text_free(&text);
    if (!sight->has_now)
        return;
    if (isfinite(sight->now.share))
        fprintf(out, "<progress max=\"1\" value=\"%.3f\"></progress>\n", sight->now.share);
    write_devices(&sight->now, out);
    draw_curve(&sight->now, out);
}

void report_now(struct sight *const *sights, int count, const char *page_tag, const char *trouble, FILE *out) {
    struct text title = {0};
    for (int i = 0; i < count; i++)
        text_append(&title, "%s%s", i ? ", " : "", sights[i]->path);
    page_head(title.text, true, "<meta http-equiv=\"refresh\" content=\"2\">\n", out);
    fprintf(out, "<body>\n<main>\n<section id=\"now\" data-page=\"%s\">\n<h2>Now</h2>\n", page_tag);
    for (int i = 0; i < count; i++)
        write_sight(sights[i], count > 1, out);
    if (trouble) {
        fprintf(out, "<p>The page is older than this: ");
        markup_text(trouble, out);
        fprintf(out, "</p>\n");
    }
    fprintf(out, "</section>\n</main>\n</body>\n</html>\n");
    text_free(&title);
}
