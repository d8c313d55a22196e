/* SPDX-License-Identifier: Apache-2.0 */
/* The shared table: making it, finding a slot, counting, adding up. */

#include "usage/usage_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"

enum {
    PROBES = 16,       /* places that a service version may lie in */
    MOST_SERVICES = 1 << 16,
    MOST_STRIPES = 64,
    LAYOUT_VERSION = 1,
    OTHER_SUCCESS = 0, /* indexes of statuses that are not in the list */
    OTHER_FAILURE = 1
};

/* The two first are for all others. */
static const int statuses[MLS_USAGE_STATUSES] = {
    0,   0,   200, 400, 401, 403, 404, 405, 406, 408, 409, 411,
    412, 413, 414, 415, 429, 499, 500, 501, 502, 503, 504, 507
};

const char *mls_stage_name(mls_stage stage)
{
    static const char *const names[MLS_STAGES] = { "authorise", "parse",
                                                   "wait", "run", "write",
                                                   "total" };

    return names[stage];
}

int mls_usage_status(unsigned i)
{
    return statuses[i];
}

/* ---- making ---- */

static unsigned power_of_two(unsigned number, unsigned most)
{
    unsigned power = 1;

    while (power < number && power < most) {
        power *= 2;
    }
    return power;
}

static size_t slot_bytes_of(unsigned stripes)
{
    return sizeof(usage_slot) + stripes * sizeof(usage_stripe);
}

static size_t hashes_bytes_of(unsigned services)
{
    const size_t bytes = services * sizeof(uint64_t);

    return (bytes + USAGE_LINE - 1) / USAGE_LINE * USAGE_LINE;
}

size_t mls_usage_size(unsigned services, unsigned stripes)
{
    services = power_of_two(services, MOST_SERVICES);
    stripes = power_of_two(stripes, MOST_STRIPES);
    return sizeof(mls_usage) + hashes_bytes_of(services)
           + ((size_t)services + 1) * slot_bytes_of(stripes);
}

static uint64_t layout_of(unsigned services, unsigned stripes)
{
    return (uint64_t)LAYOUT_VERSION << 56
           ^ (uint64_t)mls_usage_size(services, stripes)
           ^ (uint64_t)sizeof(mls_usage) << 40;
}

static _Atomic uint64_t *hashes_of(const mls_usage *usage)
{
    return (_Atomic uint64_t *)(void *)((char *)usage + sizeof(*usage));
}

/* Writers of the same name write the same words, so they need not agree on
 * who does it. */
static void set_name(usage_slot *slot, const char *name, const char *version)
{
    uint64_t words[USAGE_NAME_WORDS];
    char text[sizeof(words)];

    memset(text, 0, sizeof(text));
    apr_cpystrn(text, name, MLS_NAME_LENGTH + 1);
    apr_cpystrn(text + strlen(text) + 1, version, MLS_NAME_LENGTH + 1);
    memcpy(words, text, sizeof(words));
    for (unsigned i = 0; i < USAGE_NAME_WORDS; i++) {
        atomic_store_explicit(&slot->name[i], words[i],
                              memory_order_relaxed);
    }
    atomic_store_explicit(&slot->named, 1, memory_order_release);
}

mls_err *mls_usage_init(mls_usage **out, void *memory, unsigned services,
                        unsigned stripes, apr_time_t now, apr_pool_t *scratch)
{
    mls_usage *usage = memory;

    services = power_of_two(services, MOST_SERVICES);
    stripes = power_of_two(stripes, MOST_STRIPES);
    usage->services = services;
    usage->stripes = stripes;
    usage->since = now;
    usage->slot_bytes = slot_bytes_of(stripes);
    usage->slots = (usage_slot *)(void *)((char *)memory + sizeof(*usage)
                                          + hashes_bytes_of(services));
    MLS_TRY(mls_random_bytes(usage->key, sizeof(usage->key), scratch));
    set_name(usage_slot_at(usage, 0), "(other)", "");
    usage->layout = layout_of(services, stripes);
    *out = usage;
    return NULL;
}

mls_usage *mls_usage_attach(void *memory, unsigned services, unsigned stripes)
{
    mls_usage *usage = memory;

    return usage->layout == layout_of(services, stripes) ? usage : NULL;
}

/* ---- finding ---- */

static uint64_t hash_of(const mls_usage *usage, const char *name,
                        const char *version)
{
    unsigned char digest[MLS_SIPHASH128];
    uint64_t hash;

    mls_siphash128_pair(usage->key, name, strlen(name), version,
                        strlen(version), digest);
    memcpy(&hash, digest, sizeof(hash));
    return hash ? hash : 1; /* 0 is an empty place */
}

static unsigned probes_of(const mls_usage *usage)
{
    return usage->services < PROBES ? usage->services : PROBES;
}

unsigned mls_usage_slot(mls_usage *usage, const char *name,
                        const char *version)
{
    const uint64_t hash = hash_of(usage, name, version);
    _Atomic uint64_t *hashes = hashes_of(usage);

    for (unsigned i = 0; i < probes_of(usage); i++) {
        const unsigned at = (unsigned)(hash + i) & (usage->services - 1);
        uint64_t found = usage_load(&hashes[at]);

        if (!found) { /* a loser of the exchange finds who won */
            atomic_compare_exchange_strong_explicit(
                &hashes[at], &found, hash, memory_order_relaxed,
                memory_order_relaxed);
            found = found ? found : hash;
        }
        if (found == hash) {
            usage_slot *slot = usage_slot_at(usage, at + 1);

            if (!atomic_load_explicit(&slot->named, memory_order_relaxed)) {
                set_name(slot, name, version);
            }
            return at + 1;
        }
    }
    return 0;
}

int mls_usage_find(const mls_usage *usage, const char *name,
                   const char *version)
{
    const uint64_t hash = hash_of(usage, name, version);
    const _Atomic uint64_t *hashes = hashes_of(usage);

    for (unsigned i = 0; i < probes_of(usage); i++) {
        const unsigned at = (unsigned)(hash + i) & (usage->services - 1);

        if (usage_load(&hashes[at]) == hash) {
            return (int)at + 1;
        }
    }
    return -1;
}

/* ---- counting ---- */

static void add(_Atomic uint64_t *number, uint64_t value)
{
    atomic_fetch_add_explicit(number, value, memory_order_relaxed);
}

static unsigned status_index(int status)
{
    for (unsigned i = OTHER_FAILURE + 1; i < MLS_USAGE_STATUSES; i++) {
        if (statuses[i] == status) {
            return i;
        }
    }
    return status < 400 ? OTHER_SUCCESS : OTHER_FAILURE;
}

static int is_error(unsigned index)
{
    return index == OTHER_FAILURE || statuses[index] >= 400;
}

void mls_usage_record(mls_usage *usage, unsigned slot, unsigned stripe,
                      const mls_usage_sample *sample)
{
    usage_stripe *mine = usage_stripe_at(usage, slot, stripe);

    usage_roll(usage, slot, (uint32_t)(apr_time_sec(sample->ended) / 60));
    add(&mine->statuses[status_index(sample->status)], 1);
    for (int i = 0; i < MLS_STAGES; i++) {
        const int64_t spent = sample->nanoseconds[i];

        if (spent >= 0) {
            add(&mine->nanoseconds[i], (uint64_t)spent);
            add(&mine->buckets[i][mls_histogram_bucket(spent)], 1);
        }
    }
}

/* ---- adding up ---- */

apr_time_t mls_usage_since(const mls_usage *usage)
{
    return usage->since;
}

unsigned mls_usage_slots(const mls_usage *usage)
{
    return usage->services + 1;
}

void usage_sum(uint64_t out[MLS_HISTOGRAM_BUCKETS], uint64_t *errors,
               const mls_usage *usage, unsigned slot, mls_stage stage)
{
    memset(out, 0, MLS_HISTOGRAM_BUCKETS * sizeof(*out));
    if (errors) {
        *errors = 0;
    }
    for (unsigned s = 0; s < usage->stripes; s++) {
        const usage_stripe *stripe = usage_stripe_at(usage, slot, s);

        for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS; i++) {
            out[i] += usage_load(&stripe->buckets[stage][i]);
        }
        for (unsigned i = 0; errors && i < MLS_USAGE_STATUSES; i++) {
            *errors += is_error(i) ? usage_load(&stripe->statuses[i]) : 0;
        }
    }
}

static void read_name(mls_usage_totals *out, const usage_slot *slot,
                      apr_pool_t *pool)
{
    uint64_t words[USAGE_NAME_WORDS];

    for (unsigned i = 0; i < USAGE_NAME_WORDS; i++) {
        words[i] = usage_load(&slot->name[i]);
    }
    const char *text = apr_pmemdup(pool, words, sizeof(words));

    out->name = text;
    out->version = text + strlen(text) + 1;
}

static void read_statuses(mls_usage_totals *out, const mls_usage *usage,
                          unsigned slot)
{
    for (unsigned s = 0; s < usage->stripes; s++) {
        const usage_stripe *stripe = usage_stripe_at(usage, slot, s);

        for (unsigned i = 0; i < MLS_USAGE_STATUSES; i++) {
            const uint64_t count = usage_load(&stripe->statuses[i]);

            out->statuses[i] += count;
            out->requests += count;
            out->errors += is_error(i) ? count : 0;
        }
        for (unsigned i = 0; i < MLS_STAGES; i++) {
            out->nanoseconds[i] += usage_load(&stripe->nanoseconds[i]);
        }
    }
}

int mls_usage_read(mls_usage_totals *out, const mls_usage *usage,
                   unsigned slot, apr_pool_t *pool)
{
    usage_slot *place = usage_slot_at(usage, slot);

    memset(out, 0, sizeof(*out));
    if (!atomic_load_explicit(&place->named, memory_order_acquire)) {
        return 0;
    }
    read_name(out, place, pool);
    read_statuses(out, usage, slot);
    for (int stage = 0; stage < MLS_STAGES; stage++) {
        usage_sum(out->buckets[stage], NULL, usage, slot, (mls_stage)stage);
    }
    return slot || out->requests;
}
