/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/api/roles: conditions of the configuration, and those that Owners
 * keep at run time. A change after which its author were no Owner any more is
 * refused. */

#include "api/api.h"

#include <string.h>

#include "audit/audit.h"
#include "auth/role_rules.h"
#include "auth/roles.h"
#include "base/ident.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"

enum { TRIES = 4 /* against others who change roles at the same time */ };

/* ---- showing ---- */

static mls_json *declared_of(const mlh_config *config, apr_pool_t *pool)
{
    mls_json *list = mls_json_array(pool);

    for (int i = 0; i < config->roles->nelts; i++) {
        const mlh_condition *condition =
            APR_ARRAY_IDX(config->roles, i, const mlh_condition *);
        mls_json *json = mls_json_object(pool);

        mls_json_set_string(json, "role", mls_role_name(condition->role));
        mls_json_set_string(json, "condition", condition->text);
        mls_json_set_string(json, "file", condition->file);
        mls_json_set_int(json, "line", condition->line);
        mls_json_add(list, json);
    }
    return list;
}

static mls_json *owners_of(const mlh_config *config, apr_pool_t *pool)
{
    mls_json *list = mls_json_array(pool);

    for (int i = 0; i < config->owners->nelts; i++) {
        mls_json_add_string(list,
                            APR_ARRAY_IDX(config->owners, i, const char *));
    }
    return list;
}

int mlh_roles_get(request_rec *r, const mlh_call *call)
{
    const mlh_config *config = call->config;
    mls_json *answer = mls_json_object(r->pool);
    mls_json *list = mls_json_array(r->pool);
    mls_mappings mappings;
    mls_err *err =
        mls_mappings_get(&mappings, call->state->runtime->registry, r->pool);

    if (err) {
        return mlh_reply_error(r, err);
    }
    for (int i = 0; i < mappings.list->nelts; i++) {
        mls_json_add(
            list, mls_mapping_to_json(
                      &APR_ARRAY_IDX(mappings.list, i, mls_mapping), r->pool));
    }
    const mlh_mapping_set *set =
        mlh_mappings_parse(&mappings, r->server, NULL, r->pool);

    mls_json_set(answer, "declared", declared_of(config, r->pool));
    mls_json_set(answer, "mappings", list);
    mls_json_set(answer, "namedOwners", owners_of(config, r->pool));
    mls_json_set_string(
        answer, "implicitRole",
        mls_role_name(mls_role_implicit(mlh_roles_declared(config, set))));
    mls_json_set_int(answer, "membershipCacheSeconds",
                     config->membership_lifetime);
    mls_json_set_int(answer, "membershipStaleSeconds",
                     config->membership_stale);
    mlh_etag_set(r, mappings.generation);
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    return mlh_reply_tree(r, HTTP_OK, answer);
}

/* ---- changing ---- */

/* A change that is asked for. */
typedef struct change {
    const char *id;             /* NULL: a new mapping */
    const mls_mapping *mapping; /* NULL: remove */
    const char *verb;
} change;

static mls_err *check_condition(request_rec *r, const mlh_call *call,
                                const mls_mapping *mapping)
{
    mlh_condition *condition = NULL;
    const char *wrong =
        mlh_condition_parse_mapping(&condition, mapping, r->server, r->pool);

    if (wrong) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL, "\"condition\": %s",
                            wrong);
    }
    if (condition->is_directory &&
        (!call->config->ldap || !call->config->ldap->url)) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"condition\": %s needs AuthLDAPURL in the "
                            "<Location> where MLServer is On",
                            condition->kind);
    }
    return NULL;
}

static mls_err *read_mapping(mls_mapping *out, request_rec *r,
                             const mlh_call *call)
{
    const mls_subject *caller = &call->caller->subject;
    mls_json *body;
    const char *role;

    memset(out, 0, sizeof(*out));
    MLS_TRY(mlh_body_json(&body, r));
    MLS_TRY(mls_json_need_string(&role, body, "role", r->pool));
    MLS_TRY(mls_json_need_string(&out->condition, body, "condition", r->pool));
    out->role = mls_role_parse(role);
    if (out->role == MLS_ROLE_NONE) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"role\" is Owner, Contributor or Reader, not "
                            "\"%s\"",
                            role);
    }
    out->comment = mls_json_string(body, "comment");
    out->changed_by =
        apr_pstrcat(r->pool, caller->provider, ":", caller->name, NULL);
    out->changed = apr_time_now();
    MLS_TRY(mls_mapping_check(out, r->pool));
    return check_condition(r, call, out);
}

/* Would the caller, an Owner now, still be one? */
static mls_err *check_lockout(request_rec *r, const mlh_call *call,
                              const mls_mappings *mappings)
{
    const mlh_mapping_set *set =
        mlh_mappings_parse(mappings, r->server, NULL, r->pool);
    mlh_role_answer answer;

    MLS_TRY(mlh_role_evaluate(&answer, r, &call->caller->subject, set, NULL));
    if (answer.role == MLS_ROLE_OWNER) {
        return NULL;
    }
    return mls_err_make(r->pool, MLS_EEXISTS, NULL,
                        "after this change you would not be an Owner any "
                        "more, but %s (%s); have another Owner do it, or add "
                        "a condition that you meet first",
                        mls_role_name(answer.role), answer.reason);
}

static mls_err *change_once(mls_mappings *after, request_rec *r,
                            const mlh_call *call, const change *what,
                            int *asked)
{
    mls_registry *registry = call->state->runtime->registry;
    mls_mappings mappings;

    MLS_TRY(mls_mappings_get(&mappings, registry, r->pool));
    if (!mlh_etag_match(r, mappings.generation, asked)) {
        return mls_err_make(r->pool, MLS_ECONFLICT, NULL,
                            "the role mappings were changed meanwhile; look "
                            "at them again");
    }
    MLS_TRY(
        mls_mappings_edit(after, &mappings, what->id, what->mapping, r->pool));
    if (after->list->nelts > MLS_MAPPINGS_MAX) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "there may be at most %d role mappings",
                            MLS_MAPPINGS_MAX);
    }
    MLS_TRY(check_lockout(r, call, after));
    return mls_mappings_set(registry, after, r->pool);
}

static mls_err *make_change(request_rec *r, const mlh_call *call,
                            const change *what)
{
    mls_mappings after;
    mls_err *err = NULL;
    int asked = 0;

    for (int i = 0; i < TRIES; i++) {
        err = change_once(&after, r, call, what, &asked);
        if (!err || err->code != MLS_ECONFLICT || asked) {
            break;
        }
    }
    if (!err) {
        mlh_etag_set(r, after.generation + 1);
        if (what->mapping) {
            mlh_audit_detail(r, "%s: %s %s", what->verb,
                             mls_role_name(what->mapping->role),
                             what->mapping->condition);
        }
    }
    return err;
}

int mlh_role_mapping_create(request_rec *r, const mlh_call *call)
{
    mls_mapping mapping;
    mls_err *err = read_mapping(&mapping, r, call);

    if (!err) {
        err = mls_guid_make(&mapping.id, r->pool);
    }
    if (!err) {
        const change what = {NULL, &mapping, "added"};

        mlh_audit_target(
            r, apr_pstrcat(r->pool, "role mapping ", mapping.id, NULL));
        err = make_change(r, call, &what);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_CREATED,
                                mls_mapping_to_json(&mapping, r->pool));
}

int mlh_role_mapping_replace(request_rec *r, const mlh_call *call)
{
    mls_mapping mapping;
    mls_err *err = read_mapping(&mapping, r, call);

    mapping.id = call->name;
    if (!err) {
        const change what = {call->name, &mapping, "changed"};

        err = make_change(r, call, &what);
    }
    return err ? mlh_reply_error(r, err)
               : mlh_reply_tree(r, HTTP_OK,
                                mls_mapping_to_json(&mapping, r->pool));
}

int mlh_role_mapping_delete(request_rec *r, const mlh_call *call)
{
    const change what = {call->name, NULL, "removed"};
    mls_err *err = make_change(r, call, &what);

    return err ? mlh_reply_error(r, err) : mlh_reply_empty(r, HTTP_NO_CONTENT);
}

int mlh_roles_flush(request_rec *r, const mlh_call *call)
{
    mls_err *err = mls_mappings_flush(call->state->runtime->registry, r->pool);

    return err ? mlh_reply_error(r, err) : mlh_reply_empty(r, HTTP_NO_CONTENT);
}
