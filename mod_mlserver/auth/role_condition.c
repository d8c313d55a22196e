/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that give a role: parsing and asking httpd's providers. */

#include "auth/roles.h"

#include <string.h>

#include <ap_provider.h>
#include <http_core.h>
#include <http_request.h>

#include "auth/membership.h"
#include "auth/role_rules.h"

APLOG_USE_MODULE(mlserver);

/* What may stand in a mapping: is somebody someone, or in a group? */
static const char *const mapping_kinds[] = {
    "user",        "group",     "valid-user",  "ldap-group",
    "ldap-user",   "ldap-dn",   "ldap-filter", "ldap-attribute",
    "ldap-search", "dbd-group", "unix-group",
};

/* What does not change from one request of a user to the next. */
static const char *const lasting_kinds[] = {
    "dbm-group",
    "dbd-login",
    "dbd-logout",
};

static int is_among(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcasecmp(word, words[i])) {
            return 1;
        }
    }
    return 0;
}

static int is_mapping_kind(const char *kind)
{
    return is_among(kind, mapping_kinds,
                    sizeof(mapping_kinds) / sizeof(mapping_kinds[0]));
}

static const char *module_for(const char *kind)
{
    static const struct {
        const char *kind, *module;
    } modules[] = {
        {"user", "mod_authz_user"},       {"valid-user", "mod_authz_user"},
        {"group", "mod_authz_groupfile"}, {"dbm-group", "mod_authz_dbm"},
        {"dbd-group", "mod_authz_dbd"},   {"ip", "mod_authz_host"},
        {"host", "mod_authz_host"},
    };

    if (!strncasecmp(kind, "ldap-", 5)) {
        return "mod_authnz_ldap";
    }
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        if (!strcasecmp(kind, modules[i].kind)) {
            return modules[i].module;
        }
    }
    return "the module that has it";
}

static const char *unknown_kind(apr_pool_t *pool, const char *kind)
{
    if (!strcasecmp(kind, "not")) {
        return "a role is given by what somebody is; \"not\" is not allowed";
    }
    return apr_psprintf(pool,
                        "httpd has no condition \"%s\": load %s before this "
                        "line, or write one that Require knows, such as "
                        "ldap-group, group, user, valid-user",
                        kind, module_for(kind));
}

/* Does a condition without arguments make sense? */
static int may_be_alone(const char *kind)
{
    return !strcasecmp(kind, "valid-user") || !strcasecmp(kind, "local") ||
           !strcasecmp(kind, "file-owner") || !strcasecmp(kind, "file-group");
}

const char *mlh_condition_parse(mlh_condition **out, cmd_parms *cmd,
                                mls_role role, const char *text)
{
    mlh_condition *condition = apr_pcalloc(cmd->pool, sizeof(*condition));
    const char *rest = apr_pstrdup(cmd->pool, text);
    const char *word = ap_getword_conf(cmd->pool, &rest);

    *out = condition;
    condition->role = role;
    condition->text = apr_pstrdup(cmd->pool, text);
    if (!strncasecmp(word, "provider=", 9)) {
        condition->source = word + 9;
        word = ap_getword_conf(cmd->pool, &rest);
    }
    if (!*word || (condition->source && !*condition->source)) {
        return "a condition is missing, such as ldap-group "
               "cn=admins,ou=groups,dc=example,dc=com";
    }
    condition->kind = word;
    condition->arguments = rest;
    condition->is_directory = !strncasecmp(word, "ldap-", 5);
    condition->is_per_request =
        !is_mapping_kind(word) &&
        !is_among(word, lasting_kinds,
                  sizeof(lasting_kinds) / sizeof(lasting_kinds[0]));
    condition->provider =
        ap_lookup_provider(AUTHZ_PROVIDER_GROUP, word, AUTHZ_PROVIDER_VERSION);
    if (!condition->provider) {
        return unknown_kind(cmd->pool, word);
    }
    if (!*rest && !may_be_alone(word)) {
        return apr_psprintf(cmd->pool, "%s: which? The condition ends there",
                            word);
    }
    if (!condition->provider->parse_require_line) {
        return NULL;
    }
    const char *wrong =
        condition->provider->parse_require_line(cmd, rest, &condition->parsed);

    return wrong ? apr_pstrcat(cmd->pool, word, ": ", wrong, NULL) : NULL;
}

const char *mlh_condition_parse_mapping(mlh_condition **out,
                                        const mls_mapping *mapping,
                                        server_rec *s, apr_pool_t *pool)
{
    static const command_rec command = {.name = "MLServerRole"};
    ap_directive_t *directive = apr_pcalloc(pool, sizeof(*directive));
    cmd_parms cmd = {0};

    if (strstr(mapping->condition, "%{")) {
        return "variables (%{...}) are only allowed in MLServerRole";
    }
    directive->directive = "MLServerRole";
    directive->args = apr_pstrdup(pool, mapping->condition);
    directive->filename = "role mappings";
    directive->line_num = 1;
    cmd.pool = cmd.temp_pool = pool;
    cmd.server = s;
    cmd.directive = directive;
    cmd.err_directive = directive;
    cmd.cmd = &command;
    cmd.override = OR_ALL;
    const char *wrong =
        mlh_condition_parse(out, &cmd, mapping->role, mapping->condition);

    if (!wrong && !is_mapping_kind((*out)->kind)) {
        return apr_psprintf(pool,
                            "\"%s\" is only allowed in MLServerRole; here a "
                            "condition is one of user, group, valid-user, "
                            "dbd-group, ldap-group, ldap-user, ldap-dn, "
                            "ldap-filter, ldap-attribute",
                            (*out)->kind);
    }
    (*out)->mapping = mapping;
    return wrong;
}

const char *mlh_role_declare(cmd_parms *cmd, apr_array_header_t *list,
                             const char *arguments)
{
    const char *rest = arguments;
    const char *word = ap_getword_conf(cmd->temp_pool, &rest);
    const mls_role role = mls_role_parse(word);
    mlh_condition *condition;

    if (role == MLS_ROLE_NONE) {
        return apr_psprintf(cmd->pool,
                            "MLServerRole %s: the first word is Owner, "
                            "Contributor or Reader, then follows a condition "
                            "as behind Require, such as: MLServerRole Owner "
                            "ldap-group cn=admins,ou=groups,dc=example,dc=com",
                            word);
    }
    const char *wrong = mlh_condition_parse(&condition, cmd, role, rest);

    if (wrong) {
        return apr_pstrcat(cmd->pool, "MLServerRole ", word, " ", rest, ": ",
                           wrong, NULL);
    }
    condition->file = cmd->directive->filename;
    condition->line = cmd->directive->line_num;
    if (list->nelts >= MLS_MEMBER_RULES / 2 - 2) {
        return "MLServerRole: there are too many of them; use groups";
    }
    APR_ARRAY_PUSH(list, const mlh_condition *) = condition;
    return NULL;
}

/* ---- whom a condition is about ---- */

const char *mlh_provider_base(const char *name)
{
    for (const ap_directive_t *node = ap_conftree; node; node = node->next) {
        if (!strcasecmp(node->directive, "<AuthnProviderAlias")) {
            const char *args = node->args;
            apr_pool_t *pool;

            apr_pool_create(&pool, NULL);
            const char *base = ap_getword_conf(pool, &args);
            const char *alias = ap_getword_conf(pool, &args);
            const size_t length = strcspn(alias, ">");
            const int is_it =
                strlen(name) == length && !strncasecmp(alias, name, length);
            static const char *const known[] = {"file", "dbm",     "dbd",
                                                "ldap", "socache", "anon"};
            const char *found = NULL;

            for (size_t i = 0; is_it && i < 6; i++) {
                if (!strcasecmp(base, known[i])) {
                    found = known[i];
                }
            }
            apr_pool_destroy(pool);
            if (is_it) {
                return found ? found : name;
            }
        }
    }
    return name;
}

/* Accounts that live on this machine; their names are not the directory's,
 * even where they are spelt the same. */
static int is_local(const char *provider)
{
    static const char *const local[] = {"file", "dbm", "dbd", "anon",
                                        MLS_CONTROL_PROVIDER};

    return is_among(mlh_provider_base(provider), local,
                    sizeof(local) / sizeof(local[0]));
}

int mlh_condition_applies(const mlh_condition *condition,
                          const mls_subject *subject)
{
    if (condition->source) {
        return !strcmp(condition->source, subject->provider);
    }
    return !condition->is_directory || !is_local(subject->provider);
}

mlh_answer mlh_condition_ask(request_rec *r, const mlh_condition *condition,
                             const mls_subject *subject)
{
    char *const user = r->user;
    char *const type = r->ap_auth_type;

    r->user = apr_pstrdup(r->pool, subject->name);
    if (!r->ap_auth_type) {
        r->ap_auth_type = "MLServer";
    }
    const authz_status status = condition->provider->check_authorization(
        r, condition->arguments, condition->parsed);

    r->user = user;
    r->ap_auth_type = type;
    switch (status) {
    case AUTHZ_GRANTED:
        return MLH_YES;
    case AUTHZ_GENERAL_ERROR:
        return MLH_UNKNOWN;
    default:
        return MLH_NO;
    }
}
