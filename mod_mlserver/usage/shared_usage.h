/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_USAGE_SHARED_USAGE_H
#define MLH_USAGE_SHARED_USAGE_H

/**
 * The table of usage: made by the parent, once for each state, kept over
 * reloads; and how it is shown by mod_status.
 */

#include "mlh.h"

/** post_config: set state->usage; it stays NULL when the state wants none, or
 *  there is no memory, which is logged. */
void mlh_usage_share(mlh_state *state, server_rec *s, apr_pool_t *ptemp);

/** Show it in mod_status's page, if that module is there. A register_hooks
 *  function. */
void mlh_usage_show_in_status(apr_pool_t *pool);

#endif
