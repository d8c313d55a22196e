/* SPDX-License-Identifier: Apache-2.0 */
/* A state without its mlserverd: its locks, and what its tables say. */

#include "ctl.h"

#include <errno.h>

#include <apr_strings.h>

#include "registry/bdb/bdb_env.h"
#include "registry/bdb/tables.h"

enum { WAIT = 2 /* seconds */ };

static mls_err *lock(const char *path, apr_pool_t *pool)
{
    int fd; /* kept until this process ends */
    mls_err *err =
        mls_bdb_lock(&fd, path, apr_time_from_sec(WAIT), pool);

    return err && err->code == MLS_EBUSY
               ? mls_err_make(pool, MLS_EBUSY, err,
                              "this works only while mlserverd is stopped")
               : err;
}

/* The daemon's own lock is root's when root started it; then the state's owner
 * has the registry's alone, which is what counts. */
mls_err *ctl_lock_state(const ctl *c, apr_pool_t *pool)
{
    mls_err *err = lock(
        apr_pstrcat(pool, c->paths.state, "/mlserverd.lock", NULL), pool);

    if (err && err->code != EACCES) {
        return err;
    }
    ctl_as_owner(c);
    err = lock(apr_pstrcat(pool, c->paths.registry, "/LOCK", NULL), pool);
    ctl_as_self();
    return err;
}

struct reading {
    ctl_names *names;
    uint64_t generation; /* to set */
    apr_pool_t *pool;
};

static mls_err *add_names(void *baton, const mls_service *service,
                          apr_pool_t *scratch)
{
    ctl_names *names = ((struct reading *)baton)->names;

    names->services++;
    if (service->blob) {
        mls_json_set_bool(names->blobs, service->blob, 1);
    }
    if (service->image) {
        mls_json_set_bool(names->images, service->image, 1);
    }
    return NULL;
}

/* What records other than services refer to is in the table of references. */
static mls_err *add_references(struct reading *reading, mls_txn *txn,
                               apr_pool_t *pool)
{
    const char *after = NULL;

    do {
        mls_json *digests;
        MLS_TRY(mls_blobs_table_page(&digests, &after, txn, MLS_BLOB, after,
                                     pool));
        for (size_t i = 0; i < mls_json_length(digests); i++) {
            mls_json_set_bool(reading->names->blobs,
                              mls_json_string_of(mls_json_at(digests, i)), 1);
        }
    } while (after);
    return NULL;
}

static mls_err *read_body(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct reading *reading = baton;
    ctl_names *names = reading->names;
    const char *id;

    names->blobs = mls_json_object(reading->pool);
    names->images = mls_json_object(reading->pool);
    names->services = 0;
    MLS_TRY(mls_meta_table_start(txn, pool));
    MLS_TRY(mls_meta_table_state_id(&id, txn, pool));
    names->state_id = apr_pstrdup(reading->pool, id);
    MLS_TRY(mls_meta_table_generation(&names->generation, txn, pool));
    if (reading->generation > names->generation) {
        names->generation = reading->generation;
        MLS_TRY(mls_meta_table_set_generation(txn, names->generation, pool));
    }
    MLS_TRY(add_references(reading, txn, pool));
    return mls_services_table_each(txn, add_names, reading, pool);
}

mls_err *ctl_read_names(ctl_names *names, const char *registry,
                        uint64_t generation, apr_pool_t *pool)
{
    struct reading reading = { names, generation, pool };
    mls_bdb *bdb;

    MLS_TRY(mls_bdb_open(&bdb, registry, NULL, NULL, pool));
    mls_err *err = mls_bdb_write(bdb, read_body, &reading, pool);
    if (!err) {
        err = mls_bdb_flush(bdb, pool);
    }
    mls_err *closed = mls_bdb_close(bdb, pool);
    return err ? err : closed;
}
