/* SPDX-License-Identifier: Apache-2.0 */
/* The state and run directories: names, owners, modes. */

#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "mlscore/version.h"

static const char *below(const char *directory, const char *name,
                         apr_pool_t *pool)
{
    return apr_pstrcat(pool, directory, "/", name, NULL);
}

void mls_paths_make(mls_paths *paths, const char *state, const char *run,
                    apr_pool_t *pool)
{
    paths->state = state;
    paths->run = run;
    paths->registry = below(state, "registry", pool);
    paths->blobs = below(state, "blobs", pool);
    paths->keys = below(state, "keys", pool);
    paths->images = below(state, "images", pool);
    paths->image_format =
        below(paths->images,
              apr_psprintf(pool, "v%d", (int)MLSCORE_IMAGE_FORMAT), pool);
    paths->index = below(state, "index", pool);
    paths->jwks = below(state, "keys.jwks", pool);
    paths->registry_socket = below(run, "registry.sock", pool);
    paths->supervisor_socket = below(run, "supervisor.sock", pool);
    paths->pid_file = below(run, "mlserverd.pid", pool);
}

mls_err *mls_make_directory(const char *path, mode_t mode, apr_pool_t *pool)
{
    struct stat status;

    if (mkdir(path, mode) && errno != EEXIST) {
        return mls_err_apr(pool, errno, "make the directory %s", path);
    }
    if (lstat(path, &status)) {
        return mls_err_apr(pool, errno, "look at %s", path);
    }
    if (!S_ISDIR(status.st_mode)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%s is there but no directory", path);
    }
    /* Somebody may have made it by hand with other modes. */
    if ((status.st_mode & 07777) != mode && chmod(path, mode)) {
        return mls_err_apr(pool, errno, "set the mode of %s", path);
    }
    return NULL;
}

/* Not "/", "/var" and the like, nor a place like /tmp: making such a directory
 * ours would break the system. */
static mls_err *check_ours(const char *path, const struct stat *status,
                           apr_pool_t *pool)
{
    const char *second = strchr(path + 1, '/');

    if (*path == '/' && second && second[1]
        && !(status->st_mode & (S_ISVTX | S_IWOTH))) {
        return NULL;
    }
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "%s cannot belong to the server alone: name a "
                        "directory of its own, such as /var/lib/mlserver",
                        path);
}

/* As root in a place that root alone controls (its parent directory): the
 * directory itself is opened without following a link, then given away. */
static mls_err *make_root(const mls_daemon *daemon, const char *path,
                          apr_pool_t *pool)
{
    const mls_identities *who = &daemon->who;

    if (mkdir(path, 0750) && errno != EEXIST) {
        return mls_err_apr(pool, errno, "make the directory %s", path);
    }
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return mls_err_apr(pool, errno, "open the directory %s", path);
    }
    struct stat status;
    mls_err *err = NULL;
    if (fstat(fd, &status)) {
        err = mls_err_apr(pool, errno, "look at %s", path);
    }
    else if ((err = check_ours(path, &status, pool))) {
        /* leave it alone */
    }
    else if ((who->privileged && fchown(fd, who->user, who->group))
        || fchmod(fd, 0750)) {
        err = mls_err_apr(pool, errno, "set owner and mode of %s", path);
    }
    close(fd);
    return err;
}

mls_err *mls_layout_make_roots(const mls_daemon *daemon, apr_pool_t *pool)
{
    MLS_TRY(make_root(daemon, daemon->paths.state, pool));
    /* STATE/run may be the run directory: then STATE is the user's already,
     * and a link put there by the user is refused by O_NOFOLLOW. */
    return make_root(daemon, daemon->paths.run, pool);
}

static mls_err *reachable(const mls_daemon *daemon, const char *path,
                          apr_pool_t *pool)
{
    if (!access(path, R_OK | W_OK | X_OK)) {
        return NULL;
    }
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "user %s cannot use %s (%s): every directory above it "
                        "must be searchable by that user; choose another "
                        "place, such as /var/lib/mlserver",
                        daemon->who.user_name, path, strerror(errno));
}

mls_err *mls_layout_make_folders(const mls_daemon *daemon, apr_pool_t *pool)
{
    const mls_paths *paths = &daemon->paths;

    MLS_TRY(reachable(daemon, paths->state, pool));
    MLS_TRY(reachable(daemon, paths->run, pool));
    MLS_TRY(mls_make_directory(paths->registry, 0700, pool));
    MLS_TRY(mls_make_directory(paths->keys, 0700, pool));
    MLS_TRY(mls_make_directory(paths->blobs, 0700, pool));
    MLS_TRY(mls_make_directory(below(paths->blobs, "tmp", pool), 0700, pool));
    MLS_TRY(mls_make_directory(paths->images, 0750, pool));
    MLS_TRY(mls_make_directory(below(paths->images, "tmp", pool), 0700, pool));
    return mls_make_directory(paths->image_format, 0750, pool);
}
