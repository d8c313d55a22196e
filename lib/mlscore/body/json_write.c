/* SPDX-License-Identifier: Apache-2.0 */
/* A frame as JSON. */

#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "body/write.h"

mlscore_status mlscore_write_failed(mlscore_status status, mlscore_error *err)
{
    return mlscore_error_set(err, status,
                             status == MLSCORE_ELIMIT
                                 ? "the answer is larger than the limit"
                                 : "not enough memory for the answer");
}

/* Bytes at the start that stand for themselves. */
static size_t plain_run(const char *bytes, size_t length)
{
    size_t i = 0;

    for (; i < length; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7F) {
            break;
        }
    }
    return i;
}

static char *put_escape(char *p, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "btn\0fr"; /* from 8 on; 11 has no name */

    *p++ = '\\';
    if (c == '"' || c == '\\') {
        *p++ = (char)c;
    }
    else if (c >= 8 && c <= 13 && c != 11) {
        *p++ = names[c - 8];
    }
    else {
        memcpy(p, "u00", 3);
        p[3] = hex[c >> 4];
        p[4] = hex[c & 15];
        p += 5;
    }
    return p;
}

/* What stands for the bytes at `bytes`, which are not plain; *used of them. At
 * most six bytes. */
static char *put_special(char *p, const char *bytes, size_t length,
                         size_t *used)
{
    const unsigned char c = (unsigned char)bytes[0];

    if (c < 0x20 || c == '"' || c == '\\') {
        *used = 1;
        return put_escape(p, c);
    }
    const size_t n = mlscore_utf8_character(bytes, length);
    memcpy(p, n ? bytes : "\xEF\xBF\xBD", n ? n : 3);
    *used = n ? n : 1;
    return p + (n ? n : 3);
}

mlscore_status mlscore_write_json_string(mlscore_buffer *out, const char *bytes,
                                         size_t length)
{
    mlscore_status status = mlscore_buffer_append(out, "\"", 1);
    size_t i = 0;

    while (i < length && status == MLSCORE_OK) {
        const size_t run = plain_run(bytes + i, length - i);
        if (run > 0) {
            status = mlscore_buffer_append(out, bytes + i, run);
            i += run;
            continue;
        }
        /* A block at a time, as other scripts than Latin are all special. */
        char block[256];
        char *p = block;
        while (i < length && p - block < (ptrdiff_t)sizeof(block) - 8 &&
               plain_run(bytes + i, 1) == 0) {
            size_t used;
            p = put_special(p, bytes + i, length - i, &used);
            i += used;
        }
        status = mlscore_buffer_append(out, block, (size_t)(p - block));
    }
    return status == MLSCORE_OK ? mlscore_buffer_append(out, "\"", 1) : status;
}

static char *put_null(char *p)
{
    memcpy(p, "null", 4);
    return p + 4;
}

/* One cell that is not text, at most MLSCORE_NUMBER_ROOM bytes. */
static char *put_scalar(char *p, const mlscore_column *column, size_t row)
{
    if (column->missing[row]) {
        return put_null(p);
    }
    if (column->field->type == MLSCORE_NUMERIC) {
        const double value = column->values.numeric[row];
        return isfinite(value)
                   ? p + mlscore_write_number(p, column->field, value)
                   : put_null(p);
    }
    if (column->field->type == MLSCORE_INTEGER) {
        return p + mlscore_format_integer(p, column->values.integer[row]);
    }
    const int truth = column->values.logical[row];
    memcpy(p, truth ? "true" : "false", truth ? 4 : 5);
    return p + (truth ? 4 : 5);
}

static mlscore_status put_texts(mlscore_buffer *out,
                                const mlscore_column *column, size_t rows)
{
    mlscore_status status = MLSCORE_OK;

    for (size_t row = 0; row < rows && status == MLSCORE_OK; row++) {
        const mlscore_text *text = &column->values.character[row];
        status = row > 0 ? mlscore_buffer_append(out, ",", 1) : MLSCORE_OK;
        if (status == MLSCORE_OK) {
            status =
                column->missing[row]
                    ? mlscore_buffer_append(out, "null", 4)
                    : mlscore_write_json_string(out, text->bytes, text->length);
        }
    }
    return status;
}

static mlscore_status put_scalars(mlscore_buffer *out,
                                  const mlscore_column *column, size_t rows)
{
    enum { BLOCK = 128 };
    char block[BLOCK * (MLSCORE_NUMBER_ROOM + 1)];

    for (size_t first = 0; first < rows; first += BLOCK) {
        const size_t last = rows - first < BLOCK ? rows : first + BLOCK;
        char *p = block;
        for (size_t row = first; row < last; row++) {
            if (row > 0) {
                *p++ = ',';
            }
            p = put_scalar(p, column, row);
        }
        const mlscore_status status =
            mlscore_buffer_append(out, block, (size_t)(p - block));
        if (status != MLSCORE_OK) {
            return status;
        }
    }
    return MLSCORE_OK;
}

static mlscore_status put_column(mlscore_buffer *out,
                                 const mlscore_column *column, size_t rows,
                                 int first)
{
    const mlscore_field *field = column->field;
    mlscore_status status =
        first ? MLSCORE_OK : mlscore_buffer_append(out, ",", 1);

    if (status == MLSCORE_OK) {
        status =
            mlscore_write_json_string(out, field->name, field->name_length);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_buffer_append(out, ":[", 2);
    }
    if (status == MLSCORE_OK) {
        status = field->type == MLSCORE_CHARACTER
                     ? put_texts(out, column, rows)
                     : put_scalars(out, column, rows);
    }
    return status == MLSCORE_OK ? mlscore_buffer_append(out, "]", 1) : status;
}

mlscore_status mlscore_write_json(mlscore_buffer *out,
                                  const mlscore_frame *frame,
                                  mlscore_error *err)
{
    mlscore_status status = mlscore_buffer_append(out, "{", 1);

    for (uint32_t i = 0; i < frame->schema->field_count && status == MLSCORE_OK;
         i++) {
        status = put_column(out, &frame->columns[i], frame->rows, i == 0);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_buffer_append(out, "}", 1);
    }
    return status == MLSCORE_OK ? status : mlscore_write_failed(status, err);
}
