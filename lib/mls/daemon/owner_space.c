/* SPDX-License-Identifier: Apache-2.0 */
/* The disk: a reserve for the moment when it is full. */

#include "daemon/owner_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_strings.h>

enum {
    RESERVE = 12 * 1024 * 1024, /* for deleting and logging in: a log file
                                   and some pages */
    LOW = 4 * 1024 * 1024,
    NEXT_LOG = 8 * 1024 * 1024, /* is made whole when the last is full */
    COPIES = 4, /* bytes on the disk for a byte of a record, at most: in the
                   log, in pages of the table, rounded up */
    PATH = 4096
};

static const char *reserve_path(const mls_daemon *daemon, char path[PATH])
{
    apr_snprintf(path, PATH, "%s/reserve", daemon->paths.registry);
    return path;
}

static int64_t free_bytes(const mls_daemon *daemon)
{
    struct statvfs status;

    if (statvfs(daemon->paths.registry, &status)) {
        return -1;
    }
    return (int64_t)status.f_bavail * (int64_t)status.f_frsize;
}

void mls_space_reserve(mls_owner *owner)
{
    char path[PATH];
    const int64_t left = free_bytes(owner->daemon);

    if (left < 3 * (int64_t)RESERVE
        || !access(reserve_path(owner->daemon, path), F_OK)) {
        return;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    if (posix_fallocate(fd, 0, RESERVE)) {
        unlink(path);
    }
    close(fd);
}

void mls_space_release(mls_daemon *daemon)
{
    char path[PATH];

    if (!unlink(reserve_path(daemon, path))) {
        mls_daemon_log(daemon,
                       "disk_full action=\"gave up the reserve of %d MB; "
                       "publishing is refused until there is room\"",
                       RESERVE >> 20);
    }
}

/* What is in the log is not yet in the tables: pages that a checkpoint will
 * write need room as well. */
static int has_room(const mls_owner *owner, int64_t left, int64_t more)
{
    return left - LOW - NEXT_LOG >= COPIES * (owner->unsettled + more);
}

int mls_space_allows(mls_owner *owner, int64_t bytes)
{
    const int64_t left = free_bytes(owner->daemon);

    return !atomic_load(&owner->nearly_full)
           && (left < 0 || has_room(owner, left, bytes));
}

int mls_space_is_low(const mls_daemon *daemon)
{
    const int64_t left = free_bytes(daemon);

    return left >= 0 && left < LOW + NEXT_LOG;
}

void mls_space_check(mls_owner *owner)
{
    const int64_t left = free_bytes(owner->daemon);
    char path[PATH];

    if (left < 0) {
        return;
    }
    if (left < LOW) {
        mls_space_release(owner->daemon);
    }
    else {
        mls_space_reserve(owner);
    }
    /* Without the reserve the room is for deleting and logging in. */
    const int reserved = !access(reserve_path(owner->daemon, path), F_OK);
    const int full =
        !has_room(owner, left, 0) || (!reserved && left < 2 * RESERVE + LOW);
    if (full != atomic_load(&owner->nearly_full)) {
        atomic_store(&owner->nearly_full, full);
        mls_daemon_log(owner->daemon, "disk state=%s free=%lld",
                       full ? "nearly_full" : "ok", (long long)left);
    }
}
