/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the mapped index, written one slot at a time. */

#include "scoring/model_index_table.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* ---- slots ---- */

static void store(index_word *word, uint64_t value, memory_order order)
{
    atomic_store_explicit(word, value, order);
    MLS_INDEX_STEP();
}

static int is_even(uint64_t sequence)
{
    return sequence != 0 && (sequence & 1) == 0;
}

/* To the older copy: whoever reads the newer one is not disturbed, and a kill
 * in the middle leaves it. */
static void write_slot(index_slot *slot, uint64_t place,
                       const index_record *record)
{
    const uint64_t s[2] = {
        atomic_load_explicit(&slot->sequence[0], memory_order_relaxed),
        atomic_load_explicit(&slot->sequence[1], memory_order_relaxed)
    };
    const uint64_t highest = s[0] > s[1] ? s[0] : s[1];
    const uint64_t next = highest == 0 ? 2 : (highest | 1) + 1;
    const int older = is_even(s[0]) && (!is_even(s[1]) || s[1] < s[0]);

    store(&slot->sequence[older], next - 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < INDEX_WORDS; i++) {
        store(&slot->copy[older][i], record->word[i], memory_order_relaxed);
    }
    store(&slot->checksum[older], mls_index_checksum(record, next, place),
          memory_order_relaxed);
    store(&slot->sequence[older], next, memory_order_release);
}

void mls_index_table_write_totals(index_table *t)
{
    index_record totals = { { 0 } };

    totals.word[INDEX_TOTAL_GENERATION] = t->generation;
    totals.word[INDEX_TOTAL_SERVICES] = t->services;
    write_slot(&t->file.header->totals, INDEX_PLACE_TOTALS, &totals);
}

/* ---- one of the two tables ---- */

typedef struct view {
    index_slot *slots;
    uint64_t capacity;
    uint64_t base; /* the first slot's number, for checksums */
} view;

static view view_of(const index_table *t, int revocations)
{
    const view services = { t->file.services, t->file.service_slots, 0 };
    const view revoked = { t->file.revocations, t->file.revocation_slots,
                           INDEX_PLACE_REVOCATIONS };

    return revocations ? revoked : services;
}

void mls_index_table_write(index_table *t, uint64_t place, uint64_t kind,
                           const index_record *record)
{
    const view v = view_of(t, kind != 0);

    write_slot(&v.slots[place], v.base + place, record);
}

int mls_index_is_free(const index_record *record, uint64_t kind, int64_t now)
{
    if (kind == 0) {
        return (uint32_t)record->word[INDEX_SERVICE_FLAGS] == 0;
    }
    return (int64_t)record->word[INDEX_REVOKED_EXPIRES] < now;
}

static int has_key(const index_record *record, const uint64_t key[2],
                   uint64_t kind)
{
    return record->word[0] == key[0] && record->word[1] == key[1]
           && (!kind || record->word[INDEX_REVOKED_KIND] == kind);
}

index_found mls_index_table_locate(uint64_t *place, index_record *record,
                                   const index_table *t,
                                   const uint64_t key[2], uint64_t kind,
                                   int64_t now)
{
    const view v = view_of(t, kind != 0);
    uint64_t at = index_start(key, kind, v.capacity);
    index_found best = INDEX_FOUND_NOTHING;

    for (uint64_t probes = 0; probes < v.capacity; probes++) {
        const index_state state = mls_index_slot_read(record, &v.slots[at],
                                                      v.base + at, NULL);
        if (state == INDEX_SLOT_EMPTY) {
            if (best == INDEX_FOUND_NOTHING) {
                *place = at;
                best = INDEX_FOUND_EMPTY;
            }
            return best;
        }
        if (state == INDEX_SLOT_WHOLE && has_key(record, key, kind)) {
            *place = at;
            return INDEX_FOUND_SAME;
        }
        if (state == INDEX_SLOT_WHOLE && best == INDEX_FOUND_NOTHING
            && mls_index_is_free(record, kind, now)) {
            *place = at;
            best = INDEX_FOUND_FREE;
        }
        at = (at + 1) & (v.capacity - 1);
    }
    return best;
}

/* ---- all of it ---- */

static void scan_one(index_table *t, int revocations, int *clean)
{
    const view v = view_of(t, revocations);

    for (uint64_t i = 0; i < v.capacity; i++) {
        index_record record;
        const index_state state = mls_index_slot_read(&record, &v.slots[i],
                                                      v.base + i, clean);
        t->used[revocations] += state != INDEX_SLOT_EMPTY;
        t->services += !revocations && state == INDEX_SLOT_WHOLE
                       && !mls_index_is_free(&record, 0, 0);
    }
}

int mls_index_table_scan(index_table *t)
{
    index_record totals;
    int clean = 1;

    t->services = t->used[0] = t->used[1] = 0;
    scan_one(t, 0, &clean);
    scan_one(t, 1, &clean);
    if (mls_index_slot_read(&totals, &t->file.header->totals,
                            INDEX_PLACE_TOTALS, &clean)
        != INDEX_SLOT_WHOLE) {
        return 0;
    }
    t->generation = totals.word[INDEX_TOTAL_GENERATION];
    return clean && t->services == totals.word[INDEX_TOTAL_SERVICES];
}

static int is_needed(index_record *record, const view *v, uint64_t i,
                     int revocations, int64_t now)
{
    return mls_index_slot_read(record, &v->slots[i], v->base + i, NULL)
               == INDEX_SLOT_WHOLE
           && !mls_index_is_free(record, (uint64_t)revocations, now);
}

uint64_t mls_index_table_count(const index_table *t, int revocations,
                               int64_t now)
{
    const view v = view_of(t, revocations);
    uint64_t count = 0;

    for (uint64_t i = 0; i < v.capacity; i++) {
        index_record record;
        count += is_needed(&record, &v, i, revocations, now) != 0;
    }
    return count;
}

void mls_index_table_copy(index_table *to, const index_table *from,
                          int revocations, int64_t now)
{
    const view v = view_of(from, revocations);

    for (uint64_t i = 0; i < v.capacity; i++) {
        index_record record, unused;
        uint64_t place;
        if (!is_needed(&record, &v, i, revocations, now)) {
            continue;
        }
        const uint64_t kind = revocations ? record.word[INDEX_REVOKED_KIND]
                                          : 0;
        if (mls_index_table_locate(&place, &unused, to, record.word, kind,
                                   now) == INDEX_FOUND_EMPTY) {
            mls_index_table_write(to, place, kind, &record);
            to->used[revocations]++;
        }
    }
}
