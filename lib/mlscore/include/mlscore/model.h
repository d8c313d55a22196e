/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_MODEL_H
#define MLSCORE_MODEL_H

/**
 * A model that can score: a compiled image, mapped read-only and verified.
 *
 * A model is immutable and may be used by any number of threads at once; what
 * a call needs to write is in an mlscore_context (score.h), one per thread.
 */

#include <stddef.h>

#include "mlscore/error.h"
#include "mlscore/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mlscore_model mlscore_model;

/** Map the image file at `path` and verify all of it once: header, version,
 *  checksum, every section, offset, count and index. Afterwards scoring
 *  trusts it. MLSCORE_EVERSION means: compile the model's file again. */
MLSCORE_API mlscore_status mlscore_model_open(mlscore_model **out,
                                              const char *path,
                                              mlscore_error *err);

/** The same from an open descriptor, which the caller keeps. */
MLSCORE_API mlscore_status mlscore_model_open_fd(mlscore_model **out, int fd,
                                                 mlscore_error *err);

/** The same from bytes in memory, which must stay until the model is closed
 *  and be aligned to 64 bytes (an unaligned block is copied). */
MLSCORE_API mlscore_status mlscore_model_open_memory(mlscore_model **out,
                                                     const void *bytes,
                                                     size_t size,
                                                     mlscore_error *err);

/** Do the bytes begin as an image does? For a program that takes images and
 *  models' files alike; opening decides whether it is a good one. */
MLSCORE_API int mlscore_is_image(const void *bytes, size_t size);

/** Unmap and free; accepts NULL. Nothing may score with it any more. */
MLSCORE_API void mlscore_model_close(mlscore_model *model);

/** Columns that the model takes and gives; borrowed from the model. */
MLSCORE_API const mlscore_schema *mlscore_model_inputs(
    const mlscore_model *model);
MLSCORE_API const mlscore_schema *mlscore_model_outputs(
    const mlscore_model *model);

/** The source format, such as "PMML 4.4" or "ONNX"; the model's kind, such
 *  as "MiningModel, 500 trees"; the producer as the file names it ("" when it
 *  does not). Borrowed from the model. */
MLSCORE_API const char *mlscore_model_format(const mlscore_model *model);
MLSCORE_API const char *mlscore_model_kind(const mlscore_model *model);
MLSCORE_API const char *mlscore_model_producer(const mlscore_model *model);

/** Rows with known answers that the model's file held, as mlscore_verify
 *  takes them; NULL when it held none. Borrowed from the model. */
MLSCORE_API const char *mlscore_model_known_rows(const mlscore_model *model,
                                                 size_t *size);

/** Size of the image in bytes. */
MLSCORE_API size_t mlscore_model_size(const mlscore_model *model);

#ifdef __cplusplus
}
#endif
#endif
