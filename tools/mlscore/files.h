/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_MLSCORE_FILES_H
#define TOOLS_MLSCORE_FILES_H

/**
 * Files for the commands: whole ones in, whole ones out, models opened.
 * Every function says on stderr what went wrong and returns an exit status.
 */

#include <stddef.h>

#include "mlscore/mlscore.h"

/** The bytes of a file; free with file_free. */
typedef struct file_bytes {
    unsigned char *bytes;
    size_t size;
} file_bytes;

/** Read all of `path`: a file, `-` or `/dev/fd/N` (from its start when it has
 *  one; not opened again, so it need not be reachable by a path). */
int file_read(file_bytes *out, const char *path);
void file_free(file_bytes *file);

/** Write `path` as a whole: under another name first, then renamed, so that
 *  nobody sees half of it; `-` and `/dev/fd/N` are written directly. */
int file_write(const char *path, const void *bytes, size_t size);

/** A model from an image or from a model file, which is compiled first.
 *  `image` holds the bytes that the model lies in; free both. */
int model_load(mlscore_model **model, file_bytes *image, const char *path);

/** Say `what: message` on stderr and return the exit status for it. */
int report(const char *what, const mlscore_error *err);

#endif
