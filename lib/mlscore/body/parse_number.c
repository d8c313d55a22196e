/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal text to double and float, correctly rounded.
 *
 * The algorithm is Eisel's and Lemire's (Lemire 2021, "Number parsing at a
 * gigabyte per second", Software: Practice and Experience 51(8); that it never
 * needs a second look below 20 digits: Mushtak and Lemire 2023, "Fast number
 * parsing without fallback"). Numbers of more digits than fit are settled by
 * parse_exact.c when the digits that were cut off could matter. */

#include <math.h>
#include <string.h>

#include "body/decimal.h"
#include "body/exact.h"
#include "body/powers_of_five.h"

void mlscore_decimal_cut(mlscore_decimal *decimal)
{
    const char *p = decimal->text;
    int seen_point = 0;
    int count = 0;
    int64_t exponent = 0;
    uint64_t digits = 0;

    decimal->truncated = 0;
    for (; p < decimal->text_end; p++) {
        if (*p == '.') {
            seen_point = 1;
            continue;
        }
        const unsigned digit = mlscore_digit(*p);
        if (count < 19) {
            digits = digits * 10 + digit;
            count += digits != 0;
            exponent -= seen_point;
        }
        else {
            decimal->truncated |= digit != 0;
            exponent += !seen_point;
        }
    }
    exponent = exponent > 1000000 ? 1000000 : exponent;
    exponent = exponent < -1000000 ? -1000000 : exponent;
    decimal->digits = digits;
    decimal->exponent = (int32_t)exponent + decimal->power;
}

/* The first bits of digits * 5^q, `digits` shifted to the top: exact in the
 * bits that rounding to `bits` looks at. */
static mlscore_u128 product(uint64_t digits, int32_t q, int bits)
{
    const uint64_t *five = mlscore_powers_of_five[q - MLSCORE_FIVE_FIRST];
    mlscore_u128 first = mlscore_multiply_wide(digits, five[0]);
    const uint64_t mask = UINT64_MAX >> bits;

    if ((first.high & mask) == mask) {
        const mlscore_u128 second = mlscore_multiply_wide(digits, five[1]);
        first.low += second.high;
        first.high += second.high > first.low;
    }
    return first;
}

/* Subnormal: the exponent is at its end, so bits of the significand go. */
static uint64_t round_subnormal(uint64_t significand, int32_t exponent)
{
    if (exponent <= -63) {
        return 0;
    }
    significand >>= 1 - exponent;
    significand += significand & 1;
    /* When this rounds up to the smallest normal number, its bits are right
     * as they are. */
    return significand >> 1;
}

/* The bits of digits * 10^q rounded to the format, sign aside. */
static uint64_t round_decimal(const mlscore_float_format *format,
                              uint64_t digits, int32_t q)
{
    const int bits = format->significand_bits;

    if (digits == 0 || q < format->smallest_ten) {
        return 0;
    }
    if (q > format->largest_ten) {
        return format->infinity;
    }
    const int zeros = __builtin_clzll(digits);
    const mlscore_u128 p = product(digits << zeros, q, bits + 3);
    const int upper = (int)(p.high >> 63);
    const int shift = upper + 64 - bits - 3;
    uint64_t significand = p.high >> shift;
    /* floor(log2(10^q)) is floor(q * log2(10)); 217706 / 2^16 is near enough
     * for the whole range. */
    int32_t exponent = ((217706 * q) >> 16) + 63 + upper - zeros + format->bias;

    if (exponent <= 0) {
        return round_subnormal(significand, exponent);
    }
    /* Exactly half way: only possible when 5^|q| is small. To even. */
    if (p.low <= 1 && q >= format->tie_first && q <= format->tie_last &&
        (significand & 3) == 1 && significand << shift == p.high) {
        significand &= ~(uint64_t)1;
    }
    significand += significand & 1;
    significand >>= 1;
    if (significand >= (uint64_t)2 << bits) {
        significand = (uint64_t)1 << bits;
        exponent++;
    }
    if (exponent >= format->exponent_end) {
        return format->infinity;
    }
    return (significand & (((uint64_t)1 << bits) - 1)) | (uint64_t)exponent
                                                             << bits;
}

static uint64_t to_bits(const mlscore_float_format *format,
                        const mlscore_decimal *decimal)
{
    const uint64_t bits =
        round_decimal(format, decimal->digits, decimal->exponent);

    if (!decimal->truncated ||
        round_decimal(format, decimal->digits + 1, decimal->exponent) == bits) {
        return bits;
    }
    return mlscore_round_exactly(format, decimal, bits);
}

double mlscore_decimal_to_double_slow(const mlscore_decimal *decimal)
{
    const uint64_t bits = to_bits(&mlscore_double_format, decimal) |
                          (uint64_t)decimal->negative << 63;
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

float mlscore_decimal_to_float(const mlscore_decimal *decimal)
{
    const uint32_t bits =
        (uint32_t)to_bits(&mlscore_float_format_single, decimal) |
        (uint32_t)decimal->negative << 31;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

int mlscore_decimal_to_integer(const mlscore_decimal *decimal, int64_t *value)
{
    uint64_t digits = decimal->digits;
    int32_t exponent = decimal->exponent;

    for (; exponent < 0 && digits % 10 == 0 && digits; exponent++) {
        digits /= 10;
    }
    if (digits == 0) {
        *value = 0;
        return 0;
    }
    if (exponent < 0 || (decimal->truncated && decimal->exponent < 0)) {
        return 1;
    }
    const uint64_t limit = (uint64_t)INT64_MAX + decimal->negative;
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(digits, 10, &digits)) {
            return 2;
        }
    }
    if (digits > limit || decimal->truncated) {
        return 2;
    }
    *value = decimal->negative ? (int64_t)(0 - digits) : (int64_t)digits;
    return 0;
}

size_t mlscore_parse_double(const char *bytes, size_t length, double *value)
{
    mlscore_decimal decimal;
    const char *end = mlscore_scan_decimal(&decimal, bytes, bytes + length, 0);

    if (!end) {
        return 0;
    }
    *value = mlscore_decimal_to_double(&decimal);
    return (size_t)(end - bytes);
}

size_t mlscore_parse_float(const char *bytes, size_t length, float *value)
{
    mlscore_decimal decimal;
    const char *end = mlscore_scan_decimal(&decimal, bytes, bytes + length, 0);

    if (!end) {
        return 0;
    }
    *value = mlscore_decimal_to_float(&decimal);
    return (size_t)(end - bytes);
}
