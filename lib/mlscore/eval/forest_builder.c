/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the trees that an importer describes and checks that they are trees.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/forest.h"
#include "eval/forest_build.h"

/* Keeps every 32-bit index of the packed form far from overflow. */
#define MAX_TREES ((size_t)1 << 24)
#define MAX_NODES ((size_t)1 << 30)

mlscore_status mlscore_forest_no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory for the model's trees");
}

mlscore_status mlscore_forest_builder_create(
    mlscore_forest_builder **out, const mlscore_forest_options *options,
    mlscore_error *err)
{
    *out = NULL;
    if (options->feature_count > 1u << 28 ||
        options->output_count > 1u << 24) {
        return mlscore_error_set(
            err, MLSCORE_ELIMIT,
            "%u features and %u outputs are more than a forest may have",
            options->feature_count, options->output_count);
    }
    mlscore_forest_builder *builder = mlscore_calloc(1, sizeof(*builder));

    if (!builder) {
        return mlscore_forest_no_memory(err);
    }
    builder->options = *options;
    *out = builder;
    return MLSCORE_OK;
}

void mlscore_forest_builder_free(mlscore_forest_builder *builder)
{
    if (!builder) {
        return;
    }
    mlscore_free(builder->trees);
    mlscore_free(builder->nodes);
    mlscore_free(builder->set_words);
    mlscore_free(builder->leaf_outputs);
    mlscore_free(builder->leaf_values);
    mlscore_free(builder);
}

/* Grow an array to `need` elements, at least doubling it. */
static int reserve(void *array, size_t *capacity, size_t need, size_t size)
{
    while (*capacity < need) {
        if (mlscore_grow(array, capacity, *capacity, size)) {
            return -1;
        }
    }
    return 0;
}

mlscore_status mlscore_forest_tree(mlscore_forest_builder *builder,
                                   uint32_t node_count, mlscore_error *err)
{
    const size_t total = builder->node_count + node_count;

    if (node_count == 0) {
        return mlscore_error_set(err, MLSCORE_EFORMAT, "tree %zu has no nodes",
                                 builder->tree_count);
    }
    if (builder->tree_count >= MAX_TREES || total > MAX_NODES) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the model has more than %zu trees or %zu "
                                 "nodes", MAX_TREES, MAX_NODES);
    }
    if (reserve(&builder->trees, &builder->tree_capacity,
                builder->tree_count + 1, sizeof(*builder->trees)) ||
        reserve(&builder->nodes, &builder->node_capacity, total,
                sizeof(*builder->nodes))) {
        return mlscore_forest_no_memory(err);
    }
    forest_build_tree *tree = &builder->trees[builder->tree_count++];

    *tree = (forest_build_tree){.first = builder->node_count,
                                .node_count = node_count};
    forest_build_node *nodes = builder->nodes + builder->node_count;

    memset(nodes, 0, node_count * sizeof(*nodes));
    for (uint32_t i = 0; i < node_count; i++) {
        nodes[i].op = FOREST_OP_UNSET;
    }
    builder->node_count = total;
    if (node_count > builder->largest_tree) {
        builder->largest_tree = node_count;
    }
    return MLSCORE_OK;
}

/* The current tree's node `number`, which must not have been set before. */
static mlscore_status take_node(mlscore_forest_builder *builder,
                                uint32_t number, forest_build_node **node,
                                mlscore_error *err)
{
    const size_t tree_number = builder->tree_count - 1;

    if (builder->tree_count == 0) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "a node comes before the first tree");
    }
    const forest_build_tree *tree = &builder->trees[tree_number];

    if (number >= tree->node_count) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "tree %zu: there is no node %u, it has %u",
                                 tree_number, number, tree->node_count);
    }
    *node = &builder->nodes[tree->first + number];
    if ((*node)->op != FOREST_OP_UNSET) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "tree %zu: node %u is described twice",
                                 tree_number, number);
    }
    return MLSCORE_OK;
}

static mlscore_status check_split(const mlscore_forest_builder *builder,
                                  uint32_t number, uint32_t feature,
                                  uint32_t left, uint32_t right,
                                  mlscore_error *err)
{
    const size_t tree_number = builder->tree_count - 1;
    const uint32_t count = builder->trees[tree_number].node_count;

    if (feature >= builder->options.feature_count) {
        return mlscore_error_set(
            err, MLSCORE_EFORMAT,
            "tree %zu, node %u: splits on feature %u, the model has %u",
            tree_number, number, feature, builder->options.feature_count);
    }
    if (left >= count || right >= count) {
        return mlscore_error_set(
            err, MLSCORE_EFORMAT,
            "tree %zu, node %u: child %u is not one of its %u nodes",
            tree_number, number, left >= count ? left : right, count);
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_forest_split(mlscore_forest_builder *builder,
                                    uint32_t number, uint32_t feature,
                                    mlscore_split split, double threshold,
                                    uint32_t left, uint32_t right,
                                    int missing_left, mlscore_error *err)
{
    forest_build_node *node;
    mlscore_status status = take_node(builder, number, &node, err);

    if (status == MLSCORE_OK) {
        status = check_split(builder, number, feature, left, right, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    if (split >= MLSCORE_SPLIT_IN) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "tree %zu, node %u: unknown kind of split",
                                 builder->tree_count - 1, number);
    }
    node->threshold = threshold;
    node->feature = feature;
    node->left = left;
    node->right = right;
    node->op = (uint8_t)split;
    node->missing_left = missing_left != 0;
    return MLSCORE_OK;
}

mlscore_status mlscore_forest_split_set(mlscore_forest_builder *builder,
                                        uint32_t number, uint32_t feature,
                                        const uint32_t *bits,
                                        size_t bit_count, uint32_t left,
                                        uint32_t right, int missing_left,
                                        mlscore_error *err)
{
    forest_build_node *node;
    mlscore_status status = take_node(builder, number, &node, err);

    if (status == MLSCORE_OK) {
        status = check_split(builder, number, feature, left, right, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    /* Categories from 2^24 on are not told apart by a float anyway. */
    if (bit_count > (size_t)1 << 24) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "tree %zu, node %u: a set of %zu categories "
                                 "is too large", builder->tree_count - 1,
                                 number, bit_count);
    }
    const size_t words = (bit_count + 31) / 32;

    if (builder->set_count + words > MAX_NODES ||
        reserve(&builder->set_words, &builder->set_capacity,
                builder->set_count + words, sizeof(*builder->set_words))) {
        return mlscore_forest_no_memory(err);
    }
    if (words) {
        memcpy(builder->set_words + builder->set_count, bits,
               words * sizeof(*bits));
        /* Bits beyond the count must not matter. */
        if (bit_count % 32) {
            builder->set_words[builder->set_count + words - 1] &=
                (1u << bit_count % 32) - 1;
        }
    }
    node->feature = feature;
    node->left = left;
    node->right = right;
    node->pool = (uint32_t)builder->set_count;
    node->pool_count = (uint32_t)bit_count;
    node->op = MLSCORE_SPLIT_IN;
    node->missing_left = missing_left != 0;
    builder->set_count += words;
    return MLSCORE_OK;
}

mlscore_status mlscore_forest_leaf(mlscore_forest_builder *builder,
                                   uint32_t number, const uint32_t *outputs,
                                   const double *values, size_t count,
                                   mlscore_error *err)
{
    forest_build_node *node;
    const mlscore_status status = take_node(builder, number, &node, err);

    if (status != MLSCORE_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (outputs[i] >= builder->options.output_count) {
            return mlscore_error_set(
                err, MLSCORE_EFORMAT,
                "tree %zu, leaf %u: adds to output %u, the model has %u",
                builder->tree_count - 1, number, outputs[i],
                builder->options.output_count);
        }
    }
    const size_t total = builder->leaf_count + count;

    if (count > MAX_NODES || total > 2 * MAX_NODES) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the trees have too many leaf values");
    }
    if (reserve(&builder->leaf_outputs, &builder->leaf_outputs_capacity, total,
                sizeof(*builder->leaf_outputs)) ||
        reserve(&builder->leaf_values, &builder->leaf_values_capacity, total,
                sizeof(*builder->leaf_values))) {
        return mlscore_forest_no_memory(err);
    }
    if (count) {
        memcpy(builder->leaf_outputs + builder->leaf_count, outputs,
               count * sizeof(*outputs));
        memcpy(builder->leaf_values + builder->leaf_count, values,
               count * sizeof(*values));
    }
    node->op = FOREST_OP_LEAF;
    node->pool = (uint32_t)builder->leaf_count;
    node->pool_count = (uint32_t)count;
    builder->leaf_count = total;
    return MLSCORE_OK;
}

mlscore_status mlscore_forest_builder_finish(mlscore_forest_builder *builder,
                                             void **bytes, size_t *size,
                                             mlscore_error *err)
{
    *bytes = NULL;
    *size = 0;
    return mlscore_forest_pack(builder, bytes, size, err);
}
