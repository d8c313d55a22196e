/* SPDX-License-Identifier: Apache-2.0 */
/* The shared table of roles that were found. */

#include "auth/membership.h"

#include <stdatomic.h>
#include <string.h>

#include <apr_strings.h>

#include "base/hash.h"
#include "base/ident.h"

enum { WAYS = 4, DIRECTORIES = 64 };

struct entry {
    _Atomic uint64_t check; /* key ^ value */
    _Atomic uint64_t value; /* 0: empty */
};

struct bucket {
    struct entry entries[WAYS];
};

struct mls_membership {
    unsigned char secret[MLS_SIPHASH_KEY];
    uint64_t buckets; /* a power of two */
    _Atomic int64_t quiet_until[DIRECTORIES]; /* 0: answers */
    struct bucket table[];
};

/* ---- a value: time 34 bits, role 2, rule 12, epoch 16 ---- */

static uint64_t pack(const mls_member *member)
{
    return ((uint64_t)member->checked & UINT64_C(0x3ffffffff)) << 30 |
           ((uint64_t)member->role & 3) << 28 |
           ((uint64_t)member->rule & (MLS_MEMBER_RULES - 1)) << 16 |
           ((uint64_t)member->epoch & 0xffff);
}

static int64_t time_of(uint64_t value)
{
    return (int64_t)(value >> 30);
}

static void unpack(mls_member *member, uint64_t value)
{
    member->checked = time_of(value);
    member->role = (mls_role)(value >> 28 & 3);
    member->rule = (unsigned)(value >> 16 & (MLS_MEMBER_RULES - 1));
    member->epoch = (unsigned)(value & 0xffff);
}

/* ---- the table ---- */

static uint64_t buckets_for(unsigned members)
{
    uint64_t buckets = 1;

    while (buckets * WAYS < members) {
        buckets *= 2;
    }
    return buckets;
}

size_t mls_membership_size(unsigned members)
{
    return sizeof(mls_membership) +
           sizeof(struct bucket) * (size_t)buckets_for(members);
}

mls_err *mls_membership_init(mls_membership **out, void *memory,
                             unsigned members, apr_pool_t *scratch)
{
    mls_membership *table = memory;

    memset(memory, 0, mls_membership_size(members));
    table->buckets = buckets_for(members);
    MLS_TRY(mls_random_bytes(table->secret, sizeof(table->secret), scratch));
    *out = table;
    return NULL;
}

uint64_t mls_membership_key(const mls_membership *table, uint64_t scope,
                            const char *provider, const char *name)
{
    unsigned char digest[MLS_SIPHASH128];
    uint64_t words[3] = { scope };

    mls_siphash128_pair(table->secret, provider, strlen(provider), name,
                        strlen(name), digest);
    memcpy(words + 1, digest, sizeof(digest));
    return mls_siphash64(table->secret, words, sizeof(words));
}

static struct bucket *bucket_of(mls_membership *table, uint64_t key)
{
    return &table->table[key & (table->buckets - 1)];
}

static uint64_t value_of(struct entry *entry, uint64_t key)
{
    const uint64_t value =
        atomic_load_explicit(&entry->value, memory_order_relaxed);
    const uint64_t check =
        atomic_load_explicit(&entry->check, memory_order_relaxed);

    return (check ^ value) == key ? value : 0;
}

int mls_membership_find(mls_member *out, mls_membership *table, uint64_t key)
{
    struct bucket *bucket = bucket_of(table, key);

    for (int i = 0; i < WAYS; i++) {
        const uint64_t value = value_of(&bucket->entries[i], key);

        if (value) {
            unpack(out, value);
            return 1;
        }
    }
    return 0;
}

void mls_membership_put(mls_membership *table, uint64_t key,
                        const mls_member *member)
{
    struct bucket *bucket = bucket_of(table, key);
    struct entry *place = &bucket->entries[0];
    const uint64_t value = pack(member);

    for (int i = 0; i < WAYS; i++) {
        struct entry *entry = &bucket->entries[i];

        if (value_of(entry, key)) {
            place = entry;
            break;
        }
        if (time_of(atomic_load_explicit(&entry->value,
                                         memory_order_relaxed)) <
            time_of(atomic_load_explicit(&place->value,
                                         memory_order_relaxed))) {
            place = entry;
        }
    }
    atomic_store_explicit(&place->value, value, memory_order_relaxed);
    atomic_store_explicit(&place->check, key ^ value, memory_order_relaxed);
}

/* ---- directories that do not answer ---- */

static _Atomic int64_t *quiet(mls_membership *table, uint64_t scope)
{
    return &table->quiet_until[mls_siphash64(table->secret, &scope,
                                             sizeof(scope)) % DIRECTORIES];
}

int mls_membership_may_ask(mls_membership *table, uint64_t scope, int64_t now,
                           int64_t pause)
{
    _Atomic int64_t *until = quiet(table, scope);
    int64_t seen = atomic_load(until);

    if (!seen) {
        return 1;
    }
    return now >= seen &&
           atomic_compare_exchange_strong(until, &seen, now + pause);
}

void mls_membership_note(mls_membership *table, uint64_t scope, int64_t now,
                         int64_t pause, int answered)
{
    _Atomic int64_t *until = quiet(table, scope);

    if (!answered) {
        atomic_store(until, now + pause);
    }
    else if (atomic_load(until)) {
        atomic_store(until, 0);
    }
}
