/* SPDX-License-Identifier: Apache-2.0 */
/* The permission matrix. */

#include "auth/policy.h"

#include <stddef.h>

/* The lowest role that has a permission on its own things, and on anybody's.
 * NOBODY stands above all roles. */
enum { NOBODY = MLS_ROLE_OWNER + 1 };

static const struct {
    int own, any;
} matrix[] = {
    [MLS_PERMIT_ANYONE] = { MLS_ROLE_NONE, MLS_ROLE_NONE },
    [MLS_PERMIT_LIST] = { MLS_ROLE_READER, MLS_ROLE_READER },
    [MLS_PERMIT_CONSUME] = { MLS_ROLE_READER, MLS_ROLE_READER },
    [MLS_PERMIT_SEE_CODE] = { MLS_ROLE_CONTRIBUTOR, MLS_ROLE_OWNER },
    [MLS_PERMIT_PUBLISH] = { MLS_ROLE_CONTRIBUTOR, MLS_ROLE_CONTRIBUTOR },
    [MLS_PERMIT_CHANGE] = { MLS_ROLE_CONTRIBUTOR, MLS_ROLE_OWNER },
    [MLS_PERMIT_SESSION] = { MLS_ROLE_READER, NOBODY },
    [MLS_PERMIT_ADMIN] = { MLS_ROLE_OWNER, MLS_ROLE_OWNER },
};

int mls_policy_allows(mls_role role, mls_permission permission, int own)
{
    if ((size_t)permission >= sizeof(matrix) / sizeof(matrix[0])) {
        return 0;
    }
    const int needed = own ? matrix[permission].own : matrix[permission].any;

    return (int)role >= needed;
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
