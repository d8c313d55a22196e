/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: reals to whole
 * numbers by a scale and a zero point, and back. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/op_quantize.h"
#include "eval/graph/ops/ops.h"
#include "kernel/small_types.h"

struct quantize {
    int64_t axis, block;
    mlscore_dtype type; /* of the output, NONE: by the inputs */
    int saturate;
};

static mlscore_status prepare_quantize(mlscore_prepare *prepare)
{
    struct quantize *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", 1);
        state->block = mlscore_take_int(prepare, "block_size", 0);
        state->type = (mlscore_dtype)mlscore_take_int(prepare, "output_dtype",
                                                      MLSCORE_DT_NONE);
        state->saturate = mlscore_take_int(prepare, "saturate", 1) != 0;
        mlscore_take_ignored(prepare, "precision"); /* never less than float */
        prepare->node->state = state;
        if (state->block < 0 || state->type < 0 || state->type > 32 ||
            (state->type && !mlscore_dtype_size(state->type))) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'block_size' or 'output_dtype' is "
                                        "impossible");
        }
    }
    return prepare->status;
}

/* How scales belong to elements, around the axis. */
struct layout {
    size_t outer, dim, inner;
    size_t block, blocks; /* block 0: a scale for each place of the axis */
    int single;           /* one scale for all */
};

static mlscore_status lay_out(const mlscore_call *call, struct layout *layout)
{
    const struct quantize *state = call->state;
    const mlscore_tensor *x = call->in[0], *scale = call->in[1];
    int axis = 0;

    *layout = (struct layout){.outer = 1, .dim = 1, .single = 1};
    layout->inner = mlscore_tensor_count(x);
    if (scale->rank <= 1 && mlscore_tensor_count(scale) == 1 &&
        state->block == 0) {
        return MLSCORE_OK;
    }
    mlscore_status status =
        mlscore_need_axis(call, state->axis, x->rank, &axis);
    if (status) {
        return status;
    }
    layout->single = 0;
    layout->outer = mlscore_tensor_span(x, 0, axis);
    layout->dim = (size_t)x->dims[axis];
    layout->inner = mlscore_tensor_span(x, axis + 1, x->rank);
    layout->block = (size_t)state->block;
    layout->blocks = layout->block
                         ? (layout->dim + layout->block - 1) / layout->block
                         : 0;
    const size_t want = layout->block
                            ? layout->outer * layout->blocks * layout->inner
                            : layout->dim;
    if (mlscore_tensor_count(scale) != want) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu scales, where %zu are needed",
                                 mlscore_tensor_count(scale), want);
    }
    return MLSCORE_OK;
}

static mlscore_status infer_quantize(mlscore_call *call)
{
    const struct quantize *state = call->state;
    const int back = call->node->kind->detail;
    const int zero = mlscore_has_input(call, 2);
    const mlscore_dtype type =
        back ? (state->type ? state->type : call->in[1]->type)
        : zero ? call->in[2]->type
               : (state->type ? state->type : MLSCORE_DT_UINT8);
    struct layout layout;

    mlscore_out_shape(call, 0, type, call->in[0]);
    if (!(MLSCORE_DT_BIT(type) &
          (back ? MLSCORE_DTS_REAL | MLSCORE_DTS_NARROW
                : MLSCORE_DTS_QUANTIZED))) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "gives %s, which is not supported",
                                 mlscore_dtype_name(type));
    }
    if (zero && mlscore_tensor_known(call->in[1]) &&
        mlscore_tensor_known(call->in[2]) &&
        mlscore_tensor_count(call->in[1]) !=
            mlscore_tensor_count(call->in[2])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "scales and zero points differ in number");
    }
    mlscore_status status = mlscore_need_types(
        call, 0, MLSCORE_DTS_NUMBER | MLSCORE_DTS_NARROW);
    status = status ? status
                    : mlscore_need_types(call, 1, MLSCORE_DTS_REAL);
    if (status || !mlscore_tensor_known(call->in[0]) ||
        !mlscore_tensor_known(call->in[1])) {
        return status;
    }
    return lay_out(call, &layout);
}

void mlscore_quantized_range(mlscore_dtype type, double *least, double *most)
{
    const int bits = mlscore_small_is_whole(type)
                         ? mlscore_small_bits(type)
                         : (int)mlscore_dtype_size(type) * 8;
    const int is_signed =
        type == MLSCORE_DT_INT4 || type == MLSCORE_DT_INT2 ||
        (MLSCORE_DT_BIT(type) & MLSCORE_DTS_SIGNED) != 0;

    *least = is_signed ? -ldexp(1, bits - 1) : 0;
    *most = ldexp(1, is_signed ? bits - 1 : bits) - 1;
}

void mlscore_quantized_store(void *out, mlscore_dtype type, size_t i,
                             double value)
{
    double least, most;

    mlscore_quantized_range(type, &least, &most);
    value = isnan(value) ? 0 : value < least ? least
                             : value > most  ? most
                                             : value;
    switch (mlscore_dtype_size(type)) {
    case 1: ((uint8_t *)out)[i] = (uint8_t)(int)value; break;
    case 2: ((uint16_t *)out)[i] = (uint16_t)(int)value; break;
    default: ((uint32_t *)out)[i] = (uint32_t)(int64_t)value; break;
    }
}

static int is_whole(mlscore_dtype type)
{
    return mlscore_small_is_whole(type) ||
           MLSCORE_DT_BIT(type) & MLSCORE_DTS_INTEGER;
}

/* Element i of a tensor of any number type, 0 when there is none. */
static float element(const mlscore_tensor *tensor, size_t i)
{
    float value = 0;

    if (tensor) {
        mlscore_elements_to_float(&value,
                                  (const char *)tensor->data +
                                      i * mlscore_dtype_size(tensor->type),
                                  tensor->type, 1);
    }
    return value;
}

/* A piece of neighbours with scales from `scale` on, `step` apart. */
static void quantize_piece(const mlscore_call *call, size_t at, size_t count,
                           size_t scale, size_t step)
{
    const struct quantize *state = call->state;
    const mlscore_tensor *zero = mlscore_has_input(call, 2) ? call->in[2]
                                                            : NULL;
    mlscore_tensor *out = call->out[0];
    const int whole = is_whole(out->type);

    for (size_t i = 0; i < count; i++) {
        const float y = element(call->in[0], at + i) /
                        element(call->in[1], scale + i * step);
        const float z = element(zero, scale + i * step);

        if (whole) {
            mlscore_quantized_store(out->data, out->type, at + i,
                                    (double)rintf(y) + (double)z);
        }
        else {
            ((uint8_t *)out->data)[at + i] =
                mlscore_float_to_small(y + z, out->type, state->saturate);
        }
    }
}

static void restore_piece(const mlscore_call *call, size_t at, size_t count,
                          size_t scale, size_t step)
{
    const mlscore_tensor *x = call->in[0];
    const size_t size = mlscore_dtype_size(x->type);
    const mlscore_tensor *zero = mlscore_has_input(call, 2) ? call->in[2]
                                                            : NULL;
    mlscore_tensor *out = call->out[0];

    for (size_t i = 0; i < count; i++) {
        double value; /* differences of int32 need more than a float */

        mlscore_elements_to_double(&value,
                                   (const char *)x->data + (at + i) * size,
                                   x->type, 1);
        value -= (double)element(zero, scale + i * step);
        const float y = (float)value * element(call->in[1], scale + i * step);
        if (out->type == MLSCORE_DT_FLOAT) {
            ((float *)out->data)[at + i] = y;
        }
        else if (out->type == MLSCORE_DT_DOUBLE) {
            ((double *)out->data)[at + i] = (double)y;
        }
        else {
            mlscore_float_to_narrow((char *)out->data +
                                        (at + i) *
                                            mlscore_dtype_size(out->type),
                                    &y, out->type, 1);
        }
    }
}

static mlscore_status run_quantize(const mlscore_call *call)
{
    struct layout l;
    mlscore_status status = lay_out(call, &l);

    for (size_t row = 0; !status && row < l.outer * l.dim; row++) {
        const size_t d = row % l.dim;
        const size_t scale =
            l.single  ? 0
            : l.block ? (row / l.dim * l.blocks + d / l.block) * l.inner
                      : d;

        (call->node->kind->detail ? restore_piece : quantize_piece)(
            call, row * l.inner, l.inner, scale, l.block ? 1 : 0);
    }
    return status;
}

/* With one scale for all or with the rows' dimension not the scales'. */
static int batch_quantize(const mlscore_call *call, const int *in, int *out)
{
    const struct quantize *state = call->state;
    const int64_t axis =
        state->axis + (state->axis < 0 ? call->in[0]->rank : 0);

    out[0] = in[0];
    return in[1] < 0 && (!mlscore_has_input(call, 2) || in[2] < 0) &&
           (mlscore_tensor_count(call->in[1]) == 1 ||
            (state->block == 0 && in[0] != axis));
}

/* --- DynamicQuantizeLinear -------------------------------------------------
 */

static mlscore_status infer_dynamic(mlscore_call *call)
{
    static const mlscore_dtype types[3] = {MLSCORE_DT_UINT8, MLSCORE_DT_FLOAT,
                                           MLSCORE_DT_UINT8};

    mlscore_out_shape(call, 0, MLSCORE_DT_UINT8, call->in[0]);
    for (uint32_t i = 1; i < call->out_count && i < 3; i++) {
        mlscore_out_dims(call, i, types[i], 0, NULL);
    }
    return mlscore_need_types(call, 0, MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
}

static mlscore_status run_dynamic(const mlscore_call *call)
{
    const float *x = call->in[0]->data;
    const size_t count = mlscore_tensor_count(call->in[0]);
    float least = 0, most = 0;

    for (size_t i = 0; i < count; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    const float scale = most > least ? (most - least) / 255 : 1;
    float zero = rintf(-least / scale);
    zero = zero < 0 ? 0 : zero > 255 ? 255 : zero;
    for (size_t i = 0; i < count; i++) {
        mlscore_quantized_store(call->out[0]->data, MLSCORE_DT_UINT8, i,
                                (double)rintf(x[i] / scale) + (double)zero);
    }
    if (call->out_count > 1) {
        *(float *)call->out[1]->data = scale;
    }
    if (call->out_count > 2) {
        *(uint8_t *)call->out[2]->data = (uint8_t)zero;
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"", "QuantizeLinear", 10, 0, 2, 3, 1, 1, MLSCORE_OP_MOVES, 0, 0,
     prepare_quantize, infer_quantize, run_quantize, batch_quantize, NULL, 0},
    {"", "DequantizeLinear", 10, 0, 2, 3, 1, 1, MLSCORE_OP_MOVES, 0, 0,
     prepare_quantize, infer_quantize, run_quantize, batch_quantize, NULL, 1},
    {"", "DynamicQuantizeLinear", 11, 0, 1, 1, 1, 3, 0, 0, 0, NULL,
     infer_dynamic, run_dynamic, NULL, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_quantize, rows);
