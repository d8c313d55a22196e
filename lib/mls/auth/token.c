/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens in httpd's children: remembered or verified, then checked
 * against what is revoked. */

#include "auth/token.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "auth/jwt.h"
#include "auth/token_memory.h"

static_assert((int)MLS_JWT_FAMILY == (int)MLS_INDEX_FAMILY,
              "one size of family");

enum { KEYS_FILE_MAX = 64 * 1024 };

/* A key set with its pool, to be replaced as a whole. */
typedef struct key_set {
    mls_jwt_keys *keys;
    apr_pool_t *pool;
} key_set;

/* Tells versions of the file apart; it is only ever replaced by rename. */
typedef struct file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
} file_identity;

struct mls_token_verifier {
    mls_index *index;
    const char *audience; /* NULL: the state's id */
    mls_token_memory *memory;
    const char *path;
    _Atomic(key_set *) keys;   /* NULL until the file could be read */
    apr_thread_mutex_t *mutex; /* guards reading it, and what follows */
    file_identity seen;
};

/* ---- keys ---- */

static void release_set(void *baton)
{
    key_set *set = baton;

    apr_pool_destroy(set->pool); /* which holds the set itself */
}

static apr_status_t close_verifier(void *baton)
{
    mls_token_verifier *verifier = baton;
    key_set *set = atomic_load(&verifier->keys);

    if (set) {
        release_set(set);
    }
    return APR_SUCCESS;
}

static file_identity identity_of(const struct stat *st)
{
    file_identity id;

    memset(&id, 0, sizeof(id)); /* compared with memcmp */
    id.device = st->st_dev;
    id.inode = st->st_ino;
    id.size = st->st_size;
    id.modified = st->st_mtim;
    id.changed = st->st_ctim;
    return id;
}

static mls_err *read_file(char **out, size_t *length, const char *path,
                          apr_pool_t *pool)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return mls_err_apr(pool, errno, "cannot open %s", path);
    }
    char *text = apr_palloc(pool, KEYS_FILE_MAX + 1);
    size_t have = 0;
    ssize_t got;
    while ((got = read(fd, text + have, KEYS_FILE_MAX + 1 - have)) > 0) {
        have += (size_t)got;
    }
    const int status = errno;
    close(fd);
    if (got < 0) {
        return mls_err_apr(pool, status, "cannot read %s", path);
    }
    if (have > KEYS_FILE_MAX) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "%s is larger than %d bytes", path,
                            KEYS_FILE_MAX);
    }
    *out = text;
    *length = have;
    return NULL;
}

static mls_err *read_set(key_set **out, const char *path, apr_pool_t *pool)
{
    key_set *set = apr_palloc(pool, sizeof(*set));
    char *text = NULL;
    size_t length = 0;

    set->pool = pool;
    MLS_TRY(read_file(&text, &length, path, pool));
    MLS_TRY(mls_jwt_keys_read(&set->keys, text, length, pool));
    *out = set;
    return NULL;
}

/* With the mutex held: read the file when it is another than last time. Then
 * a flood of made-up key ids costs one stat each. */
static mls_err *refresh(mls_token_verifier *verifier, apr_pool_t *scratch)
{
    struct stat st;
    apr_pool_t *pool;
    key_set *set = NULL;

    if (stat(verifier->path, &st) != 0) {
        return mls_err_apr(scratch, errno, "cannot look at %s",
                           verifier->path);
    }
    const file_identity now = identity_of(&st);
    if (memcmp(&now, &verifier->seen, sizeof(now)) == 0) {
        return NULL;
    }
    const apr_status_t status = apr_pool_create(&pool, NULL);
    if (status != APR_SUCCESS) {
        return mls_err_apr(scratch, status, "cannot create a pool");
    }
    mls_err *err = read_set(&set, verifier->path, pool);
    if (err) {
        err = mls_err_make(scratch, err->code, NULL, "%s: %s", verifier->path,
                           mls_err_text(err, scratch));
        apr_pool_destroy(pool);
        return err;
    }
    verifier->seen = now;
    key_set *old = atomic_exchange(&verifier->keys, set);
    if (old) {
        mls_epoch_retire(mls_index_epochs(verifier->index), release_set, old);
    }
    return NULL;
}

static mls_err *refresh_locked(mls_token_verifier *verifier,
                               apr_pool_t *scratch)
{
    apr_thread_mutex_lock(verifier->mutex);
    mls_err *err = refresh(verifier, scratch);
    apr_thread_mutex_unlock(verifier->mutex);
    return err;
}

mls_err *mls_token_verifier_create(mls_token_verifier **out,
                                   const char *jwks_path, mls_index *index,
                                   unsigned slots, apr_pool_t *pool)
{
    mls_token_verifier *verifier = apr_pcalloc(pool, sizeof(*verifier));

    verifier->index = index;
    verifier->path = apr_pstrdup(pool, jwks_path);
    MLS_TRY(mls_token_memory_create(&verifier->memory, slots, pool));
    const apr_status_t status = apr_thread_mutex_create(
        &verifier->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS) {
        return mls_err_apr(pool, status, "cannot create a mutex");
    }
    apr_pool_cleanup_register(pool, verifier, close_verifier,
                              apr_pool_cleanup_null);
    /* The file may be made later: then the first token reads it. */
    (void)refresh_locked(verifier, pool);
    *out = verifier;
    return NULL;
}

void mls_token_verifier_set_audience(mls_token_verifier *verifier,
                                     const char *audience)
{
    verifier->audience = audience;
}

/* ---- tokens ---- */

static mls_err *verify_with(mls_jwt_claims *out, int *unknown,
                            mls_token_verifier *verifier, const char *token,
                            size_t length, int64_t now, apr_pool_t *pool)
{
    const key_set *set = atomic_load_explicit(&verifier->keys,
                                              memory_order_acquire);

    return mls_jwt_verify(out, unknown, set ? set->keys : NULL, token, length,
                          verifier->audience
                              ? verifier->audience
                              : mls_index_state_id(verifier->index),
                          now, pool);
}

/* A token whose key is not known may be signed with a newer key. */
static mls_err *verify_afresh(mls_jwt_claims *out,
                              mls_token_verifier *verifier,
                              const char *token, size_t length, int64_t now,
                              apr_pool_t *pool)
{
    int unknown = 0;
    mls_err *err = verify_with(out, &unknown, verifier, token, length, now,
                               pool);

    if (!unknown) {
        return err;
    }
    mls_err *cause = refresh_locked(verifier, pool);
    if (cause && !atomic_load(&verifier->keys)) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, cause,
                            "tokens cannot be verified without public keys");
    }
    return verify_with(out, &unknown, verifier, token, length, now, pool);
}

/* Copied when both fit; otherwise the token is verified each time. */
static int fill_record(mls_token_record *out, const mls_jwt_claims *claims,
                       mls_index *index)
{
    const size_t provider = strlen(claims->provider);
    const size_t name = strlen(claims->name);

    memcpy(out->family, claims->family, MLS_INDEX_FAMILY);
    out->key_id = mls_index_key_id(index);
    mls_index_subject(index, claims->provider, claims->name, out->subject);
    out->issued = claims->issued;
    out->expires = claims->expires;
    if (provider + name + 2 > sizeof(out->text)) {
        return 0;
    }
    out->provider_length = provider;
    out->name_length = name;
    memcpy(out->text, claims->provider, provider + 1);
    memcpy(out->text + provider + 1, claims->name, name + 1);
    return 1;
}

static mls_err *check_now(const mls_token_verifier *verifier,
                          const mls_token_record *record, int64_t now,
                          apr_pool_t *pool)
{
    if (now >= record->expires) {
        return mls_err_make(pool, MLS_EUNAUTHORIZED, NULL,
                            "token refused: it has expired");
    }
    if (mls_index_revoked(verifier->index, record->family, record->subject,
                          record->issued)) {
        return mls_err_make(pool, MLS_EUNAUTHORIZED, NULL,
                            "token refused: it was revoked");
    }
    return NULL;
}

static void fill_identity(mls_identity *out, const mls_token_record *record,
                          const char *provider, const char *name)
{
    out->subject.provider = provider;
    out->subject.name = name;
    memcpy(out->family, record->family, MLS_INDEX_FAMILY);
    out->issued = record->issued;
    out->expires = record->expires;
}

mls_err *mls_token_verify(mls_identity *out, mls_token_verifier *verifier,
                          const char *token, size_t length, int64_t now,
                          apr_pool_t *pool)
{
    mls_token_record record;
    mls_jwt_claims claims;

    if (mls_token_memory_find(&record, verifier->memory, token, length)
        && record.key_id == mls_index_key_id(verifier->index)) {
        MLS_TRY(check_now(verifier, &record, now, pool));
        char *text = apr_pmemdup(pool, record.text, record.provider_length
                                                    + record.name_length + 2);
        fill_identity(out, &record, text, text + record.provider_length + 1);
        return NULL;
    }
    MLS_TRY(verify_afresh(&claims, verifier, token, length, now, pool));
    const int fits = fill_record(&record, &claims, verifier->index);
    MLS_TRY(check_now(verifier, &record, now, pool));
    if (fits) {
        mls_token_memory_put(verifier->memory, token, length, &record, now);
    }
    fill_identity(out, &record, apr_pstrdup(pool, claims.provider),
                  apr_pstrdup(pool, claims.name));
    return NULL;
}
