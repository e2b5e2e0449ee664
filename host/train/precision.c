#include "train/precision.h"

#include <string.h>

static const struct precision precisions[] = {
    {"float32", "float32", DTYPE_FLOAT32},
    {"tf32", "tf32", DTYPE_FLOAT32},
    {"bfloat16", "bfloat16", DTYPE_BFLOAT16},
    {"float16", "float16", DTYPE_FLOAT16},
};

const struct precision *precision_find(const char *name) {
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++)
        if (strcmp(precisions[i].name, name) == 0)
            return &precisions[i];
    return NULL;
}

const char *precision_names(void) {
    return "float32, tf32, bfloat16, float16";
}
