/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_USER_NAME_H
#define MLS_AUTH_USER_NAME_H

/**
 * One spelling of a user's name: "EXAMPLE\Alice", "Alice@example.test" and
 * "alice" are one person where the administrator says so.
 */

#include <apr_pools.h>
#include <apr_tables.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Is this word a rule: strip-realm[=REALM], strip-domain[=DOMAIN],
 *  lower-case or none? */
int mls_user_name_is_rule(const char *word);

/** `name` after the rules (const char *, in their order). strip-realm takes
 *  "@realm" off its end, strip-domain "DOMAIN\" off its beginning; with a
 *  value only that realm or domain, in whatever case. lower-case changes
 *  ASCII letters. What would leave nothing changes nothing. */
const char *mls_user_name(const char *name, const apr_array_header_t *rules,
                          apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
