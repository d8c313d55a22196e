/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handler that reads the body and answers a constant: what httpd itself
 * costs, for bench_http.py to compare scoring with. `SetHandler empty`.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

static const char answer[] =
    "{\"success\":true,\"errorMessage\":\"\",\"outputParameters\":"
    "{\"outputData\":{\"y\":[1.23456789012345]}},\"outputFiles\":{},"
    "\"consoleOutput\":\"\",\"changedFiles\":[]}";

static int empty_handler(request_rec *r)
{
    char bytes[8192];
    int status;

    if (!r->handler || strcmp(r->handler, "empty") != 0) {
        return DECLINED;
    }
    status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    if (status != OK) {
        return status;
    }
    if (ap_should_client_block(r)) {
        while (ap_get_client_block(r, bytes, sizeof bytes) > 0) {
        }
    }
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, sizeof answer - 1);
    ap_rwrite(answer, sizeof answer - 1, r);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_handler(empty_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

/* The objects are built with hidden names. */
extern module AP_MODULE_DECLARE_DATA empty_module
    __attribute__((visibility("default")));

AP_DECLARE_MODULE(empty) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE
};
