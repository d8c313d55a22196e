/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_FRAME_H
#define MLSCORE_FRAME_H

/**
 * Schemas and frames: what columns a model takes and gives, and typed columns
 * of rows.
 *
 * A schema belongs to a model (or to whoever built it) and outlives every use
 * of a frame made for it but freeing. A frame owns its memory and is reused:
 * mlscore_frame_reset keeps the capacity, so that steady use allocates nothing.
 * Cells of a column lie side by side. A missing cell has missing[row] = 1, and
 * its value is NAN, 0, 0 or {"", 0, -1}.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlscore_type {
    MLSCORE_NUMERIC = 0, /* double */
    MLSCORE_INTEGER,     /* int64_t */
    MLSCORE_LOGICAL,     /* uint8_t, 0 or 1 */
    MLSCORE_CHARACTER    /* UTF-8 text */
} mlscore_type;

/** Text in a cell: borrowed bytes, not terminated. `level` is the position in
 *  the column's levels, or -1 when it is none of them or there are none. */
typedef struct mlscore_text {
    const char *bytes;
    uint32_t length;
    int32_t level;
} mlscore_text;

/** One column that a model takes or gives. */
typedef struct mlscore_field {
    const char *name; /* UTF-8, terminated */
    uint32_t name_length;
    mlscore_type type;
    /* An input that may be left out of a request altogether (then missing in
     * every row); 0 means that a request without it is refused. */
    int optional;
    /* An input whose cells may be numbers given as text or text given as
     * numbers (ONNX and PMML producers differ); readers then convert. */
    int lenient;
    /* A numeric output whose values are floats widened to double: written in
     * the shortest form that reads back to the same float. */
    int single;
    const mlscore_text *levels; /* known values, NULL when not enumerated */
    uint32_t level_count;
    /* Finds levels quickly; made when a model is opened, NULL elsewhere. */
    const struct mlscore_level_index *level_index;
} mlscore_field;

typedef struct mlscore_schema {
    const mlscore_field *fields;
    uint32_t field_count;
    /* Inputs of a graph that has positions rather than names: a request that
     * does not name all fields but has as many columns is taken in its
     * columns' order. */
    int by_position;
} mlscore_schema;

/** Position of a field by exact name, or -1. Linear for few fields; readers
 *  of many rows look names up once a column, not once a cell. */
MLSCORE_API int mlscore_schema_find(const mlscore_schema *schema,
                                    const char *name, size_t length);

/** Position of a text among a field's levels, or -1. */
MLSCORE_API int32_t mlscore_field_level(const mlscore_field *field,
                                        const char *bytes, size_t length);

typedef struct mlscore_column {
    const mlscore_field *field; /* borrowed from the schema */
    union {
        double *numeric;
        int64_t *integer;
        uint8_t *logical;
        mlscore_text *character;
        void *any;
    } values;          /* `rows` cells of field->type */
    uint8_t *missing;  /* `rows` flags, never NULL once rows are reserved */
    uint8_t present;   /* the request named this column */
} mlscore_column;

/** A row that could not be scored, and why. */
typedef struct mlscore_row_error {
    size_t row;          /* 0-based */
    const char *message; /* in the frame's arena, until reset */
} mlscore_row_error;

typedef struct mlscore_frame {
    const mlscore_schema *schema;
    mlscore_column *columns; /* schema->field_count of them, same order */
    uint32_t column_count;   /* that number: freeing needs no schema */
    size_t rows;
    size_t capacity;         /* rows reserved in every column */
    mlscore_row_error *row_errors; /* ascending by row; output frames only */
    size_t row_error_count;
    size_t row_error_capacity;
    struct mlscore_arena *arena; /* bytes of texts and messages, until reset */
} mlscore_frame;

/** Make an empty frame for a schema that outlives its use. Free with
 *  mlscore_frame_free, which accepts NULL. */
MLSCORE_API mlscore_status mlscore_frame_create(mlscore_frame **out,
                                                const mlscore_schema *schema,
                                                mlscore_error *err);
MLSCORE_API void mlscore_frame_free(mlscore_frame *frame);

/** Forget all rows, texts and row errors; keep the memory. */
MLSCORE_API void mlscore_frame_reset(mlscore_frame *frame);

/** Make room for `rows` rows in every column; existing cells are kept, cells
 *  beyond frame->rows are undefined. Sizes are checked for overflow. */
MLSCORE_API mlscore_status mlscore_frame_reserve(mlscore_frame *frame,
                                                 size_t rows,
                                                 mlscore_error *err);

/** Copy bytes into the frame's arena; NULL when memory runs out. */
MLSCORE_API const char *mlscore_frame_copy(mlscore_frame *frame,
                                           const char *bytes, size_t length);

/** Mark a cell missing and give it its type's neutral value. */
MLSCORE_API void mlscore_column_set_missing(mlscore_column *column,
                                            size_t row);

/** Record that `row` could not be scored (the first reason of a row is kept)
 *  and mark all its cells missing. Rows may come in any order. */
MLSCORE_API mlscore_status mlscore_frame_row_error(mlscore_frame *frame,
                                                   size_t row,
                                                   const char *format, ...)
    MLSCORE_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
