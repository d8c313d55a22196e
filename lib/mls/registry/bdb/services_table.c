/* SPDX-License-Identifier: Apache-2.0 */
/* Table services: name, zero, version -> the service's record. */

#include "registry/bdb/tables.h"

#include <string.h>

#include <apr_strings.h>

enum { PAGE_BYTES = 1024 * 1024, PAGE_RECORDS = 1000 };

mls_err *mls_services_table_text(const char **text, mls_txn *txn,
                                 const char *name, const char *version,
                                 apr_pool_t *pool)
{
    mls_bytes value;

    MLS_TRY(mls_dbt_get(&value, txn, MLS_TABLE_SERVICES,
                        mls_key_pair(name, version, pool), pool));
    *text = value.data;
    return NULL;
}

mls_err *mls_services_table_get(mls_service **service, uint64_t *serial,
                                mls_txn *txn, const char *name,
                                const char *version, apr_pool_t *pool)
{
    mls_json *json;

    *service = NULL;
    MLS_TRY(mls_dbt_get_json(&json, txn, MLS_TABLE_SERVICES,
                             mls_key_pair(name, version, pool), pool));
    return json ? mls_service_from_json(service, serial, json, pool) : NULL;
}

mls_err *mls_services_table_put(mls_txn *txn, const mls_service *service,
                                uint64_t serial, apr_pool_t *pool)
{
    return mls_dbt_put_json(txn, MLS_TABLE_SERVICES,
                            mls_key_pair(service->name, service->version,
                                         pool),
                            mls_service_to_json(service, serial, pool), pool);
}

mls_err *mls_services_table_delete(mls_txn *txn, const char *name,
                                   const char *version, apr_pool_t *pool)
{
    return mls_dbt_delete(txn, MLS_TABLE_SERVICES,
                          mls_key_pair(name, version, pool), pool);
}

struct each {
    mls_err *(*each)(void *baton, const mls_service *service,
                     apr_pool_t *scratch);
    void *baton;
};

static mls_err *decode(void *baton, mls_bytes key, mls_bytes value, int *stop,
                       apr_pool_t *scratch)
{
    const struct each *each = baton;
    mls_service *service;
    mls_json *json;

    mls_err *err = mls_json_parse(&json, value.data, value.length, scratch);
    if (!err) {
        err = mls_service_from_json(&service, NULL, json, scratch);
    }
    if (err) {
        return mls_err_make(scratch, MLS_ECORRUPT, err,
                            "the record of service %.*s", (int)key.length,
                            key.data);
    }
    return each->each(each->baton, service, scratch);
}

mls_err *mls_services_table_each(mls_txn *txn,
                                 mls_err *(*each)(void *baton,
                                                  const mls_service *service,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch)
{
    struct each both = { each, baton };

    return mls_dbt_scan(txn, MLS_TABLE_SERVICES, (mls_bytes){ NULL, 0 },
                        decode, &both, scratch);
}

/* ---- pages ---- */

struct page {
    mls_bytes prefix; /* a name and its zero, or nothing */
    mls_bytes after;
    apr_array_header_t *texts;
    size_t bytes;
    mls_bytes last;
    int more;
    apr_pool_t *pool;
};

static mls_err *collect(void *baton, mls_bytes key, mls_bytes value, int *stop,
                        apr_pool_t *scratch)
{
    struct page *page = baton;

    if (key.length < page->prefix.length
        || (page->prefix.length
            && memcmp(key.data, page->prefix.data, page->prefix.length))) {
        *stop = 1;
        return NULL;
    }
    if (key.length == page->after.length
        && !memcmp(key.data, page->after.data, key.length)) {
        return NULL;
    }
    if (page->texts->nelts
        && (page->bytes + value.length > PAGE_BYTES
            || page->texts->nelts >= PAGE_RECORDS)) {
        page->more = 1;
        *stop = 1;
        return NULL;
    }
    page->bytes += value.length;
    page->last.data = apr_pmemdup(page->pool, key.data, key.length);
    page->last.length = key.length;
    APR_ARRAY_PUSH(page->texts, const char *) =
        apr_pstrmemdup(page->pool, value.data, value.length);
    return NULL;
}

/* A key as text for the caller: a newline (in no name) for the zero. */
static const char *cursor_of(mls_bytes key, apr_pool_t *pool)
{
    char *text = apr_pstrmemdup(pool, key.data, key.length);
    char *zero = memchr(text, '\0', key.length);

    if (zero) {
        *zero = '\n';
    }
    return text;
}

static mls_bytes key_of(const char *cursor, apr_pool_t *pool)
{
    mls_bytes key = { apr_pstrdup(pool, cursor), strlen(cursor) };
    char *newline = memchr(key.data, '\n', key.length);

    if (newline) {
        *newline = '\0';
    }
    return key;
}

mls_err *mls_services_table_page(const char **texts, const char **next,
                                 mls_txn *txn, const char *name,
                                 const char *after, apr_pool_t *pool)
{
    struct page page = { 0 };

    page.pool = pool;
    page.texts = apr_array_make(pool, 64, sizeof(const char *));
    if (name) {
        page.prefix = mls_key_pair(name, "", pool);
    }
    if (after) {
        page.after = key_of(after, pool);
    }
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_SERVICES,
                         after ? page.after : page.prefix, collect, &page,
                         pool));
    *texts = apr_array_pstrcat(pool, page.texts, ',');
    *next = page.more ? cursor_of(page.last, pool) : NULL;
    return NULL;
}
