/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart bodies, pushed in pieces.
 *
 * The first byte is the size of pieces, the rest to the first line feed a
 * Content-Type, what follows the body. However it is cut, the same parts with
 * the same bytes come out, or the same refusal; and never more bytes than were
 * put in. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "service/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
    if (!good) {
        abort();
    }
}

/* What came out, as one number. */
typedef struct seen {
    uint64_t digest;
    size_t bytes;
    int inside;
    int parts;
} seen;

static void mix(seen *s, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) { /* FNV-1a */
        s->digest = (s->digest ^ (unsigned char)bytes[i])
                    * UINT64_C(1099511628211);
    }
}

static void mix_text(seen *s, const char *text)
{
    mix(s, text ? "t" : "n", 1);
    if (text) {
        mix(s, text, strlen(text) + 1);
    }
}

static mls_err *begin(void *baton, const mls_part *part)
{
    seen *s = baton;

    must(!s->inside && part->name);
    must(s->parts < MLS_MULTIPART_PARTS);
    s->inside = 1;
    s->parts++;
    mix_text(s, part->name);
    mix_text(s, part->filename);
    mix_text(s, part->content_type);
    return NULL;
}

static mls_err *take(void *baton, const char *bytes, size_t length)
{
    seen *s = baton;

    must(s->inside);
    s->bytes += length;
    mix(s, bytes, length);
    return NULL;
}

static mls_err *end(void *baton)
{
    seen *s = baton;

    must(s->inside);
    s->inside = 0;
    mix(s, "e", 1);
    return NULL;
}

/* 0 when the whole was good, else the error's code. */
static int read_in_pieces(seen *s, const char *boundary, const char *body,
                          size_t length, size_t piece, apr_pool_t *pool)
{
    const mls_multipart_events events = { begin, take, end, s };
    mls_multipart *reader = mls_multipart_create(boundary, &events, pool);
    mls_err *err = NULL;

    memset(s, 0, sizeof(*s));
    for (size_t at = 0; at < length && !err; at += piece) {
        const size_t size = length - at < piece ? length - at : piece;
        /* A copy of its own, so that reading beyond it is seen. */
        char *copy = malloc(size);

        must(copy != NULL);
        memcpy(copy, body + at, size);
        err = mls_multipart_feed(reader, copy, size);
        free(copy);
    }
    if (!err) {
        err = mls_multipart_finish(reader);
    }
    must(s->bytes <= length);
    must(err || !s->inside);
    return err ? err->code : 0;
}

static void check(const char *type, const char *body, size_t length,
                  size_t piece, apr_pool_t *pool)
{
    const char *boundary = NULL;
    seen whole, cut;

    if (mls_multipart_boundary(&boundary, type, pool) || !boundary) {
        return;
    }
    must(*boundary && strlen(boundary) <= MLS_MULTIPART_BOUNDARY);
    const int one = read_in_pieces(&whole, boundary, body, length,
                                   length + 1, pool);
    const int many = read_in_pieces(&cut, boundary, body, length, piece,
                                    pool);

    must(one == many);
    must(whole.parts == cut.parts);
    must(one || (whole.digest == cut.digest && whole.bytes == cut.bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int initialised;
    apr_pool_t *pool;

    if (!initialised) {
        apr_initialize();
        initialised = 1;
    }
    const uint8_t *line = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;

    if (!line) {
        return 0;
    }
    apr_pool_create(&pool, NULL);
    char *type = malloc((size_t)(line - data));

    must(type != NULL);
    memcpy(type, data + 1, (size_t)(line - data) - 1);
    type[line - data - 1] = '\0';
    check(type, (const char *)line + 1, size - (size_t)(line + 1 - data),
          data[0] % 64 + 1, pool);
    mls_header_parameter(type, "name", pool);
    free(type);
    apr_pool_destroy(pool);
    return 0;
}
