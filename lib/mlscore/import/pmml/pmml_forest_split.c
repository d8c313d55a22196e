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

#include <math.h>

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

/** Where the walk gets from a node. */
typedef struct move {
    enum { TO_NODE, TO_LEAF, TO_SPLIT } kind;
    uint32_t node; /* TO_NODE, TO_LEAF (or none) */
    atom open;     /* TO_SPLIT: what is to be known */
} move;

/** Comparisons that would tell more about a predicate. */
typedef struct openings {
    int has_value, has_presence;
    atom value;    /* true or false is open */
    atom presence; /* whether the field is missing is */
} openings;

/** Deepest tree that is made. */
enum { MAX_DEPTH = 1500 };

/* --- deciding from facts --------------------------------------------------*/

static enum presence presence_of(forest_lowering *l, const fact *facts,
                                 uint32_t slot)
{
    for (const fact *at = facts; at; at = at->before) {
        l->work++;
        if (at->slot == slot && at->kind <= FACT_MISSING) {
            return at->kind == FACT_PRESENT ? PRESENT : ABSENT;
        }
    }
    return (l->plain_of[slot] && l->features[l->plain_of[slot] - 1].required) ||
                   (l->code_of[slot] &&
                    l->features[l->code_of[slot] - 1].required) ||
                   mlscore_pmml_forest_never_missing(l, slot)
               ? PRESENT
               : MAYBE;
}

static double above(double number)
{
    return nextafter(number, INFINITY);
}

/** LESS and EQUAL, from what is known of the number. */
static truths decide_number(forest_lowering *l, const fact *facts,
                            const atom *a)
{
    double low = -INFINITY, high = INFINITY; /* low <= x < high */

    for (const fact *at = facts; at; at = at->before) {
        l->work++;
        if (at->feature != a->feature) {
            continue;
        }
        switch (at->kind) {
        case FACT_LESS:
            high = fmin(high, at->cut);
            break;
        case FACT_NOT_LESS:
            low = fmax(low, at->cut);
            break;
        case FACT_EQUAL:
            return (a->test == SPLIT_LESS ? at->cut < a->cut
                                          : at->cut == a->cut)
                       ? MAY_TRUE
                       : MAY_FALSE;
        case FACT_NOT_EQUAL:
            if (a->test == SPLIT_EQUAL && at->cut == a->cut) {
                return MAY_FALSE;
            }
            break;
        default:
            break;
        }
    }
    const int less = high <= a->cut;

    if (a->test == SPLIT_LESS) {
        return less            ? MAY_TRUE
               : low >= a->cut ? MAY_FALSE
                               : MAY_TRUE | MAY_FALSE;
    }
    return less || low > a->cut                     ? MAY_FALSE
           : low >= a->cut && high <= above(a->cut) ? MAY_TRUE
                                                    : MAY_TRUE | MAY_FALSE;
}

/** Whether one code, or any other value, is still possible. */
static int possible(forest_lowering *l, const fact *facts, uint32_t feature,
                    uint32_t word, uint32_t *bits)
{
    int others = 1;

    *bits = UINT32_MAX;
    for (const fact *at = facts; at; at = at->before) {
        l->work++;
        if (at->feature == feature && at->kind == FACT_IN) {
            *bits &= at->bits[word];
            others = 0;
        }
        else if (at->feature == feature && at->kind == FACT_NOT_IN) {
            *bits &= ~at->bits[word];
        }
    }
    return others;
}

static truths decide_member(forest_lowering *l, const fact *facts,
                            const atom *a)
{
    const uint32_t codes =
        mlscore_pmml_forest_code_count(&l->features[a->feature]);
    int inside = 0, outside = 0;

    for (uint32_t word = 0; word <= codes / 32; word++) {
        uint32_t bits;

        outside |= possible(l, facts, a->feature, word, &bits);
        if (word == codes / 32) {
            bits &= (1u << codes % 32) - 1;
        }
        inside |= (bits & a->bits[word]) != 0;
        outside |= (bits & ~a->bits[word]) != 0;
    }
    return !inside ? MAY_FALSE : !outside ? MAY_TRUE : MAY_TRUE | MAY_FALSE;
}

static truths decide(forest_lowering *l, const fact *facts, const atom *a)
{
    return a->test == SPLIT_MEMBER ? decide_member(l, facts, a)
                                   : decide_number(l, facts, a);
}

/* --- predicates -----------------------------------------------------------*/

static atom atom_of(forest_lowering *l, uint32_t index)
{
    const pmml_predicate *p = &l->tables.predicates[index];
    const int text = l->tables.slots[p->slot].type == PMML_STRING;
    atom a = {.slot = p->slot,
              .feature =
                  (mlscore_pmml_forest_is_code(l, p) ? l->code_of
                                                     : l->plain_of)[p->slot] -
                  1,
              .cut = p->number};

    switch (p->op) {
    case PMML_TEST_MISSING:
    case PMML_TEST_NOT_MISSING:
        a.test = SPLIT_PRESENT;
        a.negated = p->op == PMML_TEST_MISSING;
        return a;
    case PMML_TEST_EQ:
    case PMML_TEST_NE:
        a.test = text ? SPLIT_MEMBER : SPLIT_EQUAL;
        a.negated = p->op == PMML_TEST_NE;
        break;
    case PMML_TEST_IN:
    case PMML_TEST_NOT_IN:
        a.test = SPLIT_MEMBER;
        a.negated = p->op == PMML_TEST_NOT_IN;
        break;
    default:
        a.test = SPLIT_LESS;
        a.negated = p->op == PMML_TEST_GT || p->op == PMML_TEST_GE;
        if (p->op == PMML_TEST_LE || p->op == PMML_TEST_GT) {
            a.cut = above(a.cut);
        }
        break;
    }
    if (a.test == SPLIT_MEMBER) {
        a.bits = mlscore_pmml_forest_bits(l, index, a.feature);
    }
    return a;
}

static truths opposite(truths may)
{
    return (may & MAY_UNKNOWN) | (may & MAY_TRUE ? MAY_FALSE : 0) |
           (may & MAY_FALSE ? MAY_TRUE : 0);
}

static truths test(forest_lowering *l, uint32_t index, const fact *facts,
                   openings *open);

static truths test_simple(forest_lowering *l, uint32_t index, const fact *facts,
                          openings *open)
{
    const atom a = atom_of(l, index);
    const enum presence presence = presence_of(l, facts, a.slot);
    truths may;

    if (a.test == SPLIT_PRESENT) {
        may = presence == MAYBE     ? MAY_TRUE | MAY_FALSE
              : presence == PRESENT ? MAY_TRUE
                                    : MAY_FALSE;
    }
    else if (presence == ABSENT) {
        return MAY_UNKNOWN;
    }
    else {
        may = decide(l, facts, &a);
        if (may == (MAY_TRUE | MAY_FALSE) && !open->has_value) {
            open->has_value = 1;
            open->value = a;
        }
    }
    if (presence == MAYBE) {
        if (a.test != SPLIT_PRESENT) {
            may |= MAY_UNKNOWN;
        }
        if (!open->has_presence) {
            open->has_presence = 1;
            open->presence = a;
        }
    }
    return a.negated ? opposite(may) : may;
}

/** One value with another, as eval/pmml/pmml_test.c combines them. */
static truths combine_one(uint32_t op, truths left, truths right)
{
    const truths decisive = op == PMML_TEST_OR ? MAY_TRUE : MAY_FALSE;

    if (op == PMML_TEST_XOR) {
        return (left | right) & MAY_UNKNOWN ? MAY_UNKNOWN
               : left != right              ? MAY_TRUE
                                            : MAY_FALSE;
    }
    if (left == decisive || right == decisive) {
        return decisive;
    }
    return (left | right) & MAY_UNKNOWN ? MAY_UNKNOWN : opposite(decisive);
}

static truths combine(uint32_t op, truths left, truths right)
{
    truths may = 0;

    for (truths a = 1; a <= MAY_UNKNOWN; a <<= 1) {
        for (truths b = 1; b <= MAY_UNKNOWN; b <<= 1) {
            if ((left & a) && (right & b)) {
                may |= combine_one(op, a, b);
            }
        }
    }
    return may;
}

static truths test_compound(forest_lowering *l, const pmml_predicate *predicate,
                            const fact *facts, openings *open)
{
    const uint32_t *words = l->tables.words + predicate->a;
    truths may = test(l, words[0], facts, open);

    for (uint32_t i = 1; i < predicate->b; i++) {
        if (predicate->op != PMML_TEST_SURROGATE) {
            may = combine(predicate->op, may, test(l, words[i], facts, open));
        }
        else if (may & MAY_UNKNOWN) {
            may = (may & ~(truths)MAY_UNKNOWN) | test(l, words[i], facts, open);
        }
    }
    return may;
}

static truths test(forest_lowering *l, uint32_t index, const fact *facts,
                   openings *open)
{
    const pmml_predicate *predicate = &l->tables.predicates[index];

    l->work++;
    switch (predicate->op) {
    case PMML_TEST_TRUE:
        return MAY_TRUE;
    case PMML_TEST_FALSE:
        return MAY_FALSE;
    case PMML_TEST_AND:
    case PMML_TEST_OR:
    case PMML_TEST_XOR:
    case PMML_TEST_SURROGATE:
        return test_compound(l, predicate, facts, open);
    default:
        return test_simple(l, index, facts, open);
    }
}

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
    const truths may =
        test(l, l->tables.nodes[tree->root].predicate, facts, &open);

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
        truths may = test(l, l->tables.nodes[child].predicate, facts, &open);

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

/** The fact that a comparison is true, or false. */
static fact fact_of(const atom *a, int is_true, const fact *before)
{
    fact known = {.before = before,
                  .slot = a->slot,
                  .feature = a->feature,
                  .cut = a->cut,
                  .bits = a->bits};

    switch (a->test) {
    case SPLIT_PRESENT:
        known.kind = is_true ? FACT_PRESENT : FACT_MISSING;
        break;
    case SPLIT_LESS:
        known.kind = is_true ? FACT_LESS : FACT_NOT_LESS;
        break;
    case SPLIT_EQUAL:
        known.kind = is_true ? FACT_EQUAL : FACT_NOT_EQUAL;
        break;
    default:
        known.kind = is_true ? FACT_IN : FACT_NOT_IN;
        break;
    }
    return known;
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
    const fact yes = fact_of(&present, 1, here.facts);
    const fact no = fact_of(&present, 0, here.facts);

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
    const fact present = fact_of(&is_present, 1, here.facts);
    const fact absent = fact_of(&is_present, 0, here.facts);
    const move missing = step(l, tree, here.at, &absent);

    if (missing.kind == TO_LEAF && missing.node == PMML_NONE) {
        l->features[a->feature].required = 1;
        here.facts = &present;
        return build(l, tree, here, out);
    }
    if (decide(l, here.facts, a) != (MAY_TRUE | MAY_FALSE)) {
        return build_presence(l, tree, a, here, out);
    }
    /* The kernel has no split that sends a missing value with "equal". */
    for (int side = a->test != SPLIT_EQUAL; side >= 0; side--) {
        const fact with = fact_of(a, side, here.facts);
        const fact without = fact_of(a, !side, &present);
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
    if (presence_of(l, here.facts, a->slot) == MAYBE) {
        return build_maybe(l, tree, a, here, out);
    }
    const fact is_true = fact_of(a, 1, here.facts);
    const fact is_false = fact_of(a, 0, here.facts);

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
