/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_DAEMON_FILES_H
#define MLS_DAEMON_FILES_H

/**
 * Small files that must be whole or absent: written beside, synced, renamed.
 */

#include <stddef.h>
#include <sys/types.h>

#include <apr_pools.h>

#include "base/err.h"

/** Write `length` bytes to `path` with exactly this mode. */
mls_err *mls_file_write(const char *path, const void *data, size_t length,
                        mode_t mode, apr_pool_t *pool);

/** Read a file of at most `most` bytes; a zero follows them. *data is NULL
 *  when there is no such file. */
mls_err *mls_file_read(char **data, size_t *length, const char *path,
                       size_t most, apr_pool_t *pool);

/** Make a rename or a new name in `directory` durable. */
mls_err *mls_directory_sync(const char *directory, apr_pool_t *pool);

/** Write all of it, whatever write(2) does at once. */
mls_err *mls_write_all(int fd, const void *data, size_t length,
                       const char *what, apr_pool_t *pool);

#endif
