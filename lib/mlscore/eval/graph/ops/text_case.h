/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_TEXT_CASE_H
#define MLSCORE_EVAL_GRAPH_OPS_TEXT_CASE_H

/** Upper and lower case of UTF-8, by Unicode's simple mappings, independent of
 *  any locale. Bytes that are not UTF-8 stay. */

#include "eval/graph/op.h"

typedef enum mlscore_case {
    MLSCORE_CASE_NONE = 0,
    MLSCORE_CASE_LOWER,
    MLSCORE_CASE_UPPER
} mlscore_case;

/** The text in another case; new bytes, if any, are in `arena`. Returns -1
 *  when memory runs out. */
int mlscore_text_case(mlscore_arena *arena, mlscore_case to,
                      const mlscore_text *in, mlscore_text *out);

#endif
