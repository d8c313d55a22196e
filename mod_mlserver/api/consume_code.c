/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/{name}/{version} of a standard service: its code runs in a worker
 * process; this only carries the request there and the result back. */

#include "api/api.h"

#include <string.h>

#include "api/code.h"
#include "auth/auth.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"

static mls_err *read_body(mlscore_buffer *body, request_rec *r,
                          const mlh_call *call)
{
    if (!mlh_content_is_json(r)) {
        return mls_err_make(r->pool, MLH_EMEDIA, NULL,
                            "this type of body is not read; send "
                            "Content-Type: application/json");
    }
    MLS_TRY(mlh_body_read(body, r, call->config->max_body, "body"));
    if (!body->length) {
        return mlscore_buffer_append(body, "{}", 2) == MLSCORE_OK
                   ? NULL
                   : mls_err_make(r->pool, MLS_EBUSY, NULL,
                                  "not enough memory");
    }
    return NULL;
}

/* A syntax error is told here, with its position; a worker is not bothered. */
static mls_err *check_json(const mlscore_buffer *body, apr_pool_t *pool)
{
    mls_json *json;

    MLS_TRY(mls_json_parse(&json, body->bytes, body->length, pool));
    if (mls_json_type_of(json) != MLS_JSON_OBJECT) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "the body must be a JSON object with a key for "
                            "each input");
    }
    return NULL;
}

/* Tracebacks show code, so only those who may see it get them. */
static int may_see_trace(request_rec *r, const mlh_call *call)
{
    const mls_service *service;

    if (mls_service_get(&service, call->state->runtime->registry, call->name,
                        call->version, r->pool)
        || !service) {
        return 0;
    }
    return mls_policy_allows(call->caller->role, MLS_PERMIT_SEE_CODE,
                             mlh_same_subject(&service->publisher,
                                              &call->caller->subject));
}

static apr_status_t free_buffer(void *baton)
{
    mlscore_buffer_free(baton);
    return APR_SUCCESS;
}

int mlh_consume_code(request_rec *r, const mlh_call *call,
                     apr_uint64_t generation)
{
    mlscore_buffer *body = apr_pcalloc(r->pool, sizeof(*body));
    mls_pool_result *result;
    mls_pool_client *pool;
    mls_pool_call one;

    apr_pool_cleanup_register(r->pool, body, free_buffer,
                              apr_pool_cleanup_null);
    mls_err *err = read_body(body, r, call);
    mlh_timing_stage(call->request, MLS_STAGE_WAIT);
    if (!err) {
        err = check_json(body, r->pool);
        mlh_timing_stage(call->request, MLS_STAGE_PARSE);
    }
    if (!err) {
        err = mlh_code_pool(&pool, r, call);
    }
    if (!err) {
        mlh_code_call(&one, r, call, (int)call->config->execute_timeout * 1000);
        err = mls_pool_run(&result, pool, &one, call->name, call->version,
                           generation, body->bytes, body->length, r->pool);
        mlh_timing_stage(call->request,
                         err ? MLS_STAGE_WAIT : MLS_STAGE_RUN);
    }
    if (err) {
        return mlh_code_error(r, err);
    }
    mlh_timing_move(call->request, MLS_STAGE_RUN, MLS_STAGE_WAIT,
                    result->waited * 1000);
    const int failed = result->crashed
                       || !mls_json_bool(result->json, "success", 0);

    const int status = mlh_code_reply(
        r, result, failed && may_see_trace(r, call), HTTP_BAD_REQUEST);

    mlh_timing_stage(call->request, MLS_STAGE_WRITE);
    return status;
}
