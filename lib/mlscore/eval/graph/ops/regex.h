/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_REGEX_H
#define MLSCORE_EVAL_GRAPH_OPS_REGEX_H

/**
 * Regular expressions of models, by PCRE2 with bounds on the work that a
 * match may take: patterns come with models, texts with requests.
 */

#include "eval/graph/op.h"

typedef struct mlscore_regex mlscore_regex;

/** Compile; sets prepare's failure and returns NULL when it is not a regular
 *  expression. Free with mlscore_regex_free, which accepts NULL. */
mlscore_regex *mlscore_regex_compile(mlscore_prepare *prepare,
                                     const mlscore_text *pattern);
void mlscore_regex_free(mlscore_regex *regex);

/** What a thread needs to match; NULL when memory runs out. */
typedef struct mlscore_matcher mlscore_matcher;
mlscore_matcher *mlscore_matcher_create(void);
void mlscore_matcher_free(mlscore_matcher *matcher);

/** Does all of the text match? 1, 0, or -1: more work than is allowed. */
int mlscore_regex_full(const mlscore_regex *regex, mlscore_matcher *matcher,
                       const char *bytes, size_t length);
/** Find the first match at or after `from`: 1 and its bounds, 0, or -1. */
int mlscore_regex_find(const mlscore_regex *regex, mlscore_matcher *matcher,
                       const char *bytes, size_t length, size_t from,
                       size_t *start, size_t *end);

#endif
