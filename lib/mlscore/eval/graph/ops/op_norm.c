/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisation layers of networks, in their form for scoring. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ops.h"

struct norm_state {
    double epsilon;
    int64_t axis, groups;
    /* LRN */
    double alpha, beta, bias;
    int64_t size;
};

/* Elements as double whatever the real type; the inner loops of the layers
 * are short next to the convolutions around them. */
static double get(const mlscore_tensor *tensor, size_t i)
{
    return tensor->type == MLSCORE_DT_FLOAT
               ? ((const float *)tensor->data)[i]
               : ((const double *)tensor->data)[i];
}

static void put(mlscore_tensor *tensor, size_t i, double value)
{
    if (tensor->type == MLSCORE_DT_FLOAT) {
        ((float *)tensor->data)[i] = (float)value;
    }
    else {
        ((double *)tensor->data)[i] = value;
    }
}

static mlscore_status infer_same(mlscore_call *call)
{
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_REAL);
}

/* Inputs from..to-1 are one number a channel. */
static mlscore_status need_channels(const mlscore_call *call, uint32_t from,
                                    uint32_t to, int64_t channels)
{
    for (uint32_t i = from; i < to; i++) {
        if (mlscore_tensor_known(call->in[i]) && channels >= 0 &&
            mlscore_tensor_count(call->in[i]) != (size_t)channels) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "input %u does not have %lld values", i,
                                     (long long)channels);
        }
    }
    return MLSCORE_OK;
}

/* --- BatchNormalization
 * ------------------------------------------------------------- */

static mlscore_status prepare_batch_norm(mlscore_prepare *prepare)
{
    struct norm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->epsilon = mlscore_take_float(prepare, "epsilon", 1e-5f);
    mlscore_take_ignored(prepare, "momentum");
    mlscore_take_ignored(prepare, "is_test");
    mlscore_take_ignored(prepare, "consumed_inputs");
    prepare->node->state = state;
    if (mlscore_take_int(prepare, "training_mode", 0) ||
        (prepare->node->version < 9 &&
         !mlscore_take_int(prepare, "spatial", 1)) ||
        prepare->node->output_count > 1) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "only the form for scoring is supported");
    }
    mlscore_take_ignored(prepare, "spatial");
    return prepare->status;
}

static mlscore_status infer_batch_norm(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = infer_same(call);

    for (uint32_t i = 1; !status && i < 5; i++) {
        status = mlscore_need_types(call, i, MLSCORE_DTS_REAL);
    }
    return status || in->rank < 0
               ? status
               : need_channels(call, 1, 5, in->rank > 1 ? in->dims[1] : 1);
}

static mlscore_status run_batch_norm(const mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t channels = in->rank > 1 ? (size_t)in->dims[1] : 1;
    const size_t inner = in->rank > 2 ? mlscore_tensor_span(in, 2, in->rank)
                                      : 1;
    const size_t lines = inner ? mlscore_tensor_count(in) / inner : 0;

    for (size_t l = 0; l < lines; l++) {
        const size_t c = l % channels;
        const double factor =
            get(call->in[1], c) / sqrt(get(call->in[4], c) + state->epsilon);
        const double shift =
            get(call->in[2], c) - get(call->in[3], c) * factor;

        if (in->type == MLSCORE_DT_FLOAT) {
            const float *x = (const float *)in->data + l * inner;
            float *y = (float *)call->out[0]->data + l * inner;
            const float a = (float)factor, b = (float)shift;

            for (size_t i = 0; i < inner; i++) {
                y[i] = x[i] * a + b;
            }
            continue;
        }
        for (size_t i = l * inner; i < (l + 1) * inner; i++) {
            put(call->out[0], i, get(in, i) * factor + shift);
        }
    }
    return MLSCORE_OK;
}

/* --- InstanceNormalization, GroupNormalization, MeanVarianceNormalization
 * ------------ */

/* Normalise a stretch: (x - mean) / sqrt(variance + epsilon). */
static void moments(const mlscore_tensor *in, size_t from, size_t count,
                    double *mean, double *variance)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < count; i++) {
        sum += get(in, from + i);
    }
    *mean = count ? sum / (double)count : 0;
    for (size_t i = 0; i < count; i++) {
        const double d = get(in, from + i) - *mean;

        squares += d * d;
    }
    *variance = count ? squares / (double)count : 0;
}

static mlscore_status prepare_group_norm(mlscore_prepare *prepare)
{
    struct norm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->epsilon = mlscore_take_float(prepare, "epsilon", 1e-5f);
        if (prepare->node->kind->detail) {
            state->groups = mlscore_take_int(prepare, "num_groups", 0);
        }
        mlscore_take_ignored(prepare, "stash_type");
        mlscore_take_ignored(prepare, "consumed_inputs");
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_group_norm(mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = infer_same(call);

    for (uint32_t i = 1; !status && i < 3; i++) {
        status = mlscore_need_types(call, i, MLSCORE_DTS_REAL);
    }
    if (status || in->rank < 0) {
        return status;
    }
    if (in->rank < 3 ||
        (call->node->kind->detail &&
         (state->groups < 1 ||
          (in->dims[1] >= 0 && in->dims[1] % state->groups)))) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "shape or groups do not fit");
    }
    const int64_t wanted =
        state->groups && call->node->version < 21 ? state->groups
                                                  : in->dims[1];
    return need_channels(call, 1, 3, wanted);
}

static mlscore_status run_group_norm(const mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t channels = (size_t)in->dims[1];
    const size_t groups = state->groups ? (size_t)state->groups : channels;
    const size_t inner = mlscore_tensor_span(in, 2, in->rank);
    const size_t stretch = channels / groups * inner;
    const int by_group = state->groups && call->node->version < 21;

    for (size_t g = 0; g < (size_t)in->dims[0] * groups; g++) {
        double mean, variance;

        moments(in, g * stretch, stretch, &mean, &variance);
        for (size_t i = g * stretch; i < (g + 1) * stretch; i++) {
            const size_t c = by_group ? g % groups : i / inner % channels;
            const double x =
                (get(in, i) - mean) / sqrt(variance + state->epsilon);

            put(call->out[0], i,
                x * get(call->in[1], c) + get(call->in[2], c));
        }
    }
    return MLSCORE_OK;
}

/* --- LayerNormalization, RMSNormalization
 * ------------------------------------------------ */

static mlscore_status prepare_layer_norm(mlscore_prepare *prepare)
{
    struct norm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->epsilon = mlscore_take_float(prepare, "epsilon", 1e-5f);
        state->axis = mlscore_take_int(prepare, "axis", -1);
        mlscore_take_ignored(prepare, "stash_type");
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_layer_norm(mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = infer_same(call);
    int axis;

    for (uint32_t i = 1; i < call->out_count; i++) {
        mlscore_out_unknown(call, i, MLSCORE_DT_FLOAT);
    }
    if (status || in->rank < 0) {
        return status;
    }
    status = mlscore_need_axis(call, state->axis, in->rank, &axis);
    for (uint32_t i = 1; !status && i < call->out_count; i++) {
        mlscore_out_shape(call, i, MLSCORE_DT_FLOAT, in);
        for (int d = axis; d < in->rank; d++) {
            call->out[i]->dims[d] = 1;
        }
    }
    for (uint32_t i = 1; !status && i < call->in_count; i++) {
        mlscore_tensor tail = *in, shape;

        if (!call->in[i]) {
            continue;
        }
        tail.rank = in->rank - axis;
        memmove(tail.dims, in->dims + axis, (size_t)tail.rank * 8);
        status = mlscore_broadcast(call, &tail, call->in[i], &shape);
        if (!status && mlscore_tensor_known(&tail) &&
            mlscore_tensor_known(call->in[i]) &&
            mlscore_tensor_count(&tail) != mlscore_tensor_count(call->in[i]) &&
            mlscore_tensor_count(call->in[i]) != 1) {
            return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                     "the scale is not as large as what is "
                                     "normalised");
        }
    }
    return status;
}

static mlscore_status run_layer_norm(const mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int rms = call->node->kind->detail;
    const int axis = (int)(state->axis + (state->axis < 0 ? in->rank : 0));
    const size_t stretch = mlscore_tensor_span(in, axis, in->rank);
    const size_t lines = mlscore_tensor_span(in, 0, axis);
    const int has_bias = mlscore_has_input(call, 2);
    const size_t scales = mlscore_tensor_count(call->in[1]);
    const size_t shifts = has_bias ? mlscore_tensor_count(call->in[2]) : 1;

    for (size_t l = 0; l < lines; l++) {
        double mean = 0, variance = 0;

        moments(in, l * stretch, stretch, &mean, &variance);
        if (rms) { /* the mean square is the variance around 0 */
            variance += mean * mean;
            mean = 0;
        }
        const double factor = 1 / sqrt(variance + state->epsilon);
        for (size_t i = 0; i < stretch; i++) {
            double x = (get(in, l * stretch + i) - mean) * factor;

            x *= get(call->in[1], i % scales);
            x += has_bias ? get(call->in[2], i % shifts) : 0;
            put(call->out[0], l * stretch + i, x);
        }
        if (call->out_count > 1) {
            put(call->out[1], l, mean);
        }
        if (call->out_count > 2) {
            put(call->out[2], l, factor);
        }
    }
    return MLSCORE_OK;
}

static int batch_layer_norm(const mlscore_call *call, const int *in, int *out)
{
    const struct norm_state *state = call->state;
    const int axis =
        (int)(state->axis + (state->axis < 0 ? call->in[0]->rank : 0));

    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = in[0];
    }
    for (uint32_t i = 1; i < call->in_count; i++) {
        if (in[i] >= 0) {
            return 0;
        }
    }
    return in[0] < axis;
}

/* --- LRN
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_lrn(mlscore_prepare *prepare)
{
    struct norm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->alpha = mlscore_take_float(prepare, "alpha", 1e-4f);
        state->beta = mlscore_take_float(prepare, "beta", 0.75f);
        state->bias = mlscore_take_float(prepare, "bias", 1);
        state->size = mlscore_take_int(prepare, "size", 0);
        prepare->node->state = state;
        if (state->size < 1 || state->size > 1 << 20) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'size' is impossible");
        }
    }
    return prepare->status;
}

static mlscore_status infer_lrn(mlscore_call *call)
{
    if (call->in[0]->rank >= 0 && call->in[0]->rank < 2) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs at least 2 dimensions");
    }
    return infer_same(call);
}

static mlscore_status run_lrn(const mlscore_call *call)
{
    const struct norm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t channels = in->dims[1];
    const size_t inner = mlscore_tensor_span(in, 2, in->rank);
    const int64_t before = (state->size - 1) / 2, after = state->size / 2;

    for (size_t n = 0; n < (size_t)in->dims[0]; n++) {
        for (int64_t c = 0; c < channels; c++) {
            const int64_t first = c < before ? 0 : c - before;
            const int64_t last = c + after >= channels ? channels - 1
                                                       : c + after;

            for (size_t i = 0; i < inner; i++) {
                const size_t base = n * (size_t)channels * inner + i;
                double sum = 0;

                for (int64_t k = first; k <= last; k++) {
                    const double x = get(in, base + (size_t)k * inner);

                    sum += x * x;
                }
                const size_t at = base + (size_t)c * inner;
                put(call->out[0], at,
                    get(in, at) / pow(state->bias + state->alpha /
                                                        (double)state->size *
                                                        sum, state->beta));
            }
        }
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"", "BatchNormalization", 1, 0, 5, 5, 1, 5, MLSCORE_OP_IN_PLACE, 0, 0,
     prepare_batch_norm, infer_batch_norm, run_batch_norm, mlscore_batch_rows,
     NULL, 0},
    {"", "InstanceNormalization", 1, 0, 3, 3, 1, 1, 0, 0, 0,
     prepare_group_norm, infer_group_norm, run_group_norm, mlscore_batch_rows,
     NULL, 0},
    {"", "GroupNormalization", 18, 0, 3, 3, 1, 1, 0, 0, 0, prepare_group_norm,
     infer_group_norm, run_group_norm, mlscore_batch_rows, NULL, 1},
    {"", "LayerNormalization", 17, 0, 2, 3, 1, 3, 0, 0, 0, prepare_layer_norm,
     infer_layer_norm, run_layer_norm, batch_layer_norm, NULL, 0},
    {"", "RMSNormalization", 23, 0, 2, 2, 1, 1, 0, 0, 0, prepare_layer_norm,
     infer_layer_norm, run_layer_norm, batch_layer_norm, NULL, 1},
    {"", "LRN", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_lrn, infer_lrn, run_lrn,
     mlscore_batch_rows, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_norm, rows);
