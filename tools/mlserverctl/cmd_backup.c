/* SPDX-License-Identifier: Apache-2.0 */
/* backup: a running server's registry, keys and files into a new directory.
 *
 * The owner copies its tables and log; the copy is made whole here and then
 * says which files belong to it. Meanwhile no file can be swept: the stores'
 * locks are held. The directory has the state's own layout. */

#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/timefmt.h"
#include "daemon/compile.h"
#include "daemon/files.h"
#include "mlscore/version.h"
#include "registry/bdb/bdb_env.h"
#include "registry/bdb/tables.h"
#include "registry/remote/registry_client.h"

enum { PATIENCE = 3600 /* seconds that the owner may take */ };

struct backup {
    ctl *c;
    mls_paths to;
    mls_blob_store blobs, images, blobs_to, images_to;
    unsigned long blob_count, image_count, linked;
    mls_err *err;
    apr_pool_t *scratch;
};

/* ---- tables and keys ---- */

static mls_err *make_target(struct backup *b)
{
    const char *path = b->to.state;

    if (mkdir(path, 0700) && errno != EEXIST) {
        return mls_err_apr(b->c->pool, errno, "make %s", path);
    }
    DIR *directory = opendir(path);
    if (!directory) {
        return mls_err_apr(b->c->pool, errno, "read %s", path);
    }
    int entries = 0;
    while (readdir(directory)) {
        entries++;
    }
    closedir(directory);
    return entries > 2 ? mls_err_make(b->c->pool, MLS_EEXISTS, NULL,
                                      "%s is not empty: a backup gets a "
                                      "directory of its own", path)
                       : NULL;
}

static mls_err *lock_stores(struct backup *b)
{
    int fd; /* kept until this process ends */

    ctl_as_owner(b->c);
    mls_err *err = mls_blob_lock(&fd, &b->blobs, 0, b->c->pool);
    if (!err) {
        err = mls_blob_lock(&fd, &b->images, 0, b->c->pool);
    }
    ctl_as_self();
    return err;
}

static mls_err *copy_tables(struct backup *b)
{
    ctl *c = b->c;
    mls_json *request = mls_json_object(c->pool);
    const char *made;
    mls_json *answer;

    mls_registry_set_patience(c->registry, apr_time_from_sec(PATIENCE));
    mls_json_set_string(request, "op", "backup");
    MLS_TRY(mls_registry_ask(&answer, c->registry, request, c->pool));
    MLS_TRY(mls_json_need_string(&made, answer, "directory", c->pool));
    mls_err *err = ctl_copy_folder(c, made, b->to.registry, 0600, 0, c->pool);
    ctl_as_owner(c);
    mls_err *removed = ctl_remove_folder(made, c->pool);
    ctl_as_self();
    MLS_TRY(err ? err : removed);
    return mls_bdb_recover_copy(b->to.registry, c->pool);
}

/* ---- files ---- */

static mls_err *copy_one(struct backup *b, const mls_blob_store *from,
                         const mls_blob_store *to, const char *digest)
{
    const char *source = mls_blob_path(from, digest, b->scratch);
    const char *target = mls_blob_path(to, digest, b->scratch);
    char folder[3] = { digest[0], digest[1], '\0' };

    MLS_TRY(ctl_make_folder(apr_pstrcat(b->scratch, to->root, "/", folder,
                                        NULL),
                            0700, b->scratch));
    /* Files never change under their name, so a second name will do. */
    if (!link(source, target)) {
        b->linked++;
        return NULL;
    }
    return ctl_copy_file(b->c, source, target, 0600, 0, b->scratch);
}

static int copy_blob(void *baton, const char *digest, mls_json *value)
{
    struct backup *b = baton;

    apr_pool_clear(b->scratch);
    mls_err *err = copy_one(b, &b->blobs, &b->blobs_to, digest);
    b->blob_count++;
    if (err) {
        b->err = mls_err_make(b->c->pool, err->code, NULL, "%s",
                              mls_err_text(err, b->c->pool));
    }
    return b->err != NULL;
}

/* Images can be made again, so one that is missing does not matter. */
static int copy_image(void *baton, const char *digest, mls_json *value)
{
    struct backup *b = baton;

    apr_pool_clear(b->scratch);
    if (!copy_one(b, &b->images, &b->images_to, digest)) {
        b->image_count++;
    }
    return 0;
}

static mls_err *copy_files(struct backup *b, const ctl_names *names)
{
    apr_pool_t *pool = b->c->pool;

    MLS_TRY(ctl_make_folder(b->to.blobs, 0700, pool));
    MLS_TRY(ctl_make_folder(b->to.images, 0700, pool));
    MLS_TRY(ctl_make_folder(b->to.image_format, 0700, pool));
    mls_json_each(names->blobs, copy_blob, b);
    if (!b->err) {
        mls_json_each(names->images, copy_image, b);
    }
    return b->err;
}

/* ---- the end: written last, so a backup without it is none ---- */

static mls_err *write_manifest(struct backup *b, const ctl_names *names)
{
    apr_pool_t *pool = b->c->pool;
    mls_json *json = mls_json_object(pool);

    mls_json_set_int(json, "backup", 1);
    mls_json_set_string(json, "version", MLSCORE_VERSION);
    mls_json_set_int(json, "schema", MLS_SCHEMA);
    mls_json_set_int(json, "imageFormat", MLSCORE_IMAGE_FORMAT);
    mls_json_set_string(json, "stateId", names->state_id);
    mls_json_set_string(json, "time", mls_time_rfc3339(apr_time_now(), pool));
    mls_json_set_uint(json, "generation", names->generation);
    mls_json_set_uint(json, "services", names->services);
    mls_json_set_uint(json, "blobs", b->blob_count);
    mls_json_set_uint(json, "images", b->image_count);
    const int fd = open(b->to.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd)) {
        return mls_err_apr(pool, errno, "sync %s", b->to.state);
    }
    close(fd);
    const char *text = mls_json_text(json, pool);
    return mls_file_write(apr_pstrcat(pool, b->to.state, "/manifest.json",
                                      NULL),
                          text, strlen(text), 0600, pool);
}

static mls_err *copy_users(struct backup *b)
{
    const char *from =
        apr_pstrcat(b->c->pool, b->c->paths.state, "/users", NULL);

    if (access(from, R_OK)) {
        return NULL; /* accounts are httpd's and may be elsewhere */
    }
    return ctl_copy_file(b->c, from,
                         apr_pstrcat(b->c->pool, b->to.state, "/users", NULL),
                         0600, 0, b->c->pool);
}

mls_err *ctl_backup(ctl *c, int count, char **words)
{
    struct backup b = { .c = c };
    ctl_names names;

    if (count != 1 || *words[0] != '/') {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "usage: mlserverctl backup DIR (an absolute path "
                            "to a new directory)");
    }
    mls_paths_make(&b.to, words[0], words[0], c->pool);
    mls_stores_make(&b.blobs, &b.images, &c->paths, c->pool);
    mls_stores_make(&b.blobs_to, &b.images_to, &b.to, c->pool);
    apr_pool_create(&b.scratch, c->pool);
    MLS_TRY(make_target(&b));
    MLS_TRY(lock_stores(&b));
    MLS_TRY(copy_tables(&b));
    MLS_TRY(ctl_read_names(&names, b.to.registry, 0, c->pool));
    MLS_TRY(copy_files(&b, &names));
    MLS_TRY(ctl_copy_folder(c, c->paths.keys, b.to.keys, 0600, 0, c->pool));
    MLS_TRY(copy_users(&b));
    MLS_TRY(write_manifest(&b, &names));
    printf("backup of %lu services, %lu blobs, %lu images (%lu linked) in "
           "%s\n", names.services, b.blob_count, b.image_count, b.linked,
           b.to.state);
    return NULL;
}
