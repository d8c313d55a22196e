/* SPDX-License-Identifier: Apache-2.0 */
/* Settling numbers of many digits with whole-number arithmetic.
 *
 * The decimal is compared with the point half way between two neighbours,
 * both sides multiplied until they are whole. Digits after the 800th cannot
 * decide a comparison with a half-way point, which has at most 767, except by
 * not being zero: one more digit stands for them. */

#include <string.h>

#include "body/exact.h"

const mlscore_float_format mlscore_double_format = {.significand_bits = 52,
                                                    .bias = 1023,
                                                    .exponent_end = 2047,
                                                    .smallest_ten = -342,
                                                    .largest_ten = 308,
                                                    .tie_first = -4,
                                                    .tie_last = 23,
                                                    .infinity = (uint64_t)2047
                                                                << 52};

const mlscore_float_format mlscore_float_format_single = {
    .significand_bits = 23,
    .bias = 127,
    .exponent_end = 255,
    .smallest_ten = -65,
    .largest_ten = 38,
    .tie_first = -17,
    .tie_last = 10,
    .infinity = (uint64_t)255 << 23};

enum {
    MOST_DIGITS = 800,
    /* 801 digits need 2661 bits; 5^(342 + 801) and 54 bits more need 2709,
     * and powers of two at most 1200 on top. */
    LIMBS = 160
};

/* A natural number, least significant limb first. */
struct natural {
    uint32_t limb[LIMBS];
    int count;
};

static void multiply_add(struct natural *n, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (int i = 0; i < n->count; i++) {
        carry += (uint64_t)n->limb[i] * factor;
        n->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0 && n->count < LIMBS) {
        n->limb[n->count++] = (uint32_t)carry;
    }
}

static void multiply_five(struct natural *n, int32_t power)
{
    /* 5^13 is the largest that fits a limb. */
    for (; power >= 13; power -= 13) {
        multiply_add(n, 1220703125, 0);
    }
    for (; power > 0; power--) {
        multiply_add(n, 5, 0);
    }
}

static void shift_left(struct natural *n, int32_t bits)
{
    const int limbs = bits / 32;

    if (n->count == 0 || n->count + limbs >= LIMBS) {
        return;
    }
    memmove(n->limb + limbs, n->limb, (size_t)n->count * sizeof(uint32_t));
    memset(n->limb, 0, (size_t)limbs * sizeof(uint32_t));
    n->count += limbs;
    multiply_add(n, (uint32_t)1 << bits % 32, 0);
}

static int compare(const struct natural *a, const struct natural *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (int i = a->count - 1; i >= 0; i--) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Nine digits at a time. */
struct chunk {
    uint32_t value;
    uint32_t scale; /* ten to the number of digits */
};

static void flush(struct natural *n, struct chunk *chunk)
{
    multiply_add(n, chunk->scale, chunk->value);
    *chunk = (struct chunk){0, 1};
}

/* The digits as a number, and the power of ten of its last digit. */
static int32_t load_digits(struct natural *n, const mlscore_decimal *decimal)
{
    struct chunk chunk = {0, 1};
    int32_t exponent = 0;
    int count = 0;
    int more = 0;
    int seen_point = 0;

    n->count = 0;
    for (const char *p = decimal->text; p < decimal->text_end; p++) {
        if (*p == '.') {
            seen_point = 1;
            continue;
        }
        const unsigned digit = mlscore_digit(*p);
        if (count == MOST_DIGITS) {
            more |= digit != 0;
            exponent += !seen_point;
            continue;
        }
        exponent -= seen_point;
        if (count > 0 || digit > 0) {
            count++;
            chunk.value = chunk.value * 10 + digit;
            chunk.scale *= 10;
            if (chunk.scale == 1000000000) {
                flush(n, &chunk);
            }
        }
    }
    flush(n, &chunk);
    multiply_add(n, 10, (uint32_t)more);
    return exponent - 1 + decimal->power;
}

/* The sign of decimal - (the point half way above `bits`). */
static int compare_half_way(const mlscore_float_format *format,
                            const mlscore_decimal *decimal, uint64_t bits)
{
    const uint64_t stored = bits >> format->significand_bits;
    const uint64_t fraction =
        bits & (((uint64_t)1 << format->significand_bits) - 1);
    const uint64_t significand =
        stored ? fraction | (uint64_t)1 << format->significand_bits : fraction;
    const int32_t exponent = (int32_t)(stored ? stored : 1) - format->bias -
                             format->significand_bits - 1;
    const uint64_t half = 2 * significand + 1;
    struct natural left;
    struct natural right = {{(uint32_t)half, (uint32_t)(half >> 32)},
                            half >> 32 ? 2 : 1};
    const int32_t ten = load_digits(&left, decimal);

    /* left * 10^ten against right * 2^exponent, factors of 10 taken apart. */
    multiply_five(ten > 0 ? &left : &right, ten > 0 ? ten : -ten);
    if (ten > exponent) {
        shift_left(&left, ten - exponent);
    }
    else {
        shift_left(&right, exponent - ten);
    }
    return compare(&left, &right);
}

uint64_t mlscore_round_exactly(const mlscore_float_format *format,
                               const mlscore_decimal *decimal, uint64_t near)
{
    uint64_t bits = near;

    /* Neighbours' bits differ by one, over exponents' borders too. */
    while (bits < format->infinity) {
        const int above = compare_half_way(format, decimal, bits);
        if (above < 0 || (above == 0 && !(bits & 1))) {
            break;
        }
        bits++;
    }
    while (bits > 0) {
        const int above = compare_half_way(format, decimal, bits - 1);
        if (above > 0 || (above == 0 && !(bits & 1))) {
            break;
        }
        bits--;
    }
    return bits;
}
