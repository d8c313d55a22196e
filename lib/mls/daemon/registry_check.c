/* SPDX-License-Identifier: Apache-2.0 */
/* A second opinion on the tables: count again from the services. */

#include "daemon/registry_check.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "registry/bdb/snapshots_table.h"
#include "registry/bdb/tables.h"

struct check {
    mls_registry_counts *counts;
    apr_hash_t *references; /* b or i, digest -> int64_t */
    apr_hash_t *usage;      /* provider, zero, name -> int64_t */
    uint64_t generation;
    void (*problem)(void *baton, const char *line);
    void *baton;
    apr_pool_t *pool;
};

static void add(struct check *check, apr_hash_t *hash, const char *key,
                size_t length, int64_t difference)
{
    int64_t *value = apr_hash_get(hash, key, (apr_ssize_t)length);

    if (!value) {
        value = apr_pcalloc(check->pool, sizeof(*value));
        apr_hash_set(hash, apr_pmemdup(check->pool, key, length),
                     (apr_ssize_t)length, value);
    }
    *value += difference;
}

static mls_err *count_service(void *baton, const mls_service *service,
                              apr_pool_t *scratch)
{
    struct check *check = baton;
    mls_err *err = mls_service_check(service, scratch);

    check->counts->services++;
    if (err) {
        check->problem(check->baton,
                       apr_psprintf(scratch, "service %s %s: %s",
                                    service->name, service->version,
                                    mls_err_text(err, scratch)));
    }
    if (service->generation > check->generation) {
        check->problem(check->baton,
                       apr_psprintf(scratch, "service %s %s is of a "
                                    "generation that was not yet given",
                                    service->name, service->version));
    }
    if (service->blob) {
        const char *key = apr_pstrcat(scratch, "b", service->blob, NULL);
        add(check, check->references, key, strlen(key), 1);
    }
    if (service->image) {
        const char *key = apr_pstrcat(scratch, "i", service->image, NULL);
        add(check, check->references, key, strlen(key), 1);
    }
    if (service->model_size && service->publisher.name) {
        const mls_bytes key = mls_key_pair(service->publisher.provider,
                                           service->publisher.name, scratch);
        add(check, check->usage, key.data, key.length, service->model_size);
    }
    return NULL;
}

static mls_err *count_snapshot(void *baton, const mls_snapshot *snapshot,
                               apr_pool_t *scratch)
{
    struct check *check = baton;
    const char *key = apr_pstrcat(scratch, "b", snapshot->blob, NULL);
    const mls_bytes owner = mls_key_pair(snapshot->owner.provider,
                                         snapshot->owner.name, scratch);

    add(check, check->references, key, strlen(key), 1);
    if (snapshot->size) {
        add(check, check->usage, owner.data, owner.length, snapshot->size);
    }
    return NULL;
}

static mls_err *count_family(void *baton, const mls_family *family, int *stop,
                             apr_pool_t *scratch)
{
    struct check *check = baton;

    check->counts->families++;
    return NULL;
}

/* Take a stored count from ours; what is left over then is wrong. */
static mls_err *subtract(struct check *check, apr_hash_t *hash,
                         const char *member, mls_bytes key, mls_bytes value,
                         apr_pool_t *scratch)
{
    mls_json *json;

    MLS_TRY(mls_json_parse(&json, value.data, value.length, scratch));
    add(check, hash, key.data, key.length, -mls_json_int(json, member, 0));
    return NULL;
}

static mls_err *subtract_blob(void *baton, mls_bytes key, mls_bytes value,
                              int *stop, apr_pool_t *scratch)
{
    struct check *check = baton;

    check->counts->blobs += key.length && *key.data == 'b';
    return subtract(check, check->references, "references", key, value,
                    scratch);
}

static mls_err *subtract_usage(void *baton, mls_bytes key, mls_bytes value,
                               int *stop, apr_pool_t *scratch)
{
    struct check *check = baton;

    return subtract(check, check->usage, "bytes", key, value, scratch);
}

static void report_rest(struct check *check, apr_hash_t *hash,
                        const char *what)
{
    for (apr_hash_index_t *i = apr_hash_first(check->pool, hash); i;
         i = apr_hash_next(i)) {
        const void *key;
        apr_ssize_t length;
        void *value;

        apr_hash_this(i, &key, &length, &value);
        if (*(const int64_t *)value) {
            check->problem(
                check->baton,
                apr_psprintf(check->pool, "%s of %s is wrong by %"
                             APR_INT64_T_FMT, what,
                             apr_pstrmemdup(check->pool, key,
                                            (apr_size_t)length),
                             (apr_int64_t)*(const int64_t *)value));
        }
    }
}

mls_err *mls_registry_check(mls_registry_counts *counts, mls_txn *txn,
                            void (*problem)(void *baton, const char *line),
                            void *baton, apr_pool_t *pool)
{
    struct check check = { 0 };
    const mls_bytes start = { NULL, 0 };

    memset(counts, 0, sizeof(*counts));
    check.counts = counts;
    check.references = apr_hash_make(pool);
    check.usage = apr_hash_make(pool);
    check.problem = problem;
    check.baton = baton;
    check.pool = pool;
    MLS_TRY(mls_meta_table_generation(&check.generation, txn, pool));
    MLS_TRY(mls_services_table_each(txn, count_service, &check, pool));
    MLS_TRY(mls_snapshots_table_each(txn, count_snapshot, &check, pool));
    MLS_TRY(mls_families_table_each(txn, NULL, count_family, &check, pool));
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_BLOBS, start, subtract_blob, &check,
                         pool));
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_USAGE, start, subtract_usage, &check,
                         pool));
    report_rest(&check, check.references, "the number of references");
    report_rest(&check, check.usage, "the usage");
    return NULL;
}
