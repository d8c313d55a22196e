/* SPDX-License-Identifier: Apache-2.0 */
/* The module record, and every hook in one place. */

#include "mlh.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "config/config.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/routes.h"
#include "lifecycle/lifecycle.h"
#include "usage/recent_log.h"
#include "usage/shared_usage.h"

/* Nothing below our mount is a file: no directory walk, no stat, and no 403 of
 * <Directory />. */
static int map_to_storage(request_rec *r)
{
    return mlh_request_of(r) ? OK : DECLINED;
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const authz[] = { "mod_authz_core.c", NULL };

    ap_hook_check_config(mlh_config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(mlh_audit_open_logs, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mlh_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_error_log(mlh_recent_log_keep, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(mlh_child_init, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_translate_name(mlh_request_begin, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_FIRST);

    /* The token is verified before mod_authz_core looks at `Require`, and a
     * public path is let through after it has found only a user lacking. */
    ap_hook_check_access_ex(mlh_access_early, NULL, authz, APR_HOOK_FIRST,
                            AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_access_ex(mlh_access_late, authz, NULL,
                            APR_HOOK_REALLY_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(mlh_check_authn, NULL, NULL, APR_HOOK_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(mlh_check_authn_last, NULL, NULL,
                        APR_HOOK_REALLY_LAST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(mlh_auth_checker_last, authz, NULL,
                        APR_HOOK_REALLY_LAST, AP_AUTH_INTERNAL_PER_CONF);

    ap_hook_handler(mlh_dispatch, NULL, NULL, APR_HOOK_FIRST);
    /* Before the modules that write logs. */
    ap_hook_log_transaction(mlh_log_request, NULL, NULL,
                            APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(mlh_insert_error_filter, NULL, NULL,
                                APR_HOOK_LAST);
    mlh_register_error_filter();
    mlh_register_header_filter();
    mlh_usage_show_in_status(pool);
}

AP_DECLARE_MODULE(mlserver) = {
    STANDARD20_MODULE_STUFF,
    mlh_config_create,
    mlh_config_merge,
    mlh_server_create,
    mlh_server_merge,
    mlh_commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
