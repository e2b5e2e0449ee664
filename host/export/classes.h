/* The Python of an outline: a class a section, where LIVs that compute the same share one, and the names of weights. */
#ifndef STARCL_EXPORT_CLASSES_H
#define STARCL_EXPORT_CLASSES_H

#include "base/text.h"
#include "export/outline.h"
#include "train/checkpoint.h"

/* Appends the classes of the LIVs, then Model. Fails where a node has a form that export has no words for. */
status classes_write(const struct outline *outline, const struct checkpoint_names *names, struct text *text) MUST_CHECK;

/* Under which name Model.named_parameters() lists a parameter that a section owns: "liv0.C_weight". */
void class_parameter_name(const struct outline *outline, int value, struct text *text);

#endif
