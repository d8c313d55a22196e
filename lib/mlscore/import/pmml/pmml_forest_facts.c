/* SPDX-License-Identifier: Apache-2.0 */
/* What facts about fields say of predicates, in sets of three values. */

#include <math.h>

#include "import/pmml/pmml_forest_facts.h"

/* --- deciding from facts --------------------------------------------------*/

enum presence mlscore_pmml_facts_presence(forest_lowering *l, const fact *facts,
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

truths mlscore_pmml_facts_decide(forest_lowering *l, const fact *facts,
                                        const atom *a)
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

static truths test_simple(forest_lowering *l, uint32_t index, const fact *facts,
                          openings *open)
{
    const atom a = atom_of(l, index);
    const enum presence presence =
        mlscore_pmml_facts_presence(l, facts, a.slot);
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
        may = mlscore_pmml_facts_decide(l, facts, &a);
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
    truths may = mlscore_pmml_facts_test(l, words[0], facts, open);

    for (uint32_t i = 1; i < predicate->b; i++) {
        if (predicate->op != PMML_TEST_SURROGATE) {
            may = combine(predicate->op, may,
                          mlscore_pmml_facts_test(l, words[i], facts, open));
        }
        else if (may & MAY_UNKNOWN) {
            may = (may & ~(truths)MAY_UNKNOWN) |
                  mlscore_pmml_facts_test(l, words[i], facts, open);
        }
    }
    return may;
}

truths mlscore_pmml_facts_test(forest_lowering *l, uint32_t index,
                               const fact *facts, openings *open)
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

/* --- facts ----------------------------------------------------------------*/

fact mlscore_pmml_fact_of(const atom *a, int is_true, const fact *before)
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
