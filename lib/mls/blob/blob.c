/* SPDX-License-Identifier: Apache-2.0 */
/* Put, open, delete content-addressed files. */

#include "blob/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/evp.h>

#include "base/ident.h"

enum { CHUNK = 1 << 18, DIGEST = 32 };

const char *mls_blob_path(const char *folder, const char *name,
                          apr_pool_t *pool)
{
    unsigned char digest[DIGEST];

    if (!name || strlen(name) != MLS_BLOB_NAME
        || !mls_hex_decode(digest, sizeof(digest), name)) {
        return NULL;
    }
    return apr_psprintf(pool, "%s/%.2s/%s", folder, name, name);
}

/* Digest `in` from its start; copies to `out` unless that is -1. */
static mls_err *copy_and_digest(unsigned char digest[DIGEST],
                                apr_int64_t *size, int in, int out,
                                apr_int64_t maximum, apr_pool_t *pool)
{
    char *chunk = apr_palloc(pool, CHUNK);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    mls_err *err = NULL;
    ssize_t got;

    *size = 0;
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    while ((got = pread(in, chunk, CHUNK, *size)) > 0 && !err) {
        EVP_DigestUpdate(context, chunk, (size_t)got);
        *size += got;
        if (maximum > 0 && *size > maximum) {
            err = mls_err_make(pool, MLS_ETOOLARGE, NULL,
                               "the file is larger than the limit of "
                               "%" APR_INT64_T_FMT " bytes",
                               maximum);
        }
        for (ssize_t put = 0; out >= 0 && !err && put < got;) {
            const ssize_t more = write(out, chunk + put, (size_t)(got - put));
            if (more < 0 && errno != EINTR) {
                err = mls_err_apr(pool, errno, "cannot store the file");
            }
            put += more > 0 ? more : 0;
        }
    }
    if (got < 0 && !err) {
        err = mls_err_apr(pool, errno, "cannot read the file");
    }
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    return err;
}

static mls_err *check_space(const char *folder, int fd, apr_int64_t reserve,
                            apr_pool_t *pool)
{
    struct statvfs space;
    struct stat file;

    if (statvfs(folder, &space) != 0 || fstat(fd, &file) != 0) {
        return NULL; /* writing will tell */
    }
    const apr_int64_t left =
        (apr_int64_t)space.f_bavail * (apr_int64_t)space.f_frsize;
    if (left - file.st_size < reserve) {
        return mls_err_make(pool, MLS_ENOSPACE, NULL,
                            "the server's disk is full: %" APR_INT64_T_FMT
                            " MB are free, of which %" APR_INT64_T_FMT
                            " MB are kept in reserve",
                            left >> 20, reserve >> 20);
    }
    return NULL;
}

static void sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static mls_err *rename_into_place(const char *temporary, const char *folder,
                                  const char *name, mode_t mode,
                                  apr_pool_t *pool)
{
    const char *path = mls_blob_path(folder, name, pool);
    const char *parent = apr_psprintf(pool, "%s/%.2s", folder, name);
    const mode_t folder_mode = mode & 0040 ? 0750 : 0700;

    if (mkdir(parent, folder_mode) == 0) {
        chmod(parent, folder_mode);
        sync_folder(folder);
    }
    else if (errno != EEXIST) {
        return mls_err_apr(pool, errno, "cannot make %s", parent);
    }
    if (rename(temporary, path) != 0) {
        return mls_err_apr(pool, errno, "cannot name %s", path);
    }
    sync_folder(parent);
    return NULL;
}

mls_err *mls_blob_put(const char **name, apr_int64_t *size,
                      const char *folder, int fd, apr_int64_t maximum,
                      apr_int64_t reserve, mode_t mode, apr_pool_t *pool)
{
    unsigned char digest[DIGEST];
    const char *guid;

    MLS_TRY(check_space(folder, fd, reserve, pool));
    MLS_TRY(mls_guid_make(&guid, pool));
    const char *temporary = apr_psprintf(pool, "%s/tmp-%s", folder, guid);
    const int out = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         mode);
    if (out < 0) {
        return mls_err_apr(pool, errno, "cannot make %s", temporary);
    }
    mls_err *err = copy_and_digest(digest, size, fd, out, maximum, pool);
    if (!err && (fchmod(out, mode) != 0 || fsync(out) != 0)) {
        err = mls_err_apr(pool, errno, "cannot store the file");
    }
    close(out);
    *name = mls_hex(digest, sizeof(digest), pool);
    if (!err) {
        err = rename_into_place(temporary, folder, *name, mode, pool);
    }
    if (err) {
        unlink(temporary);
    }
    return err;
}

mls_err *mls_blob_open(int *fd, const char *folder, const char *name,
                       apr_pool_t *pool)
{
    const char *path = mls_blob_path(folder, name, pool);
    unsigned char digest[DIGEST];
    apr_int64_t size;

    *fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (*fd < 0) {
        return path && errno != ENOENT
                   ? mls_err_apr(pool, errno, "cannot open %s", path)
                   : mls_err_make(pool, MLS_ENOTFOUND, NULL,
                                  "there is no blob %s", name);
    }
    mls_err *err = copy_and_digest(digest, &size, *fd, -1, 0, pool);
    if (!err && strcmp(mls_hex(digest, sizeof(digest), pool), name) != 0) {
        err = mls_err_make(pool, MLS_ECORRUPT, NULL,
                           "the blob %s does not have the bytes that its name "
                           "says; restore it from a backup",
                           name);
    }
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

mls_err *mls_blob_delete(const char *folder, const char *name,
                         apr_pool_t *pool)
{
    const char *path = mls_blob_path(folder, name, pool);

    if (path && unlink(path) != 0 && errno != ENOENT) {
        return mls_err_apr(pool, errno, "cannot remove %s", path);
    }
    return NULL;
}
