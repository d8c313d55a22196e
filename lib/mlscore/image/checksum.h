/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMAGE_CHECKSUM_H
#define MLSCORE_IMAGE_CHECKSUM_H

/** The checksum of an image: XXH3 (64 bits) of all bytes but the field that
 *  holds it. It tells damage from health; it is no protection against a
 *  forger, who is kept out by the permissions of the images' folder, and whose
 *  image would still have to pass every other check. */

#include <stddef.h>
#include <stdint.h>

/** 0 when there is no memory for the hash's state; then *failed is 1. */
uint64_t mlscore_image_checksum(const unsigned char *bytes, size_t size,
                                int *failed);

#endif
