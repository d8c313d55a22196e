/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SERVICE_MULTIPART_H
#define MLS_SERVICE_MULTIPART_H

/**
 * multipart/form-data (RFC 7578), read as it arrives: bytes are pushed in
 * pieces of any size, parts come out through callbacks, and nothing of a
 * part's content is kept here. Memory is bounded: only a part's headers are
 * held, up to 8 KB of them.
 */

#include <stddef.h>

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_MULTIPART_BOUNDARY = 70, /* characters at most, by RFC 2046 */
    MLS_MULTIPART_HEADERS = 8192, /* bytes of one part's headers */
    MLS_MULTIPART_PARTS = 32
};

typedef struct mls_multipart mls_multipart;

/** What a part's headers say; strings live in the reader's pool. */
typedef struct mls_part {
    const char *name;         /* never NULL */
    const char *filename;     /* NULL when it is a plain field */
    const char *content_type; /* NULL when not given */
} mls_part;

/** Called for each part: begin, data (any number of times, also none), end.
 *  An error ends the reading and is what mls_multipart_feed returns. */
typedef struct mls_multipart_events {
    mls_err *(*begin)(void *baton, const mls_part *part);
    mls_err *(*data)(void *baton, const char *bytes, size_t length);
    mls_err *(*end)(void *baton);
    void *baton;
} mls_multipart_events;

/** The boundary that a Content-Type header gives, quoted or not. *out is NULL
 *  when the type is not multipart/form-data (or `content_type` is NULL);
 *  MLS_EINVALID when it is, but without a usable boundary. */
mls_err *mls_multipart_boundary(const char **out, const char *content_type,
                                apr_pool_t *pool);

/** A parameter such as name="a \"b\"" of a header value, without its quotes
 *  and backslashes; NULL when it is not there or malformed. */
const char *mls_header_parameter(const char *value, const char *name,
                                 apr_pool_t *pool);

/** A reader; `events` is copied. */
mls_multipart *mls_multipart_create(const char *boundary,
                                    const mls_multipart_events *events,
                                    apr_pool_t *pool);

/** Push the next bytes. */
mls_err *mls_multipart_feed(mls_multipart *reader, const char *bytes,
                            size_t length);

/** The body has ended: MLS_EINVALID when its closing boundary is missing. */
mls_err *mls_multipart_finish(mls_multipart *reader);

#ifdef __cplusplus
}
#endif

#endif
