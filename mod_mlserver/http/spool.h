/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_SPOOL_H
#define MLH_HTTP_SPOOL_H

/**
 * Bytes on their way to or from a worker: in files without a name, which vanish
 * with the request.
 */

#include "mlh.h"

/** An empty file without a name in MLServerUploadDir, closed with r->pool. */
mls_err *mlh_spool_open(int *fd, request_rec *r, const mlh_config *config);

/** The request's body, as it came, in such a file. */
mls_err *mlh_spool_body(int *fd, request_rec *r, const mlh_config *config,
                        apr_int64_t limit, const char *what);

/** The part `name` of a multipart/form-data body in such a file; *filename is
 *  what the part calls itself. MLS_EINVALID when there is no such part. */
mls_err *mlh_spool_part(int *fd, const char **filename, request_rec *r,
                        const mlh_config *config, const char *name,
                        apr_int64_t limit);

/** Answer with the whole file. `filename`, when given, is offered for saving.
 */
int mlh_reply_file(request_rec *r, int fd, const char *type,
                   const char *filename);

#endif
