/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_SMALL_TYPES_H
#define MLSCORE_KERNEL_SMALL_TYPES_H

/** Element types of 8, 4 and 2 bits. In memory each element has a byte of its
 *  own: the bits of a real, a whole number with its sign extended. */

#include "kernel/tensor.h"

/** Bits of an element in a file: 8, 4 or 2; 0 for other types. */
int mlscore_small_bits(mlscore_dtype type);
/** 1 for INT4, UINT4, INT2, UINT2. */
int mlscore_small_is_whole(mlscore_dtype type);

float mlscore_small_to_float(uint8_t element, mlscore_dtype type);

/** The nearest element, ties to even. What is too large becomes the largest
 *  one when `saturate`, or else infinity or NaN, whichever the type has. Whole
 *  types always saturate; a NaN that the type has not becomes 0. */
uint8_t mlscore_float_to_small(float value, mlscore_dtype type, int saturate);

/** The low bits of a whole number, its sign extended where the type has one. */
uint8_t mlscore_small_wrap(uint64_t value, mlscore_dtype type);

/** Elements of a file, packed with the first one in the low bits, to bytes. */
void mlscore_small_unpack(uint8_t *out, const uint8_t *packed,
                          mlscore_dtype type, size_t count);

/** Floats to any half or small type; small ones saturate. */
void mlscore_float_to_narrow(void *out, const float *in, mlscore_dtype type,
                             size_t count);

#endif
