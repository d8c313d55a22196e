/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_PMML_FOREST_FACTS_H
#define MLSCORE_IMPORT_PMML_FOREST_FACTS_H

/**
 * Facts about fields, and what they say of predicates (pmml_forest_facts.c).
 */

#include "import/pmml/pmml_forest.h"

enum fact_kind {
    FACT_PRESENT,
    FACT_MISSING,
    /* if the field is present: */
    FACT_LESS,
    FACT_NOT_LESS,
    FACT_EQUAL,
    FACT_NOT_EQUAL,
    FACT_IN,
    FACT_NOT_IN
};

/** What is known on the path to here, newest first. */
typedef struct fact {
    const struct fact *before;
    enum fact_kind kind;
    uint32_t slot;
    uint32_t feature;
    double cut;
    const uint32_t *bits;
} fact;

/** A comparison: `test` or, negated, its opposite. */
typedef struct atom {
    enum split_kind test; /* PRESENT, LESS, EQUAL, MEMBER */
    int negated;
    uint32_t slot;
    uint32_t feature;
    double cut;
    const uint32_t *bits;
} atom;

/** A predicate's value as far as it is known: the values it may have. */
enum { MAY_FALSE = 1, MAY_TRUE = 2, MAY_UNKNOWN = 4 };
typedef unsigned truths;

enum presence { MAYBE, PRESENT, ABSENT };

/** Comparisons that would tell more about a predicate. */
typedef struct openings {
    int has_value, has_presence;
    atom value;    /* true or false is open */
    atom presence; /* whether the field is missing is */
} openings;

/** The fact that a comparison is true, or false. */
fact mlscore_pmml_fact_of(const atom *a, int is_true, const fact *before);
enum presence mlscore_pmml_facts_presence(forest_lowering *l, const fact *facts,
                                          uint32_t slot);
/** A comparison of a field that is not missing. */
truths mlscore_pmml_facts_decide(forest_lowering *l, const fact *facts,
                                 const atom *a);
/** The values that a predicate may have, and what is open in it. */
truths mlscore_pmml_facts_test(forest_lowering *l, uint32_t predicate,
                               const fact *facts, openings *open);

#endif
