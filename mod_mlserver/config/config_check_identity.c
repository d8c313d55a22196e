/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what decides who somebody is: providers, conditions of roles, the
 * directory's settings. Mistakes that would only show as a user without a role
 * are named here; what is merely unwise is a warning. */

#include "config/config_check.h"

#include <string.h>

#include <http_core.h>

#include "auth/roles.h"
#include "auth/user_name.h"

APLOG_USE_MODULE(mlserver);

enum { LONG_TIMEOUT = 30, LONG_CACHE = 60 /* seconds */ };

static void warn(mlh_check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void warn(mlh_check *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const char *text = apr_pvsprintf(c->pool, format, arguments);
    va_end(arguments);
    for (int i = 0; i < c->warned->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(c->warned, i, const char *), text)) {
            return;
        }
    }
    APR_ARRAY_PUSH(c->warned, const char *) = text;
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, c->s, "%s",
                 text);
}

/* ---- providers ---- */

static const char *entry_of(const mlh_config *config, int i)
{
    return APR_ARRAY_IDX(config->auth_providers, i, const char *);
}

static void check_sources(mlh_check *c, const mlh_config *config)
{
    for (int i = 0; i < config->auth_providers->nelts; i++) {
        const char *entry = entry_of(config, i);
        const char *source = mlh_provider_source(entry, c->pool);

        if (!source) {
            mlh_mistake(c,
                        "MLServerAuthProvider %s: say whose users it has, "
                        "such as socache=dbd; the one provider that "
                        "AuthnCacheProvideFor names is taken otherwise",
                        entry);
        }
        else if (!strcmp(source, MLH_AMBIENT_PROVIDER) ||
                 !strcmp(source, MLS_CONTROL_PROVIDER) || strchr(source, ':')) {
            mlh_mistake(c,
                        "MLServerAuthProvider %s: \"%s\" cannot be the name "
                        "of a source of users; write NAME=SOURCE with "
                        "another",
                        entry, source);
        }
    }
}

static int is_source(mlh_check *c, const mlh_config *config, const char *name)
{
    for (int i = 0; i < config->auth_providers->nelts; i++) {
        const char *source = mlh_provider_source(entry_of(config, i), c->pool);

        if (source && !strcmp(source, name)) {
            return 1;
        }
    }
    return !strcmp(name, MLH_AMBIENT_PROVIDER);
}

static int count_sources(mlh_check *c, const mlh_config *config)
{
    const char *first = NULL;

    for (int i = 0; i < config->auth_providers->nelts; i++) {
        const char *source = mlh_provider_source(entry_of(config, i), c->pool);

        if (first && source && strcmp(first, source) != 0) {
            return 2;
        }
        first = source ? source : first;
    }
    return 1;
}

static void check_user_name(mlh_check *c, const mlh_config *config)
{
    for (int i = 0; i < config->user_name->nelts; i++) {
        const char *rule = APR_ARRAY_IDX(config->user_name, i, const char *);

        if (!mls_user_name_is_rule(rule)) {
            mlh_mistake(c,
                        "MLServerUserName %s: write strip-realm, "
                        "strip-realm=EXAMPLE.COM, strip-domain, "
                        "strip-domain=EXAMPLE, lower-case or none",
                        rule);
        }
    }
}

/* ---- conditions ---- */

static void check_needs(mlh_check *c, const mlh_condition *condition)
{
    static const struct {
        const char *kind, *directive;
    } needs[] = {
        {"group", "AuthGroupFile"},
        {"dbm-group", "AuthDBMGroupFile"},
        {"dbd-group", "AuthzDBDQuery"},
    };

    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (!strcasecmp(condition->kind, needs[i].kind) &&
            !mlh_is_mentioned(ap_conftree, needs[i].directive)) {
            mlh_mistake(c,
                        "%s line %d: MLServerRole ... %s needs %s in the "
                        "<Location> where MLServer is On",
                        condition->file, condition->line, condition->kind,
                        needs[i].directive);
        }
    }
}

static void check_condition(mlh_check *c, const mlh_config *config,
                            const mlh_condition *condition)
{
    check_needs(c, condition);
    if (condition->is_directory && (!config->ldap || !config->ldap->url)) {
        mlh_mistake(c,
                    "%s line %d: MLServerRole ... %s needs AuthLDAPURL in "
                    "the <Location> where MLServer is On",
                    condition->file, condition->line, condition->kind);
    }
    if (condition->source && !is_source(c, config, condition->source)) {
        mlh_mistake(c,
                    "%s line %d: MLServerRole ... provider=%s: "
                    "MLServerAuthProvider has no such provider; of users "
                    "whom httpd authenticates it is provider=httpd",
                    condition->file, condition->line, condition->source);
    }
    if (!condition->source && !strcasecmp(condition->kind, "user") &&
        condition->role == MLS_ROLE_OWNER && count_sources(c, config) > 1) {
        warn(c,
             "%s line %d: MLServerRole Owner user: users of every provider "
             "with such a name become Owners; write provider=NAME before "
             "\"user\" to name one",
             condition->file, condition->line);
    }
}

/* ---- the directory ---- */

static int asks_directory(const mlh_config *config)
{
    for (int i = 0; i < config->roles->nelts; i++) {
        if (APR_ARRAY_IDX(config->roles, i, const mlh_condition *)
                ->is_directory) {
            return 1;
        }
    }
    return 0;
}

static void check_ldap(mlh_check *c, const mlh_config *config)
{
    const mlh_ldap *ldap = config->ldap;
    mlh_ldap_url url;

    if (!ldap || !ldap->url) {
        return;
    }
    const char *wrong = mlh_ldap_url_parse(&url, ldap->url, c->pool);

    if (wrong) {
        mlh_mistake(c, "%s line %d: AuthLDAPURL %s: %s", ldap->file, ldap->line,
                    ldap->url, wrong);
        return;
    }
    if (ldap->remote_user && asks_directory(config) &&
        strcasecmp(ldap->remote_user, url.attribute) != 0) {
        mlh_mistake(c,
                    "%s line %d: AuthLDAPURL looks users up by %s, but "
                    "AuthLDAPRemoteUserAttribute names them by %s, by which "
                    "no role could be found later; use one attribute for "
                    "both (MLServerUserName strip-realm lets people type "
                    "NAME@realm)",
                    ldap->file, ldap->line, url.attribute, ldap->remote_user);
    }
    if (!ldap->bind_dn != !ldap->bind_password) {
        mlh_mistake(c,
                    "%s line %d: AuthLDAPBindDN and AuthLDAPBindPassword "
                    "are needed together; the password may be "
                    "\"exec:/bin/cat FILE\"",
                    ldap->file, ldap->line);
    }
}

/* The value of a directive at the outer level, or -1. */
static apr_int64_t number_of(const char *name)
{
    for (const ap_directive_t *node = ap_conftree; node; node = node->next) {
        if (!strcasecmp(node->directive, name)) {
            return apr_atoi64(node->args);
        }
    }
    return -1;
}

static void check_timeout(mlh_check *c, const char *name)
{
    const apr_int64_t value = number_of(name);

    if (value < 0 || value > LONG_TIMEOUT) {
        warn(c,
             "%s is %s: while the directory does not answer, each login "
             "waits as long; write %s 5 outside of all sections",
             name, value < 0 ? "not set" : "long", name);
    }
}

/* mod_ldap remembers passwords and groups beside what is remembered here. */
static void check_cache(mlh_check *c)
{
    const apr_int64_t entries = number_of("LDAPCacheEntries");
    const apr_int64_t seconds = number_of("LDAPCacheTTL");
    const apr_int64_t compares = number_of("LDAPOpCacheEntries");
    const apr_int64_t compare_seconds = number_of("LDAPOpCacheTTL");

    if ((entries != 0 && (seconds < 0 || seconds > LONG_CACHE)) ||
        (compares != 0 &&
         (compare_seconds < 0 || compare_seconds > LONG_CACHE))) {
        warn(c, "mod_ldap remembers passwords and groups for ten minutes: "
                "changes in the directory come late, even when Owners have "
                "memberships looked up again; write LDAPCacheEntries 0 and "
                "LDAPOpCacheEntries 0 outside of all sections");
    }
}

void mlh_check_identity(mlh_check *c, const mlh_config *config)
{
    check_sources(c, config);
    check_user_name(c, config);
    check_ldap(c, config);
    for (int i = 0; i < config->roles->nelts; i++) {
        check_condition(c, config,
                        APR_ARRAY_IDX(config->roles, i, const mlh_condition *));
    }
    if (config->ldap && config->ldap->url) {
        if (asks_directory(config) && number_of("LDAPRetries") == 0) {
            mlh_mistake(c, "LDAPRetries 0: after the directory was restarted "
                           "members of a group would be taken for strangers; "
                           "write LDAPRetries 1");
        }
        check_timeout(c, "LDAPTimeout");
        check_timeout(c, "LDAPConnectionTimeout");
        check_cache(c);
    }
}
