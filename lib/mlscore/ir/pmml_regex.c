/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's regular expressions, through PCRE2. */

#include "ir/pmml_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

void *mlscore_pmml_regex_compile(const char *bytes, size_t length,
                                 int any_case)
{
    int code;
    PCRE2_SIZE offset;

    return pcre2_compile(
        (PCRE2_SPTR)bytes, length,
        PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (any_case ? PCRE2_CASELESS : 0),
        &code, &offset, NULL);
}

void mlscore_pmml_regex_free(void *code)
{
    pcre2_code_free(code);
}
