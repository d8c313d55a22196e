/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_READER_H
#define MLSCORE_BODY_READER_H

/**
 * What the JSON and the CSV reader share: where they are, how they complain,
 * and how the text of a cell becomes a value of its column's type.
 */

#include "body/decimal.h"
#include "mlscore/body.h"

/** Rows in a message count from 0; this means that there is no row to name. */
#define MLSCORE_NO_ROW SIZE_MAX

typedef struct mlscore_body {
    mlscore_frame *frame;
    const char *start;
    const char *end;
    /* First byte that is not UTF-8, or end. Texts beyond it are refused. */
    const char *invalid;
    mlscore_error *err;
    mlscore_status status; /* of the first complaint */
    size_t max_rows;
    unsigned max_depth;
    /* For messages: the column's name as it stands in the body, NULL when
     * outside of columns, and the row. */
    const char *name;
    size_t name_length;
    size_t row;
} mlscore_body;

/** Reset the frame and look for bytes that are not UTF-8. */
void mlscore_body_begin(mlscore_body *body, mlscore_frame *frame,
                        const char *bytes, size_t length,
                        const mlscore_read_options *options,
                        mlscore_error *err);

/** Complain about the byte at `at`; the message begins with column, row and
 *  offset. Returns NULL, so that a scanner can return it as "no position". */
const char *mlscore_body_fail(mlscore_body *body, mlscore_status status,
                              const char *at, const char *format, ...)
    MLSCORE_PRINTF(4, 5);

/** Say that memory ran out; NULL. */
const char *mlscore_body_no_memory(mlscore_body *body);

/** Make room for `row`, which may be max_rows too many: 0 or -1. */
int mlscore_body_more_rows(mlscore_body *body, size_t row, const char *at);

static inline int mlscore_body_ensure_row(mlscore_body *body, size_t row,
                                          const char *at)
{
    return row < body->frame->capacity && row < body->max_rows
               ? 0
               : mlscore_body_more_rows(body, row, at);
}

/** Set a cell from text, converted to the column's type. `text` stays until
 *  the frame is reset. `at` is where the text stands in the body. 0 or -1. */
int mlscore_body_set_text(mlscore_body *body, mlscore_column *column,
                          size_t row, const char *text, size_t length,
                          const char *at);

/** Set a cell of a numeric or integer column from a number: 0 or -1. */
int mlscore_body_set_numeric(mlscore_body *body, mlscore_column *column,
                             size_t row, const mlscore_decimal *decimal,
                             const char *at);
int mlscore_body_set_integer(mlscore_body *body, mlscore_column *column,
                             size_t row, const mlscore_decimal *decimal,
                             const char *at);

static inline void mlscore_body_set_character(mlscore_column *column,
                                              size_t row, const char *text,
                                              size_t length)
{
    column->values.character[row] = (mlscore_text){
        text, (uint32_t)length,
        column->field->levels ? mlscore_field_level(column->field, text, length)
                              : -1};
    column->missing[row] = 0;
}

/** After the last row: columns that the body did not name are missing when
 *  they may be, else the first of them is complained about. 0 or -1. */
int mlscore_body_finish_columns(mlscore_body *body);

/** Does `text` spell `word`, which is in lower case, in any case? */
int mlscore_body_is_word(const char *text, size_t length, const char *word);

#endif
