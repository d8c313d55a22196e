/* SPDX-License-Identifier: Apache-2.0 */
/* PNG files through libpng's simplified interface, which catches its own
 * errors and limits chunks. */

#include <png.h>
#include <string.h>

#include "picture/picture_formats.h"

mlscore_status mlscore_picture_png(mlscore_picture *picture,
                                   const unsigned char *bytes, size_t length,
                                   int decode, mlscore_error *err)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    mlscore_status status = MLSCORE_OK;

    if (!png_image_begin_read_from_memory(&image, bytes, length)) {
        return mlscore_error_set(err, MLSCORE_EINPUT,
                                 "the PNG image is damaged: %s",
                                 image.message);
    }
    picture->width = image.width;
    picture->height = image.height;
    status = mlscore_picture_check(picture, err);
    if (!status && decode) {
        status = mlscore_picture_alloc(picture, err);
    }
    if (!status && decode) {
        image.format = PNG_FORMAT_RGBA;
        if (!png_image_finish_read(&image, NULL, picture->pixels, 0, NULL)) {
            status = mlscore_error_set(err, MLSCORE_EINPUT,
                                       "the PNG image is damaged: %s",
                                       image.message);
        }
    }
    png_image_free(&image);
    return status;
}
