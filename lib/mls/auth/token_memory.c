/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered tokens: sets of four slots, each under a sequence lock.
 *
 * A keyed hash of the token's end (its signature, which no caller can choose
 * for a token that gets in here) picks the set; then the whole token is
 * compared in a time that does not depend on where it differs. All words are
 * relaxed atomics between two looks at the sequence (Boehm, Can seqlocks get
 * along with programming language memory models?, 2012). */

#include "auth/token_memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/ident.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

enum {
    WAYS = 4,
    SLOT_WORDS = 128, /* 1 KiB; a usual token has some 450 characters */
    FIXED_WORDS = 9,
    DATA_WORDS = SLOT_WORDS - FIXED_WORDS - 1,
    HASHED = 64, /* characters from the token's end */
    SLOTS_MAX = 1 << 20
};

/* Words of a slot after its sequence. */
enum { TAG, LENGTHS, EXPIRES, ISSUED, KEY_ID, FAMILY, SUBJECT = FAMILY + 2 };

typedef struct slot {
    _Alignas(64) _Atomic uint64_t sequence; /* 0: empty; odd: being written */
    _Atomic uint64_t word[SLOT_WORDS - 1];
} slot;

struct mls_token_memory {
    slot *slots;
    size_t size; /* bytes */
    uint64_t mask; /* sets - 1 */
    unsigned char key[MLS_SIPHASH_KEY];
    _Atomic unsigned turn; /* which way goes when none has expired */
};

static apr_status_t unmap(void *baton)
{
    mls_token_memory *memory = baton;

    munmap(memory->slots, memory->size);
    return APR_SUCCESS;
}

mls_err *mls_token_memory_create(mls_token_memory **out, unsigned slots,
                                 apr_pool_t *pool)
{
    mls_token_memory *memory = apr_pcalloc(pool, sizeof(*memory));
    uint64_t sets = 1;

    *out = memory;
    if (slots == 0) {
        return NULL;
    }
    if (slots > SLOTS_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%u remembered tokens: at most %d", slots,
                            SLOTS_MAX);
    }
    while (sets * WAYS < slots) {
        sets *= 2;
    }
    memory->mask = sets - 1;
    memory->size = (size_t)sets * WAYS * sizeof(slot);
    MLS_TRY(mls_random_bytes(memory->key, sizeof(memory->key), pool));
    /* Pages that no token has reached yet take no memory. */
    void *bytes = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        return mls_err_apr(pool, errno, "cannot remember %u tokens", slots);
    }
    memory->slots = bytes;
    apr_pool_cleanup_register(pool, memory, unmap, apr_pool_cleanup_null);
    return NULL;
}

static uint64_t tag_of(const mls_token_memory *memory, const char *token,
                       size_t length)
{
    const size_t hashed = length < HASHED ? length : HASHED;

    return mls_siphash64(memory->key, token + length - hashed, hashed);
}

static size_t words_for(size_t bytes)
{
    return (bytes + 7) / 8;
}

static uint64_t pack_lengths(size_t token, const mls_token_record *record)
{
    return (uint64_t)token << 32 | (uint64_t)record->provider_length << 16
           | record->name_length;
}

static uint64_t load(const slot *s, size_t i)
{
    return atomic_load_explicit(&s->word[i], memory_order_relaxed);
}

/* 0 when the slot's words are those of the token. */
static uint64_t difference(const slot *s, const char *token, size_t length)
{
    const size_t whole = length / 8;
    uint64_t different = 0, word;

    for (size_t i = 0; i < whole; i++) {
        memcpy(&word, token + 8 * i, 8);
        different |= word ^ load(s, FIXED_WORDS + i);
    }
    if (length % 8) {
        word = 0;
        memcpy(&word, token + 8 * whole, length % 8);
        different |= word ^ load(s, FIXED_WORDS + whole);
    }
    return different;
}

static void load_words(void *out, const slot *s, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t word = load(s, first + i);
        memcpy((char *)out + 8 * i, &word, 8);
    }
}

static int read_slot(mls_token_record *out, const slot *s, uint64_t tag,
                     const char *token, size_t length)
{
    const uint64_t sequence = atomic_load_explicit(&s->sequence,
                                                   memory_order_acquire);

    if (sequence == 0 || (sequence & 1) || load(s, TAG) != tag) {
        return 0;
    }
    const uint64_t lengths = load(s, LENGTHS);
    if (lengths >> 32 != length) {
        return 0;
    }
    out->provider_length = lengths >> 16 & 0xffff;
    out->name_length = lengths & 0xffff;
    const size_t text = out->provider_length + out->name_length + 2;
    if (text > MLS_TOKEN_TEXT
        || words_for(length) + words_for(text) > DATA_WORDS) {
        return 0; /* torn: the words are of different tokens */
    }
    const uint64_t different = difference(s, token, length);
    out->expires = (int64_t)load(s, EXPIRES);
    out->issued = (int64_t)load(s, ISSUED);
    out->key_id = load(s, KEY_ID);
    load_words(out->family, s, FAMILY, 2);
    load_words(out->subject, s, SUBJECT, 2);
    load_words(out->text, s, FIXED_WORDS + words_for(length),
               words_for(text));
    atomic_thread_fence(memory_order_acquire);
    return different == 0
           && atomic_load_explicit(&s->sequence, memory_order_relaxed)
                  == sequence;
}

int mls_token_memory_find(mls_token_record *out,
                          const mls_token_memory *memory, const char *token,
                          size_t length)
{
    if (!memory->slots || length == 0 || length > 8 * DATA_WORDS) {
        return 0;
    }
    const uint64_t tag = tag_of(memory, token, length);
    const slot *set = &memory->slots[(tag & memory->mask) * WAYS];
    for (int way = 0; way < WAYS; way++) {
        if (read_slot(out, &set[way], tag, token, length)) {
            return 1;
        }
    }
    return 0;
}

/* The slot of a set to write to: the token's own, an empty one, an expired
 * one, or the one whose turn it is. */
static slot *choose(mls_token_memory *memory, uint64_t tag, int64_t now)
{
    slot *set = &memory->slots[(tag & memory->mask) * WAYS];
    slot *best = NULL;

    for (int way = 0; way < WAYS; way++) {
        const uint64_t sequence = atomic_load_explicit(&set[way].sequence,
                                                       memory_order_acquire);
        if (sequence != 0 && load(&set[way], TAG) == tag) {
            return &set[way];
        }
        if (!best && (sequence == 0
                      || (int64_t)load(&set[way], EXPIRES) <= now)) {
            best = &set[way];
        }
    }
    if (best) {
        return best;
    }
    return &set[atomic_fetch_add_explicit(&memory->turn, 1,
                                          memory_order_relaxed) % WAYS];
}

static void store(slot *s, size_t i, uint64_t word)
{
    atomic_store_explicit(&s->word[i], word, memory_order_relaxed);
}

static void store_bytes(slot *s, size_t first, const void *bytes,
                        size_t length)
{
    const char *next = bytes;

    for (size_t i = first; length; i++) {
        const size_t step = length < 8 ? length : 8;
        uint64_t word = 0;
        memcpy(&word, next, step);
        store(s, i, word);
        next += step;
        length -= step;
    }
}

void mls_token_memory_put(mls_token_memory *memory, const char *token,
                          size_t length, const mls_token_record *record,
                          int64_t now)
{
    const size_t text = record->provider_length + record->name_length + 2;

    if (!memory->slots || length == 0 || text > MLS_TOKEN_TEXT
        || words_for(length) + words_for(text) > DATA_WORDS) {
        return;
    }
    const uint64_t tag = tag_of(memory, token, length);
    slot *s = choose(memory, tag, now);
    uint64_t sequence = atomic_load_explicit(&s->sequence,
                                             memory_order_relaxed);
    /* The odd number is a try-lock; nobody waits for it. */
    if ((sequence & 1)
        || !atomic_compare_exchange_strong_explicit(
            &s->sequence, &sequence, sequence + 1, memory_order_acquire,
            memory_order_relaxed)) {
        return;
    }
    atomic_thread_fence(memory_order_release);
    store(s, TAG, tag);
    store(s, LENGTHS, pack_lengths(length, record));
    store(s, EXPIRES, (uint64_t)record->expires);
    store(s, ISSUED, (uint64_t)record->issued);
    store(s, KEY_ID, record->key_id);
    store_bytes(s, FAMILY, record->family, sizeof(record->family));
    store_bytes(s, SUBJECT, record->subject, sizeof(record->subject));
    store_bytes(s, FIXED_WORDS, token, length);
    store_bytes(s, FIXED_WORDS + words_for(length), record->text, text);
    atomic_store_explicit(&s->sequence, sequence + 2, memory_order_release);
}
