/* SPDX-License-Identifier: Apache-2.0 */
/* Put, open, delete: temporary name, sync, rename. */

#include "blob/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/hash.h"
#include "base/ident.h"

enum { CHUNK = 256 * 1024 };

int mls_blob_name_valid(const char *name)
{
    return strlen(name) == MLS_BLOB_NAME
           && strspn(name, "0123456789abcdef") == MLS_BLOB_NAME;
}

static const char *folder_of(const mls_blob_store *store, const char *digest,
                             apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/%.2s", store->root, digest);
}

const char *mls_blob_path(const mls_blob_store *store, const char *digest,
                          apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/%.2s/%s", store->root, digest, digest);
}

mls_err *mls_blob_lock(int *fd, const mls_blob_store *store, int alone,
                       apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, store->temporary, "/LOCK", NULL);

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return mls_err_apr(pool, errno, "open %s", path);
    }
    while (flock(*fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH)) {
        const int reason = errno;
        if (reason == EINTR) {
            continue;
        }
        close(*fd);
        *fd = -1;
        return reason == EWOULDBLOCK
                   ? NULL : mls_err_apr(pool, reason, "lock %s", path);
    }
    return NULL;
}

/* ---- writing ---- */

static apr_status_t abandon_at_end(void *data)
{
    mls_blob_abandon(data);
    return APR_SUCCESS;
}

mls_err *mls_blob_begin(mls_blob_temporary **out, const mls_blob_store *store,
                        apr_pool_t *pool)
{
    mls_blob_temporary *temporary = apr_pcalloc(pool, sizeof(*temporary));
    char *path = apr_pstrcat(pool, store->temporary, "/XXXXXX", NULL);

    temporary->store = store;
    temporary->fd = mkostemp(path, O_CLOEXEC);
    if (temporary->fd < 0) {
        return mls_err_apr(pool, errno, "make a file in %s",
                           store->temporary);
    }
    temporary->path = path;
    apr_pool_cleanup_register(pool, temporary, abandon_at_end,
                              apr_pool_cleanup_null);
    *out = temporary;
    return NULL;
}

void mls_blob_abandon(mls_blob_temporary *temporary)
{
    if (temporary->fd >= 0) {
        close(temporary->fd);
        temporary->fd = -1;
    }
    if (temporary->path) {
        unlink(temporary->path);
        temporary->path = NULL;
    }
}

static mls_err *sync_folder(const char *path, apr_pool_t *pool)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return mls_err_apr(pool, errno, "open %s", path);
    }
    const int bad = fsync(fd) ? errno : 0;
    close(fd);
    return bad ? mls_err_apr(pool, bad, "sync %s", path) : NULL;
}

static mls_err *make_folder(const mls_blob_store *store, const char *digest,
                            apr_pool_t *pool)
{
    const char *folder = folder_of(store, digest, pool);

    if (!mkdir(folder, store->folder_mode)) {
        return sync_folder(store->root, pool);
    }
    return errno == EEXIST ? NULL
                           : mls_err_apr(pool, errno, "make %s", folder);
}

/* Under the shared lock no sweep runs: what is there and gets a new time now
 * will not be swept before its record names it. */
static mls_err *place(const mls_blob_temporary *temporary, const char *digest,
                      apr_pool_t *pool)
{
    const mls_blob_store *store = temporary->store;
    const char *path = mls_blob_path(store, digest, pool);

    if (!utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW)) {
        unlink(temporary->path);
        return NULL;
    }
    MLS_TRY(make_folder(store, digest, pool));
    if (rename(temporary->path, path)) {
        return mls_err_apr(pool, errno, "rename to %s", path);
    }
    return sync_folder(folder_of(store, digest, pool), pool);
}

static mls_err *finish(mls_blob_temporary *temporary, apr_pool_t *pool)
{
    int lock;

    if (!temporary->digest) {
        MLS_TRY(mls_blob_digest(&temporary->digest, &temporary->size,
                                temporary->fd, pool));
    }
    if (fchmod(temporary->fd, temporary->store->file_mode)
        || fsync(temporary->fd)) {
        return mls_err_apr(pool, errno, "sync %s", temporary->path);
    }
    MLS_TRY(mls_blob_lock(&lock, temporary->store, 0, pool));
    mls_err *err = place(temporary, temporary->digest, pool);
    close(lock);
    if (!err) {
        temporary->path = NULL;
    }
    return err;
}

mls_err *mls_blob_commit(const char **digest, int64_t *size,
                         mls_blob_temporary *temporary, apr_pool_t *pool)
{
    mls_err *err = finish(temporary, pool);

    mls_blob_abandon(temporary);
    *digest = temporary->digest;
    *size = temporary->size;
    return err;
}

static mls_err *write_all(int fd, const char *data, size_t length,
                          apr_pool_t *pool)
{
    while (length) {
        const ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return mls_err_apr(pool, errno, "store a file");
        }
        data += written;
        length -= (size_t)written;
    }
    return NULL;
}

static mls_err *too_large(apr_pool_t *pool, int64_t most)
{
    return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                        "the file has more than the %" APR_INT64_T_FMT
                        " bytes that are allowed", (apr_int64_t)most);
}

/* Copy (when out is not -1) and digest. The source may change while it is
 * read; then the digest is of what was read. */
static mls_err *pump(const char **digest, int64_t *size, int out, int source,
                     int64_t most, apr_pool_t *pool)
{
    unsigned char sum[MLS_SHA256];
    char *chunk = apr_palloc(pool, CHUNK);
    mls_sha256_stream *stream;

    MLS_TRY(mls_sha256_begin(&stream, pool));
    *size = 0;
    for (;;) {
        const ssize_t got = pread(source, chunk, CHUNK, *size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return mls_err_apr(pool, errno, "read a file");
        }
        if (got == 0) {
            break;
        }
        *size += got;
        if (*size > most) {
            return too_large(pool, most);
        }
        MLS_TRY(mls_sha256_add(stream, chunk, (size_t)got));
        if (out >= 0) {
            MLS_TRY(write_all(out, chunk, (size_t)got, pool));
        }
    }
    MLS_TRY(mls_sha256_finish(stream, sum));
    *digest = mls_hex(sum, sizeof(sum), pool);
    return NULL;
}

mls_err *mls_blob_digest(const char **digest, int64_t *size, int fd,
                         apr_pool_t *pool)
{
    return pump(digest, size, -1, fd, INT64_MAX, pool);
}

mls_err *mls_blob_fill(mls_blob_temporary *temporary, int source, int64_t most,
                       apr_pool_t *pool)
{
    struct stat status;

    if (fstat(source, &status) || !S_ISREG(status.st_mode)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "what is to be stored is no regular file");
    }
    if (status.st_size > most) {
        return too_large(pool, most);
    }
    return pump(&temporary->digest, &temporary->size, temporary->fd, source,
                most, pool);
}

mls_err *mls_blob_put(const char **digest, int64_t *size,
                      const mls_blob_store *store, int source, int64_t most,
                      apr_pool_t *pool)
{
    mls_blob_temporary *temporary;

    MLS_TRY(mls_blob_begin(&temporary, store, pool));
    mls_err *err = mls_blob_fill(temporary, source, most, pool);
    if (err) {
        mls_blob_abandon(temporary);
        return err;
    }
    return mls_blob_commit(digest, size, temporary, pool);
}

/* ---- reading ---- */

static mls_err *check(int fd, const char *digest, const char *path,
                      apr_pool_t *pool)
{
    const char *found;
    int64_t size;

    MLS_TRY(mls_blob_digest(&found, &size, fd, pool));
    return strcmp(found, digest)
               ? mls_err_make(pool, MLS_ECORRUPT, NULL,
                              "%s does not hold what its name says", path)
               : NULL;
}

mls_err *mls_blob_open(int *fd, const mls_blob_store *store,
                       const char *digest, int verify, apr_pool_t *pool)
{
    *fd = -1;
    if (!mls_blob_name_valid(digest)) {
        return mls_err_make(pool, MLS_EINVALID, NULL, "%s is no digest",
                            digest);
    }
    const char *path = mls_blob_path(store, digest, pool);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) {
        return errno == ENOENT
                   ? mls_err_make(pool, MLS_ENOTFOUND, NULL,
                                  "there is no %s", path)
                   : mls_err_apr(pool, errno, "open %s", path);
    }
    mls_err *err = verify ? check(*fd, digest, path, pool) : NULL;
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

mls_err *mls_blob_delete(const mls_blob_store *store, const char *digest,
                         apr_pool_t *pool)
{
    const char *path = mls_blob_path(store, digest, pool);

    if (unlink(path) && errno != ENOENT) {
        return mls_err_apr(pool, errno, "remove %s", path);
    }
    return NULL;
}
