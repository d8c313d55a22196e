/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_H
#define MLSCORE_BODY_H

/**
 * Bodies of scoring requests and answers: JSON and CSV, read straight into a
 * frame and written straight from one.
 */

#include <stddef.h>

#include "mlscore/error.h"
#include "mlscore/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A growing block of bytes with a limit. Zero-initialise, set `maximum`
 *  (0 means none); free with mlscore_buffer_free. `length` may be set to 0 to
 *  reuse the memory. */
typedef struct mlscore_buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t maximum;
} mlscore_buffer;

MLSCORE_API mlscore_status mlscore_buffer_append(mlscore_buffer *buffer,
                                                 const void *bytes,
                                                 size_t length);
/** Make room for `extra` more bytes after `length`. */
MLSCORE_API mlscore_status mlscore_buffer_reserve(mlscore_buffer *buffer,
                                                  size_t extra);
MLSCORE_API void mlscore_buffer_free(mlscore_buffer *buffer);

/** Limits of a reader; zero means the default. */
typedef struct mlscore_read_options {
    size_t max_rows;    /* default 10 M */
    unsigned max_depth; /* of nested values that are skipped, default 512 */
} mlscore_read_options;

/** Read a JSON body (RFC 8259, plus bare NaN, Infinity and -Infinity as
 *  missing): `{"inputData": COLUMNS-OR-ROWS}`, where COLUMNS is
 *  `{"x": [1, 2], "y": [null, 3]}` (a scalar counts as one row) and ROWS is
 *  `[{"x": 1, "y": null}, ...]`. Other top-level keys and unknown columns are
 *  skipped but must be valid JSON. `bytes` must stay until the frame is reset:
 *  texts without escapes are borrowed from it. Errors name the column, the
 *  0-based row and the byte offset: missing required column, wrong type,
 *  unequal lengths, duplicate key, invalid UTF-8, lone surrogate, bad syntax,
 *  too many rows. The frame is reset first. */
MLSCORE_API mlscore_status mlscore_read_json(mlscore_frame *frame,
                                             const char *bytes, size_t length,
                                             const mlscore_read_options *opts,
                                             mlscore_error *err);

/** Read CSV (RFC 4180; LF or CRLF; optional UTF-8 byte order mark): the first
 *  line names the columns, an empty cell is missing, `true`/`false` in any
 *  case are logicals, NaN and NA-like words are not special except bare `NaN`,
 *  `Infinity` in numeric columns. Same rules, lifetimes and errors. */
MLSCORE_API mlscore_status mlscore_read_csv(mlscore_frame *frame,
                                            const char *bytes, size_t length,
                                            const mlscore_read_options *opts,
                                            mlscore_error *err);

/** Append `{"col": [..], ...}` for all columns of `frame`: NaN, infinities
 *  and missing cells as null, numbers in the shortest form that reads back to
 *  the same double, text escaped. Column order is the schema's. */
MLSCORE_API mlscore_status mlscore_write_json(mlscore_buffer *out,
                                              const mlscore_frame *frame,
                                              mlscore_error *err);

/** Append the frame as CSV with a header line and LF line ends. A missing
 *  cell is empty; NaN and infinities are written `NaN`, `Infinity`,
 *  `-Infinity`. A row of one empty cell is written as `""`. */
MLSCORE_API mlscore_status mlscore_write_csv(mlscore_buffer *out,
                                             const mlscore_frame *frame,
                                             mlscore_error *err);

/** Append a JSON string literal with quotes; invalid UTF-8 becomes U+FFFD. */
MLSCORE_API mlscore_status mlscore_write_json_string(mlscore_buffer *out,
                                                     const char *bytes,
                                                     size_t length);

/** Write `value` in the shortest decimal form that reads back to it; at most
 *  32 bytes, not terminated; returns the length. Independent of locale.
 *  `value` must be finite. Whole numbers below 1e16 have no exponent and no
 *  ".0". */
MLSCORE_API size_t mlscore_format_double(char *out, double value);
/** The same for a float: shortest form that reads back to the same float. */
MLSCORE_API size_t mlscore_format_float(char *out, float value);

/** Parse a decimal number of RFC 8259's grammar plus leading '+', leading
 *  zeros and bare '.5' / '5.' forms, correctly rounded, independent of
 *  locale; returns the number of bytes used, 0 when there is none. Overflow
 *  gives an infinity. */
MLSCORE_API size_t mlscore_parse_double(const char *bytes, size_t length,
                                        double *value);
/** The same rounded once to float (not via double). */
MLSCORE_API size_t mlscore_parse_float(const char *bytes, size_t length,
                                       float *value);

#ifdef __cplusplus
}
#endif
#endif
