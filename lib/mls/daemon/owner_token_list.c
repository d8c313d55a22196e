/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds tokens: the families that are still good. */

#include "daemon/owner_private.h"

#include <string.h>

#include <apr_strings.h>

#include "registry/bdb/tables.h"

enum {
    LIST_MAX = 1000,
    LOOK_MAX = 50000 /* families that one page looks at */
};

struct list {
    const mls_subject *subject; /* NULL: of everybody */
    const char *user;           /* the same as one word; NULL: of everybody */
    const char *after;
    int64_t most;
    mls_json *families;
    const char *next; /* the last one looked at */
    int looked_at;
    int stopped; /* there is more */
    int all;     /* what was revoked, too */
    apr_time_t now;
    mls_txn *txn;
    apr_pool_t *pool;
};

/* "name", of whatever provider, or "provider:name". */
static int is_user(const char *user, const mls_subject *subject)
{
    const size_t provider = strlen(subject->provider);

    return !strcmp(user, subject->name)
           || (!strncmp(user, subject->provider, provider)
               && user[provider] == ':'
               && !strcmp(user + provider + 1, subject->name));
}

/* Everything that a subject held before its "not before" is dead. */
static mls_err *is_alive(int *alive, const struct list *list,
                         const mls_family *family, apr_pool_t *scratch)
{
    mls_not_before *record;

    *alive = family->expires > list->now && (list->all || !family->revoked);
    if (*alive && !list->all) {
        MLS_TRY(mls_subjects_table_get(&record, list->txn, &family->subject,
                                       scratch));
        *alive = !record || family->created > record->time;
    }
    return NULL;
}

static mls_err *add_to_list(void *baton, const mls_family *family, int *stop,
                            apr_pool_t *scratch)
{
    struct list *list = baton;
    int alive;

    if (list->after && !strcmp(family->id, list->after)) {
        return NULL;
    }
    if ((int64_t)mls_json_length(list->families) >= list->most
        || list->looked_at++ >= LOOK_MAX) {
        *stop = list->stopped = 1;
        return NULL;
    }
    list->next = apr_pstrdup(list->pool, family->id);
    if ((list->subject && !mls_subject_same(list->subject, &family->subject))
        || (list->user && !is_user(list->user, &family->subject))) {
        return NULL;
    }
    MLS_TRY(is_alive(&alive, list, family, scratch));
    if (alive) {
        mls_json_add(list->families, mls_family_to_json(family, list->pool));
    }
    return NULL;
}

mls_err *mls_op_token_list(mls_call *call, mls_txn *txn, apr_pool_t *pool)
{
    struct list list = { 0 };
    mls_subject subject;

    if (mls_json_get(call->request, "subject")) {
        MLS_TRY(mls_subject_from_json(
            &subject, mls_json_get(call->request, "subject"), pool));
        list.subject = &subject;
    }
    list.user = mls_json_string(call->request, "user");
    list.all = mls_json_bool(call->request, "all", 0);
    list.after = mls_json_string(call->request, "after");
    list.most = mls_json_int(call->request, "limit", LIST_MAX);
    if (list.most < 1 || list.most > LIST_MAX) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "\"limit\" must be 1 to %d", LIST_MAX);
    }
    list.families = mls_json_array(pool);
    list.now = call->now;
    list.txn = txn;
    list.pool = pool;
    MLS_TRY(mls_families_table_each(txn, list.after, add_to_list, &list,
                                    pool));
    mls_json_set(call->answer, "families", list.families);
    mls_json_set_string(call->answer, "next", list.stopped ? list.next : NULL);
    return NULL;
}
