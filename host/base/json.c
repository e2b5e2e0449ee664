#include "base/json.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>

void json_print(cJSON *json, FILE *out) {
    char *text = cJSON_Print(json);
    fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

char *json_take_text(cJSON *json) {
    char *printed = cJSON_PrintUnformatted(json), *text = memory_copy_text(printed);
    cJSON_free(printed);
    cJSON_Delete(json);
    return text;
}

cJSON *json_exact(double number) {
    char text[TEXT_NUMBER_BYTES];
    return isfinite(number) ? cJSON_CreateRaw(text_exact(text, number)) : cJSON_CreateNull();
}

const char *json_text(const cJSON *object, const char *key) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

double json_number(const cJSON *object, const char *key) {
    double number = cJSON_GetNumberValue(cJSON_GetObjectItem(object, key));
    return isfinite(number) ? number : 0;
}
