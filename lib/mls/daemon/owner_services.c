/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on services, and what follows from their records: references to
 * blobs, the publishers' usage, the index. */

#include "daemon/owner_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "registry/bdb/tables.h"

/* What a write changed, so that it can be taken back. */
struct change {
    mls_service *before, *after; /* NULL: was not there, is gone */
    uint64_t serial;
};

mls_err *mls_index_entry_make(mls_index_entry *entry,
                              const mls_service *service, apr_pool_t *pool)
{
    memset(entry, 0, sizeof(*entry));
    entry->generation = service->generation;
    entry->flags = service->image ? MLS_INDEX_REALTIME : MLS_INDEX_STANDARD;
    if (service->image
        && !mls_hex_decode(entry->image, sizeof(entry->image),
                           service->image)) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "service %s %s has no valid image digest",
                            service->name, service->version);
    }
    return NULL;
}

static mls_err *flip(mls_call *call, const mls_service *service, int gone,
                     uint64_t generation, apr_pool_t *pool)
{
    mls_flip *one = apr_array_push(call->flips);

    memset(one, 0, sizeof(*one));
    one->kind = gone ? MLS_FLIP_DELETE : MLS_FLIP_PUT;
    one->name = service->name;
    one->version = service->version;
    MLS_TRY(mls_index_entry_make(&one->entry, service, pool));
    one->entry.generation = generation;
    return NULL;
}

static mls_err *count(mls_txn *txn, const mls_service *service, int difference,
                      apr_pool_t *pool)
{
    MLS_TRY(mls_blobs_table_add(txn, MLS_BLOB, service->blob, difference,
                                pool));
    MLS_TRY(mls_blobs_table_add(txn, MLS_IMAGE, service->image, difference,
                                pool));
    return mls_usage_table_add(txn, &service->publisher,
                               difference * service->model_size, pool);
}

/* The one way in which records change. */
static mls_err *replace(mls_txn *txn, const mls_service *before,
                        const mls_service *after, uint64_t serial,
                        apr_pool_t *pool)
{
    if (after) {
        MLS_TRY(count(txn, after, 1, pool));
        MLS_TRY(mls_services_table_put(txn, after, serial, pool));
    }
    if (before) {
        MLS_TRY(count(txn, before, -1, pool));
    }
    if (before && !after) {
        return mls_services_table_delete(txn, before->name, before->version,
                                         pool);
    }
    return NULL;
}

static mls_err *change(mls_call *call, mls_txn *txn, mls_service *before,
                       mls_service *after, uint64_t serial, apr_pool_t *pool)
{
    struct change *done = apr_palloc(pool, sizeof(*done));
    uint64_t generation;

    MLS_TRY(mls_meta_table_next(&generation, txn, pool));
    if (after) {
        after->generation = generation;
    }
    *done = (struct change){ before, after, serial ? serial : generation };
    call->later = done;
    MLS_TRY(replace(txn, before, after, done->serial, pool));
    return flip(call, after ? after : before, !after, generation, pool);
}

mls_err *mls_op_service_undo(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const struct change *done = call->later;

    return replace(txn, done->after, done->before, done->serial, pool);
}

static void answer_record(mls_call *call, const mls_service *service,
                          apr_pool_t *pool)
{
    mls_json_set_uint(call->answer, "generation", service->generation);
    mls_json_set_int(call->answer, "created", service->created);
    mls_json_set_int(call->answer, "modified", service->modified);
    mls_json_set(call->answer, "publisher",
                 mls_subject_to_json(&service->publisher, pool));
}

/* ---- reading ---- */

mls_err *mls_op_service_get(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *name, *version, *text;

    MLS_TRY(mls_json_need_string(&name, call->request, "name", pool));
    MLS_TRY(mls_json_need_string(&version, call->request, "version", pool));
    MLS_TRY(mls_services_table_text(&text, txn, name, version, pool));
    call->raw = apr_pstrcat(pool, "{\"ok\":true,\"service\":",
                            text ? text : "null", "}", NULL);
    return NULL;
}

/* Records go out as they are stored: nothing is parsed for a list. */
mls_err *mls_op_service_list(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *texts, *next;
    mls_json *cursor = mls_json_object(pool);

    MLS_TRY(mls_services_table_page(&texts, &next, txn,
                                    mls_json_string(call->request, "name"),
                                    mls_json_string(call->request, "after"),
                                    pool));
    mls_json_set_string(cursor, "next", next);
    const char *tail = mls_json_text(cursor, pool); /* {"next":...} */
    call->raw = apr_pstrcat(pool, "{\"ok\":true,\"services\":[", texts, "],",
                            tail + 1, NULL);
    return NULL;
}

/* ---- writing ---- */

static mls_err *need_service(mls_service **service, const mls_call *call,
                             apr_pool_t *pool)
{
    mls_json *json = mls_json_get(call->request, "service");

    if (!json) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"service\" is missing");
    }
    mls_err *err = mls_service_from_json(service, NULL, json, pool);
    if (err) {
        return mls_err_make(pool, MLS_EINVALID, err, "\"service\"");
    }
    return mls_service_check(*service, pool);
}

mls_err *mls_op_service_create(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_service *service, *old;

    MLS_TRY(need_service(&service, call, pool));
    MLS_TRY(mls_services_table_get(&old, NULL, txn, service->name,
                                   service->version, pool));
    if (old) {
        return mls_err_make(pool, MLS_EEXISTS, NULL,
                            "service %s %s already exists", service->name,
                            service->version);
    }
    service->created = service->modified = call->now;
    MLS_TRY(change(call, txn, NULL, service, 0, pool));
    answer_record(call, service, pool);
    return NULL;
}

/* The record to change: there, and still of the expected generation. */
static mls_err *need_record(mls_service **old, uint64_t *serial,
                            const mls_call *call, mls_txn *txn,
                            const char *name, const char *version,
                            apr_pool_t *pool)
{
    const uint64_t expected = mls_json_uint(call->request, "expected", 0);

    MLS_TRY(mls_services_table_get(old, serial, txn, name, version, pool));
    if (!*old) {
        return mls_err_make(pool, MLS_ENOTFOUND, NULL,
                            "there is no service %s %s", name, version);
    }
    if (expected && expected != (*old)->generation) {
        return mls_err_make(pool, MLS_ECONFLICT, NULL,
                            "service %s %s was changed meanwhile", name,
                            version);
    }
    return NULL;
}

mls_err *mls_op_service_update(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_service *service, *old;
    uint64_t serial;

    MLS_TRY(need_service(&service, call, pool));
    MLS_TRY(need_record(&old, &serial, call, txn, service->name,
                        service->version, pool));
    service->publisher = old->publisher;
    service->created = old->created;
    service->modified = call->now;
    MLS_TRY(change(call, txn, old, service, serial, pool));
    answer_record(call, service, pool);
    return NULL;
}

mls_err *mls_op_service_delete(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *name, *version;
    mls_service *old;
    uint64_t serial;

    MLS_TRY(mls_json_need_string(&name, call->request, "name", pool));
    MLS_TRY(mls_json_need_string(&version, call->request, "version", pool));
    MLS_TRY(need_record(&old, &serial, call, txn, name, version, pool));
    return change(call, txn, old, NULL, serial, pool);
}

/* After an upgrade of the image format: the same blob, compiled anew. */
mls_err *mls_op_service_image(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *name, *version, *blob, *image;
    mls_service *old;
    uint64_t serial;

    MLS_TRY(mls_json_need_string(&name, call->request, "name", pool));
    MLS_TRY(mls_json_need_string(&version, call->request, "version", pool));
    MLS_TRY(mls_json_need_string(&blob, call->request, "blob", pool));
    MLS_TRY(mls_json_need_string(&image, call->request, "image", pool));
    MLS_TRY(need_record(&old, &serial, call, txn, name, version, pool));
    if (!old->blob || strcmp(old->blob, blob)) {
        return mls_err_make(pool, MLS_ECONFLICT, NULL,
                            "service %s %s has another blob by now", name,
                            version);
    }
    mls_service *service = apr_pmemdup(pool, old, sizeof(*old));
    service->image = image;
    if (mls_json_string(call->request, "model")) {
        service->model = mls_json_string(call->request, "model");
    }
    MLS_TRY(mls_service_check(service, pool));
    MLS_TRY(change(call, txn, old, service, serial, pool));
    answer_record(call, service, pool);
    return NULL;
}

/* ---- blobs and usage ---- */

mls_err *mls_op_blob_list(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    const char *kind = mls_json_string(call->request, "kind");
    const char *next;
    mls_json *digests;

    if (!kind || (strcmp(kind, "blob") && strcmp(kind, "image"))) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"kind\" must be blob or image");
    }
    MLS_TRY(mls_blobs_table_page(&digests, &next, txn,
                                 *kind == 'b' ? MLS_BLOB : MLS_IMAGE,
                                 mls_json_string(call->request, "after"),
                                 pool));
    mls_json_set(call->answer, "digests", digests);
    mls_json_set_string(call->answer, "next", next);
    return NULL;
}

mls_err *mls_op_usage(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_subject subject;
    int64_t bytes;

    MLS_TRY(mls_subject_from_json(&subject,
                                  mls_json_get(call->request, "subject"),
                                  pool));
    MLS_TRY(mls_usage_table_get(&bytes, txn, &subject, pool));
    mls_json_set_int(call->answer, "bytes", bytes);
    return NULL;
}
