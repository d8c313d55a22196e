/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_ROLE_RULES_H
#define MLS_AUTH_ROLE_RULES_H

/**
 * Which role somebody has, given which roles are declared at all and which of
 * them the person meets a condition of. Pure functions; conditions themselves
 * are evaluated by httpd (mod_mlserver/auth/).
 */

#include "auth/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A set of roles: bits by mls_role. */
#define MLS_ROLE_BIT(role) (1u << (role))

/** The role named "Owner", "Contributor" or "Reader", in whatever case;
 *  MLS_ROLE_NONE for any other word. */
mls_role mls_role_parse(const char *word);

/** The role of somebody who meets no condition, when conditions are declared
 *  for the roles in `declared`: Contributor while only Owner (or nothing) is,
 *  Reader when Contributor is and Reader is not, none once Reader is. */
mls_role mls_role_implicit(unsigned declared);

/** The role of somebody who meets conditions of the roles in `met`: the
 *  highest of them, or the implicit one. */
mls_role mls_role_resolve(unsigned declared, unsigned met);

#ifdef __cplusplus
}
#endif

#endif
