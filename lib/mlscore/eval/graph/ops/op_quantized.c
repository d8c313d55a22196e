/* SPDX-License-Identifier: Apache-2.0 */
/* Products of quantised operands: MatMulInteger, QLinearMatMul, ConvInteger,
 * QLinearConv. Differences from the zero points are doubles, in which these
 * sums are exact, and go through MatMul and Conv. */

#include <math.h>

#include "base/alloc.h"
#include "eval/graph/ops/op_quantize.h"
#include "eval/graph/ops/ops.h"

/* Where each operator has its inputs; -1 where it has no such one. */
static const struct places {
    int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
    int is_conv;
} all_places[] = {
    {0, -1, 2, 1, -1, 3, -1, -1, -1, 0}, /* MatMulInteger */
    {0, 1, 2, 3, 4, 5, 6, 7, -1, 0},     /* QLinearMatMul */
    {0, -1, 2, 1, -1, 3, -1, -1, -1, 1}, /* ConvInteger */
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 1},      /* QLinearConv */
};

static const struct places *places_of(const mlscore_call *call)
{
    return &all_places[call->node->kind->detail];
}

static const mlscore_tensor *input(const mlscore_call *call, int i)
{
    return i >= 0 && mlscore_has_input(call, (uint32_t)i)
               ? call->in[i] : NULL;
}

/* The call of MatMul or Conv on doubles. */
static mlscore_call inner_call(const mlscore_call *call,
                               const mlscore_tensor **in,
                               mlscore_tensor **out)
{
    mlscore_call inner = *call;

    inner.in = in;
    inner.in_count = 2;
    inner.out = out;
    inner.out_count = 1;
    return inner;
}

static mlscore_status infer_product(mlscore_call *call)
{
    const struct places *places = places_of(call);
    mlscore_tensor a = *call->in[places->a], b = *call->in[places->b];
    const mlscore_tensor *in[2] = {&a, &b};
    mlscore_tensor result = {.rank = -1};
    mlscore_tensor *out[1] = {&result};
    mlscore_call inner = inner_call(call, in, out);
    const uint32_t bytes =
        MLSCORE_DT_BIT(MLSCORE_DT_INT8) | MLSCORE_DT_BIT(MLSCORE_DT_UINT8);
    /* The 16-bit and small types are doubles just as well. */
    mlscore_status status = mlscore_need_types(
        call, (uint32_t)places->a, bytes | MLSCORE_DTS_SMALL);

    status = status ? status
                    : mlscore_need_types(call, (uint32_t)places->b,
                                         bytes | MLSCORE_DTS_SMALL);
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (call->in[i]) { /* scales, zero points, bias */
            status = mlscore_need_types(
                call, i, (int)i == places->y_zero
                             ? MLSCORE_DTS_QUANTIZED & MLSCORE_DTS_INTEGER
                             : MLSCORE_DTS_NUMBER | MLSCORE_DTS_NARROW);
        }
    }
    a.type = b.type = MLSCORE_DT_DOUBLE;
    status = status          ? status
             : places->is_conv ? mlscore_conv_infer(&inner)
                               : mlscore_matmul_infer(&inner);
    call->work_size = inner.work_size;
    mlscore_out_shape(call, 0, places->y_zero < 0
                                   ? MLSCORE_DT_INT32
                                   : call->in[places->y_zero]->type,
                      &result);
    return status;
}

/* Which zero point or scale belongs to element i: one for all; one a column
 * of b; one a row of a; or one a filter. */
static size_t place(const mlscore_tensor *tensor, const mlscore_tensor *of,
                    size_t i, int is_conv, int is_second)
{
    const size_t count = mlscore_tensor_count(tensor);

    if (count == 1) {
        return 0;
    }
    if (is_conv) {
        return i / mlscore_tensor_span(of, 1, of->rank) % count;
    }
    const size_t width = (size_t)of->dims[of->rank - 1];
    const size_t row = i / width, column = i % width;
    if (tensor->rank == of->rank && tensor->rank > 1) {
        /* one for each row or column of every matrix */
        return is_second ? row / (size_t)of->dims[of->rank - 2] * width +
                               column
                         : row;
    }
    return (is_second ? column : row) % count;
}

static double number(const mlscore_tensor *tensor, size_t i)
{
    double value;

    mlscore_elements_to_double(&value,
                               (const char *)tensor->data +
                                   i * mlscore_dtype_size(tensor->type),
                               tensor->type, 1);
    return value;
}

/* Elements less their zero points. */
static mlscore_status centred(const mlscore_call *call, int which, int zero_at,
                              int is_second, mlscore_tensor *out)
{
    const mlscore_tensor *in = call->in[which], *zero = input(call, zero_at);
    const size_t count = mlscore_tensor_count(in);
    double *values = mlscore_malloc_array(count + 1, sizeof(*values));

    *out = *in;
    out->type = MLSCORE_DT_DOUBLE;
    out->data = values;
    if (!values) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    if (zero && mlscore_tensor_count(zero) == 0) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "a zero point is empty");
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = number(in, i);
        if (zero) {
            values[i] -= number(zero, place(zero, in, i,
                                            places_of(call)->is_conv,
                                            is_second));
        }
    }
    return MLSCORE_OK;
}

/* The scale of element i of the result along one operand. */
static double scale_of(const mlscore_call *call, int at, size_t i,
                       int is_second)
{
    const mlscore_tensor *scale = call->in[at], *out = call->out[0];
    const int is_conv = places_of(call)->is_conv;
    const size_t count = mlscore_tensor_count(scale);

    if (count <= 1) {
        return number(scale, 0);
    }
    return number(scale, is_conv ? i / mlscore_tensor_span(out, 2, out->rank) %
                                       count
                                 : place(scale, out, i, 0, is_second) % count);
}

static void store(const mlscore_call *call, const mlscore_tensor *sums)
{
    const struct places *places = places_of(call);
    mlscore_tensor *out = call->out[0];
    const mlscore_tensor *bias = input(call, places->bias);
    const size_t count = mlscore_tensor_count(out);

    for (size_t i = 0; i < count; i++) {
        double sum = ((const double *)sums->data)[i];

        if (places->y_zero < 0) {
            ((int32_t *)out->data)[i] = (int32_t)(int64_t)sum; /* wraps */
            continue;
        }
        if (bias) {
            sum += number(bias, i / mlscore_tensor_span(out, 2, out->rank) %
                                    mlscore_tensor_count(bias));
        }
        sum *= scale_of(call, places->a_scale, i, 0) *
               scale_of(call, places->b_scale, i, 1) /
               number(call->in[places->y_scale], 0);
        mlscore_quantized_store(out->data, out->type, i,
                                rint(sum) +
                                    number(call->in[places->y_zero], 0));
    }
}

static mlscore_status run_product(const mlscore_call *call)
{
    const struct places *places = places_of(call);
    mlscore_tensor a = {0}, b = {0}, sums = *call->out[0];
    const mlscore_tensor *in[2] = {&a, &b};
    mlscore_tensor *out[1] = {&sums};
    const mlscore_call inner = inner_call(call, in, out);
    mlscore_status status = centred(call, places->a, places->a_zero, 0, &a);

    status = status ? status : centred(call, places->b, places->b_zero, 1, &b);
    sums.type = MLSCORE_DT_DOUBLE;
    sums.data = mlscore_malloc_array(mlscore_tensor_count(&sums) + 1,
                                     sizeof(double));
    if (!status && !sums.data) {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (call->in[i] && mlscore_tensor_count(call->in[i]) == 0 &&
            (int)i != places->a && (int)i != places->b) {
            status = mlscore_call_fail(call, MLSCORE_EFORMAT,
                                       "input %u is empty", i);
        }
    }
    status = status            ? status
             : places->is_conv ? mlscore_conv_run_call(&inner)
                               : mlscore_matmul_run(&inner);
    if (!status) {
        store(call, &sums);
    }
    mlscore_free(a.data);
    mlscore_free(b.data);
    mlscore_free(sums.data);
    return status;
}

/* Rows of a alone, with one scale and zero point for all of them. */
static int batch_product(const mlscore_call *call, const int *in, int *out)
{
    const struct places *places = places_of(call);
    const int others[] = {places->a_scale, places->a_zero};

    for (uint32_t i = 0; i < call->in_count; i++) {
        if (call->in[i] && (int)i != places->a && in[i] >= 0) {
            return 0;
        }
    }
    for (int i = 0; i < 2; i++) {
        const mlscore_tensor *tensor = input(call, others[i]);

        if (tensor && mlscore_tensor_count(tensor) != 1) {
            return 0;
        }
    }
    out[0] = 0;
    return in[places->a] == 0 && call->in[places->a]->rank > 1 &&
           (places->is_conv || call->in[places->b]->rank == 2);
}

static const mlscore_op rows[] = {
    {"", "MatMulInteger", 10, 0, 2, 4, 1, 1, MLSCORE_OP_MOVES, 0, 0, NULL,
     infer_product, run_product, batch_product, NULL, 0},
    {"", "QLinearMatMul", 10, 0, 8, 8, 1, 1, MLSCORE_OP_MOVES, 0, 0, NULL,
     infer_product, run_product, batch_product, NULL, 1},
    {"", "ConvInteger", 10, 0, 2, 4, 1, 1, MLSCORE_OP_MOVES, 0, 0,
     mlscore_conv_prepare, infer_product, run_product, batch_product, NULL, 2},
    {"", "QLinearConv", 10, 0, 8, 9, 1, 1, MLSCORE_OP_MOVES, 0, 0,
     mlscore_conv_prepare, infer_product, run_product, batch_product, NULL, 3},
};

MLSCORE_OP_TABLE(mlscore_ops_quantized, rows);
