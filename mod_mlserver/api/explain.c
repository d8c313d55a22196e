/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/explain-user: where a user comes from, the groups, which
 * condition gives which role, and why the last login failed. For Owners: the
 * one who tries to log in learns none of it. */

#include "api/api.h"

#include <string.h>

#include "auth/roles.h"
#include "auth/user_name.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "registry/audit_trail.h"
#include "registry/records.h"

enum { AUDIT_PAGES = 5, USERS_LINE = 1024 };

/* What is found out. */
typedef struct explanation {
    request_rec *r;
    const mlh_call *call;
    const char *asked; /* as it was asked for, without the provider */
    mls_subject subject;
    const char *why_provider;
    const char *dn;
    apr_array_header_t *groups;
    int groups_complete;
    const char *account; /* why it cannot log in */
    const char *directory_error;
} explanation;

/* ---- which provider ---- */

/* Is there a line for the user in AuthUserFile? */
static int is_in_file(const char *path, const char *name, apr_pool_t *pool)
{
    ap_configfile_t *file;
    char line[USERS_LINE];
    const size_t length = strlen(name);
    int found = 0;

    if (!path || ap_pcfg_openfile(&file, pool, path) != APR_SUCCESS) {
        return 0;
    }
    while (!found && ap_cfg_getline(line, sizeof(line), file) == APR_SUCCESS) {
        found = !strncmp(line, name, length) && line[length] == ':';
    }
    ap_cfg_closefile(file);
    return found;
}

static int has_directory(const mlh_config *config)
{
    return config->ldap && config->ldap->url;
}

/* Ask the directory everything about the user at once. */
static void ask_directory(explanation *e)
{
    request_rec *r = e->r;
    mlh_directory *directory;

    if (e->dn || e->directory_error || !has_directory(e->call->config)) {
        return;
    }
    mls_err *err = mlh_directory_open(&directory, r, 1, r->pool);

    if (!err) {
        err = mlh_directory_find(&e->dn, directory, e->subject.name);
    }
    if (!err && e->dn) {
        err = mlh_directory_groups(&e->groups, &e->groups_complete, directory,
                                   e->dn, e->subject.name, r->pool);
    }
    if (!err && e->dn) {
        err = mlh_directory_account(&e->account, directory, e->dn, r->pool);
    }
    if (err) {
        e->directory_error = mls_err_text(err, r->pool);
    }
}

static void forget_directory(explanation *e)
{
    e->dn = NULL;
    e->groups = NULL;
    e->account = NULL;
}

/* Does this entry of MLServerAuthProvider know the user? */
static int knows(explanation *e, const char *entry)
{
    const mlh_config *config = e->call->config;
    const char *base = mlh_provider_base(mlh_provider_name(entry, e->r->pool));

    if (!strcmp(base, "file")) {
        e->why_provider = "there is a line in AuthUserFile";
        return is_in_file(config->user_file, e->subject.name, e->r->pool);
    }
    if (!strcmp(base, "ldap")) {
        e->why_provider = "the directory has the user";
        ask_directory(e);
        return e->dn != NULL;
    }
    return 0;
}

/* Other providers cannot be asked without the password; but who logged in
 * through one is remembered. */
static mls_err *find_by_login(explanation *e)
{
    const mls_token_query query = {.user = e->subject.name, .limit = 1000};
    apr_array_header_t *found;
    const char *next;

    MLS_TRY(mls_token_list(&found, &next, e->call->state->runtime->registry,
                           &query, e->r->pool));
    if (found->nelts) {
        e->subject.provider =
            APR_ARRAY_IDX(found, 0, const mls_family *)->subject.provider;
        e->why_provider = "logged in through it";
    }
    return NULL;
}

static mls_err *find_provider(explanation *e)
{
    const apr_array_header_t *entries = e->call->config->auth_providers;

    for (int i = 0; i < entries->nelts && !e->subject.provider; i++) {
        const char *entry = APR_ARRAY_IDX(entries, i, const char *);

        if (strcasecmp(entry, "none") != 0 && knows(e, entry)) {
            e->subject.provider = mlh_provider_source(entry, e->r->pool);
        }
    }
    if (!e->subject.provider) {
        e->why_provider = NULL;
        MLS_TRY(find_by_login(e));
    }
    if (!e->subject.provider && has_directory(e->call->config)) {
        ask_directory(e);
    }
    return NULL;
}

/* "provider:name" when there is such a provider; a name may hold a colon. */
static void split_name(explanation *e, const char *text)
{
    const apr_array_header_t *entries = e->call->config->auth_providers;
    const char *colon = strchr(text, ':');

    e->asked = text;
    for (int i = -2; colon && i < entries->nelts; i++) {
        const char *source =
            i == -2 ? MLH_AMBIENT_PROVIDER
            : i == -1
                ? MLS_CONTROL_PROVIDER
                : mlh_provider_source(APR_ARRAY_IDX(entries, i, const char *),
                                      e->r->pool);

        if (source && strlen(source) == (size_t)(colon - text) &&
            !strncmp(source, text, strlen(source))) {
            e->subject.provider = source;
            e->why_provider = "as asked";
            e->asked = colon + 1;
            break;
        }
    }
    e->subject.name =
        mls_user_name(e->asked, e->call->config->user_name, e->r->pool);
}

/* ---- the last login that failed ---- */

static int is_failure_of(const mls_audit *record, const explanation *e)
{
    return record->status >= 400 && record->target &&
           !strcasecmp(mls_user_name(record->target, e->call->config->user_name,
                                     e->r->pool),
                       e->subject.name);
}

static mls_err *last_failure(mls_json **out, const explanation *e)
{
    mls_audit_query query = {.operation = "login", .limit = MLS_AUDIT_PAGE_MAX};
    apr_pool_t *pool = e->r->pool;

    *out = NULL;
    for (int page = 0; page < AUDIT_PAGES; page++) {
        apr_array_header_t *found;

        MLS_TRY(mls_audit_search(&found, &query.cursor,
                                 e->call->state->runtime->registry, &query,
                                 pool));
        for (int i = 0; i < found->nelts; i++) {
            const mls_audit *record =
                APR_ARRAY_IDX(found, i, const mls_audit *);

            if (is_failure_of(record, e)) {
                *out = mls_json_object(pool);
                mls_json_set_string(*out, "time",
                                    mls_time_rfc3339(record->time, pool));
                mls_json_set_string(*out, "reason",
                                    e->account
                                        ? apr_pstrcat(pool, record->detail,
                                                      "; ", e->account, NULL)
                                        : record->detail);
                mls_json_set_string(*out, "address", record->address);
                return NULL;
            }
        }
        if (!query.cursor) {
            break;
        }
    }
    return NULL;
}

/* ---- the answer ---- */

static mls_json *texts_of(const apr_array_header_t *list, apr_pool_t *pool)
{
    mls_json *json = mls_json_array(pool);

    for (int i = 0; list && i < list->nelts; i++) {
        mls_json_add_string(json, APR_ARRAY_IDX(list, i, const char *));
    }
    return json;
}

static void set_role(mls_json *answer, explanation *e)
{
    mlh_state *state = e->call->state;
    mls_json *conditions = mls_json_array(e->r->pool);
    mlh_role_answer role = {.role = MLS_ROLE_NONE};
    apr_uint64_t generation;
    int some;
    mls_err *err = NULL;

    mls_json_set(answer, "conditions", conditions);
    if (!e->subject.provider) {
        mls_json_set_string(answer, "role", mls_role_name(MLS_ROLE_NONE));
        mls_json_set_string(
            answer, "reason",
            e->directory_error
                ? "no provider is known to have this user, and the directory "
                  "does not answer"
                : "no provider is known to have this user; name it as "
                  "provider:name to see what its role would be");
        return;
    }
    err = mlh_mappings_look(&generation, &some, e->r, state);
    if (!err) {
        mlh_mapping_set *set = mlh_mappings_acquire(state);

        err = mlh_role_evaluate(&role, e->r, &e->subject, set, conditions);
        mlh_mappings_release(state, set);
    }
    mls_json_set_string(answer, "role", err ? NULL : mls_role_name(role.role));
    mls_json_set_string(answer, "reason",
                        err ? mls_err_text(err, e->r->pool) : role.reason);
}

static int reply(explanation *e, mls_json *failure)
{
    apr_pool_t *pool = e->r->pool;
    mls_json *answer = mls_json_object(pool);

    mls_json_set_string(answer, "user", e->asked);
    mls_json_set_string(answer, "normalised", e->subject.name);
    mls_json_set_string(answer, "provider", e->subject.provider);
    mls_json_set_string(answer, "providerReason", e->why_provider);
    mls_json_set_string(answer, "dn", e->dn);
    mls_json_set(answer, "groups", texts_of(e->groups, pool));
    mls_json_set_bool(answer, "groupsComplete",
                      !e->groups || e->groups_complete);
    mls_json_set_string(answer, "account", e->account);
    mls_json_set_string(answer, "directoryError", e->directory_error);
    set_role(answer, e);
    mls_json_set(answer, "lastFailedLogin", failure);
    apr_table_setn(e->r->headers_out, "Cache-Control", "no-store");
    return mlh_reply_tree(e->r, HTTP_OK, answer);
}

int mlh_explain_user(request_rec *r, const mlh_call *call)
{
    explanation e = {.r = r, .call = call};
    const char *name = mlh_query(r, "name");
    mls_json *failure = NULL;
    mls_err *err = NULL;

    if (!name || !*name || strlen(name) > MLS_SUBJECT_MAX) {
        return mlh_reply_fail(r, MLS_EINVALID,
                              "the query parameter name is missing: the user "
                              "to explain, as name or provider:name");
    }
    split_name(&e, name);
    if (!e.subject.provider) {
        err = find_provider(&e);
    }
    if (!err && e.subject.provider) {
        const mlh_condition directory = {.is_directory = 1};

        /* The directory may have somebody of the same name. */
        if (mlh_condition_applies(&directory, &e.subject)) {
            ask_directory(&e);
        }
        else {
            forget_directory(&e);
        }
    }
    if (!err) {
        err = last_failure(&failure, &e);
    }
    return err ? mlh_reply_error(r, err) : reply(&e, failure);
}
