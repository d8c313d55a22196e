/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_ERROR_H
#define MLSCORE_ERROR_H

/**
 * How libmlscore reports what went wrong.
 *
 * Every fallible function returns an mlscore_status and, when the caller
 * passes one, fills an mlscore_error that the caller owns. There is no
 * thread-local message, so an error is never stale.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MLSCORE_API __attribute__((visibility("default")))
#define MLSCORE_PRINTF(text, first) \
    __attribute__((format(printf, text, first)))
#else
#define MLSCORE_API
#define MLSCORE_PRINTF(text, first)
#endif

typedef enum mlscore_status {
    MLSCORE_OK = 0,
    MLSCORE_ENOMEM,       /* an allocation failed */
    MLSCORE_EIO,          /* a file could not be read or written */
    MLSCORE_EFORMAT,      /* a model file breaks the rules of its format */
    MLSCORE_EUNSUPPORTED, /* well formed, but uses something not supported */
    MLSCORE_ELIMIT,       /* larger, deeper or longer than the limits allow */
    MLSCORE_EINPUT,       /* rows to score: bad syntax, column, type, length */
    MLSCORE_EIMAGE,       /* a compiled image is damaged */
    MLSCORE_EVERSION      /* a compiled image of another format version */
} mlscore_status;

typedef struct mlscore_error {
    mlscore_status status;
    size_t offset;      /* byte offset in the input, 0 when unknown */
    unsigned long line; /* 1-based line in the input, 0 when unknown */
    char message[512];  /* one line, UTF-8, for the person who must act */
} mlscore_error;

/** Fill `err` (which may be NULL) and return `status`, so that a caller can
 *  write `return mlscore_error_set(err, MLSCORE_EFORMAT, "...", ...)`. A
 *  message that is too long is cut at a UTF-8 boundary. Sets offset and line
 *  to 0. */
MLSCORE_API mlscore_status mlscore_error_set(mlscore_error *err,
                                             mlscore_status status,
                                             const char *format, ...)
    MLSCORE_PRINTF(3, 4);

/** The same with a position in the input. */
MLSCORE_API mlscore_status mlscore_error_at(mlscore_error *err,
                                            mlscore_status status,
                                            size_t offset, unsigned long line,
                                            const char *format, ...)
    MLSCORE_PRINTF(5, 6);

/** A short English name of a status, such as "limit". Never NULL. */
MLSCORE_API const char *mlscore_status_name(mlscore_status status);

#ifdef __cplusplus
}
#endif
#endif
