/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the whole configuration, run by `httpd -t` too. All mistakes are
 * named, not only the first, each with what to change. */

#include "config/config.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <ap_provider.h>
#include <http_core.h>
#include <mod_auth.h>
#include <apr_strings.h>

#include "auth/auth.h"
#include "config/config_check.h"
#include "mlh.h"

APLOG_USE_MODULE(mlserver);

/* httpd's own names of these are private. */
enum { LIMIT_UNSET = -1, LIMIT_DEFAULT = 1 << 30 };

typedef mlh_check check;

void mlh_mistake(check *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const char *text = apr_pvsprintf(c->pool, format, arguments);
    va_end(arguments);
    for (int i = 0; i < c->said->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(c->said, i, const char *), text)) {
            return;
        }
    }
    APR_ARRAY_PUSH(c->said, const char *) = text;
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, c->s, "%s", text);
}

const char *mlh_socket_path(const mlh_server *server, const char *name,
                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, server->run_dir, "/", name, ".sock", NULL);
}

apr_array_header_t *mlh_config_mounts(server_rec *s, apr_pool_t *pool)
{
    const core_server_config *core =
        ap_get_core_module_config(s->module_config);
    mlh_config *base = ap_get_module_config(s->lookup_defaults,
                                            &mlserver_module);
    apr_array_header_t *mounts = apr_array_make(pool, 2, sizeof(void *));

    for (int i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *section =
            APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        mlh_config *own = ap_get_module_config(section, &mlserver_module);

        if (own && MLH_IS_SET(own, enabled) && own->enabled) {
            APR_ARRAY_PUSH(mounts, const mlh_config *) =
                base ? mlh_config_merge(pool, base, own) : own;
        }
    }
    return mounts;
}

/* ---- the server's directives ---- */

static void check_paths(check *c, const mlh_server *server)
{
    struct sockaddr_un address;
    const char *longest = mlh_socket_path(server, "supervisor", c->pool);

    if (strlen(longest) >= sizeof(address.sun_path)) {
        mlh_mistake(c,
                "MLServerRunDir %s is too long: the socket %s must stay "
                "under %d bytes; choose a shorter directory, such as "
                "/run/mlserver",
                server->run_dir, longest, (int)sizeof(address.sun_path));
    }
    if (!strcmp(server->run_dir, server->state_dir)) {
        mlh_mistake(c,
                "MLServerRunDir and MLServerStateDir are both %s; sockets "
                "need a directory of their own, such as %s/run",
                server->run_dir, server->state_dir);
    }
}

static void check_program(check *c, const char *directive, const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        mlh_mistake(c, "%s %s: %s; name the program's path", directive, path,
                strerror(errno));
    }
    else if (!S_ISREG(status.st_mode) || access(path, X_OK) != 0) {
        mlh_mistake(c, "%s %s is not a program that can be executed", directive,
                path);
    }
}

static void check_user(check *c, const char *directive, const char *name)
{
    if (!getpwnam(name)) {
        mlh_mistake(c,
                "%s %s: there is no such user; make it (useradd --system %s) "
                "or name another",
                directive, name, name);
    }
}

static void check_runtimes(check *c, const apr_array_header_t *words)
{
    const char *const *word = (const char *const *)words->elts;

    if (words->nelts == 1 && !strcasecmp(word[0], "none")) {
        return;
    }
    if (words->nelts % 3 || words->nelts > 48) {
        mlh_mistake(c, "MLServerRuntime takes a name, a version and an "
                   "interpreter's path, such as: Python 3.11 "
                   "/usr/bin/python3; at most 16 of them");
        return;
    }
    for (int i = 0; i < words->nelts; i += 3) {
        if (strpbrk(word[i], ": ") || strpbrk(word[i + 1], ": ")
            || word[i + 2][0] != '/') {
            mlh_mistake(c, "MLServerRuntime %s %s %s: the name and the version "
                       "are without ':' and spaces, the path is absolute",
                    word[i], word[i + 1], word[i + 2]);
        }
        else {
            check_program(c, "MLServerRuntime", word[i + 2]);
        }
    }
}

static void check_daemon(check *c, const mlh_server *server)
{
    if (!strcasecmp(server->daemon, "external")) {
        return;
    }
    check_program(c, "MLServerDaemon",
                  ap_server_root_relative(c->pool, server->daemon));
    if (server->mlscore) {
        check_program(c, "MLServerMlscore", server->mlscore);
    }
    if (server->python) {
        check_program(c, "MLServerPython", server->python);
    }
    check_runtimes(c, server->runtimes);
    if (geteuid() == 0) {
        check_user(c, "MLServerUser", server->daemon_user);
        check_user(c, "MLServerWorkerUser", server->worker_user);
        if (!strcmp(server->daemon_user, server->worker_user)) {
            mlh_mistake(c,
                    "MLServerUser and MLServerWorkerUser are both %s; "
                    "published code must not run as the user that owns the "
                    "state",
                    server->worker_user);
        }
        if (server->daemon_group && !getgrnam(server->daemon_group)) {
            mlh_mistake(c, "MLServerGroup %s: there is no such group",
                    server->daemon_group);
        }
    }
}

/* ---- a Location's directives ---- */

int mlh_is_mentioned(const ap_directive_t *node, const char *name)
{
    for (; node; node = node->next) {
        if (!strcasecmp(node->directive, name) ||
            mlh_is_mentioned(node->first_child, name)) {
            return 1;
        }
    }
    return 0;
}

static void check_provider(check *c, const char *name)
{
    static const struct {
        const char *provider, *directive, *example;
    } needs[] = {
        { "file", "AuthUserFile", "AuthUserFile /etc/mlserver/users" },
        { "dbm", "AuthDBMUserFile", "AuthDBMUserFile /etc/mlserver/users" },
        { "ldap", "AuthLDAPURL",
          "AuthLDAPURL \"ldaps://dc.example.com/dc=example,dc=com?uid\"" },
        { "dbd", "AuthDBDUserPWQuery",
          "AuthDBDUserPWQuery \"SELECT password FROM users WHERE name = "
          "%s\"" },
    };

    if (!ap_lookup_provider(AUTHN_PROVIDER_GROUP, name,
                            AUTHN_PROVIDER_VERSION)) {
        mlh_mistake(c,
                "MLServerAuthProvider %s: httpd has no such provider; load "
                "its module (mod_authn_file for file, mod_authnz_ldap for "
                "ldap, mod_authn_dbd for dbd) or name another",
                name);
        return;
    }
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (!strcmp(name, needs[i].provider) &&
            !mlh_is_mentioned(ap_conftree, needs[i].directive)) {
            mlh_mistake(c,
                    "MLServerAuthProvider %s needs %s in the <Location> "
                    "where MLServer is On, such as: %s",
                    name, needs[i].directive, needs[i].example);
        }
    }
}

static void check_providers(check *c, const mlh_config *config)
{
    /* The default alone is no mistake where another module of httpd
     * authenticates everybody. */
    for (int i = 0; MLH_IS_SET(config, auth_providers) &&
                    i < config->auth_providers->nelts;
         i++) {
        const char *name =
            APR_ARRAY_IDX(config->auth_providers, i, const char *);

        if (strcasecmp(name, "none") != 0) {
            check_provider(c, mlh_provider_name(name, c->pool));
        }
    }
}

static int is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    return !strcmp(text, "*") || !strcasecmp(text, "none") ||
           (host && host > text && host[3] && !strpbrk(host + 3, "/?#@*"));
}

static void check_origins(check *c, const mlh_config *config)
{
    for (int i = 0; i < config->cors_origins->nelts; i++) {
        const char *origin =
            APR_ARRAY_IDX(config->cors_origins, i, const char *);

        if (!is_origin(origin)) {
            mlh_mistake(c,
                    "MLServerCORSOrigin %s: write scheme, host and port as a "
                    "browser sends them, without a path, such as "
                    "https://console.example.com",
                    origin);
        }
    }
}

static void check_lifetimes(check *c, const mlh_config *config)
{
    if (config->token_lifetime > config->refresh_maximum) {
        mlh_mistake(c,
                "MLServerTokenLifetime is longer than "
                "MLServerRefreshMaximumLifetime; make it shorter");
    }
    if (config->refresh_idle > config->refresh_maximum) {
        mlh_mistake(c,
                "MLServerRefreshIdleLifetime is longer than "
                "MLServerRefreshMaximumLifetime; make it shorter");
    }
}

static void check_upload_dir(check *c, const mlh_config *config)
{
    struct stat status;

    if (stat(config->upload_dir, &status) != 0 ||
        !S_ISDIR(status.st_mode)) {
        mlh_mistake(c,
                "MLServerUploadDir %s is not a directory; make it, writable "
                "for httpd's user",
                config->upload_dir);
    }
}

/* LimitRequestBody, as httpd will apply it in a section. */
static void check_body_limit(check *c, const mlh_server *server,
                             ap_conf_vector_t *section)
{
    const core_dir_config *own = ap_get_core_module_config(section);
    const core_dir_config *base =
        ap_get_core_module_config(c->s->lookup_defaults);
    apr_off_t limit = own ? own->limit_req_body : LIMIT_UNSET;

    if (limit == LIMIT_UNSET && base) {
        limit = base->limit_req_body;
    }
    if (limit == LIMIT_UNSET) {
        limit = LIMIT_DEFAULT;
    }
    if (limit > 0 && limit < server->max_model &&
        MLH_IS_SET(server, max_model)) {
        mlh_mistake(c,
                "MLServerMaxModel allows %" APR_INT64_T_FMT " bytes, but "
                "LimitRequestBody only %" APR_OFF_T_FMT "; write "
                "LimitRequestBody 0 in the <Location> where MLServer is On",
                server->max_model, limit);
    }
}

static void check_body_limits(check *c, const mlh_server *server)
{
    const core_server_config *core =
        ap_get_core_module_config(c->s->module_config);

    for (int i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *section =
            APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        const mlh_config *own =
            ap_get_module_config(section, &mlserver_module);

        if (own && MLH_IS_SET(own, enabled) && own->enabled) {
            check_body_limit(c, server, section);
        }
    }
}

static void check_server(check *c)
{
    const mlh_server *server =
        ap_get_module_config(c->s->module_config, &mlserver_module);
    apr_array_header_t *mounts = mlh_config_mounts(c->s, c->pool);

    if (!mounts->nelts) {
        return;
    }
    check_paths(c, server);
    check_daemon(c, server);
    check_body_limits(c, server);
    for (int i = 0; i < mounts->nelts; i++) {
        const mlh_config *config =
            APR_ARRAY_IDX(mounts, i, const mlh_config *);

        check_providers(c, config);
        mlh_check_identity(c, config);
        check_origins(c, config);
        check_lifetimes(c, config);
        check_upload_dir(c, config);
    }
}

/* ---- between servers ---- */

static int same_text(const char *one, const char *other)
{
    return one && other ? !strcmp(one, other) : one == other;
}

static void check_pair(check *c, const mlh_server *one,
                       const mlh_server *other)
{
    const int same_state = !strcmp(one->state_dir, other->state_dir);
    const int same_run = !strcmp(one->run_dir, other->run_dir);

    if (same_state && !same_run) {
        mlh_mistake(c,
                "the state %s has two run directories, %s and %s; give it "
                "one",
                one->state_dir, one->run_dir, other->run_dir);
    }
    if (same_state && !same_text(one->token_audience, other->token_audience)) {
        mlh_mistake(c,
                "the state %s has two values of MLServerTokenAudience; give "
                "it one, where all its virtual hosts have it",
                one->state_dir);
    }
    if (same_run && !same_state) {
        mlh_mistake(c,
                "the states %s and %s share the run directory %s; give each "
                "its own",
                one->state_dir, other->state_dir, one->run_dir);
    }
}

static void check_pairs(check *c, server_rec *first)
{
    for (server_rec *s = first; s; s = s->next) {
        for (server_rec *t = s->next; t; t = t->next) {
            if (mlh_config_mounts(s, c->pool)->nelts &&
                mlh_config_mounts(t, c->pool)->nelts) {
                c->s = t;
                check_pair(c,
                           ap_get_module_config(s->module_config,
                                                &mlserver_module),
                           ap_get_module_config(t->module_config,
                                                &mlserver_module));
            }
        }
    }
}

int mlh_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                     server_rec *s)
{
    check c = { s, ptemp, apr_array_make(ptemp, 4, sizeof(char *)),
                apr_array_make(ptemp, 4, sizeof(char *)) };

    for (server_rec *each = s; each; each = each->next) {
        c.s = each;
        check_server(&c);
    }
    check_pairs(&c, s);
    return c.said->nelts ? HTTP_INTERNAL_SERVER_ERROR : OK;
}
