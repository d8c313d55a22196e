/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml Scaler, Normalizer, Imputer, Binarizer. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ml_scores.h"
#include "eval/graph/ops/ops.h"

enum norm { NORM_MAX, NORM_L1, NORM_L2 };

struct scale_state {
    const float *offset, *scale; /* one, or one a column */
    size_t offset_count, scale_count;
    enum norm norm;
    /* Imputer */
    const float *floats;
    const int64_t *ints;
    size_t count;
    float replaced;
    int64_t replaced_int;
    float threshold; /* Binarizer */
};

static mlscore_status prepare_scaler(mlscore_prepare *prepare)
{
    struct scale_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->offset = mlscore_take_floats(prepare, "offset",
                                        &state->offset_count);
    state->scale = mlscore_take_floats(prepare, "scale", &state->scale_count);
    prepare->node->state = state;
    return prepare->status;
}

/* Columns: the last dimension; a count of per-column values must be 1 or as
 * many. */
static mlscore_status check_columns(const mlscore_call *call, size_t count)
{
    const mlscore_tensor *in = call->in[0];
    const int64_t columns = in->rank > 0 ? in->dims[in->rank - 1]
                            : in->rank   ? -1 : 1;

    if (count > 1 && columns >= 0 && (size_t)columns != count) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu values for %lld columns", count,
                                 (long long)columns);
    }
    return MLSCORE_OK;
}

static mlscore_status infer_scaler(mlscore_call *call)
{
    const struct scale_state *state = call->state;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    status = status ? status : check_columns(call, state->offset_count);
    status = status ? status : check_columns(call, state->scale_count);
    mlscore_out_shape(call, 0, MLSCORE_DT_FLOAT, call->in[0]);
    return status;
}

static mlscore_status run_scaler(const mlscore_call *call)
{
    const struct scale_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    const size_t columns = in->rank ? (size_t)in->dims[in->rank - 1] : 1;
    float *out = call->out[0]->data;

    mlscore_elements_to_float(out, in->data, in->type, count);
    for (size_t i = 0, c = 0; i < count; i++) {
        const float offset =
            state->offset_count == 0 ? 0
            : state->offset[state->offset_count == 1 ? 0 : c];
        const float scale = state->scale_count == 0 ? 1
                            : state->scale[state->scale_count == 1 ? 0 : c];

        out[i] = (out[i] - offset) * scale;
        c = c + 1 == columns ? 0 : c + 1;
    }
    return MLSCORE_OK;
}

static int batch_columns(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return in[0] < 0 || call->in[0]->rank == 1 ||
           in[0] != call->in[0]->rank - 1;
}

/* --- Normalizer
 * ---------------------------------------------------------------------- */

static mlscore_status prepare_normalizer(mlscore_prepare *prepare)
{
    static const char *const norms[] = {"MAX", "L1", "L2", NULL};
    struct scale_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->norm = (enum norm)mlscore_take_word(prepare, "norm", norms, 0);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_normalizer(mlscore_call *call)
{
    mlscore_out_shape(call, 0, MLSCORE_DT_FLOAT, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);
}

static void normalize(enum norm norm, float *row, size_t count)
{
    float by = norm == NORM_MAX ? -INFINITY : 0;

    for (size_t i = 0; i < count; i++) {
        by = norm == NORM_MAX  ? fmaxf(by, row[i])
             : norm == NORM_L1 ? by + fabsf(row[i])
                               : by + row[i] * row[i];
    }
    by = norm == NORM_L2 ? sqrtf(by) : by;
    for (size_t i = 0; by != 0 && i < count; i++) {
        row[i] /= by;
    }
}

/* A row is everything behind the first dimension. */
static mlscore_status run_normalizer(const mlscore_call *call)
{
    const struct scale_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    const size_t rows = in->rank > 1 ? (size_t)in->dims[0] : 1;
    float *out = call->out[0]->data;

    mlscore_elements_to_float(out, in->data, in->type, count);
    for (size_t r = 0; r < rows; r++) {
        normalize(state->norm, out + r * (count / rows), count / rows);
    }
    return MLSCORE_OK;
}

/* --- Imputer
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_imputer(mlscore_prepare *prepare)
{
    struct scale_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t floats, ints;

    if (!state) {
        return prepare->status;
    }
    state->floats = mlscore_take_floats(prepare, "imputed_value_floats",
                                        &floats);
    state->ints = mlscore_take_ints(prepare, "imputed_value_int64s", &ints);
    state->replaced = mlscore_take_float(prepare, "replaced_value_float", 0);
    state->replaced_int = mlscore_take_int(prepare, "replaced_value_int64", 0);
    state->count = floats ? floats : ints;
    prepare->node->state = state;
    if ((floats > 0) == (ints > 0)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs either floats or whole numbers to "
                                    "put in");
    }
    return prepare->status;
}

static mlscore_status infer_imputer(mlscore_call *call)
{
    const struct scale_state *state = call->state;
    const uint32_t types =
        state->floats ? MLSCORE_DTS_REAL : MLSCORE_DT_BIT(MLSCORE_DT_INT64);
    mlscore_status status = mlscore_need_types(call, 0, types);

    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return status ? status : check_columns(call, state->count);
}

static int is_replaced(double x, double replaced)
{
    return isnan(replaced) ? isnan(x) : x == replaced;
}

static mlscore_status run_imputer(const mlscore_call *call)
{
    const struct scale_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    const size_t columns = in->rank ? (size_t)in->dims[in->rank - 1] : 1;
    void *out = call->out[0]->data;

    memcpy(out, in->data, count * mlscore_dtype_size(in->type));
    for (size_t i = 0, c = 0; i < count; i++) {
        const size_t at = state->count == 1 ? 0 : c;

        if (in->type == MLSCORE_DT_INT64) {
            int64_t *x = (int64_t *)out + i;

            *x = *x == state->replaced_int ? state->ints[at] : *x;
        }
        else if (in->type == MLSCORE_DT_FLOAT) {
            float *x = (float *)out + i;

            *x = is_replaced(*x, state->replaced) ? state->floats[at] : *x;
        }
        else {
            double *x = (double *)out + i;

            *x = is_replaced(*x, state->replaced) ? state->floats[at] : *x;
        }
        c = c + 1 == columns ? 0 : c + 1;
    }
    return MLSCORE_OK;
}

/* --- Binarizer
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_binarizer(mlscore_prepare *prepare)
{
    struct scale_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->threshold = mlscore_take_float(prepare, "threshold", 0);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_binarizer(mlscore_call *call)
{
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return mlscore_need_types(call, 0,
                              MLSCORE_DTS_REAL |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT32) |
                                  MLSCORE_DT_BIT(MLSCORE_DT_INT64));
}

#define BINARIZE(T) \
    for (size_t i = 0; i < count; i++) { \
        ((T *)out)[i] = \
            (double)((const T *)call->in[0]->data)[i] > threshold; \
    } \
    break;

static mlscore_status run_binarizer(const mlscore_call *call)
{
    const double threshold =
        ((const struct scale_state *)call->state)->threshold;
    const size_t count = mlscore_tensor_count(call->in[0]);
    void *out = call->out[0]->data;

    switch (call->in[0]->type) {
    case MLSCORE_DT_FLOAT: BINARIZE(float)
    case MLSCORE_DT_DOUBLE: BINARIZE(double)
    case MLSCORE_DT_INT32: BINARIZE(int32_t)
    default: BINARIZE(int64_t)
    }
    return MLSCORE_OK;
}

#define ML(NAME, PREPARE, INFER, RUN, BATCH) \
    {"ai.onnx.ml", NAME, 1, 0, 1, 1, 1, 1, 0, 0, 0, PREPARE, INFER, RUN, \
     BATCH, NULL, 0}

static const mlscore_op rows[] = {
    ML("Scaler", prepare_scaler, infer_scaler, run_scaler, batch_columns),
    ML("Normalizer", prepare_normalizer, infer_normalizer, run_normalizer,
       mlscore_batch_rows),
    ML("Imputer", prepare_imputer, infer_imputer, run_imputer, batch_columns),
    ML("Binarizer", prepare_binarizer, infer_binarizer, run_binarizer,
       mlscore_batch_elementwise),
};

MLSCORE_OP_TABLE(mlscore_ops_ml_scale, rows);
