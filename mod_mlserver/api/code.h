/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_API_CODE_H
#define MLH_API_CODE_H

/**
 * What the handlers share that run code: the pool's handle, the caller's end
 * watched, results turned into answers.
 */

#include "mlh.h"
#include "pool/pool_client.h"

/** The pool of the call's state. */
mls_err *mlh_code_pool(mls_pool_client **out, request_rec *r,
                       const mlh_call *call);

/** A call of at most `milliseconds`, given up when the caller goes away. */
void mlh_code_call(mls_pool_call *out, request_rec *r, const mlh_call *call,
                   int milliseconds);

/** Answer the contract's result object (of a consume call, an execution):
 *  200, 400 when the code or the caller is at fault, 500 after a crash.
 *  `with_trace` appends the traceback to the message. */
int mlh_code_reply(request_rec *r, const mls_pool_result *result,
                   int with_trace, int error_status);

/** Answer an error; when the caller is gone there is only a line to log. */
int mlh_code_error(request_rec *r, const mls_err *err);

/** The error that a session's operation answered, or NULL. */
mls_err *mlh_code_refusal(const mls_pool_result *result, apr_pool_t *pool);

/** One operation of a session, as its user. */
mls_err *mlh_session_operation(mls_pool_result **out, request_rec *r,
                               const mlh_call *call, const char *what,
                               const char *name,
                               const mls_session_data *data);

#endif
