/* SPDX-License-Identifier: Apache-2.0 */
/* Building an image: sections are collected, then laid out in one block. */

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image.h"
#include "image/image_format.h"

struct section {
    uint32_t kind;
    void *bytes;
    size_t size;
};

struct mlscore_image_builder {
    mlscore_engine_id engine;
    struct section *sections;
    size_t count;
    size_t capacity;
};

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to compile the model");
}

mlscore_status mlscore_image_builder_create(mlscore_image_builder **out,
                                            mlscore_engine_id engine,
                                            mlscore_error *err)
{
    *out = mlscore_calloc(1, sizeof(**out));
    if (!*out) {
        return no_memory(err);
    }
    (*out)->engine = engine;
    return MLSCORE_OK;
}

void mlscore_image_builder_free(mlscore_image_builder *builder)
{
    if (!builder) {
        return;
    }
    for (size_t i = 0; i < builder->count; i++) {
        mlscore_free(builder->sections[i].bytes);
    }
    mlscore_free(builder->sections);
    mlscore_free(builder);
}

mlscore_status mlscore_image_builder_add(mlscore_image_builder *builder,
                                         uint32_t kind, const void *bytes,
                                         size_t size, mlscore_error *err)
{
    for (size_t i = 0; i < builder->count; i++) {
        if (builder->sections[i].kind == kind) {
            return mlscore_error_set(err, MLSCORE_EIMAGE,
                                     "section %u is there twice", kind);
        }
    }
    if (builder->count >= MLSCORE_IMAGE_MAX_SECTIONS) {
        return mlscore_error_set(err, MLSCORE_ELIMIT, "too many sections");
    }
    if (mlscore_grow(&builder->sections, &builder->capacity, builder->count,
                     sizeof(*builder->sections))) {
        return no_memory(err);
    }
    void *copy = mlscore_malloc(size);
    if (!copy) {
        return no_memory(err);
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    builder->sections[builder->count++] = (struct section){kind, copy, size};
    return MLSCORE_OK;
}

static size_t aligned(size_t size)
{
    return (size + MLSCORE_IMAGE_ALIGN - 1) &
           ~(size_t)(MLSCORE_IMAGE_ALIGN - 1);
}

static mlscore_status total_size(const mlscore_image_builder *builder,
                                 size_t *total)
{
    size_t sum =
        aligned(MLSCORE_HEADER_BYTES + builder->count * MLSCORE_ENTRY_BYTES);

    for (size_t i = 0; i < builder->count; i++) {
        if (builder->sections[i].size > SIZE_MAX / 2 ||
            mlscore_add_size(&sum, sum, aligned(builder->sections[i].size))) {
            return MLSCORE_ELIMIT;
        }
    }
    *total = sum;
    return MLSCORE_OK;
}

static void lay_out(const mlscore_image_builder *builder, unsigned char *base,
                    size_t total)
{
    size_t at =
        aligned(MLSCORE_HEADER_BYTES + builder->count * MLSCORE_ENTRY_BYTES);
    unsigned char *entry = base + MLSCORE_HEADER_BYTES;

    memset(base, 0, total);
    memcpy(base, MLSCORE_IMAGE_MAGIC, 8);
    mlscore_store_u32(base + MLSCORE_HEADER_VERSION, MLSCORE_IMAGE_FORMAT);
    mlscore_store_u32(base + MLSCORE_HEADER_ENGINE, (uint32_t)builder->engine);
    mlscore_store_u64(base + MLSCORE_HEADER_SIZE, total);
    mlscore_store_u32(base + MLSCORE_HEADER_SECTIONS, (uint32_t)builder->count);
    for (size_t i = 0; i < builder->count; i++) {
        const struct section *section = &builder->sections[i];
        mlscore_store_u32(entry + MLSCORE_ENTRY_KIND, section->kind);
        mlscore_store_u64(entry + MLSCORE_ENTRY_OFFSET, at);
        mlscore_store_u64(entry + MLSCORE_ENTRY_SIZE, section->size);
        if (section->size > 0) {
            memcpy(base + at, section->bytes, section->size);
        }
        at += aligned(section->size);
        entry += MLSCORE_ENTRY_BYTES;
    }
}

mlscore_status mlscore_image_builder_finish(mlscore_image_builder *builder,
                                            void **image, size_t *size,
                                            mlscore_error *err)
{
    size_t total;
    int failed;

    *image = NULL;
    if (total_size(builder, &total) != MLSCORE_OK) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the compiled model is too large");
    }
    unsigned char *base = mlscore_malloc_aligned(total);
    if (!base) {
        return no_memory(err);
    }
    lay_out(builder, base, total);
    const uint64_t sum = mlscore_image_checksum(base, total, &failed);
    if (failed) {
        mlscore_free(base);
        return no_memory(err);
    }
    mlscore_store_u64(base + MLSCORE_HEADER_CHECKSUM, sum);
    *image = base;
    *size = total;
    return MLSCORE_OK;
}
