/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of one element. */

#include <math.h>

#include "kernel/elementwise.h"

float mlscore_sigmoid_float(float x)
{
    const float e = expf(-fabsf(x));

    return x >= 0 ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

double mlscore_sigmoid_double(double x)
{
    const double e = exp(-fabs(x));

    return x >= 0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

#define EACH(EXPR) \
    for (size_t i = 0; i < count; i++) { \
        const T x = in[i]; \
        out[i] = (T)(EXPR); \
    } \
    return 0;

/* Every function for one real type. F is the suffix of the C library's
 * functions, S the sigmoid. Written as one switch so that a function's
 * definition is one line. */
#define REAL_FUNCTIONS(NAME, TYPE, F, S) \
    static int NAME(mlscore_unary function, TYPE *out, const TYPE *in, \
                    size_t count, TYPE a, TYPE b) \
    { \
        typedef TYPE T; \
        switch (function) { \
        case MLSCORE_ABS: EACH(fabs##F(x)) \
        case MLSCORE_NEG: EACH(-x) \
        case MLSCORE_SIGN: EACH(x > 0 ? 1 : x < 0 ? -1 : x) \
        case MLSCORE_RELU: EACH(x < 0 ? 0 : x) \
        case MLSCORE_CLIP: EACH(x < a ? (a > b ? b : a) : x > b ? b : x) \
        case MLSCORE_EXP: EACH(exp##F(x)) \
        case MLSCORE_LOG: EACH(log##F(x)) \
        case MLSCORE_SQRT: EACH(sqrt##F(x)) \
        case MLSCORE_RECIPROCAL: EACH(1 / x) \
        case MLSCORE_FLOOR: EACH(floor##F(x)) \
        case MLSCORE_CEIL: EACH(ceil##F(x)) \
        case MLSCORE_ROUND: EACH(nearbyint##F(x)) \
        case MLSCORE_ERF: EACH(erf##F(x)) \
        case MLSCORE_SIN: EACH(sin##F(x)) \
        case MLSCORE_COS: EACH(cos##F(x)) \
        case MLSCORE_TAN: EACH(tan##F(x)) \
        case MLSCORE_ASIN: EACH(asin##F(x)) \
        case MLSCORE_ACOS: EACH(acos##F(x)) \
        case MLSCORE_ATAN: EACH(atan##F(x)) \
        case MLSCORE_SINH: EACH(sinh##F(x)) \
        case MLSCORE_COSH: EACH(cosh##F(x)) \
        case MLSCORE_TANH: EACH(tanh##F(x)) \
        case MLSCORE_ASINH: EACH(asinh##F(x)) \
        case MLSCORE_ACOSH: EACH(acosh##F(x)) \
        case MLSCORE_ATANH: EACH(atanh##F(x)) \
        case MLSCORE_SIGMOID: EACH(S(x)) \
        case MLSCORE_HARD_SIGMOID: \
            EACH(fmax##F(0, fmin##F(1, a * x + b))) \
        case MLSCORE_HARD_SWISH: \
            EACH(x * fmax##F(0, fmin##F(1, x * (T)(1.0 / 6) + (T)0.5))) \
        case MLSCORE_LEAKY_RELU: EACH(x < 0 ? a * x : x) \
        case MLSCORE_ELU: EACH(x < 0 ? a * expm1##F(x) : x) \
        case MLSCORE_SELU: EACH(x > 0 ? b * x : b * a * expm1##F(x)) \
        case MLSCORE_CELU: \
            EACH(fmax##F(0, x) + fmin##F(0, a * expm1##F(x / a))) \
        case MLSCORE_THRESHOLDED_RELU: EACH(x > a ? x : 0) \
        case MLSCORE_SOFTPLUS: \
            EACH(x > 0 ? x + log1p##F(exp##F(-x)) : log1p##F(exp##F(x))) \
        case MLSCORE_SOFTSIGN: EACH(x / (1 + fabs##F(x))) \
        case MLSCORE_GELU: \
            EACH((T)0.5 * x * (1 + erf##F(x * (T)0.70710678118654752440))) \
        case MLSCORE_GELU_TANH: \
            EACH((T)0.5 * x * \
                 (1 + tanh##F((T)0.79788456080286535588 * \
                              (x + (T)0.044715 * x * x * x)))) \
        case MLSCORE_MISH: \
            EACH(x * tanh##F(x > 0 ? x + log1p##F(exp##F(-x)) \
                                   : log1p##F(exp##F(x)))) \
        case MLSCORE_SWISH: EACH(x * S(a * x)) \
        case MLSCORE_SHRINK: EACH(x < -a ? x + b : x > a ? x - b : 0) \
        default: return -1; \
        } \
    }

REAL_FUNCTIONS(run_float, float, f, mlscore_sigmoid_float)
REAL_FUNCTIONS(run_double, double, , mlscore_sigmoid_double)

/* Whole numbers: the few functions that make sense. */
#define INTEGER_FUNCTIONS(NAME, TYPE) \
    static int NAME(mlscore_unary function, TYPE *out, const TYPE *in, \
                    size_t count, TYPE a, TYPE b) \
    { \
        typedef TYPE T; \
        switch (function) { \
        case MLSCORE_ABS: EACH(x < 0 ? 0 - (uint64_t)x : (uint64_t)x) \
        case MLSCORE_NEG: EACH(0 - (uint64_t)x) \
        case MLSCORE_SIGN: EACH((x > 0) - (x < 0)) \
        case MLSCORE_RELU: EACH(x < 0 ? 0 : x) \
        case MLSCORE_CLIP: EACH(x < a ? (a > b ? b : a) : x > b ? b : x) \
        default: return -1; \
        } \
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits"
INTEGER_FUNCTIONS(run_i8, int8_t)
INTEGER_FUNCTIONS(run_i16, int16_t)
INTEGER_FUNCTIONS(run_i32, int32_t)
INTEGER_FUNCTIONS(run_i64, int64_t)
INTEGER_FUNCTIONS(run_u8, uint8_t)
INTEGER_FUNCTIONS(run_u16, uint16_t)
INTEGER_FUNCTIONS(run_u32, uint32_t)
INTEGER_FUNCTIONS(run_u64, uint64_t)
#pragma GCC diagnostic pop

/* A bound as a whole number of the type, as near as it can be. */
#define BOUND(T, low, high, x) \
    ((x) <= (double)(low) ? (T)(low) : (x) >= (double)(high) ? (T)(high) \
                                                             : (T)(x))

int mlscore_unary_run(mlscore_unary function, mlscore_dtype type, void *out,
                      const void *in, size_t count, double a, double b)
{
    switch (type) {
    case MLSCORE_DT_FLOAT:
        return run_float(function, out, in, count, (float)a, (float)b);
    case MLSCORE_DT_DOUBLE: return run_double(function, out, in, count, a, b);
    case MLSCORE_DT_INT8:
        return run_i8(function, out, in, count,
                      BOUND(int8_t, INT8_MIN, INT8_MAX, a),
                      BOUND(int8_t, INT8_MIN, INT8_MAX, b));
    case MLSCORE_DT_INT16:
        return run_i16(function, out, in, count,
                       BOUND(int16_t, INT16_MIN, INT16_MAX, a),
                       BOUND(int16_t, INT16_MIN, INT16_MAX, b));
    case MLSCORE_DT_INT32:
        return run_i32(function, out, in, count,
                       BOUND(int32_t, INT32_MIN, INT32_MAX, a),
                       BOUND(int32_t, INT32_MIN, INT32_MAX, b));
    case MLSCORE_DT_INT64:
        return run_i64(function, out, in, count,
                       BOUND(int64_t, INT64_MIN, INT64_MAX, a),
                       BOUND(int64_t, INT64_MIN, INT64_MAX, b));
    case MLSCORE_DT_UINT8:
        return run_u8(function, out, in, count, BOUND(uint8_t, 0, UINT8_MAX, a),
                      BOUND(uint8_t, 0, UINT8_MAX, b));
    case MLSCORE_DT_UINT16:
        return run_u16(function, out, in, count,
                       BOUND(uint16_t, 0, UINT16_MAX, a),
                       BOUND(uint16_t, 0, UINT16_MAX, b));
    case MLSCORE_DT_UINT32:
        return run_u32(function, out, in, count,
                       BOUND(uint32_t, 0, UINT32_MAX, a),
                       BOUND(uint32_t, 0, UINT32_MAX, b));
    case MLSCORE_DT_UINT64:
        return run_u64(function, out, in, count,
                       BOUND(uint64_t, 0, UINT64_MAX, a),
                       BOUND(uint64_t, 0, UINT64_MAX, b));
    default: return -1;
    }
}
