/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that what was described are trees, and chooses how each is stored.
 */

#include <string.h>

#include "eval/forest_build.h"

/* Breadth-first from the root. */
static mlscore_status walk_tree(const mlscore_forest_builder *builder,
                                size_t tree_number, uint32_t *order,
                                uint32_t *depth, unsigned char *seen,
                                mlscore_error *err)
{
    forest_build_tree *tree = &builder->trees[tree_number];
    const forest_build_node *nodes = builder->nodes + tree->first;
    mlscore_status status = MLSCORE_OK;
    uint32_t count = 1;

    order[0] = 0;
    depth[0] = 0;
    seen[0] = 1;
    for (uint32_t i = 0; i < count && status == MLSCORE_OK; i++) {
        const uint32_t number = order[i];
        const forest_build_node *node = &nodes[number];

        tree->depth = depth[i];
        if (node->op == FOREST_OP_UNSET) {
            status = mlscore_error_set(err, MLSCORE_EFORMAT,
                                       "tree %zu: node %u is referred to but "
                                       "not described", tree_number, number);
        }
        else if (node->op != FOREST_OP_LEAF) {
            const uint32_t children[2] = {node->left, node->right};

            for (int c = 0; c < 2 && status == MLSCORE_OK; c++) {
                if (seen[children[c]]) {
                    status = mlscore_error_set(
                        err, MLSCORE_EFORMAT,
                        "tree %zu: node %u has two parents", tree_number,
                        children[c]);
                    break;
                }
                seen[children[c]] = 1;
                depth[count] = depth[i] + 1;
                order[count++] = children[c];
            }
        }
        if (status == MLSCORE_OK && depth[i] > FOREST_MAX_DEPTH) {
            status = mlscore_error_set(err, MLSCORE_ELIMIT,
                                       "tree %zu is deeper than %d levels",
                                       tree_number, FOREST_MAX_DEPTH);
        }
    }
    if (status == MLSCORE_OK && count != tree->node_count) {
        status = mlscore_error_set(err, MLSCORE_EFORMAT,
                                   "tree %zu: %u of its %u nodes are not "
                                   "reached from its root", tree_number,
                                   tree->node_count - count, tree->node_count);
    }
    memset(seen, 0, tree->node_count);
    return status;
}

/* What the leaves of a tree have in common. A leaf that adds nothing may pass
 * for one that adds -0, which changes no sum. */
static void find_payload(const mlscore_forest_builder *builder,
                         forest_build_tree *tree)
{
    const forest_build_node *nodes = builder->nodes + tree->first;
    const uint32_t outputs = builder->options.output_count;
    const int sums = builder->options.combine == 0;
    int one = outputs > 0;
    int vector = outputs > 1;
    int found = 0;

    tree->leaves = 0;
    tree->output = 0;
    for (uint32_t i = 0; i < tree->node_count; i++) {
        const forest_build_node *node = &nodes[i];

        if (node->op != FOREST_OP_LEAF) {
            continue;
        }
        /* NULL when no leaf of the forest adds anything. */
        const uint32_t *to =
            node->pool_count ? &builder->leaf_outputs[node->pool] : NULL;

        tree->leaves++;
        if (node->pool_count == 1) {
            one &= !found || to[0] == tree->output;
            tree->output = to[0];
            found = 1;
        }
        else {
            one &= node->pool_count == 0 && sums;
        }
        vector &= node->pool_count == outputs;
        for (uint32_t k = 0; vector && k < outputs; k++) {
            vector &= to[k] == k;
        }
    }
    tree->payload = one      ? FOREST_PAYLOAD_ONE
                    : vector ? FOREST_PAYLOAD_VECTOR
                             : FOREST_PAYLOAD_SPARSE;
}

mlscore_status mlscore_forest_inspect(const mlscore_forest_builder *builder,
                                      size_t tree, uint32_t *order,
                                      uint32_t *depth, unsigned char *seen,
                                      mlscore_error *err)
{
    const mlscore_status status =
        walk_tree(builder, tree, order, depth, seen, err);

    if (status == MLSCORE_OK) {
        find_payload(builder, &builder->trees[tree]);
    }
    return status;
}

/* --- classes
 * -------------------------------------------------------------------- */

/* Sets of more categories would need too many virtual features. */
enum { MAX_SET_BITS = 2048, MAX_ENTRIES = 160 };

/* Upper bound of the slots that a set needs: words with a bit, and one for the
 * missing bit. */
static uint32_t set_slots(const mlscore_forest_builder *builder,
                          const forest_build_node *node)
{
    uint32_t slots = 1;

    for (uint32_t i = 0; i < (node->pool_count + 31) / 32; i++) {
        slots += builder->set_words[node->pool + i] != 0;
    }
    return slots;
}

static void classify_tree(const mlscore_forest_builder *builder,
                          forest_build_tree *tree)
{
    const forest_build_node *nodes = builder->nodes + tree->first;
    const uint32_t leaves = tree->leaves;
    uint32_t entries = 0;
    int fits = tree->payload != FOREST_PAYLOAD_SPARSE;

    tree->walkable = 1;
    for (uint32_t i = 0; i < tree->node_count && fits; i++) {
        if (nodes[i].op == FOREST_OP_LEAF) {
            continue;
        }
        switch (mlscore_forest_condition(builder, &nodes[i]).kind) {
        case FOREST_CONDITION_CUT:
            entries++;
            break;
        case FOREST_CONDITION_EQUAL:
            entries += 2;
            tree->walkable = 0;
            break;
        case FOREST_CONDITION_SET:
            entries += set_slots(builder, &nodes[i]);
            tree->walkable = 0;
            fits &= nodes[i].pool_count <= MAX_SET_BITS;
            break;
        default:
            fits = 0;
            break;
        }
    }
    /* Testing all conditions for a vector of rows against walking them one
     * by one: measured to be even at about ten conditions a level. */
    const int small =
        leaves <= 2 * FOREST_WORD ||
        (leaves <= FOREST_MAX_WORDS * FOREST_WORD &&
         (!tree->walkable || leaves <= 10 * tree->depth));

    tree->walkable &= fits;
    if (fits && small && entries <= MAX_ENTRIES) {
        tree->class_ = FOREST_CLASS_MASKS;
    }
    else {
        tree->class_ =
            tree->walkable ? FOREST_CLASS_WALK : FOREST_CLASS_GENERAL;
    }
}

/* A few small trees among large ones are walked with them. */
static void join_short_runs(const mlscore_forest_builder *builder)
{
    forest_build_tree *trees = builder->trees;

    for (size_t start = 0, end; start < builder->tree_count; start = end) {
        int walkable = 1;

        for (end = start; end < builder->tree_count &&
                          trees[end].class_ == trees[start].class_;
             end++) {
            walkable &= trees[end].walkable;
        }
        const int among_walks =
            (start > 0 && trees[start - 1].class_ == FOREST_CLASS_WALK) ||
            (end < builder->tree_count &&
             trees[end].class_ == FOREST_CLASS_WALK);

        if (trees[start].class_ == FOREST_CLASS_MASKS && among_walks &&
            walkable && end - start < FOREST_LANES) {
            for (size_t i = start; i < end; i++) {
                trees[i].class_ = FOREST_CLASS_WALK;
            }
        }
    }
}

void mlscore_forest_classify(const mlscore_forest_builder *builder)
{
    for (size_t t = 0; t < builder->tree_count; t++) {
        classify_tree(builder, &builder->trees[t]);
    }
    join_short_runs(builder);
}
