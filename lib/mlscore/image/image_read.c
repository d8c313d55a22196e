/* SPDX-License-Identifier: Apache-2.0 */
/* Checking an image's header and section table; finding sections. */

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image.h"
#include "image/image_format.h"
#include "mlscore/model.h"

static mlscore_status damaged(mlscore_error *err, const char *what)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the compiled model is damaged (%s); compile the "
                             "model's file again",
                             what);
}

int mlscore_is_image(const void *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, MLSCORE_IMAGE_MAGIC, 8) == 0;
}

static mlscore_status check_header(const unsigned char *base, size_t size,
                                   mlscore_error *err)
{
    if (size < MLSCORE_HEADER_BYTES || !mlscore_is_image(base, size)) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "this is not a compiled model");
    }
    const uint32_t version = mlscore_load_u32(base + MLSCORE_HEADER_VERSION);
    if (version != MLSCORE_IMAGE_FORMAT) {
        return mlscore_error_set(
            err, MLSCORE_EVERSION,
            "the compiled model has image format %" PRIu32
            ", this version reads %d; compile the model's file again",
            version, MLSCORE_IMAGE_FORMAT);
    }
    if (mlscore_load_u64(base + MLSCORE_HEADER_SIZE) != size) {
        return damaged(err, "its size is not the size it names");
    }
    int failed;
    const uint64_t sum = mlscore_image_checksum(base, size, &failed);
    if (failed) {
        return mlscore_error_set(err, MLSCORE_ENOMEM,
                                 "not enough memory to check the model");
    }
    if (mlscore_load_u64(base + MLSCORE_HEADER_CHECKSUM) != sum) {
        return damaged(err, "wrong checksum");
    }
    return MLSCORE_OK;
}

/* Sections lie one after the other, aligned, inside the file. */
static mlscore_status check_table(const unsigned char *base, size_t size,
                                  uint32_t count, mlscore_error *err)
{
    const unsigned char *table = base + MLSCORE_HEADER_BYTES;
    uint64_t end = MLSCORE_HEADER_BYTES + (uint64_t)count * MLSCORE_ENTRY_BYTES;

    if (count > MLSCORE_IMAGE_MAX_SECTIONS || end > size) {
        return damaged(err, "its section table does not fit");
    }
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *entry = table + (size_t)i * MLSCORE_ENTRY_BYTES;
        const uint64_t offset = mlscore_load_u64(entry + MLSCORE_ENTRY_OFFSET);
        const uint64_t bytes = mlscore_load_u64(entry + MLSCORE_ENTRY_SIZE);

        if (offset % MLSCORE_IMAGE_ALIGN != 0 || offset < end ||
            !mlscore_range_inside(offset, bytes, 1, size)) {
            return damaged(err, "a section lies outside");
        }
        for (uint32_t j = 0; j < i; j++) {
            if (mlscore_load_u32(table + (size_t)j * MLSCORE_ENTRY_BYTES) ==
                mlscore_load_u32(entry)) {
                return damaged(err, "a section is there twice");
            }
        }
        end = offset + bytes;
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_image_check(mlscore_image *image, const void *bytes,
                                   size_t size, mlscore_error *err)
{
    const unsigned char *base = bytes;
    mlscore_status status = check_header(base, size, err);

    if (status == MLSCORE_OK) {
        status = check_table(
            base, size, mlscore_load_u32(base + MLSCORE_HEADER_SECTIONS), err);
    }
    if (status == MLSCORE_OK) {
        *image = (mlscore_image){.base = base,
                                 .size = size,
                                 .engine = (mlscore_engine_id)mlscore_load_u32(
                                     base + MLSCORE_HEADER_ENGINE)};
    }
    return status;
}

const void *mlscore_image_section(const mlscore_image *image, uint32_t kind,
                                  size_t *size)
{
    const uint32_t count =
        mlscore_load_u32(image->base + MLSCORE_HEADER_SECTIONS);
    const unsigned char *entry = image->base + MLSCORE_HEADER_BYTES;

    for (uint32_t i = 0; i < count; i++, entry += MLSCORE_ENTRY_BYTES) {
        if (mlscore_load_u32(entry + MLSCORE_ENTRY_KIND) == kind) {
            *size = (size_t)mlscore_load_u64(entry + MLSCORE_ENTRY_SIZE);
            return image->base +
                   (size_t)mlscore_load_u64(entry + MLSCORE_ENTRY_OFFSET);
        }
    }
    *size = 0;
    return NULL;
}
