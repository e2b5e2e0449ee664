/* A user of the library: every function of starcl/starcl.h once, with what it should answer. */
#include <starcl/starcl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(int holds, const char *what) {
    if (!holds) {
        printf("%s: %s\n", what, star_message());
        failures++;
    }
}

static void check_json(int code, char *json, const char *part) {
    check(code == 0 && json && strstr(json, part), part);
    free(json);
}

int main(int argc, char **argv) {
    const char *assignments[] = {"search.generations=1", "run.seed=2"};
    char path[256], *json = NULL;
    int code = star_devices(&json);
    check_json(code, json, "\"chosen\"");
    code = star_architecture("11111-81111", argc > 1 ? argv[1] : NULL, &json);
    check_json(code, json, "\"GMemless\"");
    check(star_architecture("1x", NULL, &json) == 2 && !json && strstr(star_message(), "position 2"), "a bad genome");
    check(star_search(argv[1], assignments, 2, "api", path, sizeof path) == 0, "a search");
    check(strcmp(path, "api") == 0, "the run's path");
    check(star_search(argv[1], assignments, 2, "api", path, sizeof path) == 2 && path[0] == '\0', "an existing run");
    check(star_resume("api") == 0, "a finished run");
    code = star_front("api", &json);
    check_json(code, json, "\"evaluations\":\t4");
    check(star_front("nothing", &json) == 2 && !json, "no run");
    puts(failures ? "the library has failed" : "the library works");
    return failures != 0;
}
