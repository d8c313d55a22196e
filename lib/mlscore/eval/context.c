/* SPDX-License-Identifier: Apache-2.0 */
/* A thread's frames and scratch memory, and the scoring call. */

#include <string.h>

#include "base/alloc.h"
#include "eval/model.h"
#include "mlscore/score.h"

struct mlscore_context {
    const mlscore_model *model;
    uint64_t identity; /* of the model; 0 when none is bound */
    mlscore_frame *input;
    mlscore_frame *output;
    void *scratch;
    size_t scratch_size;
};

mlscore_status mlscore_context_create(mlscore_context **out, mlscore_error *err)
{
    *out = mlscore_calloc(1, sizeof(**out));
    return *out ? MLSCORE_OK
                : mlscore_error_set(err, MLSCORE_ENOMEM,
                                    "not enough memory to score");
}

static void unbind(mlscore_context *context)
{
    mlscore_frame_free(context->input);
    mlscore_frame_free(context->output);
    context->input = NULL;
    context->output = NULL;
    context->model = NULL;
    context->identity = 0;
}

void mlscore_context_free(mlscore_context *context)
{
    if (context) {
        unbind(context);
        mlscore_free(context->scratch);
        mlscore_free(context);
    }
}

mlscore_status mlscore_context_bind(mlscore_context *context,
                                    const mlscore_model *model,
                                    mlscore_error *err)
{
    if (context->identity == model->identity) {
        mlscore_frame_reset(context->input);
        mlscore_frame_reset(context->output);
        return MLSCORE_OK;
    }
    unbind(context);
    mlscore_status status =
        mlscore_frame_create(&context->input, &model->schemas.inputs, err);
    if (status == MLSCORE_OK) {
        status = mlscore_frame_create(&context->output, &model->schemas.outputs,
                                      err);
    }
    if (status != MLSCORE_OK) {
        unbind(context);
        return status;
    }
    context->model = model;
    context->identity = model->identity;
    return MLSCORE_OK;
}

mlscore_frame *mlscore_context_input(mlscore_context *context)
{
    return context->input;
}

mlscore_frame *mlscore_context_output(mlscore_context *context)
{
    return context->output;
}

static mlscore_status ensure_scratch(mlscore_context *context, size_t rows,
                                     mlscore_error *err)
{
    size_t bytes = 0;
    const mlscore_status status = context->model->engine->scratch(
        context->model->plan, rows, &bytes, err);

    if (status != MLSCORE_OK || bytes <= context->scratch_size) {
        return status;
    }
    /* What was there need not be kept, so it is not copied. */
    mlscore_free(context->scratch);
    context->scratch_size = 0;
    context->scratch = mlscore_malloc_aligned(bytes);
    if (!context->scratch) {
        return mlscore_error_set(err, MLSCORE_ENOMEM,
                                 "not enough memory to score the rows");
    }
    context->scratch_size = bytes;
    return MLSCORE_OK;
}

mlscore_status mlscore_score(mlscore_context *context, mlscore_error *err)
{
    mlscore_frame *out = context->output;
    const mlscore_frame *in = context->input;

    mlscore_frame_reset(out);
    mlscore_status status = mlscore_frame_reserve(out, in->rows, err);
    if (status == MLSCORE_OK) {
        status = ensure_scratch(context, in->rows, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    out->rows = in->rows;
    for (uint32_t i = 0; i < out->schema->field_count; i++) {
        out->columns[i].present = 1;
        memset(out->columns[i].missing, 0, in->rows);
    }
    status = context->model->engine->run(context->model->plan, in, out,
                                         context->scratch, err);
    if (status != MLSCORE_OK) {
        mlscore_frame_reset(out);
    }
    return status;
}
