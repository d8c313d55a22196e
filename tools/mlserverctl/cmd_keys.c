/* SPDX-License-Identifier: Apache-2.0 */
/* keys rotate, export, import, trust: what tokens are signed with. */

#include "ctl.h"

#include <errno.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>

#include "daemon/files.h"
#include "registry/remote/registry_client.h"

enum { FILE_MOST = 16384 };

/* One operation on keys; `key` is a private key's text, or NULL. */
static mls_err *ask(const char **signing, ctl *c, const char *op,
                    const char *key)
{
    mls_json *request = mls_json_object(c->pool);
    mls_json *answer;

    mls_json_set_string(request, "op", op);
    if (key) {
        mls_json_set_string(request, "key", key);
    }
    MLS_TRY(mls_registry_write(&answer, c->registry, request, c->pool));
    *signing = mls_json_string(answer, "signingKey");
    return NULL;
}

static mls_err *rotate(ctl *c)
{
    const char *signing;

    MLS_TRY(ask(&signing, c, "keys.rotate", NULL));
    printf("new tokens are signed with key %s; the former key is accepted "
           "until its tokens are over\n", signing);
    return NULL;
}

static const char *key_path(const ctl *c, const char *name)
{
    return apr_pstrcat(c->pool, c->paths.keys, "/", name, NULL);
}

/* The key that signs, as it lies in the state; works with a stopped server. */
static mls_err *export(ctl *c, const char *target)
{
    char *kid;
    size_t length;

    MLS_TRY(mls_file_read(&kid, &length, key_path(c, "signing"), 256,
                          c->pool));
    if (!kid || strchr(kid, '/')) {
        return mls_err_make(c->pool, MLS_ENOTFOUND, NULL,
                            "the state has no signing key yet: start the "
                            "server once");
    }
    MLS_TRY(ctl_copy_file(
        c, key_path(c, apr_pstrcat(c->pool, kid, ".jwk", NULL)), target, 0600,
        0, c->pool));
    printf("%s holds the private key %s: whoever reads it can sign tokens; "
           "remove it when the other servers have it\n", target, kid);
    return NULL;
}

static mls_err *take(ctl *c, const char *op, const char *source)
{
    const char *signing;
    char *key;
    size_t length;

    MLS_TRY(mls_file_read(&key, &length, source, FILE_MOST, c->pool));
    if (!key) {
        return mls_err_make(c->pool, MLS_EINVALID, NULL, "%s: %s", source,
                            strerror(ENOENT));
    }
    mls_err *err = ask(&signing, c, op, key);

    OPENSSL_cleanse(key, length);
    if (err && err->code == MLS_EINVALID) {
        return mls_err_make(c->pool, MLS_EINVALID, err,
                            "%s is not a signing key", source);
    }
    MLS_TRY(err);
    printf("new tokens are signed with key %s\n", signing);
    return NULL;
}

mls_err *ctl_keys(ctl *c, int count, char **words)
{
    if (count == 1 && !strcmp(words[0], "rotate")) {
        return rotate(c);
    }
    if (count == 2 && !strcmp(words[0], "export")) {
        return export(c, words[1]);
    }
    if (count == 2 && !strcmp(words[0], "import")) {
        return take(c, "keys.import", words[1]);
    }
    if (count == 2 && !strcmp(words[0], "trust")) {
        return take(c, "keys.trust", words[1]);
    }
    return mls_err_make(c->pool, MLS_EINVALID, NULL,
                        "usage: mlserverctl keys rotate | keys export FILE | "
                        "keys import FILE | keys trust FILE");
}
