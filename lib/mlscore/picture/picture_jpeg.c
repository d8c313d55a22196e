/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG files through libjpeg. Its errors come back by longjmp to the one
 * function that calls it. */

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/alloc.h"
#include "picture/picture_formats.h"

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    mlscore_error *err;
    mlscore_status status;
    uint8_t *line;
};

static void give_up(struct decoder *decoder, const char *why)
{
    decoder->status = mlscore_error_set(decoder->err, MLSCORE_EINPUT,
                                        "the JPEG image is damaged: %s", why);
    longjmp(decoder->failed, 1);
}

static void on_error(j_common_ptr info)
{
    char why[JMSG_LENGTH_MAX];

    info->err->format_message(info, why);
    give_up(info->client_data, why);
}

/* Warnings are no reason to stop, but a file that ends too early is. */
static void on_message(j_common_ptr info, int level)
{
    if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) {
        give_up(info->client_data, "it ends too early");
    }
}

static void on_progress(j_common_ptr info)
{
    struct decoder *decoder = info->client_data;

    if (decoder->jpeg.input_scan_number > MLSCORE_PICTURE_MAX_SCANS) {
        give_up(decoder, "too many scans");
    }
}

static mlscore_status fail(struct decoder *decoder, mlscore_status status)
{
    decoder->status = status;
    return status;
}

static void decode_rows(struct decoder *decoder, mlscore_picture *picture)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    jpeg->out_color_space = JCS_RGB;
    if (jpeg->jpeg_color_space == JCS_CMYK ||
        jpeg->jpeg_color_space == JCS_YCCK) {
        give_up(decoder, "CMYK colours are not supported");
    }
    if (fail(decoder, mlscore_picture_alloc(picture, decoder->err))) {
        return;
    }
    decoder->line = mlscore_malloc_array(picture->width, 3);
    if (!decoder->line) {
        fail(decoder, mlscore_error_set(decoder->err, MLSCORE_ENOMEM,
                                        "out of memory"));
        return;
    }
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < picture->height) {
        uint8_t *to = picture->pixels +
                      (size_t)jpeg->output_scanline * picture->width * 4;

        if (jpeg_read_scanlines(jpeg, &decoder->line, 1) != 1) {
            give_up(decoder, "it ends too early");
        }
        for (uint32_t x = 0; x < picture->width; x++) {
            memcpy(to + (size_t)x * 4, decoder->line + (size_t)x * 3, 3);
            to[(size_t)x * 4 + 3] = 255;
        }
    }
}

static void run(struct decoder *decoder, mlscore_picture *picture,
                const unsigned char *bytes, size_t length, int decode)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

    if (setjmp(decoder->failed)) {
        return;
    }
    jpeg_create_decompress(jpeg);
    jpeg->client_data = decoder;
    jpeg->progress = &decoder->progress;
    decoder->progress.progress_monitor = on_progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)length);
    jpeg_read_header(jpeg, TRUE);
    picture->width = jpeg->image_width;
    picture->height = jpeg->image_height;
    if (!fail(decoder, mlscore_picture_check(picture, decoder->err)) &&
        decode) {
        decode_rows(decoder, picture);
    }
}

mlscore_status mlscore_picture_jpeg(mlscore_picture *picture,
                                    const unsigned char *bytes, size_t length,
                                    int decode, mlscore_error *err)
{
    struct decoder decoder = {.err = err};

    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.jpeg.client_data = &decoder; /* creating it may fail, too */
    decoder.errors.error_exit = on_error;
    decoder.errors.emit_message = on_message;
    run(&decoder, picture, bytes, length, decode);
    jpeg_destroy_decompress(&decoder.jpeg);
    mlscore_free(decoder.line);
    return decoder.status;
}
