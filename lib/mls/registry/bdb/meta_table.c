/* SPDX-License-Identifier: Apache-2.0 */
/* Tables meta (schema version, state id, last generation) and requests (id of
 * a recent write -> its answer). */

#include "registry/bdb/tables.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"

#define KEY_SCHEMA "schema"
#define KEY_STATE "state"
#define KEY_GENERATION "generation"

mls_err *mls_meta_table_get(const char **value, mls_txn *txn, const char *key,
                            apr_pool_t *pool)
{
    mls_bytes bytes;

    MLS_TRY(mls_dbt_get(&bytes, txn, MLS_TABLE_META, mls_key(key), pool));
    *value = bytes.data;
    return NULL;
}

mls_err *mls_meta_table_put(mls_txn *txn, const char *key, const char *value,
                            apr_pool_t *pool)
{
    return mls_dbt_put(txn, MLS_TABLE_META, mls_key(key), mls_key(value),
                       pool);
}

/* A whole decimal number of 64 bits; a wrong one is damage. */
static mls_err *get_number(uint64_t *number, mls_txn *txn, const char *key,
                           apr_pool_t *pool)
{
    const char *text;

    *number = 0;
    MLS_TRY(mls_meta_table_get(&text, txn, key, pool));
    if (!text) {
        return NULL;
    }
    if (!*text || strspn(text, "0123456789") != strlen(text)
        || strlen(text) > 19) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "\"%s\" in %s is no number", key,
                            mls_table_file(MLS_TABLE_META));
    }
    *number = strtoull(text, NULL, 10);
    return NULL;
}

static mls_err *put_number(mls_txn *txn, const char *key, uint64_t number,
                           apr_pool_t *pool)
{
    return mls_meta_table_put(txn, key,
                              apr_psprintf(pool, "%" APR_UINT64_T_FMT,
                                           (apr_uint64_t)number),
                              pool);
}

static mls_err *make_state(mls_txn *txn, apr_pool_t *pool)
{
    const char *id;

    MLS_TRY(mls_guid_make(&id, pool));
    MLS_TRY(put_number(txn, KEY_SCHEMA, MLS_SCHEMA, pool));
    MLS_TRY(mls_meta_table_put(txn, KEY_STATE, id, pool));
    return put_number(txn, KEY_GENERATION, 1, pool);
}

mls_err *mls_meta_table_start(mls_txn *txn, apr_pool_t *pool)
{
    uint64_t schema;

    MLS_TRY(get_number(&schema, txn, KEY_SCHEMA, pool));
    if (schema > MLS_SCHEMA) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "the registry was written by a newer version "
                            "(schema %" APR_UINT64_T_FMT ", this one knows "
                            "%d): install that version again, or restore a "
                            "backup of this one",
                            (apr_uint64_t)schema, MLS_SCHEMA);
    }
    return schema ? NULL : make_state(txn, pool);
}

mls_err *mls_meta_table_generation(uint64_t *generation, mls_txn *txn,
                                   apr_pool_t *pool)
{
    return get_number(generation, txn, KEY_GENERATION, pool);
}

mls_err *mls_meta_table_set_generation(mls_txn *txn, uint64_t generation,
                                       apr_pool_t *pool)
{
    return put_number(txn, KEY_GENERATION, generation, pool);
}

mls_err *mls_meta_table_next(uint64_t *generation, mls_txn *txn,
                             apr_pool_t *pool)
{
    MLS_TRY(mls_meta_table_generation(generation, txn, pool));
    (*generation)++;
    return mls_meta_table_set_generation(txn, *generation, pool);
}

mls_err *mls_meta_table_state_id(const char **id, mls_txn *txn,
                                 apr_pool_t *pool)
{
    MLS_TRY(mls_meta_table_get(id, txn, KEY_STATE, pool));
    if (!*id || !mls_guid_valid(*id)) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "the registry has no valid state id");
    }
    return NULL;
}

/* ---- requests ---- */

mls_err *mls_requests_table_get(mls_json **answer, mls_txn *txn,
                                const char *id, apr_pool_t *pool)
{
    mls_json *json;

    MLS_TRY(mls_dbt_get_json(&json, txn, MLS_TABLE_REQUESTS, mls_key(id),
                             pool));
    *answer = mls_json_get(json, "answer");
    return NULL;
}

mls_err *mls_requests_table_put(mls_txn *txn, const char *id,
                                const mls_json *answer, apr_time_t now,
                                apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "v", 1);
    mls_json_set_int(json, "time", now);
    mls_json_set(json, "answer", (mls_json *)answer);
    return mls_dbt_put_json(txn, MLS_TABLE_REQUESTS, mls_key(id), json, pool);
}

struct old {
    apr_time_t before;
    apr_array_header_t *ids;
    apr_pool_t *pool;
};

static mls_err *gather_old(void *baton, mls_bytes key, mls_bytes value,
                           int *stop, apr_pool_t *scratch)
{
    struct old *old = baton;
    mls_json *json;

    MLS_TRY(mls_json_parse(&json, value.data, value.length, scratch));
    if (mls_json_int(json, "time", 0) < old->before) {
        APR_ARRAY_PUSH(old->ids, const char *) =
            apr_pstrmemdup(old->pool, key.data, key.length);
    }
    return NULL;
}

mls_err *mls_requests_table_sweep(int *removed, mls_txn *txn,
                                  apr_time_t before, apr_pool_t *pool)
{
    struct old old = { before, apr_array_make(pool, 64, sizeof(char *)),
                       pool };

    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_REQUESTS, (mls_bytes){ NULL, 0 },
                         gather_old, &old, pool));
    *removed = old.ids->nelts;
    for (int i = 0; i < old.ids->nelts; i++) {
        MLS_TRY(mls_dbt_delete(
            txn, MLS_TABLE_REQUESTS,
            mls_key(APR_ARRAY_IDX(old.ids, i, const char *)), pool));
    }
    return NULL;
}
