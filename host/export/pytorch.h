/* A trained architecture as a Python module that needs PyTorch alone. */
#ifndef STARCL_EXPORT_PYTORCH_H
#define STARCL_EXPORT_PYTORCH_H

#include "train/written_text.h"

/*
 * What is to be written: the text of model.py, and the tensors of weights.safetensors, which have the checkpoint's
 * elements under the module's names. pytorch_prepare() reads and checks all but the elements.
 */
struct pytorch_export;

status pytorch_prepare(const struct checkpoint_files *files, struct pytorch_export **result) MUST_CHECK;
/* The text of model.py; it belongs to what was prepared. */
const char *pytorch_module(const struct pytorch_export *prepared);
/* Writes both files into the folder. STATUS_INTERRUPTED when the user asked to stop. */
status pytorch_write(const struct pytorch_export *prepared, const char *folder) MUST_CHECK;
void pytorch_destroy(struct pytorch_export *prepared);

/* The names of the files, then NULL. */
extern const char *const pytorch_files[];

#endif
