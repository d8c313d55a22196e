/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_POWERS_OF_FIVE_H
#define MLSCORE_BODY_POWERS_OF_FIVE_H

/** The table that reading and writing decimal numbers share, and the wide
 *  multiplication that both need. */

#include <stdint.h>

enum { MLSCORE_FIVE_FIRST = -342, MLSCORE_FIVE_LAST = 324 };

/** [q - MLSCORE_FIVE_FIRST]: high and low half of the first 128 bits of 5^q,
 *  cut off for q >= 0, rounded up for q < 0. */
extern const uint64_t mlscore_powers_of_five[][2];

typedef struct mlscore_u128 {
    uint64_t high;
    uint64_t low;
} mlscore_u128;

static inline mlscore_u128 mlscore_multiply_wide(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)a * b;

    return (mlscore_u128){(uint64_t)(product >> 64), (uint64_t)product};
#else
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32;
    const uint64_t b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle = a1 * b0 + (low >> 32);
    const uint64_t cross = a0 * b1 + (uint32_t)middle;

    return (mlscore_u128){a1 * b1 + (middle >> 32) + (cross >> 32),
                          cross << 32 | (uint32_t)low};
#endif
}

#endif
