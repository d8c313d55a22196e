/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_KEY_TABLE_H
#define MLSCORE_EVAL_GRAPH_OPS_KEY_TABLE_H

/** A read-only table from texts or 64-bit numbers to their positions in a
 *  list; the first of equal keys counts. */

#include "eval/graph/op.h"

typedef struct mlscore_key_table {
    size_t slots;          /* a power of 2 */
    const uint32_t *place; /* position + 1, 0 empty */
    const mlscore_text *texts;
    const uint64_t *numbers;
} mlscore_key_table;

/** Make a table of `count` texts or numbers, which must stay. Returns -1 and
 *  sets prepare's failure when memory runs out. */
int mlscore_key_table_texts(mlscore_prepare *prepare, mlscore_key_table *table,
                            const mlscore_text *texts, size_t count);
int mlscore_key_table_numbers(mlscore_prepare *prepare,
                              mlscore_key_table *table,
                              const uint64_t *numbers, size_t count);

/** Position of a key, or -1. */
int64_t mlscore_key_table_text(const mlscore_key_table *table,
                               const char *bytes, size_t length);
int64_t mlscore_key_table_number(const mlscore_key_table *table,
                                 uint64_t number);

/** Element i of a tensor of numbers as a key: whole numbers as they are, reals
 *  as the bits of a double, with one NaN and one zero. */
uint64_t mlscore_number_key(const mlscore_tensor *tensor, size_t i);

#endif
