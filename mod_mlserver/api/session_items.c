/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and files of a session. Objects are serialised bytes that only
 * workers ever load. */

#include "api/api.h"

#include <string.h>

#include "api/code.h"
#include "http/reply.h"
#include "http/spool.h"

static const mls_session_data none = { NULL, 0, -1, -1, -1 };

/* No path from a caller is used as a path; the session checks it again. */
static mls_err *check_name(const char *name, apr_pool_t *pool)
{
    if (!*name || strlen(name) > 255 || strpbrk(name, "/\\")
        || !strcmp(name, ".") || !strcmp(name, "..")) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" is not a usable name: separators and dots "
                            "alone are refused",
                            name);
    }
    return NULL;
}

static mls_err *operate(mls_pool_result **result, request_rec *r,
                        const mlh_call *call, const char *what,
                        const char *name, const mls_session_data *data)
{
    if (name) {
        MLS_TRY(check_name(name, r->pool));
    }
    MLS_TRY(mlh_session_operation(result, r, call, what, name, data));
    return mlh_code_refusal(*result, r->pool);
}

static int list(request_rec *r, const mlh_call *call, const char *what)
{
    mls_pool_result *result;
    mls_err *err = operate(&result, r, call, what, NULL, &none);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_OK,
                                mls_json_get(result->json, "names"));
}

static int get(request_rec *r, const mlh_call *call, const char *what)
{
    mls_session_data data = none;
    mls_pool_result *result;
    mls_err *err = mlh_spool_open(&data.sink, r, call->config);

    if (!err) {
        err = operate(&result, r, call, what, call->version, &data);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_file(r, data.sink, "application/octet-stream",
                                call->version);
}

static int remove_item(request_rec *r, const mlh_call *call, const char *what)
{
    mls_pool_result *result;
    mls_err *err = operate(&result, r, call, what, call->version, &none);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, call->version);
}

/* ---- objects ---- */

int mlh_objects_list(request_rec *r, const mlh_call *call)
{
    return list(r, call, "list-objects");
}

int mlh_object_get(request_rec *r, const mlh_call *call)
{
    return get(r, call, "get-object");
}

int mlh_object_delete(request_rec *r, const mlh_call *call)
{
    return remove_item(r, call, "delete-object");
}

int mlh_object_set(request_rec *r, const mlh_call *call)
{
    mls_session_data data = none;
    mls_pool_result *result;
    mls_err *err = mlh_spool_body(&data.source, r, call->config,
                                  call->server->max_model, "object");

    if (!err) {
        err = operate(&result, r, call, "put-object", call->version, &data);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, call->version);
}

/* ---- files ---- */

int mlh_files_list(request_rec *r, const mlh_call *call)
{
    return list(r, call, "list-files");
}

int mlh_file_get(request_rec *r, const mlh_call *call)
{
    return get(r, call, "get-file");
}

int mlh_file_delete(request_rec *r, const mlh_call *call)
{
    return remove_item(r, call, "delete-file");
}

int mlh_file_upload(request_rec *r, const mlh_call *call)
{
    mls_session_data data = none;
    const char *name = NULL;
    mls_pool_result *result;
    mls_err *err = mlh_spool_part(&data.source, &name, r, call->config, "file",
                                  call->server->max_model);

    if (!err) {
        err = operate(&result, r, call, "put-file", name, &data);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_CREATED, name);
}
