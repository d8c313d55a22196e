/* SPDX-License-Identifier: Apache-2.0 */
/* What the directory says of one person: groups, and whether the account is
 * one that can log in. */

#include "auth/directory_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>

enum { GROUPS_MOST = 500, LEVELS_MOST = 10 };

/* ---- values ---- */

/* The first value of an attribute, or NULL. */
static const char *value_of(mlh_directory *directory, LDAPMessage *entry,
                            const char *attribute, apr_pool_t *pool)
{
    struct berval **values =
        ldap_get_values_len(directory->ldap, entry, attribute);
    const char *value =
        values && values[0]
            ? apr_pstrmemdup(pool, values[0]->bv_val, values[0]->bv_len)
            : NULL;

    ldap_value_free_len(values);
    return value;
}

static mls_err *read_entry(LDAPMessage **found, LDAPMessage **entry,
                           mlh_directory *directory, const char *dn,
                           const char *const *attributes)
{
    MLS_TRY(mlh_directory_search(found, NULL, directory, dn, LDAP_SCOPE_BASE,
                                 "(objectClass=*)", attributes, 1));
    *entry = *found ? ldap_first_entry(directory->ldap, *found) : NULL;
    return NULL;
}

/* ---- groups ---- */

typedef struct walk {
    mlh_directory *directory;
    apr_array_header_t *groups;
    apr_hash_t *seen; /* lower-case DN */
    const char *base; /* where groups are looked for */
    int complete;
    apr_pool_t *pool;
} walk;

static void add_group(walk *w, const char *dn, size_t length)
{
    char *key = apr_pstrmemdup(w->pool, dn, length);

    ap_str_tolower(key);
    if (apr_hash_get(w->seen, key, APR_HASH_KEY_STRING)) {
        return;
    }
    if (w->groups->nelts >= GROUPS_MOST) {
        w->complete = 0;
        return;
    }
    apr_hash_set(w->seen, key, APR_HASH_KEY_STRING, "");
    APR_ARRAY_PUSH(w->groups, const char *) =
        apr_pstrmemdup(w->pool, dn, length);
}

/* memberOf of an entry, where the directory keeps it. */
static mls_err *add_member_of(walk *w, const char *dn)
{
    static const char *const wanted[] = {"memberOf", NULL};
    LDAPMessage *found, *entry;

    MLS_TRY(read_entry(&found, &entry, w->directory, dn, wanted));
    struct berval **values =
        entry ? ldap_get_values_len(w->directory->ldap, entry, "memberOf")
              : NULL;

    for (int i = 0; values && values[i]; i++) {
        add_group(w, values[i]->bv_val, values[i]->bv_len);
    }
    ldap_value_free_len(values);
    ldap_msgfree(found);
    return NULL;
}

/* Groups that name an entry as their member. */
static mls_err *add_groups_with(walk *w, const char *filter)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    LDAP *ldap = w->directory->ldap;
    LDAPMessage *found;
    int more;

    MLS_TRY(mlh_directory_search(&found, &more, w->directory, w->base,
                                 LDAP_SCOPE_SUBTREE, filter, nothing,
                                 GROUPS_MOST));
    w->complete &= !more;
    for (LDAPMessage *entry = found ? ldap_first_entry(ldap, found) : NULL;
         entry; entry = ldap_next_entry(ldap, entry)) {
        char *dn = ldap_get_dn(ldap, entry);

        add_group(w, dn, strlen(dn));
        ldap_memfree(dn);
    }
    ldap_msgfree(found);
    return NULL;
}

static int ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);

    return tail <= length && !strcasecmp(text + length - tail, end);
}

/* The naming context that holds the user: groups may lie beside, not below,
 * where people are looked for. */
static mls_err *find_base(walk *w, const char *dn)
{
    static const char *const wanted[] = {"namingContexts", NULL};
    LDAPMessage *found, *entry;

    w->base = w->directory->url.base;
    MLS_TRY(read_entry(&found, &entry, w->directory, "", wanted));
    struct berval **values =
        entry ? ldap_get_values_len(w->directory->ldap, entry, "namingContexts")
              : NULL;

    for (int i = 0; values && values[i]; i++) {
        const char *context =
            apr_pstrmemdup(w->pool, values[i]->bv_val, values[i]->bv_len);

        if (*context && ends_with(dn, context)) {
            w->base = context;
        }
    }
    ldap_value_free_len(values);
    ldap_msgfree(found);
    return NULL;
}

static mls_err *add_groups_of(walk *w, const char *dn, const char *name)
{
    const char *value = mlh_filter_escape(dn, w->pool);
    const char *filter = apr_pstrcat(
        w->pool, "(|(member=", value, ")(uniqueMember=", value, ")",
        name ? "(memberUid=" : "", name ? mlh_filter_escape(name, w->pool) : "",
        name ? ")" : "", ")", NULL);

    MLS_TRY(add_member_of(w, dn));
    return add_groups_with(w, filter);
}

mls_err *mlh_directory_groups(apr_array_header_t **out, int *complete,
                              mlh_directory *directory, const char *dn,
                              const char *name, apr_pool_t *pool)
{
    walk w = {directory,
              apr_array_make(pool, 16, sizeof(const char *)),
              apr_hash_make(pool),
              NULL,
              1,
              pool};
    int from = 0;

    *out = w.groups;
    *complete = 0;
    MLS_TRY(find_base(&w, dn));
    MLS_TRY(add_groups_of(&w, dn, name));
    for (int level = 1; level < LEVELS_MOST && from < w.groups->nelts;
         level++) {
        const int to = w.groups->nelts;

        for (; from < to; from++) {
            MLS_TRY(add_groups_of(
                &w, APR_ARRAY_IDX(w.groups, from, const char *), NULL));
        }
    }
    *complete = w.complete && from == w.groups->nelts;
    return NULL;
}

/* ---- the account ---- */

enum { ACCOUNT_DISABLED = 2 /* of Active Directory's userAccountControl */ };

/* Active Directory counts 100 ns since 1601. */
static apr_time_t time_of_windows(const char *text)
{
    const apr_int64_t ticks = text ? apr_atoi64(text) : 0;

    if (ticks <= 0 || ticks == INT64_MAX) {
        return 0;
    }
    return ticks / 10 - APR_INT64_C(11644473600) * 1000000;
}

mls_err *mlh_directory_account(const char **out, mlh_directory *directory,
                               const char *dn, apr_pool_t *pool)
{
    static const char *const wanted[] = {
        "userAccountControl", "accountExpires",
        "lockoutTime",        "pwdLastSet",
        "shadowExpire",       "pwdAccountLockedTime",
        "nsAccountLock",      NULL};
    LDAPMessage *found, *entry;

    *out = NULL;
    MLS_TRY(read_entry(&found, &entry, directory, dn, wanted));
    if (!entry) {
        ldap_msgfree(found);
        return NULL;
    }
    const char *control =
        value_of(directory, entry, "userAccountControl", pool);
    const apr_time_t expires =
        time_of_windows(value_of(directory, entry, "accountExpires", pool));
    const char *locked = value_of(directory, entry, "lockoutTime", pool);
    const char *set = value_of(directory, entry, "pwdLastSet", pool);
    const char *shadow = value_of(directory, entry, "shadowExpire", pool);
    const char *off = value_of(directory, entry, "nsAccountLock", pool);

    if ((control && atoi(control) & ACCOUNT_DISABLED) ||
        (off && !strcasecmp(off, "true"))) {
        *out = "the account is disabled";
    }
    else if ((expires && expires < apr_time_now()) ||
             (shadow && atoi(shadow) > 0 &&
              atoi(shadow) < apr_time_sec(apr_time_now()) / 86400)) {
        *out = "the account has expired";
    }
    else if ((locked && strcmp(locked, "0") != 0) ||
             value_of(directory, entry, "pwdAccountLockedTime", pool)) {
        *out = "the account is locked";
    }
    else if (set && !strcmp(set, "0")) {
        *out = "the password must be changed";
    }
    ldap_msgfree(found);
    return NULL;
}
