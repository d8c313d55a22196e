/* SPDX-License-Identifier: Apache-2.0 */
/* verify: do tables, references and files agree? */

#include "ctl.h"

#include <unistd.h>

#include <apr_strings.h>

#include "daemon/compile.h"
#include "daemon/registry_check.h"
#include "registry/bdb/bdb_env.h"
#include "registry/bdb/bdb_txn.h"
#include "registry/remote/registry_client.h"

enum { PATIENCE = 600 /* seconds */ };

struct findings {
    const ctl *c;
    mls_blob_store blobs, images;
    int problems;
    unsigned long blob_count, image_count;
};

static void problem(void *baton, const char *line)
{
    struct findings *found = baton;

    found->problems++;
    printf("PROBLEM %s\n", line);
}

/* ---- files ---- */

static mls_err *open_as_owner(const ctl *c, const mls_blob_store *store,
                              const char *digest, apr_pool_t *pool)
{
    int fd;

    ctl_as_owner(c);
    mls_err *err = mls_blob_open(&fd, store, digest, 1, pool);
    ctl_as_self();
    if (!err) {
        close(fd);
    }
    return err;
}

static int check_blob(void *baton, const char *digest, mls_json *value)
{
    struct findings *found = baton;
    mls_err *err =
        open_as_owner(found->c, &found->blobs, digest, found->c->pool);

    found->blob_count++;
    if (err) {
        problem(found, mls_err_text(err, found->c->pool));
    }
    return 0;
}

/* A missing image is made again from its blob at the next start. */
static int check_image(void *baton, const char *digest, mls_json *value)
{
    struct findings *found = baton;
    mls_err *err =
        open_as_owner(found->c, &found->images, digest, found->c->pool);

    found->image_count++;
    if (err && err->code == MLS_ENOTFOUND) {
        printf("note: image %.12s is not there; mlserverd compiles it from "
               "its blob\n", digest);
    }
    else if (err) {
        problem(found, mls_err_text(err, found->c->pool));
    }
    return 0;
}

static void check_files(struct findings *found, const ctl_names *names)
{
    mls_json_each(names->blobs, check_blob, found);
    mls_json_each(names->images, check_image, found);
}

/* ---- a running server ---- */

static mls_err *named_by_owner(mls_json *out, const ctl *c, const char *kind)
{
    mls_json *request = mls_json_object(c->pool);
    const char *next = NULL;

    mls_json_set_string(request, "op", "blob.list");
    mls_json_set_string(request, "kind", kind);
    do {
        mls_json *answer;
        mls_json_set_string(request, "after", next);
        MLS_TRY(mls_registry_ask(&answer, c->registry, request, c->pool));
        const mls_json *digests = mls_json_get(answer, "digests");
        for (size_t i = 0; i < mls_json_length(digests); i++) {
            mls_json_set_bool(out,
                              mls_json_string_of(mls_json_at(digests, i)), 1);
        }
        next = mls_json_string(answer, "next");
    } while (next);
    return NULL;
}

static mls_err *verify_running(struct findings *found, ctl *c)
{
    ctl_names names = { mls_json_object(c->pool), mls_json_object(c->pool),
                        0, NULL, 0 };
    mls_json *request = mls_json_object(c->pool);
    mls_json *answer;

    mls_registry_set_patience(c->registry, apr_time_from_sec(PATIENCE));
    mls_json_set_string(request, "op", "verify");
    MLS_TRY(mls_registry_ask(&answer, c->registry, request, c->pool));
    const mls_json *problems = mls_json_get(answer, "problems");
    for (size_t i = 0; i < mls_json_length(problems); i++) {
        problem(found, mls_json_string_of(mls_json_at(problems, i)));
    }
    printf("registry: %lu services\n",
           (unsigned long)mls_json_uint(answer, "services", 0));
    MLS_TRY(named_by_owner(names.blobs, c, "blob"));
    MLS_TRY(named_by_owner(names.images, c, "image"));
    check_files(found, &names);
    return NULL;
}

/* ---- a stopped one, or a backup ---- */

static mls_err *check_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    mls_registry_counts counts;

    return mls_registry_check(&counts, txn, problem, baton, pool);
}

static mls_err *check_tables(struct findings *found, ctl *c)
{
    mls_bdb *bdb;

    MLS_TRY(mls_bdb_open(&bdb, c->paths.registry, problem, found, c->pool));
    mls_err *err = mls_bdb_read(bdb, check_body, found, c->pool);
    mls_err *closed = mls_bdb_close(bdb, c->pool);
    return err ? err : closed;
}

/* Recovery first: after a crash the pages alone are not the whole truth. */
static mls_err *verify_stopped(struct findings *found, ctl *c)
{
    ctl_names names;
    int damaged = 0;

    MLS_TRY(ctl_lock_state(c, c->pool));
    ctl_as_owner(c);
    mls_err *err = check_tables(found, c);
    if (!err) {
        err = mls_bdb_verify(&damaged, c->paths.registry, problem, found,
                             c->pool);
    }
    if (!err) {
        err = ctl_read_names(&names, c->paths.registry, 0, c->pool);
    }
    ctl_as_self();
    if (err) {
        return err;
    }
    printf("registry: %lu services, generation %lu\n", names.services,
           (unsigned long)names.generation);
    check_files(found, &names);
    return NULL;
}

mls_err *ctl_verify(ctl *c, int count, char **words)
{
    struct findings found = { .c = c };

    mls_stores_make(&found.blobs, &found.images, &c->paths, c->pool);
    MLS_TRY(c->offline ? verify_stopped(&found, c)
                       : verify_running(&found, c));
    printf("files: %lu blobs, %lu images\n", found.blob_count,
           found.image_count);
    if (!found.problems) {
        printf("no problems\n");
        return NULL;
    }
    return mls_err_make(c->pool, MLS_ECORRUPT, NULL,
                        "%d problems; the way out is \"mlserverctl restore\" "
                        "of a backup", found.problems);
}
