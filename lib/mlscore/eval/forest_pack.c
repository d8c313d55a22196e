/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs the trees of a builder into one section.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"
#include "eval/forest_format.h"

static size_t align64(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

static void pack_tree(const mlscore_forest_builder *builder, size_t number,
                      const uint32_t *order, forest_general_node *packed)
{
    const forest_build_tree *tree = &builder->trees[number];
    const forest_build_node *nodes = builder->nodes + tree->first;
    uint32_t next = 1;

    for (uint32_t i = 0; i < tree->node_count; i++) {
        const forest_build_node *node = &nodes[order[i]];

        packed[i] = (forest_general_node){
            .threshold = node->threshold,
            .feature = node->feature,
            .pool = node->pool,
            .pool_count = node->pool_count,
            .number = order[i],
            .op = node->op,
            .missing_left = node->missing_left,
        };
        if (node->op != FOREST_OP_LEAF) {
            packed[i].left = next;
            next += 2;
        }
    }
}

mlscore_status mlscore_forest_pack(const mlscore_forest_builder *builder,
                                   void **bytes, size_t *size,
                                   mlscore_error *err)
{
    const size_t sizes[FOREST_ARRAYS] = {
        builder->tree_count * sizeof(forest_tree),
        builder->node_count * sizeof(forest_general_node),
        builder->set_count * sizeof(uint32_t),
        builder->leaf_count * sizeof(forest_value),
    };
    const size_t counts[FOREST_ARRAYS] = {
        builder->tree_count, builder->node_count, builder->set_count,
        builder->leaf_count};
    forest_header header = {
        .version = FOREST_VERSION,
        .feature_count = builder->options.feature_count,
        .output_count = builder->options.output_count,
        .tree_count = (uint32_t)builder->tree_count,
        .number = (uint8_t)builder->options.number,
        .sum = (uint8_t)builder->options.sum,
        .combine = (uint8_t)builder->options.combine,
    };
    size_t at = align64(sizeof(header));

    memcpy(header.magic, FOREST_MAGIC, sizeof(header.magic));
    for (int i = 0; i < FOREST_ARRAYS; i++) {
        header.arrays[i] = (forest_array){at, counts[i]};
        at += align64(sizes[i]);
    }
    unsigned char *section = mlscore_calloc(1, at);
    uint32_t *order = mlscore_malloc_array(builder->largest_tree, 8);
    unsigned char *seen = mlscore_calloc(builder->largest_tree, 1);
    mlscore_status status = MLSCORE_OK;

    if (!section || !order || !seen) {
        status = mlscore_error_set(err, MLSCORE_ENOMEM,
                                   "not enough memory to pack the trees");
    }
    for (size_t t = 0; t < builder->tree_count && status == MLSCORE_OK; t++) {
        const forest_build_tree *tree = &builder->trees[t];
        forest_general_node *nodes =
            (void *)(section + header.arrays[FOREST_ARRAY_GENERAL].offset);
        forest_tree *trees =
            (void *)(section + header.arrays[FOREST_ARRAY_TREES].offset);

        status = mlscore_forest_order(builder, t, order,
                                      order + builder->largest_tree, seen,
                                      err);
        if (status == MLSCORE_OK) {
            pack_tree(builder, t, order, nodes + tree->first);
            trees[t] = (forest_tree){(uint32_t)tree->first, tree->node_count,
                                     tree->depth, 0};
        }
    }
    mlscore_free(order);
    mlscore_free(seen);
    if (status != MLSCORE_OK) {
        mlscore_free(section);
        return status;
    }
    forest_value *values =
        (void *)(section + header.arrays[FOREST_ARRAY_VALUES].offset);

    for (size_t i = 0; i < builder->leaf_count; i++) {
        values[i] = (forest_value){builder->leaf_values[i],
                                   builder->leaf_outputs[i], 0};
    }
    if (builder->set_count) {
        memcpy(section + header.arrays[FOREST_ARRAY_SETS].offset,
               builder->set_words, sizes[FOREST_ARRAY_SETS]);
    }
    memcpy(section, &header, sizeof(header));
    *bytes = section;
    *size = at;
    return MLSCORE_OK;
}
