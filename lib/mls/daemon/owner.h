/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_OWNER_H
#define MLS_DAEMON_OWNER_H

/**
 * The registry owner: the only process that opens the database. Run in a
 * child of mlserverd; returns the exit code when it was told to stop.
 */

#include "daemon/daemon.h"

int mls_owner_main(mls_daemon *daemon, apr_pool_t *pool);

#endif
