/* SPDX-License-Identifier: Apache-2.0 */
/* A connection of our own to the directory. */

#include "auth/directory_private.h"

#include <string.h>
#include <sys/time.h>

#include <http_core.h>

#include "auth/auth.h"
#include "auth/membership.h"

APLOG_USE_MODULE(mlserver);

enum { PAUSE = 5 /* seconds a silent directory is left alone, at least */ };

/* ---- AuthLDAPURL ---- */

static const char *unescape(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    return ap_unescape_url(copy) == OK ? copy : text;
}

static int scope_of(const char *word)
{
    return !strcasecmp(word, "one")    ? LDAP_SCOPE_ONELEVEL
           : !strcasecmp(word, "base") ? LDAP_SCOPE_BASE
                                       : LDAP_SCOPE_SUBTREE;
}

static const char *filter_of(const char *text, apr_pool_t *pool)
{
    if (!*text || !strcasecmp(text, "none")) {
        return "(objectClass=*)";
    }
    return *text == '(' ? text : apr_pstrcat(pool, "(", text, ")", NULL);
}

const char *mlh_ldap_url_parse(mlh_ldap_url *out, const char *text,
                               apr_pool_t *pool)
{
    static const char form[] =
        "AuthLDAPURL is \"ldap[s]://HOST[:PORT][ HOST ...]/BASE?ATTRIBUTE?"
        "SCOPE?FILTER\"";
    const char *hosts = strstr(text, "://");
    char *parts[4] = {NULL};

    if (!hosts) {
        return form;
    }
    out->scheme = apr_pstrmemdup(pool, text, (apr_size_t)(hosts - text));
    char *copy = apr_pstrdup(pool, hosts + 3);
    char *rest = strchr(copy, '/');

    if (rest) {
        *rest++ = '\0';
    }
    out->hosts = copy;
    for (int i = 0; rest && i < 4; i++) {
        char *next = i < 3 ? strchr(rest, '?') : NULL;

        if (next) {
            *next++ = '\0';
        }
        parts[i] = rest;
        rest = next;
    }
    out->base = unescape(parts[0] ? parts[0] : "", pool);
    out->attribute =
        apr_pstrmemdup(pool, parts[1] && *parts[1] ? parts[1] : "uid",
                       parts[1] && *parts[1] ? strcspn(parts[1], ",") : 3);
    out->scope = scope_of(parts[2] ? parts[2] : "");
    out->filter = filter_of(unescape(parts[3] ? parts[3] : "", pool), pool);
    return *out->base || out->scope == LDAP_SCOPE_BASE ? NULL : form;
}

const char *mlh_filter_escape(const char *value, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, strlen(value) * 3 + 1);
    char *to = out;

    for (; *value; value++) {
        if (strchr("*()\\", *value)) {
            to += apr_snprintf(to, 4, "\\%02x", (unsigned char)*value);
        }
        else {
            *to++ = *value;
        }
    }
    *to = '\0';
    return out;
}

/* ---- failures ---- */

static uint64_t scope_key(const mlh_ldap *settings)
{
    return (uint64_t)(uintptr_t)settings->url;
}

static mls_err *failed(mlh_directory *directory, const char *what, int code)
{
    request_rec *r = directory->r;
    const mlh_request *request = mlh_request_of(r);
    char *detail = NULL;

    mls_membership_note(request->state->members,
                        scope_key(request->config->ldap),
                        apr_time_sec(apr_time_now()), PAUSE, 0);
    if (directory->ldap) {
        ldap_get_option(directory->ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
    }
    mls_err *err = mls_err_make(
        directory->pool, MLS_EUNAVAILABLE, NULL, "directory %s: %s: %s%s%s",
        directory->url.hosts, what, ldap_err2string(code),
        detail && *detail ? ", " : "", detail && *detail ? detail : "");

    ldap_memfree(detail);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "directory not usable: request=%s reason=%s", request->id,
                  err->message);
    return err;
}

/* ---- connecting ---- */

static apr_status_t close_ldap(void *ldap)
{
    ldap_unbind_ext(ldap, NULL, NULL);
    return APR_SUCCESS;
}

/* "ldap://one ldap://two:1389", as libldap wants it. */
static const char *uris_of(const mlh_ldap_url *url, const char *scheme,
                           apr_pool_t *pool)
{
    const char *rest = url->hosts;
    const char *uris = NULL;

    while (*rest) {
        const char *host = ap_getword_white(pool, &rest);

        uris = apr_pstrcat(pool, uris ? uris : "", uris ? " " : "", scheme,
                           "://", host, NULL);
    }
    return uris ? uris : "ldap://localhost";
}

/* mod_ldap's LDAPVerifyServerCert is a setting of the whole server. */
static int certificate_is_verified(void)
{
    for (const ap_directive_t *node = ap_conftree; node; node = node->next) {
        if (!strcasecmp(node->directive, "LDAPVerifyServerCert")) {
            return strcasecmp(node->args, "off") != 0;
        }
    }
    return 1;
}

static void set_options(mlh_directory *directory)
{
    const struct timeval timeout = {directory->timeout, 0};
    const int version = LDAP_VERSION3;
    LDAP *ldap = directory->ldap;

    ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
    ldap_set_option(ldap, LDAP_OPT_TIMEOUT, &timeout);
    ldap_set_option(ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    ldap_set_option(ldap, LDAP_OPT_RESTART, LDAP_OPT_ON);
    if (!certificate_is_verified()) {
        const int never = LDAP_OPT_X_TLS_NEVER, client = 0;

        ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &never);
        ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &client);
    }
}

static int is_mode(const mlh_ldap *settings, const char *mode)
{
    return settings->mode && !strcasecmp(settings->mode, mode);
}

static mls_err *connect_and_bind(mlh_directory *directory,
                                 const mlh_ldap *settings)
{
    const int tls = is_mode(settings, "TLS") || is_mode(settings, "STARTTLS");
    const char *scheme =
        is_mode(settings, "SSL") ? "ldaps" : directory->url.scheme;
    const char *password =
        settings->bind_password ? settings->bind_password : "";
    struct berval credentials = {strlen(password), (char *)password};
    int code = ldap_initialize(
        &directory->ldap, uris_of(&directory->url, scheme, directory->pool));

    if (code != LDAP_SUCCESS) {
        return failed(directory, "connect", code);
    }
    apr_pool_cleanup_register(directory->pool, directory->ldap, close_ldap,
                              apr_pool_cleanup_null);
    set_options(directory);
    if (tls && strcasecmp(scheme, "ldaps") != 0) {
        code = ldap_start_tls_s(directory->ldap, NULL, NULL);
        if (code != LDAP_SUCCESS) {
            return failed(directory, "StartTLS", code);
        }
    }
    code = ldap_sasl_bind_s(directory->ldap,
                            settings->bind_dn ? settings->bind_dn : "",
                            LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
    return code == LDAP_SUCCESS ? NULL : failed(directory, "bind", code);
}

mls_err *mlh_directory_open(mlh_directory **out, request_rec *r, int insist,
                            apr_pool_t *pool)
{
    const mlh_request *request = mlh_request_of(r);
    const mlh_ldap *settings = request->config->ldap;
    mlh_directory *directory = apr_pcalloc(pool, sizeof(*directory));

    *out = directory;
    directory->r = r;
    directory->pool = pool;
    directory->timeout = (int)request->config->directory_timeout;
    if (!settings || !settings->url) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "there is no AuthLDAPURL in the <Location> where "
                            "MLServer is On");
    }
    const char *wrong =
        mlh_ldap_url_parse(&directory->url, settings->url, pool);

    if (wrong) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL, "%s", wrong);
    }
    if (!insist &&
        !mls_membership_may_ask(request->state->members, scope_key(settings),
                                apr_time_sec(apr_time_now()),
                                PAUSE + directory->timeout)) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "directory %s: did not answer a moment ago",
                            directory->url.hosts);
    }
    MLS_TRY(connect_and_bind(directory, settings));
    mls_membership_note(request->state->members, scope_key(settings),
                        apr_time_sec(apr_time_now()), PAUSE, 1);
    return NULL;
}

/* ---- searching ---- */

static int is_answer(int code)
{
    return code == LDAP_SUCCESS || code == LDAP_SIZELIMIT_EXCEEDED ||
           code == LDAP_NO_SUCH_OBJECT || code == LDAP_REFERRAL ||
           code == LDAP_PARTIAL_RESULTS || code == LDAP_INSUFFICIENT_ACCESS ||
           code == LDAP_INVALID_DN_SYNTAX ||
           code == LDAP_INAPPROPRIATE_MATCHING || code == LDAP_UNDEFINED_TYPE ||
           code == LDAP_NO_SUCH_ATTRIBUTE;
}

mls_err *mlh_directory_search(LDAPMessage **out, int *more,
                              mlh_directory *directory, const char *base,
                              int scope, const char *filter,
                              const char *const *attributes, int most)
{
    struct timeval timeout = {directory->timeout, 0};

    *out = NULL;
    const int code = ldap_search_ext_s(directory->ldap, base, scope, filter,
                                       (char **)attributes, 0, NULL, NULL,
                                       &timeout, most, out);

    if (more) {
        *more = code == LDAP_SIZELIMIT_EXCEEDED;
    }
    if (is_answer(code)) {
        return NULL;
    }
    ldap_msgfree(*out);
    *out = NULL;
    return failed(directory, "search", code);
}

mls_err *mlh_directory_find(const char **dn, mlh_directory *directory,
                            const char *name)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    const mlh_ldap_url *url = &directory->url;
    const char *filter =
        apr_pstrcat(directory->pool, "(&", url->filter, "(", url->attribute,
                    "=", mlh_filter_escape(name, directory->pool), "))", NULL);
    LDAPMessage *found;

    *dn = NULL;
    MLS_TRY(mlh_directory_search(&found, NULL, directory, url->base, url->scope,
                                 filter, nothing, 2));
    if (found && ldap_count_entries(directory->ldap, found) == 1) {
        char *text = ldap_get_dn(directory->ldap,
                                 ldap_first_entry(directory->ldap, found));

        *dn = apr_pstrdup(directory->pool, text);
        ldap_memfree(text);
    }
    ldap_msgfree(found);
    return NULL;
}

mls_err *mlh_directory_check(mlh_directory *directory, const char *dn)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    LDAPMessage *found;

    MLS_TRY(mlh_directory_search(&found, NULL, directory, dn, LDAP_SCOPE_BASE,
                                 "(objectClass=*)", nothing, 1));
    ldap_msgfree(found);
    return NULL;
}

void mlh_directory_forget(request_rec *r)
{
    module *ldap = ap_find_linked_module("mod_authnz_ldap.c");

    if (ldap) {
        ap_set_module_config(r->request_config, ldap, NULL);
    }
}
