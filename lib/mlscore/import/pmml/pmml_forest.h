/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_PMML_FOREST_H
#define MLSCORE_IMPORT_PMML_FOREST_H

/**
 * Packing the trees of an ensemble: what the parts share.
 *
 * PMML's trees test predicates of three values in the order of a node's
 * children; the kernel's trees have plain binary splits with a side for missing
 * values. A tree is rewritten by running the walk on facts instead of values:
 * whenever the facts do not decide a predicate, a split is made and both sides
 * are walked with one more fact. docs/internals/pmml.md tells more.
 */

#include "eval/forest.h"
#include "import/pmml/pmml_import.h"

/** The plan's tables as they are now, to be looked up by index. */
typedef struct forest_tables {
    const pmml_model *models;
    const pmml_mining *minings;
    const pmml_segment *segments;
    const pmml_tree *trees;
    const pmml_node *nodes;
    const pmml_share *shares;
    const pmml_predicate *predicates;
    const pmml_constant *constants;
    const pmml_slot *slots;
    const pmml_treatment *treatments;
    const pmml_expr *exprs;
    const uint32_t *words;
} forest_tables;

/** A feature of the kernel: a field, and how it becomes a number. */
typedef struct split_feature {
    uint32_t slot;
    uint32_t kind;     /* PMML_SPLIT_... */
    int required;      /* rows without it are walked */
    pmml_list symbols; /* codes of texts, ascending */
    double *numbers;   /* codes of numbers, ascending */
    size_t number_count, number_capacity;
} split_feature;

enum split_kind {
    SPLIT_LEAF = 0, /* ends at `node`, or at none: the walk decides */
    SPLIT_PRESENT,  /* first: the field is not missing */
    SPLIT_LESS,     /* first: value < cut */
    SPLIT_EQUAL,    /* first: value == cut */
    SPLIT_MEMBER    /* first: its code is in the set */
};

/** A node of the rewritten tree. */
typedef struct split_node {
    enum split_kind kind;
    uint32_t feature;
    double cut;
    const uint32_t *bits;
    uint32_t bit_count;
    uint32_t first, second;
    int missing_first;
    uint32_t node; /* of the PMML tree, or none */
} split_node;

typedef struct forest_lowering {
    pmml_import *in;
    forest_tables tables;
    split_feature *features;
    size_t feature_count, feature_capacity;
    uint32_t *plain_of; /* by slot: 1 + the feature of its number, or text */
    uint32_t *code_of;  /* by slot: 1 + the feature of its number's code */
    uint32_t *parents;  /* by model: the ensemble it is a segment of, or none */
    unsigned char *seen;      /* by model: an Output looks at its result */
    int ranks;                /* some Output ranks categories */
    const uint32_t **bits_of; /* by predicate: the set, once made */
    split_node *splits;       /* of the tree being rewritten */
    size_t split_count, split_capacity;
    size_t split_limit;
    size_t work; /* facts looked at, against work_limit */
    size_t work_limit;
} forest_lowering;

/** Room for another item of an array in the arena. */
void *mlscore_pmml_forest_grow(pmml_import *in, void *items, size_t count,
                               size_t *capacity, size_t size);

/* --- pmml_forest_features.c -----------------------------------------------*/

/** Note the fields that the predicates of a node and of those below compare,
 *  and the values that they compare them with. 0 when the kernel has no such
 *  comparison. */
int mlscore_pmml_forest_collect(forest_lowering *l, uint32_t node);
/** Sort the codes; 0 when there are too many. */
int mlscore_pmml_forest_codes(forest_lowering *l);
/** Forget the features, for the next ensemble. */
void mlscore_pmml_forest_forget(forest_lowering *l);
/** The set of codes that an EQ, NE, IN or NOT_IN names. */
const uint32_t *mlscore_pmml_forest_bits(forest_lowering *l, uint32_t predicate,
                                         uint32_t feature);
/** 1 when the predicate looks at the code of a number. */
int mlscore_pmml_forest_is_code(const forest_lowering *l,
                                const pmml_predicate *predicate);
/** 1 when a field always has a value. */
int mlscore_pmml_forest_never_missing(const forest_lowering *l, uint32_t slot);
uint32_t mlscore_pmml_forest_code_count(const split_feature *feature);

/* --- pmml_forest_split.c, pmml_forest_facts.c -----------------------------*/

/** Rewrite a tree into l->splits, the root first. 0 when it grows too much. */
int mlscore_pmml_forest_split(forest_lowering *l, const pmml_tree *tree);

/* --- pmml_forest_leaf.c ---------------------------------------------------*/

/** What the leaves of an ensemble add. */
typedef struct forest_leaves {
    uint32_t kind;  /* PMML_FOREST_... */
    uint32_t flags; /* UNORDERED */
    pmml_list categories;
    int listed;      /* categories are those of the first distribution */
    double *values;  /* scratch, by category */
    uint32_t *found; /* scratch: categories of one distribution */
    double *shares;
    size_t scratch;
    double divisor;
    pmml_list firsts; /* LEAVES: for each tree, its first of `nodes` */
    pmml_list nodes;  /* by the kernel's numbers */
} forest_leaves;

/** What kind of sums an ensemble has: 0 when it is none. */
int mlscore_pmml_forest_kind(forest_leaves *leaves, const pmml_model *model,
                             const pmml_mining *mining);
/** Gather the categories of a tree's nodes. 0 when they do not fit. */
int mlscore_pmml_forest_categories(forest_lowering *l, forest_leaves *leaves,
                                   const pmml_model *all,
                                   const pmml_model *tree, uint32_t node);
/** What a leaf adds, by category: NAN when the walk must decide. 0 when the
 *  kernel cannot add it. */
int mlscore_pmml_forest_leaf(forest_lowering *l, forest_leaves *leaves,
                             const pmml_model *all, const pmml_segment *segment,
                             uint32_t node);

/** Arithmetic of a model is that of floats when it says so. */
static inline double forest_round(const pmml_model *model, double number)
{
    return model->float_math ? (double)(float)number : number;
}

#endif
