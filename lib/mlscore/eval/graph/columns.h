/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_COLUMNS_H
#define MLSCORE_EVAL_GRAPH_COLUMNS_H

/** Between columns of a frame and elements of tensors. */

#include "kernel/tensor.h"
#include "mlscore/frame.h"

/** Fill a tensor of `rows` rows of `count` elements with the cells of as many
 *  columns from row `from` on. */
void mlscore_columns_to_tensor(const mlscore_column *columns, size_t count,
                               size_t from, size_t rows, mlscore_dtype type,
                               void *data);

/** Fill `rows` cells of a column from the elements at, at + step ... */
void mlscore_tensor_to_column(const mlscore_tensor *tensor, size_t at,
                              size_t step, mlscore_column *column, size_t from,
                              size_t rows);

/** The column type that holds elements of a type. */
mlscore_type mlscore_column_type(mlscore_dtype type);

#endif
