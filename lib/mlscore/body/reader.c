/* SPDX-License-Identifier: Apache-2.0 */
/* What the JSON and the CSV reader share. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "body/reader.h"

enum { DEFAULT_ROWS = 10000000, DEFAULT_DEPTH = 512, MOST_DEPTH = 100000 };

void mlscore_body_begin(mlscore_body *body, mlscore_frame *frame,
                        const char *bytes, size_t length,
                        const mlscore_read_options *options, mlscore_error *err)
{
    const size_t rows = options ? options->max_rows : 0;
    const unsigned depth = options ? options->max_depth : 0;

    mlscore_frame_reset(frame);
    *body = (mlscore_body){.frame = frame,
                           .start = bytes,
                           .end = bytes + length,
                           .err = err,
                           .max_rows = rows ? rows : DEFAULT_ROWS,
                           .max_depth = depth ? depth : DEFAULT_DEPTH,
                           .row = MLSCORE_NO_ROW};
    if (body->max_depth > MOST_DEPTH) {
        body->max_depth = MOST_DEPTH;
    }
    body->invalid = bytes + mlscore_utf8_valid(bytes, length);
}

/* "column \"x\", row 3, byte 57: " */
static void put_place(char *out, size_t size, const mlscore_body *body,
                      size_t offset)
{
    int at = 0;

    if (body->name) {
        const size_t length =
            mlscore_utf8_cut(body->name, body->name_length, 120);
        at = snprintf(out, size, "column \"%.*s\"%s, ", (int)length, body->name,
                      length < body->name_length ? "..." : "");
    }
    if (body->row != MLSCORE_NO_ROW) {
        at += snprintf(out + at, size - (size_t)at, "row %zu, ", body->row);
    }
    snprintf(out + at, size - (size_t)at, "byte %zu: ", offset);
}

const char *mlscore_body_fail(mlscore_body *body, mlscore_status status,
                              const char *at, const char *format, ...)
{
    char place[256];
    char text[256];
    va_list arguments;
    const size_t offset = (size_t)(at - body->start);

    if (body->status != MLSCORE_OK) {
        return NULL;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_place(place, sizeof(place), body, offset);
    body->status = status;

    unsigned long line = 1;
    for (const char *p = body->start;
         (p = memchr(p, '\n', (size_t)(at - p))) != NULL; p++) {
        line++;
    }
    mlscore_error_at(body->err, status, offset, line, "%s%s", place, text);
    return NULL;
}

const char *mlscore_body_no_memory(mlscore_body *body)
{
    if (body->status == MLSCORE_OK) {
        body->status = mlscore_error_set(body->err, MLSCORE_ENOMEM,
                                         "not enough memory for the rows");
    }
    return NULL;
}

int mlscore_body_more_rows(mlscore_body *body, size_t row, const char *at)
{
    mlscore_frame *frame = body->frame;
    size_t rows = frame->capacity < 32 ? 64 : frame->capacity * 2;

    if (row >= body->max_rows) {
        mlscore_body_fail(body, MLSCORE_ELIMIT, at, "more than %zu rows",
                          body->max_rows);
        return -1;
    }
    if (row < frame->capacity) {
        return 0;
    }
    rows = rows > row ? rows : row + 1;
    rows = rows > body->max_rows ? body->max_rows : rows;
    mlscore_error err;
    if (mlscore_frame_reserve(frame, rows, &err) != MLSCORE_OK) {
        mlscore_body_no_memory(body);
        return -1;
    }
    return 0;
}

int mlscore_body_is_word(const char *text, size_t length, const char *word)
{
    size_t i = 0;

    for (; i < length && word[i]; i++) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i]) {
            return 0;
        }
    }
    return i == length && !word[i];
}

static int fail(mlscore_body *body, const char *at, const char *what,
                const char *text, size_t length)
{
    const size_t shown = mlscore_utf8_cut(text, length, 60);

    mlscore_body_fail(body, MLSCORE_EINPUT, at, "expected %s, found \"%.*s%s\"",
                      what, (int)shown, text, shown < length ? "..." : "");
    return -1;
}

int mlscore_body_set_numeric(mlscore_body *body, mlscore_column *column,
                             size_t row, const mlscore_decimal *decimal,
                             const char *at)
{
    const double value = mlscore_decimal_to_double(decimal);

    if (isinf(value)) {
        mlscore_body_fail(body, MLSCORE_EINPUT, at,
                          "the number is too large for a double");
        return -1;
    }
    column->values.numeric[row] = value;
    column->missing[row] = 0;
    return 0;
}

int mlscore_body_set_integer(mlscore_body *body, mlscore_column *column,
                             size_t row, const mlscore_decimal *decimal,
                             const char *at)
{
    switch (mlscore_decimal_to_integer(decimal, &column->values.integer[row])) {
    case 0:
        column->missing[row] = 0;
        return 0;
    case 1:
        mlscore_body_fail(body, MLSCORE_EINPUT, at,
                          "expected an integer, found a number with a "
                          "fraction");
        return -1;
    default:
        mlscore_body_fail(body, MLSCORE_EINPUT, at,
                          "the integer is too large for 64 bits");
        return -1;
    }
}

/* NaN and infinities as their names are missing, as they are in JSON. */
static int is_not_finite(const char *text, size_t length)
{
    const size_t sign = length > 0 && (text[0] == '-' || text[0] == '+');

    text += sign;
    length -= sign;
    return mlscore_body_is_word(text, length, "nan") ||
           mlscore_body_is_word(text, length, "infinity") ||
           mlscore_body_is_word(text, length, "inf");
}

static int set_number(mlscore_body *body, mlscore_column *column, size_t row,
                      const char *text, size_t length, const char *at)
{
    mlscore_decimal decimal;
    const int numeric = column->field->type == MLSCORE_NUMERIC;
    const char *end = mlscore_scan_decimal(&decimal, text, text + length, 0);

    if (end == text + length) {
        return numeric
                   ? mlscore_body_set_numeric(body, column, row, &decimal, at)
                   : mlscore_body_set_integer(body, column, row, &decimal, at);
    }
    if (is_not_finite(text, length)) {
        mlscore_column_set_missing(column, row);
        return 0;
    }
    /* A logical in a column of numbers counts as 1 or 0. */
    const int truth = mlscore_body_is_word(text, length, "true");
    if (!truth && !mlscore_body_is_word(text, length, "false")) {
        return fail(body, at, numeric ? "a number" : "an integer", text,
                    length);
    }
    if (numeric) {
        column->values.numeric[row] = truth;
    }
    else {
        column->values.integer[row] = truth;
    }
    column->missing[row] = 0;
    return 0;
}

static int set_logical(mlscore_body *body, mlscore_column *column, size_t row,
                       const char *text, size_t length, const char *at)
{
    double number;
    int truth = mlscore_body_is_word(text, length, "true");

    if (!truth && !mlscore_body_is_word(text, length, "false")) {
        if (mlscore_parse_double(text, length, &number) != length ||
            (number != 0 && number != 1)) {
            return fail(body, at, "true or false", text, length);
        }
        truth = number == 1;
    }
    column->values.logical[row] = (uint8_t)truth;
    column->missing[row] = 0;
    return 0;
}

int mlscore_body_set_text(mlscore_body *body, mlscore_column *column,
                          size_t row, const char *text, size_t length,
                          const char *at)
{
    if (column->field->type == MLSCORE_CHARACTER) {
        if (length > UINT32_MAX) {
            mlscore_body_fail(body, MLSCORE_ELIMIT, at, "the text is too long");
            return -1;
        }
        mlscore_body_set_character(column, row, text, length);
        return 0;
    }
    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length > 0 &&
           (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        length--;
    }
    if (length == 0) {
        mlscore_column_set_missing(column, row);
        return 0;
    }
    return column->field->type == MLSCORE_LOGICAL
               ? set_logical(body, column, row, text, length, at)
               : set_number(body, column, row, text, length, at);
}

int mlscore_body_finish_columns(mlscore_body *body)
{
    mlscore_frame *frame = body->frame;

    for (uint32_t i = 0; i < frame->schema->field_count; i++) {
        mlscore_column *column = &frame->columns[i];
        if (column->present) {
            continue;
        }
        if (!column->field->optional) {
            const size_t cut = mlscore_utf8_cut(
                column->field->name, column->field->name_length, 120);
            body->status = mlscore_error_set(body->err, MLSCORE_EINPUT,
                                             "column \"%.*s\" is missing",
                                             (int)cut, column->field->name);
            return -1;
        }
        for (size_t row = 0; row < frame->rows; row++) {
            mlscore_column_set_missing(column, row);
        }
    }
    return 0;
}
