/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_AUTH_MEMBERSHIP_H
#define MLS_AUTH_MEMBERSHIP_H

/**
 * What role somebody was last found to have, in memory that all processes
 * share: a directory is asked once an hour for a user, not once a request.
 *
 * No lock and no system call. An entry is two words, the value and the value
 * xor-ed with its key, so that one of which a half was overwritten is simply
 * not found (Hyatt's lockless hash table). A full bucket drops its oldest
 * entry; who was dropped is looked up again.
 *
 * The table also remembers which directory did not answer, so that not every
 * request waits for the same silence.
 */

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "auth/policy.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mls_membership mls_membership;

/** What is known of one user under one set of rules. */
typedef struct mls_member {
    mls_role role;
    unsigned rule;   /* which condition said so, below MLS_MEMBER_RULES */
    unsigned epoch;  /* 16 bits: of the rules it was found by */
    int64_t checked; /* seconds since 1970, when */
} mls_member;

enum { MLS_MEMBER_RULES = 4096 };

/** Bytes that a table for about `members` needs. */
size_t mls_membership_size(unsigned members);

/** Make a table in `memory` of mls_membership_size(members) bytes, aligned to
 *  8; it may then be used from every process that maps it. */
mls_err *mls_membership_init(mls_membership **out, void *memory,
                             unsigned members, apr_pool_t *scratch);

/** The key of a subject; `scope` tells sets of rules apart. */
uint64_t mls_membership_key(const mls_membership *table, uint64_t scope,
                            const char *provider, const char *name);

/** 1 and *out when something is known, however old. */
int mls_membership_find(mls_member *out, mls_membership *table, uint64_t key);

void mls_membership_put(mls_membership *table, uint64_t key,
                        const mls_member *member);

/** May the directory of `scope` be asked at `now` (seconds since 1970)? After
 *  a failure it is left alone for `pause` seconds; then one caller tries, and
 *  the others go on being told no until it has an answer. */
int mls_membership_may_ask(mls_membership *table, uint64_t scope, int64_t now,
                           int64_t pause);

/** How asking went. */
void mls_membership_note(mls_membership *table, uint64_t scope, int64_t now,
                         int64_t pause, int answered);

#ifdef __cplusplus
}
#endif

#endif
