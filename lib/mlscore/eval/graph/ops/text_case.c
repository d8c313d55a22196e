/* SPDX-License-Identifier: Apache-2.0 */
/* Case of texts by libutf8proc's tables. */

#include "eval/graph/ops/text_case.h"

#include <string.h>
#include <utf8proc.h>

static int32_t change(mlscore_case to, int32_t code)
{
    return to == MLSCORE_CASE_LOWER ? utf8proc_tolower(code)
                                    : utf8proc_toupper(code);
}

static int changes_ascii(mlscore_case to, unsigned char byte)
{
    return to == MLSCORE_CASE_LOWER ? byte >= 'A' && byte <= 'Z'
                                    : byte >= 'a' && byte <= 'z';
}

/* Nothing to do? Most texts are ASCII and in one case already. */
static int is_done(mlscore_case to, const mlscore_text *in)
{
    for (uint32_t i = 0; i < in->length; i++) {
        const unsigned char byte = (unsigned char)in->bytes[i];

        if (byte >= 0x80 || changes_ascii(to, byte)) {
            return 0;
        }
    }
    return 1;
}

int mlscore_text_case(mlscore_arena *arena, mlscore_case to,
                      const mlscore_text *in, mlscore_text *out)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)in->bytes;
    size_t left = in->length, made = 0;

    *out = *in;
    out->level = -1;
    if (to == MLSCORE_CASE_NONE || is_done(to, in)) {
        return 0;
    }
    /* A simple mapping grows a character by one byte at most; twice is safe
     * for two-byte characters that become three. */
    char *bytes = mlscore_arena_alloc(arena, (size_t)in->length * 2 + 4);
    if (!bytes) {
        return -1;
    }
    while (left) {
        utf8proc_int32_t code;
        const utf8proc_ssize_t got =
            utf8proc_iterate(at, (utf8proc_ssize_t)left, &code);
        const size_t used = got < 1 ? 1 : (size_t)got;

        if (got < 1) {
            bytes[made++] = (char)*at;
        }
        else {
            made += (size_t)utf8proc_encode_char(
                change(to, code), (utf8proc_uint8_t *)bytes + made);
        }
        at += used;
        left -= used;
    }
    mlscore_arena_shrink(arena, bytes, made);
    out->bytes = bytes;
    out->length = (uint32_t)made;
    return 0;
}
