/* SPDX-License-Identifier: Apache-2.0 */
/* Roles from what is declared and what is met. */

#include "auth/role_rules.h"

#include <stddef.h>
#include <strings.h>

mls_role mls_role_parse(const char *word)
{
    static const mls_role roles[] = { MLS_ROLE_OWNER, MLS_ROLE_CONTRIBUTOR,
                                      MLS_ROLE_READER };

    for (size_t i = 0; word && i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (!strcasecmp(word, mls_role_name(roles[i]))) {
            return roles[i];
        }
    }
    return MLS_ROLE_NONE;
}

mls_role mls_role_implicit(unsigned declared)
{
    if (declared & MLS_ROLE_BIT(MLS_ROLE_READER)) {
        return MLS_ROLE_NONE;
    }
    return declared & MLS_ROLE_BIT(MLS_ROLE_CONTRIBUTOR)
               ? MLS_ROLE_READER
               : MLS_ROLE_CONTRIBUTOR;
}

mls_role mls_role_resolve(unsigned declared, unsigned met)
{
    for (mls_role role = MLS_ROLE_OWNER; role > MLS_ROLE_NONE; role--) {
        if (met & MLS_ROLE_BIT(role)) {
            return role;
        }
    }
    return mls_role_implicit(declared);
}
