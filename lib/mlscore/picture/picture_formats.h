/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_PICTURE_PICTURE_FORMATS_H
#define MLSCORE_PICTURE_PICTURE_FORMATS_H

/** One reader a format; picture.c chooses. */

#include "picture/picture.h"

/** Compare width and height with the limits. */
mlscore_status mlscore_picture_check(const mlscore_picture *picture,
                                     mlscore_error *err);
/** Memory for the pixels of a picture whose size was checked. */
mlscore_status mlscore_picture_alloc(mlscore_picture *picture,
                                     mlscore_error *err);

/** Read a file's size, check it, and decode when `decode`. A reader leaves
 *  pixels that it allocated to its caller even when it fails. */
typedef mlscore_status mlscore_picture_reader(mlscore_picture *picture,
                                              const unsigned char *bytes,
                                              size_t length, int decode,
                                              mlscore_error *err);

mlscore_picture_reader mlscore_picture_bmp, mlscore_picture_jpeg,
    mlscore_picture_png;

#endif
