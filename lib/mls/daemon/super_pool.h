/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_SUPER_POOL_H
#define MLS_DAEMON_SUPER_POOL_H

/**
 * The pool as this supervisor sets it up: its limits, and where it finds what
 * a service version runs.
 */

#include "daemon/daemon.h"
#include "daemon/pool/pool.h"
#include "registry/registry.h"

mls_err *super_pool_create(mls_pool **out, mls_daemon *daemon,
                           mls_registry *registry, int namespaces,
                           apr_pool_t *pool);

/** What super_pool_restore needs. */
typedef struct super_restore {
    const mls_daemon *daemon;
    mls_registry *registry;
} super_restore;

/** In a helper: tell the supervisor of every service that has a pool of its
 *  own, as its record says. `restore` is a super_restore. */
int super_pool_restore(void *restore, apr_pool_t *pool);

#endif
