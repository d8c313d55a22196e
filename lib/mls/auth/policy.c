/* SPDX-License-Identifier: Apache-2.0 */
/* The permission matrix. */

#include "auth/policy.h"

#include <stddef.h>

/* The lowest role that has a permission on its own things, and on anybody's.
 * NOBODY stands above all roles. */
enum { NOBODY = MLS_ROLE_OWNER + 1 };

static const struct {
    int own, any;
    const char *name;
} matrix[] = {
    [MLS_PERMIT_ANYONE] = {MLS_ROLE_NONE, MLS_ROLE_NONE, "anyone"},
    [MLS_PERMIT_LIST] = {MLS_ROLE_READER, MLS_ROLE_READER, "list"},
    [MLS_PERMIT_CONSUME] = {MLS_ROLE_READER, MLS_ROLE_READER, "consume"},
    [MLS_PERMIT_SEE_CODE] = {MLS_ROLE_CONTRIBUTOR, MLS_ROLE_OWNER, "code"},
    [MLS_PERMIT_PUBLISH] = {MLS_ROLE_CONTRIBUTOR, MLS_ROLE_CONTRIBUTOR,
                            "publish"},
    [MLS_PERMIT_CHANGE] = {MLS_ROLE_CONTRIBUTOR, MLS_ROLE_OWNER, "change"},
    [MLS_PERMIT_SESSION] = {MLS_ROLE_READER, NOBODY, "session"},
    [MLS_PERMIT_TOKENS] = {MLS_ROLE_READER, MLS_ROLE_OWNER, "tokens"},
    [MLS_PERMIT_ADMIN] = {MLS_ROLE_OWNER, MLS_ROLE_OWNER, "admin"},
};

int mls_policy_allows(mls_role role, mls_permission permission, int own)
{
    if ((size_t)permission >= sizeof(matrix) / sizeof(matrix[0])) {
        return 0;
    }
    const int needed = own ? matrix[permission].own : matrix[permission].any;

    return (int)role >= needed;
}

const char *mls_permission_name(mls_permission permission)
{
    return (size_t)permission < sizeof(matrix) / sizeof(matrix[0])
               ? matrix[permission].name
               : "unknown";
}

int mls_policy_possible(mls_role role, mls_permission permission)
{
    return mls_policy_allows(role, permission, 1) ||
           mls_policy_allows(role, permission, 0);
}

const char *mls_role_name(mls_role role)
{
    switch (role) {
    case MLS_ROLE_OWNER:
        return "Owner";
    case MLS_ROLE_CONTRIBUTOR:
        return "Contributor";
    case MLS_ROLE_READER:
        return "Reader";
    case MLS_ROLE_NONE:
        break;
    }
    return "none";
}
