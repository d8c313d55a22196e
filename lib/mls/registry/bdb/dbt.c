/* SPDX-License-Identifier: Apache-2.0 */
/* Get, put, delete and scan of bytes. */

#include "registry/bdb/dbt.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "registry/bdb/bdb_private.h"
#include "registry/records.h"

mls_bytes mls_key(const char *text)
{
    return (mls_bytes){ text, strlen(text) };
}

mls_bytes mls_key_pair(const char *first, const char *second, apr_pool_t *pool)
{
    const size_t one = strlen(first) + 1;
    const size_t two = strlen(second);
    char *key = apr_palloc(pool, one + two);

    memcpy(key, first, one);
    memcpy(key + one, second, two);
    return (mls_bytes){ key, one + two };
}

/* The library's struct has no const; it does not write through these. */
static DBT dbt_of(mls_bytes bytes)
{
    DBT dbt;

    memset(&dbt, 0, sizeof(dbt));
    dbt.data = (void *)bytes.data;
    dbt.size = (u_int32_t)bytes.length;
    return dbt;
}

mls_err *mls_dbt_get(mls_bytes *value, mls_txn *txn, mls_table table,
                     mls_bytes key, apr_pool_t *pool)
{
    DB *db = txn->bdb->tables[table];
    DBT key_dbt = dbt_of(key);
    DBT dbt = dbt_of((mls_bytes){ NULL, 0 });

    *value = (mls_bytes){ NULL, 0 };
    dbt.flags = DB_DBT_MALLOC;
    const int rc = db->get(db, txn->txn, &key_dbt, &dbt,
                           txn->txn ? DB_RMW : 0);
    if (rc == DB_NOTFOUND) {
        return NULL;
    }
    if (rc) {
        return mls_bdb_err(pool, rc, mls_table_file(table));
    }
    value->data = apr_pstrmemdup(pool, dbt.data, dbt.size);
    value->length = dbt.size;
    free(dbt.data);
    return NULL;
}

mls_err *mls_dbt_put(mls_txn *txn, mls_table table, mls_bytes key,
                     mls_bytes value, apr_pool_t *pool)
{
    DB *db = txn->bdb->tables[table];
    DBT key_dbt = dbt_of(key);
    DBT dbt = dbt_of(value);

    if (value.length > MLS_RECORD_MAX) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "a record of %" APR_SIZE_T_FMT
                            " bytes; at most %d are stored",
                            value.length, MLS_RECORD_MAX);
    }
    return mls_bdb_err(pool, db->put(db, txn->txn, &key_dbt, &dbt, 0),
                       mls_table_file(table));
}

mls_err *mls_dbt_delete(mls_txn *txn, mls_table table, mls_bytes key,
                        apr_pool_t *pool)
{
    DB *db = txn->bdb->tables[table];
    DBT key_dbt = dbt_of(key);
    const int rc = db->del(db, txn->txn, &key_dbt, 0);

    return rc == DB_NOTFOUND ? NULL
                             : mls_bdb_err(pool, rc, mls_table_file(table));
}

static void drop(DBT *key, DBT *value, mls_bytes from)
{
    if (key->data != from.data) {
        free(key->data);
    }
    free(value->data);
    key->data = NULL;
    value->data = NULL;
}

/* The first record of a walk: the first from `from` on, or backwards the last
 * that is below it. */
static int begin(DBC *cursor, DBT *key, DBT *value, mls_bytes from, int back)
{
    if (!back || !from.data) {
        return cursor->get(cursor, key, value,
                           from.data ? DB_SET_RANGE
                                     : back ? DB_LAST : DB_FIRST);
    }
    const int rc = cursor->get(cursor, key, value, DB_SET_RANGE);

    if (rc && rc != DB_NOTFOUND) {
        return rc;
    }
    drop(key, value, from);
    return cursor->get(cursor, key, value, rc ? DB_LAST : DB_PREV);
}

static mls_err *walk(DBC *cursor, mls_table table, mls_bytes from, int back,
                     mls_dbt_each each, void *baton, apr_pool_t *scratch)
{
    DBT key = dbt_of(from);
    DBT value = dbt_of((mls_bytes){ NULL, 0 });
    apr_pool_t *subpool;
    mls_err *err = NULL;
    int stop = 0;

    key.flags = DB_DBT_MALLOC;
    value.flags = DB_DBT_MALLOC;
    apr_pool_create(&subpool, scratch);
    int rc = begin(cursor, &key, &value, from, back);

    while (!rc) {
        apr_pool_clear(subpool);
        err = each(baton, (mls_bytes){ key.data, key.size },
                   (mls_bytes){ value.data, value.size }, &stop, subpool);
        drop(&key, &value, from);
        if (err || stop) {
            break;
        }
        rc = cursor->get(cursor, &key, &value, back ? DB_PREV : DB_NEXT);
    }
    if (err) {
        /* the message may live in the subpool's last turn */
        return mls_err_make(scratch, err->code, NULL, "%s",
                            mls_err_text(err, scratch));
    }
    return rc == DB_NOTFOUND ? NULL
                             : mls_bdb_err(scratch, rc,
                                           mls_table_file(table));
}

static mls_err *scan(mls_txn *txn, mls_table table, mls_bytes from, int back,
                     mls_dbt_each each, void *baton, apr_pool_t *scratch)
{
    DB *db = txn->bdb->tables[table];
    DBC *cursor;
    /* A scan keeps no locks behind it: it would need one for every page. */
    int rc = db->cursor(db, txn->txn, &cursor,
                        txn->txn ? DB_READ_COMMITTED : 0);

    if (rc) {
        return mls_bdb_err(scratch, rc, mls_table_file(table));
    }
    mls_err *err = walk(cursor, table, from, back, each, baton, scratch);
    rc = cursor->close(cursor);
    return err ? err : mls_bdb_err(scratch, rc, mls_table_file(table));
}

mls_err *mls_dbt_scan(mls_txn *txn, mls_table table, mls_bytes from,
                      mls_dbt_each each, void *baton, apr_pool_t *scratch)
{
    return scan(txn, table, from, 0, each, baton, scratch);
}

mls_err *mls_dbt_scan_back(mls_txn *txn, mls_table table, mls_bytes below,
                           mls_dbt_each each, void *baton,
                           apr_pool_t *scratch)
{
    return scan(txn, table, below, 1, each, baton, scratch);
}

mls_err *mls_dbt_get_json(mls_json **value, mls_txn *txn, mls_table table,
                          mls_bytes key, apr_pool_t *pool)
{
    mls_bytes bytes;

    *value = NULL;
    MLS_TRY(mls_dbt_get(&bytes, txn, table, key, pool));
    if (!bytes.data) {
        return NULL;
    }
    mls_err *err = mls_json_parse(value, bytes.data, bytes.length, pool);
    if (err) {
        return mls_err_make(pool, MLS_ECORRUPT, err, "a record in %s",
                            mls_table_file(table));
    }
    return NULL;
}

mls_err *mls_dbt_put_json(mls_txn *txn, mls_table table, mls_bytes key,
                          const mls_json *value, apr_pool_t *pool)
{
    return mls_dbt_put(txn, table, key, mls_key(mls_json_text(value, pool)),
                       pool);
}
