/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's contents into the mapped index: one change at a time, and all
 * of it at a start where the two do not agree. */

#include "daemon/owner_private.h"

#include "base/ident.h"
#include "registry/bdb/tables.h"

mls_err *mls_owner_flip(mls_owner *owner, const mls_flip *flip,
                        apr_pool_t *scratch)
{
    switch (flip->kind) {
    case MLS_FLIP_PUT:
        atomic_store(&owner->generation, flip->entry.generation);
        return mls_index_writer_put(owner->index, flip->name, flip->version,
                                    &flip->entry, scratch);
    case MLS_FLIP_DELETE:
        atomic_store(&owner->generation, flip->entry.generation);
        return mls_index_writer_delete(owner->index, flip->name,
                                       flip->version, flip->entry.generation,
                                       scratch);
    case MLS_FLIP_FAMILY:
        return mls_index_writer_revoke_family(owner->index, flip->family,
                                              flip->expires, scratch);
    case MLS_FLIP_SUBJECT:
        return mls_index_writer_revoke_subject(owner->index, flip->name,
                                               flip->version,
                                               flip->not_before,
                                               flip->expires, scratch);
    }
    return NULL;
}

struct start {
    mls_owner *owner;
    uint64_t generation;
    apr_time_t now;
    unsigned long services, revocations;
};

static mls_err *put_service(void *baton, const mls_service *service,
                            apr_pool_t *scratch)
{
    struct start *start = baton;
    mls_index_entry entry;

    MLS_TRY(mls_index_entry_make(&entry, service, scratch));
    start->services++;
    return mls_index_writer_put(start->owner->index, service->name,
                                service->version, &entry, scratch);
}

static mls_err *put_services(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct start *start = baton;

    start->services = 0;
    return mls_services_table_each(txn, put_service, start, pool);
}

static mls_err *put_family(void *baton, const mls_family *family, int *stop,
                           apr_pool_t *scratch)
{
    struct start *start = baton;
    unsigned char id[MLS_INDEX_FAMILY];

    if (!family->revoked || family->access_expires < start->now
        || !mls_hex_decode(id, sizeof(id), family->id)) {
        return NULL;
    }
    start->revocations++;
    return mls_index_writer_revoke_family(
        start->owner->index, id,
        apr_time_sec(family->access_expires) + MLS_JWT_SKEW, scratch);
}

static mls_err *put_subject(void *baton, const mls_not_before *record,
                            apr_pool_t *scratch)
{
    struct start *start = baton;

    if (record->access_expires < start->now) {
        return NULL;
    }
    start->revocations++;
    return mls_index_writer_revoke_subject(
        start->owner->index, record->subject.provider, record->subject.name,
        record->second, apr_time_sec(record->access_expires),
        scratch);
}

static mls_err *put_revocations(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct start *start = baton;

    start->revocations = 0;
    MLS_TRY(mls_families_table_each(txn, NULL, put_family, start, pool));
    return mls_subjects_table_each(txn, put_subject, start, pool);
}

static mls_err *read_generation(mls_txn *txn, void *baton, apr_pool_t *pool)
{
    struct start *start = baton;

    return mls_meta_table_generation(&start->generation, txn, pool);
}

static mls_err *rebuild(struct start *start, apr_pool_t *pool)
{
    mls_owner *owner = start->owner;
    const apr_time_t began = apr_time_now();

    MLS_TRY(mls_index_writer_begin_rebuild(owner->index, pool));
    MLS_TRY(mls_bdb_read(owner->bdb, put_services, start, pool));
    MLS_TRY(mls_bdb_read(owner->bdb, put_revocations, start, pool));
    MLS_TRY(mls_index_writer_commit_rebuild(owner->index, start->generation,
                                            pool));
    mls_daemon_log(owner->daemon,
                   "index_rebuilt services=%lu revocations=%lu ms=%ld",
                   start->services, start->revocations,
                   (long)((apr_time_now() - began) / 1000));
    return NULL;
}

mls_err *mls_owner_open_index(mls_owner *owner, apr_pool_t *pool)
{
    struct start start = { .owner = owner, .now = apr_time_now() };
    int wrong;

    MLS_TRY(mls_bdb_read(owner->bdb, read_generation, &start, pool));
    atomic_store(&owner->generation, start.generation);
    MLS_TRY(mls_index_writer_open(&owner->index, owner->daemon->paths.index,
                                  owner->state_id, start.generation, &wrong,
                                  pool));
    if (wrong) {
        return rebuild(&start, pool);
    }
    /* A revocation does not move the generation: one that was committed just
     * before a crash may not be in the index. Putting it twice is harmless. */
    return mls_bdb_read(owner->bdb, put_revocations, &start, pool);
}
