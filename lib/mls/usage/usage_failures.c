/* SPDX-License-Identifier: Apache-2.0 */
/* The last calls that failed, of each service version: a ring of fixed places.
 *
 * A writer takes the next number, marks its place with an odd sequence, copies
 * the record word by word and marks it even. A reader copies it and believes
 * the copy when the sequence was even and the same before and after. A writer
 * that dies in between leaves an odd one, which the next round replaces. */

#include "usage/usage_private.h"

#include <string.h>

#include <apr_strings.h>

/* What the words hold: this, then the texts without zeros between. */
typedef struct failure_head {
    int64_t time;
    int32_t status;
    uint16_t lengths[4]; /* request id, message, console, trace */
} failure_head;

enum {
    MOST_ID = 128,
    MOST_MESSAGE = 1024,
    MOST_OUTPUT = 1440, /* of console and of trace */
    TEXTS = 4
};

_Static_assert(sizeof(failure_head) + MOST_ID + MOST_MESSAGE
                       + 2 * MOST_OUTPUT <= USAGE_FAILURE_BYTES,
               "a failure has room in its place");

/* ---- cutting ---- */

static int continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Length of the beginning that ends with a whole UTF-8 character. */
static size_t beginning(const char *text, size_t most)
{
    size_t length = strlen(text);

    if (length > most) {
        length = most;
        while (length && continues(text[length])) {
            length--;
        }
    }
    return length;
}

static const char *ending(const char *text, size_t most)
{
    const size_t length = strlen(text);
    const char *at = length > most ? text + length - most : text;

    while (continues(*at)) {
        at++;
    }
    return at;
}

/* ---- writing ---- */

static size_t pack(char *bytes, const mls_usage_failure *failure)
{
    const char *texts[TEXTS] = { failure->request_id, failure->message,
                                 failure->console, failure->trace };
    static const size_t most[TEXTS] = { MOST_ID, MOST_MESSAGE, MOST_OUTPUT,
                                        MOST_OUTPUT };
    failure_head head;
    size_t used = sizeof(head);

    memset(&head, 0, sizeof(head));
    head.time = failure->time;
    head.status = failure->status;
    for (int i = 0; i < TEXTS; i++) {
        const char *text = texts[i] ? texts[i] : "";

        text = i < 2 ? text : ending(text, most[i]);
        const size_t length = beginning(text, most[i]);

        memcpy(bytes + used, text, length);
        head.lengths[i] = (uint16_t)length;
        used += length;
    }
    memcpy(bytes, &head, sizeof(head));
    return used;
}

void mls_usage_fail(mls_usage *usage, unsigned slot,
                    const mls_usage_failure *failure)
{
    uint64_t words[USAGE_FAILURE_WORDS];
    usage_slot *place = usage_slot_at(usage, slot);

    if (!slot) {
        return;
    }
    memset(words, 0, sizeof(words));
    const size_t used = pack((char *)words, failure);
    const uint64_t number =
        atomic_fetch_add_explicit(&place->failed, 1, memory_order_relaxed);
    usage_failure *kept = &place->failures[number % MLS_USAGE_FAILURES];
    uint64_t writing = number * 2 + 1;

    atomic_store_explicit(&kept->sequence, writing, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < (used + 7) / 8; i++) {
        atomic_store_explicit(&kept->words[i], words[i],
                              memory_order_relaxed);
    }
    /* Unless somebody has come round the ring meanwhile. */
    atomic_compare_exchange_strong_explicit(
        &kept->sequence, &writing, number * 2 + 2, memory_order_release,
        memory_order_relaxed);
}

void mls_usage_forget(mls_usage *usage, unsigned slot)
{
    usage_slot *place = usage_slot_at(usage, slot);

    for (int i = 0; i < MLS_USAGE_FAILURES; i++) {
        atomic_store_explicit(&place->failures[i].sequence, 0,
                              memory_order_relaxed);
    }
}

/* ---- reading ---- */

/* Memory that other programs write is not trusted with lengths. */
static int unpack(mls_usage_failure *out, const char *bytes, apr_pool_t *pool)
{
    const char **texts[TEXTS] = { &out->request_id, &out->message,
                                  &out->console, &out->trace };
    failure_head head;
    size_t used = sizeof(head);

    memcpy(&head, bytes, sizeof(head));
    out->time = head.time;
    out->status = head.status;
    for (int i = 0; i < TEXTS; i++) {
        if (head.lengths[i] > USAGE_FAILURE_BYTES - used) {
            return 0;
        }
        *texts[i] = apr_pstrmemdup(pool, bytes + used, head.lengths[i]);
        used += head.lengths[i];
    }
    return 1;
}

static int read_place(mls_usage_failure *out, usage_failure *kept,
                      uint64_t number, apr_pool_t *pool)
{
    uint64_t words[USAGE_FAILURE_WORDS];
    const uint64_t whole = number * 2 + 2;

    if (atomic_load_explicit(&kept->sequence, memory_order_acquire) !=
        whole) {
        return 0;
    }
    for (unsigned i = 0; i < USAGE_FAILURE_WORDS; i++) {
        words[i] = usage_load(&kept->words[i]);
    }
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&kept->sequence, memory_order_relaxed) ==
               whole &&
           unpack(out, (const char *)words, pool);
}

unsigned mls_usage_failures(mls_usage_failure out[MLS_USAGE_FAILURES],
                            const mls_usage *usage, unsigned slot,
                            apr_pool_t *pool)
{
    usage_slot *place = usage_slot_at(usage, slot);
    const uint64_t ever = usage_load(&place->failed);
    unsigned count = 0;

    for (uint64_t back = 1; back <= MLS_USAGE_FAILURES && back <= ever;
         back++) {
        const uint64_t number = ever - back;

        count += (unsigned)read_place(
            &out[count], &place->failures[number % MLS_USAGE_FAILURES],
            number, pool);
    }
    return count;
}
