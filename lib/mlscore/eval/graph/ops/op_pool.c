/* SPDX-License-Identifier: Apache-2.0 */
/* MaxPool, AveragePool, LpPool, and their global forms. */

#include <string.h>

#include "eval/graph/ops/op_window.h"
#include "eval/graph/ops/ops.h"
#include "kernel/pool.h"

enum pool { POOL_MAX, POOL_AVERAGE, POOL_NORM, POOL_GLOBAL = 4 };

struct pool_state {
    mlscore_sliding sliding;
    enum pool pool;
    int global, with_padding, by_column;
    double p;
};

static mlscore_status prepare_pool(mlscore_prepare *prepare)
{
    const int detail = prepare->node->kind->detail;
    struct pool_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->pool = (enum pool)(detail & 3);
    state->global = (detail & POOL_GLOBAL) != 0;
    if (!state->global) {
        mlscore_take_sliding(prepare, &state->sliding, 1);
    }
    if (state->pool == POOL_MAX && !state->global) {
        state->by_column = mlscore_take_int(prepare, "storage_order", 0) != 0;
    }
    if (state->pool == POOL_AVERAGE && !state->global) {
        state->with_padding =
            mlscore_take_int(prepare, "count_include_pad", 0) != 0;
    }
    if (state->pool == POOL_NORM) {
        state->p = prepare->node->version < 2
                       ? (double)mlscore_take_float(prepare, "p", 2)
                       : (double)mlscore_take_int(prepare, "p", 2);
        if (!(state->p > 0)) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'p' is not positive");
        }
    }
    prepare->node->state = state;
    return prepare->status;
}

/* A global window is the whole input. */
static mlscore_status make_window(const mlscore_call *call,
                                  mlscore_window *window)
{
    const struct pool_state *state = call->state;
    const mlscore_tensor *in = call->in[0];

    return mlscore_make_window(call, &state->sliding, in,
                               state->global ? in->dims + 2 : NULL, window);
}

static mlscore_status infer_pool(mlscore_call *call)
{
    const struct pool_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const uint32_t types =
        MLSCORE_DTS_REAL | (state->pool == POOL_MAX
                                ? MLSCORE_DT_BIT(MLSCORE_DT_INT8) |
                                      MLSCORE_DT_BIT(MLSCORE_DT_UINT8)
                                : 0);
    mlscore_status status = mlscore_need_types(call, 0, types);
    mlscore_window window;

    mlscore_out_unknown(call, 0, in->type);
    if (call->out_count > 1) {
        mlscore_out_unknown(call, 1, MLSCORE_DT_INT64);
    }
    if (status || !mlscore_tensor_known(in)) {
        return status;
    }
    status = make_window(call, &window);
    if (status) {
        return status;
    }
    int64_t dims[MLSCORE_TENSOR_RANK] = {in->dims[0], in->dims[1]};
    for (int d = 2; d < in->rank; d++) {
        dims[d] = window.out[MLSCORE_SPATIAL - in->rank + d];
    }
    mlscore_out_dims(call, 0, in->type, in->rank, dims);
    if (call->out_count > 1) {
        mlscore_out_dims(call, 1, MLSCORE_DT_INT64, in->rank, dims);
    }
    return MLSCORE_OK;
}

/* Places in a channel become places in the whole tensor. */
static void shift_places(int64_t *places, size_t count, int64_t by)
{
    for (size_t i = 0; i < count; i++) {
        places[i] += places[i] < 0 ? 0 : by;
    }
}

static mlscore_status run_pool(const mlscore_call *call)
{
    const struct pool_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    mlscore_window window;
    mlscore_status status = make_window(call, &window);

    if (status) {
        return status;
    }
    const size_t from = mlscore_volume(window.in),
                 to = mlscore_volume(window.out);
    const size_t channels = mlscore_tensor_span(in, 0, 2);
    for (size_t c = 0; c < channels; c++) {
        const void *x = (const char *)in->data + c * from * size;
        void *y = (char *)call->out[0]->data + c * to * size;
        int64_t *places =
            call->out_count > 1 ? (int64_t *)call->out[1]->data + c * to
                                : NULL;

        switch (state->pool) {
        case POOL_MAX:
            mlscore_max_pool(&window, in->type, x, y, places,
                             state->by_column);
            if (places) {
                shift_places(places, to, (int64_t)(c * from));
            }
            break;
        case POOL_AVERAGE:
            mlscore_average_pool(&window, in->type, x, y, state->with_padding);
            break;
        default: mlscore_norm_pool(&window, in->type, x, y, state->p); break;
        }
    }
    return MLSCORE_OK;
}

/* Places in MaxPool's second output count over the whole batch. */
static int batch_pool(const mlscore_call *call, const int *in, int *out)
{
    return call->out_count == 1 && mlscore_batch_rows(call, in, out);
}

#define POOL(NAME, OUTPUTS, DETAIL) \
    {"", NAME, 1, 0, 1, 1, 1, OUTPUTS, 0, 0, 0, prepare_pool, infer_pool, \
     run_pool, batch_pool, NULL, DETAIL}

static const mlscore_op rows[] = {
    POOL("MaxPool", 2, POOL_MAX),
    POOL("AveragePool", 1, POOL_AVERAGE),
    POOL("LpPool", 1, POOL_NORM),
    POOL("GlobalMaxPool", 1, POOL_MAX | POOL_GLOBAL),
    POOL("GlobalAveragePool", 1, POOL_AVERAGE | POOL_GLOBAL),
    POOL("GlobalLpPool", 1, POOL_NORM | POOL_GLOBAL),
};

MLSCORE_OP_TABLE(mlscore_ops_pool, rows);
