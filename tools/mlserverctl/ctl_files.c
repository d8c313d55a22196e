/* SPDX-License-Identifier: Apache-2.0 */
/* Copying files, as whom it is right. */

#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/files.h"

void ctl_as_owner(const ctl *c)
{
    if (getuid() == 0 && geteuid() == 0
        && (setegid(c->group) || seteuid(c->owner))) {
        perror("mlserverctl: become the state's owner");
        _exit(1);
    }
}

void ctl_as_self(void)
{
    if (getuid() == 0 && (seteuid(0) || setegid(getgid()))) {
        perror("mlserverctl: become root again");
        _exit(1);
    }
}

static mls_err *pump(int to, int from, const char *name, apr_pool_t *pool)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(from, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return mls_err_apr(pool, errno, "read %s", name);
        }
        MLS_TRY(mls_write_all(to, chunk, (size_t)got, name, pool));
    }
    return fsync(to) ? mls_err_apr(pool, errno, "sync %s", name) : NULL;
}

mls_err *ctl_copy_file(const ctl *c, const char *from, const char *to,
                       mode_t mode, int in_state, apr_pool_t *scratch)
{
    const int source = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (source < 0) {
        return mls_err_apr(scratch, errno, "open %s", from);
    }
    if (in_state) {
        ctl_as_owner(c);
    }
    const int target = open(
        to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    mls_err *err = target < 0 ? mls_err_apr(scratch, errno, "make %s", to)
                              : pump(target, source, to, scratch);
    if (!err && fchmod(target, mode)) {
        err = mls_err_apr(scratch, errno, "set the mode of %s", to);
    }
    ctl_as_self();
    close(source);
    if (target >= 0) {
        close(target);
    }
    return err;
}

mls_err *ctl_make_folder(const char *path, mode_t mode, apr_pool_t *scratch)
{
    if (mkdir(path, mode) && errno != EEXIST) {
        return mls_err_apr(scratch, errno, "make the directory %s", path);
    }
    return NULL;
}

static int is_file(const char *path)
{
    struct stat status;

    return !lstat(path, &status) && S_ISREG(status.st_mode);
}

mls_err *ctl_copy_folder(const ctl *c, const char *from, const char *to,
                         mode_t file_mode, int in_state, apr_pool_t *scratch)
{
    DIR *directory = opendir(from);
    const struct dirent *entry;
    mls_err *err;

    if (!directory) {
        return mls_err_apr(scratch, errno, "read %s", from);
    }
    if (in_state) {
        ctl_as_owner(c);
    }
    err = ctl_make_folder(to, 0700, scratch);
    ctl_as_self();
    while (!err && (entry = readdir(directory))) {
        const char *path =
            apr_pstrcat(scratch, from, "/", entry->d_name, NULL);
        /* The lock is a thing of the place, the reserve of its disk. */
        if (is_file(path) && strcmp(entry->d_name, "LOCK")
            && strcmp(entry->d_name, "reserve")) {
            err = ctl_copy_file(c, path,
                                apr_pstrcat(scratch, to, "/", entry->d_name,
                                            NULL),
                                file_mode, in_state, scratch);
        }
    }
    closedir(directory);
    return err;
}

mls_err *ctl_remove_folder(const char *path, apr_pool_t *scratch)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;

    if (!directory) {
        return errno == ENOENT ? NULL
                               : mls_err_apr(scratch, errno, "read %s", path);
    }
    while ((entry = readdir(directory))) {
        const char *file =
            apr_pstrcat(scratch, path, "/", entry->d_name, NULL);
        if (is_file(file)) {
            unlink(file);
        }
    }
    closedir(directory);
    return rmdir(path) ? mls_err_apr(scratch, errno, "remove %s", path)
                       : NULL;
}
