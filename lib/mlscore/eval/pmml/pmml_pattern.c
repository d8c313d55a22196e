/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions of a plan: compiled once when it is opened, found by the
 * symbol of their text.
 */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "eval/pmml/pmml_run.h"
#include "ir/pmml_function.h"
#include "ir/pmml_regex.h"

/* A pattern comes from a model: matching stops after so many steps. */
#define MATCH_LIMIT 1000000u

/** A pattern is compiled once for each way of treating case. */
static mlscore_status compile(pmml_plan *plan, uint32_t symbol, int any_case,
                              mlscore_error *err)
{
    void **pattern = &plan->patterns[2 * (size_t)symbol + (any_case != 0)];

    if (*pattern) {
        return MLSCORE_OK;
    }
    *pattern = mlscore_pmml_regex_compile(
        mlscore_pmml_symbol_bytes(plan, symbol),
        plan->symbols[symbol].length, any_case);
    if (!*pattern) {
        return mlscore_error_set(
            err, MLSCORE_EUNSUPPORTED,
            "PMML: the regular expression \"%.80s\" cannot be compiled",
            mlscore_pmml_symbol_bytes(plan, symbol));
    }
    return MLSCORE_OK;
}

/** Patterns of replace and matches, which must be constants. */
static mlscore_status compile_function(pmml_plan *plan, const pmml_expr *expr,
                                       mlscore_error *err)
{
    const pmml_expr *pattern =
        &plan->exprs[plan->words[expr->a + 1]];

    if (pattern->op != PMML_OP_CONSTANT || pattern->a == PMML_NONE ||
        plan->constants[pattern->a].type != PMML_STRING) {
        return mlscore_error_set(err, MLSCORE_EUNSUPPORTED,
                                 "PMML: the pattern of a \"replace\" or "
                                 "\"matches\" is not a constant text");
    }
    return compile(plan, plan->constants[pattern->a].symbol, 0, err);
}

static mlscore_status compile_text(pmml_plan *plan,
                                   const pmml_text_index *index,
                                   mlscore_error *err)
{
    mlscore_status status = compile(plan, index->pattern, 0, err);

    for (uint32_t i = 0; i < index->norm_count && status == MLSCORE_OK; i++) {
        const pmml_text_norm *norm =
            &plan->text_norms[index->norm_first + i];

        for (uint32_t k = 0; k < norm->row_count && status == MLSCORE_OK;
             k++) {
            status = compile(plan, plan->words[norm->row_first + 2 * k],
                             !norm->case_sensitive, err);
        }
    }
    return status;
}

mlscore_status mlscore_pmml_patterns_open(pmml_plan *plan, mlscore_error *err)
{
    mlscore_status status = MLSCORE_OK;

    plan->patterns =
        mlscore_calloc(2 * ((size_t)plan->symbols_count + 1),
                       sizeof(*plan->patterns));
    if (!plan->patterns) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < plan->exprs_count && status == MLSCORE_OK; i++) {
        const pmml_expr *expr = &plan->exprs[i];

        if (expr->op == PMML_OP_APPLY &&
            (expr->c == PMML_F_REPLACE || expr->c == PMML_F_MATCHES)) {
            status = compile_function(plan, expr, err);
        }
    }
    for (uint32_t i = 0; i < plan->text_indexes_count && status == MLSCORE_OK;
         i++) {
        status = compile_text(plan, &plan->text_indexes[i], err);
    }
    return status;
}

void mlscore_pmml_patterns_free(pmml_plan *plan)
{
    for (size_t i = 0;
         plan->patterns && i < 2 * (size_t)plan->symbols_count; i++) {
        pcre2_code_free(plan->patterns[i]);
    }
    mlscore_free(plan->patterns);
}

/* Matching takes its memory from the output frame's arena. */
static void *take(PCRE2_SIZE size, void *arg)
{
    return mlscore_arena_alloc(arg, size);
}

static void keep(void *block, void *arg)
{
}

/** What matching needs is made once a call of the engine. */
static int prepare(pmml_run *run)
{
    if (run->match_data) {
        return 0;
    }
    pcre2_general_context *memory =
        pcre2_general_context_create(take, keep, run->out->arena);

    if (memory) {
        run->match_context = pcre2_match_context_create(memory);
        run->match_data = pcre2_match_data_create(PMML_GROUPS, memory);
    }
    if (!run->match_context || !run->match_data) {
        run->match_data = NULL;
        run->no_memory = 1;
        return -1;
    }
    pcre2_set_match_limit(run->match_context, MATCH_LIMIT);
    return 0;
}

int mlscore_pmml_match(pmml_run *run, uint32_t pattern, int any_case,
                       const char *bytes, size_t length, size_t at,
                       size_t *bounds, uint32_t *groups)
{
    if (prepare(run)) {
        return -1;
    }
    const int found = pcre2_match(
        run->plan->patterns[2 * (size_t)pattern + (any_case != 0)],
        (PCRE2_SPTR)bytes, length, at, 0, run->match_data,
        run->match_context);

    if (found < 0) {
        return found == PCRE2_ERROR_NOMATCH
                   ? 0
                   : mlscore_pmml_refuse(run, "a regular expression cannot be "
                                              "matched with the text");
    }
    const PCRE2_SIZE *vector = pcre2_get_ovector_pointer(run->match_data);

    *groups = found > 0 ? (uint32_t)found : PMML_GROUPS;
    for (uint32_t i = 0; i < 2 * *groups; i++) {
        bounds[i] = vector[i] == PCRE2_UNSET ? SIZE_MAX : vector[i];
    }
    return 1;
}
