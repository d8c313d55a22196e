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

/* What was written and is not in the buffer yet: a buffer takes long for a few
 * bytes. */
typedef struct pending {
    mlscore_buffer *out;
    size_t used;
    char bytes[4096];
} pending;

static mlscore_status flush(pending *p)
{
    const size_t length = p->used;

    p->used = 0;
    return mlscore_buffer_append(p->out, p->bytes, length);
}

/* Room for a comma, a cell that is not text, and the end of a row. */
static mlscore_status make_room(pending *p)
{
    return p->used + MLSCORE_NUMBER_ROOM + 4 > sizeof(p->bytes) ? flush(p)
                                                                : MLSCORE_OK;
}

/* A cell that is not text; there is room for it. */
static char *put_scalar(char *p, const mlscore_column *column, size_t row)
{
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        return put_number(p, column, row);
    case MLSCORE_INTEGER:
        return p + mlscore_format_integer(p, column->values.integer[row]);
    default:
        return column->values.logical[row] ? put_bytes(p, "true", 4)
                                           : put_bytes(p, "false", 5);
    }
}

static mlscore_status put_row(pending *p, const mlscore_column *columns,
                              uint32_t count, size_t row)
{
    int blank = 1;

    if (count == 0) {
        const mlscore_status status = make_room(p);

        if (status != MLSCORE_OK) {
            return status;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const mlscore_column *column = &columns[i];
        const int is_text = column->field->type == MLSCORE_CHARACTER;

        mlscore_status status = make_room(p);

        if (status != MLSCORE_OK) {
            return status;
        }
        if (i > 0) {
            p->bytes[p->used++] = ',';
            blank = 0;
        }
        if (column->missing[row]) {
            continue;
        }
        if (!is_text) {
            p->used = (size_t)(put_scalar(p->bytes + p->used, column, row) -
                               p->bytes);
            blank = 0;
            continue;
        }
        const mlscore_text *text = &column->values.character[row];

        status = flush(p);
        if (status == MLSCORE_OK) {
            status = put_text(p->out, text->bytes, text->length);
        }
        if (status != MLSCORE_OK) {
            return status;
        }
        blank &= text->length == 0;
    }
    /* Not a blank line, which many readers skip. */
    if (blank) {
        p->bytes[p->used++] = '"';
        p->bytes[p->used++] = '"';
    }
    p->bytes[p->used++] = '\n';
    return MLSCORE_OK;
}

static mlscore_status put_rows(mlscore_buffer *out, const mlscore_frame *frame)
{
    pending p = {.out = out};
    mlscore_status status = MLSCORE_OK;

    for (size_t row = 0; row < frame->rows && status == MLSCORE_OK; row++) {
        status = put_row(&p, frame->columns, frame->schema->field_count, row);
    }
    return status == MLSCORE_OK ? flush(&p) : status;
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
