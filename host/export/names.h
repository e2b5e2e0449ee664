/* Names that Python accepts, made from names in checkpoints, which may come from anyone. */
#ifndef STARCL_EXPORT_NAMES_H
#define STARCL_EXPORT_NAMES_H

enum { PYTHON_NAME_BYTES = 40 };

/*
 * An identifier like the text: "C.weight" becomes C_weight, "lambda", which Python keeps for itself, lambda_. So do
 * names that the module needs. `otherwise` where nothing is left. Writes to buffer (PYTHON_NAME_BYTES) and returns it.
 */
const char *python_name(const char *text, const char *otherwise, char *buffer);

/* Behind "liv.03.", where the text begins so; else the text. */
const char *name_in_liv(const char *text);

#endif
