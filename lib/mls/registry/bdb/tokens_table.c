/* SPDX-License-Identifier: Apache-2.0 */
/* Tables families (id -> token family), tokens (SHA-256 of a refresh token ->
 * refresh token) and subjects (provider, zero, name -> not before). */

#include "registry/bdb/tables.h"

#include <string.h>

#include <apr_strings.h>

mls_err *mls_families_table_get(mls_family **family, mls_txn *txn,
                                const char *id, apr_pool_t *pool)
{
    mls_json *json;

    *family = NULL;
    MLS_TRY(mls_dbt_get_json(&json, txn, MLS_TABLE_FAMILIES, mls_key(id),
                             pool));
    return json ? mls_family_from_json(family, json, pool) : NULL;
}

mls_err *mls_families_table_put(mls_txn *txn, const mls_family *family,
                                apr_pool_t *pool)
{
    return mls_dbt_put_json(txn, MLS_TABLE_FAMILIES, mls_key(family->id),
                            mls_family_to_json(family, pool), pool);
}

struct each_family {
    mls_err *(*each)(void *baton, const mls_family *family, int *stop,
                     apr_pool_t *scratch);
    void *baton;
};

static mls_err *parse(mls_json **json, mls_bytes value, const char *what,
                      apr_pool_t *scratch)
{
    mls_err *err = mls_json_parse(json, value.data, value.length, scratch);

    return err ? mls_err_make(scratch, MLS_ECORRUPT, err, "a %s record", what)
               : NULL;
}

static mls_err *decode_family(void *baton, mls_bytes key, mls_bytes value,
                              int *stop, apr_pool_t *scratch)
{
    const struct each_family *each = baton;
    mls_family *family;
    mls_json *json;

    MLS_TRY(parse(&json, value, "token family", scratch));
    MLS_TRY(mls_family_from_json(&family, json, scratch));
    return each->each(each->baton, family, stop, scratch);
}

mls_err *mls_families_table_each(mls_txn *txn, const char *from,
                                 mls_err *(*each)(void *baton,
                                                  const mls_family *family,
                                                  int *stop,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch)
{
    struct each_family both = { each, baton };

    return mls_dbt_scan(txn, MLS_TABLE_FAMILIES,
                        from ? mls_key(from) : (mls_bytes){ NULL, 0 },
                        decode_family, &both, scratch);
}

mls_err *mls_tokens_table_get(mls_refresh **refresh, mls_txn *txn,
                              const char *digest, apr_pool_t *pool)
{
    mls_json *json;

    *refresh = NULL;
    MLS_TRY(mls_dbt_get_json(&json, txn, MLS_TABLE_TOKENS, mls_key(digest),
                             pool));
    return json ? mls_refresh_from_json(refresh, json, pool) : NULL;
}

mls_err *mls_tokens_table_put(mls_txn *txn, const char *digest,
                              const mls_refresh *refresh, apr_pool_t *pool)
{
    return mls_dbt_put_json(txn, MLS_TABLE_TOKENS, mls_key(digest),
                            mls_refresh_to_json(refresh, pool), pool);
}

mls_err *mls_subjects_table_get(mls_not_before **record, mls_txn *txn,
                                const mls_subject *subject, apr_pool_t *pool)
{
    mls_json *json;

    *record = NULL;
    MLS_TRY(mls_dbt_get_json(
        &json, txn, MLS_TABLE_SUBJECTS,
        mls_key_pair(subject->provider, subject->name, pool), pool));
    return json ? mls_not_before_from_json(record, json, pool) : NULL;
}

mls_err *mls_subjects_table_put(mls_txn *txn, const mls_not_before *record,
                                apr_pool_t *pool)
{
    return mls_dbt_put_json(txn, MLS_TABLE_SUBJECTS,
                            mls_key_pair(record->subject.provider,
                                         record->subject.name, pool),
                            mls_not_before_to_json(record, pool), pool);
}

struct each_subject {
    mls_err *(*each)(void *baton, const mls_not_before *record,
                     apr_pool_t *scratch);
    void *baton;
};

static mls_err *decode_subject(void *baton, mls_bytes key, mls_bytes value,
                               int *stop, apr_pool_t *scratch)
{
    const struct each_subject *each = baton;
    mls_not_before *record;
    mls_json *json;

    MLS_TRY(parse(&json, value, "not-before", scratch));
    MLS_TRY(mls_not_before_from_json(&record, json, scratch));
    return each->each(each->baton, record, scratch);
}

mls_err *mls_subjects_table_each(mls_txn *txn,
                                 mls_err *(*each)(void *baton,
                                                  const mls_not_before *record,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch)
{
    struct each_subject both = { each, baton };

    return mls_dbt_scan(txn, MLS_TABLE_SUBJECTS, (mls_bytes){ NULL, 0 },
                        decode_subject, &both, scratch);
}

/* ---- sweep ---- */

struct sweep {
    apr_array_header_t *keys; /* of tokens looked at, in order */
    int most;
    const char *next;
    apr_pool_t *pool;
};

static mls_err *gather(void *baton, mls_bytes key, mls_bytes value, int *stop,
                       apr_pool_t *scratch)
{
    struct sweep *sweep = baton;
    const char *text = apr_pstrmemdup(sweep->pool, key.data, key.length);

    if (sweep->keys->nelts >= sweep->most) {
        sweep->next = text;
        *stop = 1;
        return NULL;
    }
    APR_ARRAY_PUSH(sweep->keys, const char *) = text;
    return NULL;
}

/* A token goes with its family; a family when it and what it signed is over. */
static mls_err *sweep_token(int *removed, mls_txn *txn, const char *digest,
                            apr_time_t now, apr_pool_t *pool)
{
    mls_refresh *refresh;
    mls_family *family;

    MLS_TRY(mls_tokens_table_get(&refresh, txn, digest, pool));
    if (!refresh) {
        return NULL;
    }
    MLS_TRY(mls_families_table_get(&family, txn, refresh->family, pool));
    if (family && (family->expires > now || family->access_expires > now)) {
        return NULL;
    }
    (*removed)++;
    MLS_TRY(mls_dbt_delete(txn, MLS_TABLE_TOKENS, mls_key(digest), pool));
    return family ? mls_dbt_delete(txn, MLS_TABLE_FAMILIES,
                                   mls_key(family->id), pool)
                  : NULL;
}

mls_err *mls_tokens_table_sweep(const char **from, int *removed, mls_txn *txn,
                                apr_time_t now, int most, apr_pool_t *pool)
{
    struct sweep sweep = { 0 };

    sweep.keys = apr_array_make(pool, most, sizeof(const char *));
    sweep.most = most;
    sweep.pool = pool;
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_TOKENS,
                         *from ? mls_key(*from) : (mls_bytes){ NULL, 0 },
                         gather, &sweep, pool));
    *removed = 0;
    for (int i = 0; i < sweep.keys->nelts; i++) {
        MLS_TRY(sweep_token(removed, txn,
                            APR_ARRAY_IDX(sweep.keys, i, const char *), now,
                            pool));
    }
    *from = sweep.next;
    return NULL;
}
