/* SPDX-License-Identifier: Apache-2.0 */
/* POST /admin/api/models/inspect: what a model is, before it is published. The
 * upload goes the way of a publish, sandbox and verification included, but no
 * record names the result, so the sweep of the stores takes it away; published
 * within the hour it is found there again. */

#include "api/api.h"

#include <string.h>

#include "http/reply.h"
#include "http/upload.h"
#include "lifecycle/lifecycle.h"

static mls_err *compile(mls_compiled **out, request_rec *r,
                        const mlh_call *call)
{
    const mls_subject *who = &call->caller->subject;
    mlh_upload *upload;

    MLS_TRY(mlh_upload_read(&upload, r, call));
    if (upload->model_fd < 0 || upload->model_size == 0) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "the part \"model\" is %s",
                            upload->model_fd < 0 ? "missing" : "empty");
    }
    return mls_supervisor_compile(
        out, call->state->runtime->supervisor, upload->model_fd,
        upload->verify_fd,
        apr_pstrcat(r->pool, who->provider, ":", who->name, NULL),
        call->request->id, (int)call->server->compile_timeout + 30, r->pool);
}

static mls_err *inspect(mls_json **out, request_rec *r, const mlh_call *call)
{
    mls_json *answer = mls_json_object(r->pool);
    mls_compiled *compiled = NULL;
    mls_json *model = NULL;

    MLS_TRY(compile(&compiled, r, call));
    MLS_TRY(mlh_model_describe(&model, answer, compiled->model, r->pool));
    mls_json_set_int(answer, "bytes", compiled->blob_size);
    mls_json_set_int(answer, "imageBytes", compiled->image_size);
    *out = answer;
    return NULL;
}

int mlh_model_inspect(request_rec *r, const mlh_call *call)
{
    mls_json *answer = NULL;
    mls_err *err = inspect(&answer, r, call);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_OK, answer);
}
