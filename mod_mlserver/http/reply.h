/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_REPLY_H
#define MLH_HTTP_REPLY_H

/**
 * Answers: JSON, bytes, errors; and the one table from error codes to HTTP
 * statuses. A handler returns what these return.
 *
 * Every error is the contract's object {message, link, exceptionType}.
 */

#include "mlh.h"
#include "base/json.h"

/** Codes of the glue's own, beside mls_code. */
enum {
    MLH_EMEDIA = MLS_ECORRUPT + 100, /* a type of body nobody reads; 415 */
    MLH_ESLOW,                       /* the body came too slowly; 408 */
    MLH_ETHROTTLED,                  /* too many attempts; 429 */
    MLH_EMETHOD,                     /* 405 */
    MLH_ENOTDONE                     /* a part that is not built yet; 501 */
};

/** Answer with JSON text. */
int mlh_reply_json(request_rec *r, int status, const char *json);
int mlh_reply_tree(request_rec *r, int status, const mls_json *tree);

/** Answer with a JSON string; with `location` also as Location header. */
int mlh_reply_string(request_rec *r, int status, const char *text);

/** Answer with bytes, which must only stay until this returns. */
int mlh_reply_bytes(request_rec *r, int status, const char *type,
                    const char *bytes, size_t length);

/** Answer with no content: 204, 304. */
int mlh_reply_empty(request_rec *r, int status);

/** Answer an error: its status by the table, its message when it is meant for
 *  the caller; what is the server's fault goes to the log instead. */
int mlh_reply_error(request_rec *r, const mls_err *err);

/** Make and answer an error in one step. */
int mlh_reply_fail(request_rec *r, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The status of an error code. */
int mlh_status_of(int code);

/** From a hook before the handler: have httpd answer `status` with this
 *  message; returns the status. */
int mlh_refuse(request_rec *r, int status, const char *message);

/** The JSON text of an error object for a status. */
const char *mlh_error_json(request_rec *r, int status, const char *message);

/** Path of a service's call below the host, percent-encoded. */
const char *mlh_service_path(request_rec *r, const char *name,
                             const char *version);

/* ---- error_filter.c ---- */

/** insert_error_filter hook: what httpd answers by itself inside our Location
 *  becomes the error object. */
void mlh_insert_error_filter(request_rec *r);
void mlh_register_error_filter(void);

/* ---- keepalive.c ---- */

/** r->status is set, the answer not sent: keep an HTTP/1.1 connection that
 *  httpd would close for the status alone. */
void mlh_keep_connection(request_rec *r);
void mlh_register_header_filter(void);

/** Before the log is written: r->status as it was answered. */
void mlh_restore_status(request_rec *r);

/* ---- cors.c ---- */

/** Add what cross-origin callers need to the answer's headers, if the
 *  request's origin is allowed. */
void mlh_cors_headers(request_rec *r, const mlh_config *config);

/** Is it a preflight of an allowed origin? */
int mlh_cors_is_preflight(request_rec *r, const mlh_config *config);

/** Answer a preflight. */
int mlh_cors_reply(request_rec *r, const char *methods);

/* ---- etag.c ---- */

/** Set the ETag of a generation. */
void mlh_etag_set(request_rec *r, apr_uint64_t generation);

/** Does If-None-Match name this generation? */
int mlh_etag_none_match(request_rec *r, apr_uint64_t generation);

/** If-Match: 1 when absent, "*" or naming the generation (*asked tells
 *  whether one was named), else 0. */
int mlh_etag_match(request_rec *r, apr_uint64_t generation, int *asked);

#endif
