/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords, checked by httpd's own authentication providers, called outside
 * their phase: they read the directory configuration of the request, so their
 * settings stand in the mounted Location.
 *
 * An unknown user costs as much as a wrong password: a hash of the same kind
 * of work is computed until the average time of a real check has passed. */

#include "auth/auth.h"

#include <string.h>

#include <ap_provider.h>
#include <http_core.h>
#include <mod_auth.h>
#include <apr_md5.h>

#include "auth/throttle.h"
#include "auth/user_name.h"

APLOG_USE_MODULE(mlserver);

enum {
    NAME_LENGTH = 256,
    PASSWORD_LENGTH = 1024,
    ADDRESS_FACTOR = 20 /* free failures of an address over all accounts */
};

/* ---- throttling ---- */

/* The address as far as it tells callers apart: of IPv6 the first 64 bits. */
static const char *address_of(request_rec *r)
{
    const char *address = r->useragent_ip;
    int colons = 0;

    if (!strchr(address, ':') || !strncmp(address, "::ffff:", 7)) {
        return address;
    }
    for (const char *at = address; *at; at++) {
        if (*at == ':' && (++colons == 4 || at[1] == ':')) {
            return apr_pstrmemdup(r->pool, address,
                                  (apr_size_t)(at - address));
        }
    }
    return address;
}

typedef struct login_keys {
    apr_uint64_t account; /* with the address */
    apr_uint64_t address;
} login_keys;

/* Charge both keys; returns the seconds to wait, 0 to go on. */
static unsigned charge(request_rec *r, const mlh_request *request,
                       const char *user, login_keys *keys)
{
    mls_throttle *table = request->state->throttle;
    const mlh_config *config = request->config;
    const char *address = address_of(r);
    const apr_int64_t now = apr_time_sec(r->request_time);
    const unsigned most = (unsigned)config->login_delay;
    const unsigned free = (unsigned)config->login_throttle;

    keys->account = mls_throttle_key(table, user, address);
    keys->address = mls_throttle_key(table, "", address);
    unsigned wait = mls_throttle_attempt(table, keys->address, now,
                                         free * ADDRESS_FACTOR, most);

    if (wait) {
        return wait;
    }
    wait = mls_throttle_attempt(table, keys->account, now, free, most);
    if (wait) { /* nothing was tried */
        mls_throttle_success(table, keys->address, 0);
    }
    return wait;
}

static void refund(const mlh_request *request, const login_keys *keys)
{
    mls_throttle_success(request->state->throttle, keys->account, 1);
    mls_throttle_success(request->state->throttle, keys->address, 0);
}

/* ---- the same work for unknown users ---- */

static void spend(request_rec *r, apr_time_t started, const char *password)
{
    /* bcrypt of a text that nobody's password is (cost 5, as htpasswd -B). */
    static const char hash[] =
        "$2y$05$abcdefghijklmnopqrstuuWQo3fQ3rOhvL.6n5U2F3oLqV7nRzTGW";
    const mlh_request *request = mlh_request_of(r);
    const apr_time_t end =
        started + mls_throttle_cost(request->state->throttle);

    do {
        apr_password_validate(password, hash);
    } while (apr_time_now() + apr_time_from_msec(2) < end);
    if (apr_time_now() < end) {
        apr_sleep(end - apr_time_now());
    }
}

/* ---- providers ---- */

static authn_status ask(request_rec *r, const char *name, const char *user,
                        const char *password)
{
    const authn_provider *provider =
        ap_lookup_provider(AUTHN_PROVIDER_GROUP, name, AUTHN_PROVIDER_VERSION);

    if (!provider || !provider->check_password) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "MLServerAuthProvider %s: no such provider is loaded",
                      name);
        return AUTH_GENERAL_ERROR;
    }
    apr_table_setn(r->notes, AUTHN_PROVIDER_NAME_NOTE, name);
    r->user = apr_pstrdup(r->pool, user); /* it may make it canonical */
    const authn_status status = provider->check_password(r, user, password);

    apr_table_unset(r->notes, AUTHN_PROVIDER_NAME_NOTE);
    return status;
}

/* What asking all providers came to. */
typedef struct verdict {
    authn_status status;
    const char *provider; /* that decided, or that failed */
    const char *source;   /* whose user it is */
    int denied;           /* one knew the user, but not with this password */
} verdict;

/* The first provider that knows the user decides. One that cannot be asked
 * does not keep those behind it from vouching for theirs: the local account
 * works while the directory is down. */
static void ask_all(verdict *out, request_rec *r, const mlh_config *config,
                    const char *user, const char *password)
{
    *out = (verdict){ .status = AUTH_USER_NOT_FOUND, .provider = "none" };
    for (int i = 0; i < config->auth_providers->nelts; i++) {
        const char *entry =
            APR_ARRAY_IDX(config->auth_providers, i, const char *);

        if (!strcasecmp(entry, "none")) {
            continue;
        }
        const char *provider = mlh_provider_name(entry, r->pool);
        const authn_status status = ask(r, provider, user, password);

        if (status == AUTH_USER_NOT_FOUND) {
            continue;
        }
        out->denied |= status == AUTH_DENIED;
        if (status == AUTH_GRANTED || out->status == AUTH_USER_NOT_FOUND) {
            out->status = status;
            out->provider = provider;
            out->source = mlh_provider_source(entry, r->pool);
        }
        if (status == AUTH_GRANTED || status == AUTH_DENIED) {
            return;
        }
    }
}

/* The name as the directory has it: mod_authnz_ldap leaves the attributes of
 * AuthLDAPURL in AUTHENTICATE_..., and the directory took "ALICE" for
 * "alice". A name that AuthLDAPRemoteUserAttribute chose stays. */
typedef struct spelling {
    const char *user;
    const char *found;
    int count;
} spelling;

static int look_at_spelling(void *baton, const char *key, const char *value)
{
    spelling *s = baton;

    if (!strncmp(key, "AUTHENTICATE_", 13) && *value) {
        s->count++;
        if (!s->found || strcasecmp(value, s->user) == 0) {
            s->found = value;
        }
    }
    return 1;
}

static const char *canonical_name(request_rec *r, const char *user)
{
    spelling s = { .user = user };

    if (!r->user || strcmp(r->user, user) != 0) {
        return r->user ? r->user : user;
    }
    apr_table_do(look_at_spelling, &s, r->subprocess_env, NULL);
    /* Of several values ("a; b") or attributes only the same name counts. */
    if (s.found && (!strcasecmp(s.found, user) ||
                    (s.count == 1 && !strstr(s.found, "; ")))) {
        return apr_pstrdup(r->pool, s.found);
    }
    return user;
}

static int is_plausible(const char *user, const char *password)
{
    if (strlen(user) > NAME_LENGTH || strlen(password) > PASSWORD_LENGTH) {
        return 0;
    }
    for (const char *at = user; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return 0;
        }
    }
    return *user != '\0';
}

mlh_login_result mlh_password_check(request_rec *r, const char *user,
                                    const char *password,
                                    mls_subject *subject, unsigned *wait,
                                    const char **reason)
{
    const mlh_request *request = mlh_request_of(r);
    login_keys keys;

    *reason = "empty password";
    if (!*password) { /* an LDAP server takes it for an anonymous bind */
        return MLH_LOGIN_DENIED;
    }
    *reason = "impossible name or password";
    if (!is_plausible(user, password)) {
        return MLH_LOGIN_DENIED;
    }
    *reason = "throttled";
    *wait = charge(r, request, user, &keys);
    if (*wait) {
        return MLH_LOGIN_THROTTLED;
    }
    const apr_time_t started = apr_time_now();
    verdict said;

    user = mls_user_name(user, request->config->user_name, r->pool);
    ask_all(&said, r, request->config, user, password);
    const char *canonical = canonical_name(r, user);

    r->user = NULL; /* logging in authenticates no request */
    if (said.status == AUTH_GRANTED) {
        refund(request, &keys);
        subject->provider = said.source;
        subject->name = canonical;
        return MLH_LOGIN_GRANTED;
    }
    if (said.status == AUTH_DENIED) {
        mls_throttle_note_cost(request->state->throttle,
                               apr_time_now() - started);
        *reason = apr_pstrcat(r->pool, "denied by ", said.provider, NULL);
        return MLH_LOGIN_DENIED;
    }
    if (said.status == AUTH_USER_NOT_FOUND) {
        spend(r, started, password);
        *reason = "no provider knows the user";
        return MLH_LOGIN_DENIED;
    }
    if (!said.denied) { /* else guessing would be free while one is down */
        refund(request, &keys);
    }
    *reason = apr_pstrcat(r->pool, "provider ", said.provider, " failed",
                          NULL);
    return MLH_LOGIN_FAILED;
}
