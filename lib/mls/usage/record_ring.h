/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_USAGE_RECORD_RING_H
#define MLS_USAGE_RECORD_RING_H

/**
 * The last records of something, in memory that processes share: a ring of
 * places of one size. Anybody writes and reads at any time; nobody waits.
 *
 * A writer takes the next number, marks its place with an odd sequence, copies
 * the record word by word and marks it even. A reader copies it and believes
 * the copy when the sequence was the same even one before and after. A writer
 * that dies in between leaves an odd one, which the next round replaces.
 * Memory of zeros is an empty ring.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** What a ring looks like: `records` places of at most `bytes` (a multiple of
 *  8) each. */
typedef struct mls_ring_shape {
    unsigned records;
    unsigned bytes;
} mls_ring_shape;

/** Words of memory that a ring takes. */
#define MLS_RING_WORDS(records, bytes) (1 + (records) * (2 + (bytes) / 8))

/** Put a record; the oldest one goes. What is beyond the place's size is cut.
 *  `data` is aligned to 8 and readable to the next multiple of 8. */
void mls_ring_put(_Atomic uint64_t *ring, const mls_ring_shape *shape,
                  const void *data, size_t length);

/** Copy the record that is `back` (1: the newest) from the end to `out`, which
 *  has room for shape->bytes; returns its length, 0 when there is none, or it
 *  is being replaced. */
size_t mls_ring_get(void *out, const _Atomic uint64_t *ring,
                    const mls_ring_shape *shape, uint64_t back);

#endif
