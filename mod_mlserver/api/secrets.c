/* SPDX-License-Identifier: Apache-2.0 */
/* What may be a secret, by the name it has, the place it stands in, or its
 * form. Nobody can list the directives of all modules, so the rules go by
 * words. */

#include "api/secrets.h"

#include <ctype.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

static const char hidden[] = "***";

/* ---- names ---- */

/* Is there such a part in `text` (of `length` bytes), whatever its case? */
static int contains(const char *text, size_t length, const char *part)
{
    const size_t size = strlen(part);

    for (size_t i = 0; size <= length && i <= length - size; i++) {
        if (!strncasecmp(text + i, part, size)) {
            return 1;
        }
    }
    return 0;
}

static int names_secret(const char *text, size_t length)
{
    static const char *const parts[] = {
        "passw", "pwd", "passphrase", "secret", "credential", "token",
        "apikey", "api_key", "api-key", "privatekey", "private_key",
        "authorization", "cookie", "bindpass", "dbdparams",
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (contains(text, length, parts[i])) {
            return 1;
        }
    }
    return length >= 4 && !strncasecmp(text + length - 4, "pass", 4);
}

/* ---- forms ---- */

/* Length of the userinfo's password in a URL at `text`, and where it begins:
 * scheme://user:password@ ; 0 when there is none. */
static size_t url_password(const char **at, const char *text)
{
    const char *authority = strstr(text, "://");
    const char *end = authority ? authority + 3 + strcspn(authority + 3,
                                                         "/?# \t\"'")
                                : NULL;
    const char *sign = NULL;
    const char *colon;

    for (const char *c = end; c && c > authority; c--) {
        if (*c == '@') {
            sign = c;
            break;
        }
    }
    colon = sign ? memchr(authority + 3, ':', (size_t)(sign - authority - 3))
                 : NULL;
    if (!colon) {
        return 0;
    }
    *at = colon + 1;
    return (size_t)(sign - colon - 1);
}

static const char *mask_urls(const char *text, apr_pool_t *pool)
{
    const char *done = "";
    const char *at;

    for (;;) {
        const char *next = strstr(text, "://");

        if (!next) {
            return apr_pstrcat(pool, done, text, NULL);
        }
        const size_t length = url_password(&at, text);

        if (!length) {
            done = apr_pstrcat(pool, done,
                               apr_pstrmemdup(pool, text,
                                              (size_t)(next + 3 - text)),
                               NULL);
            text = next + 3;
            continue;
        }
        done = apr_pstrcat(pool, done,
                           apr_pstrmemdup(pool, text, (size_t)(at - text)),
                           hidden, NULL);
        text = at + length;
    }
}

/* A JSON web token, or what comes after "Bearer " or "Basic ": base64 of some
 * length with dots in it or without. */
static int is_token_character(char c)
{
    return apr_isalnum(c) || strchr("-_.+/=~", c);
}

static size_t token_length(const char *text)
{
    size_t length = 0;

    while (text[length] && is_token_character(text[length])) {
        length++;
    }
    return length;
}

static int is_token(const char *text, size_t length)
{
    const char *dot = length > 40 && !strncmp(text, "eyJ", 3)
                          ? memchr(text, '.', length)
                          : NULL;

    return dot && memchr(dot + 1, '.', length - (size_t)(dot + 1 - text));
}

/* ---- key=value ---- */

/* Begins a value at `text` whose key, before '=' or ':', names a secret? The
 * key is the word that ends there. */
static int is_secret_value(const char *line, const char *text)
{
    const char *end = text - 1;
    const char *begin;

    if (text == line || (*end != '=' && *end != ':')) {
        return 0;
    }
    while (end > line && (end[-1] == '"' || end[-1] == ' ')) {
        end--;
    }
    begin = end;
    while (begin > line && (apr_isalnum(begin[-1]) || begin[-1] == '_' ||
                            begin[-1] == '-')) {
        begin--;
    }
    return begin < end && names_secret(begin, (size_t)(end - begin));
}

/* To the end of a quoted value, or of a word. */
static size_t value_length(const char *text)
{
    if (*text == '"' || *text == '\'') {
        const char *end = strchr(text + 1, *text);

        return end ? (size_t)(end + 1 - text) : strlen(text);
    }
    return strcspn(text, " \t,;&\"'");
}

static int follows_scheme(const char *line, const char *text)
{
    return (text - line >= 7 && !strncasecmp(text - 7, "bearer ", 7)) ||
           (text - line >= 6 && !strncasecmp(text - 6, "basic ", 6));
}

/* Length of the secret that begins at `text`; 0: none does. */
static size_t secret_at(const char *line, const char *text)
{
    const size_t length = token_length(text);

    if (is_secret_value(line, text)) {
        const size_t blank = *text == ' '; /* "password: x" */

        return blank + value_length(text + blank);
    }
    if (follows_scheme(line, text) ||
        ((text == line || !is_token_character(text[-1])) &&
         is_token(text, length))) {
        return length;
    }
    return 0;
}

const char *mlh_mask_line(const char *line, apr_pool_t *pool)
{
    const char *source = mask_urls(line, pool);
    char *masked = apr_palloc(pool, strlen(source) * 4 + 1);
    char *out = masked;

    for (const char *at = source; *at;) {
        const size_t length = secret_at(source, at);

        if (length) {
            memcpy(out, hidden, sizeof(hidden) - 1);
            out += sizeof(hidden) - 1;
            at += length;
        }
        else {
            *out++ = *at++;
        }
    }
    *out = '\0';
    return masked;
}

/* ---- directives ---- */

/* Directives whose first word is the name of a value. */
static int defines(const char *name)
{
    static const char *const names[] = { "SetEnv", "Define", "SetEnvIf",
                                         "SetEnvIfNoCase", "SetEnvIfExpr",
                                         "Header", "RequestHeader",
                                         "BrowserMatch" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcasecmp(name, names[i])) {
            return 1;
        }
    }
    return 0;
}

const char *mlh_mask_arguments(const char *name, const char *arguments,
                               apr_pool_t *pool)
{
    const size_t length = strlen(arguments);

    if (!strncasecmp(name, "MLServer", 8)) { /* ours hold no secrets */
        return mask_urls(arguments, pool);
    }
    if ((names_secret(name, strlen(name)) &&
         strcasecmp(name, "ServerTokens") != 0) || !strcasecmp(name, "Use") ||
        (defines(name) && names_secret(arguments, length))) {
        return length ? hidden : "";
    }
    return mlh_mask_line(arguments, pool);
}
