/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_PICTURE_PICTURE_H
#define MLSCORE_PICTURE_PICTURE_H

/**
 * Pictures in rows to score: PNG, JPEG and BMP files to pixels, and those to
 * another size.
 *
 * The bytes are anybody's. A picture's size is read and compared with the
 * limits before anything is decoded, and so is the number of scans of a JPEG,
 * so that a small file can take neither much memory nor much time.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/error.h"

enum {
    MLSCORE_PICTURE_MAX_SIDE = 16384,
    MLSCORE_PICTURE_MAX_PIXELS = 1 << 24,
    MLSCORE_PICTURE_MAX_SCANS = 100
};

typedef struct mlscore_picture {
    uint32_t width, height;
    uint8_t *pixels; /* red, green, blue, alpha; row after row, top first */
} mlscore_picture;

/** Width and height from the first bytes of a file. MLSCORE_EINPUT when it is
 *  none of the formats or its head is damaged, MLSCORE_ELIMIT when it is too
 *  large. */
mlscore_status mlscore_picture_size(mlscore_picture *picture,
                                    const void *bytes, size_t length,
                                    mlscore_error *err);

/** Decode a file; free the picture. Fails as mlscore_picture_size does. */
mlscore_status mlscore_picture_read(mlscore_picture *picture,
                                    const void *bytes, size_t length,
                                    mlscore_error *err);
void mlscore_picture_free(mlscore_picture *picture);

/** How a picture is fitted into another shape. */
typedef enum mlscore_picture_fit {
    MLSCORE_PICTURE_PAD,    /* all of it, in the middle, black around it */
    MLSCORE_PICTURE_CROP,   /* its middle, filling the new size */
    MLSCORE_PICTURE_STRETCH /* all of it, with another ratio of the sides */
} mlscore_picture_fit;

/** Write `in` with to->width x to->height pixels to to->pixels, between pixels
 *  bilinearly. */
void mlscore_picture_resize(const mlscore_picture *in, mlscore_picture_fit fit,
                            mlscore_picture *to);

#endif
