/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_EXACT_H
#define MLSCORE_BODY_EXACT_H

/** The two number formats, and rounding to them with exact arithmetic. */

#include <stdint.h>

#include "body/decimal.h"

typedef struct mlscore_float_format {
    int significand_bits; /* stored ones: 52, 23 */
    int32_t bias;         /* 1023, 127 */
    int32_t exponent_end; /* stored exponent of infinity: 2047, 255 */
    int32_t smallest_ten; /* 2^64 times smaller powers of ten are zero */
    int32_t largest_ten;  /* larger ones are infinite */
    int32_t tie_first;    /* powers of ten that can be exactly half way */
    int32_t tie_last;
    uint64_t infinity; /* its bits */
} mlscore_float_format;

extern const mlscore_float_format mlscore_double_format;
extern const mlscore_float_format mlscore_float_format_single;

/** The bits of `decimal`, all of its digits counted, rounded to nearest with
 *  ties to even, sign aside. `near` is at most a few steps off. */
uint64_t mlscore_round_exactly(const mlscore_float_format *format,
                               const mlscore_decimal *decimal, uint64_t near);

#endif
