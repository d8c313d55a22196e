/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_POLICY_H
#define MLS_AUTH_POLICY_H

/**
 * Who may do what: role, permission and whose thing it is -> yes or no.
 *
 * Pure functions without state. docs/reference/rest.md shows the same matrix
 * as prose; the route table names one permission per operation.
 */

#ifdef __cplusplus
extern "C" {
#endif

/** Lowest first, so that a higher one compares greater. */
typedef enum mls_role {
    MLS_ROLE_NONE, /* logged in, but in no role: may only log in and out */
    MLS_ROLE_READER,
    MLS_ROLE_CONTRIBUTOR,
    MLS_ROLE_OWNER
} mls_role;

typedef enum mls_permission {
    MLS_PERMIT_ANYONE,   /* no login needed */
    MLS_PERMIT_LIST,     /* see services, their metadata, the status */
    MLS_PERMIT_CONSUME,  /* call a service */
    MLS_PERMIT_SEE_CODE, /* code and init code of a service */
    MLS_PERMIT_PUBLISH,  /* a new version */
    MLS_PERMIT_CHANGE,   /* update or delete what is there */
    MLS_PERMIT_SESSION,  /* sessions and snapshots, always one's own */
    MLS_PERMIT_TOKENS,   /* see and revoke logins */
    MLS_PERMIT_ADMIN     /* roles, audit, nodes */
} mls_permission;

/** 1 when `role` has `permission` on a thing that is the caller's own
 *  (`own` nonzero) or somebody else's (0). */
int mls_policy_allows(mls_role role, mls_permission permission, int own);

/** 1 when there is any thing on which `role` has `permission`: what can be
 *  said before the thing itself has been looked up. */
int mls_policy_possible(mls_role role, mls_permission permission);

/** "anyone", "list", "consume" ... */
const char *mls_permission_name(mls_permission permission);

/** "Owner", "Contributor", "Reader", "none". */
const char *mls_role_name(mls_role role);

#ifdef __cplusplus
}
#endif

#endif
