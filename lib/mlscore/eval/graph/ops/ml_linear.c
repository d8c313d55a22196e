/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml LinearRegressor and LinearClassifier. */

#include <string.h>

#include "eval/graph/ops/ml_linear.h"
#include "eval/graph/ops/ml_scores.h"
#include "eval/graph/ops/ops.h"
#include "kernel/gemm.h"

struct linear_state {
    const float *coefficients; /* targets x features */
    const float *intercepts;   /* NULL: 0 */
    size_t targets, features;
    mlscore_post post;
    mlscore_labels labels;
    int pair; /* one score stands for two classes */
};

static struct linear_state *prepare_linear(mlscore_prepare *prepare)
{
    struct linear_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t coefficients, intercepts;

    if (!state) {
        return NULL;
    }
    state->coefficients =
        mlscore_take_floats(prepare, "coefficients", &coefficients);
    state->intercepts = mlscore_take_floats(prepare, "intercepts", &intercepts);
    state->post = mlscore_take_post(prepare);
    state->targets = prepare->node->kind->detail
                         ? intercepts
                         : (size_t)mlscore_take_int(prepare, "targets", 1);
    if (prepare->node->kind->detail) {
        mlscore_take_ignored(prepare, "multi_class");
        mlscore_take_labels(prepare, "classlabels_strings", "classlabels_ints",
                            &state->labels);
        if (!intercepts && state->labels.count) {
            state->targets = state->labels.count;
        }
    }
    prepare->node->state = state;
    if (!state->targets || !coefficients ||
        coefficients % state->targets != 0 ||
        (intercepts && intercepts != state->targets)) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "%zu coefficients and %zu intercepts for %zu "
                             "targets", coefficients, intercepts,
                             state->targets);
        return NULL;
    }
    state->intercepts = intercepts ? state->intercepts : NULL;
    state->features = coefficients / state->targets;
    return state;
}

static mlscore_status prepare_regressor(mlscore_prepare *prepare)
{
    prepare_linear(prepare);
    return prepare->status;
}

static mlscore_status prepare_classifier(mlscore_prepare *prepare)
{
    struct linear_state *state = prepare_linear(prepare);

    if (state) {
        state->pair = state->targets == 1 && state->labels.count == 2;
        if (!state->pair && state->labels.count != state->targets) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "%zu labels for %zu scores",
                                        state->labels.count, state->targets);
        }
    }
    return prepare->status;
}

static size_t work_size(const mlscore_call *call,
                        const struct linear_state *state)
{
    const mlscore_tensor *in = call->in[0];
    size_t rows, columns;

    if (!mlscore_tensor_known(in)) {
        return 0;
    }
    mlscore_rows_of(in, &rows, &columns);
    return (mlscore_as_floats_work(in) + 63) / 64 * 64 +
           (rows * state->targets * sizeof(float) + 63) / 64 * 64 +
           mlscore_gemm_work(rows, state->targets, state->features);
}

/* scores = x coefficients' + intercepts */
static void score(const struct linear_state *state, const float *x,
                  size_t rows, float *scores, void *work)
{
    const size_t row_bytes = state->targets * sizeof(float);

    if (rows < 4) { /* a request's row: dot products, no blocking */
        for (size_t i = 0; i < rows * state->targets; i++) {
            const size_t t = i % state->targets;

            scores[i] = mlscore_dot(x + i / state->targets * state->features,
                                    state->coefficients + t * state->features,
                                    state->features) +
                        (state->intercepts ? state->intercepts[t] : 0);
        }
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        if (state->intercepts) {
            memcpy(scores + i * state->targets, state->intercepts, row_bytes);
        }
        else {
            memset(scores + i * state->targets, 0, row_bytes);
        }
    }
    mlscore_gemm(rows, state->targets, state->features,
                 (mlscore_matrix){x, state->features, 1},
                 (mlscore_matrix){state->coefficients, 1, state->features},
                 scores, state->targets, work);
}

static mlscore_status infer_regressor(mlscore_call *call)
{
    const struct linear_state *state = call->state;

    call->work_size = work_size(call, state);
    return mlscore_infer_rows(call, 0, MLSCORE_DT_FLOAT, state->targets,
                              state->features);
}

static mlscore_status run_regressor(const mlscore_call *call)
{
    const struct linear_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const float *x = mlscore_as_floats(in, call->work);
    char *work = (char *)call->work + (mlscore_as_floats_work(in) + 63) /
                                          64 * 64;
    float *out = call->out[0]->data;
    size_t rows, columns;

    mlscore_rows_of(in, &rows, &columns);
    score(state, x, rows, out, work);
    for (size_t i = 0; state->post && i < rows; i++) {
        mlscore_post_row(state->post, out + i * state->targets,
                         state->targets);
    }
    return MLSCORE_OK;
}

int mlscore_linear_of(mlscore_linear *out, const mlscore_node *node)
{
    const struct linear_state *state = node->state;

    if (node->kind->run != run_regressor || state->targets != 1 ||
        state->post != MLSCORE_POST_NONE) {
        return 0;
    }
    out->coefficients = state->coefficients;
    out->features = state->features;
    out->intercept = state->intercepts ? state->intercepts[0] : 0;
    return 1;
}

static mlscore_status infer_classifier(mlscore_call *call)
{
    const struct linear_state *state = call->state;

    call->work_size = work_size(call, state);
    return mlscore_infer_classifier(call, &state->labels,
                                    state->pair ? 2 : state->targets,
                                    state->features);
}

static size_t largest(const float *scores, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

static mlscore_status run_classifier(const mlscore_call *call)
{
    const struct linear_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const float *x = mlscore_as_floats(in, call->work);
    char *work = (char *)call->work + (mlscore_as_floats_work(in) + 63) /
                                          64 * 64;
    float *scores = (float *)work;
    float *out = call->out_count > 1 ? call->out[1]->data : NULL;
    size_t rows, columns;

    mlscore_rows_of(in, &rows, &columns);
    work += (rows * state->targets * sizeof(float) + 63) / 64 * 64;
    score(state, x, rows, scores, work);
    for (size_t i = 0; i < rows; i++) {
        float *row = scores + i * state->targets;

        mlscore_put_label(&state->labels, call->out[0], i,
                          state->pair ? row[0] > 0
                                      : largest(row, state->targets));
        if (!out) {
            continue;
        }
        if (state->pair) {
            mlscore_post_pair(state->post, MLSCORE_SECOND_COMPLEMENT, row[0],
                              out + i * 2);
            continue;
        }
        mlscore_post_row(state->post, row, state->targets);
        memcpy(out + i * state->targets, row, state->targets * sizeof(float));
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"ai.onnx.ml", "LinearRegressor", 1, 0, 1, 1, 1, 1, 0, 0, 0,
     prepare_regressor, infer_regressor, run_regressor, mlscore_batch_rows,
     NULL, 0},
    {"ai.onnx.ml", "LinearClassifier", 1, 0, 1, 1, 1, 2, 0, 0, 0,
     prepare_classifier, infer_classifier, run_classifier, mlscore_batch_rows,
     NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_ml_linear, rows);
