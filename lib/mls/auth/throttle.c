/* SPDX-License-Identifier: Apache-2.0 */
/* The table of failed logins: buckets of slots, two atomic words a slot. */

#include "auth/throttle.h"

#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "base/ident.h"

enum {
    SLOTS = 8,        /* in a bucket */
    FORGET = 15 * 60, /* seconds */
    MOST = 0xffff     /* failures that are counted */
};

/* `state` packs the failures (16 bits) above the time of the last attempt (32
 * bits, seconds since 1970, good until 2106). */
typedef struct slot {
    _Atomic uint64_t key; /* 0: free */
    _Atomic uint64_t state;
} slot;

struct mls_throttle {
    unsigned char secret[MLS_SIPHASH_KEY];
    uint64_t buckets; /* a power of two */
    _Atomic int64_t cost;
    uint64_t reserved;
    slot slots[];
};

static uint64_t bucket_count(unsigned keys)
{
    uint64_t buckets = 16;

    while (buckets * SLOTS < keys && buckets < (1u << 20)) {
        buckets *= 2;
    }
    return buckets;
}

size_t mls_throttle_size(unsigned keys)
{
    return sizeof(mls_throttle) + bucket_count(keys) * SLOTS * sizeof(slot);
}

mls_err *mls_throttle_init(mls_throttle **out, void *memory, unsigned keys,
                           apr_pool_t *scratch)
{
    mls_throttle *table = memory;

    memset(memory, 0, mls_throttle_size(keys));
    table->buckets = bucket_count(keys);
    MLS_TRY(mls_random_bytes(table->secret, sizeof(table->secret), scratch));
    *out = table;
    return NULL;
}

uint64_t mls_throttle_key(const mls_throttle *table, const char *first,
                          const char *second)
{
    unsigned char digest[MLS_SIPHASH128];
    uint64_t key;

    mls_siphash128_pair(table->secret, first, strlen(first), second,
                        strlen(second), digest);
    memcpy(&key, digest, sizeof(key));
    return key ? key : 1;
}

static unsigned failures_of(uint64_t state)
{
    return (unsigned)(state >> 32);
}

static int64_t last_of(uint64_t state)
{
    return (int64_t)(state & 0xffffffffu);
}

static uint64_t pack(unsigned failures, int64_t last)
{
    return (uint64_t)(failures < MOST ? failures : MOST) << 32 |
           (uint64_t)(last & 0xffffffff);
}

static slot *find(mls_throttle *table, uint64_t key)
{
    slot *bucket = &table->slots[(key & (table->buckets - 1)) * SLOTS];

    for (int i = 0; i < SLOTS; i++) {
        if (atomic_load(&bucket[i].key) == key) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* A slot for a new key: a free one, else the one quiet for longest. Two
 * processes that race may both get one for the same key; the second is then
 * only ever aged out. */
static slot *claim(mls_throttle *table, uint64_t key)
{
    slot *bucket = &table->slots[(key & (table->buckets - 1)) * SLOTS];
    slot *oldest = &bucket[0];

    for (int i = 0; i < SLOTS; i++) {
        uint64_t empty = 0;

        if (atomic_compare_exchange_strong(&bucket[i].key, &empty, key)) {
            return &bucket[i];
        }
        if (last_of(atomic_load(&bucket[i].state)) <
            last_of(atomic_load(&oldest->state))) {
            oldest = &bucket[i];
        }
    }
    atomic_store(&oldest->state, 0);
    atomic_store(&oldest->key, key);
    return oldest;
}

static unsigned delay_of(unsigned failures, unsigned free, unsigned maximum)
{
    if (failures < free) {
        return 0;
    }
    const unsigned steps = failures - free;
    const unsigned delay = steps < 20 ? 1u << steps : 1u << 20;

    return delay < maximum ? delay : maximum;
}

unsigned mls_throttle_attempt(mls_throttle *table, uint64_t key, int64_t now,
                              unsigned free, unsigned maximum)
{
    if (!free) {
        return 0;
    }
    slot *place = find(table, key);

    if (!place) {
        place = claim(table, key);
    }
    uint64_t state = atomic_load(&place->state);

    for (;;) {
        unsigned failures = failures_of(state);
        const unsigned delay = delay_of(failures, free, maximum);
        int64_t quiet = now - last_of(state);

        if (quiet < 0) { /* the clock was set back */
            quiet = 0;
        }
        if (quiet > (int64_t)delay + FORGET) {
            failures = 0;
        }
        else if (quiet < delay) {
            return (unsigned)(delay - quiet);
        }
        if (atomic_compare_exchange_weak(&place->state, &state,
                                         pack(failures + 1, now))) {
            return 0;
        }
    }
}

void mls_throttle_success(mls_throttle *table, uint64_t key, int all)
{
    slot *place = find(table, key);

    if (!place) {
        return;
    }
    uint64_t state = atomic_load(&place->state);
    uint64_t next;

    do {
        const unsigned failures = failures_of(state);

        next = pack(all || !failures ? 0 : failures - 1, last_of(state));
    } while (!atomic_compare_exchange_weak(&place->state, &state, next));
}

void mls_throttle_note_cost(mls_throttle *table, int64_t microseconds)
{
    int64_t old = atomic_load(&table->cost);
    int64_t next;

    do {
        next = old ? old + (microseconds - old) / 8 : microseconds;
    } while (!atomic_compare_exchange_weak(&table->cost, &old, next));
}

int64_t mls_throttle_cost(const mls_throttle *table)
{
    return atomic_load(&table->cost);
}
