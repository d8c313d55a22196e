/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_DECIMAL_H
#define MLSCORE_BODY_DECIMAL_H

/**
 * Decimal numbers as they stand in a text: scanned here, inline because the
 * readers spend most of their time in it, and converted in parse_number.c.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/** value = +-digits * 10^exponent, but for digits that did not fit. */
typedef struct mlscore_decimal {
    uint64_t digits;  /* the first 19 that count */
    int32_t exponent; /* cut to +-1,000,000 */
    uint8_t negative;
    uint8_t truncated;    /* digits other than 0 follow the first 19 */
    const char *text;     /* first digit or point */
    const char *text_end; /* before the exponent part */
    int32_t power;        /* the number after `e` */
} mlscore_decimal;

/** Correctly rounded; infinite when too large. */
double mlscore_decimal_to_double_slow(const mlscore_decimal *decimal);
float mlscore_decimal_to_float(const mlscore_decimal *decimal);

/** 0 when the value is whole and fits; 1 when it has a fraction, 2 when it is
 *  too large. */
int mlscore_decimal_to_integer(const mlscore_decimal *decimal, int64_t *value);

/** Eight digits at once: Lemire 2021, "Number parsing at a gigabyte per
 *  second", section 5. `word` holds the text's bytes, first in the lowest. */
static inline int mlscore_eight_digits(uint64_t word)
{
    return (((word + 0x4646464646464646u) | (word - 0x3030303030303030u)) &
            0x8080808080808080u) == 0;
}

static inline uint32_t mlscore_eight_digits_value(uint64_t word)
{
    word -= 0x3030303030303030u;
    word = word * 10 + (word >> 8);
    return (
        uint32_t)(((word & 0x000000FF000000FFu) * 0x000F424000000064u +
                   (word >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u) >>
                  32);
}

static inline unsigned mlscore_digit(char c)
{
    return (unsigned)(unsigned char)c - '0';
}

/* Rare: more than 19 digits. Keep the first 19 that count. */
void mlscore_decimal_cut(mlscore_decimal *decimal);

/* The part after the mantissa; `p` is at `e`. NULL when there is no digit. */
static inline const char *mlscore_scan_power(const char *p, const char *end,
                                             int32_t *power)
{
    int negative = 0;
    int32_t value = 0;

    p++;
    if (p < end && (*p == '-' || *p == '+')) {
        negative = *p == '-';
        p++;
    }
    if (p >= end || mlscore_digit(*p) > 9) {
        return NULL;
    }
    for (; p < end && mlscore_digit(*p) <= 9; p++) {
        value =
            value < 100000 ? value * 10 + (int32_t)mlscore_digit(*p) : value;
    }
    *power = negative ? -value : value;
    return p;
}

/** Scan a number at `p`. `strict`: RFC 8259's grammar, otherwise also a
 *  leading '+', leading zeros, `.5` and `5.`. Returns the end of the number,
 *  NULL when there is none. Give a constant for `strict`. */
static inline const char *mlscore_scan_decimal(mlscore_decimal *out,
                                               const char *p, const char *end,
                                               int strict)
{
    uint64_t digits = 0;

    out->negative = p < end && *p == '-';
    if (out->negative || (!strict && p < end && *p == '+')) {
        p++;
    }
    const char *const first = p;
    while (p < end && mlscore_digit(*p) <= 9) {
        digits = digits * 10 + mlscore_digit(*p);
        p++;
    }
    ptrdiff_t count = p - first;
    if (strict && (count == 0 || (count > 1 && *first == '0'))) {
        return NULL;
    }
    int32_t exponent = 0;
    if (p < end && *p == '.') {
        const char *const fraction = ++p;
        while (end - p >= 8 && mlscore_eight_digits(mlscore_load_u64(p))) {
            digits = digits * 100000000 +
                     mlscore_eight_digits_value(mlscore_load_u64(p));
            p += 8;
        }
        while (p < end && mlscore_digit(*p) <= 9) {
            digits = digits * 10 + mlscore_digit(*p);
            p++;
        }
        const ptrdiff_t places = p - fraction;
        if (strict && places == 0) {
            return NULL;
        }
        count += places;
        exponent = places < 1000000 ? -(int32_t)places : -1000000;
    }
    if (count == 0) {
        return NULL;
    }
    out->text = first;
    out->text_end = p;
    out->power = 0;
    out->truncated = 0;
    if (p < end && (*p | 0x20) == 'e') {
        const char *after = mlscore_scan_power(p, end, &out->power);
        if (after) {
            p = after;
        }
        else if (strict) {
            return NULL;
        }
    }
    out->digits = digits;
    out->exponent = exponent + out->power;
    if (count > 19) {
        mlscore_decimal_cut(out);
    }
    return p;
}

/** Clinger 1990, "How to read floating point numbers accurately": both the
 *  digits and the power of ten are exact as double, so one operation rounds
 *  once. Most numbers in practice. */
static inline double mlscore_decimal_to_double(const mlscore_decimal *decimal)
{
    static const double tens[] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int32_t exponent = decimal->exponent;

    if (decimal->digits <= (uint64_t)1 << 53 && exponent >= -22 &&
        exponent <= 22 && !decimal->truncated) {
        double value = (double)decimal->digits;
        value = exponent < 0 ? value / tens[-exponent] : value * tens[exponent];
        return decimal->negative ? -value : value;
    }
    return mlscore_decimal_to_double_slow(decimal);
}

#endif
