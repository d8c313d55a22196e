/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the leaves of an ensemble add to its sums, with the arithmetic of
 * eval/pmml: each term is rounded as the walk would round it. Where the walk
 * gives no result, or refuses the row, a leaf adds NAN.
 */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_forest.h"
#include "ir/pmml_value.h"

enum { MAX_CATEGORIES = 256 };

int mlscore_pmml_forest_kind(forest_leaves *leaves, const pmml_model *model,
                             const pmml_mining *mining)
{
    leaves->divisor = 1.0;
    switch (mining->method) {
    case PMML_SUM:
    case PMML_WEIGHTED_SUM:
        leaves->kind = PMML_FOREST_NUMBER;
        return model->function == PMML_FUNCTION_REGRESSION;
    case PMML_AVERAGE:
    case PMML_WEIGHTED_AVERAGE:
        leaves->kind = model->function == PMML_FUNCTION_REGRESSION
                           ? PMML_FOREST_NUMBER
                           : PMML_FOREST_PROBABILITIES;
        return model->function <= PMML_FUNCTION_CLASSIFICATION;
    case PMML_MAJORITY_VOTE:
    case PMML_WEIGHTED_MAJORITY_VOTE:
        leaves->kind = PMML_FOREST_VOTES;
        leaves->flags = PMML_FOREST_UNORDERED;
        return model->function == PMML_FUNCTION_CLASSIFICATION;
    default:
        return 0;
    }
}

/* --- distributions --------------------------------------------------------*/

static uint32_t position(const uint32_t *symbols, uint32_t count,
                         uint32_t symbol)
{
    for (uint32_t i = 0; i < count; i++) {
        if (symbols[i] == symbol) {
            return i;
        }
    }
    return PMML_NONE;
}

static void make_room(forest_lowering *l, forest_leaves *leaves, size_t count)
{
    if (count > leaves->scratch) {
        leaves->scratch = 2 * count;
        leaves->found =
            mlscore_pmml_alloc(l->in, leaves->scratch, sizeof(uint32_t));
        leaves->shares =
            mlscore_pmml_alloc(l->in, leaves->scratch, sizeof(double));
    }
}

/** The probabilities of a node, in leaves->found and shares; how many there
 *  are, or none when the walk refuses them. */
static uint32_t distribution(forest_lowering *l, forest_leaves *leaves,
                             const pmml_model *tree, const pmml_node *node)
{
    const pmml_share *shares = l->tables.shares + node->share_first;
    const int given = !isnan(shares[0].probability);
    double sum = 0.0;
    uint32_t count = 0;

    make_room(l, leaves, node->share_count);
    for (uint32_t i = 0; i < node->share_count; i++) {
        const double share = given ? shares[i].probability : shares[i].count;
        uint32_t at = position(leaves->found, count, shares[i].category);

        if (isnan(share)) {
            return PMML_NONE;
        }
        sum = forest_round(tree, sum + forest_round(tree, share));
        if (at == PMML_NONE) {
            at = count++;
            leaves->found[at] = shares[i].category;
            leaves->shares[at] = 0.0;
        }
        leaves->shares[at] =
            forest_round(tree, leaves->shares[at] + forest_round(tree, share));
    }
    if (sum == 0.0) {
        return PMML_NONE;
    }
    sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        sum = forest_round(tree, sum + leaves->shares[i]);
    }
    for (uint32_t i = 0; i < count && sum != 1.0; i++) {
        leaves->shares[i] = forest_round(tree, leaves->shares[i] / sum);
    }
    return count;
}

/** The category that a node predicts, or none when the walk must decide. */
static uint32_t vote_of(forest_lowering *l, forest_leaves *leaves,
                        const pmml_model *tree, const pmml_node *node)
{
    uint32_t count = 0, best = 0;

    if (node->share_count > 0) {
        count = distribution(l, leaves, tree, node);
    }
    if (count == PMML_NONE) {
        return PMML_NONE;
    }
    if (node->score != PMML_NONE) {
        return l->tables.constants[node->score].symbol;
    }
    if (count == 0 || tree->target_type != PMML_STRING) {
        return PMML_NONE;
    }
    for (uint32_t i = 1; i < count; i++) {
        if (leaves->shares[i] > leaves->shares[best]) {
            best = i;
        }
    }
    return isnan(leaves->shares[best]) ? PMML_NONE : leaves->found[best];
}

/* --- categories -----------------------------------------------------------*/

static int add_categories(forest_lowering *l, forest_leaves *leaves,
                          const uint32_t *symbols, uint32_t count)
{
    pmml_list *all = &leaves->categories;

    if (leaves->listed && all->count == count &&
        memcmp(all->items, symbols, count * sizeof(*symbols)) == 0) {
        return 1;
    }
    if (leaves->listed) {
        leaves->flags |= PMML_FOREST_UNORDERED;
    }
    leaves->listed = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (position(all->items, all->count, symbols[i]) == PMML_NONE) {
            mlscore_pmml_list_add(l->in, all, symbols[i]);
        }
    }
    return all->count <= MAX_CATEGORIES;
}

int mlscore_pmml_forest_categories(forest_lowering *l, forest_leaves *leaves,
                                   const pmml_model *all,
                                   const pmml_model *tree, uint32_t index)
{
    const pmml_node *node = &l->tables.nodes[index];
    uint32_t count = 0, vote;

    if (leaves->kind == PMML_FOREST_NUMBER ||
        leaves->kind == PMML_FOREST_LEAVES) {
        return 1;
    }
    if (leaves->kind == PMML_FOREST_VOTES) {
        vote = vote_of(l, leaves, tree, node);
        if (vote != PMML_NONE && !add_categories(l, leaves, &vote, 1)) {
            return 0;
        }
    }
    else if (node->share_count > 0) {
        count = distribution(l, leaves, tree, node);
        if (count != PMML_NONE &&
            !add_categories(l, leaves, leaves->found, count)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (!mlscore_pmml_forest_categories(l, leaves, all, tree,
                                            node->child_first + i)) {
            return 0;
        }
    }
    return 1;
}

/* --- leaves ---------------------------------------------------------------*/

static double number_of(const pmml_model *tree, const pmml_node *node)
{
    double number = forest_round(tree, node->number);

    if (node->score == PMML_NONE || tree->target_type == PMML_STRING ||
        mlscore_pmml_cast(tree->target_type,
                          tree->float_math ? PMML_FLOAT : PMML_DOUBLE,
                          &number)) {
        return NAN;
    }
    return number;
}

/** Every output NAN: the walk decides. */
static int give_up(forest_leaves *leaves, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        leaves->values[i] = NAN;
    }
    return 1;
}

static int add_shares(forest_lowering *l, forest_leaves *leaves,
                      const pmml_model *all, const pmml_model *tree,
                      const pmml_node *node, double weight)
{
    const uint32_t outputs = leaves->categories.count;
    const uint32_t count =
        node->share_count > 0 ? distribution(l, leaves, tree, node) : PMML_NONE;

    if (count == PMML_NONE ||
        (node->score == PMML_NONE && tree->target_type != PMML_STRING)) {
        return give_up(leaves, outputs);
    }
    for (uint32_t i = 0; i < count; i++) {
        const double term = forest_round(all, weight * leaves->shares[i]);

        if (!(term >= 0.0)) {
            return 0;
        }
        leaves->values[position(leaves->categories.items, outputs,
                                leaves->found[i])] = term;
    }
    return 1;
}

int mlscore_pmml_forest_leaf(forest_lowering *l, forest_leaves *leaves,
                             const pmml_model *all, const pmml_segment *segment,
                             uint32_t index)
{
    const pmml_mining *mining = &l->tables.minings[all->body];
    const pmml_model *tree = &l->tables.models[segment->model];
    const int weighted = mining->method == PMML_WEIGHTED_AVERAGE ||
                         mining->method == PMML_WEIGHTED_SUM ||
                         mining->method == PMML_WEIGHTED_MAJORITY_VOTE;
    const double weight = weighted ? segment->weight : 1.0;
    const uint32_t outputs =
        leaves->categories.count ? leaves->categories.count : 1;
    const pmml_node *node = &l->tables.nodes[index == PMML_NONE ? 0 : index];
    uint32_t vote;

    memset(leaves->values, 0, outputs * sizeof(double));
    if (leaves->kind == PMML_FOREST_LEAVES) {
        return 1;
    }
    if (index == PMML_NONE) {
        return give_up(leaves, outputs);
    }
    switch (leaves->kind) {
    case PMML_FOREST_NUMBER:
        leaves->values[0] =
            forest_round(all, forest_round(all, weight) *
                                  forest_round(all, number_of(tree, node)));
        return 1;
    case PMML_FOREST_PROBABILITIES:
        return add_shares(l, leaves, all, tree, node, weight);
    default:
        vote = vote_of(l, leaves, tree, node);
        if (vote == PMML_NONE) {
            return give_up(leaves, outputs);
        }
        leaves->values[position(leaves->categories.items, outputs, vote)] =
            forest_round(all, weight);
        return weight > 0.0;
    }
}
