/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewrites a tree of predicates into binary splits.
 *
 * The walk of eval/pmml/pmml_run_tree.c runs on facts about the fields. Where
 * they leave a predicate open, the comparison that decides it becomes a split,
 * and the walk goes on from the same node with one fact more on either side.
 * What comes out is right by construction; it is as small as the tree because
 * facts decide whatever the path has decided before.
 */

#include "import/pmml/pmml_forest_facts.h"

/** Where the walk gets from a node. */
typedef struct move {
    enum { TO_NODE, TO_LEAF, TO_SPLIT } kind;
    uint32_t node; /* TO_NODE, TO_LEAF (or none) */
    atom open;     /* TO_SPLIT: what is to be known */
} move;

/** Deepest tree that is made. */
enum { MAX_DEPTH = 1500 };

/* --- the walk -------------------------------------------------------------*/

static move leaf(uint32_t node)
{
    return (move){.kind = TO_LEAF, .node = node};
}

/** Where a walk goes whose next predicate is unknown. */
static move handle_missing(const forest_lowering *l, const pmml_tree *tree,
                           uint32_t at)
{
    const pmml_node *node = &l->tables.nodes[at];

    switch (tree->strategy) {
    case PMML_STRATEGY_LAST:
        return leaf(at);
    case PMML_STRATEGY_DEFAULT:
        return node->default_child == PMML_NONE
                   ? leaf(PMML_NONE)
                   : (move){.kind = TO_NODE, .node = node->default_child};
    default:
        return leaf(PMML_NONE);
    }
}

static int same_move(const move *a, const move *b)
{
    return a->kind == b->kind && a->kind != TO_SPLIT && a->node == b->node;
}

/** What would tell more: values first, since one split may then do. */
static move ask(const openings *open)
{
    return (move){.kind = TO_SPLIT,
                  .open = open->has_value ? open->value : open->presence};
}

static move enter_root(forest_lowering *l, const pmml_tree *tree,
                       const fact *facts)
{
    openings open = {0};
    const truths may = mlscore_pmml_facts_test(
        l, l->tables.nodes[tree->root].predicate, facts, &open);

    return !(may & MAY_TRUE) ? leaf(PMML_NONE)
           : may == MAY_TRUE ? (move){.kind = TO_NODE, .node = tree->root}
                             : ask(&open);
}

/** One step from a node; from PMML_NONE into the root. A predicate that may
 *  have several values does not matter when all lead to the same place. */
static move step(forest_lowering *l, const pmml_tree *tree, uint32_t at,
                 const fact *facts)
{
    if (at == PMML_NONE) {
        return enter_root(l, tree, facts);
    }
    const pmml_node *node = &l->tables.nodes[at];
    const move missing = handle_missing(l, tree, at);
    openings doubt = {0};
    int doubtful = 0; /* the walk may have left for `missing` before */

    if (node->child_count == 0) {
        return leaf(at);
    }
    move going =
        leaf(tree->no_true_last && node->score != PMML_NONE ? at : PMML_NONE);

    for (uint32_t i = 0; i < node->child_count; i++) {
        const uint32_t child = node->child_first + i;
        openings open = {0};
        truths may = mlscore_pmml_facts_test(
            l, l->tables.nodes[child].predicate, facts, &open);

        if (tree->strategy == PMML_STRATEGY_NONE && (may & MAY_UNKNOWN)) {
            may = (may & ~(truths)MAY_UNKNOWN) | MAY_FALSE;
        }
        if ((may & MAY_TRUE) && (may & MAY_FALSE)) {
            return ask(doubtful ? &doubt : &open);
        }
        if (may == MAY_UNKNOWN) {
            going = missing;
            break;
        }
        if ((may & MAY_UNKNOWN) && !doubtful) {
            doubtful = 1;
            doubt = open;
        }
        if (may & MAY_TRUE) {
            going = (move){.kind = TO_NODE, .node = child};
            break;
        }
    }
    return doubtful && !same_move(&going, &missing) ? ask(&doubt) : going;
}

/* --- splits ---------------------------------------------------------------*/

/** One position of the walk, and what it needs from there. */
typedef struct place {
    uint32_t at;
    const fact *facts;
    unsigned depth;
} place;

static int build(forest_lowering *l, const pmml_tree *tree, place here,
                 uint32_t *out);

static uint32_t add_split(forest_lowering *l, const split_node *split)
{
    l->splits =
        mlscore_pmml_forest_grow(l->in, l->splits, l->split_count,
                                 &l->split_capacity, sizeof(*l->splits));
    l->splits[l->split_count] = *split;
    return (uint32_t)l->split_count++;
}

/** Make a split and what comes after it. */
static int build_split(forest_lowering *l, const pmml_tree *tree, const atom *a,
                       int missing_first, place first, place second,
                       uint32_t *out)
{
    const split_node split = {
        .kind = a->test,
        .feature = a->feature,
        .cut = a->cut,
        .bits = a->bits,
        .bit_count = mlscore_pmml_forest_code_count(&l->features[a->feature]),
        .missing_first = missing_first};
    uint32_t left, right;

    *out = add_split(l, &split);
    if (!build(l, tree, first, &left) || !build(l, tree, second, &right)) {
        return 0;
    }
    l->splits[*out].first = left;
    l->splits[*out].second = right;
    return 1;
}

/** Missing, or not: each side knows which. */
static int build_presence(forest_lowering *l, const pmml_tree *tree,
                          const atom *a, place here, uint32_t *out)
{
    const atom present = {
        .test = SPLIT_PRESENT, .slot = a->slot, .feature = a->feature};
    const fact yes = mlscore_pmml_fact_of(&present, 1, here.facts);
    const fact no = mlscore_pmml_fact_of(&present, 0, here.facts);

    return build_split(l, tree, &present, 0,
                       (place){here.at, &yes, here.depth + 1},
                       (place){here.at, &no, here.depth + 1}, out);
}

static int same_atom(const atom *a, const atom *b)
{
    return a->test == b->test && a->feature == b->feature &&
           (a->test == SPLIT_MEMBER ? a->bits == b->bits : a->cut == b->cut);
}

/** The field may be missing. Where that ends nowhere, rows without the field
 *  are left to the walk; where the walk then needs not know it any more, the
 *  split sends it to a side. */
static int build_maybe(forest_lowering *l, const pmml_tree *tree, const atom *a,
                       place here, uint32_t *out)
{
    const atom is_present = {
        .test = SPLIT_PRESENT, .slot = a->slot, .feature = a->feature};
    const fact present = mlscore_pmml_fact_of(&is_present, 1, here.facts);
    const fact absent = mlscore_pmml_fact_of(&is_present, 0, here.facts);
    const move missing = step(l, tree, here.at, &absent);

    if (missing.kind == TO_LEAF && missing.node == PMML_NONE) {
        l->features[a->feature].required = 1;
        here.facts = &present;
        return build(l, tree, here, out);
    }
    if (mlscore_pmml_facts_decide(l, here.facts, a) != (MAY_TRUE | MAY_FALSE)) {
        return build_presence(l, tree, a, here, out);
    }
    /* The kernel has no split that sends a missing value with "equal". */
    for (int side = a->test != SPLIT_EQUAL; side >= 0; side--) {
        const fact with = mlscore_pmml_fact_of(a, side, here.facts);
        const fact without = mlscore_pmml_fact_of(a, !side, &present);
        const move going = step(l, tree, here.at, &with);
        const place there = {here.at, &with, here.depth + 1};
        const place other = {here.at, &without, here.depth + 1};

        if (going.kind != TO_SPLIT || !same_atom(&going.open, a)) {
            return build_split(l, tree, a, side, side ? there : other,
                               side ? other : there, out);
        }
    }
    return build_presence(l, tree, a, here, out);
}

static int build(forest_lowering *l, const pmml_tree *tree, place here,
                 uint32_t *out)
{
    move next = step(l, tree, here.at, here.facts);

    while (next.kind == TO_NODE) {
        here.at = next.node;
        next = step(l, tree, here.at, here.facts);
    }
    if (l->split_count >= l->split_limit || l->work > l->work_limit ||
        here.depth > MAX_DEPTH) {
        return 0;
    }
    if (next.kind == TO_LEAF) {
        *out = add_split(l, &(split_node){.node = next.node});
        return 1;
    }
    const atom *a = &next.open;

    if (a->test == SPLIT_PRESENT) {
        return build_presence(l, tree, a, here, out);
    }
    if (mlscore_pmml_facts_presence(l, here.facts, a->slot) == MAYBE) {
        return build_maybe(l, tree, a, here, out);
    }
    const fact is_true = mlscore_pmml_fact_of(a, 1, here.facts);
    const fact is_false = mlscore_pmml_fact_of(a, 0, here.facts);

    return build_split(l, tree, a, 0,
                       (place){here.at, &is_true, here.depth + 1},
                       (place){here.at, &is_false, here.depth + 1}, out);
}

int mlscore_pmml_forest_split(forest_lowering *l, const pmml_tree *tree)
{
    uint32_t root;

    l->split_count = 0;
    return build(l, tree, (place){.at = PMML_NONE}, &root);
}
