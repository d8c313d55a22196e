/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_H
#define MLSCORE_IMPORT_H

/**
 * From a model's file, as its producer wrote it, to an image.
 *
 * Importing parses hostile bytes and allocates; do it in a process that may
 * die (`mlscore compile`). The same bytes in give the same image bytes out.
 */

#include <stddef.h>

#include "mlscore/error.h"
#include "mlscore/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Limits on what an importer accepts; zero means the default. */
typedef struct mlscore_import_options {
    size_t max_bytes;     /* of the unpacked model, default 1 GiB */
    unsigned max_depth;   /* of nesting in the file, default 512 */
    size_t max_nodes;     /* tree nodes, graph nodes, elements; default 100 M */
} mlscore_import_options;

/** Recognise the format (model-container rules: `blob` prefix and container,
 *  zip, gzip, PMML, ONNX, XGBoost JSON/UBJSON, LightGBM text), import it and
 *  write the image to the descriptor `out_fd` (from its start; not synced). A
 *  container's `verify` rows are scored and compared; a difference is
 *  MLSCORE_EINPUT with the first difference as message. */
MLSCORE_API mlscore_status mlscore_compile(const void *bytes, size_t size,
                                           int out_fd,
                                           const mlscore_import_options *opts,
                                           mlscore_error *err);

/** The same into memory: *image is 64-byte aligned, freed with free(). */
MLSCORE_API mlscore_status mlscore_compile_memory(
    const void *bytes, size_t size, void **image, size_t *image_size,
    const mlscore_import_options *opts, mlscore_error *err);

/** Score known rows and compare with known answers: MLSCORE_EINPUT with the
 *  first difference as message when the model cannot reproduce them. `bytes`
 *  is JSON, `{"inputs": {...}, "outputs": {...}, "tolerance": 1e-6}` (each of
 *  the two as in a scoring body), or CSV whose columns are inputs and outputs
 *  together. At least one output must be named; numbers may differ by
 *  tolerance + tolerance * |expected|, 1e-5 when it is not given. */
MLSCORE_API mlscore_status mlscore_verify(const mlscore_model *model,
                                          const char *bytes, size_t size,
                                          mlscore_error *err);

/** What verifying found. The difference is the largest of a number, divided
 *  by 1 + |expected|: what is compared with the tolerance. */
typedef struct mlscore_verification {
    size_t rows;
    double maximum_difference;
} mlscore_verification;

/** mlscore_verify, adding to what was found in `found`, which may hold the
 *  findings of other rows already. */
MLSCORE_API mlscore_status mlscore_verify_measured(
    const mlscore_model *model, const char *bytes, size_t size,
    mlscore_verification *found, mlscore_error *err);

#ifdef __cplusplus
}
#endif
#endif
