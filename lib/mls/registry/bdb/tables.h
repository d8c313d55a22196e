/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_TABLES_H
#define MLS_REGISTRY_TABLES_H

/**
 * Typed access to the tables, grouped under the file that has them. All calls
 * belong into a body of mls_bdb_write or mls_bdb_read. What is not there comes
 * back as NULL (or zero), not as an error.
 */

#include <stdint.h>

#include "registry/bdb/dbt.h"
#include "registry/records.h"

/* ---- services_table.c ---- */

mls_err *mls_services_table_get(mls_service **service, uint64_t *serial,
                                mls_txn *txn, const char *name,
                                const char *version, apr_pool_t *pool);

/** The record's text as stored; NULL when there is none. */
mls_err *mls_services_table_text(const char **text, mls_txn *txn,
                                 const char *name, const char *version,
                                 apr_pool_t *pool);
mls_err *mls_services_table_put(mls_txn *txn, const mls_service *service,
                                uint64_t serial, apr_pool_t *pool);
mls_err *mls_services_table_delete(mls_txn *txn, const char *name,
                                   const char *version, apr_pool_t *pool);

/** Every service, decoded, in the order of the keys. */
mls_err *mls_services_table_each(mls_txn *txn,
                                 mls_err *(*each)(void *baton,
                                                  const mls_service *service,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch);

/** A page of texts, joined by commas: of all services, or of `name` when that
 *  is not NULL; keys behind `after` (as *next said; NULL: from the start).
 *  *next is NULL when that was all. */
mls_err *mls_services_table_page(const char **texts, const char **next,
                                 mls_txn *txn, const char *name,
                                 const char *after, apr_pool_t *pool);

/* ---- tokens_table.c ---- */

mls_err *mls_families_table_get(mls_family **family, mls_txn *txn,
                                const char *id, apr_pool_t *pool);
mls_err *mls_families_table_put(mls_txn *txn, const mls_family *family,
                                apr_pool_t *pool);
mls_err *mls_families_table_each(mls_txn *txn, const char *from,
                                 mls_err *(*each)(void *baton,
                                                  const mls_family *family,
                                                  int *stop,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch);

/** `digest` is the hex of the token's SHA-256. */
mls_err *mls_tokens_table_get(mls_refresh **refresh, mls_txn *txn,
                              const char *digest, apr_pool_t *pool);
mls_err *mls_tokens_table_put(mls_txn *txn, const char *digest,
                              const mls_refresh *refresh, apr_pool_t *pool);

mls_err *mls_subjects_table_get(mls_not_before **record, mls_txn *txn,
                                const mls_subject *subject, apr_pool_t *pool);
mls_err *mls_subjects_table_put(mls_txn *txn, const mls_not_before *record,
                                apr_pool_t *pool);
mls_err *mls_subjects_table_each(mls_txn *txn,
                                 mls_err *(*each)(void *baton,
                                                  const mls_not_before *record,
                                                  apr_pool_t *scratch),
                                 void *baton, apr_pool_t *scratch);

/** Remove families and tokens that are over at `now`: those among at most
 *  `most` records behind *from, which moves on and is NULL at the end. */
mls_err *mls_tokens_table_sweep(const char **from, int *removed, mls_txn *txn,
                                apr_time_t now, int most, apr_pool_t *pool);

/* ---- blobs_table.c ---- */

typedef enum mls_blob_kind { MLS_BLOB = 'b', MLS_IMAGE = 'i' } mls_blob_kind;

/** Count a reference more (+1) or less (-1); NULL digests are ignored. */
mls_err *mls_blobs_table_add(mls_txn *txn, mls_blob_kind kind,
                             const char *digest, int difference,
                             apr_pool_t *pool);
mls_err *mls_blobs_table_get(int64_t *references, mls_txn *txn,
                             mls_blob_kind kind, const char *digest,
                             apr_pool_t *pool);

/** A page of digests of a kind that something refers to, behind `after`. */
mls_err *mls_blobs_table_page(mls_json **digests, const char **next,
                              mls_txn *txn, mls_blob_kind kind,
                              const char *after, apr_pool_t *pool);

/** Bytes of models that a subject has published. */
mls_err *mls_usage_table_add(mls_txn *txn, const mls_subject *subject,
                             int64_t difference, apr_pool_t *pool);
mls_err *mls_usage_table_get(int64_t *bytes, mls_txn *txn,
                             const mls_subject *subject, apr_pool_t *pool);

/* ---- meta_table.c ---- */

enum { MLS_SCHEMA = 1 };

/** Check the schema's version (MLS_ECORRUPT when it is newer than MLS_SCHEMA),
 *  or write it, and a new state's id, when the registry is new. */
mls_err *mls_meta_table_start(mls_txn *txn, apr_pool_t *pool);

mls_err *mls_meta_table_get(const char **value, mls_txn *txn, const char *key,
                            apr_pool_t *pool);
mls_err *mls_meta_table_put(mls_txn *txn, const char *key, const char *value,
                            apr_pool_t *pool);

/** The last generation given, and the next one. */
mls_err *mls_meta_table_generation(uint64_t *generation, mls_txn *txn,
                                   apr_pool_t *pool);
mls_err *mls_meta_table_next(uint64_t *generation, mls_txn *txn,
                             apr_pool_t *pool);
mls_err *mls_meta_table_set_generation(mls_txn *txn, uint64_t generation,
                                       apr_pool_t *pool);

/** The id of the state, made with the registry. */
mls_err *mls_meta_table_state_id(const char **id, mls_txn *txn,
                                 apr_pool_t *pool);

/** What a request was answered, for a caller that asks again because the
 *  answer got lost. NULL when the id is new. */
mls_err *mls_requests_table_get(mls_json **answer, mls_txn *txn,
                                const char *id, apr_pool_t *pool);
mls_err *mls_requests_table_put(mls_txn *txn, const char *id,
                                const mls_json *answer, apr_time_t now,
                                apr_pool_t *pool);
mls_err *mls_requests_table_sweep(int *removed, mls_txn *txn,
                                  apr_time_t before, apr_pool_t *pool);

#endif
