/* SPDX-License-Identifier: Apache-2.0 */
/* The shortest decimal text that reads back to the same number.
 *
 * The algorithm is Schubfach (Giulietti 2020, "The Schubfach way to render
 * doubles"): of the numbers with the fewest digits inside the interval that
 * rounds to the value, the one nearest to it, from three multiplications. The
 * interval is all that tells floats from doubles. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "body/format_number.h"
#include "body/powers_of_five.h"

/* digits * 10^exponent */
struct shortest {
    uint64_t digits;
    int exponent;
};

/* 10^k as 128 bits with the first set, rounded up when it is not exact. */
static mlscore_u128 power_of_ten(int k)
{
    const uint64_t *five = mlscore_powers_of_five[k - MLSCORE_FIVE_FIRST];
    mlscore_u128 power = {five[0], five[1]};

    if (k > 55) {
        power.low++;
        power.high += power.low == 0;
    }
    return power;
}

/* The product's upper 64 bits of 192, its last bit standing for all below. */
static uint64_t round_to_odd(mlscore_u128 power, uint64_t factor)
{
    const mlscore_u128 low = mlscore_multiply_wide(power.low, factor);
    mlscore_u128 high = mlscore_multiply_wide(power.high, factor);

    high.low += low.high;
    high.high += high.low < low.high;
    return high.high | (high.low > 1);
}

/* The value c * 2^q; `closer`: the neighbour below is only half as far. */
static struct shortest schubfach(uint64_t c, int q, int closer)
{
    const uint64_t odd = c & 1;
    /* floor(log10(2^q)), of 3/4 of it where the interval is uneven */
    const int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    /* q + floor(log2(10^-k)) + 1, between 1 and 4 */
    const int h = q + ((-k * 1741647) >> 19) + 1;
    const mlscore_u128 ten = power_of_ten(-k);
    const uint64_t lower =
        round_to_odd(ten, (4 * c - 2 + (uint64_t)closer) << h) + odd;
    const uint64_t value = round_to_odd(ten, 4 * c << h);
    const uint64_t upper = round_to_odd(ten, (4 * c + 2) << h) - odd;
    const uint64_t s = value / 4;

    if (s >= 10) {
        const uint64_t tenth = s / 10;
        const int below = lower <= 40 * tenth;
        const int above = 40 * tenth + 40 <= upper;
        if (below != above) {
            return (struct shortest){tenth + (uint64_t)above, k + 1};
        }
    }
    const int below = lower <= 4 * s;
    const int above = 4 * s + 4 <= upper;
    if (below != above) {
        return (struct shortest){s + (uint64_t)above, k};
    }
    const uint64_t middle = 4 * s + 2;
    const int up = value > middle || (value == middle && (s & 1));
    return (struct shortest){s + (uint64_t)up, k};
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536"
    "37383940414243444546474849505152535455565758596061626364656667686970717273"
    "7475767778798081828384858687888990919293949596979899";

/* The digits of `value`, right-aligned before `end`; where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + 2 * value, 2);
        return end;
    }
    *--end = (char)('0' + value);
    return end;
}

size_t mlscore_format_integer(char *out, int64_t value)
{
    char text[20];
    char *p = out;
    const uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    if (value < 0) {
        *p++ = '-';
    }
    const char *first = digits_before(text + sizeof(text), size);
    const size_t length = (size_t)(text + sizeof(text) - first);
    memcpy(p, first, length);
    return (size_t)(p - out) + length;
}

static char *put_exponent(char *p, int exponent)
{
    *p++ = 'e';
    return p + mlscore_format_integer(p, exponent);
}

/* Whole up to 16 places before the point, fractions with up to three zeros
 * after it as they are; anything else with an exponent. */
static char *lay_out(char *p, struct shortest number)
{
    char text[20];
    char *const end = text + sizeof(text);
    const char *first = digits_before(end, number.digits);
    int count = (int)(end - first);

    while (count > 1 && first[count - 1] == '0') {
        count--;
        number.exponent++;
    }
    const int point = count + number.exponent;
    if (point > 16 || point <= -4) {
        *p++ = first[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, first + 1, (size_t)count - 1);
            p += count - 1;
        }
        return put_exponent(p, point - 1);
    }
    if (point <= 0) {
        memcpy(p, "0.000", 5);
        p += 2 - point;
        memcpy(p, first, (size_t)count);
        return p + count;
    }
    if (point >= count) {
        memcpy(p, first, (size_t)count);
        memset(p + count, '0', (size_t)(point - count));
        return p + point;
    }
    memcpy(p, first, (size_t)point);
    p[point] = '.';
    memcpy(p + point + 1, first + point, (size_t)(count - point));
    return p + count + 1;
}

/* A positive number from its stored exponent and fraction. */
static char *put_binary(char *p, uint64_t fraction, int stored, int bits,
                        int bias)
{
    const uint64_t c = stored ? fraction | (uint64_t)1 << bits : fraction;
    const int q = (stored ? stored : 1) - bias - bits;

    if (c == 0) {
        *p = '0';
        return p + 1;
    }
    if (q <= 0 && q >= -bits && (c & (((uint64_t)1 << -q) - 1)) == 0) {
        return lay_out(p, (struct shortest){c >> -q, 0});
    }
    return lay_out(p, schubfach(c, q, fraction == 0 && stored > 1));
}

size_t mlscore_format_double(char *out, double value)
{
    uint64_t bits;
    char *p = out;

    memcpy(&bits, &value, sizeof(bits));
    if (bits >> 63) {
        *p++ = '-';
    }
    p = put_binary(p, bits & (((uint64_t)1 << 52) - 1),
                   (int)(bits >> 52 & 0x7FF), 52, 1023);
    return (size_t)(p - out);
}

size_t mlscore_format_float(char *out, float value)
{
    uint32_t bits;
    char *p = out;

    memcpy(&bits, &value, sizeof(bits));
    if (bits >> 31) {
        *p++ = '-';
    }
    p = put_binary(p, bits & (((uint32_t)1 << 23) - 1),
                   (int)(bits >> 23 & 0xFF), 23, 127);
    return (size_t)(p - out);
}
