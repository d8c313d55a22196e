/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings splits into one form: "x < cut" or "-x < cut", false for NAN.
 *
 * x <= t is x < the next number after t; x > t is -x < -t; where missing values
 * go with the true side, the condition is negated and the children swapped.
 */

#include <float.h>
#include <math.h>

#include "eval/forest_build.h"

/* The smallest number of the forest's type that is >= t, or > t. Comparing
 * x < that is comparing x < t, or x <= t. */
static double cut_at(const mlscore_forest_builder *builder, double t,
                     int inclusive)
{
    if (builder->options.number == MLSCORE_FOREST_DOUBLE) {
        return inclusive ? nextafter(t, INFINITY) : t;
    }
    float f = (float)t;

    if (inclusive ? f <= t : f < t) {
        f = nextafterf(f, INFINITY);
    }
    return f;
}

static forest_condition none(void)
{
    return (forest_condition){.kind = FOREST_CONDITION_NONE};
}

/* x < t (or <=) or x > t (or >=) for the first child. */
static forest_condition order_condition(const mlscore_forest_builder *builder,
                                        const forest_build_node *node)
{
    int greater = node->op == MLSCORE_SPLIT_GE || node->op == MLSCORE_SPLIT_GT;
    int inclusive =
        node->op == MLSCORE_SPLIT_LE || node->op == MLSCORE_SPLIT_GE;
    uint32_t first = node->left;
    uint32_t second = node->right;

    if (node->missing_left) {
        first = node->right;
        second = node->left;
        greater = !greater;
        inclusive = !inclusive;
    }
    const double t = greater ? -node->threshold : node->threshold;

    /* No number is greater than infinity. */
    if (isnan(t) || (inclusive && t == INFINITY)) {
        return none();
    }
    return (forest_condition){.kind = FOREST_CONDITION_CUT,
                              .negative = greater,
                              .cut = cut_at(builder, t, inclusive),
                              .first = first,
                              .second = second};
}

static forest_condition equal_condition(const mlscore_forest_builder *builder,
                                        const forest_build_node *node)
{
    const int equal = node->op == MLSCORE_SPLIT_EQ;
    const double t = node->threshold;

    /* Missing must go with "not equal". */
    if (isnan(t) || isinf(t) || node->missing_left == equal) {
        return none();
    }
    return (forest_condition){.kind = FOREST_CONDITION_EQUAL,
                              .cut = cut_at(builder, t, 1),
                              .negative_cut = cut_at(builder, -t, 1),
                              .first = equal ? node->left : node->right,
                              .second = equal ? node->right : node->left};
}

forest_condition mlscore_forest_condition(const mlscore_forest_builder *builder,
                                          const forest_build_node *node)
{
    switch (node->op) {
    case MLSCORE_SPLIT_LE:
    case MLSCORE_SPLIT_LT:
    case MLSCORE_SPLIT_GE:
    case MLSCORE_SPLIT_GT:
        return order_condition(builder, node);
    case MLSCORE_SPLIT_EQ:
    case MLSCORE_SPLIT_NE:
        return equal_condition(builder, node);
    default:
        return (forest_condition){.kind = FOREST_CONDITION_SET,
                                  .missing_in_set = node->missing_left,
                                  .first = node->right,
                                  .second = node->left};
    }
}
