/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a request: does it lie in our Location, and its id. */

#include "http/request.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <http_core.h>

#include "base/ident.h"
#include "http/reply.h"

APLOG_USE_MODULE(mlserver);

enum { ID_LENGTH = 128 };

mlh_request *mlh_request_of(request_rec *r)
{
    return ap_get_module_config(r->request_config, &mlserver_module);
}

/* ---- X-Request-Id ---- */

static int is_sane_id(const char *id)
{
    const size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789._:/=+-");

    return length && length <= ID_LENGTH && !id[length];
}

/* 16 digits that are this process's own, then a running number: unique without
 * a system call for each. */
static const char *make_id(apr_pool_t *pool)
{
    static _Atomic uint64_t prefix;
    static _Atomic uint32_t counter;
    const uint32_t number =
        atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
    uint64_t mine = atomic_load_explicit(&prefix, memory_order_acquire);

    if (!mine) {
        uint64_t fresh = (uint64_t)apr_time_now();

        if (mls_random_bytes(&fresh, sizeof(fresh), pool) || !fresh) {
            fresh ^= (uint64_t)getpid() << 32 | 1;
        }
        if (atomic_compare_exchange_strong(&prefix, &mine, fresh)) {
            mine = fresh;
        }
    }
    return apr_psprintf(pool, "%016" APR_UINT64_T_HEX_FMT "%08x",
                        (apr_uint64_t)mine, number);
}

static const char *id_of(request_rec *r)
{
    const char *sent = apr_table_get(r->headers_in, "X-Request-Id");

    if (r->prev && mlh_request_of(r->prev)) {
        return mlh_request_of(r->prev)->id;
    }
    return sent && is_sane_id(sent) ? sent : make_id(r->pool);
}

/* ---- is it ours ---- */

static mlh_request *attach(request_rec *r, const mlh_config *config,
                           const char *path)
{
    mlh_request *request = apr_pcalloc(r->pool, sizeof(*request));

    request->config = config;
    request->server =
        ap_get_module_config(r->server->module_config, &mlserver_module);
    request->state = request->server->state;
    request->id = id_of(r);
    request->path = *path ? path : "/";
    ap_set_module_config(r->request_config, &mlserver_module, request);
    apr_table_setn(r->err_headers_out, "X-Request-Id", request->id);
    apr_table_setn(r->subprocess_env, "MLSERVER_REQUEST_ID", request->id);
    r->log_id = request->id;
    mlh_timing_begin(request);
    return request;
}

/* The rest of `uri` below `mount`, NULL when it does not lie there. */
static const char *below(const char *mount, const char *uri)
{
    const size_t length = strlen(mount);

    if (strncmp(uri, mount, length) != 0 ||
        (uri[length] && uri[length] != '/')) {
        return NULL;
    }
    return uri + length;
}

int mlh_request_begin(request_rec *r)
{
    const mlh_config *config =
        ap_get_module_config(r->per_dir_config, &mlserver_module);

    if (!config || !config->enabled || !config->mount || r->proxyreq) {
        return DECLINED;
    }
    const char *path = below(config->mount, r->uri);

    if (!path) {
        return DECLINED;
    }
    attach(r, config, path);
    mlh_cors_headers(r, config);
    return OK;
}

mlh_request *mlh_request_find(request_rec *r)
{
    mlh_request *request = mlh_request_of(r);

    if (request || r->proxyreq || !r->uri) {
        return request;
    }
    const apr_array_header_t *mounts = mlh_config_mounts(r->server, r->pool);

    for (int i = 0; i < mounts->nelts; i++) {
        const mlh_config *config =
            APR_ARRAY_IDX(mounts, i, const mlh_config *);
        const char *path = below(config->mount, r->uri);
        const mlh_config *own =
            ap_get_module_config(r->per_dir_config, &mlserver_module);

        if (path && (!own || !MLH_IS_SET(own, enabled) || own->enabled)) {
            return attach(r, config, path);
        }
    }
    return NULL;
}
