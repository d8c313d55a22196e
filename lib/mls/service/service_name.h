/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SERVICE_SERVICE_NAME_H
#define MLS_SERVICE_SERVICE_NAME_H

/**
 * Names and versions of services: what is allowed, and how they look in a URL.
 */

#include <apr_pools.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MLS_NAME_LENGTH = 128 }; /* bytes at most */

/** Check a name or version that a caller wants to give; `what` is "name" or
 *  "version" for the message. Letters and digits of any script, blanks inside
 *  and most punctuation are fine. Refused: empty or over 128 bytes, invalid
 *  UTF-8, control and invisible characters, '/', '\', '?', '#', '%', "..",
 *  blanks at either end. MLS_EINVALID says which. */
mls_err *mls_service_name_check(const char *what, const char *text,
                                apr_pool_t *pool);

/** Check an alias: what becomes the name of a function in clients. Empty is
 *  refused (NULL means none); otherwise as a name. */
mls_err *mls_operation_id_check(const char *text, apr_pool_t *pool);

/** Percent-encode one segment of a path (RFC 3986: all but unreserved). */
const char *mls_path_escape(const char *segment, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
