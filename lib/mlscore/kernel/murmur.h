/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_MURMUR_H
#define MLSCORE_KERNEL_MURMUR_H

/** MurmurHash3 for 32 bits (Austin Appleby, public domain): its parts, the
 *  standard function, and the variants of ML.NET's hashing transforms. */

#include <stddef.h>
#include <stdint.h>

/** Mix four bytes into a hash. */
static inline uint32_t mlscore_murmur_round(uint32_t hash, uint32_t chunk)
{
    chunk *= 0xcc9e2d51u;
    chunk = chunk << 15 | chunk >> 17;
    chunk *= 0x1b873593u;
    hash ^= chunk;
    hash = hash << 13 | hash >> 19;
    return hash * 5 + 0xe6546b64u;
}

/** The last step: every bit of the input reaches every bit of the result. */
static inline uint32_t mlscore_murmur_finish(uint32_t hash)
{
    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

/** MurmurHash3_x86_32. */
uint32_t mlscore_murmur3(uint32_t seed, const void *bytes, size_t length);

/** The hash of a text as ML.NET makes it: UTF-16 units (those of a surrogate
 *  pair one by one) become one to three bytes as in UTF-8, but the last byte
 *  of a unit first; the bytes that are left at the end are a chunk filled up
 *  with zeros, and their number is a last chunk. Bytes that are not UTF-8
 *  count as units themselves. */
uint32_t mlscore_murmur_text(uint32_t seed, const char *bytes, size_t length);

/** The hash of a list of numbers: each is a chunk, and then their count. */
uint32_t mlscore_murmur_numbers(uint32_t seed, const uint32_t *numbers,
                                size_t count);

#endif
