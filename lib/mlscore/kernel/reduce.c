/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, positions of extremes, softmax. */

#include "kernel/reduce.h"

#include <math.h>

/* Accumulate along the dimension: `x` is the element, `sum` the result. */
#define ALONG(START, STEP, FINISH) \
    for (size_t o = 0; o < outer; o++) { \
        for (size_t i = 0; i < inner; i++) { \
            const T *at = in + o * dim * inner + i; \
            A sum = (START); \
            for (size_t k = 0; k < dim; k++) { \
                const A x = (A)at[k * inner]; \
                STEP; \
            } \
            out[o * inner + i] = (T)(FINISH); \
        } \
    } \
    break;

#define LARGEST(T, at, dim, inner, out) \
    do { \
        out = dim ? (at)[0] : 0; \
        for (size_t k_ = 1; k_ < (dim); k_++) { \
            out = (at)[k_ * (inner)] > out ? (at)[k_ * (inner)] : out; \
        } \
    } while (0)

#define REDUCE(NAME, TYPE, ACC, LOW, HIGH, IS_NAN) \
    static void NAME(mlscore_reduce function, TYPE *out, const TYPE *in, \
                     size_t outer, size_t dim, size_t inner) \
    { \
        typedef TYPE T; \
        typedef ACC A; \
        switch (function) { \
        case MLSCORE_REDUCE_SUM: ALONG(0, sum += x, sum) \
        case MLSCORE_REDUCE_MEAN: \
            ALONG(0, sum += x, MEAN(sum, dim)) \
        case MLSCORE_REDUCE_MAX: \
            ALONG((A)(LOW), if (x > sum || IS_NAN(x)) sum = x, sum) \
        case MLSCORE_REDUCE_MIN: \
            ALONG((A)(HIGH), if (x < sum || IS_NAN(x)) sum = x, sum) \
        case MLSCORE_REDUCE_PROD: ALONG(1, sum *= x, sum) \
        case MLSCORE_REDUCE_SUM_SQUARE: ALONG(0, sum += x *x, sum) \
        case MLSCORE_REDUCE_L1: ALONG(0, sum += x < 0 ? -x : x, sum) \
        case MLSCORE_REDUCE_L2: \
            ALONG(0, sum += x *x, sqrt((double)sum)) \
        case MLSCORE_REDUCE_LOG_SUM: ALONG(0, sum += x, log((double)sum)) \
        case MLSCORE_REDUCE_LOG_SUM_EXP: \
            for (size_t o = 0; o < outer; o++) { \
                for (size_t i = 0; i < inner; i++) { \
                    const T *at = in + o * dim * inner + i; \
                    T top; \
                    double sum = 0; \
                    LARGEST(T, at, dim, inner, top); \
                    const double most = isinf((double)top) ? 0 : (double)top; \
                    for (size_t k = 0; k < dim; k++) { \
                        sum += exp((double)at[k * inner] - most); \
                    } \
                    out[o * inner + i] = (T)(log(sum) + most); \
                } \
            } \
            break; \
        } \
    }

/* NAN never differs from itself: this is what tells it. */
#define REAL_NAN(x) ((x) != (x))
#define MEAN(sum, dim) ((sum) / (A)(dim))

REDUCE(reduce_float, float, double, -INFINITY, INFINITY, REAL_NAN)
REDUCE(reduce_double, double, double, -INFINITY, INFINITY, REAL_NAN)
#undef MEAN
#define MEAN(sum, dim) ((dim) ? (T)((int64_t)(sum) / (int64_t)(dim)) : 0)
/* Whole numbers wrap, so they are summed without sign. */
#define WRAPPED(NAME, TYPE, LOW, HIGH) \
    static void NAME(mlscore_reduce function, TYPE *out, const TYPE *in, \
                     size_t outer, size_t dim, size_t inner) \
    { \
        typedef TYPE T; \
        typedef uint64_t A; \
        switch (function) { \
        case MLSCORE_REDUCE_SUM: ALONG(0, sum += x, sum) \
        case MLSCORE_REDUCE_MEAN: ALONG(0, sum += x, MEAN(sum, dim)) \
        case MLSCORE_REDUCE_MAX: \
            ALONG((A)(int64_t)(LOW), \
                  if ((int64_t)x > (int64_t)sum) sum = x, sum) \
        case MLSCORE_REDUCE_MIN: \
            ALONG((A)(int64_t)(HIGH), \
                  if ((int64_t)x < (int64_t)sum) sum = x, sum) \
        case MLSCORE_REDUCE_PROD: ALONG(1, sum *= x, sum) \
        case MLSCORE_REDUCE_SUM_SQUARE: ALONG(0, sum += x *x, sum) \
        case MLSCORE_REDUCE_L1: \
            ALONG(0, sum += (int64_t)x < 0 ? 0 - x : x, sum) \
        case MLSCORE_REDUCE_L2: \
            ALONG(0, sum += x *x, sqrt((double)(int64_t)sum)) \
        case MLSCORE_REDUCE_LOG_SUM: \
            ALONG(0, sum += x, whole_log((double)(int64_t)sum)) \
        case MLSCORE_REDUCE_LOG_SUM_EXP: \
            for (size_t o = 0; o < outer * inner; o++) { \
                const T *at = in + o / inner * dim * inner + o % inner; \
                double sum = 0; \
                for (size_t k = 0; k < dim; k++) { \
                    sum += exp((double)at[k * inner]); \
                } \
                out[o] = (T)whole_log(sum); \
            } \
            break; \
        } \
    }

static int64_t whole_log(double x)
{
    const double y = log(x);

    return isfinite(y) ? (int64_t)y : 0;
}

WRAPPED(reduce_int32, int32_t, INT32_MIN, INT32_MAX)
WRAPPED(reduce_int64, int64_t, INT64_MIN, INT64_MAX)

int mlscore_reduce_run(mlscore_reduce function, mlscore_dtype type, void *out,
                       const void *in, size_t outer, size_t dim, size_t inner)
{
    switch (type) {
    case MLSCORE_DT_FLOAT:
        reduce_float(function, out, in, outer, dim, inner);
        return 0;
    case MLSCORE_DT_DOUBLE:
        reduce_double(function, out, in, outer, dim, inner);
        return 0;
    case MLSCORE_DT_INT32:
        reduce_int32(function, out, in, outer, dim, inner);
        return 0;
    case MLSCORE_DT_INT64:
        reduce_int64(function, out, in, outer, dim, inner);
        return 0;
    default: return -1;
    }
}

#define ARG(T) \
    do { \
        const T *data = in; \
        for (size_t o = 0; o < outer; o++) { \
            for (size_t i = 0; i < inner; i++) { \
                const T *at = data + o * dim * inner + i; \
                size_t best = 0; \
                for (size_t k = 1; k < dim; k++) { \
                    const T x = at[k * inner], y = at[best * inner]; \
                    const int better = smallest ? x < y : x > y; \
                    best = better || (last && x == y) ? k : best; \
                } \
                out[o * inner + i] = (int64_t)best; \
            } \
        } \
        return 0; \
    } while (0)

int mlscore_arg_run(int smallest, int last, mlscore_dtype type, int64_t *out,
                    const void *in, size_t outer, size_t dim, size_t inner)
{
    switch (type) {
    case MLSCORE_DT_FLOAT: ARG(float);
    case MLSCORE_DT_DOUBLE: ARG(double);
    case MLSCORE_DT_INT8: ARG(int8_t);
    case MLSCORE_DT_INT16: ARG(int16_t);
    case MLSCORE_DT_INT32: ARG(int32_t);
    case MLSCORE_DT_INT64: ARG(int64_t);
    case MLSCORE_DT_UINT8: ARG(uint8_t);
    case MLSCORE_DT_UINT16: ARG(uint16_t);
    case MLSCORE_DT_UINT32: ARG(uint32_t);
    case MLSCORE_DT_UINT64: ARG(uint64_t);
    default: return -1;
    }
}

#define SOFTMAX(NAME, TYPE, F) \
    static void NAME(mlscore_softmax function, TYPE *out, const TYPE *in, \
                     size_t dim, size_t step) \
    { \
        TYPE most = -INFINITY, sum = 0; \
        size_t best = 0; \
        for (size_t k = 0; k < dim; k++) { \
            if (in[k * step] > most) { \
                most = in[k * step]; \
                best = k; \
            } \
        } \
        if (function == MLSCORE_HARDMAX) { \
            for (size_t k = 0; k < dim; k++) { \
                out[k * step] = k == best; \
            } \
            return; \
        } \
        for (size_t k = 0; k < dim; k++) { \
            const TYPE x = in[k * step] - most; \
            const TYPE e = exp##F(x); \
            out[k * step] = function == MLSCORE_SOFTMAX ? e : x; \
            sum += e; \
        } \
        const TYPE log_sum = log##F(sum); \
        for (size_t k = 0; k < dim; k++) { \
            out[k * step] = function == MLSCORE_SOFTMAX \
                                ? out[k * step] / sum \
                                : out[k * step] - log_sum; \
        } \
    }

SOFTMAX(softmax_float, float, f)
SOFTMAX(softmax_double, double, )

void mlscore_softmax_run(mlscore_softmax function, mlscore_dtype type,
                         void *out, const void *in, size_t outer, size_t dim,
                         size_t inner)
{
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < inner; i++) {
            const size_t at = o * dim * inner + i;

            if (type == MLSCORE_DT_FLOAT) {
                softmax_float(function, (float *)out + at,
                              (const float *)in + at, dim, inner);
            }
            else {
                softmax_double(function, (double *)out + at,
                               (const double *)in + at, dim, inner);
            }
        }
    }
}
