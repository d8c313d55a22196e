/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of libmls: made in a pool, chained by cause, printed as one line. */

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

#include <apr_strings.h>

static mls_err *make(apr_pool_t *pool, int code, const mls_err *cause,
                     const char *message)
{
    mls_err *err = apr_palloc(pool, sizeof(*err));

    err->code = code;
    err->message = message;
    err->cause = cause;
    return err;
}

mls_err *mls_err_make(apr_pool_t *pool, int code, const mls_err *cause,
                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const char *message = apr_pvsprintf(pool, format, arguments);
    va_end(arguments);
    return make(pool, code, cause, message);
}

static int code_of_status(apr_status_t status)
{
    if (APR_STATUS_IS_ENOSPC(status) || status == EDQUOT) {
        return MLS_ENOSPACE;
    }
    return status;
}

mls_err *mls_err_apr(apr_pool_t *pool, apr_status_t status,
                     const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    const char *message = apr_pvsprintf(pool, format, arguments);
    va_end(arguments);
    apr_strerror(status, text, sizeof(text));
    return make(pool, code_of_status(status), NULL,
                apr_pstrcat(pool, message, ": ", text, NULL));
}

const char *mls_err_text(const mls_err *err, apr_pool_t *pool)
{
    if (!err) {
        return "no error";
    }
    const char *text = err->message;
    for (const mls_err *cause = err->cause; cause; cause = cause->cause) {
        text = apr_pstrcat(pool, text, ": ", cause->message, NULL);
    }
    return text;
}
