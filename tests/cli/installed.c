/*
 * A user of the library: every function of starcl/starcl.h, with what it should answer. It has functions called `train`
 * and `generate`, as a program about language models may, and takes its locale from the environment.
 * Called as: program CONFIG
 */
#include <starcl/starcl.h>

#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names that the library has inside, too. */
void train(const char *config);
void generate(const char *checkpoint);

static int failures;
static char point[8]; /* of this program's locale */

static void check(int holds, const char *what) {
    if (!holds) {
        printf("%s: %s\n", what, star_message());
        failures++;
    }
    if (strcmp(localeconv()->decimal_point, point) != 0) {
        printf("%s: the program's decimal point is now %s\n", what, localeconv()->decimal_point);
        failures++;
    }
}

static void check_json(int code, char **json, const char *part) {
    check(code == 0 && *json && strstr(*json, part), part);
    free(*json);
}

/* Whether a file holds the words. */
static int holds(const char *path, const char *words) {
    static char text[65536];
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, words) != NULL;
}

static void search(const char *config) {
    const char *assignments[] = {"search.generations=1", "run.seed=2", "train.learning_rate=2.5e-3"};
    char path[256], *json;
    check(star_search(config, assignments, 3, "api", path, sizeof path) == 0, "a search");
    check(strcmp(path, "api") == 0, "the run's path");
    check(holds("api/config.cfg", "learning_rate = 0.0025;"), "the run's config");
    check(star_search(config, assignments, 3, "api", path, sizeof path) == 2 && path[0] == '\0', "an existing run");
    check(star_search(config, assignments, 3, "api-quiet", NULL, 0) == 0, "a search whose path is not asked for");
    check(star_search("none.cfg", NULL, 0, "api-none", NULL, 0) == 2, "no config");
    check(star_resume("api") == 0, "a finished run");
    check_json(star_front("api", &json), &json, "\"evaluations\":\t4");
    check(star_front("nothing", &json) == 2 && !json, "no run");
}

static void on_alarm(int number) {
    (void)number;
    star_interrupt();
}

void train(const char *config) {
    const char *steps[] = {"train.steps=20", "train.checkpoint_steps=10"};
    const char *many[] = {"train.steps=100000", "train.checkpoint_steps=50000"}, *longer[] = {"train.steps=30"};
    const char *pattern[] = {"train.steps=12", "model.pattern=[\"SA-1\", \"GMemless\"]"};
    double loss = 0, again = 0;
    check(star_train("11111-81111", config, steps, 2, "trained", &loss) == 0 && loss > 1 && loss < 9, "a training");
    check(star_train("11111-81111", config, steps, 2, "trained", NULL) == 2, "an existing folder");
    check(star_train_resume("trained", NULL, 0, &again) == 0 && again == loss, "a finished training");
    check(star_train_resume("trained", longer, 1, &again) == 0 && again < loss, "a longer training");
    check(star_train_resume("nothing", NULL, 0, NULL) == 2, "no training");
    check(star_train("api:1", NULL, steps, 2, "from-run", &loss) == 0, "a run's candidate");
    check(holds("from-run/config.cfg", "learning_rate = 0.0025;"), "the config of a run's candidate");
    check(star_train(NULL, config, pattern, 2, "pattern", NULL) == 0, "a config's pattern");
    check(star_train(NULL, config, NULL, 0, "no-pattern", NULL) == 2, "no pattern");
    signal(SIGALRM, on_alarm);
    ualarm(300000, 0);
    check(star_train("81111", config, many, 2, "stopped", &loss) == 130, "an interrupted training");
    check(star_train_resume("trained", NULL, 0, NULL) == 0, "a call after an interrupted one");
}

void generate(const char *checkpoint) {
    struct star_generation generation = STAR_GENERATION_DEFAULTS;
    char *text = NULL, *again = NULL;
    size_t length = 0;
    generation.prompt = "int ";
    generation.tokens = 30;
    generation.weights = "float32";
    check(star_generate(checkpoint, &generation, &text, &length) == 0 && length == 34, "a text");
    check(text && memcmp(text, "int ", 4) == 0 && text[length] == '\0', "the prompt in front of the text");
    check(star_generate(checkpoint, &generation, &again, NULL) == 0 && text && again &&
              memcmp(text, again, length) == 0,
          "the same text again");
    free(again);
    generation.seed = 9;
    check(star_generate(checkpoint, &generation, &again, NULL) == 0 && text && again &&
              memcmp(text, again, length) != 0,
          "another seed");
    free(again);
    free(text);
    check(star_generate(checkpoint, NULL, &text, &length) == 0 && length == 201 && text[0] == '\n', "the defaults");
    free(text);
    generation.tokens = 0;
    check(star_generate(checkpoint, &generation, &text, &length) == 2 && !text && length == 0, "no tokens");
    check(strstr(star_message(), "tokens is 0; allowed: 1 to 1000000") != NULL, "what is allowed");
    generation.tokens = 1;
    generation.temperature = NAN;
    check(star_generate(checkpoint, &generation, &text, NULL) == 2, "no temperature");
    generation.temperature = -0.5;
    check(star_generate(checkpoint, &generation, &text, NULL) == 2 && strstr(star_message(), "-0.5"), "too cold");
    generation.temperature = 0;
    generation.weights = "float8";
    check(star_generate(checkpoint, &generation, &text, NULL) == 2, "weights in float8");
    generation.weights = "auto";
    generation.prompt = "";
    check(star_generate(checkpoint, &generation, &text, NULL) == 2, "no prompt");
    generation.prompt = "x";
    generation.device = "9.9";
    check(star_generate(checkpoint, &generation, &text, NULL) == 2, "no device");
    check(star_generate("nothing", NULL, &text, NULL) == 2 && !text, "no checkpoint");
}

int main(int argc, char **argv) {
    char *json = NULL;
    if (argc != 2)
        return 2;
    setlocale(LC_ALL, "");
    snprintf(point, sizeof point, "%s", localeconv()->decimal_point);
    check_json(star_devices(&json), &json, "\"chosen\"");
    check_json(star_architecture("11111-81111", argv[1], &json), &json, "\"GMemless\"");
    check(star_architecture("1x", NULL, &json) == 2 && !json && strstr(star_message(), "position 2"), "a bad genome");
    search(argv[1]);
    train(argv[1]);
    generate("trained");
    printf("%s; decimal point %s\n", failures ? "the library has failed" : "the library works", point);
    return failures != 0;
}
