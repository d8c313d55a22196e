/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_JSON_CELL_H
#define MLSCORE_BODY_JSON_CELL_H

/**
 * Names and cells of a JSON body, for json_read.c: which column a name means,
 * and how a JSON value becomes a cell of its column's type.
 */

#include "body/json_scan.h"

typedef struct mlscore_json_reader {
    mlscore_json json;
    const char *member; /* that holds the columns or rows */
    /* How columns are named: as in the schema, or, by position, as the body
     * names them, in the order of their first appearance. */
    mlscore_text *names;
    uint32_t name_count;
    int by_position;
    mlscore_field index; /* of the names as if they were levels */
    /* For rows: the row that last named a column, plus 1; the column that
     * the k-th name of a row meant the last time. */
    size_t *last_row;
    uint32_t *expected;
    /* The column that set the number of rows. */
    const mlscore_text *first;
    /* The complaint is that a required column is not there. */
    int incomplete;
    /* By position: there are more names than columns. */
    int too_many;
} mlscore_json_reader;

static inline mlscore_frame *
mlscore_json_frame(const mlscore_json_reader *reader)
{
    return reader->json.body.frame;
}

static inline int mlscore_json_begins_number(const char *p, const char *end)
{
    return p < end && (mlscore_digit(*p) <= 9 ||
                       (*p == '-' && (end - p < 2 || p[1] != 'I')));
}

/** Name the columns as the schema does, or make room for the body's names.
 *  0 or -1. */
int mlscore_json_set_names(mlscore_json_reader *reader);

/** The column that a key names, -1 when it is none; `guess` is tried first. */
int32_t mlscore_json_find_column(mlscore_json_reader *reader, uint32_t guess,
                                 const mlscore_json_text *key);

/** The column that messages name from here on; NULL for none. */
void mlscore_json_set_name(mlscore_json_reader *reader, const char *bytes,
                           size_t length);

/** Read any value as a cell; there is room for it. */
const char *mlscore_json_read_cell(mlscore_json_reader *reader,
                                   mlscore_column *column, size_t row,
                                   const char *p);

#endif
