/* SPDX-License-Identifier: Apache-2.0 */
/* Reals of 8 and 4 bits ("FP8 Formats for Deep Learning", Micikevicius et al.
 * 2022; Open Compute Project's MX formats), whole numbers of 4 and 2. */

#include "kernel/small_types.h"

#include <math.h>

struct format {
    int exponent, mantissa, bias; /* bits, bits, offset */
    int has_infinity;
    int no_minus_zero; /* its code is the only NaN */
    int no_nan;
    float largest;
};

static const struct format formats[] = {
    [MLSCORE_DT_FLOAT8E4M3FN - 17] = {4, 3, 7, 0, 0, 0, 448},
    [MLSCORE_DT_FLOAT8E4M3FNUZ - 17] = {4, 3, 8, 0, 1, 0, 240},
    [MLSCORE_DT_FLOAT8E5M2 - 17] = {5, 2, 15, 1, 0, 0, 57344},
    [MLSCORE_DT_FLOAT8E5M2FNUZ - 17] = {5, 2, 16, 0, 1, 0, 57344},
    [MLSCORE_DT_FLOAT4E2M1 - 17] = {2, 1, 1, 0, 0, 1, 6},
};

int mlscore_small_bits(mlscore_dtype type)
{
    switch (type) {
    case MLSCORE_DT_FLOAT8E4M3FN:
    case MLSCORE_DT_FLOAT8E4M3FNUZ:
    case MLSCORE_DT_FLOAT8E5M2:
    case MLSCORE_DT_FLOAT8E5M2FNUZ:
    case MLSCORE_DT_FLOAT8E8M0: return 8;
    case MLSCORE_DT_UINT4:
    case MLSCORE_DT_INT4:
    case MLSCORE_DT_FLOAT4E2M1: return 4;
    case MLSCORE_DT_UINT2:
    case MLSCORE_DT_INT2: return 2;
    default: return 0;
    }
}

int mlscore_small_is_whole(mlscore_dtype type)
{
    return type == MLSCORE_DT_UINT4 || type == MLSCORE_DT_INT4 ||
           type == MLSCORE_DT_UINT2 || type == MLSCORE_DT_INT2;
}

static int is_signed(mlscore_dtype type)
{
    return type == MLSCORE_DT_INT4 || type == MLSCORE_DT_INT2;
}

/* --- reals ---------------------------------------------------------------- */

static float decode(uint8_t code, const struct format *format)
{
    const int width = format->exponent + format->mantissa;
    const int sign = code >> width & 1;
    const int exponent = code >> format->mantissa &
                         ((1 << format->exponent) - 1);
    const int mantissa = code & ((1 << format->mantissa) - 1);
    const int all = (1 << format->exponent) - 1;
    float value;

    if (format->no_minus_zero && code == 1 << width) {
        return NAN;
    }
    if (format->has_infinity && exponent == all) {
        return mantissa ? NAN : sign ? -INFINITY : INFINITY;
    }
    if (!format->no_nan && !format->no_minus_zero && !format->has_infinity &&
        exponent == all && mantissa == (1 << format->mantissa) - 1) {
        return NAN;
    }
    value = exponent ? ldexpf((float)(mantissa + (1 << format->mantissa)),
                              exponent - format->bias - format->mantissa)
                     : ldexpf((float)mantissa,
                              1 - format->bias - format->mantissa);
    return sign ? -value : value;
}

static uint8_t nan_code(const struct format *format, int sign)
{
    const int width = format->exponent + format->mantissa;

    if (format->no_nan || format->no_minus_zero) {
        return format->no_nan ? 0 : (uint8_t)(1 << width);
    }
    /* Next to an infinity a NaN is quiet when its first bit is set. */
    return (uint8_t)(sign << width |
                     ((1 << width) - (format->has_infinity ? 2 : 1)));
}

static uint8_t encode(float value, const struct format *format, int saturate)
{
    const int width = format->exponent + format->mantissa;
    const int sign = signbit(value) != 0;
    float size = fabsf(value);
    int exponent;

    if (isnan(value)) {
        return nan_code(format, sign);
    }
    frexpf(isinf(size) ? format->largest : size, &exponent);
    exponent = exponent - 1 < 1 - format->bias ? 1 - format->bias
                                               : exponent - 1;
    const float step = ldexpf(1, exponent - format->mantissa);
    if (isinf(size) || rintf(size / step) * step > format->largest) {
        if (!saturate && format->has_infinity) {
            return (uint8_t)(sign << width | ((1 << format->exponent) - 1)
                                                 << format->mantissa);
        }
        if (!saturate && !format->no_nan) {
            return nan_code(format, sign);
        }
        size = format->largest;
        return (uint8_t)(sign << width |
                         encode(size, format, 1));
    }
    int steps = (int)rintf(size / step);
    if (steps == 2 << format->mantissa) { /* rounded up to the next power */
        steps /= 2;
        exponent++;
    }
    const int code = steps < 1 << format->mantissa
                         ? steps
                         : (exponent + format->bias) << format->mantissa |
                               (steps - (1 << format->mantissa));
    return (uint8_t)(code || !format->no_minus_zero ? sign << width | code
                                                    : 0);
}

/* A power of two, rounded up. */
static uint8_t encode_power(float value)
{
    int exponent;

    if (isnan(value)) {
        return 0xff;
    }
    if (isinf(value)) {
        return 0xfe;
    }
    const float part = frexpf(fabsf(value), &exponent);
    exponent += part > 0.5f ? 127 : 126;
    return (uint8_t)(value == 0 || exponent < 0 ? 0
                     : exponent > 0xfe          ? 0xfe
                                                : exponent);
}

float mlscore_small_to_float(uint8_t element, mlscore_dtype type)
{
    if (mlscore_small_is_whole(type)) {
        return is_signed(type) ? (float)(int8_t)element : (float)element;
    }
    if (type == MLSCORE_DT_FLOAT8E8M0) {
        return element == 0xff ? NAN : ldexpf(1, element - 127);
    }
    return decode(element, &formats[type - 17]);
}

uint8_t mlscore_float_to_small(float value, mlscore_dtype type, int saturate)
{
    const int bits = mlscore_small_bits(type);

    if (type == MLSCORE_DT_FLOAT8E8M0) {
        return encode_power(value);
    }
    if (!mlscore_small_is_whole(type)) {
        return encode(value, &formats[type - 17], saturate);
    }
    const float least = is_signed(type) ? -ldexpf(1, bits - 1) : 0;
    const float most = ldexpf(1, is_signed(type) ? bits - 1 : bits) - 1;
    const float whole = isnan(value) ? 0 : rintf(value);
    return (uint8_t)(int8_t)(whole < least ? least
                             : whole > most ? most : whole);
}

uint8_t mlscore_small_wrap(uint64_t value, mlscore_dtype type)
{
    const unsigned bits = (unsigned)mlscore_small_bits(type);
    const unsigned low = (unsigned)value & ((1u << bits) - 1);
    const unsigned sign = 1u << (bits - 1);

    return (uint8_t)(is_signed(type) ? (low ^ sign) - sign : low);
}

void mlscore_small_unpack(uint8_t *out, const uint8_t *packed,
                          mlscore_dtype type, size_t count)
{
    const size_t bits = (size_t)mlscore_small_bits(type);
    const size_t per = 8 / bits;

    for (size_t i = 0; i < count; i++) {
        out[i] = mlscore_small_wrap((uint64_t)packed[i / per] >>
                                        (i % per * bits), type);
    }
}

void mlscore_float_to_narrow(void *out, const float *in, mlscore_dtype type,
                             size_t count)
{
    if (MLSCORE_DT_BIT(type) & MLSCORE_DTS_HALF) {
        mlscore_float_to_halves(out, in, type, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ((uint8_t *)out)[i] = mlscore_float_to_small(in[i], type, 1);
    }
}
