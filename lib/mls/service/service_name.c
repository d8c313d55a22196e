/* SPDX-License-Identifier: Apache-2.0 */
/* Which names are allowed, and their form in a URL. */

#include "service/service_name.h"

#include <stdint.h>
#include <string.h>

#include <apr_strings.h>

/* Decode one character of UTF-8; returns its length, 0 when it is invalid
 * (overlong, surrogate, beyond U+10FFFF, cut). */
static unsigned decode(const unsigned char *bytes, uint32_t *character)
{
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned length;

    if (bytes[0] < 0x80) {
        *character = bytes[0];
        return 1;
    }
    if (bytes[0] >= 0xf0 && bytes[0] < 0xf5) {
        length = 4;
    }
    else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
        length = 3;
    }
    else if (bytes[0] >= 0xc2 && bytes[0] < 0xe0) {
        length = 2;
    }
    else {
        return 0;
    }
    uint32_t value = bytes[0] & (0xffu >> (length + 1));

    for (unsigned i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) { /* also stops at the final zero */
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < smallest[length] || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *character = value;
    return length;
}

/* Characters that nobody sees, and that make two names look the same or turn
 * a line of text around. */
static int is_invisible(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xffff) || (c >= 0xe0000 && c <= 0xe007f);
}

static mls_err *refuse(apr_pool_t *pool, const char *what, const char *why)
{
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "the %s %s; use 1 to %d bytes of letters, digits, "
                        "'.', '_', '-' or other visible characters",
                        what, why, MLS_NAME_LENGTH);
}

mls_err *mls_service_name_check(const char *what, const char *text,
                                apr_pool_t *pool)
{
    const unsigned char *at = (const unsigned char *)text;
    const size_t length = strlen(text);

    if (!length) {
        return refuse(pool, what, "is empty");
    }
    if (length > MLS_NAME_LENGTH) {
        return refuse(pool, what, "is too long");
    }
    while (*at) {
        uint32_t character;
        const unsigned used = decode(at, &character);

        if (!used) {
            return refuse(pool, what, "is not valid UTF-8");
        }
        if (is_invisible(character)) {
            return refuse(pool, what,
                          apr_psprintf(pool,
                                       "contains the control or invisible "
                                       "character U+%04X",
                                       (unsigned)character));
        }
        if (character < 0x80 && strchr("/\\?#%", (int)character)) {
            return refuse(pool, what,
                          apr_psprintf(pool, "contains '%c'",
                                       (char)character));
        }
        at += used;
    }
    if (text[0] == ' ' || text[length - 1] == ' ') {
        return refuse(pool, what, "begins or ends with a blank");
    }
    if (!strcmp(text, ".") || strstr(text, "..")) {
        return refuse(pool, what, "is \".\" or contains \"..\"");
    }
    return NULL;
}

mls_err *mls_operation_id_check(const char *text, apr_pool_t *pool)
{
    return mls_service_name_check("operationId", text, pool);
}

static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

const char *mls_path_escape(const char *segment, apr_pool_t *pool)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(pool, strlen(segment) * 3 + 1);
    char *end = out;

    for (const char *at = segment; *at; at++) {
        const unsigned char c = (unsigned char)*at;

        if (is_unreserved(c)) {
            *end++ = (char)c;
        }
        else {
            *end++ = '%';
            *end++ = digits[c >> 4];
            *end++ = digits[c & 15];
        }
    }
    *end = '\0';
    return out;
}
