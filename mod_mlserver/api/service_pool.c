/* SPDX-License-Identifier: Apache-2.0 */
/* A service's own pool: POST, GET, DELETE /services/{name}/{version}/pool;
 * and what pools and runtimes there are: GET /admin/api/pools, .../runtimes.
 *
 * The sizes are part of the service's record; the supervisor is told, and
 * reads the record when it starts. Counts come from its files. */

#include "api/api.h"

#include <string.h>

#include <http_core.h>

#include "api/code.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "pool/pool_files.h"

enum { MOST = 10000 };

/* ---- what is asked for ---- */

typedef struct sizes {
    int dedicated;
    int64_t initial, maximum;
} sizes;

/* The contract writes InitialPoolSize; clients of other languages write
 * initialPoolSize. */
static mls_err *take_size(int64_t *out, const mls_json *body,
                          const char *name, apr_pool_t *pool)
{
    char *lower = apr_pstrdup(pool, name);

    lower[0] = (char)(lower[0] | 0x20);
    const char *key = mls_json_has(body, name) ? name : lower;
    const mls_json *value = mls_json_get(body, key);

    if (!value) {
        return NULL;
    }
    *out = mls_json_int(body, key, -1);
    if (mls_json_type_of(value) != MLS_JSON_NUMBER || *out < 0 || *out > MOST) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"%s\" must be a whole number from 0 to %d",
                            name, MOST);
    }
    return NULL;
}

static mls_err *read_sizes(sizes *out, request_rec *r)
{
    mls_json *body;

    MLS_TRY(mlh_body_json(&body, r));
    *out = (sizes){ .dedicated = 1 };
    MLS_TRY(take_size(&out->initial, body, "InitialPoolSize", r->pool));
    MLS_TRY(take_size(&out->maximum, body, "MaxPoolSize", r->pool));
    if (out->maximum && out->maximum < out->initial) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"MaxPoolSize\" (%d) must not be smaller than "
                            "\"InitialPoolSize\" (%d); 0 means no bound of "
                            "its own",
                            (int)out->maximum, (int)out->initial);
    }
    return NULL;
}

/* ---- the record ---- */

static mls_err *options_with(const char **out, const mls_service *service,
                             const sizes *wanted, apr_pool_t *pool)
{
    mls_json *options = mls_json_object(pool);

    if (service->options) {
        MLS_TRY(mls_json_parse(&options, service->options,
                               strlen(service->options), pool));
    }
    mls_json_remove(options, "pool");
    if (wanted->dedicated) {
        mls_json *own = mls_json_object(pool);

        mls_json_set_int(own, "initial", wanted->initial);
        mls_json_set_int(own, "maximum", wanted->maximum);
        mls_json_set(options, "pool", own);
    }
    *out = mls_json_text(options, pool);
    return NULL;
}

static mls_err *find_standard(const mls_service **out, apr_uint64_t *expected,
                              request_rec *r, const mlh_call *call)
{
    MLS_TRY(mlh_service_to_change(out, expected, r, call));
    if (!strcmp((*out)->runtime_type, "Realtime")) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "service \"%s\" version \"%s\" is a realtime "
                            "service: it is scored inside the server and "
                            "needs no pool",
                            call->name, call->version);
    }
    return NULL;
}

/* Nothing is written when nothing changes: the generation stays. */
static mls_err *merge(mls_service *record, int *same, void *baton,
                      request_rec *r, const mlh_call *call)
{
    const char *old = record->options ? record->options : "{}";

    MLS_TRY(options_with(&record->options, record, baton, r->pool));
    *same = !strcmp(old, record->options);
    return NULL;
}

/* ---- the supervisor ---- */

static mls_err *tell(const mls_service *service, const sizes *wanted,
                     request_rec *r, const mlh_call *call)
{
    enum { LIMIT = 5000 }; /* ms */
    mls_json *answer, *request = mls_json_object(r->pool);
    mls_pool_client *pool;
    mls_pool_call one;

    mls_json_set_string(request, "op", "pool.set");
    mls_json_set_string(request, "service", service->name);
    mls_json_set_string(request, "version", service->version);
    mls_json_set_uint(request, "generation", service->generation);
    mls_json_set_bool(request, "dedicated", wanted->dedicated);
    mls_json_set_int(request, "initial", wanted->initial);
    mls_json_set_int(request, "maximum", wanted->maximum);
    MLS_TRY(mlh_code_pool(&pool, r, call));
    mlh_code_call(&one, r, call, LIMIT);
    return mls_session_control(&answer, pool, &one, request, r->pool);
}

/* A supervisor that is away reads the record when it is back. The body is read
 * (when there is one: `reads`) after the caller was found to have the right. */
static mls_err *set_pool(sizes *wanted, int reads, request_rec *r,
                         const mlh_call *call)
{
    const mls_service *service;
    apr_uint64_t expected;

    MLS_TRY(find_standard(&service, &expected, r, call));
    if (reads) {
        MLS_TRY(read_sizes(wanted, r));
    }
    MLS_TRY(mlh_service_alter(&service, service, expected, merge, wanted, r,
                              call));
    mls_err *err = tell(service, wanted, r, call);

    if (err && err->code != MLS_EUNAVAILABLE) {
        return err;
    }
    mlh_etag_set(r, service->generation);
    return NULL;
}

void mlh_pool_forget(request_rec *r, const mlh_call *call,
                     const mls_service *service)
{
    const sizes none = { 0 };
    mls_json *options = NULL;

    if (service->options
        && !mls_json_parse(&options, service->options,
                           strlen(service->options), r->pool)
        && mls_json_get(options, "pool")) {
        (void)tell(service, &none, r, call);
    }
}

/* ---- handlers ---- */

int mlh_service_pool_set(request_rec *r, const mlh_call *call)
{
    sizes wanted;
    mls_err *err = set_pool(&wanted, 1, r, call);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK,
                                  "The pool is created or updated.");
}

int mlh_service_pool_delete(request_rec *r, const mlh_call *call)
{
    sizes none = { 0 };
    mls_err *err = set_pool(&none, 0, r, call);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_string(r, HTTP_OK, "The pool is deleted.");
}

/* Success: as many workers as are to be kept are there. */
static const char *status_of(const mls_json *counts, const mls_json *own)
{
    const int64_t there = mls_json_int(counts, "idle", 0)
                          + mls_json_int(counts, "busy", 0);

    if (!own) {
        return "NotFound";
    }
    return counts && mls_json_bool(counts, "dedicated", 0)
                   && there >= mls_json_int(own, "initial", 0)
               ? "Success"
               : "Pending";
}

static mls_json *pool_json(const mls_json *counts, const mls_json *own,
                           request_rec *r)
{
    static const struct {
        const char *shown, *key;
    } numbers[] = { { "Starting", "starting" }, { "Idle", "idle" },
                    { "Busy", "busy" }, { "Waiting", "waiting" },
                    { "MemoryBytes", "memoryBytes" } };
    mls_json *row = mls_json_object(r->pool);

    mls_json_set_string(row, "ComputeNodeEndpoint",
                        ap_construct_url(r->pool, "", r));
    mls_json_set_string(row, "Status", status_of(counts, own));
    mls_json_set_int(row, "InitialPoolSize", mls_json_int(own, "initial", 0));
    mls_json_set_int(row, "MaxPoolSize", mls_json_int(own, "maximum", 0));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        mls_json_set_int(row, numbers[i].shown,
                         mls_json_int(counts, numbers[i].key, 0));
    }
    mls_json_set_string(row, "Failure", mls_json_string(counts, "failure"));
    return row;
}

static mls_err *pool_status(mls_json **out, request_rec *r,
                            const mlh_call *call)
{
    const mls_service *service;
    mls_json *options = NULL, *counts = NULL;

    MLS_TRY(mlh_service_find(&service, r, call));
    if (service->options) {
        MLS_TRY(mls_json_parse(&options, service->options,
                               strlen(service->options), r->pool));
    }
    mls_err *err = mls_pool_counts_of(&counts, call->server->run_dir,
                                      call->name, call->version, r->pool);
    if (err && err->code != MLS_EUNAVAILABLE) {
        return err;
    }
    *out = mls_json_array(r->pool);
    mls_json_add(*out, pool_json(counts, mls_json_get(options, "pool"), r));
    return NULL;
}

int mlh_service_pool_get(request_rec *r, const mlh_call *call)
{
    mls_json *rows = NULL;
    mls_err *err = pool_status(&rows, r, call);

    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_OK, rows);
}

static int reply_items(request_rec *r, mls_json *items)
{
    mls_json *json = mls_json_object(r->pool);

    mls_json_set(json, "items", items ? items : mls_json_array(r->pool));
    mls_json_set(json, "nextCursor", NULL);
    return mlh_reply_tree(r, HTTP_OK, json);
}

int mlh_pools_list(request_rec *r, const mlh_call *call)
{
    mls_json *counts = NULL;
    mls_err *err = mls_pool_counts(&counts, call->server->run_dir, r->pool);

    return err ? mlh_reply_error(r, err)
               : reply_items(r, mls_json_get(counts, "services"));
}

int mlh_runtimes_list(request_rec *r, const mlh_call *call)
{
    mls_json *runtimes = NULL;
    mls_err *err =
        mls_pool_runtimes_read(&runtimes, call->server->run_dir, r->pool);

    return err ? mlh_reply_error(r, err)
               : reply_items(r, mls_json_get(runtimes, "items"));
}
