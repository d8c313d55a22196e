/* SPDX-License-Identifier: Apache-2.0 */
/* MurmurHash3 and its relatives. */

#include "kernel/murmur.h"

#include "base/bytes.h"
#include "base/utf8.h"

uint32_t mlscore_murmur3(uint32_t seed, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t left = length;
    uint32_t hash = seed, tail = 0;

    for (; left >= 4; left -= 4, at += 4) {
        hash = mlscore_murmur_round(hash, mlscore_load_u32(at));
    }
    for (size_t i = left; i > 0; i--) {
        tail = tail << 8 | at[i - 1];
    }
    if (left) { /* as a round, but only its first half */
        tail *= 0xcc9e2d51u;
        tail = tail << 15 | tail >> 17;
        hash ^= tail * 0x1b873593u;
    }
    return mlscore_murmur_finish(hash ^ (uint32_t)length);
}

/* --- texts ---------------------------------------------------------------- */

struct stream {
    uint32_t hash, length;
    uint64_t bits;
    unsigned count; /* of bits that wait for a full chunk */
};

static void put_unit(struct stream *stream, uint32_t unit)
{
    unsigned width = 8;
    uint64_t code = unit;

    if (unit > 0x7ff) {
        width = 24;
        code = (unit & 0x3f) | (unit << 2 & 0x3f00) | (unit << 4 & 0xf0000) |
               0xe08080;
    }
    else if (unit > 0x7f) {
        width = 16;
        code = (unit & 0x3f) | (unit << 2 & 0x1f00) | 0xc080;
    }
    stream->bits |= code << stream->count;
    stream->count += width;
    if (stream->count >= 32) {
        stream->hash = mlscore_murmur_round(stream->hash,
                                            (uint32_t)stream->bits);
        stream->bits >>= 32;
        stream->count -= 32;
        stream->length += 4;
    }
}

/* The character of `length` valid bytes. */
static uint32_t code_of(const unsigned char *at, size_t length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = at[0] & masks[length];

    for (size_t i = 1; i < length; i++) {
        code = code << 6 | (at[i] & 0x3f);
    }
    return code;
}

uint32_t mlscore_murmur_text(uint32_t seed, const char *bytes, size_t length)
{
    struct stream stream = {.hash = seed};

    for (size_t i = 0; i < length;) {
        const size_t width = mlscore_utf8_character(bytes + i, length - i);
        const unsigned char *at = (const unsigned char *)bytes + i;
        const uint32_t code = width ? code_of(at, width) : *at;

        if (code > 0xffff) {
            put_unit(&stream, 0xd7c0 + (code >> 10));
            put_unit(&stream, 0xdc00 + (code & 0x3ff));
        }
        else {
            put_unit(&stream, code);
        }
        i += width ? width : 1;
    }
    if (stream.count) {
        stream.hash = mlscore_murmur_round(stream.hash, (uint32_t)stream.bits);
        stream.length += stream.count / 8;
    }
    return mlscore_murmur_finish(
        mlscore_murmur_round(stream.hash, stream.length));
}

uint32_t mlscore_murmur_numbers(uint32_t seed, const uint32_t *numbers,
                                size_t count)
{
    uint32_t hash = seed;

    for (size_t i = 0; i < count; i++) {
        hash = mlscore_murmur_round(hash, numbers[i]);
    }
    return mlscore_murmur_finish(
        mlscore_murmur_round(hash, (uint32_t)count));
}
