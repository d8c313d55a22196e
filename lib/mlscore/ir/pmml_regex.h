/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IR_PMML_REGEX_H
#define MLSCORE_IR_PMML_REGEX_H

/** PMML's regular expressions, compiled the same way when a document is
 *  checked and when its plan is opened. */

#include <stddef.h>

/** Compile; a pcre2_code that the caller frees, NULL when it is no regular
 *  expression that the engine knows. */
void *mlscore_pmml_regex_compile(const char *bytes, size_t length,
                                 int any_case);
void mlscore_pmml_regex_free(void *code);

#endif
