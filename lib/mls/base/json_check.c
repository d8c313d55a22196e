/* SPDX-License-Identifier: Apache-2.0 */
/* A recursive check of RFC 8259's grammar; depth is bounded by the caller. */

#include "base/json_check.h"

#include <string.h>

typedef struct checker {
    const unsigned char *start, *next, *end;
    const char *reason;
    size_t members;
    int depth; /* how much deeper it may get */
} checker;

static int value(checker *c);

static int fail(checker *c, const char *reason)
{
    if (!c->reason) {
        c->reason = reason;
    }
    return 0;
}

static int peek(const checker *c)
{
    return c->next < c->end ? *c->next : -1;
}

static int take(checker *c, int byte)
{
    if (peek(c) != byte) {
        return 0;
    }
    c->next++;
    return 1;
}

static void space(checker *c)
{
    while (take(c, ' ') || take(c, '\t') || take(c, '\n') || take(c, '\r')) {
    }
}

static int is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static size_t digits(checker *c)
{
    const unsigned char *first = c->next;

    while (is_digit(peek(c))) {
        c->next++;
    }
    return (size_t)(c->next - first);
}

/* Digits without leading zeros compare as texts once they are equally long. */
static int fits_64_bits(const unsigned char *first, size_t count, int negative)
{
    const char *most = negative ? "9223372036854775808"
                                : "18446744073709551615";
    const size_t length = strlen(most);

    return count < length || (count == length
                              && memcmp(first, most, length) <= 0);
}

static int number(checker *c)
{
    const int negative = take(c, '-');
    const unsigned char *first = c->next;
    const size_t count = digits(c);
    int integer = 1;

    if (count == 0) {
        return fail(c, "a digit is missing");
    }
    if (count > 1 && *first == '0') {
        return fail(c, "a number begins with a zero");
    }
    if (take(c, '.')) {
        integer = 0;
        if (!digits(c)) {
            return fail(c, "a digit is missing after the point");
        }
    }
    if (take(c, 'e') || take(c, 'E')) {
        integer = 0;
        if (!take(c, '-')) {
            take(c, '+');
        }
        if (!digits(c)) {
            return fail(c, "a digit is missing in the exponent");
        }
    }
    if (integer && !fits_64_bits(first, count, negative)) {
        return fail(c, "an integer does not fit 64 bits");
    }
    return 1;
}

/* Four hex digits, or -1. */
static int hex4(checker *c)
{
    int code = 0;

    for (int i = 0; i < 4; i++) {
        const int byte = peek(c);
        const int lower = byte | 0x20;
        if (is_digit(byte)) {
            code = code * 16 + (byte - '0');
        }
        else if (lower >= 'a' && lower <= 'f') {
            code = code * 16 + (lower - 'a' + 10);
        }
        else {
            return -1;
        }
        c->next++;
    }
    return code;
}

static int escape(checker *c, int in_key)
{
    const int byte = peek(c);

    if (byte < 0 || !strchr("\"\\/bfnrtu", byte) || byte == 0) {
        return fail(c, "an unknown escape");
    }
    c->next++;
    if (byte != 'u') {
        return 1;
    }
    const int code = hex4(c);
    if (code < 0) {
        return fail(c, "\\u needs four hex digits");
    }
    if (code == 0 && in_key) {
        return fail(c, "a key holds U+0000");
    }
    if (code >= 0xdc00 && code <= 0xdfff) {
        return fail(c, "half of a surrogate pair");
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        int second = -1;
        if (take(c, '\\') && take(c, 'u')) {
            second = hex4(c);
        }
        if (second < 0xdc00 || second > 0xdfff) {
            return fail(c, "half of a surrogate pair");
        }
    }
    return 1;
}

/* One character beyond ASCII (Unicode 15, table 3-7). */
static int utf8(checker *c)
{
    const unsigned char *p = c->next;
    const int first = *p;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    const int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

    if (first < 0xc2 || first > 0xf4 || c->end - p <= more || p[1] < low
        || p[1] > high) {
        return fail(c, "not UTF-8");
    }
    for (int i = 2; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return fail(c, "not UTF-8");
        }
    }
    c->next += more + 1;
    return 1;
}

static int string(checker *c, int is_key)
{
    if (!take(c, '"')) {
        return fail(c, is_key ? "a key in quotes is missing"
                              : "a value is missing");
    }
    while (!take(c, '"')) {
        const int byte = peek(c);
        if (byte < 0) {
            return fail(c, "a string has no end");
        }
        if (byte < 0x20) {
            return fail(c, "a control character in a string");
        }
        if (byte >= 0x80) {
            if (!utf8(c)) {
                return 0;
            }
            continue;
        }
        c->next++;
        if (byte == '\\' && !escape(c, is_key)) {
            return 0;
        }
    }
    return 1;
}

static int member(checker *c)
{
    c->members++;
    space(c);
    if (!string(c, 1)) {
        return 0;
    }
    space(c);
    return take(c, ':') ? value(c) : fail(c, "a colon is missing");
}

/* What stands between brackets, after the first one. */
static int elements(checker *c, int close, int (*one)(checker *c))
{
    if (c->depth-- == 0) {
        return fail(c, "arrays and objects are too deep");
    }
    space(c);
    if (!take(c, close)) {
        do {
            if (!one(c)) {
                return 0;
            }
            space(c);
        } while (take(c, ','));
        if (!take(c, close)) {
            return fail(c, "a comma or a closing bracket is missing");
        }
    }
    c->depth++;
    return 1;
}

static int word(checker *c, const char *text)
{
    const size_t length = strlen(text);

    if ((size_t)(c->end - c->next) < length
        || memcmp(c->next, text, length) != 0) {
        return fail(c, "an unknown word");
    }
    c->next += length;
    return 1;
}

static int value(checker *c)
{
    space(c);
    switch (peek(c)) {
    case '{':
        c->next++;
        return elements(c, '}', member);
    case '[':
        c->next++;
        return elements(c, ']', value);
    case 't':
        return word(c, "true");
    case 'f':
        return word(c, "false");
    case 'n':
        return word(c, "null");
    case '-': case '0': case '1': case '2': case '3': case '4': case '5':
    case '6': case '7': case '8': case '9':
        return number(c);
    default:
        return string(c, 0);
    }
}

int mls_json_check(size_t *members, mls_json_problem *problem,
                   const char *text, size_t length, int depth)
{
    checker c = { 0 };

    c.start = c.next = (const unsigned char *)text;
    c.end = c.start + length;
    c.depth = depth;
    if (value(&c)) {
        space(&c);
        if (c.next == c.end) {
            *members = c.members;
            return 1;
        }
        fail(&c, "more text after the value");
    }
    problem->reason = c.reason;
    problem->offset = (size_t)(c.next - c.start);
    return 0;
}
