/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_ENGINE_H
#define MLSCORE_EVAL_ENGINE_H

/**
 * An engine evaluates one family of images. Adding one is a file and a line in
 * the table of engine.c.
 */

#include <stddef.h>

#include "image/image.h"
#include "mlscore/error.h"
#include "mlscore/frame.h"

typedef struct mlscore_engine {
    mlscore_engine_id id;
    const char *name;

    /** Verify every offset, count and index of the engine's sections, once,
     *  when a model is opened; build what evaluation needs beside the image
     *  (pointers, tables). `*plan` is owned by the model and freed by
     *  free_plan; it is immutable afterwards and shared by threads. */
    mlscore_status (*open)(void **plan, const mlscore_image *image,
                           const mlscore_schema *inputs,
                           const mlscore_schema *outputs, mlscore_error *err);
    void (*free_plan)(void *plan);

    /** Bytes of scratch for `rows` rows; scratch is aligned to 64 bytes and
     *  kept by the context. An engine that works in row blocks returns the
     *  same size for any number of rows. */
    mlscore_status (*scratch)(const void *plan, size_t rows, size_t *bytes,
                              mlscore_error *err);

    /** Evaluate all rows of `in` into `out` (already reserved, out->rows set,
     *  missing flags zero). Allocates nothing but texts and row errors in
     *  out's arena. */
    mlscore_status (*run)(const void *plan, const mlscore_frame *in,
                          mlscore_frame *out, void *scratch,
                          mlscore_error *err);
} mlscore_engine;

/** The engine with this id, or NULL. */
const mlscore_engine *mlscore_engine_find(mlscore_engine_id id);

extern const mlscore_engine mlscore_engine_pmml;    /* eval/pmml/ */
extern const mlscore_engine mlscore_engine_booster; /* eval/booster/ */
extern const mlscore_engine mlscore_engine_graph;   /* eval/graph/ */

#endif
