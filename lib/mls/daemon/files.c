/* SPDX-License-Identifier: Apache-2.0 */
/* Whole small files. */

#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

mls_err *mls_write_all(int fd, const void *data, size_t length,
                       const char *what, apr_pool_t *pool)
{
    const char *at = data;

    while (length) {
        const ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return mls_err_apr(pool, errno, "write %s", what);
        }
        at += written;
        length -= (size_t)written;
    }
    return NULL;
}

mls_err *mls_directory_sync(const char *directory, apr_pool_t *pool)
{
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd)) {
        mls_err *err = mls_err_apr(pool, errno, "sync %s", directory);
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    close(fd);
    return NULL;
}

static mls_err *write_and_sync(const char *path, const void *data,
                               size_t length, mode_t mode, apr_pool_t *pool)
{
    const int fd = open(path,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        mode);

    if (fd < 0) {
        return mls_err_apr(pool, errno, "make %s", path);
    }
    mls_err *err = mls_write_all(fd, data, length, path, pool);
    if (!err && (fchmod(fd, mode) || fsync(fd))) {
        err = mls_err_apr(pool, errno, "write %s", path);
    }
    close(fd);
    return err;
}

mls_err *mls_file_write(const char *path, const void *data, size_t length,
                        mode_t mode, apr_pool_t *pool)
{
    const char *temporary = apr_pstrcat(pool, path, ".new", NULL);

    unlink(temporary); /* what a former process left */
    mls_err *err = write_and_sync(temporary, data, length, mode, pool);
    if (!err && rename(temporary, path)) {
        err = mls_err_apr(pool, errno, "rename %s", temporary);
    }
    if (err) {
        unlink(temporary);
        return err;
    }
    const char *slash = strrchr(path, '/');
    return slash ? mls_directory_sync(
                       apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)),
                       pool)
                 : NULL;
}

mls_err *mls_file_read(char **data, size_t *length, const char *path,
                       size_t most, apr_pool_t *pool)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    mls_err *err = NULL;
    struct stat status;

    *data = NULL;
    *length = 0;
    if (fd < 0) {
        return errno == ENOENT ? NULL
                               : mls_err_apr(pool, errno, "open %s", path);
    }
    if (fstat(fd, &status)) {
        err = mls_err_apr(pool, errno, "look at %s", path);
    }
    else if (!S_ISREG(status.st_mode) || (size_t)status.st_size > most) {
        err = mls_err_make(pool, MLS_ECORRUPT, NULL,
                           "%s is no file of at most %lu bytes", path,
                           (unsigned long)most);
    }
    else {
        char *buffer = apr_pcalloc(pool, (apr_size_t)status.st_size + 1);
        const ssize_t got = read(fd, buffer, (size_t)status.st_size);
        if (got != status.st_size) {
            err = mls_err_apr(pool, got < 0 ? errno : EIO, "read %s", path);
        }
        else {
            *data = buffer;
            *length = (size_t)got;
        }
    }
    close(fd);
    return err;
}
