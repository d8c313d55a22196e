/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_THROTTLE_H
#define MLS_AUTH_THROTTLE_H

/**
 * Slowing down who guesses passwords: a fixed table in memory that all
 * processes share, without locks.
 *
 * What is counted is a key, usually a keyed hash of account and address. An
 * attempt is charged before the password is checked, so that many at once
 * gain nothing, and refunded when it succeeded. After `free` failures each
 * further attempt must wait 1, 2, 4 ... seconds after the one before, at most
 * `maximum`. An attempt that comes too early is refused and not counted. A key
 * that was quiet for 15 minutes beyond its delay is forgotten.
 *
 * When a bucket is full the key that was quiet longest makes room, so the
 * table never fills up; that is also why it is sized generously.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mls_throttle mls_throttle;

/** Bytes that a table for about `keys` keys needs. */
size_t mls_throttle_size(unsigned keys);

/** Make a table in `memory` of mls_throttle_size(keys) bytes, aligned to 16;
 *  it may then be used from every process that maps it. */
mls_err *mls_throttle_init(mls_throttle **out, void *memory, unsigned keys,
                           apr_pool_t *scratch);

/** The key of two texts (the second may be ""), from a secret of this table. */
uint64_t mls_throttle_key(const mls_throttle *table, const char *first,
                          const char *second);

/** Charge an attempt at `now` (seconds since 1970). Returns 0 when it may go
 *  on, else the seconds to wait. `free` 0 means no limit. */
unsigned mls_throttle_attempt(mls_throttle *table, uint64_t key, int64_t now,
                              unsigned free, unsigned maximum);

/** The attempt succeeded: forget the key's failures, or (`all` 0) only the
 *  charge of this attempt. */
void mls_throttle_success(mls_throttle *table, uint64_t key, int all);

/** How long checks of a wrong password take here, in microseconds: a moving
 *  average over all processes, so that an unknown user can be made to take as
 *  long. */
void mls_throttle_note_cost(mls_throttle *table, int64_t microseconds);
int64_t mls_throttle_cost(const mls_throttle *table);

#ifdef __cplusplus
}
#endif

#endif
