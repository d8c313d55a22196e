/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration: create, merge, and the command table. */

#include "config/config.h"

#include <stddef.h>

#include <http_core.h>
#include <apr_strings.h>

#include "auth/roles.h"
#include "mlh.h"

/* ---- defaults ---- */

static apr_array_header_t *words(apr_pool_t *pool, const char *text)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(const char *));

    while (*text) {
        APR_ARRAY_PUSH(list, const char *) = ap_getword_white(pool, &text);
    }
    return list;
}

#define INITIAL_FLAG(value) (value)
#define INITIAL_DURATION(value) (value)
#define INITIAL_SIZE(value) (value)
#define INITIAL_COUNT(value) (value)
#define INITIAL_PATH(value) (value)
#define INITIAL_TEXT(value) (value)
#define INITIAL_CHOICE(value) (value)
#define INITIAL_LIST(value) words(pool, (value))
#define INITIAL_ROLE(value) apr_array_make(pool, 4, sizeof(void *))

void *mlh_server_create(apr_pool_t *pool, server_rec *s)
{
    mlh_server *config = apr_pcalloc(pool, sizeof(*config));

#define SERVER(kind, name, field, value, syntax, help) \
    config->field = INITIAL_##kind(value);
#define DIRECTORY(kind, name, field, value, syntax, help)
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    return config;
}

void *mlh_config_create(apr_pool_t *pool, char *directory)
{
    mlh_config *config = apr_pcalloc(pool, sizeof(*config));

#define SERVER(kind, name, field, value, syntax, help)
#define DIRECTORY(kind, name, field, value, syntax, help) \
    config->field = INITIAL_##kind(value);
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    return config;
}

/* ---- merging ---- */

static void merge_set(unsigned char *out, const unsigned char *base,
                      const unsigned char *add)
{
    for (int i = 0; i < MLH_BITS; i++) {
        out[i] = base[i] | add[i];
    }
}

void *mlh_server_merge(apr_pool_t *pool, void *base_, void *add_)
{
    const mlh_server *base = base_, *add = add_;
    mlh_server *config = apr_pcalloc(pool, sizeof(*config));

    merge_set(config->set, base->set, add->set);
#define SERVER(kind, name, field, value, syntax, help) \
    config->field = MLH_IS_SET(add, field) ? add->field : base->field;
#define DIRECTORY(kind, name, field, value, syntax, help)
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    return config;
}

void *mlh_config_merge(apr_pool_t *pool, void *base_, void *add_)
{
    const mlh_config *base = base_, *add = add_;
    mlh_config *config = apr_palloc(pool, sizeof(*config));

    merge_set(config->set, base->set, add->set);
#define SERVER(kind, name, field, value, syntax, help)
#define DIRECTORY(kind, name, field, value, syntax, help) \
    config->field = MLH_IS_SET(add, field) ? add->field : base->field;
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    config->mount = MLH_IS_SET(add, enabled) ? add->mount : base->mount;
    config->ldap = add->ldap ? add->ldap : base->ldap;
    config->user_file = add->user_file ? add->user_file : base->user_file;
    return config;
}

/* ---- commands ---- */

/* `MLServer On` remembers the path of its <Location>. */
static const char *set_mount(cmd_parms *cmd, mlh_config *config)
{
    const ap_directive_t *section =
        cmd->directive ? cmd->directive->parent : NULL;
    const char *path = cmd->path;

    if (!section || strcasecmp(section->directive, "<Location") != 0 ||
        !path || path[0] != '/' || ap_is_matchexp(path)) {
        return "MLServer stands in a section <Location \"/path\"> without "
               "wildcards or regular expression";
    }
    size_t length = strlen(path);

    while (length && path[length - 1] == '/') {
        length--;
    }
    config->mount = apr_pstrmemdup(cmd->pool, path, length);
    return NULL;
}

static const char *set_value(cmd_parms *cmd, void *directory,
                             const char *word)
{
    const mlh_directive *directive = cmd->info;
    void *config = directive->is_server
                       ? ap_get_module_config(cmd->server->module_config,
                                              &mlserver_module)
                       : directory;
    unsigned char *set = directive->is_server ? ((mlh_server *)config)->set
                                              : ((mlh_config *)config)->set;
    void *field = (char *)config + directive->offset;
    const char *wrong =
        directive->kind == MLH_KIND_ROLE
            ? mlh_role_declare(cmd, *(mlh_type_ROLE *)field, word)
            : mlh_config_parse(directive, field, word, !set[directive->bit],
                               cmd->pool);

    if (wrong) {
        return wrong;
    }
    set[directive->bit] = 1;
    if (directive->bit == MLH_BIT_enabled) {
        return set_mount(cmd, config);
    }
    return NULL;
}

static const mlh_directive directives[] = {
#define SERVER(kind, name, field, value, syntax, help)       \
    { name,                                                  \
      syntax,                                                \
      MLH_KIND_##kind,                                       \
      1,                                                     \
      offsetof(mlh_server, field),                           \
      MLH_BIT_##field },
#define DIRECTORY(kind, name, field, value, syntax, help)    \
    { name,                                                  \
      syntax,                                                \
      MLH_KIND_##kind,                                       \
      0,                                                     \
      offsetof(mlh_config, field),                           \
      MLH_BIT_##field },
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
};

#define TAKE(how, name, field, where, help)                         \
    AP_INIT_##how(name, set_value, (void *)&directives[MLH_BIT_##field], \
                  where, help),
#define COMMAND_FLAG(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_DURATION(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_SIZE(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_COUNT(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_PATH(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_TEXT(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_CHOICE(...) TAKE(TAKE1, __VA_ARGS__)
#define COMMAND_LIST(...) TAKE(ITERATE, __VA_ARGS__)
#define COMMAND_ROLE(...) TAKE(RAW_ARGS, __VA_ARGS__)

/* Other modules' directives, of which note is taken. */
#define OBSERVED(name)                                    \
    AP_INIT_RAW_ARGS(name, mlh_observe_ldap, NULL, OR_AUTHCFG, \
                     "see mod_authnz_ldap"),

const command_rec mlh_commands[] = {
#define SERVER(kind, name, field, value, syntax, help) \
    COMMAND_##kind(name, field, RSRC_CONF, syntax ". " help)
#define DIRECTORY(kind, name, field, value, syntax, help) \
    COMMAND_##kind(name, field, RSRC_CONF | ACCESS_CONF, syntax ". " help)
#include "config/directives.def"
#undef SERVER
#undef DIRECTORY
    OBSERVED("AuthLDAPURL")
    OBSERVED("AuthLDAPBindDN")
    OBSERVED("AuthLDAPBindPassword")
    OBSERVED("AuthLDAPRemoteUserAttribute")
    AP_INIT_TAKE1("AuthUserFile", mlh_observe_users, NULL, OR_AUTHCFG,
                  "see mod_authn_file"),
    { NULL }
};
