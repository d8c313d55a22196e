/* SPDX-License-Identifier: Apache-2.0 */
/* restore: a backup into a state whose mlserverd is stopped.
 *
 * Files are added first, then the registry beside the old one, then the two
 * change places. What was there before is kept under another name. */

#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "daemon/compile.h"
#include "daemon/files.h"
#include "registry/bdb/tables.h"

enum { MANIFEST_MOST = 65536 };

struct restore {
    ctl *c;
    mls_paths from;
    mls_blob_store blobs, images, blobs_from, images_from;
    unsigned long blob_count, image_count;
    mls_err *err;
    apr_pool_t *scratch;
};

static mls_err *read_manifest(struct restore *r)
{
    apr_pool_t *pool = r->c->pool;
    const char *path =
        apr_pstrcat(pool, r->from.state, "/manifest.json", NULL);
    mls_json *manifest;
    size_t length;
    char *text;

    MLS_TRY(mls_file_read(&text, &length, path, MANIFEST_MOST, pool));
    if (!text) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%s is no complete backup: there is no %s",
                            r->from.state, path);
    }
    MLS_TRY(mls_json_parse(&manifest, text, length, pool));
    if (mls_json_int(manifest, "schema", 0) > MLS_SCHEMA) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "the backup is of a newer version (%s): install "
                            "that one first",
                            mls_json_string(manifest, "version"));
    }
    return NULL;
}

/* ---- files: what is there by its digest is right already ---- */

static mls_err *add_one(struct restore *r, const mls_blob_store *to,
                        const mls_blob_store *from, const char *digest)
{
    const char *digest_now;
    int64_t size;
    int source, there;

    ctl_as_owner(r->c);
    mls_err *err = mls_blob_open(&there, to, digest, 1, r->scratch);
    if (err && err->code == MLS_ECORRUPT) {
        mls_blob_delete(to, digest, r->scratch);
    }
    ctl_as_self();
    if (!err) {
        close(there);
        return NULL;
    }
    MLS_TRY(mls_blob_open(&source, from, digest, 1, r->scratch));
    ctl_as_owner(r->c);
    err = mls_blob_put(&digest_now, &size, to, source, INT64_MAX, r->scratch);
    ctl_as_self();
    close(source);
    return err;
}

static int add_blob(void *baton, const char *digest, mls_json *value)
{
    struct restore *r = baton;

    apr_pool_clear(r->scratch);
    mls_err *err = add_one(r, &r->blobs, &r->blobs_from, digest);
    r->blob_count++;
    if (err) {
        r->err = mls_err_make(r->c->pool, err->code, NULL, "%s",
                              mls_err_text(err, r->c->pool));
    }
    return err != NULL;
}

static int add_image(void *baton, const char *digest, mls_json *value)
{
    struct restore *r = baton;

    apr_pool_clear(r->scratch);
    if (!add_one(r, &r->images, &r->images_from, digest)) {
        r->image_count++;
    }
    return 0; /* a missing one is compiled again */
}

/* ---- changing places ---- */

static const char *beside(const char *path, const char *suffix,
                          apr_pool_t *pool)
{
    return apr_pstrcat(pool, path, suffix, NULL);
}

/* The new directory under the name, the old one under `kept`: at no moment is
 * the name without a directory, where the file system can exchange two. */
static mls_err *exchange(const char *path, const char *fresh, const char *kept,
                         apr_pool_t *pool)
{
    if (!renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE)) {
        return rename(fresh, kept)
                   ? mls_err_apr(pool, errno, "rename %s", fresh) : NULL;
    }
    if (rename(path, kept) || rename(fresh, path)) {
        return mls_err_apr(pool, errno, "replace %s (what was there is %s)",
                           path, kept);
    }
    return NULL;
}

static mls_err *stage(struct restore *r, const char *path, const char *from)
{
    apr_pool_t *pool = r->c->pool;
    const char *fresh = beside(path, ".new", pool);

    ctl_as_owner(r->c);
    mls_err *err = ctl_remove_folder(fresh, pool);
    ctl_as_self();
    MLS_TRY(err);
    return ctl_copy_folder(r->c, from, fresh, 0600, 1, pool);
}

static mls_err *make_folders(struct restore *r)
{
    mls_daemon daemon;

    memset(&daemon, 0, sizeof(daemon));
    daemon.paths = r->c->paths;
    /* The run directory belongs to a running server. */
    daemon.paths.run = r->c->paths.state;
    daemon.who.user_name = "of the state";
    ctl_as_owner(r->c);
    mls_err *err = mls_layout_make_folders(&daemon, r->c->pool);
    ctl_as_self();
    return err;
}

static mls_err *restore_all(struct restore *r, ctl_names *names)
{
    ctl *c = r->c;
    const char *when =
        apr_psprintf(c->pool, ".before-%" APR_INT64_T_FMT,
                     (apr_int64_t)apr_time_sec(apr_time_now()));
    const char *fresh = beside(c->paths.registry, ".new", c->pool);

    MLS_TRY(stage(r, c->paths.registry, r->from.registry));
    MLS_TRY(stage(r, c->paths.keys, r->from.keys));
    /* Generations are never given twice: those since the backup are jumped
     * over. Time in microseconds is above any of them. */
    ctl_as_owner(c);
    mls_err *err = ctl_read_names(names, fresh, (uint64_t)apr_time_now(),
                                  c->pool);
    ctl_as_self();
    MLS_TRY(err);
    mls_json_each(names->blobs, add_blob, r);
    MLS_TRY(r->err);
    mls_json_each(names->images, add_image, r);
    ctl_as_owner(c);
    err = exchange(c->paths.registry, fresh, beside(c->paths.registry, when,
                                                    c->pool), c->pool);
    if (!err) {
        err = exchange(c->paths.keys, beside(c->paths.keys, ".new", c->pool),
                       beside(c->paths.keys, when, c->pool), c->pool);
    }
    if (!err) {
        err = mls_directory_sync(c->paths.state, c->pool);
    }
    ctl_as_self();
    return err;
}

mls_err *ctl_restore(ctl *c, int count, char **words)
{
    struct restore r = { .c = c };
    ctl_names names;

    if (count != 1 || *words[0] != '/') {
        return mls_err_make(c->pool, MLS_EINVALID, NULL,
                            "usage: mlserverctl restore DIR (an absolute path "
                            "to a backup)");
    }
    mls_paths_make(&r.from, words[0], words[0], c->pool);
    mls_stores_make(&r.blobs, &r.images, &c->paths, c->pool);
    mls_stores_make(&r.blobs_from, &r.images_from, &r.from, c->pool);
    apr_pool_create(&r.scratch, c->pool);
    MLS_TRY(read_manifest(&r));
    MLS_TRY(make_folders(&r));
    MLS_TRY(ctl_lock_state(c, c->pool));
    MLS_TRY(restore_all(&r, &names));
    printf("restored %lu services, %lu blobs, %lu images; what was there "
           "before is kept in registry.before-* and keys.before-*\n",
           names.services, r.blob_count, r.image_count);
    return NULL;
}
