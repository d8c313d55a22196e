/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) for the pull reader. Bare NaN and Infinity are numbers, as
 * trainers write them.
 */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/doc_reader.h"
#include "mlscore/body.h"

static void skip_space(doc_reader *reader)
{
    while (reader->at < reader->size) {
        const unsigned char c = reader->bytes[reader->at];

        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            break;
        }
        reader->at++;
    }
}

/* The byte at the current position, 0 at the end. */
static int peek(const doc_reader *reader)
{
    return reader->at < reader->size ? reader->bytes[reader->at] : 0;
}

static mlscore_status syntax(doc_reader *reader, const char *expected)
{
    reader->event_at = reader->at;
    if (reader->at >= reader->size) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "the file ends where %s is expected", expected);
    }
    return doc_error(reader, MLSCORE_EFORMAT, "%s is expected", expected);
}

/* --- strings ---------------------------------------------------------------
 */

static int hex4(const doc_reader *reader, size_t at, uint32_t *unit)
{
    *unit = 0;
    for (size_t i = at; i < at + 4; i++) {
        const int c = i < reader->size ? reader->bytes[i] : 0;
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;

        if (digit < 0) {
            return -1;
        }
        *unit = *unit * 16 + (uint32_t)digit;
    }
    return 0;
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* A \u escape at `at` (after the u), maybe a pair; a lone half becomes U+FFFD.
 * Returns the bytes used, 0 for a bad escape. */
static size_t read_unicode(const doc_reader *reader, size_t at,
                           uint32_t *point)
{
    uint32_t low;

    if (hex4(reader, at, point)) {
        return 0;
    }
    if (*point < 0xd800 || *point > 0xdfff) {
        return 4;
    }
    if (*point < 0xdc00 && reader->size - at > 6 &&
        reader->bytes[at + 4] == '\\' && reader->bytes[at + 5] == 'u' &&
        hex4(reader, at + 6, &low) == 0 && low >= 0xdc00 && low <= 0xdfff) {
        *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
        return 10;
    }
    *point = 0xfffd;
    return 4;
}

/* Decode the string from `start` (after the quote) to `end`. */
static mlscore_status decode_string(doc_reader *reader, size_t start,
                                    size_t end)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";

    if (end - start > reader->decoded_capacity) {
        char *bigger = mlscore_realloc(reader->decoded, end - start);

        if (!bigger) {
            return doc_error(reader, MLSCORE_ENOMEM, "not enough memory");
        }
        reader->decoded = bigger;
        reader->decoded_capacity = end - start;
    }
    size_t length = 0;

    for (size_t i = start; i < end; i++) {
        if (reader->bytes[i] != '\\') {
            reader->decoded[length++] = (char)reader->bytes[i];
            continue;
        }
        const char c = (char)reader->bytes[++i];
        const char *found = c ? strchr(plain, c) : NULL;

        if (found) {
            reader->decoded[length++] = meant[found - plain];
        }
        else {
            uint32_t point;
            const size_t used =
                c == 'u' ? read_unicode(reader, i + 1, &point) : 0;

            if (used == 0) {
                reader->event_at = i;
                return doc_error(reader, MLSCORE_EFORMAT,
                                 "unknown escape in text");
            }
            length += put_utf8(reader->decoded + length, point);
            i += used;
        }
    }
    reader->text = reader->decoded;
    reader->text_length = length;
    return MLSCORE_OK;
}

static mlscore_status read_string(doc_reader *reader)
{
    const size_t start = reader->at + 1;
    size_t end = start;
    int escapes = 0;

    while (end < reader->size && reader->bytes[end] != '"') {
        if (reader->bytes[end] < 0x20) {
            reader->at = end;
            return syntax(reader, "text without control characters");
        }
        if (reader->bytes[end] == '\\') {
            escapes = 1;
            end++;
        }
        end++;
    }
    if (end >= reader->size) {
        reader->at = reader->size;
        return syntax(reader, "the end of a text");
    }
    reader->at = end + 1;
    if (escapes) {
        return decode_string(reader, start, end);
    }
    reader->text = (const char *)reader->bytes + start;
    reader->text_length = end - start;
    return MLSCORE_OK;
}

/* --- numbers and words -----------------------------------------------------
 */

/* Try a fixed word at the current position. */
static int take_word(doc_reader *reader, const char *word)
{
    const size_t length = strlen(word);

    if (reader->size - reader->at < length ||
        memcmp(reader->bytes + reader->at, word, length) != 0) {
        return 0;
    }
    reader->at += length;
    return 1;
}

/* Read a number or one of its spellings; 0 when there is none. */
static int read_number(doc_reader *reader, double *number, float *single,
                       int want_float)
{
    const char *text = (const char *)reader->bytes + reader->at;
    const size_t left = reader->size - reader->at;
    size_t used;

    if (want_float) {
        used = mlscore_parse_float(text, left, single);
        *number = used ? *single : 0;
    }
    else {
        used = mlscore_parse_double(text, left, number);
        *single = used ? (float)*number : 0;
    }
    if (used) {
        reader->at += used;
        return 1;
    }
    const int negative = peek(reader) == '-';

    reader->at += negative;
    if (take_word(reader, "Infinity") || take_word(reader, "inf")) {
        *number = negative ? -INFINITY : INFINITY;
    }
    else if (take_word(reader, "NaN") || take_word(reader, "nan")) {
        *number = NAN;
    }
    else {
        reader->at -= negative;
        return 0;
    }
    *single = (float)*number;
    return 1;
}

static mlscore_status read_scalar(doc_reader *reader)
{
    float single;

    if (take_word(reader, "true")) {
        reader->event = DOC_BOOLEAN;
        reader->number = 1;
    }
    else if (take_word(reader, "false")) {
        reader->event = DOC_BOOLEAN;
        reader->number = 0;
    }
    else if (take_word(reader, "null")) {
        reader->event = DOC_NULL;
    }
    else if (read_number(reader, &reader->number, &single, 0)) {
        reader->event = DOC_NUMBER;
    }
    else {
        return syntax(reader, "a value");
    }
    return MLSCORE_OK;
}

static mlscore_status read_value(doc_reader *reader)
{
    const int c = peek(reader);

    if (c == '{' || c == '[') {
        const doc_frame frame = {.object = c == '{'};

        reader->at++;
        reader->event = c == '{' ? DOC_OBJECT : DOC_ARRAY;
        return doc_push(reader, &frame);
    }
    if (c == '"') {
        reader->event = DOC_STRING;
        return read_string(reader);
    }
    return read_scalar(reader);
}

/* --- structure --------------------------------------------------------------
 */

static mlscore_status read_key(doc_reader *reader)
{
    if (peek(reader) != '"') {
        return syntax(reader, "a key in quotes");
    }
    const mlscore_status status = read_string(reader);

    if (status != MLSCORE_OK) {
        return status;
    }
    skip_space(reader);
    if (peek(reader) != ':') {
        return syntax(reader, "\":\"");
    }
    reader->at++;
    reader->event = DOC_KEY;
    return MLSCORE_OK;
}

static mlscore_status json_next(doc_reader *reader)
{
    doc_frame *top = doc_top(reader);

    skip_space(reader);
    reader->event_at = reader->at;
    if (!top) {
        if (reader->event == DOC_START) {
            return read_value(reader);
        }
        if (reader->at < reader->size) {
            return syntax(reader, "the end of the file");
        }
        reader->event = DOC_END;
        return MLSCORE_OK;
    }
    if (top->object && reader->event == DOC_KEY) {
        return read_value(reader);
    }
    if (peek(reader) == (top->object ? '}' : ']')) {
        reader->at++;
        reader->event = top->object ? DOC_OBJECT_END : DOC_ARRAY_END;
        reader->depth--;
        return MLSCORE_OK;
    }
    if (top->state) {
        if (peek(reader) != ',') {
            return syntax(reader, top->object ? "\",\" or \"}\""
                                              : "\",\" or \"]\"");
        }
        reader->at++;
        skip_space(reader);
        reader->event_at = reader->at;
    }
    top->state = 1;
    return top->object ? read_key(reader) : read_value(reader);
}

/* Most of a file is skipped once before it is read: look for brackets only.
 * What is inside is checked when it is read. */
static mlscore_status json_skip(doc_reader *reader)
{
    const int object = doc_top(reader)->object;
    size_t depth = 1;

    for (; depth > 0 && reader->at < reader->size; reader->at++) {
        switch (reader->bytes[reader->at]) {
        case '"': {
            const mlscore_status status = read_string(reader);

            if (status != MLSCORE_OK) {
                return status;
            }
            reader->at--;
            break;
        }
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
    }
    if (depth > 0 || reader->bytes[reader->at - 1] != (object ? '}' : ']')) {
        return syntax(reader, object ? "\"}\"" : "\"]\"");
    }
    reader->event = object ? DOC_OBJECT_END : DOC_ARRAY_END;
    reader->depth--;
    return MLSCORE_OK;
}

/* The rest of an array of numbers, after its "[". */
static mlscore_status json_numbers(doc_reader *reader, doc_numbers *out)
{
    const int want_float = out->kind == DOC_FLOAT;

    skip_space(reader);
    while (peek(reader) != ']') {
        double number;
        float single;

        reader->event_at = reader->at;
        if (out->count > 0) {
            if (peek(reader) != ',') {
                return syntax(reader, "\",\" or \"]\"");
            }
            reader->at++;
            skip_space(reader);
        }
        if (take_word(reader, "true")) {
            number = single = 1;
        }
        else if (take_word(reader, "false")) {
            number = single = 0;
        }
        else if (!read_number(reader, &number, &single, want_float)) {
            return syntax(reader, "a number");
        }
        const mlscore_status status =
            doc_store_number(reader, out, number, single);

        if (status != MLSCORE_OK) {
            return status;
        }
        skip_space(reader);
    }
    reader->at++;
    reader->depth--;
    reader->event = DOC_ARRAY_END;
    return MLSCORE_OK;
}

void doc_open_json(doc_reader *reader, const unsigned char *bytes, size_t size,
                   size_t max_depth, mlscore_error *err)
{
    *reader = (doc_reader){.bytes = bytes,
                           .size = size,
                           .err = err,
                           .format = "XGBoost JSON",
                           .lines = 1,
                           .max_depth = max_depth,
                           .next = json_next,
                           .skip = json_skip,
                           .numbers = json_numbers};
}
