/* SPDX-License-Identifier: Apache-2.0 */
/* Checking and writing UTF-8. */

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"

static int continues(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t mlscore_utf8_character(const char *bytes, size_t length)
{
    const unsigned char *b = (const unsigned char *)bytes;

    if (length == 0) {
        return 0;
    }
    if (b[0] < 0x80) {
        return 1;
    }
    if (b[0] >= 0xC2 && b[0] <= 0xDF) {
        return length >= 2 && continues(b[1]) ? 2 : 0;
    }
    if (b[0] >= 0xE0 && b[0] <= 0xEF) {
        /* no overlong forms, no surrogates */
        const unsigned char low = b[0] == 0xE0 ? 0xA0 : 0x80;
        const unsigned char high = b[0] == 0xED ? 0x9F : 0xBF;
        return length >= 3 && b[1] >= low && b[1] <= high && continues(b[2])
                   ? 3
                   : 0;
    }
    if (b[0] >= 0xF0 && b[0] <= 0xF4) {
        const unsigned char low = b[0] == 0xF0 ? 0x90 : 0x80;
        const unsigned char high = b[0] == 0xF4 ? 0x8F : 0xBF;
        return length >= 4 && b[1] >= low && b[1] <= high && continues(b[2]) &&
                       continues(b[3])
                   ? 4
                   : 0;
    }
    return 0;
}

/* How many ASCII bytes lie at the start, in steps of a word. */
static size_t ascii_run(const char *bytes, size_t length)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; length - i >= 64; i += 64) {
        const __m128i *at = (const __m128i *)(const void *)(bytes + i);
        const __m128i all = _mm_or_si128(
            _mm_or_si128(_mm_loadu_si128(at), _mm_loadu_si128(at + 1)),
            _mm_or_si128(_mm_loadu_si128(at + 2), _mm_loadu_si128(at + 3)));
        if (_mm_movemask_epi8(all)) {
            break;
        }
    }
#endif
    for (; length - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, 8);
        if (word & 0x8080808080808080u) {
            break;
        }
    }
    return i;
}

size_t mlscore_utf8_valid(const char *bytes, size_t length)
{
    size_t i = ascii_run(bytes, length);

    while (i < length) {
        const size_t n = mlscore_utf8_character(bytes + i, length - i);
        if (n == 0) {
            return i;
        }
        i += n;
        if (n == 1) {
            i += ascii_run(bytes + i, length - i);
        }
    }
    return length;
}

size_t mlscore_utf8_cut(const char *bytes, size_t length, size_t limit)
{
    if (length <= limit) {
        return length;
    }
    while (limit > 0 && continues((unsigned char)bytes[limit])) {
        limit--;
    }
    return limit;
}

size_t mlscore_utf8_put(char *out, uint32_t code)
{
    unsigned char *b = (unsigned char *)out;

    if (code < 0x80) {
        b[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        b[0] = (unsigned char)(0xC0 | code >> 6);
        b[1] = (unsigned char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        b[0] = (unsigned char)(0xE0 | code >> 12);
        b[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
        b[2] = (unsigned char)(0x80 | (code & 0x3F));
        return 3;
    }
    b[0] = (unsigned char)(0xF0 | code >> 18);
    b[1] = (unsigned char)(0x80 | (code >> 12 & 0x3F));
    b[2] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    b[3] = (unsigned char)(0x80 | (code & 0x3F));
    return 4;
}
