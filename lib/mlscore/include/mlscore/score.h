/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_SCORE_H
#define MLSCORE_SCORE_H

/**
 * Scoring rows: a context per thread, a frame in, a frame out.
 */

#include <stddef.h>

#include "mlscore/error.h"
#include "mlscore/frame.h"
#include "mlscore/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What one thread needs to score: input and output frames for the model it
 *  was last bound to, and scratch memory. It grows to what the largest call
 *  needed and is then reused, so steady use allocates nothing. One call at a
 *  time. */
typedef struct mlscore_context mlscore_context;

MLSCORE_API mlscore_status mlscore_context_create(mlscore_context **out,
                                                  mlscore_error *err);
MLSCORE_API void mlscore_context_free(mlscore_context *context);

/** Bind the context to a model, which must outlive the calls until the next
 *  bind. Empties both frames. Cheap when it is the same model as before. */
MLSCORE_API mlscore_status mlscore_context_bind(mlscore_context *context,
                                                const mlscore_model *model,
                                                mlscore_error *err);

/** The bound model's input and output frames; borrowed from the context. */
MLSCORE_API mlscore_frame *mlscore_context_input(mlscore_context *context);
MLSCORE_API mlscore_frame *mlscore_context_output(mlscore_context *context);

/** Score the rows of the context's input frame into its output frame. Rows
 *  that the model itself refuses are missing in all outputs and listed in the
 *  output frame's row_errors; the call still succeeds. */
MLSCORE_API mlscore_status mlscore_score(mlscore_context *context,
                                         mlscore_error *err);

#ifdef __cplusplus
}
#endif
#endif
