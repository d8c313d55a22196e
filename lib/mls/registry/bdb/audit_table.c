/* SPDX-License-Identifier: Apache-2.0 */
/* Table audit. Two classes lie in it one after the other; a page is merged
 * from both. */

#include "registry/bdb/audit_table.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "registry/bdb/tables.h"

enum {
    CURSOR = MLS_AUDIT_KEY - 1,
    PRUNE_MOST = 4000, /* records removed at once */
    UNKNOWN_SHARE = 4  /* unknown callers have a quarter of the room */
};

static const char classes[] = "01";

const char *mls_audit_key(const mls_audit *record, uint32_t number,
                          apr_pool_t *pool)
{
    const int unknown = !record->subject.name && record->outcome
                        && !strcmp(record->outcome, MLS_AUDIT_REFUSED);

    return apr_psprintf(pool, "%c%016" APR_UINT64_T_HEX_FMT "%08x",
                        unknown ? '0' : '1', (apr_uint64_t)record->time,
                        number);
}

/* ---- counts ---- */

static const char *count_key(char class, apr_pool_t *pool)
{
    return apr_psprintf(pool, "auditCount%c", class);
}

mls_err *mls_audit_table_count(int64_t *count, mls_txn *txn, char class,
                               apr_pool_t *pool)
{
    const char *text;

    *count = 0;
    MLS_TRY(mls_meta_table_get(&text, txn, count_key(class, pool), pool));
    *count = text ? strtoll(text, NULL, 10) : 0;
    return NULL;
}

static mls_err *add_count(mls_txn *txn, char class, int64_t difference,
                          apr_pool_t *pool)
{
    int64_t count;

    MLS_TRY(mls_audit_table_count(&count, txn, class, pool));
    return mls_meta_table_put(txn, count_key(class, pool),
                              apr_psprintf(pool, "%" APR_INT64_T_FMT,
                                           (apr_int64_t)(count + difference)),
                              pool);
}

mls_err *mls_audit_table_put(mls_txn *txn, const char *key, const char *text,
                             apr_pool_t *pool)
{
    mls_bytes there;

    MLS_TRY(mls_dbt_get(&there, txn, MLS_TABLE_AUDIT, mls_key(key), pool));
    if (there.data) {
        return NULL;
    }
    MLS_TRY(mls_dbt_put(txn, MLS_TABLE_AUDIT, mls_key(key), mls_key(text),
                        pool));
    return add_count(txn, key[0], 1, pool);
}

/* ---- bounds ---- */

struct prune {
    char class;
    int64_t surplus;   /* records too many */
    const char *before; /* keys below it are too old */
    apr_array_header_t *keys;
    apr_pool_t *pool;
};

static mls_err *gather(void *baton, mls_bytes key, mls_bytes value, int *stop,
                       apr_pool_t *scratch)
{
    struct prune *prune = baton;
    const char *text = apr_pstrmemdup(prune->pool, key.data, key.length);

    if (text[0] != prune->class || prune->keys->nelts >= PRUNE_MOST
        || (prune->keys->nelts >= prune->surplus
            && strcmp(text, prune->before) >= 0)) {
        *stop = 1;
        return NULL;
    }
    APR_ARRAY_PUSH(prune->keys, const char *) = text;
    return NULL;
}

static mls_err *prune_class(int64_t *left, mls_txn *txn, char class,
                            int64_t most, apr_time_t before, apr_pool_t *pool)
{
    struct prune prune = { .class = class, .pool = pool };
    const char from[] = { class, '\0' };
    int64_t count;

    MLS_TRY(mls_audit_table_count(&count, txn, class, pool));
    prune.surplus = count > most ? count - most : 0;
    prune.before = apr_psprintf(pool, "%c%016" APR_UINT64_T_HEX_FMT, class,
                                (apr_uint64_t)(before > 0 ? before : 0));
    prune.keys = apr_array_make(pool, 64, sizeof(const char *));
    MLS_TRY(mls_dbt_scan(txn, MLS_TABLE_AUDIT, mls_key(from), gather, &prune,
                         pool));
    for (int i = 0; i < prune.keys->nelts; i++) {
        MLS_TRY(mls_dbt_delete(
            txn, MLS_TABLE_AUDIT,
            mls_key(APR_ARRAY_IDX(prune.keys, i, const char *)), pool));
    }
    *left = count - prune.keys->nelts;
    return prune.keys->nelts
               ? add_count(txn, class, -prune.keys->nelts, pool)
               : NULL;
}

mls_err *mls_audit_table_prune(mls_txn *txn, int64_t most, apr_time_t before,
                               apr_pool_t *pool)
{
    int64_t left;

    MLS_TRY(prune_class(&left, txn, '0', most / UNKNOWN_SHARE, before, pool));
    return prune_class(&left, txn, '1', most > left ? most - left : 0, before,
                       pool);
}

/* ---- pages ---- */

struct found {
    const char *order; /* the key without its class */
    mls_json *record;
};

struct look {
    const mls_audit_query *query;
    char class;
    int looked;
    int matched;
    int ended;           /* there is nothing more of this class */
    const char *reached; /* the order of the last one looked at */
    const char *oldest;  /* orders below it are too old */
    apr_array_header_t *found; /* struct found, of all classes */
    apr_pool_t *pool;
};

static mls_err *look_at(void *baton, mls_bytes key, mls_bytes value,
                        int *stop, apr_pool_t *scratch)
{
    struct look *look = baton;
    mls_audit record;
    mls_json *json;

    if (key.length != MLS_AUDIT_KEY || key.data[0] != look->class) {
        *stop = look->ended = 1;
        return NULL;
    }
    const char *order = apr_pstrmemdup(scratch, key.data + 1, CURSOR);

    if (strcmp(order, look->oldest) < 0) {
        *stop = look->ended = 1;
        return NULL;
    }
    MLS_TRY(mls_json_parse(&json, value.data, value.length, scratch));
    MLS_TRY(mls_audit_from_json(&record, json, scratch));
    if (mls_audit_matches(look->query, &record, scratch)) {
        struct found *found = apr_array_push(look->found);

        found->order = apr_pstrdup(look->pool, order);
        found->record = mls_audit_to_json(&record, look->pool);
        look->matched++;
    }
    if (++look->looked >= MLS_AUDIT_LOOK
        || look->matched > look->query->limit) {
        look->reached = apr_pstrdup(look->pool, order);
        *stop = 1;
    }
    return NULL;
}

static int newest_first(const void *one, const void *other)
{
    return strcmp(((const struct found *)other)->order,
                  ((const struct found *)one)->order);
}

/* Below which order a page begins: the cursor, or the end of the time asked
 * for, or everything. */
static const char *start_of(const mls_audit_query *query, apr_pool_t *pool)
{
    const char *end = query->to > 0
                          ? apr_psprintf(pool,
                                         "%016" APR_UINT64_T_HEX_FMT,
                                         (apr_uint64_t)query->to)
                          : "g"; /* behind every hex digit */

    return query->cursor && strcmp(query->cursor, end) < 0 ? query->cursor
                                                           : end;
}

static mls_err *look_in(struct look *look, mls_txn *txn, const char *start)
{
    look->reached = NULL;
    look->ended = look->looked = look->matched = 0;
    MLS_TRY(mls_dbt_scan_back(
        txn, MLS_TABLE_AUDIT,
        mls_key(apr_psprintf(look->pool, "%c%s", look->class, start)),
        look_at, look, look->pool));
    look->ended |= !look->reached;
    return NULL;
}

mls_err *mls_audit_table_page(mls_json **records, const char **next,
                              mls_txn *txn, const mls_audit_query *query,
                              apr_pool_t *pool)
{
    struct look look = { .query = query, .pool = pool };
    const char *floor = NULL; /* what lies below it has not all been seen */

    look.found = apr_array_make(pool, 64, sizeof(struct found));
    look.oldest = apr_psprintf(pool, "%016" APR_UINT64_T_HEX_FMT,
                               (apr_uint64_t)(query->from > 0 ? query->from
                                                              : 0));
    for (const char *class = classes; *class; class++) {
        look.class = *class;
        MLS_TRY(look_in(&look, txn, start_of(query, pool)));
        if (!look.ended && (!floor || strcmp(look.reached, floor) > 0)) {
            floor = look.reached;
        }
    }
    const struct found *found = (const struct found *)look.found->elts;

    qsort(look.found->elts, (size_t)look.found->nelts, sizeof(*found),
          newest_first);
    *records = mls_json_array(pool);
    *next = floor;
    for (int i = 0; i < look.found->nelts; i++) {
        if (floor && strcmp(found[i].order, floor) < 0) {
            break;
        }
        if (i == query->limit) {
            *next = found[i - 1].order;
            break;
        }
        mls_json_add(*records, found[i].record);
    }
    return NULL;
}
