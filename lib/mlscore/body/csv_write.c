/* SPDX-License-Identifier: Apache-2.0 */
/* A frame as CSV. */

#include <math.h>
#include <string.h>

#include "body/format_number.h"
#include "body/write.h"

static char *put_bytes(char *p, const char *bytes, size_t length)
{
    memcpy(p, bytes, length);
    return p + length;
}

static char *put_number(char *p, const mlscore_column *column, size_t row)
{
    const double value = column->values.numeric[row];

    if (isnan(value)) {
        return put_bytes(p, "NaN", 3);
    }
    if (isinf(value)) {
        return value < 0 ? put_bytes(p, "-Infinity", 9)
                         : put_bytes(p, "Infinity", 8);
    }
    return p + mlscore_write_number(p, column->field, value);
}

static mlscore_status put_text(mlscore_buffer *out, const char *bytes,
                               size_t length)
{
    int quote = 0;

    for (size_t i = 0; i < length && !quote; i++) {
        const char c = bytes[i];
        quote = c == ',' || c == '"' || c == '\n' || c == '\r';
    }
    if (!quote) {
        return mlscore_buffer_append(out, bytes, length);
    }
    mlscore_status status = mlscore_buffer_append(out, "\"", 1);
    while (length > 0 && status == MLSCORE_OK) {
        const char *mark = memchr(bytes, '"', length);
        const size_t run = mark ? (size_t)(mark - bytes) + 1 : length;
        status = mlscore_buffer_append(out, bytes, run);
        if (status == MLSCORE_OK && mark) {
            status = mlscore_buffer_append(out, "\"", 1);
        }
        bytes += run;
        length -= run;
    }
    return status == MLSCORE_OK ? mlscore_buffer_append(out, "\"", 1) : status;
}

static mlscore_status put_cell(mlscore_buffer *out,
                               const mlscore_column *column, size_t row)
{
    if (column->missing[row]) {
        return MLSCORE_OK;
    }
    if (column->field->type == MLSCORE_CHARACTER) {
        const mlscore_text *text = &column->values.character[row];
        return put_text(out, text->bytes, text->length);
    }
    char number[MLSCORE_NUMBER_ROOM];
    char *p = number;
    if (column->field->type == MLSCORE_NUMERIC) {
        p = put_number(p, column, row);
    }
    else if (column->field->type == MLSCORE_INTEGER) {
        p += mlscore_format_integer(p, column->values.integer[row]);
    }
    else {
        p = column->values.logical[row] ? put_bytes(p, "true", 4)
                                        : put_bytes(p, "false", 5);
    }
    return mlscore_buffer_append(out, number, (size_t)(p - number));
}

static mlscore_status put_rows(mlscore_buffer *out, const mlscore_frame *frame)
{
    const uint32_t count = frame->schema->field_count;
    mlscore_status status = MLSCORE_OK;

    for (size_t row = 0; row < frame->rows && status == MLSCORE_OK; row++) {
        const size_t start = out->length;
        for (uint32_t i = 0; i < count && status == MLSCORE_OK; i++) {
            if (i > 0) {
                status = mlscore_buffer_append(out, ",", 1);
            }
            if (status == MLSCORE_OK) {
                status = put_cell(out, &frame->columns[i], row);
            }
        }
        /* Not a blank line, which many readers skip. */
        if (status == MLSCORE_OK && out->length == start) {
            status = mlscore_buffer_append(out, "\"\"", 2);
        }
        if (status == MLSCORE_OK) {
            status = mlscore_buffer_append(out, "\n", 1);
        }
    }
    return status;
}

mlscore_status mlscore_write_csv(mlscore_buffer *out,
                                 const mlscore_frame *frame, mlscore_error *err)
{
    const mlscore_schema *schema = frame->schema;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; i < schema->field_count && status == MLSCORE_OK; i++) {
        if (i > 0) {
            status = mlscore_buffer_append(out, ",", 1);
        }
        if (status == MLSCORE_OK) {
            status = put_text(out, schema->fields[i].name,
                              schema->fields[i].name_length);
        }
    }
    if (status == MLSCORE_OK) {
        status = mlscore_buffer_append(out, "\n", 1);
    }
    if (status == MLSCORE_OK) {
        status = put_rows(out, frame);
    }
    return status == MLSCORE_OK ? status : mlscore_write_failed(status, err);
}
