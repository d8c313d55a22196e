/* SPDX-License-Identifier: Apache-2.0 */
/* GET /status for people, /healthz and /readyz for probes. */

#include "api/admin.h"
#include "api/api.h"

#include <string.h>

#include "http/reply.h"
#include "lifecycle/lifecycle.h"
#include "mlscore/version.h"

/* A StatusResponse of the contract. */
static mls_json *part(const char *code, mls_json *details, apr_pool_t *pool)
{
    mls_json *status = mls_json_object(pool);

    mls_json_set_string(status, "statusCode", code);
    mls_json_set(status, "components", mls_json_object(pool));
    mls_json_set(status, "details",
                 details ? details : mls_json_object(pool));
    return status;
}

/* A part that answered with a JSON object, or did not. */
static mls_json *answered(const char *json, const mls_err *err,
                          apr_pool_t *pool)
{
    mls_json *details = NULL;

    if (!err) {
        mls_err *malformed = mls_json_parse(&details, json, strlen(json),
                                            pool);

        return part(malformed ? "warn" : "pass", details, pool);
    }
    details = mls_json_object(pool);
    mls_json_set_string(details, "reason", err->message);
    return part("fail", details, pool);
}

static mls_json *scoring_part(mlh_state *state, apr_pool_t *pool)
{
    const mlh_scoring *scoring = mlh_scoring_of(state);
    mls_json *details = mls_json_object(pool);
    int ticket;

    if (!scoring ||
        (ticket = mls_epoch_enter(state->runtime->epochs)) < 0) {
        mls_json_set_string(details, "reason", "the index is not there yet");
        return part("fail", details, pool);
    }
    mls_json_set_uint(details, "serviceVersions",
                      mls_index_count(scoring->index));
    mls_json_set_uint(details, "generation",
                      mls_index_generation(scoring->index));
    mls_epoch_leave(state->runtime->epochs, ticket);
    return part("pass", details, pool);
}

static mls_json *login_part(const mlh_config *config, apr_pool_t *pool)
{
    mls_json *details = mls_json_object(pool);
    mls_json *providers = mls_json_array(pool);

    for (int i = 0; i < config->auth_providers->nelts; i++) {
        mls_json_add_string(providers, APR_ARRAY_IDX(config->auth_providers,
                                                     i, const char *));
    }
    mls_json_set(details, "providers", providers);
    return part("pass", details, pool);
}

/* The worst of the parts. */
static const char *overall(const mls_json *components)
{
    static const char *const names[] = { "database", "backends", "scoring",
                                         "authentication" };
    const char *worst = "pass";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *code = mls_json_string(mls_json_get(components, names[i]),
                                           "statusCode");

        if (!strcmp(code, "fail")) {
            return "fail";
        }
        if (!strcmp(code, "warn")) {
            worst = "warn";
        }
    }
    return worst;
}

mls_json *mlh_status_tree(request_rec *r, const mlh_call *call)
{
    const mlh_runtime *runtime = call->state->runtime;
    mls_json *components = mls_json_object(r->pool);
    mls_json *details = mls_json_object(r->pool);
    const char *json = NULL;
    mls_err *err = mls_registry_status(&json, runtime->registry, r->pool);

    mls_json_set(components, "database", answered(json, err, r->pool));
    err = mls_supervisor_status(&json, runtime->supervisor, r->pool);
    mls_json_set(components, "backends", answered(json, err, r->pool));
    mls_json_set(components, "scoring",
                 scoring_part(call->state, r->pool));
    mls_json_set(components, "authentication",
                 login_part(call->config, r->pool));
    mls_json_set_string(details, "version", MLSCORE_VERSION);

    mls_json *status = part(overall(components), details, r->pool);

    mls_json_set(status, "components", components);
    return status;
}

int mlh_status(request_rec *r, const mlh_call *call)
{
    return mlh_reply_tree(r, HTTP_OK, mlh_status_tree(r, call));
}

int mlh_healthz(request_rec *r, const mlh_call *call)
{
    return mlh_reply_json(r, HTTP_OK, "{\"status\":\"pass\"}");
}

/* Not an event for the log: a probe asks again in a moment. */
static int reply_not_ready(request_rec *r, const char *why)
{
    apr_table_setn(r->headers_out, "Retry-After", "1");
    return mlh_reply_json(
        r, HTTP_SERVICE_UNAVAILABLE,
        mlh_error_json(r, HTTP_SERVICE_UNAVAILABLE,
                       apr_pstrcat(r->pool, "not ready: ", why, NULL)));
}

/* Ready: models can be scored, and people can log in. */
int mlh_readyz(request_rec *r, const mlh_call *call)
{
    const char *json;

    if (!mlh_scoring_of(call->state)) {
        return reply_not_ready(r, "mlserverd has not made the index");
    }
    mls_err *err = mls_registry_status(&json, call->state->runtime->registry,
                                       r->pool);

    return err ? reply_not_ready(r, err->message)
               : mlh_reply_json(r, HTTP_OK, "{\"status\":\"pass\"}");
}
