/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_TENSOR_H
#define MLSCORE_KERNEL_TENSOR_H

/**
 * Tensors: an element type, a shape, and elements side by side in row-major
 * order. A tensor borrows its elements; whoever made them frees them.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/frame.h"

/** Most dimensions that a tensor may have. */
#define MLSCORE_TENSOR_RANK 8

/** Element types; the numbers are those of ONNX's TensorProto.DataType. */
typedef enum mlscore_dtype {
    MLSCORE_DT_NONE = 0,
    MLSCORE_DT_FLOAT = 1,
    MLSCORE_DT_UINT8 = 2,
    MLSCORE_DT_INT8 = 3,
    MLSCORE_DT_UINT16 = 4,
    MLSCORE_DT_INT16 = 5,
    MLSCORE_DT_INT32 = 6,
    MLSCORE_DT_INT64 = 7,
    MLSCORE_DT_STRING = 8, /* mlscore_text; level is not used */
    MLSCORE_DT_BOOL = 9,   /* uint8_t, 0 or 1 */
    MLSCORE_DT_FLOAT16 = 10,
    MLSCORE_DT_DOUBLE = 11,
    MLSCORE_DT_UINT32 = 12,
    MLSCORE_DT_UINT64 = 13,
    MLSCORE_DT_BFLOAT16 = 16,
    MLSCORE_DT_FLOAT8E4M3FN = 17, /* these: a byte each, small_types.h */
    MLSCORE_DT_FLOAT8E4M3FNUZ = 18,
    MLSCORE_DT_FLOAT8E5M2 = 19,
    MLSCORE_DT_FLOAT8E5M2FNUZ = 20,
    MLSCORE_DT_UINT4 = 21,
    MLSCORE_DT_INT4 = 22,
    MLSCORE_DT_FLOAT4E2M1 = 23,
    MLSCORE_DT_FLOAT8E8M0 = 24,
    MLSCORE_DT_UINT2 = 25,
    MLSCORE_DT_INT2 = 26
} mlscore_dtype;

/** Sets of element types, as bits. */
#define MLSCORE_DT_BIT(type) (1u << (type))
#define MLSCORE_DTS_REAL \
    (MLSCORE_DT_BIT(MLSCORE_DT_FLOAT) | MLSCORE_DT_BIT(MLSCORE_DT_DOUBLE))
#define MLSCORE_DTS_HALF \
    (MLSCORE_DT_BIT(MLSCORE_DT_FLOAT16) | MLSCORE_DT_BIT(MLSCORE_DT_BFLOAT16))
#define MLSCORE_DTS_SMALL (0x3ffu << MLSCORE_DT_FLOAT8E4M3FN)
/** Evaluated as floats by operators that do more than move elements. */
#define MLSCORE_DTS_NARROW (MLSCORE_DTS_HALF | MLSCORE_DTS_SMALL)
#define MLSCORE_DTS_SIGNED \
    (MLSCORE_DT_BIT(MLSCORE_DT_INT8) | MLSCORE_DT_BIT(MLSCORE_DT_INT16) | \
     MLSCORE_DT_BIT(MLSCORE_DT_INT32) | MLSCORE_DT_BIT(MLSCORE_DT_INT64))
#define MLSCORE_DTS_UNSIGNED \
    (MLSCORE_DT_BIT(MLSCORE_DT_UINT8) | MLSCORE_DT_BIT(MLSCORE_DT_UINT16) | \
     MLSCORE_DT_BIT(MLSCORE_DT_UINT32) | MLSCORE_DT_BIT(MLSCORE_DT_UINT64))
#define MLSCORE_DTS_INTEGER (MLSCORE_DTS_SIGNED | MLSCORE_DTS_UNSIGNED)
#define MLSCORE_DTS_NUMBER (MLSCORE_DTS_REAL | MLSCORE_DTS_INTEGER)
#define MLSCORE_DTS_BOOL MLSCORE_DT_BIT(MLSCORE_DT_BOOL)
#define MLSCORE_DTS_STRING MLSCORE_DT_BIT(MLSCORE_DT_STRING)
#define MLSCORE_DTS_ANY \
    (MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL | MLSCORE_DTS_STRING | \
     MLSCORE_DTS_NARROW)

typedef struct mlscore_tensor {
    mlscore_dtype type;
    int rank;                          /* -1 while unknown */
    int64_t dims[MLSCORE_TENSOR_RANK]; /* -1 while unknown */
    void *data;                        /* NULL while unknown */
} mlscore_tensor;

/** Bytes of one element, 0 for a type that tensors do not have. */
size_t mlscore_dtype_size(mlscore_dtype type);
/** ONNX's name of a type, such as "float"; never NULL. */
const char *mlscore_dtype_name(mlscore_dtype type);

/** 1 when the rank and every dimension are known. */
int mlscore_tensor_known(const mlscore_tensor *tensor);

/** Number of elements of a known shape. */
static inline size_t mlscore_tensor_count(const mlscore_tensor *tensor)
{
    size_t count = 1;

    for (int i = 0; i < tensor->rank; i++) {
        count *= (size_t)tensor->dims[i];
    }
    return count;
}

/** Product of dimensions from..to-1 of a known shape. */
static inline size_t mlscore_tensor_span(const mlscore_tensor *tensor,
                                         int from, int to)
{
    size_t count = 1;

    for (int i = from; i < to; i++) {
        count *= (size_t)tensor->dims[i];
    }
    return count;
}

/** Bytes of a known shape's elements in *bytes; -1 on overflow or when there
 *  would be more than `limit` bytes. */
int mlscore_tensor_bytes(const mlscore_tensor *tensor, size_t limit,
                         size_t *bytes);

/** Same rank and dimensions. */
int mlscore_tensor_same_shape(const mlscore_tensor *a,
                              const mlscore_tensor *b);

/** Write a shape such as [2, ?, 3] for a message; returns `out`. */
const char *mlscore_tensor_shape_text(const mlscore_tensor *tensor, char *out,
                                      size_t size);

/** IEEE half and bfloat16 to float and back (round to nearest even). */
float mlscore_half_to_float(uint16_t half);
uint16_t mlscore_float_to_half(float value);
float mlscore_bfloat_to_float(uint16_t bits);
uint16_t mlscore_float_to_bfloat(float value);

/** `count` elements of any number or bool type read as float or double. */
void mlscore_elements_to_float(float *out, const void *in, mlscore_dtype type,
                               size_t count);
void mlscore_elements_to_double(double *out, const void *in,
                                mlscore_dtype type, size_t count);
/** `count` elements of an integer or bool type read as int64_t. */
void mlscore_elements_to_int64(int64_t *out, const void *in,
                               mlscore_dtype type, size_t count);
/** Floats to FLOAT16 or BFLOAT16 elements. */
void mlscore_float_to_halves(uint16_t *out, const float *in,
                             mlscore_dtype type, size_t count);

#endif
