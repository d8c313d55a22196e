/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a TreeModel. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** Where a walk through a tree is. */
typedef struct walk {
    const pmml_tree *tree;
    uint32_t node;
    uint32_t missing; /* levels where a value was missing */
    int none;         /* the walk ends without a prediction */
    int done;
} walk;

/** A predicate was unknown: what the strategy says. 0: go on with the next
 *  child; 1: the walk has moved or ended. */
static int handle_missing(pmml_run *run, walk *at)
{
    const pmml_node *node = &run->plan->nodes[at->node];

    switch (at->tree->strategy) {
    case PMML_STRATEGY_NONE:
        return 0;
    case PMML_STRATEGY_LAST:
        at->done = 1;
        return 1;
    case PMML_STRATEGY_NULL:
        at->done = at->none = 1;
        return 1;
    case PMML_STRATEGY_DEFAULT:
        if (node->default_child == PMML_NONE) {
            return mlscore_pmml_refuse(
                run, "the node \"%.60s\" has no default child",
                mlscore_pmml_symbol_bytes(run->plan, node->id));
        }
        at->node = node->default_child;
        at->missing++;
        return 1;
    default:
        return mlscore_pmml_refuse(
            run, "the value of a split is missing, and the tree's strategy "
                 "for it (%s) is not evaluated",
            at->tree->strategy == PMML_STRATEGY_WEIGHTED
                ? "weightedConfidence"
                : "aggregateNodes");
    }
}

/** Go from a node to the child that is true, or end there. */
static int step(pmml_run *run, walk *at)
{
    const pmml_node *node = &run->plan->nodes[at->node];

    for (uint32_t i = 0; i < node->child_count; i++) {
        const uint32_t child = node->child_first + i;
        int alternate = 0;
        const int result = mlscore_pmml_test_node(
            run, run->plan->nodes[child].predicate, &alternate);

        if (result < 0) {
            return -1;
        }
        at->missing += alternate != 0;
        if (result == PMML_TRUE) {
            at->node = child;
            return 0;
        }
        if (result == PMML_UNKNOWN) {
            const int moved = handle_missing(run, at);

            if (moved != 0) {
                return moved < 0 ? -1 : 0;
            }
        }
    }
    at->done = 1;
    at->none = !at->tree->no_true_last || node->score == PMML_NONE;
    return 0;
}

static int walk_tree(pmml_run *run, walk *at)
{
    int alternate = 0;
    const int result = mlscore_pmml_test_node(
        run, run->plan->nodes[at->node].predicate, &alternate);

    if (result < 0) {
        return -1;
    }
    at->missing += alternate != 0;
    at->none = at->done = result != PMML_TRUE;
    while (!at->done && run->plan->nodes[at->node].child_count > 0) {
        if (step(run, at)) {
            return -1;
        }
    }
    return 0;
}

/** The shares of the node's records, as probabilities; confidences beside. */
static int set_shares(pmml_run *run, uint32_t index, const walk *at)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_node *node = &run->plan->nodes[at->node];
    const pmml_share *shares = &run->plan->shares[node->share_first];
    const int given = !isnan(shares[0].probability);
    const double penalty = at->missing > 0
                               ? pow(at->tree->penalty, at->missing)
                               : 1.0;
    pmml_result *result = &run->results[index];
    double *confidences = run->confidences + model->offset;
    double sum = 0.0;

    result->kind = PMML_RESULT_PROBABILITY;
    result->has_confidence = 1;
    for (uint32_t i = 0; i < node->share_count; i++) {
        const double share = given ? shares[i].probability : shares[i].count;

        if (isnan(share)) {
            return mlscore_pmml_refuse(
                run, "the node \"%.60s\" has an incomplete distribution",
                mlscore_pmml_symbol_bytes(run->plan, node->id));
        }
        sum = pmml_round(model, sum + pmml_round(model, share));
        mlscore_pmml_add_category(run, index, shares[i].category,
                                  pmml_round(model, share));
        const uint32_t where =
            mlscore_pmml_find_category(run, index, shares[i].category);

        if (where == PMML_NONE) {
            continue; /* the image gives the model fewer categories */
        }
        confidences[where] = 0.0;
        if (!isnan(shares[i].confidence)) {
            confidences[where] = shares[i].confidence * penalty;
        }
    }
    if (sum == 0.0) {
        return mlscore_pmml_refuse(
            run, "the node \"%.60s\" has an empty distribution",
            mlscore_pmml_symbol_bytes(run->plan, node->id));
    }
    mlscore_pmml_simplemax(model, run->values + model->offset, result->count);
    return 0;
}

static int set_classification(pmml_run *run, uint32_t index, const walk *at)
{
    const pmml_node *node = &run->plan->nodes[at->node];

    if (node->share_count > 0 && set_shares(run, index, at)) {
        return -1;
    }
    if (node->score == PMML_NONE) {
        return mlscore_pmml_set_winner(run, index);
    }
    run->results[index].category = run->plan->constants[node->score].symbol;
    run->results[index].value =
        mlscore_pmml_constant_value(run->plan, node->score);
    return 0;
}

/** The walk has ended: its node is the result. */
static int set_node(pmml_run *run, uint32_t index, const walk *at)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_node *node = &run->plan->nodes[at->node];

    run->results[index].entity = node->id;
    if (model->function == PMML_FUNCTION_CLASSIFICATION) {
        return set_classification(run, index, at);
    }
    if (node->score == PMML_NONE) {
        return mlscore_pmml_refuse(
            run, "the node \"%.60s\" has no score",
            mlscore_pmml_symbol_bytes(run->plan, node->id));
    }
    return mlscore_pmml_set_number(run, index,
                                   pmml_round(model, node->number));
}

int mlscore_pmml_run_tree(pmml_run *run, uint32_t index)
{
    const pmml_tree *tree =
        &run->plan->trees[run->plan->models[index].body];
    walk at = {.tree = tree, .node = tree->root};

    if (walk_tree(run, &at)) {
        return -1;
    }
    return at.none ? mlscore_pmml_set_default(run, index)
                   : set_node(run, index, &at);
}

int mlscore_pmml_run_leaf(pmml_run *run, uint32_t index, uint32_t node)
{
    const walk at = {.tree =
                         &run->plan->trees[run->plan->models[index].body],
                     .node = node};

    mlscore_pmml_clear_result(run, index);
    if (set_node(run, index, &at)) {
        return -1;
    }
    run->result_epochs[index] = run->epoch;
    return 0;
}
