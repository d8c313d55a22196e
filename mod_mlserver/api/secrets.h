/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_API_SECRETS_H
#define MLH_API_SECRETS_H

/**
 * Taking secrets out of what is shown: of a configuration and of log lines.
 *
 * Meant to err on the side of hiding: a value that only looks like a secret
 * reads "***", too.
 */

#include <apr_pools.h>

/** A directive's arguments without what may be a password, a passphrase, a
 *  token or a header that carries one. */
const char *mlh_mask_arguments(const char *name, const char *arguments,
                               apr_pool_t *pool);

/** A line of a log likewise: passwords in URLs, words that are bearer tokens,
 *  key=value pairs whose key names a secret. */
const char *mlh_mask_line(const char *line, apr_pool_t *pool);

#endif
