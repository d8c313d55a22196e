/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_ELEMENTWISE_H
#define MLSCORE_KERNEL_ELEMENTWISE_H

/**
 * Functions of one, two or three elements, over whole tensors.
 *
 * A binary loop is looked up once by function and element type and then run
 * over stretches; walking broadcast shapes is separate from the arithmetic.
 */

#include "kernel/tensor.h"

typedef enum mlscore_binary {
    MLSCORE_ADD = 0,
    MLSCORE_SUB,
    MLSCORE_MUL,
    MLSCORE_DIV, /* whole numbers: towards zero; by zero gives 0 */
    MLSCORE_MAX, /* NaN wins, as in MIN */
    MLSCORE_MIN,
    MLSCORE_POW, /* float and double only */
    MLSCORE_MOD, /* sign of the divisor; by zero gives 0 */
    MLSCORE_FMOD, /* sign of the dividend */
    MLSCORE_PRELU, /* a < 0 ? a * b : a */
    MLSCORE_BIT_AND, /* also AND, OR, XOR of bool */
    MLSCORE_BIT_OR,
    MLSCORE_BIT_XOR,
    MLSCORE_SHIFT_LEFT,
    MLSCORE_SHIFT_RIGHT,
    /* These give bool: */
    MLSCORE_EQUAL,
    MLSCORE_LESS,
    MLSCORE_LESS_EQUAL,
    MLSCORE_GREATER,
    MLSCORE_GREATER_EQUAL,
    MLSCORE_BINARY_COUNT
} mlscore_binary;

/** out[i] = f(a[i * a_step], b[i * b_step]), i < count. `out` may be `a` or
 *  `b` when its step is 1 and the types agree. */
typedef void mlscore_binary_loop(void *out, const void *a, const void *b,
                                 size_t count, size_t a_step, size_t b_step);

/** The loop, or NULL when the function does not take the type. */
mlscore_binary_loop *mlscore_binary_loop_find(mlscore_binary function,
                                              mlscore_dtype type);

/** How to walk up to three operands broadcast to one shape: adjacent
 *  dimensions that all walk alike are one. Steps are in elements. */
typedef struct mlscore_walk {
    int rank;
    size_t dims[MLSCORE_TENSOR_RANK];
    size_t steps[3][MLSCORE_TENSOR_RANK];
    size_t count; /* of elements of the result */
} mlscore_walk;

/** Operands 0..count-1 (each may be NULL) against the result's shape. */
void mlscore_walk_make(mlscore_walk *walk, const mlscore_tensor *out,
                       const mlscore_tensor *const *operands, int count);

/** Run a binary loop over a walk: operands 0 and 1. Element sizes in bytes. */
void mlscore_binary_run(mlscore_binary_loop *loop, const mlscore_walk *walk,
                        void *out, size_t out_size, const void *a,
                        const void *b, size_t in_size);

/** out = condition ? a : b over a walk of three operands; elements of any
 *  size. */
void mlscore_where_run(const mlscore_walk *walk, void *out,
                       const uint8_t *condition, const void *a, const void *b,
                       size_t size);

/** Copy operand 0 of a walk into a contiguous result. */
void mlscore_copy_run(const mlscore_walk *walk, void *out, const void *in,
                      size_t size);

typedef enum mlscore_unary {
    MLSCORE_ABS = 0, /* these first ones also on whole numbers */
    MLSCORE_NEG,
    MLSCORE_SIGN,
    MLSCORE_RELU,
    MLSCORE_CLIP,   /* a: low, b: high */
    MLSCORE_UNARY_REAL, /* from here on float and double only */
    MLSCORE_EXP = MLSCORE_UNARY_REAL,
    MLSCORE_LOG,
    MLSCORE_SQRT,
    MLSCORE_RECIPROCAL,
    MLSCORE_FLOOR,
    MLSCORE_CEIL,
    MLSCORE_ROUND, /* halves to even */
    MLSCORE_ERF,
    MLSCORE_SIN,
    MLSCORE_COS,
    MLSCORE_TAN,
    MLSCORE_ASIN,
    MLSCORE_ACOS,
    MLSCORE_ATAN,
    MLSCORE_SINH,
    MLSCORE_COSH,
    MLSCORE_TANH,
    MLSCORE_ASINH,
    MLSCORE_ACOSH,
    MLSCORE_ATANH,
    MLSCORE_SIGMOID,
    MLSCORE_HARD_SIGMOID, /* max(0, min(1, a x + b)) */
    MLSCORE_HARD_SWISH,
    MLSCORE_LEAKY_RELU, /* a: slope */
    MLSCORE_ELU,        /* a: alpha */
    MLSCORE_SELU,       /* a: alpha, b: gamma */
    MLSCORE_CELU,       /* a: alpha */
    MLSCORE_THRESHOLDED_RELU, /* a: alpha */
    MLSCORE_SOFTPLUS,
    MLSCORE_SOFTSIGN,
    MLSCORE_GELU,
    MLSCORE_GELU_TANH,
    MLSCORE_MISH,
    MLSCORE_SWISH,  /* x sigmoid(a x) */
    MLSCORE_SHRINK, /* a: lambda, b: bias */
    MLSCORE_UNARY_COUNT
} mlscore_unary;

/** out[i] = f(in[i]); out may be in. Returns -1 when the function does not
 *  take the type. */
int mlscore_unary_run(mlscore_unary function, mlscore_dtype type, void *out,
                      const void *in, size_t count, double a, double b);

/** Logistic function, stable for large |x|. */
float mlscore_sigmoid_float(float x);
double mlscore_sigmoid_double(double x);

#endif
