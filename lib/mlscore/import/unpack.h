/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_UNPACK_H
#define MLSCORE_IMPORT_UNPACK_H

/**
 * Unpacking gzip and zip files, whose contents may be a thousand times as
 * large: bounded by a size and, above a floor, by a ratio.
 */

#include <stddef.h>

#include "mlscore/error.h"

/** Bytes that somebody unpacked: freed with mlscore_free. */
typedef struct mlscore_unpacked {
    unsigned char *bytes;
    size_t size;
} mlscore_unpacked;

int mlscore_is_gzip(const unsigned char *bytes, size_t size);
int mlscore_is_zip(const unsigned char *bytes, size_t size);

/** Unpack all members of a gzip file, at most `max_bytes`. */
mlscore_status mlscore_unpack_gzip(mlscore_unpacked *out,
                                   const unsigned char *bytes, size_t size,
                                   size_t max_bytes, mlscore_error *err);

/** Unpack the one file of a zip archive that is a model: the only file there
 *  is, or the only one that `wanted` says yes to. */
mlscore_status
mlscore_unpack_zip(mlscore_unpacked *out, const unsigned char *bytes,
                   size_t size, size_t max_bytes,
                   int (*wanted)(const unsigned char *bytes, size_t size),
                   mlscore_error *err);

#endif
