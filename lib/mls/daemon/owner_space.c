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
    RESERVE = 12 * 1024 * 1024, /* one log file and some pages */
    LOW = 4 * 1024 * 1024,      /* below: no new records */
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

    if (left < 4 * (int64_t)RESERVE
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
    const int full = left < LOW || (!reserved && left < RESERVE + LOW);
    if (full != atomic_load(&owner->nearly_full)) {
        atomic_store(&owner->nearly_full, full);
        mls_daemon_log(owner->daemon, "disk state=%s free=%lld",
                       full ? "nearly_full" : "ok", (long long)left);
    }
}
