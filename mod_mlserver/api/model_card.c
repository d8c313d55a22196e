/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/services/{name}/{version}/model: what a published model is:
 * format, columns, sizes, digests. What the compiler said of it when it was
 * published; nothing is read again. */

#include "api/api.h"

#include <string.h>

#include "auth/auth.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "lifecycle/lifecycle.h"

static mls_err *model_of(const mls_service **out, request_rec *r,
                         const mlh_call *call)
{
    MLS_TRY(mlh_service_find(out, r, call));
    if (!(*out)->model) {
        return mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                            "\"%s\" in version \"%s\" is code, not a model",
                            call->name, call->version);
    }
    return NULL;
}

mls_err *mlh_model_describe(mls_json **model, mls_json *answer,
                            const char *text, apr_pool_t *pool)
{
    MLS_TRY(mls_json_parse(model, text, strlen(text), pool));
    mls_json_set(answer, "format", mls_json_get(*model, "format"));
    mls_json_set(answer, "kind", mls_json_get(*model, "kind"));
    mls_json_set(answer, "producer", mls_json_get(*model, "producer"));
    mls_json_set(answer, "columns", mls_json_get(*model, "inputs"));
    mls_json_set(answer, "outputs", mls_json_get(*model, "outputs"));
    mls_json_set(answer, "verification",
                 mls_json_get(*model, "verification"));
    return NULL;
}

static mls_err *card(mls_json **out, request_rec *r, const mlh_call *call)
{
    mls_json *answer = mls_json_object(r->pool);
    const mls_service *service = NULL;
    mls_json *model = NULL;

    MLS_TRY(model_of(&service, r, call));
    MLS_TRY(mlh_model_describe(&model, answer, service->model, r->pool));
    mls_json_set_int(answer, "bytes", service->model_size);
    mls_json_set(answer, "imageBytes", mls_json_get(model, "imageSize"));
    mls_json_set_string(answer, "sha256", service->blob);
    mls_json_set_string(answer, "changedAt",
                        mls_time_rfc3339(service->modified, r->pool));
    *out = answer;
    return NULL;
}

int mlh_model_card(request_rec *r, const mlh_call *call)
{
    mls_json *answer = NULL;
    mls_err *err = card(&answer, r, call);

    return err ? mlh_reply_error(r, err) : mlh_reply_tree(r, HTTP_OK, answer);
}
