/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/permissions: the route table as who may do what.
 * GET /admin/api/services/{name}/{version}/permissions: the same of one
 * service. Both are computed by what the dispatcher and the handlers ask. */

#include "api/api.h"

#include <string.h>

#include "auth/auth.h"
#include "http/reply.h"
#include "http/routes.h"
#include "lifecycle/lifecycle.h"

static const mls_role roles[] = { MLS_ROLE_OWNER, MLS_ROLE_CONTRIBUTOR,
                                  MLS_ROLE_READER, MLS_ROLE_NONE };

enum { ROLES = sizeof(roles) / sizeof(roles[0]) };

/* ---- all operations ---- */

/* Does it matter, for any role, whose thing it is? */
static int depends_on_owner(const mlh_config *config,
                            mls_permission permission)
{
    for (int i = 0; i < ROLES; i++) {
        if (mlh_permits(config, roles[i], permission, 1) !=
            mlh_permits(config, roles[i], permission, 0)) {
            return 1;
        }
    }
    return 0;
}

static const char *word(const mlh_config *config, mls_role role,
                        mls_permission permission)
{
    if (!mlh_permits_some(config, role, permission)) {
        return "no";
    }
    if (!depends_on_owner(config, permission)) {
        return "yes";
    }
    return mlh_permits(config, role, permission, 0) ? "any" : "own";
}

static void set_words(mls_json *row, const mlh_config *config,
                      mls_permission permission)
{
    for (int i = 0; i < ROLES; i++) {
        mls_json_set_string(row, mls_role_name(roles[i]),
                            word(config, roles[i], permission));
    }
}

static mls_json *row_of(const mlh_route *route, const mlh_config *config,
                        apr_pool_t *pool)
{
    mls_json *row = mls_json_object(pool);

    mls_json_set_string(row, "operation", route->operation);
    mls_json_set_string(row, "method", route->method);
    mls_json_set_string(row, "path", route->path);
    mls_json_set_string(row, "permission",
                        mls_permission_name(route->permission));
    set_words(row, config, route->permission);
    return row;
}

int mlh_permissions(request_rec *r, const mlh_call *call)
{
    mls_json *answer = mls_json_object(r->pool);
    mls_json *names = mls_json_array(r->pool);
    mls_json *rows = mls_json_array(r->pool);
    mls_json *code = mls_json_object(r->pool);

    for (int i = 0; i < ROLES; i++) {
        mls_json_add_string(names, mls_role_name(roles[i]));
    }
    for (const mlh_route *route = mlh_routes; route->method; route++) {
        mls_json_add(rows, row_of(route, call->config, r->pool));
    }
    set_words(code, call->config, MLS_PERMIT_SEE_CODE);
    mls_json_set(answer, "roles", names);
    mls_json_set(answer, "operations", rows);
    mls_json_set(answer, "code", code);
    return mlh_reply_tree(r, HTTP_OK, answer);
}

/* ---- one service ---- */

static mls_json *rights(const mlh_config *config, mls_role role, int own,
                        apr_pool_t *pool)
{
    static const struct {
        const char *word;
        mls_permission permission;
    } words[] = {
        { "read", MLS_PERMIT_LIST },      { "consume", MLS_PERMIT_CONSUME },
        { "change", MLS_PERMIT_CHANGE },  { "delete", MLS_PERMIT_CHANGE },
        { "code", MLS_PERMIT_SEE_CODE },
    };
    mls_json *may = mls_json_array(pool);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (mlh_permits(config, role, words[i].permission, own)) {
            mls_json_add_string(may, words[i].word);
        }
    }
    return may;
}

static void add_row(mls_json *rows, const mlh_config *config,
                    const char *who, mls_role role, int own, const char *why,
                    apr_pool_t *pool)
{
    mls_json *row = mls_json_object(pool);

    mls_json_set_string(row, "who", who);
    mls_json_set_string(row, "role", mls_role_name(role));
    mls_json_set(row, "may", rights(config, role, own, pool));
    mls_json_set_string(row, "why", why);
    mls_json_add(rows, row);
}

int mlh_service_permissions(request_rec *r, const mlh_call *call)
{
    static const char *const who[ROLES] = {
        "every Owner", "every other Contributor", "every Reader",
        "everybody else",
    };
    static const char *const why[ROLES] = {
        "Owners may do anything with any service",
        "Contributors change what they published themselves",
        "Readers use services",
        "signed in, but in no role",
    };
    const mlh_config *config = call->config;
    const mlh_identity *caller = call->caller;
    mls_json *answer = mls_json_object(r->pool);
    mls_json *rows = mls_json_array(r->pool);
    const mls_service *service;
    mls_err *err = mlh_service_find(&service, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    const int own = mlh_same_subject(&service->publisher, &caller->subject);

    add_row(rows, config, service->publisher.name, MLS_ROLE_CONTRIBUTOR, 1,
            "published it; keeps these rights while a Contributor", r->pool);
    add_row(rows, config, "you", caller->role, own,
            own ? "you published it, and your role" : "your role", r->pool);
    for (int i = 0; i < ROLES; i++) {
        add_row(rows, config,
                who[i],
                roles[i], 0, why[i], r->pool);
    }
    mls_json_set_string(answer, "owner", service->publisher.name);
    mls_json_set_string(answer, "provider", service->publisher.provider);
    mls_json_set(answer, "rows", rows);
    return mlh_reply_tree(r, HTTP_OK, answer);
}
