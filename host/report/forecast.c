#include "report/forecast.h"

#include "base/json.h"
#include "base/text.h"

static void print_json(const struct forecast *forecast, FILE *out) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "device", forecast->device);
    cJSON_AddNumberToObject(json, "candidates", forecast->candidates);
    cJSON_AddNumberToObject(json, "tokens", forecast->tokens);
    cJSON_AddNumberToObject(json, "final_tokens", forecast->final_tokens);
    cJSON_AddNumberToObject(json, "seconds", forecast->seconds);
    cJSON_AddNumberToObject(json, "final_seconds", forecast->final_seconds);
    cJSON_AddNumberToObject(json, "timed", forecast->timed);
    cJSON_AddNumberToObject(json, "seconds_least", forecast->seconds_least);
    cJSON_AddNumberToObject(json, "seconds_most", forecast->seconds_most);
    cJSON_AddNumberToObject(json, "programs", forecast->programs);
    cJSON_AddNumberToObject(json, "build_seconds", forecast->build_seconds);
    cJSON_AddNumberToObject(json, "planned", forecast->planned);
    cJSON_AddNumberToObject(json, "unfit", forecast->unfit);
    cJSON_AddNumberToObject(json, "memory_bytes", forecast->memory_bytes);
    cJSON_AddNumberToObject(json, "disk_bytes", forecast->disk_bytes);
    json_print(json, out);
}

void report_forecast(const struct forecast *forecast, bool json, FILE *out) {
    char a[TEXT_NUMBER_BYTES], b[TEXT_NUMBER_BYTES];
    if (json) {
        print_json(forecast, out);
        return;
    }
    fprintf(out, "device      %s\n", forecast->device);
    fprintf(out, "candidates  %.0f\n", forecast->candidates);
    fprintf(out, "tokens      %s", text_count(a, forecast->tokens));
    fprintf(out, forecast->final_tokens > 0 ? ", and %s of the final training\n" : "\n",
            text_count(a, forecast->final_tokens));
    fprintf(out, "time        %s", text_duration(a, forecast->seconds));
    if (forecast->final_seconds > 0)
        fprintf(out, ", and %s of the final training", text_duration(a, forecast->final_seconds));
    fprintf(out, "; a candidate takes %s to %s (%d were timed)\n", text_duration(a, forecast->seconds_least),
            text_duration(b, forecast->seconds_most), forecast->timed);
    fprintf(out, "kernels     %d programs were built in %.1f s; they are kept, and others come on top\n",
            forecast->programs, forecast->build_seconds);
    fprintf(out, "memory      %s of the device at most, of %d random candidates", text_bytes(a, forecast->memory_bytes),
            forecast->planned);
    fprintf(out, forecast->unfit ? "; %d do not fit\n" : "\n", forecast->unfit);
    fprintf(out, "disk        %s at most, if all candidates were on the front\n", text_bytes(a, forecast->disk_bytes));
}
