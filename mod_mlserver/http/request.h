/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_REQUEST_H
#define MLH_HTTP_REQUEST_H

/**
 * What a request carries: its id, its body with a limit, its types, its query.
 *
 * Bodies are read only by handlers, after the caller was authorised. A body
 * may be gzip or deflate (Content-Encoding); limits then count unpacked bytes
 * and unpacking has a ratio limit.
 */

#include "mlh.h"
#include "base/json.h"
#include "mlscore/body.h"

/** Make the request's mlh_request when it lies in a Location with MLServer On;
 *  a translate_name hook, which answers OK then. */
int mlh_request_begin(request_rec *r);

/** The request's mlh_request, made now if httpd failed before it came to the
 *  hook above and the path lies in one of the server's mounts; else NULL. */
mlh_request *mlh_request_find(request_rec *r);

/* ---- body ---- */

/** Called with each piece of the body. */
typedef mls_err *mlh_sink(void *baton, const char *bytes, size_t length);

/** Read the body to its end, piece by piece, unpacked. MLS_ETOOLARGE beyond
 *  `limit` bytes; MLS_EINVALID when it cannot be unpacked or ends early. A
 *  status that httpd decided on (408, 413 of LimitRequestBody) comes as an
 *  error of that status's meaning. `what` names the body in messages. */
mls_err *mlh_body_each(request_rec *r, apr_int64_t limit, const char *what,
                       mlh_sink *sink, void *baton);

/** The whole body at the end of `buffer`, which is also its limit. */
mls_err *mlh_body_read(mlscore_buffer *buffer, request_rec *r,
                       apr_int64_t limit, const char *what);

/** A small JSON object as body (login and the like), at most 64 KB:
 *  MLS_EINVALID with the position when malformed or no object. Any content
 *  type but a form's is taken. */
mls_err *mlh_body_json(mls_json **out, request_rec *r);

/** The answer is decided and the body was not (wholly) read: read away at most
 *  64 KB, else have the connection closed after the answer. */
void mlh_body_discard(request_rec *r);

/* ---- types, query ---- */

/** Is the Content-Type this one (parameters aside)? */
int mlh_content_is(request_rec *r, const char *type);

/** Is the Content-Type absent or some JSON? */
int mlh_content_is_json(request_rec *r);

/** Does Accept ask for `type` by name and rather than for JSON? */
int mlh_accept_prefers(request_rec *r, const char *type);

/** A query parameter, decoded; NULL when absent or wrongly encoded. */
const char *mlh_query(request_rec *r, const char *name);

/** The query parameter "limit" of a list: 1 to `most`, 100 when absent. */
mls_err *mlh_query_limit(int *out, request_rec *r, int most);

/** Have a query parameter's value read "***" in httpd's access log. */
void mlh_query_hide(request_rec *r, const char *name);

#endif
