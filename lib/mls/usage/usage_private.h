/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_USAGE_USAGE_PRIVATE_H
#define MLS_USAGE_USAGE_PRIVATE_H

/**
 * The bytes of the shared table. It lives as long as httpd's parent process
 * does, so after a reload a newer module may find it: `layout` tells.
 *
 * Every number that changes is atomic and changed without order, for nothing
 * depends on two of them agreeing, with two exceptions that are published by
 * release: a slot's name by `named`, a point by its minute. Failures lie in a
 * ring of their own kind.
 */

#include <stdatomic.h>

#include "base/hash.h"
#include "service/service_name.h"
#include "usage/record_ring.h"
#include "usage/usage_table.h"

enum {
    USAGE_NAME = 2 * (MLS_NAME_LENGTH + 1),
    USAGE_NAME_WORDS = (USAGE_NAME + 7) / 8,
    USAGE_FAILURE_BYTES = 4096 - 16,
    USAGE_LINE = MLS_USAGE_ALIGNMENT /* bytes that processors share */
};

typedef struct usage_stripe {
    _Atomic uint64_t statuses[MLS_USAGE_STATUSES];
    _Atomic uint64_t nanoseconds[MLS_STAGES];
    _Atomic uint64_t buckets[MLS_STAGES][MLS_HISTOGRAM_BUCKETS];
} __attribute__((aligned(USAGE_LINE))) usage_stripe;

typedef struct usage_point {
    _Atomic uint32_t minute; /* 0: nothing, or being written */
    _Atomic uint32_t requests, errors;
    _Atomic float p50, p95, p99;
} usage_point;

typedef struct usage_slot {
    _Atomic uint32_t named;
    _Atomic uint32_t minute; /* what was counted since `noted` belongs to it */
    _Atomic uint64_t noted[MLS_HISTOGRAM_BUCKETS]; /* of the totals */
    _Atomic uint64_t noted_errors;
    _Atomic uint64_t name[USAGE_NAME_WORDS]; /* name, 0, version, 0 */
    usage_point points[MLS_USAGE_MINUTES];
    _Atomic uint64_t failures[MLS_RING_WORDS(MLS_USAGE_FAILURES,
                                             USAGE_FAILURE_BYTES)];
} __attribute__((aligned(USAGE_LINE))) usage_slot;

struct mls_usage {
    uint64_t layout; /* sizeof everything, mixed; see usage_table.c */
    uint32_t services, stripes; /* powers of two */
    apr_time_t since;
    unsigned char key[MLS_SIPHASH_KEY];
    size_t slot_bytes; /* a slot and its stripes */
    usage_slot *slots; /* the mapping is inherited: same address everywhere */
    /* Then `services` hashes, then `services` + 1 slots, each followed by its
     * stripes. */
} __attribute__((aligned(USAGE_LINE)));

static inline usage_slot *usage_slot_at(const mls_usage *usage, unsigned slot)
{
    return (usage_slot *)(void *)((char *)usage->slots
                                  + usage->slot_bytes * slot);
}

static inline usage_stripe *usage_stripe_at(const mls_usage *usage,
                                            unsigned slot, unsigned stripe)
{
    usage_stripe *first =
        (usage_stripe *)(void *)(usage_slot_at(usage, slot) + 1);

    return first + (stripe & (usage->stripes - 1));
}

static inline uint64_t usage_load(const _Atomic uint64_t *number)
{
    return atomic_load_explicit((_Atomic uint64_t *)number,
                                memory_order_relaxed);
}

/* ---- usage_minutes.c ---- */

/** Write down the slot's last minute if `minute` is another one. */
void usage_roll(mls_usage *usage, unsigned slot, uint32_t minute);

/* ---- usage_table.c ---- */

/** Add up one stage's buckets over all stripes; *errors, when not NULL, is
 *  what failed. */
void usage_sum(uint64_t out[MLS_HISTOGRAM_BUCKETS], uint64_t *errors,
               const mls_usage *usage, unsigned slot, mls_stage stage);

#endif
