/* SPDX-License-Identifier: Apache-2.0 */
/* Image files: decode, and fit what was decoded into a small size. */

#include <stdint.h>
#include <stdlib.h>

#include "picture/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlscore_error err = {0};
    mlscore_picture head, picture;
    uint8_t pixels[7 * 5 * 4];
    mlscore_picture small = {.width = 7, .height = 5, .pixels = pixels};

    const int known = !mlscore_picture_size(&head, data, size, &err);
    if (!mlscore_picture_read(&picture, data, size, &err)) {
        if (!known || head.width != picture.width ||
            head.height != picture.height) {
            abort(); /* the head said something else */
        }
        for (int fit = 0; fit < 3; fit++) {
            mlscore_picture_resize(&picture, (mlscore_picture_fit)fit, &small);
        }
        mlscore_picture_free(&picture);
    }
    return 0;
}
