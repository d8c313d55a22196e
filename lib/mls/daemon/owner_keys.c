/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: files of mode 0600 in STATE/keys, which only the owner reads.
 *
 *   <kid>.jwk                 the key that signs; "signing" has its kid
 *   <kid>.until-<seconds>.jwk a former one; its public part is still needed
 *   refresh.key               32 secret bytes that refresh tokens come from
 */

#include "daemon/owner_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/ident.h"
#include "daemon/files.h"

enum {
    SECRET = 32,
    FILE_MOST = 16384,
    PUBLIC_MOST = 1 << 20,
    KEY_FILES_MOST = 100,
    KEY_ID_MOST = 64 /* what verifying takes */
};

struct former {
    mls_jwt_key *key;
    int64_t until;
    const char *path;
};

struct mls_keys {
    const mls_paths *paths;
    apr_pool_t *pool;    /* of the keys as they are; replaced with them */
    apr_pool_t *parent;
    mls_jwt_key *signing;
    apr_array_header_t *former; /* struct former */
    unsigned char secret[SECRET];
};

static const char *key_path(const mls_keys *keys, const char *name,
                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, keys->paths->keys, "/", name, NULL);
}

static mls_err *read_key(mls_jwt_key **key, const char *path, apr_pool_t *pool)
{
    char *text;
    size_t length;

    *key = NULL;
    MLS_TRY(mls_file_read(&text, &length, path, FILE_MOST, pool));
    if (!text) {
        return NULL;
    }
    mls_err *err = mls_jwt_key_read(key, text, length, pool);
    OPENSSL_cleanse(text, length);
    return err ? mls_err_make(pool, MLS_ECORRUPT, err, "the key in %s", path)
               : NULL;
}

/* The key file first, then the name of it: a crash between leaves a file that
 * nobody names. */
static mls_err *put_signing(mls_keys *keys, mls_jwt_key *key,
                            apr_pool_t *pool)
{
    const char *kid = mls_jwt_key_id(key);
    const char *jwk;

    keys->signing = key;
    MLS_TRY(mls_jwt_key_private(&jwk, key, pool));
    MLS_TRY(mls_file_write(
        key_path(keys, apr_pstrcat(pool, kid, ".jwk", NULL), pool), jwk,
        strlen(jwk), 0600, pool));
    return mls_file_write(key_path(keys, "signing", pool), kid, strlen(kid),
                          0600, pool);
}

static mls_err *make_signing(mls_keys *keys, apr_pool_t *pool)
{
    mls_jwt_key *key;

    MLS_TRY(mls_jwt_key_make(&key, pool));
    return put_signing(keys, key, pool);
}

static mls_err *open_signing(mls_keys *keys, apr_pool_t *pool)
{
    char *kid;
    size_t length;

    MLS_TRY(mls_file_read(&kid, &length, key_path(keys, "signing", pool), 256,
                          pool));
    if (!kid) {
        return make_signing(keys, pool);
    }
    if (strchr(kid, '/')) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "%s/signing names no key", keys->paths->keys);
    }
    const char *path =
        key_path(keys, apr_pstrcat(pool, kid, ".jwk", NULL), pool);
    MLS_TRY(read_key(&keys->signing, path, pool));
    return keys->signing
               ? NULL
               : mls_err_make(pool, MLS_ECORRUPT, NULL,
                              "the signing key %s is missing: restore it from "
                              "a backup, or remove %s/signing to start with a "
                              "new key (everybody logs in again)",
                              path, keys->paths->keys);
}

/* <kid>.until-<seconds>.jwk; 0 for other names. */
static int64_t until_of(const char *name)
{
    const char *mark = strstr(name, ".until-");
    char *end;

    if (!mark) {
        return 0;
    }
    const int64_t until = strtoll(mark + 7, &end, 10);
    return strcmp(end, ".jwk") ? 0 : until;
}

static mls_err *open_former(mls_keys *keys, apr_pool_t *pool)
{
    DIR *directory = opendir(keys->paths->keys);
    const struct dirent *entry;
    mls_err *err = NULL;

    if (!directory) {
        return mls_err_apr(pool, errno, "read %s", keys->paths->keys);
    }
    keys->former = apr_array_make(pool, 2, sizeof(struct former));
    while (!err && (entry = readdir(directory))) {
        struct former former = { NULL, until_of(entry->d_name), NULL };
        if (!former.until || keys->former->nelts >= KEY_FILES_MOST) {
            continue;
        }
        former.path = key_path(keys, apr_pstrdup(pool, entry->d_name), pool);
        err = read_key(&former.key, former.path, pool);
        if (former.key) {
            APR_ARRAY_PUSH(keys->former, struct former) = former;
        }
    }
    closedir(directory);
    return err;
}

static mls_err *open_secret(mls_keys *keys, apr_pool_t *pool)
{
    const char *path = key_path(keys, "refresh.key", pool);
    char *data;
    size_t length;

    MLS_TRY(mls_file_read(&data, &length, path, SECRET, pool));
    if (!data) {
        MLS_TRY(mls_random_bytes(keys->secret, SECRET, pool));
        return mls_file_write(path, keys->secret, SECRET, 0600, pool);
    }
    if (length != SECRET) {
        return mls_err_make(pool, MLS_ECORRUPT, NULL,
                            "%s must have %d bytes", path, SECRET);
    }
    memcpy(keys->secret, data, SECRET);
    OPENSSL_cleanse(data, length);
    return NULL;
}

static mls_err *write_public(const mls_keys *keys, apr_pool_t *pool)
{
    mls_jwt_key **all = apr_palloc(
        pool, sizeof(*all) * (size_t)(keys->former->nelts + 1));
    const char *jwks;
    char *there;
    size_t length;

    all[0] = keys->signing;
    for (int i = 0; i < keys->former->nelts; i++) {
        all[i + 1] = APR_ARRAY_IDX(keys->former, i, struct former).key;
    }
    MLS_TRY(mls_jwt_key_set(&jwks, all, (size_t)keys->former->nelts + 1,
                            pool));
    /* The same again is not written: a full disk must not stop a start. */
    MLS_TRY(mls_file_read(&there, &length, keys->paths->jwks, PUBLIC_MOST,
                          pool));
    if (there && !strcmp(there, jwks)) {
        return NULL;
    }
    return mls_file_write(keys->paths->jwks, jwks, strlen(jwks), 0640, pool);
}

/* Read everything into a new pool; what was there before stays on failure. */
static mls_err *load(mls_keys *keys, apr_pool_t *scratch)
{
    mls_keys next = *keys;

    apr_pool_create(&next.pool, keys->parent);
    mls_err *err = open_signing(&next, next.pool);
    if (!err) {
        err = open_former(&next, next.pool);
    }
    if (!err) {
        err = write_public(&next, next.pool);
    }
    if (err) {
        err = mls_err_make(scratch, err->code, NULL, "%s",
                           mls_err_text(err, scratch));
        apr_pool_destroy(next.pool);
        return err;
    }
    if (keys->pool) {
        apr_pool_destroy(keys->pool);
    }
    *keys = next;
    return NULL;
}

mls_err *mls_keys_open(mls_keys **out, const mls_paths *paths,
                       apr_pool_t *pool)
{
    mls_keys *keys = apr_pcalloc(pool, sizeof(*keys));

    keys->paths = paths;
    keys->parent = pool;
    MLS_TRY(open_secret(keys, pool));
    MLS_TRY(load(keys, pool));
    *out = keys;
    return NULL;
}

const mls_jwt_key *mls_keys_signing(const mls_keys *keys)
{
    return keys->signing;
}

static const char *former_path(const mls_keys *keys, const char *kid,
                               int64_t until, apr_pool_t *pool)
{
    return key_path(keys,
                    apr_psprintf(pool, "%s.until-%" APR_INT64_T_FMT ".jwk",
                                 kid, (apr_int64_t)until),
                    pool);
}

static mls_err *check_room(const mls_keys *keys, apr_pool_t *pool)
{
    return keys->former->nelts < KEY_FILES_MOST
               ? NULL
               : mls_err_make(pool, MLS_EBUSY, NULL,
                              "%d former keys are still in use",
                              keys->former->nelts);
}

/* The public set with the new key is out before the key signs, so that no
 * child meets a token whose key it cannot find. */
static mls_err *replace_signing(mls_keys *keys, mls_jwt_key *key,
                                int64_t until, apr_pool_t *scratch)
{
    mls_keys next = *keys;
    const char *kid = mls_jwt_key_id(keys->signing);
    const char *old =
        key_path(keys, apr_pstrcat(scratch, kid, ".jwk", NULL), scratch);

    MLS_TRY(check_room(keys, scratch));
    if (link(old, former_path(keys, kid, until, scratch))
        && errno != EEXIST) {
        return mls_err_apr(scratch, errno, "keep the key %s", old);
    }
    MLS_TRY(put_signing(&next, key, scratch));
    MLS_TRY(load(keys, scratch));
    unlink(old);
    return NULL;
}

mls_err *mls_keys_rotate(mls_keys *keys, int64_t until, apr_pool_t *scratch)
{
    mls_jwt_key *key;

    MLS_TRY(mls_jwt_key_make(&key, scratch));
    return replace_signing(keys, key, until, scratch);
}

/* A private key from outside. Its id becomes a file's name. */
static mls_err *read_foreign(mls_jwt_key **key, const char *jwk,
                             apr_pool_t *pool)
{
    MLS_TRY(mls_jwt_key_read(key, jwk, strlen(jwk), pool));
    const char *kid = mls_jwt_key_id(*key);

    if (strspn(kid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789_-") != strlen(kid) || !*kid
        || strlen(kid) > KEY_ID_MOST) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "the key's id is not one that a server of ours "
                            "gives");
    }
    return NULL;
}

mls_err *mls_keys_import(mls_keys *keys, const char *jwk, int64_t until,
                         apr_pool_t *scratch)
{
    mls_jwt_key *key;

    MLS_TRY(read_foreign(&key, jwk, scratch));
    return strcmp(mls_jwt_key_id(key), mls_jwt_key_id(keys->signing))
               ? replace_signing(keys, key, until, scratch)
               : NULL;
}

mls_err *mls_keys_trust(mls_keys *keys, const char *jwk, int64_t until,
                        apr_pool_t *scratch)
{
    mls_jwt_key *key;
    const char *own;

    MLS_TRY(read_foreign(&key, jwk, scratch));
    MLS_TRY(check_room(keys, scratch));
    MLS_TRY(mls_jwt_key_private(&own, key, scratch));
    MLS_TRY(mls_file_write(
        former_path(keys, mls_jwt_key_id(key), until, scratch), own,
        strlen(own), 0600, scratch));
    return load(keys, scratch);
}

mls_err *mls_keys_sweep(mls_keys *keys, int64_t now, apr_pool_t *scratch)
{
    int over = 0;

    for (int i = 0; i < keys->former->nelts; i++) {
        const struct former *former =
            &APR_ARRAY_IDX(keys->former, i, struct former);
        if (former->until < now) {
            over++;
            unlink(former->path);
        }
    }
    return over ? load(keys, scratch) : NULL;
}

mls_err *mls_keys_successor(unsigned char out[32], const mls_keys *keys,
                            const void *token, size_t length, apr_pool_t *pool)
{
    unsigned out_length = SECRET;

    if (!HMAC(EVP_sha256(), keys->secret, SECRET, token, length, out,
              &out_length)) {
        return mls_err_make(pool, MLS_EOTHER, NULL, "HMAC failed");
    }
    return NULL;
}
