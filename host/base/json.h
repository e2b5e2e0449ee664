/* What several rooms do with cJSON. */
#ifndef STARCL_BASE_JSON_H
#define STARCL_BASE_JSON_H

#include <cJSON.h>
#include <stdio.h>

/* Prints the value with a newline, and deletes it. */
void json_print(cJSON *json, FILE *out);

/* A number that reads back as the same double, which cJSON's own may not do; one that is not finite is null. */
cJSON *json_exact(double number);

/* The value on one line, which the caller frees; deletes the value. */
char *json_take_text(cJSON *json);

/* The text of a member, "" where there is none or it is no text; valid as long as `object`. */
const char *json_text(const cJSON *object, const char *key);

/* The number of a member, 0 where there is none or it is not finite. */
double json_number(const cJSON *object, const char *key);

#endif
