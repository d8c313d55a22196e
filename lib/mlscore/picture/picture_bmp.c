/* SPDX-License-Identifier: Apache-2.0 */
/* BMP files: 8 bits with a palette, 24 and 32 bits, not compressed. */

#include "base/bytes.h"
#include "picture/picture_formats.h"

enum { HEADS = 14 + 40 };

struct bmp {
    const unsigned char *palette, *rows;
    size_t colours, step; /* bytes from row to row */
    unsigned bits;
    int bottom_up;
};

static mlscore_status damaged(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_EINPUT, "the BMP image is damaged, "
                             "or compressed, which is not supported");
}

static mlscore_status read_heads(mlscore_picture *picture, struct bmp *bmp,
                                 const unsigned char *bytes, size_t length,
                                 mlscore_error *err)
{
    if (length < HEADS) {
        return damaged(err);
    }
    const uint32_t from = mlscore_load_u32(bytes + 10);
    const uint32_t head = mlscore_load_u32(bytes + 14);
    const int32_t height = (int32_t)mlscore_load_u32(bytes + 22);
    const uint32_t compression = mlscore_load_u32(bytes + 30);

    bmp->bits = mlscore_load_u16(bytes + 28);
    bmp->bottom_up = height > 0;
    picture->width = mlscore_load_u32(bytes + 18);
    picture->height = height > 0 ? (uint32_t)height : 0u - (uint32_t)height;
    /* 3: masks, which all writers of 32 bits set to the usual ones. */
    if (head < 40 || head > length - 14 ||
        (compression != 0 && !(compression == 3 && bmp->bits == 32)) ||
        (bmp->bits != 8 && bmp->bits != 24 && bmp->bits != 32)) {
        return damaged(err);
    }
    mlscore_status status = mlscore_picture_check(picture, err);
    if (status) {
        return status;
    }
    bmp->step = ((size_t)picture->width * bmp->bits / 8 + 3) / 4 * 4;
    bmp->palette = bytes + 14 + head;
    bmp->colours = mlscore_load_u32(bytes + 46);
    bmp->colours = bmp->colours ? bmp->colours : 256;
    if (from > length || bmp->step * picture->height > length - from ||
        (bmp->bits == 8 &&
         (bmp->colours > 256 || bmp->colours * 4 > length - 14 - head))) {
        return damaged(err);
    }
    bmp->rows = bytes + from;
    return MLSCORE_OK;
}

mlscore_status mlscore_picture_bmp(mlscore_picture *picture,
                                   const unsigned char *bytes, size_t length,
                                   int decode, mlscore_error *err)
{
    struct bmp bmp = {0};
    mlscore_status status = read_heads(picture, &bmp, bytes, length, err);

    if (status || !decode) {
        return status;
    }
    status = mlscore_picture_alloc(picture, err);
    for (uint32_t y = 0; !status && y < picture->height; y++) {
        const uint32_t line = bmp.bottom_up ? picture->height - 1 - y : y;
        const unsigned char *row = bmp.rows + line * bmp.step;
        uint8_t *to = picture->pixels + (size_t)y * picture->width * 4;

        for (uint32_t x = 0; x < picture->width; x++, to += 4) {
            const unsigned char *from = row + x * (bmp.bits / 8);

            if (bmp.bits == 8) {
                if (*from >= bmp.colours) {
                    return damaged(err);
                }
                from = bmp.palette + (size_t)*from * 4;
            }
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
            to[3] = 255;
        }
    }
    return status;
}
