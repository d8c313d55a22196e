/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_POOL_LIMITS_H
#define MLS_DAEMON_POOL_LIMITS_H

/**
 * The bounds of the pools, from directives of httpd or from the command line
 * of mlserverd to the code that keeps them. pool_limits.def lists them.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct mls_pool_limits {
#define LIMIT(field, option, value) int64_t field;
#include "daemon/pool/pool_limits.def"
#undef LIMIT
} mls_pool_limits;

/** A bound as the command line has it: --OPTION N. */
typedef struct mls_pool_limit {
    const char *option; /* NULL ends the table */
    size_t offset;      /* in mls_pool_limits */
    int64_t value;      /* the default */
} mls_pool_limit;

extern const mls_pool_limit mls_pool_limit_table[];

void mls_pool_limits_default(mls_pool_limits *limits);

/** Set one by its option's name; 0 when there is no such option. */
int mls_pool_limits_set(mls_pool_limits *limits, const char *option,
                        int64_t value);

#endif
