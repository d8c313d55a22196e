/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer, and numbers appended to it. */

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"

/* Twice as much as before, so that appending is linear over all. */
static mlscore_status grow(mlscore_buffer *buffer, size_t needed)
{
    size_t capacity;

    if (mlscore_mul_size(&capacity, buffer->capacity, 2)) {
        capacity = needed;
    }
    capacity = capacity < 256 ? 256 : capacity;
    capacity = capacity < needed ? needed : capacity;
    if (buffer->maximum && capacity > buffer->maximum) {
        capacity = buffer->maximum;
    }
    char *bytes = mlscore_realloc(buffer->bytes, capacity);
    if (!bytes) {
        return MLSCORE_ENOMEM;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return MLSCORE_OK;
}

mlscore_status mlscore_buffer_reserve(mlscore_buffer *buffer, size_t extra)
{
    size_t needed;

    if (extra <= buffer->capacity - buffer->length) {
        return MLSCORE_OK;
    }
    if (mlscore_add_size(&needed, buffer->length, extra)) {
        return MLSCORE_ENOMEM;
    }
    if (buffer->maximum && needed > buffer->maximum) {
        return MLSCORE_ELIMIT;
    }
    return grow(buffer, needed);
}

mlscore_status mlscore_buffer_append(mlscore_buffer *buffer, const void *bytes,
                                     size_t length)
{
    const mlscore_status status = mlscore_buffer_reserve(buffer, length);

    if (status == MLSCORE_OK && length > 0) {
        memcpy(buffer->bytes + buffer->length, bytes, length);
        buffer->length += length;
    }
    return status;
}

void mlscore_buffer_free(mlscore_buffer *buffer)
{
    mlscore_free(buffer->bytes);
    *buffer = (mlscore_buffer){.maximum = buffer->maximum};
}

static mlscore_status put(mlscore_buffer *buffer, uint64_t value, int bytes)
{
    unsigned char little[8];

    mlscore_store_u64(little, value);
    return mlscore_buffer_append(buffer, little, (size_t)bytes);
}

mlscore_status mlscore_put_u8(mlscore_buffer *buffer, uint8_t value)
{
    return put(buffer, value, 1);
}

mlscore_status mlscore_put_u16(mlscore_buffer *buffer, uint16_t value)
{
    return put(buffer, value, 2);
}

mlscore_status mlscore_put_u32(mlscore_buffer *buffer, uint32_t value)
{
    return put(buffer, value, 4);
}

mlscore_status mlscore_put_u64(mlscore_buffer *buffer, uint64_t value)
{
    return put(buffer, value, 8);
}

mlscore_status mlscore_put_float(mlscore_buffer *buffer, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return put(buffer, bits, 4);
}

mlscore_status mlscore_put_double(mlscore_buffer *buffer, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return put(buffer, bits, 8);
}

mlscore_status mlscore_put_align(mlscore_buffer *buffer, size_t align)
{
    const size_t extra = -buffer->length & (align - 1);
    const mlscore_status status = mlscore_buffer_reserve(buffer, extra);

    if (status == MLSCORE_OK && extra > 0) {
        memset(buffer->bytes + buffer->length, 0, extra);
        buffer->length += extra;
    }
    return status;
}
