/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_UPLOAD_H
#define MLH_HTTP_UPLOAD_H

/**
 * The multipart body of a realtime publish: texts kept in memory, files
 * spooled as they arrive to files without a name, which vanish with the
 * request.
 */

#include "mlh.h"

typedef struct mlh_upload {
    const char *description;  /* NULL: no such part */
    const char *operation_id; /* NULL: no such part; "" takes an alias away */
    int model_fd;             /* -1: no such part */
    apr_int64_t model_size;
    int verify_fd;            /* -1: no such part */
} mlh_upload;

/** Read the request's body. MLH_EMEDIA when it is no multipart/form-data,
 *  MLS_EINVALID when malformed, MLS_ETOOLARGE, MLS_ENOSPACE. */
mls_err *mlh_upload_read(mlh_upload **out, request_rec *r,
                         const mlh_call *call);

#endif
