/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_ERR_H
#define MLS_BASE_ERR_H

/**
 * Errors of libmls: a returned pointer, NULL for success. The message is for
 * the person who must act. An error lives in the pool it was made with.
 */

#include <apr_errno.h>
#include <apr_pools.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mls_code {
    MLS_EOTHER = APR_OS_START_USERERR, /* unexpected; 500 */
    MLS_EINVALID,     /* the caller's value is wrong; 400 */
    MLS_EUNAUTHORIZED, /* not, or wrongly, authenticated; 401 */
    MLS_EFORBIDDEN,   /* authenticated, but may not; 403 */
    MLS_ENOTFOUND,    /* there is no such thing; 404 */
    MLS_EEXISTS,      /* it is there already; 409 */
    MLS_ECONFLICT,    /* changed meanwhile (If-Match); 412 */
    MLS_ETOOLARGE,    /* over a limit of size; 413 */
    MLS_EMODEL,       /* a model was refused; 400 with its reason */
    MLS_EBUSY,        /* over a limit of work at once; 503 with Retry-After */
    MLS_EUNAVAILABLE, /* mlserverd or a part of it is away; 503 */
    MLS_ENOSPACE,     /* disk full or quota used up; 507 */
    MLS_ETIMEOUT,     /* took too long; 504 */
    MLS_ECORRUPT,     /* stored data is damaged; 500, an admin must act */
    MLS_EGONE         /* the caller went away: nobody is left to answer */
} mls_code;

typedef struct mls_err {
    int code;                  /* mls_code or another apr_status_t */
    const char *message;       /* one line, UTF-8 */
    const struct mls_err *cause; /* what lay below, may be NULL */
} mls_err;

/** Make an error in `pool`. */
mls_err *mls_err_make(apr_pool_t *pool, int code, const mls_err *cause,
                      const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Make an error from an apr_status_t, with its text appended. ENOSPC and
 *  EDQUOT become MLS_ENOSPACE. */
mls_err *mls_err_apr(apr_pool_t *pool, apr_status_t status,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The whole chain, outermost first, joined by ": ". */
const char *mls_err_text(const mls_err *err, apr_pool_t *pool);

/** Return from the calling function when `expression` is an error. */
#define MLS_TRY(expression)                  \
    do {                                     \
        mls_err *mls_try_err = (expression); \
        if (mls_try_err) {                   \
            return mls_try_err;              \
        }                                    \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
