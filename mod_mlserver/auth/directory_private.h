/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_AUTH_DIRECTORY_PRIVATE_H
#define MLH_AUTH_DIRECTORY_PRIVATE_H

/** What the two halves of directory.h share. */

#include <ldap.h>

#include "auth/directory.h"

struct mlh_directory {
    LDAP *ldap;
    mlh_ldap_url url;
    request_rec *r;
    apr_pool_t *pool;
    int timeout; /* seconds of one operation */
};

/** Search; *out is freed by the caller with ldap_msgfree, NULL when there is
 *  nothing. More than `most` entries: *more is set, the first ones come.
 *  MLS_EUNAVAILABLE. */
mls_err *mlh_directory_search(LDAPMessage **out, int *more,
                              mlh_directory *directory, const char *base,
                              int scope, const char *filter,
                              const char *const *attributes, int most);

/** A value for a filter, its special characters escaped (RFC 4515). */
const char *mlh_filter_escape(const char *value, apr_pool_t *pool);

#endif
