/* SPDX-License-Identifier: Apache-2.0 */
/* The permission matrix as the configuration narrows it. */

#include "auth/auth.h"

int mlh_permits(const mlh_config *config, mls_role role,
                mls_permission permission, int own)
{
    if (permission == MLS_PERMIT_SESSION &&
        config->session_role == MLH_SESSIONS_CONTRIBUTOR &&
        role < MLS_ROLE_CONTRIBUTOR) {
        return 0;
    }
    return mls_policy_allows(role, permission, own);
}

int mlh_permits_some(const mlh_config *config, mls_role role,
                     mls_permission permission)
{
    return mlh_permits(config, role, permission, 1) ||
           mlh_permits(config, role, permission, 0);
}
