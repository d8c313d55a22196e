/* SPDX-License-Identifier: Apache-2.0 */
/* Subject -> role: those whom MLServerOwner names; else the highest role of
 * which a condition is met; else the implicit one.
 *
 * Memberships are remembered in memory that all children share, by the
 * generation of the rules. When the directory does not answer, what it said
 * last holds for a while. */

#include "auth/roles.h"

#include <string.h>

#include "auth/membership.h"
#include "auth/role_rules.h"
#include "lifecycle/lifecycle.h"

APLOG_USE_MODULE(mlserver);

int mlh_same_subject(const mls_subject *one, const mls_subject *other)
{
    return one->name && other->name && one->provider && other->provider &&
           !strcmp(one->provider, other->provider) &&
           !strcmp(one->name, other->name);
}

/* ---- MLServerOwner ---- */

/* Does `entry`, "provider:name" or "name" of provider file, name `subject`? A
 * name may itself hold a colon, so the provider is compared first. */
static int names(const char *entry, const mls_subject *subject)
{
    const size_t provider = strlen(subject->provider);

    if (!strncmp(entry, subject->provider, provider) &&
        entry[provider] == ':' &&
        !strcmp(entry + provider + 1, subject->name)) {
        return 1;
    }
    return !strcmp(subject->provider, "file") &&
           !strcmp(entry, subject->name) && !strchr(entry, ':');
}

static const char *named_owner(const mlh_config *config,
                               const mls_subject *subject)
{
    if (!strcmp(subject->provider, MLS_CONTROL_PROVIDER)) {
        return "the machine's administrator, by mlserverctl";
    }
    for (int i = 0; i < config->owners->nelts; i++) {
        if (names(APR_ARRAY_IDX(config->owners, i, const char *), subject)) {
            return "named by MLServerOwner";
        }
    }
    return NULL;
}

/* ---- conditions ---- */

unsigned mlh_roles_declared(const mlh_config *config,
                            const mlh_mapping_set *set)
{
    const apr_array_header_t *lists[] = {config->roles,
                                         set ? set->conditions : NULL};
    unsigned declared = 0;

    for (int l = 0; l < 2; l++) {
        for (int i = 0; lists[l] && i < lists[l]->nelts; i++) {
            declared |= MLS_ROLE_BIT(
                APR_ARRAY_IDX(lists[l], i, const mlh_condition *)->role);
        }
    }
    return declared;
}

static const char *implicit_reason(unsigned declared)
{
    if (declared & MLS_ROLE_BIT(MLS_ROLE_READER)) {
        return "meets no condition of a role, and Reader has conditions";
    }
    if (declared & MLS_ROLE_BIT(MLS_ROLE_CONTRIBUTOR)) {
        return "meets no condition of a role; Reader has none, so everybody "
               "is one";
    }
    return declared ? "meets no condition of a role; only Owner has any, so "
                      "everybody is a Contributor"
                    : "no conditions are declared, so everybody is a "
                      "Contributor";
}

/* One evaluation. */
typedef struct evaluation {
    request_rec *r;
    const mls_subject *subject;
    mls_json *notes; /* NULL: stop when nothing higher can come */
    apr_pool_t *pool;
    mlh_directory *directory;
    const char *dn;   /* NULL: not in the directory */
    mls_err *failure; /* of the directory, or of a provider */
    mls_role unknown; /* the highest role that might be, but failed */
    const mlh_condition *best;
    int asked_directory;
    int denied_by_directory;
} evaluation;

static void note(evaluation *e, const mlh_condition *condition,
                 const char *result, const char *detail)
{
    if (!e->notes) {
        return;
    }
    mls_json *json = mls_json_object(e->pool);

    mls_json_set_string(json, "role", mls_role_name(condition->role));
    mls_json_set_string(json, "condition", condition->text);
    mls_json_set_string(
        json, "source",
        condition->mapping
            ? apr_pstrcat(e->pool, "mapping ", condition->mapping->id, NULL)
            : apr_psprintf(e->pool, "%s line %d", condition->file,
                           condition->line));
    mls_json_set_string(json, "result", result);
    mls_json_set_string(json, "detail", detail);
    mls_json_add(e->notes, json);
}

/* The first condition that needs the directory: is it there, is the user? */
static void look_at_directory(evaluation *e)
{
    if (e->asked_directory) {
        return;
    }
    e->asked_directory = 1;
    e->failure =
        mlh_directory_open(&e->directory, e->r, e->notes != NULL, e->pool);
    if (!e->failure) {
        e->failure = mlh_directory_find(&e->dn, e->directory, e->subject->name);
    }
    if (e->failure) {
        e->directory = NULL;
    }
}

static void ask_provider(evaluation *e, const mlh_condition *condition)
{
    switch (mlh_condition_ask(e->r, condition, e->subject)) {
    case MLH_YES:
        if (!e->best || condition->role > e->best->role) {
            e->best = condition;
        }
        note(e, condition, "matched", NULL);
        break;
    case MLH_NO:
        e->denied_by_directory |= condition->is_directory;
        note(e, condition, "no",
             condition->is_per_request
                 ? "depends on the request; asked of this one"
                 : NULL);
        break;
    case MLH_UNKNOWN:
        if (!e->failure) {
            e->failure = mls_err_make(e->pool, MLS_EUNAVAILABLE, NULL,
                                      "condition \"%s\" could not be checked",
                                      condition->text);
        }
        if (condition->role > e->unknown) {
            e->unknown = condition->role;
        }
        note(e, condition, "error", "httpd's error log has the reason");
        break;
    }
}

static void ask(evaluation *e, const mlh_condition *condition)
{
    if (!condition->provider) {
        note(e, condition, "error",
             "the condition is not, or no longer, "
             "valid");
        return;
    }
    if (!mlh_condition_applies(condition, e->subject)) {
        note(e, condition, "no",
             condition->source
                 ? "holds for users of another provider"
                 : "the user's account is this machine's, not the "
                   "directory's");
        return;
    }
    if (condition->is_directory) {
        look_at_directory(e);
        if (!e->directory) {
            e->unknown =
                condition->role > e->unknown ? condition->role : e->unknown;
            note(e, condition, "error", mls_err_text(e->failure, e->pool));
            return;
        }
        if (!e->dn) {
            note(e, condition, "no", "the user is not in the directory");
            return;
        }
    }
    ask_provider(e, condition);
}

static void ask_list(evaluation *e, const apr_array_header_t *list,
                     mls_role role, int per_request)
{
    for (int i = 0; list && i < list->nelts; i++) {
        const mlh_condition *condition =
            APR_ARRAY_IDX(list, i, const mlh_condition *);

        if (condition->role == role &&
            (per_request < 0 || condition->is_per_request == per_request) &&
            (e->notes || !e->best)) {
            ask(e, condition);
        }
    }
}

/* Highest first, so that the first that is met ends it. per_request: only
 * conditions of that kind; -1: all. */
static void ask_all(evaluation *e, const mlh_config *config,
                    const mlh_mapping_set *set, int per_request)
{
    mlh_directory_forget(e->r);
    for (mls_role role = MLS_ROLE_OWNER; role > MLS_ROLE_NONE; role--) {
        ask_list(e, config->roles, role, per_request);
        if (per_request != 1) {
            ask_list(e, set ? set->conditions : NULL, role, per_request);
        }
    }
    mlh_directory_forget(e->r);
}

/* A condition says "no", too, when mod_authnz_ldap cannot reach the directory
 * at all, so "no" counts only when the directory answers us, and it finds the
 * user, which is known to be there. */
static void check_denials(evaluation *e)
{
    static const mls_mapping known = {.role = MLS_ROLE_READER,
                                      .condition = "ldap-filter objectClass=*"};
    mlh_condition *probe;

    if (!e->denied_by_directory || !e->directory ||
        (e->best && e->best->role == MLS_ROLE_OWNER)) {
        return;
    }
    e->failure = mlh_directory_check(e->directory, e->dn);
    if (!e->failure &&
        !mlh_condition_parse_mapping(&probe, &known, e->r->server, e->pool)) {
        mlh_directory_forget(e->r);
        if (mlh_condition_ask(e->r, probe, e->subject) != MLH_YES) {
            e->failure = mls_err_make(
                e->pool, MLS_EUNAVAILABLE, NULL,
                "mod_authnz_ldap does not find %s, who is in the directory: "
                "see httpd's error log at LogLevel authnz_ldap:debug",
                e->dn);
        }
        mlh_directory_forget(e->r);
    }
    if (e->failure) {
        e->unknown = MLS_ROLE_OWNER;
    }
}

static mls_err *outcome(mlh_role_answer *out, evaluation *e, unsigned declared)
{
    const mls_role role = e->best ? e->best->role : mls_role_implicit(declared);

    out->checked = apr_time_now();
    out->condition = e->best;
    out->role = role;
    out->reason =
        e->best ? apr_pstrcat(e->r->pool, "meets \"", e->best->text, "\"", NULL)
                : implicit_reason(declared);
    /* An implicit role is only known when nothing is unknown. */
    if (e->failure && (e->unknown > role || !e->best)) {
        return mls_err_make(e->r->pool, MLS_EUNAVAILABLE, NULL, "%s",
                            mls_err_text(e->failure, e->r->pool));
    }
    return NULL;
}

static mls_err *evaluate(mlh_role_answer *out, request_rec *r,
                         const mls_subject *subject, const mlh_mapping_set *set,
                         mls_json *notes, int per_request)
{
    const mlh_config *config = mlh_request_of(r)->config;
    evaluation e = {.r = r, .subject = subject, .notes = notes};

    apr_pool_create(&e.pool, r->pool);
    apr_pool_tag(e.pool, "mlserver_role");
    if (notes) {
        e.pool = r->pool;
    }
    ask_all(&e, config, set, per_request);
    check_denials(&e);
    mls_err *err = outcome(out, &e, mlh_roles_declared(config, set));

    if (e.pool != r->pool) {
        apr_pool_destroy(e.pool);
    }
    return err;
}

mls_err *mlh_role_evaluate(mlh_role_answer *out, request_rec *r,
                           const mls_subject *subject,
                           const mlh_mapping_set *set, mls_json *notes)
{
    const mlh_config *config = mlh_request_of(r)->config;
    const char *named = named_owner(config, subject);
    mls_err *err = NULL;

    memset(out, 0, sizeof(*out));
    if (!named || notes) {
        err = evaluate(out, r, subject, set, notes, -1);
    }
    if (named) {
        out->role = MLS_ROLE_OWNER;
        out->condition = NULL;
        out->reason = named;
        err = NULL;
    }
    return err;
}

/* ---- remembering ---- */

/* Numbers of conditions: declared ones from 1, mappings from the middle; 0 is
 * the implicit role. */
enum { FIRST_MAPPING = MLS_MEMBER_RULES / 2 };

static unsigned number_of(const mlh_config *config, const mlh_mapping_set *set,
                          const mlh_condition *condition)
{
    for (int i = 0; condition && i < config->roles->nelts; i++) {
        if (APR_ARRAY_IDX(config->roles, i, const mlh_condition *) ==
            condition) {
            return (unsigned)i + 1;
        }
    }
    for (int i = 0; condition && i < set->conditions->nelts; i++) {
        if (APR_ARRAY_IDX(set->conditions, i, const mlh_condition *) ==
            condition) {
            return (unsigned)(FIRST_MAPPING + i);
        }
    }
    return 0;
}

static const mlh_condition *condition_of(const mlh_config *config,
                                         const mlh_mapping_set *set,
                                         unsigned number)
{
    const apr_array_header_t *list =
        number >= FIRST_MAPPING ? set->conditions : config->roles;
    const unsigned at =
        number >= FIRST_MAPPING ? number - FIRST_MAPPING : number - 1;

    return number && at < (unsigned)list->nelts
               ? APR_ARRAY_IDX(list, (int)at, const mlh_condition *)
               : NULL;
}

/* One question about one subject. */
typedef struct question {
    request_rec *r;
    const mlh_config *config;
    mlh_state *state;
    const mls_subject *subject;
    apr_uint64_t generation;
    uint64_t key;
    apr_int64_t now; /* seconds */
} question;

static void ask_begin(question *q, request_rec *r, const mls_subject *subject)
{
    const mlh_request *request = mlh_request_of(r);

    q->r = r;
    q->config = request->config;
    q->state = request->state;
    q->subject = subject;
    q->now = apr_time_sec(r->request_time);
    q->key = mls_membership_key(q->state->members,
                                (uint64_t)(uintptr_t)q->config->roles,
                                subject->provider, subject->name);
}

static int remembered(mls_member *member, const question *q,
                      apr_int64_t lifetime)
{
    return mls_membership_find(member, q->state->members, q->key) &&
           member->epoch == (unsigned)(q->generation & 0xffff) &&
           q->now - member->checked < lifetime;
}

static void remember(const question *q, const mlh_mapping_set *set,
                     const mlh_role_answer *answer)
{
    const mls_member member = {
        .role = answer->role,
        .rule = number_of(q->config, set, answer->condition),
        .epoch = (unsigned)(set->generation & 0xffff),
        .checked = apr_time_sec(answer->checked),
    };

    mls_membership_put(q->state->members, q->key, &member);
}

static void recall(mlh_role_answer *out, const question *q,
                   const mls_member *member)
{
    out->role = member->role;
    out->checked = apr_time_from_sec(member->checked);
    out->condition = NULL;
    out->reason = NULL; /* found when it is asked for */
}

/* The directory does not answer: what it said last, for a while. */
static mls_err *use_stale(mlh_role_answer *out, const question *q,
                          const mls_err *failure)
{
    mls_member member;

    if (remembered(&member, q,
                   q->config->membership_lifetime +
                       q->config->membership_stale)) {
        recall(out, q, &member);
        out->is_stale = 1;
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, q->r,
                      "role of %s from memory: %s", q->subject->name,
                      failure->message);
        return NULL;
    }
    return mls_err_make(q->r->pool, MLS_EUNAVAILABLE, failure,
                        "the directory that knows the groups of %s does not "
                        "answer; try again later",
                        q->subject->name);
}

/* What is known now, although a higher role could not be asked for: less than
 * the user may have, never more. */
static int use_known(mlh_role_answer *out, const mlh_role_answer *found,
                     const question *q)
{
    if (!found->condition) {
        return 0; /* nothing is: an implicit role may be more */
    }
    *out = *found;
    out->is_stale = 1;
    out->reason = apr_pstrcat(q->r->pool, found->reason,
                              " (a higher role could not be looked up)",
                              NULL);
    return 1;
}

static mls_err *find_out(mlh_role_answer *out, const question *q)
{
    mlh_mapping_set *set = mlh_mappings_acquire(q->state);
    mlh_role_answer found = { 0 };
    mls_err *err = evaluate(&found, q->r, q->subject, set, NULL, 0);

    if (!err) {
        remember(q, set, &found);
        *out = found;
    }
    else {
        mls_err *failure = err;

        err = use_stale(out, q, failure);
        if (err && use_known(out, &found, q)) {
            err = NULL;
        }
    }
    /* The condition may be one of the set: only its number may stay. */
    out->condition = NULL;
    mlh_mappings_release(q->state, set);
    return err;
}

static int has_per_request(const mlh_config *config)
{
    for (int i = 0; i < config->roles->nelts; i++) {
        if (APR_ARRAY_IDX(config->roles, i, const mlh_condition *)
                ->is_per_request) {
            return 1;
        }
    }
    return 0;
}

/* Conditions of the request itself can only raise what memberships give; but
 * an implicit role yields to whatever is met. */
static mls_err *add_per_request(mlh_role_answer *out, const question *q)
{
    mlh_role_answer now = {0};

    if (!has_per_request(q->config)) {
        return NULL;
    }
    MLS_TRY(evaluate(&now, q->r, q->subject, NULL, NULL, 1));
    if (now.condition && now.role > out->role) {
        *out = now;
    }
    return NULL;
}

static mls_err *role_of(mlh_role_answer *out, request_rec *r,
                        const mls_subject *subject, int again)
{
    const mlh_config *config = mlh_request_of(r)->config;
    mls_member member;
    question q;
    int some;

    memset(out, 0, sizeof(*out));
    out->reason = named_owner(config, subject);
    if (out->reason) {
        out->role = MLS_ROLE_OWNER;
        return NULL;
    }
    ask_begin(&q, r, subject);
    MLS_TRY(mlh_mappings_look(&q.generation, &some, r, q.state));
    if (!some && !config->roles->nelts) {
        out->role = mls_role_implicit(0);
        out->reason = implicit_reason(0);
        return NULL;
    }
    if (!again && remembered(&member, &q, config->membership_lifetime)) {
        recall(out, &q, &member);
    }
    else {
        MLS_TRY(find_out(out, &q));
    }
    return add_per_request(out, &q);
}

mls_err *mlh_role_of(mls_role *out, request_rec *r, const mls_subject *subject)
{
    mlh_role_answer answer;
    mls_err *err = role_of(&answer, r, subject, 0);

    *out = err ? MLS_ROLE_NONE : answer.role;
    return err;
}

void mlh_role_refresh(request_rec *r, const mls_subject *subject,
                      mls_role *role)
{
    mlh_role_answer answer;
    mls_err *err = role_of(&answer, r, subject, 1);

    *role = err ? MLS_ROLE_NONE : answer.role;
}

/* Where memory gave the role, memory also has the condition's number. */
mls_err *mlh_role_explain(mlh_role_answer *out, request_rec *r,
                          const mls_subject *subject)
{
    mls_member member;
    question q;
    int some;

    MLS_TRY(role_of(out, r, subject, 0));
    if (out->reason) {
        return NULL;
    }
    ask_begin(&q, r, subject);
    MLS_TRY(mlh_mappings_look(&q.generation, &some, r, q.state));
    mlh_mapping_set *set = mlh_mappings_acquire(q.state);
    const mlh_condition *condition =
        mls_membership_find(&member, q.state->members, q.key)
            ? condition_of(q.config, set, member.rule)
            : NULL;

    out->reason =
        condition
            ? apr_pstrcat(r->pool, "meets \"", condition->text, "\"", NULL)
            : implicit_reason(mlh_roles_declared(q.config, set));
    mlh_mappings_release(q.state, set);
    if (out->is_stale) {
        out->reason = apr_pstrcat(r->pool, out->reason,
                                  " (as last known: the directory does not "
                                  "answer)",
                                  NULL);
    }
    return NULL;
}
