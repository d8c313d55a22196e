/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_INFLATE_H
#define MLH_HTTP_INFLATE_H

/**
 * Unpacking compressed request bodies as they arrive, with a limit on how much
 * more may come out than went in.
 */

#include "http/request.h"

typedef struct mlh_inflate mlh_inflate;

/** For a Content-Encoding: gzip, x-gzip or deflate (with or without zlib's
 *  header); others are MLH_EMEDIA. Freed with the pool. */
mls_err *mlh_inflate_create(mlh_inflate **out, const char *encoding,
                            apr_pool_t *pool);

/** Push packed bytes, pass on what comes out. */
mls_err *mlh_inflate_feed(mlh_inflate *inflate, const char *bytes,
                          size_t length, mlh_sink *sink, void *baton);

/** The input has ended: MLS_EINVALID when the packed data has not. */
mls_err *mlh_inflate_finish(mlh_inflate *inflate);

#endif
