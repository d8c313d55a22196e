/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BASE_BYTES_H
#define MLSCORE_BASE_BYTES_H

/**
 * Bytes in and out, little-endian: a bounds-checked reader with a sticky
 * failure, plain loads for offsets that were checked before, and functions
 * that append numbers to an mlscore_buffer (body.h).
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mlscore/body.h"

/** Reads past the end give zero and set `failed`; check it once at the end of
 *  a record, before any count that was read is used. */
typedef struct mlscore_reader {
    const unsigned char *bytes;
    size_t size;
    size_t at;
    int failed;
} mlscore_reader;

static inline mlscore_reader mlscore_reader_over(const void *bytes, size_t size)
{
    return (mlscore_reader){.bytes = bytes, .size = size};
}

/** The next `length` bytes, or NULL (and failed) when there are fewer. */
static inline const unsigned char *mlscore_reader_take(mlscore_reader *reader,
                                                       size_t length)
{
    if (reader->failed || length > reader->size - reader->at) {
        reader->failed = 1;
        return NULL;
    }
    const unsigned char *bytes = reader->bytes + reader->at;
    reader->at += length;
    return bytes;
}

static inline size_t mlscore_reader_left(const mlscore_reader *reader)
{
    return reader->failed ? 0 : reader->size - reader->at;
}

/* Loads of numbers at addresses that are known to be inside; any alignment.
 * Compilers turn them into one instruction on little-endian machines. */
static inline uint16_t mlscore_load_u16(const void *at)
{
    const unsigned char *b = at;

    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t mlscore_load_u32(const void *at)
{
    const unsigned char *b = at;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t mlscore_load_u64(const void *at)
{
    const unsigned char *b = at;

    return mlscore_load_u32(b) | (uint64_t)mlscore_load_u32(b + 4) << 32;
}

static inline float mlscore_load_float(const void *at)
{
    const uint32_t bits = mlscore_load_u32(at);
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline double mlscore_load_double(const void *at)
{
    const uint64_t bits = mlscore_load_u64(at);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint8_t mlscore_reader_u8(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 1);

    return at ? *at : 0;
}

static inline uint16_t mlscore_reader_u16(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 2);

    return at ? mlscore_load_u16(at) : 0;
}

static inline uint32_t mlscore_reader_u32(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 4);

    return at ? mlscore_load_u32(at) : 0;
}

static inline uint64_t mlscore_reader_u64(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 8);

    return at ? mlscore_load_u64(at) : 0;
}

static inline float mlscore_reader_float(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 4);

    return at ? mlscore_load_float(at) : 0.0f;
}

static inline double mlscore_reader_double(mlscore_reader *reader)
{
    const unsigned char *at = mlscore_reader_take(reader, 8);

    return at ? mlscore_load_double(at) : 0.0;
}

/** `count` elements of `size` bytes lie inside [offset, total): 1 or 0. */
static inline int mlscore_range_inside(uint64_t offset, uint64_t count,
                                       uint64_t size, uint64_t total)
{
    uint64_t bytes;

    return !__builtin_mul_overflow(count, size, &bytes) && offset <= total &&
           bytes <= total - offset;
}

/** Append to a buffer; MLSCORE_ENOMEM or MLSCORE_ELIMIT (its maximum). */
mlscore_status mlscore_put_u8(mlscore_buffer *buffer, uint8_t value);
mlscore_status mlscore_put_u16(mlscore_buffer *buffer, uint16_t value);
mlscore_status mlscore_put_u32(mlscore_buffer *buffer, uint32_t value);
mlscore_status mlscore_put_u64(mlscore_buffer *buffer, uint64_t value);
mlscore_status mlscore_put_float(mlscore_buffer *buffer, float value);
mlscore_status mlscore_put_double(mlscore_buffer *buffer, double value);
/** Append zeros until the length is a multiple of `align` (a power of 2). */
mlscore_status mlscore_put_align(mlscore_buffer *buffer, size_t align);

/** Store into bytes that are there already. */
static inline void mlscore_store_u32(void *at, uint32_t value)
{
    unsigned char *b = at;

    for (int i = 0; i < 4; i++) {
        b[i] = (unsigned char)(value >> 8 * i);
    }
}

static inline void mlscore_store_u64(void *at, uint64_t value)
{
    unsigned char *b = at;

    for (int i = 0; i < 8; i++) {
        b[i] = (unsigned char)(value >> 8 * i);
    }
}

#endif
