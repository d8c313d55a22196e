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

mls_err *mls_bdb_lock(int *fd, const char *path, apr_interval_time_t wait,
                      apr_pool_t *pool)
{
    const apr_time_t deadline = apr_time_now() + wait;

    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return mls_err_apr(pool, errno, "open %s", path);
    }
    while (flock(*fd, LOCK_EX | LOCK_NB)) {
        mls_err *err = NULL;
        if (errno != EWOULDBLOCK && errno != EINTR) {
            err = mls_err_apr(pool, errno, "lock %s", path);
        }
        else if (apr_time_now() >= deadline) {
            err = taken(*fd, path, pool);
        }
        if (err) {
            close(*fd);
            *fd = -1;
            return err;
        }
        apr_sleep(TRY_EVERY);
    }
    write_holder(*fd);
    return NULL;
}
