/* SPDX-License-Identifier: Apache-2.0 */
/* The last calls that failed, of each service version. */

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

static const mls_ring_shape shape = { MLS_USAGE_FAILURES,
                                      USAGE_FAILURE_BYTES };

void mls_usage_fail(mls_usage *usage, unsigned slot,
                    const mls_usage_failure *failure)
{
    uint64_t words[USAGE_FAILURE_BYTES / 8];

    if (slot) {
        memset(words, 0, sizeof(words));
        const size_t length = pack((char *)words, failure);

        mls_ring_put(usage_slot_at(usage, slot)->failures, &shape, words,
                     length);
    }
}

/* ---- reading ---- */

/* Memory that other programs write is not trusted with lengths. */
static int unpack(mls_usage_failure *out, const char *bytes, size_t length,
                  apr_pool_t *pool)
{
    const char **texts[TEXTS] = { &out->request_id, &out->message,
                                  &out->console, &out->trace };
    failure_head head;
    size_t used = sizeof(head);

    if (length < used) {
        return 0;
    }
    memcpy(&head, bytes, sizeof(head));
    out->time = head.time;
    out->status = head.status;
    for (int i = 0; i < TEXTS; i++) {
        if (head.lengths[i] > length - used) {
            return 0;
        }
        *texts[i] = apr_pstrmemdup(pool, bytes + used, head.lengths[i]);
        used += head.lengths[i];
    }
    return 1;
}

unsigned mls_usage_failures(mls_usage_failure out[MLS_USAGE_FAILURES],
                            const mls_usage *usage, unsigned slot,
                            apr_pool_t *pool)
{
    const _Atomic uint64_t *ring = usage_slot_at(usage, slot)->failures;
    uint64_t words[USAGE_FAILURE_BYTES / 8];
    unsigned count = 0;

    for (unsigned back = 1; back <= MLS_USAGE_FAILURES; back++) {
        const size_t length = mls_ring_get(words, ring, &shape, back);

        if (length) {
            count += (unsigned)unpack(&out[count], (const char *)words,
                                      length, pool);
        }
    }
    return count;
}
