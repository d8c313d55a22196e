/* SPDX-License-Identifier: Apache-2.0 */
/* Typed columns of rows: memory, missing cells, refused rows. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "mlscore/frame.h"

static size_t cell_size(mlscore_type type)
{
    switch (type) {
    case MLSCORE_NUMERIC:
        return sizeof(double);
    case MLSCORE_INTEGER:
        return sizeof(int64_t);
    case MLSCORE_LOGICAL:
        return sizeof(uint8_t);
    case MLSCORE_CHARACTER:
        return sizeof(mlscore_text);
    }
    return sizeof(mlscore_text);
}

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory for the rows");
}

mlscore_status mlscore_frame_create(mlscore_frame **out,
                                    const mlscore_schema *schema,
                                    mlscore_error *err)
{
    mlscore_frame *frame = mlscore_calloc(1, sizeof(*frame));

    *out = NULL;
    if (!frame) {
        return no_memory(err);
    }
    frame->schema = schema;
    frame->column_count = schema->field_count;
    frame->columns =
        mlscore_calloc(schema->field_count, sizeof(*frame->columns));
    frame->arena = mlscore_arena_create();
    if (!frame->columns || !frame->arena) {
        mlscore_frame_free(frame);
        return no_memory(err);
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        frame->columns[i].field = &schema->fields[i];
    }
    *out = frame;
    return MLSCORE_OK;
}

void mlscore_frame_free(mlscore_frame *frame)
{
    if (!frame) {
        return;
    }
    if (frame->columns) {
        for (uint32_t i = 0; i < frame->column_count; i++) {
            mlscore_free(frame->columns[i].values.any);
            mlscore_free(frame->columns[i].missing);
        }
    }
    mlscore_free(frame->columns);
    mlscore_free(frame->row_errors);
    mlscore_arena_free(frame->arena);
    mlscore_free(frame);
}

void mlscore_frame_reset(mlscore_frame *frame)
{
    frame->rows = 0;
    frame->row_error_count = 0;
    mlscore_arena_reset(frame->arena);
    for (uint32_t i = 0; i < frame->column_count; i++) {
        frame->columns[i].present = 0;
    }
}

mlscore_status mlscore_frame_reserve(mlscore_frame *frame, size_t rows,
                                     mlscore_error *err)
{
    /* At least one row, so that no column's memory is NULL afterwards. */
    rows = rows ? rows : 1;
    if (rows <= frame->capacity) {
        return MLSCORE_OK;
    }
    for (uint32_t i = 0; i < frame->column_count; i++) {
        mlscore_column *column = &frame->columns[i];

        /* A block that grew while a later one could not is still good for
         * `capacity` rows. */
        void *values = mlscore_realloc_array(column->values.any, rows,
                                             cell_size(column->field->type));
        if (!values) {
            return no_memory(err);
        }
        column->values.any = values;
        uint8_t *missing = mlscore_realloc(column->missing, rows);
        if (!missing) {
            return no_memory(err);
        }
        column->missing = missing;
    }
    frame->capacity = rows;
    return MLSCORE_OK;
}

const char *mlscore_frame_copy(mlscore_frame *frame, const char *bytes,
                               size_t length)
{
    return mlscore_arena_copy(frame->arena, bytes, length);
}

void mlscore_column_set_missing(mlscore_column *column, size_t row)
{
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        column->values.numeric[row] = (double)NAN;
        break;
    case MLSCORE_INTEGER:
        column->values.integer[row] = 0;
        break;
    case MLSCORE_LOGICAL:
        column->values.logical[row] = 0;
        break;
    case MLSCORE_CHARACTER:
        column->values.character[row] = (mlscore_text){"", 0, -1};
        break;
    }
    column->missing[row] = 1;
}

/* Where `row` belongs among the errors, which ascend: its own index when it is
 * there already. Looks from the end, as rows usually come in order. */
static size_t place_of(const mlscore_frame *frame, size_t row)
{
    size_t low = 0;
    size_t high = frame->row_error_count;

    if (high > 0 && frame->row_errors[high - 1].row < row) {
        return high;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (frame->row_errors[middle].row < row) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

/* Formatted into the arena; NULL when memory runs out. */
static const char *message_in_arena(mlscore_frame *frame, const char *format,
                                    va_list arguments)
{
    char message[sizeof(((mlscore_error *)0)->message)];
    mlscore_error cut;

    vsnprintf(message, sizeof(message), format, arguments);
    mlscore_error_set(&cut, MLSCORE_EINPUT, "%s", message);
    return mlscore_frame_copy(frame, cut.message, strlen(cut.message));
}

mlscore_status mlscore_frame_row_error(mlscore_frame *frame, size_t row,
                                       const char *format, ...)
{
    const size_t at = place_of(frame, row);
    const size_t count = frame->row_error_count;

    if (at < count && frame->row_errors[at].row == row) {
        return MLSCORE_OK;
    }
    if (mlscore_grow(&frame->row_errors, &frame->row_error_capacity, count,
                     sizeof(*frame->row_errors))) {
        return MLSCORE_ENOMEM;
    }
    va_list arguments;
    va_start(arguments, format);
    const char *message = message_in_arena(frame, format, arguments);
    va_end(arguments);
    if (!message) {
        return MLSCORE_ENOMEM;
    }
    memmove(frame->row_errors + at + 1, frame->row_errors + at,
            (count - at) * sizeof(*frame->row_errors));
    frame->row_errors[at] = (mlscore_row_error){row, message};
    frame->row_error_count = count + 1;
    for (uint32_t i = 0; i < frame->column_count; i++) {
        mlscore_column_set_missing(&frame->columns[i], row);
    }
    return MLSCORE_OK;
}
