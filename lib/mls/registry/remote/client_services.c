/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h's calls on services, as requests to the owner. */

#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "registry/records.h"
#include "registry/remote/registry_client.h"

static mls_json *request_for(const char *op, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);

    mls_json_set_string(request, "op", op);
    return request;
}

/* ---- list ---- */

struct listed {
    const mls_service *service;
    uint64_t serial;
};

static int by_age(const void *left, const void *right)
{
    const uint64_t one = ((const struct listed *)left)->serial;
    const uint64_t other = ((const struct listed *)right)->serial;

    return one < other ? -1 : one > other;
}

static mls_err *add_page(apr_array_header_t *all, const mls_json *services,
                         apr_pool_t *pool)
{
    for (size_t i = 0; i < mls_json_length(services); i++) {
        struct listed *listed = apr_array_push(all);
        mls_service *service;
        MLS_TRY(mls_service_from_json(&service, &listed->serial,
                                      mls_json_at(services, i), pool));
        listed->service = service;
    }
    return NULL;
}

static mls_err *read_pages(apr_array_header_t *all, mls_registry *registry,
                           const char *name, apr_pool_t *pool)
{
    mls_json *request = request_for("service.list", pool);
    mls_err *err = NULL;
    apr_pool_t *page;
    int more = 1;

    if (name) {
        mls_json_set_string(request, "name", name);
    }
    apr_pool_create(&page, pool);
    while (!err && more) {
        mls_json *answer;
        apr_pool_clear(page);
        err = mls_registry_ask(&answer, registry, request, page);
        if (!err) {
            const char *next = mls_json_string(answer, "next");
            more = next != NULL;
            mls_json_set_string(request, "after", next);
            err = add_page(all, mls_json_get(answer, "services"), pool);
        }
    }
    if (err) {
        return err; /* lives in page, which lives as long as pool */
    }
    apr_pool_destroy(page);
    return NULL;
}

mls_err *mls_service_list(apr_array_header_t **out, mls_registry *registry,
                          const char *name, apr_pool_t *pool)
{
    apr_array_header_t *all =
        apr_array_make(pool, 32, sizeof(struct listed));

    MLS_TRY(read_pages(all, registry, name, pool));
    qsort(all->elts, (size_t)all->nelts, sizeof(struct listed), by_age);
    *out = apr_array_make(pool, all->nelts, sizeof(const mls_service *));
    for (int i = 0; i < all->nelts; i++) {
        APR_ARRAY_PUSH(*out, const mls_service *) =
            APR_ARRAY_IDX(all, i, struct listed).service;
    }
    return NULL;
}

/* ---- one service ---- */

mls_err *mls_service_get(const mls_service **out, mls_registry *registry,
                         const char *name, const char *version,
                         apr_pool_t *pool)
{
    mls_json *request = request_for("service.get", pool);
    mls_service *service = NULL;
    mls_json *answer;

    mls_json_set_string(request, "name", name);
    mls_json_set_string(request, "version", version);
    MLS_TRY(mls_registry_ask(&answer, registry, request, pool));
    if (mls_json_get(answer, "service")) {
        MLS_TRY(mls_service_from_json(&service, NULL,
                                      mls_json_get(answer, "service"), pool));
    }
    *out = service;
    return NULL;
}

/* The record as it is now: what was sent and what the owner set. */
static mls_err *stored(const mls_service **out, const mls_service *sent,
                       const mls_json *answer, apr_pool_t *pool)
{
    if (!out) {
        return NULL;
    }
    mls_service *service = apr_pmemdup(pool, sent, sizeof(*sent));
    service->generation = mls_json_uint(answer, "generation", 0);
    service->created = mls_json_int(answer, "created", 0);
    service->modified = mls_json_int(answer, "modified", 0);
    MLS_TRY(mls_subject_from_json(&service->publisher,
                                  mls_json_get(answer, "publisher"), pool));
    *out = service;
    return NULL;
}

mls_err *mls_service_create(const mls_service **out, mls_registry *registry,
                            const mls_service *service, apr_pool_t *pool)
{
    mls_json *request = request_for("service.create", pool);
    mls_json *answer;

    MLS_TRY(mls_service_check(service, pool));
    mls_json_set(request, "service", mls_service_to_json(service, 0, pool));
    MLS_TRY(mls_registry_write(&answer, registry, request, pool));
    return stored(out, service, answer, pool);
}

mls_err *mls_service_update(const mls_service **out, mls_registry *registry,
                            const mls_service *service, apr_uint64_t expected,
                            apr_pool_t *pool)
{
    mls_json *request = request_for("service.update", pool);
    mls_json *answer;

    MLS_TRY(mls_service_check(service, pool));
    mls_json_set(request, "service", mls_service_to_json(service, 0, pool));
    mls_json_set_uint(request, "expected", expected);
    MLS_TRY(mls_registry_write(&answer, registry, request, pool));
    return stored(out, service, answer, pool);
}

mls_err *mls_service_delete(mls_registry *registry, const char *name,
                            const char *version, apr_uint64_t expected,
                            apr_pool_t *pool)
{
    mls_json *request = request_for("service.delete", pool);
    mls_json *answer;

    mls_json_set_string(request, "name", name);
    mls_json_set_string(request, "version", version);
    mls_json_set_uint(request, "expected", expected);
    return mls_registry_write(&answer, registry, request, pool);
}

mls_err *mls_registry_status(const char **json, mls_registry *registry,
                             apr_pool_t *pool)
{
    mls_json *answer;

    MLS_TRY(mls_registry_ask(&answer, registry, request_for("status", pool),
                             pool));
    mls_json_remove(answer, "ok");
    *json = mls_json_text(answer, pool);
    return NULL;
}
