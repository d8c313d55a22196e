/* SPDX-License-Identifier: Apache-2.0 */
/* Tables blobs (kind and digest -> number of records that name it) and usage
 * (provider, zero, name -> bytes of models published). */

#include "registry/bdb/tables.h"

#include <string.h>

#include <apr_strings.h>

enum { PAGE = 5000 };

static mls_err *add(mls_txn *txn, mls_table table, mls_bytes key,
                    const char *member, int64_t difference, apr_pool_t *pool)
{
    mls_json *json;

    MLS_TRY(mls_dbt_get_json(&json, txn, table, key, pool));
    const int64_t value = mls_json_int(json, member, 0) + difference;
    if (value < 0) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "a count in %s fell below zero; mlserverctl "
                            "verify says more", mls_table_file(table));
    }
    if (value == 0) {
        return mls_dbt_delete(txn, table, key, pool);
    }
    json = mls_json_object(pool);
    mls_json_set_int(json, "v", 1);
    mls_json_set_int(json, member, value);
    return mls_dbt_put_json(txn, table, key, json, pool);
}

static mls_err *get(int64_t *value, mls_txn *txn, mls_table table,
                    mls_bytes key, const char *member, apr_pool_t *pool)
{
    mls_json *json;

    MLS_TRY(mls_dbt_get_json(&json, txn, table, key, pool));
    *value = mls_json_int(json, member, 0);
    return NULL;
}

static mls_bytes blob_key(mls_blob_kind kind, const char *digest,
                          apr_pool_t *pool)
{
    return mls_key(apr_psprintf(pool, "%c%s", (char)kind, digest));
}

mls_err *mls_blobs_table_add(mls_txn *txn, mls_blob_kind kind,
                             const char *digest, int difference,
                             apr_pool_t *pool)
{
    return digest ? add(txn, MLS_TABLE_BLOBS, blob_key(kind, digest, pool),
                        "references", difference, pool)
                  : NULL;
}

mls_err *mls_blobs_table_get(int64_t *references, mls_txn *txn,
                             mls_blob_kind kind, const char *digest,
                             apr_pool_t *pool)
{
    return get(references, txn, MLS_TABLE_BLOBS, blob_key(kind, digest, pool),
               "references", pool);
}

struct page {
    mls_json *digests;
    mls_blob_kind kind;
    const char *after;
    const char *last;
    int more;
    apr_pool_t *pool;
};

static mls_err *collect(void *baton, mls_bytes key, mls_bytes value, int *stop,
                        apr_pool_t *scratch)
{
    struct page *page = baton;

    if (!key.length || key.data[0] != (char)page->kind) {
        *stop = 1;
        return NULL;
    }
    const char *digest = apr_pstrmemdup(scratch, key.data + 1, key.length - 1);
    if (page->after && !strcmp(digest, page->after)) {
        return NULL;
    }
    if (mls_json_length(page->digests) >= PAGE) {
        page->more = 1;
        *stop = 1;
        return NULL;
    }
    mls_json_add_string(page->digests, digest);
    page->last = apr_pstrdup(page->pool, digest);
    return NULL;
}

mls_err *mls_blobs_table_page(mls_json **digests, const char **next,
                              mls_txn *txn, mls_blob_kind kind,
                              const char *after, apr_pool_t *pool)
{
    struct page page = { 0 };

    page.digests = mls_json_array(pool);
    page.kind = kind;
    page.after = after;
    page.pool = pool;
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_BLOBS,
                         blob_key(kind, after ? after : "", pool), collect,
                         &page, pool));
    *digests = page.digests;
    *next = page.more ? page.last : NULL;
    return NULL;
}

mls_err *mls_usage_table_add(mls_txn *txn, const mls_subject *subject,
                             int64_t difference, apr_pool_t *pool)
{
    return difference ? add(txn, MLS_TABLE_USAGE,
                            mls_key_pair(subject->provider, subject->name,
                                         pool),
                            "bytes", difference, pool)
                      : NULL;
}

mls_err *mls_usage_table_get(int64_t *bytes, mls_txn *txn,
                             const mls_subject *subject, apr_pool_t *pool)
{
    return get(bytes, txn, MLS_TABLE_USAGE,
               mls_key_pair(subject->provider, subject->name, pool), "bytes",
               pool);
}
