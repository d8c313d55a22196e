/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the audit. Records are taken into memory at once, so that a
 * request waits for no disk, and written together within a second, before a
 * search, and at a stop. What kill -9 or a power cut loses is that second. */

#include "daemon/owner_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "registry/bdb/audit_table.h"

enum {
    HELD_MOST = 8192, /* records in memory, when the disk is full */
    RECORDS_MOST = 1000 * 1000 * 1000
};

struct held {
    struct held *next;
    char key[MLS_AUDIT_KEY + 1];
    char text[];
};

struct mls_owner_audit {
    pthread_mutex_t mutex; /* of what is up to the blank line */
    struct held *first, **last;
    int count;
    uint32_t number;
    int64_t most;
    apr_interval_time_t age;

    /* The writer's alone: what is in the transaction. */
    struct held *writing, **writing_last;
};

mls_err *mls_owner_audit_open(mls_owner *owner, apr_pool_t *pool)
{
    struct mls_owner_audit *audit = apr_pcalloc(pool, sizeof(*audit));

    pthread_mutex_init(&audit->mutex, NULL);
    audit->last = &audit->first;
    audit->writing_last = &audit->writing;
    owner->audit = audit;
    /* Two owners one after the other give one time different numbers. */
    return mls_random_bytes(&audit->number, sizeof(audit->number), pool);
}

int mls_owner_audit_waits(mls_owner *owner)
{
    struct mls_owner_audit *audit = owner->audit;

    pthread_mutex_lock(&audit->mutex);
    const int waits = audit->count > 0;
    pthread_mutex_unlock(&audit->mutex);
    return waits || audit->writing;
}

/* ---- into memory ---- */

static mls_err *check(mls_audit *record, const char **text,
                      const mls_json *json, apr_pool_t *pool)
{
    MLS_TRY(mls_audit_from_json(record, json, pool));
    *text = mls_json_text(mls_audit_to_json(record, pool), pool);
    if (record->time < 1 || strlen(*text) > MLS_AUDIT_TEXT_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "an audit record has a time and at most %d bytes",
                            MLS_AUDIT_TEXT_MAX);
    }
    return NULL;
}

static mls_err *hold(struct mls_owner_audit *audit, const mls_audit *record,
                     const char *text, apr_pool_t *pool)
{
    const size_t length = strlen(text) + 1;

    if (audit->count >= HELD_MOST) {
        return mls_err_make(pool, MLS_ENOSPACE, NULL,
                            "the audit cannot be written");
    }
    struct held *held = malloc(sizeof(*held) + length);

    if (!held) {
        return mls_err_make(pool, MLS_EOTHER, NULL, "no memory");
    }
    held->next = NULL;
    apr_cpystrn(held->key, mls_audit_key(record, audit->number++, pool),
                sizeof(held->key));
    memcpy(held->text, text, length);
    *audit->last = held;
    audit->last = &held->next;
    audit->count++;
    return NULL;
}

/* Each record is checked before the first is taken: a request counts wholly
 * or not at all. */
mls_err *mls_op_audit_add(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    struct mls_owner_audit *audit = call->owner->audit;
    const mls_json *records = mls_json_get(call->request, "records");
    const size_t count = mls_json_length(records);
    const int64_t most = mls_json_int(call->request, "most", 0);
    const int64_t age = mls_json_int(call->request, "age", 0);
    mls_audit all[MLS_AUDIT_BATCH];
    const char *texts[MLS_AUDIT_BATCH];
    mls_err *err = NULL;

    if (count > MLS_AUDIT_BATCH || most < 1 || most > RECORDS_MOST || age < 1
        || age > INT64_C(1000) * 366 * 24 * 3600) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "at most %d records, and their bounds",
                            MLS_AUDIT_BATCH);
    }
    for (size_t i = 0; i < count; i++) {
        MLS_TRY(check(&all[i], &texts[i], mls_json_at(records, i), pool));
    }
    pthread_mutex_lock(&audit->mutex);
    audit->most = most;
    audit->age = apr_time_from_sec(age);
    for (size_t i = 0; !err && i < count; i++) {
        err = hold(audit, &all[i], texts[i], pool);
    }
    pthread_mutex_unlock(&audit->mutex);
    return err;
}

/* ---- onto the disk ---- */

static void take(struct mls_owner_audit *audit, int64_t *most,
                 apr_interval_time_t *age)
{
    pthread_mutex_lock(&audit->mutex);
    *most = audit->most;
    *age = audit->age;
    if (audit->first) {
        *audit->writing_last = audit->first;
        audit->writing_last = audit->last;
        audit->first = NULL;
        audit->last = &audit->first;
        audit->count = 0;
    }
    pthread_mutex_unlock(&audit->mutex);
}

/* Run again after a failure, it puts the same records under the same keys. */
mls_err *mls_op_audit_flush(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    struct mls_owner_audit *audit = call->owner->audit;
    apr_interval_time_t age;
    int64_t most;

    take(audit, &most, &age);
    for (const struct held *held = audit->writing; held; held = held->next) {
        MLS_TRY(mls_audit_table_put(txn, held->key, held->text, pool));
    }
    return most ? mls_audit_table_prune(txn, most, call->now - age, pool)
                : NULL;
}

/* After the commit: what was written need not be held. */
mls_err *mls_audit_flushed(mls_call *call, apr_pool_t *pool)
{
    struct mls_owner_audit *audit = call->owner->audit;

    while (audit->writing) {
        struct held *next = audit->writing->next;

        call->owner->unsettled += (int64_t)strlen(audit->writing->text);
        free(audit->writing);
        audit->writing = next;
    }
    audit->writing_last = &audit->writing;
    return NULL;
}

/* ---- looking ---- */

static int is_cursor(const char *text)
{
    return strlen(text) == MLS_AUDIT_KEY - 1
           && strspn(text, "0123456789abcdef") == MLS_AUDIT_KEY - 1;
}

mls_err *mls_op_audit_search(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    mls_audit_query query;
    mls_json *records;
    const char *next;

    mls_audit_query_from_json(&query, call->request, pool);
    if (query.limit < 1 || query.limit > MLS_AUDIT_PAGE_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"limit\" must be 1 to %d", MLS_AUDIT_PAGE_MAX);
    }
    if (query.cursor && !is_cursor(query.cursor)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"cursor\" is not one that a page gave");
    }
    MLS_TRY(mls_audit_table_page(&records, &next, txn, &query, pool));
    mls_json_set(call->answer, "records", records);
    mls_json_set_string(call->answer, "next", next);
    return NULL;
}
