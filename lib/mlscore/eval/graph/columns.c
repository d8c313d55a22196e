/* SPDX-License-Identifier: Apache-2.0 */
/* Between columns of a frame and elements of tensors. */

#include "eval/graph/columns.h"

#include <string.h>

mlscore_type mlscore_column_type(mlscore_dtype type)
{
    switch (type) {
    case MLSCORE_DT_STRING:
        return MLSCORE_CHARACTER;
    case MLSCORE_DT_BOOL:
        return MLSCORE_LOGICAL;
    case MLSCORE_DT_FLOAT:
    case MLSCORE_DT_DOUBLE:
    case MLSCORE_DT_FLOAT16:
    case MLSCORE_DT_BFLOAT16:
        return MLSCORE_NUMERIC;
    default:
        return MLSCORE_INTEGER;
    }
}

static double cell_number(const mlscore_column *column, size_t row)
{
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        return column->values.numeric[row];
    case MLSCORE_INTEGER:
        return (double)column->values.integer[row];
    case MLSCORE_LOGICAL:
        return column->values.logical[row];
    default:
        return 0;
    }
}

static int64_t cell_whole(const mlscore_column *column, size_t row)
{
    switch (column->field->type) {
    case MLSCORE_INTEGER:
        return column->values.integer[row];
    case MLSCORE_LOGICAL:
        return column->values.logical[row];
    case MLSCORE_NUMERIC: {
        const double x = column->values.numeric[row];

        return x > -9.2e18 && x < 9.2e18 ? (int64_t)x : 0;
    }
    default:
        return 0;
    }
}

/* Missing is NaN where there is one, otherwise 0 (rows with a missing whole
 * number are refused by the engine). */
static double number_or_nan(const mlscore_column *column, size_t row)
{
    return column->missing[row] ? (double)__builtin_nanf("")
                                : cell_number(column, row);
}

/* --- many columns of numbers at once
 * ---------------------------------------------------- */

typedef double four_doubles __attribute__((vector_size(32)));
typedef float four_floats __attribute__((vector_size(16)));

static inline four_floats four_cells(const mlscore_column *column, size_t row)
{
    four_doubles cells;

    memcpy(&cells, column->values.numeric + row, sizeof(cells));
    return __builtin_convertvector(cells, four_floats);
}

/* Four rows of four columns: the rows of the result are next to each other. */
static inline void turn_four(const mlscore_column *columns, size_t row,
                             float *out, size_t step)
{
    const four_floats a = four_cells(columns, row);
    const four_floats b = four_cells(columns + 1, row);
    const four_floats c = four_cells(columns + 2, row);
    const four_floats d = four_cells(columns + 3, row);
    const four_floats ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four_floats cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four_floats high_ab = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four_floats high_cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const four_floats rows[4] = {
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5),
        __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        __builtin_shufflevector(high_ab, high_cd, 0, 1, 4, 5),
        __builtin_shufflevector(high_ab, high_cd, 2, 3, 6, 7),
    };

    for (size_t i = 0; i < 4; i++) {
        memcpy(out + i * step, &rows[i], sizeof(rows[i]));
    }
}

/* How many of `count` columns, in fours from the first one on, were turned
 * into the rows of a float tensor. */
static size_t turn_columns(const mlscore_column *columns, size_t count,
                           size_t from, size_t rows, float *data)
{
    size_t done = 0;

    for (; rows >= 4 && done + 4 <= count; done += 4) {
        size_t row = 0;

        for (size_t i = 0; i < 4; i++) {
            if (columns[done + i].field->type != MLSCORE_NUMERIC) {
                return done;
            }
        }
        for (; row + 4 <= rows; row += 4) {
            /* Stretches are too short for the machine to foresee. */
            for (size_t i = 4; i < 8 && done + i < count; i++) {
                __builtin_prefetch(columns[done + i].values.numeric + from +
                                   row);
            }
            turn_four(columns + done, from + row, data + row * count + done,
                      count);
        }
        for (; row < rows; row++) {
            for (size_t i = 0; i < 4; i++) {
                data[row * count + done + i] =
                    (float)columns[done + i].values.numeric[from + row];
            }
        }
    }
    return done;
}

/* --- a column
 * -------------------------------------------------------------------------- */

#define WHOLE(T)                                                               \
    for (size_t i = 0; i < rows; i++) {                                        \
        ((T *)data)[at + i * step] = (T)cell_whole(column, from + i);          \
    }                                                                          \
    break;

static void column_to_tensor(const mlscore_column *column, size_t from,
                             size_t rows, mlscore_dtype type, void *data,
                             size_t at, size_t step)
{
    switch (type) {
    case MLSCORE_DT_FLOAT:
        if (column->field->type == MLSCORE_NUMERIC) { /* missing is NaN */
            const double *cells = column->values.numeric + from;

            for (size_t i = 0; i < rows; i++) {
                ((float *)data)[at + i * step] = (float)cells[i];
            }
            break;
        }
        for (size_t i = 0; i < rows; i++) {
            ((float *)data)[at + i * step] =
                (float)number_or_nan(column, from + i);
        }
        break;
    case MLSCORE_DT_DOUBLE:
        for (size_t i = 0; i < rows; i++) {
            ((double *)data)[at + i * step] = number_or_nan(column, from + i);
        }
        break;
    case MLSCORE_DT_FLOAT16:
    case MLSCORE_DT_BFLOAT16:
        for (size_t i = 0; i < rows; i++) {
            const float x = (float)number_or_nan(column, from + i);

            mlscore_float_to_halves((uint16_t *)data + at + i * step, &x, type,
                                    1);
        }
        break;
    case MLSCORE_DT_STRING:
        for (size_t i = 0; i < rows; i++) {
            ((mlscore_text *)data)[at + i * step] =
                column->missing[from + i] ? (mlscore_text){"", 0, -1}
                                          : column->values.character[from + i];
        }
        break;
    case MLSCORE_DT_BOOL:
        for (size_t i = 0; i < rows; i++) {
            ((uint8_t *)data)[at + i * step] =
                cell_number(column, from + i) != 0;
        }
        break;
    case MLSCORE_DT_INT8:
        WHOLE(int8_t)
    case MLSCORE_DT_UINT8:
        WHOLE(uint8_t)
    case MLSCORE_DT_INT16:
        WHOLE(int16_t)
    case MLSCORE_DT_UINT16:
        WHOLE(uint16_t)
    case MLSCORE_DT_INT32:
        WHOLE(int32_t)
    case MLSCORE_DT_UINT32:
        WHOLE(uint32_t)
    default:
        WHOLE(int64_t)
    }
}

void mlscore_columns_to_tensor(const mlscore_column *columns, size_t count,
                               size_t from, size_t rows, mlscore_dtype type,
                               void *data)
{
    size_t done = 0;

    if (type == MLSCORE_DT_FLOAT) { /* missing is NaN */
        done = turn_columns(columns, count, from, rows, data);
    }
    for (; done < count; done++) {
        column_to_tensor(&columns[done], from, rows, type, data, done, count);
    }
}

void mlscore_tensor_to_column(const mlscore_tensor *tensor, size_t at,
                              size_t step, mlscore_column *column, size_t from,
                              size_t rows)
{
    const size_t size = mlscore_dtype_size(tensor->type);
    const char *data = (const char *)tensor->data + at * size;

    for (size_t i = 0; i < rows; i++) {
        const char *cell = data + i * step * size;

        switch (column->field->type) {
        case MLSCORE_NUMERIC:
            if (tensor->type == MLSCORE_DT_FLOAT) {
                column->values.numeric[from + i] = *(const float *)cell;
            }
            else {
                mlscore_elements_to_double(&column->values.numeric[from + i],
                                           cell, tensor->type, 1);
            }
            break;
        case MLSCORE_INTEGER:
            mlscore_elements_to_int64(&column->values.integer[from + i], cell,
                                      tensor->type, 1);
            break;
        case MLSCORE_LOGICAL:
            column->values.logical[from + i] = *(const uint8_t *)cell != 0;
            break;
        case MLSCORE_CHARACTER: {
            const mlscore_text *text = (const mlscore_text *)cell;

            column->values.character[from + i] =
                (mlscore_text){text->bytes, text->length, -1};
            break;
        }
        }
    }
}
