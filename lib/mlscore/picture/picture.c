/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a picture's reader by its first bytes; limits; resizing. */

#include "picture/picture.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "picture/picture_formats.h"

static const struct {
    const char *magic;
    size_t length;
    mlscore_picture_reader *read;
} formats[] = {
    {"\x89PNG\r\n\x1a\n", 8, mlscore_picture_png},
    {"\xff\xd8\xff", 3, mlscore_picture_jpeg},
    {"BM", 2, mlscore_picture_bmp},
};

mlscore_status mlscore_picture_check(const mlscore_picture *picture,
                                     mlscore_error *err)
{
    if (picture->width == 0 || picture->height == 0) {
        return mlscore_error_set(err, MLSCORE_EINPUT, "the image is empty");
    }
    if (picture->width > MLSCORE_PICTURE_MAX_SIDE ||
        picture->height > MLSCORE_PICTURE_MAX_SIDE ||
        (uint64_t)picture->width * picture->height >
            MLSCORE_PICTURE_MAX_PIXELS) {
        return mlscore_error_set(
            err, MLSCORE_ELIMIT, "the image has %u x %u pixels, at most %d "
            "are possible", picture->width, picture->height,
            MLSCORE_PICTURE_MAX_PIXELS);
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_picture_alloc(mlscore_picture *picture,
                                     mlscore_error *err)
{
    picture->pixels = mlscore_malloc_array((size_t)picture->width *
                                               picture->height, 4);
    return picture->pixels ? MLSCORE_OK
                           : mlscore_error_set(err, MLSCORE_ENOMEM,
                                               "out of memory");
}

static mlscore_status find_and_read(mlscore_picture *picture,
                                    const void *bytes, size_t length,
                                    int decode, mlscore_error *err)
{
    *picture = (mlscore_picture){0};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (length >= formats[i].length &&
            !memcmp(bytes, formats[i].magic, formats[i].length)) {
            const mlscore_status status =
                formats[i].read(picture, bytes, length, decode, err);

            if (status) {
                mlscore_picture_free(picture);
            }
            return status;
        }
    }
    return mlscore_error_set(err, MLSCORE_EINPUT,
                             "the image is neither PNG nor JPEG nor BMP");
}

mlscore_status mlscore_picture_size(mlscore_picture *picture,
                                    const void *bytes, size_t length,
                                    mlscore_error *err)
{
    return find_and_read(picture, bytes, length, 0, err);
}

mlscore_status mlscore_picture_read(mlscore_picture *picture,
                                    const void *bytes, size_t length,
                                    mlscore_error *err)
{
    return find_and_read(picture, bytes, length, 1, err);
}

void mlscore_picture_free(mlscore_picture *picture)
{
    mlscore_free(picture->pixels);
    picture->pixels = NULL;
}

/* --- resizing ------------------------------------------------------------- */

/* Along one side: where the picture lies in the new size, and its scale. */
struct side {
    int64_t from, length; /* of the picture, in pixels of the new size */
    uint32_t source;      /* pixels of the picture */
};

static struct side side_of(uint32_t source, uint32_t target, double scale)
{
    const double length = source * scale;
    struct side side = {(int64_t)((target - length) / 2), (int64_t)length,
                        source};

    side.length = side.length < 1 ? 1 : side.length;
    return side;
}

/* The two pixels that pixel `at` of the new size lies between, and how near
 * the second is; 0 when it lies outside of the picture. */
static int between(const struct side *side, uint32_t at, size_t *low,
                   size_t *high, float *part)
{
    const int64_t inside = (int64_t)at - side->from;

    if (inside < 0 || inside >= side->length) {
        return 0;
    }
    double x = ((double)inside + 0.5) * side->source / (double)side->length -
               0.5;
    x = x < 0 ? 0 : x > side->source - 1 ? side->source - 1 : x;
    *low = (size_t)x;
    *high = *low + 1 < side->source ? *low + 1 : *low;
    *part = (float)(x - (double)*low);
    return 1;
}

static void fill_row(const mlscore_picture *in, const struct side *across,
                     size_t low, size_t high, float down, uint32_t width,
                     uint8_t *to)
{
    const uint8_t *above = in->pixels + low * in->width * 4;
    const uint8_t *below = in->pixels + high * in->width * 4;

    for (uint32_t x = 0; x < width; x++, to += 4) {
        size_t left, right;
        float part;

        if (!between(across, x, &left, &right, &part)) {
            continue;
        }
        for (size_t c = 0; c < 4; c++) {
            const float a = (float)above[left * 4 + c] * (1 - part) +
                            (float)above[right * 4 + c] * part;
            const float b = (float)below[left * 4 + c] * (1 - part) +
                            (float)below[right * 4 + c] * part;

            to[c] = (uint8_t)(a * (1 - down) + b * down + 0.5f);
        }
    }
}

void mlscore_picture_resize(const mlscore_picture *in, mlscore_picture_fit fit,
                            mlscore_picture *to)
{
    const double wide = (double)to->width / in->width;
    const double high = (double)to->height / in->height;
    const double both = fit == MLSCORE_PICTURE_PAD ? fmin(wide, high)
                                                   : fmax(wide, high);
    const int stretch = fit == MLSCORE_PICTURE_STRETCH;
    const struct side across =
        side_of(in->width, to->width, stretch ? wide : both);
    const struct side along =
        side_of(in->height, to->height, stretch ? high : both);

    for (size_t i = 0; i < (size_t)to->width * to->height; i++) {
        memcpy(to->pixels + i * 4, "\0\0\0\xff", 4);
    }
    for (uint32_t y = 0; y < to->height; y++) {
        size_t top, bottom;
        float part;

        if (between(&along, y, &top, &bottom, &part)) {
            fill_row(in, &across, top, bottom, part, to->width,
                     to->pixels + (size_t)y * to->width * 4);
        }
    }
}
