/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_SUPER_H
#define MLS_DAEMON_SUPER_H

/**
 * The pool supervisor: starts, limits, counts and ends processes that work on
 * what callers bring. Run in a child of mlserverd; returns the exit code when
 * it was told to stop.
 */

#include "daemon/daemon.h"

int mls_super_main(mls_daemon *daemon, apr_pool_t *pool);

#endif
