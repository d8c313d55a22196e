/* SPDX-License-Identifier: Apache-2.0 */
/* The lock that makes the owner the only one. The kernel drops it with the
 * process, so a killed owner never blocks the next. */

#include "registry/bdb/bdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRY_EVERY = 20000 }; /* microseconds */

static void write_holder(int fd)
{
    char text[32];
    const int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    /* Only for messages; the lock itself is what counts. */
    if (pwrite(fd, text, (size_t)length, 0) != length
        || ftruncate(fd, length)) {
        return;
    }
}

static mls_err *taken(int fd, const char *path, apr_pool_t *pool)
{
    char text[32] = "";
    const ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return mls_err_make(pool, MLS_EBUSY, NULL,
                        "another process (pid %s) owns this state, it holds "
                        "the lock on %s: stop it, or use another state "
                        "directory",
                        *text ? text : "unknown", path);
}

static mls_err *open_lock(int *fd, const char *path, apr_pool_t *pool)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? mls_err_apr(pool, errno, "open %s", path) : NULL;
}

/* A restore exchanges the whole directory: a lock on the file that has moved
 * away protects nothing. */
static int is_still_at(int fd, const char *path)
{
    struct stat held, named;

    return !fstat(fd, &held) && !stat(path, &named)
           && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static mls_err *attempt(int *fd, int *held, const char *path, int last,
                        apr_pool_t *pool)
{
    *held = 0;
    if (flock(*fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return mls_err_apr(pool, errno, "lock %s", path);
        }
        return last ? taken(*fd, path, pool) : NULL;
    }
    if (is_still_at(*fd, path)) {
        *held = 1;
        return NULL;
    }
    close(*fd);
    return open_lock(fd, path, pool);
}

mls_err *mls_bdb_lock(int *fd, const char *path, apr_interval_time_t wait,
                      apr_pool_t *pool)
{
    const apr_time_t deadline = apr_time_now() + wait;
    int held = 0;

    MLS_TRY(open_lock(fd, path, pool));
    for (;;) {
        mls_err *err =
            attempt(fd, &held, path, apr_time_now() >= deadline, pool);
        if (err && *fd >= 0) {
            close(*fd);
            *fd = -1;
        }
        if (err) {
            return err;
        }
        if (held) {
            break;
        }
        apr_sleep(TRY_EVERY);
    }
    write_holder(*fd);
    return NULL;
}
