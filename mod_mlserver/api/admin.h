/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_API_ADMIN_H
#define MLH_API_ADMIN_H

/**
 * Answers of the administration that others build on: the diagnostics bundle
 * holds what the single endpoints say.
 */

#include "base/json.h"
#include "mlh.h"

/** Of GET /admin/api/configuration: secrets are masked. */
mls_json *mlh_configuration_tree(request_rec *r, const mlh_call *call);

/** Of GET /status. */
mls_json *mlh_status_tree(request_rec *r, const mlh_call *call);

/** Of GET /admin/api/usage; NULL when nothing is counted. */
mls_json *mlh_usage_tree(request_rec *r, const mlh_call *call);

/** Of GET /admin/api/licences. */
mls_json *mlh_licences_tree(apr_pool_t *pool);

#endif
