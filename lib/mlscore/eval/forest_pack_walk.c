/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs a tree for walking: 8-byte nodes, children side by side, leaves that
 * lead to themselves.
 *
 * Small trees lie breadth-first. Larger ones in cache lines: four pairs of
 * children that hang together fill one, so that a walk touches few lines.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

enum {
    PAIRS_OF_LINE = 4,
    CLUSTERED_FROM = 256, /* nodes; smaller trees stay in cache anyway */
    MAX_SMALL = 65535
};

/* A place for every node. Returns how many places there are. */
static uint32_t place_nodes(const forest_packer *packer,
                            const forest_build_tree *tree)
{
    const forest_build_node *nodes = packer->builder->nodes + tree->first;
    uint32_t *places = packer->places;
    uint32_t *line = packer->stack;  /* nodes whose children come next */
    uint32_t *later = packer->order; /* roots of lines to come */
    const int clustered = tree->node_count >= CLUSTERED_FROM;
    uint32_t line_at = 0, line_end = 0, later_at = 0, later_end = 0;
    uint32_t next = 2;
    uint32_t pairs = clustered ? PAIRS_OF_LINE - 1 : UINT32_MAX;

    places[0] = 1;
    line[line_end++] = 0;
    for (;;) {
        while (line_at < line_end) {
            const uint32_t at = line[line_at++];

            if (nodes[at].op == FOREST_OP_LEAF) {
                continue;
            }
            if (pairs == 0) {
                later[later_end++] = at;
                continue;
            }
            const forest_condition c =
                mlscore_forest_condition(packer->builder, &nodes[at]);

            places[c.first] = next;
            places[c.second] = next + 1;
            line[line_end++] = c.first;
            line[line_end++] = c.second;
            next += 2;
            pairs--;
        }
        if (later_at == later_end) {
            return next;
        }
        /* Fill up the line that was begun, or begin one. */
        pairs = PAIRS_OF_LINE - next / 2 % PAIRS_OF_LINE;
        line_at = line_end = 0;
        line[line_end++] = later[later_at++];
    }
}

/* A node in either width. */
typedef struct node_parts {
    float cut;
    uint32_t index;
    int leaf_index;
    uint32_t feature, left;
} node_parts;

static void store_node(void *nodes, int wide, uint32_t place, node_parts parts)
{
    if (wide) {
        forest_wide_node *node = (forest_wide_node *)nodes + place;

        node->u.cut = parts.cut;
        if (parts.leaf_index) {
            node->u.index = parts.index;
        }
        node->feature = parts.feature;
        node->left = parts.left;
        return;
    }
    forest_walk_node *node = (forest_walk_node *)nodes + place;

    node->u.cut = parts.cut;
    if (parts.leaf_index) {
        node->u.index = parts.index;
    }
    node->feature = (uint16_t)parts.feature;
    node->left = (uint16_t)parts.left;
}

static node_parts split_parts(const forest_packer *packer,
                              const forest_build_node *node)
{
    const forest_condition c =
        mlscore_forest_condition(packer->builder, node);
    const forest_virtuals *v = &packer->virtuals;
    const uint32_t feature =
        (c.negative ? v->negative_of : v->value_of)[node->feature] - 1;

    return (node_parts){
        .cut = mlscore_forest_virtual_cut(v, feature, c.cut),
        .feature = feature,
        .left = packer->places[c.first],
    };
}

mlscore_status mlscore_forest_pack_walk(forest_packer *packer, uint32_t number,
                                        const uint32_t *leaf_index)
{
    const mlscore_forest_builder *builder = packer->builder;
    const forest_build_tree *tree = &builder->trees[number];
    const forest_build_node *nodes = builder->nodes + tree->first;
    const uint32_t nan_feature = packer->virtuals.count;
    const uint32_t used = place_nodes(packer, tree);
    const uint32_t count = (used + 7) & ~7u;
    const int wide = count > MAX_SMALL || nan_feature > MAX_SMALL;
    const int array = wide ? FOREST_ARRAY_WIDE : FOREST_ARRAY_WALK;
    const size_t first = packer->arrays[array].count;
    const int inside = builder->options.sum == MLSCORE_FOREST_SUM_FLOAT &&
                       tree->payload == FOREST_PAYLOAD_ONE;
    void *packed = mlscore_forest_take(packer, array, count);
    uint32_t leaves = 0;

    if (!packed) {
        return mlscore_forest_no_memory(packer->err);
    }
    forest_tree *out =
        (forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items + number;

    out->wide = (uint8_t)wide;
    out->first = (uint32_t)first;
    out->count = count;
    out->depth = tree->depth;
    /* Places that no node took lead to themselves, too. */
    for (uint32_t i = 0; i < count; i++) {
        store_node(packed, wide, i,
                   (node_parts){.feature = nan_feature,
                                .left = i ? i - 1 : 0});
    }
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const forest_build_node *node = &nodes[i];
        const uint32_t place = packer->places[i];

        if (node->op != FOREST_OP_LEAF) {
            store_node(packed, wide, place, split_parts(packer, node));
            continue;
        }
        const uint32_t index = leaf_index ? leaf_index[i] : leaves++;

        store_node(packed, wide, place,
                   (node_parts){
                       .cut = (float)mlscore_forest_leaf_value(builder, node,
                                                               0),
                       .index = index,
                       .leaf_index = !inside,
                       .feature = nan_feature,
                       .left = place - 1});
    }
    return MLSCORE_OK;
}

double mlscore_forest_leaf_value(const mlscore_forest_builder *builder,
                                 const forest_build_node *leaf, uint32_t k)
{
    return k < leaf->pool_count ? builder->leaf_values[leaf->pool + k] : -0.0;
}
