/* SPDX-License-Identifier: Apache-2.0 */
/* TreeModel. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct tree_builder {
    pmml_import *in;
    pmml_scope *scope;
    pmml_list scores; /* symbols that a node gives */
    int classification;
    uint32_t number; /* of nodes, for those without an id */
} tree_builder;

static void add_shares(tree_builder *tree, const pmml_element *element,
                       pmml_node *node)
{
    pmml_import *in = tree->in;

    node->share_first = mlscore_pmml_rows(in, PMML_TABLE_shares);
    PMML_EACH(child, element) {
        if (child->kind != PMML_E_SCORE_DISTRIBUTION) {
            continue;
        }
        const pmml_share share = {
            .category = mlscore_pmml_category(
                in, tree->scope->target_type,
                mlscore_pmml_need(in, child, "value")),
            .count = mlscore_pmml_number(in, child, "recordCount", NAN),
            .probability = mlscore_pmml_number(in, child, "probability", NAN),
            .confidence = mlscore_pmml_number(in, child, "confidence", NAN)};

        if (isnan(share.count) && isnan(share.probability)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, child,
                              "ScoreDistribution has neither recordCount nor "
                              "probability");
        }
        mlscore_pmml_add(in, PMML_TABLE_shares, &share);
        mlscore_pmml_list_add(in, &tree->scores, share.category);
        node->share_count++;
    }
}

static void add_score(tree_builder *tree, const pmml_element *element,
                      pmml_node *node)
{
    pmml_import *in = tree->in;
    const char *score = mlscore_pmml_attr(element, "score");

    node->number = NAN;
    node->score = PMML_NONE;
    if (!score) {
        return;
    }
    if (tree->classification) {
        pmml_constant constant = {
            .type = tree->scope->target_type,
            .symbol = mlscore_pmml_category(in, tree->scope->target_type,
                                            score)};

        if (constant.type != PMML_STRING &&
            mlscore_pmml_parse(constant.type, score, strlen(score),
                               &constant.number)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                              "Node: the score \"%.60s\" is not of the "
                              "target's type %s",
                              score, mlscore_pmml_type_name(constant.type));
        }
        node->score = mlscore_pmml_add(in, PMML_TABLE_constants, &constant);
        node->number = constant.number;
        mlscore_pmml_list_add(in, &tree->scores, constant.symbol);
        return;
    }
    node->score = mlscore_pmml_constant(in, element, PMML_DOUBLE, score,
                                        strlen(score));
    node->number = ((pmml_constant *)mlscore_pmml_at(
                        in, PMML_TABLE_constants, node->score))
                       ->number;
}

/** Ids are how defaultChild names a child; nodes without one are numbered in
 *  document order, from 1. */
static uint32_t node_id(tree_builder *tree, const pmml_element *element)
{
    const char *id = mlscore_pmml_attr(element, "id");
    char number[PMML_FORMAT_SIZE];

    tree->number++;
    if (id) {
        return mlscore_pmml_symbol_of(tree->in, id);
    }
    mlscore_pmml_format(PMML_INTEGER, tree->number, number);
    return mlscore_pmml_symbol_of(tree->in, number);
}

static void lower_node(tree_builder *tree, const pmml_element *element,
                       uint32_t index)
{
    pmml_import *in = tree->in;
    const uint32_t count =
        (uint32_t)mlscore_pmml_count(element, PMML_E_NODE);
    const char *wanted = mlscore_pmml_attr(element, "defaultChild");
    pmml_node node = {.default_child = PMML_NONE,
                      .id = node_id(tree, element),
                      .child_count = count};
    uint32_t child_index;

    node.predicate = mlscore_pmml_predicate_in(in, tree->scope, element);
    node.record_count = mlscore_pmml_number(in, element, "recordCount", NAN);
    add_score(tree, element, &node);
    add_shares(tree, element, &node);
    child_index = node.child_first =
        mlscore_pmml_reserve(in, PMML_TABLE_nodes, count);
    PMML_EACH(child, element) {
        if (child->kind != PMML_E_NODE) {
            continue;
        }
        const char *id = mlscore_pmml_attr(child, "id");

        if (wanted && id && strcmp(id, wanted) == 0) {
            node.default_child = child_index;
        }
        lower_node(tree, child, child_index++);
    }
    if (wanted && count > 0 && node.default_child == PMML_NONE) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "Node: the defaultChild \"%.60s\" is not a child",
                          wanted);
    }
    memcpy(mlscore_pmml_at(in, PMML_TABLE_nodes, index), &node, sizeof(node));
}

void mlscore_pmml_tree(pmml_import *in, pmml_scope *scope,
                       const pmml_element *element, pmml_model *record,
                       pmml_list *categories)
{
    static const char *const strategies[] = {
        "none",         "lastPrediction",     "nullPrediction",
        "defaultChild", "weightedConfidence", "aggregateNodes", NULL};
    static const char *const no_true[] = {"returnNullPrediction",
                                          "returnLastPrediction", NULL};
    static const char *const splits[] = {"multiSplit", "binarySplit", NULL};
    pmml_tree tree = {
        .strategy = mlscore_pmml_choice(in, element, "missingValueStrategy",
                                        strategies, 0),
        .no_true_last = mlscore_pmml_choice(in, element,
                                            "noTrueChildStrategy", no_true, 0),
        .penalty =
            mlscore_pmml_number(in, element, "missingValuePenalty", 1.0)};
    tree_builder builder = {.in = in,
                            .scope = scope,
                            .classification =
                                scope->function ==
                                PMML_FUNCTION_CLASSIFICATION};

    mlscore_pmml_choice(in, element, "splitCharacteristic", splits, 0);
    if (scope->function > PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    tree.root = mlscore_pmml_reserve(in, PMML_TABLE_nodes, 1);
    lower_node(&builder, mlscore_pmml_need_child(in, element, PMML_E_NODE),
               tree.root);
    record->kind = PMML_TREE;
    record->body = mlscore_pmml_add(in, PMML_TABLE_trees, &tree);
    mlscore_pmml_mark_begin(in);
    for (uint32_t i = 0; i < builder.scores.count; i++) {
        mlscore_pmml_list_add_once(in, categories, builder.scores.items[i]);
    }
}
