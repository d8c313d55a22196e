/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: random bytes, GUIDs, hexadecimal and base64url text. */

#include "base/ident.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

mls_err *mls_random_bytes(void *out, size_t length, apr_pool_t *pool)
{
    unsigned char *next = out;

    while (length) {
        const ssize_t got = getrandom(next, length, 0);
        if (got < 0 && errno != EINTR) {
            return mls_err_apr(pool, errno, "cannot get random bytes");
        }
        if (got > 0) {
            next += got;
            length -= (size_t)got;
        }
    }
    return NULL;
}

mls_err *mls_guid_make(const char **out, apr_pool_t *pool)
{
    unsigned char b[16];
    char hex[33];

    MLS_TRY(mls_random_bytes(b, sizeof(b), pool));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant of the RFC */
    mls_hex_encode(hex, b, sizeof(b));

    char *guid = apr_palloc(pool, MLS_GUID_LENGTH + 1);
    char *next = guid;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *next++ = '-';
        }
        *next++ = hex[i];
    }
    *next = '\0';
    *out = guid;
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int mls_guid_valid(const char *text)
{
    for (int i = 0; i < MLS_GUID_LENGTH; i++) {
        const int dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : hex_value(text[i]) < 0) {
            return 0; /* also at an early end */
        }
    }
    return text[MLS_GUID_LENGTH] == '\0';
}

void mls_hex_encode(char *out, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;

    for (size_t i = 0; i < length; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

const char *mls_hex(const void *bytes, size_t length, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, 2 * length + 1);

    mls_hex_encode(out, bytes, length);
    return out;
}

int mls_hex_decode(void *out, size_t length, const char *text)
{
    unsigned char *bytes = out;

    for (size_t i = 0; i < length; i++) {
        const int high = hex_value(text[2 * i]);
        const int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return 0;
        }
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return text[2 * length] == '\0';
}

const char *mls_base64url(const void *bytes, size_t length, apr_pool_t *pool)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *in = bytes;
    char *text = apr_palloc(pool, (length + 2) / 3 * 4 + 1);
    char *out = text;
    uint32_t bits = 0;
    int held = 0; /* bits in `bits` that are not written yet */

    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6) {
            *out++ = digits[bits >> (held - 6) & 63];
        }
    }
    if (held) {
        *out++ = digits[bits << (6 - held) & 63];
    }
    *out = '\0';
    return text;
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

unsigned char *mls_base64url_decode(size_t *out_length, const char *text,
                                    size_t length, apr_pool_t *pool)
{
    unsigned char *bytes = apr_palloc(pool, length / 4 * 3 + 3);
    unsigned char *out = bytes;
    uint32_t bits = 0;
    int held = 0;

    if (length % 4 == 1) {
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        const int value = base64url_value(text[i]);
        if (value < 0) {
            return NULL;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *out++ = (unsigned char)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1)) {
        return NULL; /* a second spelling of the same bytes */
    }
    *out = '\0';
    *out_length = (size_t)(out - bytes);
    return bytes;
}
