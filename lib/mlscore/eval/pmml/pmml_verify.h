/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_PMML_VERIFY_H
#define MLSCORE_EVAL_PMML_VERIFY_H

/**
 * Checking a plan: each function returns 1 when the records are sound, and
 * otherwise 0 after setting check->what.
 */

#include "eval/pmml/pmml_run.h"

typedef struct pmml_check {
    pmml_plan *plan;
    const mlscore_schema *inputs;
    const mlscore_schema *outputs;
    const char *what; /* what is damaged */
    /* of the walk through fields and expressions */
    uint32_t *slot_needs;
    uint32_t *expr_needs;
    uint32_t *depths; /* of predicates, then of models */
} pmml_check;

/** Deepest nesting of predicates, and of models, that is evaluated. */
#define PMML_NESTING 600

static inline int pmml_range(uint32_t first, uint32_t count, uint32_t total)
{
    return first <= total && count <= total - first;
}

/** An index of a table, or none. */
static inline int pmml_optional(uint32_t index, uint32_t total)
{
    return index == PMML_NONE || index < total;
}

static inline int pmml_fail_check(pmml_check *check, const char *what)
{
    check->what = what;
    return 0;
}

/** `count` words from `first` on are all below `limit` (or none, where that
 *  is allowed). */
int mlscore_pmml_check_words(const pmml_check *check, uint32_t first,
                             uint32_t count, uint32_t limit, int or_none);
/** Doubles of scratch lie inside what the head says there is. */
int mlscore_pmml_check_scratch(const pmml_check *check, uint32_t first,
                               size_t count);

int mlscore_pmml_check_fields(pmml_check *check);
int mlscore_pmml_check_models(pmml_check *check);
/** Bodies other than trees, regressions and ensembles. */
int mlscore_pmml_check_body(pmml_check *check, const pmml_model *model);

#endif
