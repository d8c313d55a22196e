/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes and element types of tensors, and conversions between the types. */

#include "kernel/tensor.h"

#include <stdio.h>
#include <string.h>

#include "kernel/small_types.h"

static const struct {
    const char *name;
    size_t size;
} kinds[] = {
    [MLSCORE_DT_NONE] = {"none", 0},
    [MLSCORE_DT_FLOAT] = {"float", 4},
    [MLSCORE_DT_UINT8] = {"uint8", 1},
    [MLSCORE_DT_INT8] = {"int8", 1},
    [MLSCORE_DT_UINT16] = {"uint16", 2},
    [MLSCORE_DT_INT16] = {"int16", 2},
    [MLSCORE_DT_INT32] = {"int32", 4},
    [MLSCORE_DT_INT64] = {"int64", 8},
    [MLSCORE_DT_STRING] = {"string", sizeof(mlscore_text)},
    [MLSCORE_DT_BOOL] = {"bool", 1},
    [MLSCORE_DT_FLOAT16] = {"float16", 2},
    [MLSCORE_DT_DOUBLE] = {"double", 8},
    [MLSCORE_DT_UINT32] = {"uint32", 4},
    [MLSCORE_DT_UINT64] = {"uint64", 8},
    [14] = {"complex64", 0},
    [15] = {"complex128", 0},
    [MLSCORE_DT_BFLOAT16] = {"bfloat16", 2},
    [MLSCORE_DT_FLOAT8E4M3FN] = {"float8e4m3fn", 1},
    [MLSCORE_DT_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 1},
    [MLSCORE_DT_FLOAT8E5M2] = {"float8e5m2", 1},
    [MLSCORE_DT_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 1},
    [MLSCORE_DT_UINT4] = {"uint4", 1},
    [MLSCORE_DT_INT4] = {"int4", 1},
    [MLSCORE_DT_FLOAT4E2M1] = {"float4e2m1", 1},
    [MLSCORE_DT_FLOAT8E8M0] = {"float8e8m0", 1},
    [MLSCORE_DT_UINT2] = {"uint2", 1},
    [MLSCORE_DT_INT2] = {"int2", 1},
};

size_t mlscore_dtype_size(mlscore_dtype type)
{
    return (size_t)type < sizeof(kinds) / sizeof(kinds[0]) ? kinds[type].size
                                                           : 0;
}

const char *mlscore_dtype_name(mlscore_dtype type)
{
    return (size_t)type < sizeof(kinds) / sizeof(kinds[0]) ? kinds[type].name
                                                           : "unknown type";
}

int mlscore_tensor_known(const mlscore_tensor *tensor)
{
    if (tensor->rank < 0) {
        return 0;
    }
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0) {
            return 0;
        }
    }
    return 1;
}

int mlscore_tensor_bytes(const mlscore_tensor *tensor, size_t limit,
                         size_t *bytes)
{
    size_t total = mlscore_dtype_size(tensor->type);
    int empty = 0;

    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] == 0) {
            empty = 1;
        }
        else if (__builtin_mul_overflow(total, (size_t)tensor->dims[i],
                                        &total)) {
            return -1;
        }
    }
    *bytes = empty ? 0 : total;
    return total > limit ? -1 : 0;
}

int mlscore_tensor_same_shape(const mlscore_tensor *a, const mlscore_tensor *b)
{
    if (a->rank != b->rank) {
        return 0;
    }
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return 0;
        }
    }
    return 1;
}

const char *mlscore_tensor_shape_text(const mlscore_tensor *tensor, char *out,
                                      size_t size)
{
    if (tensor->rank < 0) {
        snprintf(out, size, "[...]");
        return out;
    }
    size_t at = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < tensor->rank && at + 24 < size; i++) {
        const char *comma = i ? ", " : "";

        if (tensor->dims[i] < 0) {
            at += (size_t)snprintf(out + at, size - at, "%s?", comma);
        }
        else {
            at += (size_t)snprintf(out + at, size - at, "%s%lld", comma,
                                   (long long)tensor->dims[i]);
        }
    }
    snprintf(out + at, size - at, "]");
    return out;
}

float mlscore_half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t mantissa = half & 0x3ffu;
    uint32_t bits;

    if (exponent == 0x1f) {
        bits = sign | 0x7f800000u | mantissa << 13;
    }
    else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    }
    else if (mantissa) { /* subnormal: shift until the leading one is out */
        uint32_t shift = 0;

        while (!(mantissa & 0x400u)) {
            mantissa <<= 1;
            shift++;
        }
        bits = sign | (113 - shift) << 23 | (mantissa & 0x3ffu) << 13;
    }
    else {
        bits = sign;
    }
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

uint16_t mlscore_float_to_half(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000u;
    const int32_t exponent = (int32_t)(bits >> 23 & 0xff) - 112;
    uint32_t mantissa = bits & 0x7fffffu;

    if (exponent == 143) { /* infinity, or NaN kept a NaN */
        return (uint16_t)(sign | 0x7c00u | mantissa >> 13 |
                          (mantissa && !(mantissa >> 13)));
    }
    if (exponent >= 31) {
        return (uint16_t)(sign | 0x7c00u);
    }
    uint32_t shift = 13, half = 0;
    if (exponent > 0) {
        half = (uint32_t)exponent << 10;
    }
    else if (exponent < -10) {
        return (uint16_t)sign;
    }
    else {
        mantissa |= 0x800000u;
        shift = (uint32_t)(14 - exponent);
    }
    const uint32_t rest = mantissa & ((1u << shift) - 1);
    const uint32_t middle = 1u << (shift - 1);
    half += mantissa >> shift;
    half += rest > middle || (rest == middle && (half & 1)); /* may carry */
    return (uint16_t)(sign | half);
}

float mlscore_bfloat_to_float(uint16_t half)
{
    const uint32_t bits = (uint32_t)half << 16;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

uint16_t mlscore_float_to_bfloat(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* One loop for each source type; T is what the caller wants. */
#define CONVERT(T, out, in, type, count) \
    switch (type) { \
    case MLSCORE_DT_FLOAT: LOOP(T, float, out, in, count) \
    case MLSCORE_DT_DOUBLE: LOOP(T, double, out, in, count) \
    case MLSCORE_DT_INT8: LOOP(T, int8_t, out, in, count) \
    case MLSCORE_DT_INT16: LOOP(T, int16_t, out, in, count) \
    case MLSCORE_DT_INT32: LOOP(T, int32_t, out, in, count) \
    case MLSCORE_DT_INT64: LOOP(T, int64_t, out, in, count) \
    case MLSCORE_DT_BOOL: \
    case MLSCORE_DT_UINT8: LOOP(T, uint8_t, out, in, count) \
    case MLSCORE_DT_UINT16: LOOP(T, uint16_t, out, in, count) \
    case MLSCORE_DT_UINT32: LOOP(T, uint32_t, out, in, count) \
    case MLSCORE_DT_UINT64: LOOP(T, uint64_t, out, in, count) \
    case MLSCORE_DT_FLOAT16: \
        for (size_t i_ = 0; i_ < (count); i_++) { \
            (out)[i_] = (T)mlscore_half_to_float(((const uint16_t *)in)[i_]); \
        } \
        break; \
    case MLSCORE_DT_BFLOAT16: \
        for (size_t i_ = 0; i_ < (count); i_++) { \
            (out)[i_] = \
                (T)mlscore_bfloat_to_float(((const uint16_t *)in)[i_]); \
        } \
        break; \
    default: \
        for (size_t i_ = 0; i_ < (count); i_++) { \
            (out)[i_] = (T)mlscore_small_to_float( \
                ((const uint8_t *)in)[i_], type); \
        } \
        break; \
    }
#define LOOP(T, S, out, in, count) \
    for (size_t i_ = 0; i_ < (count); i_++) { \
        (out)[i_] = (T)((const S *)(in))[i_]; \
    } \
    break;

void mlscore_elements_to_float(float *out, const void *in, mlscore_dtype type,
                               size_t count)
{
    if (type == MLSCORE_DT_FLOAT) {
        memcpy(out, in, count * sizeof(float));
        return;
    }
    CONVERT(float, out, in, type, count)
}

void mlscore_elements_to_double(double *out, const void *in,
                                mlscore_dtype type, size_t count)
{
    CONVERT(double, out, in, type, count)
}

void mlscore_elements_to_int64(int64_t *out, const void *in,
                               mlscore_dtype type, size_t count)
{
    switch (type) {
    case MLSCORE_DT_INT64:
    case MLSCORE_DT_UINT64:
        memcpy(out, in, count * sizeof(int64_t));
        break;
    case MLSCORE_DT_INT4:
    case MLSCORE_DT_INT2:
    case MLSCORE_DT_INT8: LOOP(int64_t, int8_t, out, in, count)
    case MLSCORE_DT_INT16: LOOP(int64_t, int16_t, out, in, count)
    case MLSCORE_DT_INT32: LOOP(int64_t, int32_t, out, in, count)
    case MLSCORE_DT_UINT4:
    case MLSCORE_DT_UINT2:
    case MLSCORE_DT_BOOL:
    case MLSCORE_DT_UINT8: LOOP(int64_t, uint8_t, out, in, count)
    case MLSCORE_DT_UINT16: LOOP(int64_t, uint16_t, out, in, count)
    case MLSCORE_DT_UINT32: LOOP(int64_t, uint32_t, out, in, count)
    default:
        memset(out, 0, count * sizeof(int64_t));
        break;
    }
}

void mlscore_float_to_halves(uint16_t *out, const float *in,
                             mlscore_dtype type, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = type == MLSCORE_DT_FLOAT16 ? mlscore_float_to_half(in[i])
                                            : mlscore_float_to_bfloat(in[i]);
    }
}
