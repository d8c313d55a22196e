/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BASE_SHA256_H
#define MLSCORE_BASE_SHA256_H

/** SHA-256 of a block of bytes (FIPS 180-4), for the parts of a container. */

#include <stddef.h>

enum { MLSCORE_SHA256_HEX = 64 };

/** The digest in lower-case hexadecimal, terminated. */
void mlscore_sha256_hex(char out[MLSCORE_SHA256_HEX + 1], const void *bytes,
                        size_t size);

#endif
