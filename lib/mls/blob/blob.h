/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BLOB_BLOB_H
#define MLS_BLOB_BLOB_H

/**
 * Content-addressed files: <folder>/<2 hex>/<64 hex of the SHA-256>. A file is
 * written beside under a temporary name, synced, renamed; so it is whole or
 * not there. What is there already is kept.
 */

#include <sys/types.h>

#include <apr_pools.h>

#include "base/err.h"

enum { MLS_BLOB_NAME = 64 }; /* characters of a digest */

/** Copy `fd` from its start to its end into the store. *name is the digest,
 *  *size the length. MLS_ETOOLARGE beyond `maximum` bytes, MLS_ENOSPACE when
 *  the disk is full or less than `reserve` bytes would stay free. */
mls_err *mls_blob_put(const char **name, apr_int64_t *size,
                      const char *folder, int fd, apr_int64_t maximum,
                      apr_int64_t reserve, mode_t mode, apr_pool_t *pool);

/** Open for reading, after its bytes were digested again: MLS_ECORRUPT when
 *  they are not what the name says, MLS_ENOTFOUND. At its start. */
mls_err *mls_blob_open(int *fd, const char *folder, const char *name,
                       apr_pool_t *pool);

/** The path of a blob; NULL when `name` is no digest. */
const char *mls_blob_path(const char *folder, const char *name,
                          apr_pool_t *pool);

/** Remove; what is not there is fine. */
mls_err *mls_blob_delete(const char *folder, const char *name,
                         apr_pool_t *pool);

#endif
