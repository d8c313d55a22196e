/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs trees of few leaves as masks (Lucchese et al., QuickScorer, 2015):
 * leaves are bits, numbered so that a condition's first child comes before its
 * second; a condition that is false clears the bits of its first child's
 * leaves; the lowest bit that remains is the leaf. All conditions are tested,
 * in any order: no dependent loads, no branches.
 *
 * Words of 32 leaves are the lanes of a group of 16. For one row, the lanes of
 * a slot are tested together; for many rows, one lane's slots for a vector of
 * rows.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

enum { TREE_MAX = FOREST_MAX_WORDS * FOREST_WORD };

/* Something that clears the bits [low, high). */
typedef struct entry {
    uint32_t feature; /* virtual */
    uint32_t bits;    /* the cut's float, or the set word */
    uint32_t low, high;
} entry;

typedef struct mask_tree {
    uint32_t leaf_count;
    uint32_t leaves[TREE_MAX]; /* caller's numbers, in order */
    entry *cuts, *sets;
    size_t cut_count, cut_capacity, set_count, set_capacity;
} mask_tree;

static mlscore_status add_entry(forest_packer *packer, entry **entries,
                                size_t *count, size_t *capacity, entry new)
{
    if (mlscore_grow(entries, capacity, *count, sizeof(**entries))) {
        return mlscore_forest_no_memory(packer->err);
    }
    (*entries)[(*count)++] = new;
    return MLSCORE_OK;
}

static mlscore_status add_cut(forest_packer *packer, mask_tree *tree,
                              uint32_t feature, double cut, uint32_t low,
                              uint32_t high)
{
    const float value =
        mlscore_forest_virtual_cut(&packer->virtuals, feature, cut);
    entry new = {.feature = feature, .low = low, .high = high};

    memcpy(&new.bits, &value, sizeof(value));
    return add_entry(packer, &tree->cuts, &tree->cut_count,
                     &tree->cut_capacity, new);
}

static mlscore_status add_set(forest_packer *packer, mask_tree *tree,
                              const forest_build_node *node, int missing,
                              uint32_t low, uint32_t high)
{
    const forest_virtuals *v = &packer->virtuals;
    const uint32_t missing_bit = v->categories[node->feature] - 1;
    const uint32_t words = (node->pool_count + 31) / 32;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t w = 0; w <= missing_bit / 32 && status == MLSCORE_OK; w++) {
        entry new = {
            .feature = v->word_of[node->feature] - 1 + w,
            .bits = w < words ? packer->builder->set_words[node->pool + w] : 0,
            .low = low,
            .high = high};

        if (missing && w == missing_bit / 32) {
            new.bits |= 1u << missing_bit % 32;
        }
        if (new.bits) {
            status = add_entry(packer, &tree->sets, &tree->set_count,
                               &tree->set_capacity, new);
        }
    }
    return status;
}

/* The condition of a node whose first child has the leaves [low, high). */
static mlscore_status add_condition(forest_packer *packer, mask_tree *tree,
                                    const forest_build_node *node,
                                    uint32_t low, uint32_t high)
{
    const forest_condition c =
        mlscore_forest_condition(packer->builder, node);
    const forest_virtuals *v = &packer->virtuals;
    mlscore_status status;

    switch (c.kind) {
    case FOREST_CONDITION_CUT:
        return add_cut(
            packer, tree,
            (c.negative ? v->negative_of : v->value_of)[node->feature] - 1,
            c.cut, low, high);
    case FOREST_CONDITION_EQUAL:
        status = add_cut(packer, tree, v->value_of[node->feature] - 1, c.cut,
                         low, high);
        return status == MLSCORE_OK
                   ? add_cut(packer, tree, v->negative_of[node->feature] - 1,
                             c.negative_cut, low, high)
                   : status;
    default:
        return add_set(packer, tree, node, c.missing_in_set, low, high);
    }
}

/* Number the leaves depth-first, first children first. A node is met twice:
 * before its first child, and again (marked) before its second. */
static mlscore_status read_tree(forest_packer *packer, uint32_t number,
                                mask_tree *tree)
{
    const mlscore_forest_builder *builder = packer->builder;
    const forest_build_node *nodes =
        builder->nodes + builder->trees[number].first;
    uint32_t *low = packer->places; /* of a node that was met once */
    uint32_t stack[2 * TREE_MAX];
    unsigned char again[2 * TREE_MAX];
    uint32_t depth = 1;
    mlscore_status status = MLSCORE_OK;

    tree->leaf_count = 0;
    tree->cut_count = tree->set_count = 0;
    stack[0] = 0;
    again[0] = 0;
    while (depth > 0 && status == MLSCORE_OK) {
        const uint32_t at = stack[depth - 1];
        const forest_build_node *node = &nodes[at];

        if (node->op == FOREST_OP_LEAF) {
            tree->leaves[tree->leaf_count++] = at;
            depth--;
            continue;
        }
        const forest_condition c = mlscore_forest_condition(builder, node);

        if (!again[depth - 1]) {
            low[at] = tree->leaf_count;
            again[depth - 1] = 1;
            stack[depth] = c.first;
        }
        else {
            status = add_condition(packer, tree, node, low[at],
                                   tree->leaf_count);
            depth--; /* the second child takes its place */
            stack[depth] = c.second;
        }
        again[depth] = 0;
        depth++;
    }
    return status;
}

/* --- groups
 * ---------------------------------------------------------------------- */

/* A lane of a group that is being filled: entries of one word. */
typedef struct lane_entries {
    uint32_t features[2][TREE_MAX * 2];
    uint32_t bits[2][TREE_MAX * 2];
    uint32_t masks[2][TREE_MAX * 2];
    uint32_t counts[2]; /* cuts, sets */
} lane_entries;

typedef struct group_builder {
    forest_group group;
    lane_entries lanes[FOREST_LANES];
    uint32_t largest; /* leaves of a tree */
    int walks;        /* trees are packed for walking, too */
} group_builder;

static void fill_lane(lane_entries *lane, int which, const entry *entries,
                      size_t count, uint32_t word)
{
    const uint32_t base = word * FOREST_WORD;

    lane->counts[which] = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t low =
            entries[i].low > base ? entries[i].low - base : 0;
        const uint32_t high =
            entries[i].high > base + FOREST_WORD ? FOREST_WORD
            : entries[i].high > base             ? entries[i].high - base
                                                 : 0;

        if (low >= high) {
            continue;
        }
        const uint32_t at = lane->counts[which]++;

        lane->features[which][at] = entries[i].feature;
        lane->bits[which][at] = entries[i].bits;
        lane->masks[which][at] =
            (uint32_t)(((uint64_t)1 << high) - ((uint64_t)1 << low));
    }
}

/* Move a filled group into the arrays. */
static mlscore_status store_group(forest_packer *packer, group_builder *b)
{
    forest_group *group = &b->group;
    const size_t first =
        packer->arrays[FOREST_ARRAY_MASKS].count / FOREST_LANES;

    for (uint32_t l = 0; l < group->lane_count; l++) {
        const uint32_t *counts = b->lanes[l].counts;

        group->cut_slots =
            counts[0] > group->cut_slots ? counts[0] : group->cut_slots;
        group->set_slots =
            counts[1] > group->set_slots ? counts[1] : group->set_slots;
    }
    const size_t slots = group->cut_slots + group->set_slots;
    uint32_t *cuts = mlscore_forest_take(packer, FOREST_ARRAY_MASK_CUTS,
                                         slots * FOREST_LANES);
    uint32_t *masks = mlscore_forest_take(packer, FOREST_ARRAY_MASKS,
                                          slots * FOREST_LANES);
    uint16_t *features = mlscore_forest_take(
        packer, FOREST_ARRAY_MASK_FEATURES, slots * FOREST_LANES);
    forest_lane *lanes =
        mlscore_forest_take(packer, FOREST_ARRAY_LANES, FOREST_LANES);
    forest_group *out = mlscore_forest_take(packer, FOREST_ARRAY_GROUPS, 1);

    if (!cuts || !masks || !features || !lanes || !out) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (uint32_t l = 0; l < group->lane_count; l++) {
        const lane_entries *lane = &b->lanes[l];

        lanes[l] = (forest_lane){(uint16_t)lane->counts[0],
                                 (uint16_t)lane->counts[1]};
        for (uint32_t which = 0; which < 2; which++) {
            const uint32_t base = which ? group->cut_slots : 0;

            for (uint32_t i = 0; i < lane->counts[which]; i++) {
                const size_t at = (base + i) * FOREST_LANES + l;

                cuts[at] = lane->bits[which][i];
                masks[at] = lane->masks[which][i];
                features[at] = (uint16_t)lane->features[which][i];
            }
        }
    }
    group->slots = (uint32_t)first;
    *out = *group;
    return MLSCORE_OK;
}

/* Values of a group's trees. Lanes of PAYLOAD_ONE trees have theirs at equal
 * distances, so that a vector of lanes can fetch them. */
static mlscore_status store_values(forest_packer *packer, group_builder *b,
                                   const mask_tree *trees)
{
    const mlscore_forest_builder *builder = packer->builder;
    forest_group *group = &b->group;
    const int as_float = builder->options.sum == MLSCORE_FOREST_SUM_FLOAT;
    const int array =
        as_float ? FOREST_ARRAY_LEAF_FLOATS : FOREST_ARRAY_LEAF_DOUBLES;
    uint32_t stride = 2;
    uint32_t lane = 0;

    while (stride < b->largest && stride < FOREST_WORD) {
        stride *= 2;
    }
    group->values = (uint32_t)packer->arrays[array].count;
    group->stride = stride;
    if (!mlscore_forest_take(packer, array,
                             (size_t)group->lane_count * stride)) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (uint32_t t = 0; t < group->tree_count; t++) {
        const mask_tree *tree = &trees[t];
        const uint32_t number = group->first_tree + t;
        forest_tree *out =
            (forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items + number;
        const forest_build_node *nodes =
            builder->nodes + builder->trees[number].first;
        const uint32_t width = out->payload == FOREST_PAYLOAD_ONE
                                   ? 1
                                   : builder->options.output_count;

        out->values = group->values + lane * stride;
        if (width > 1) {
            out->values = (uint32_t)packer->arrays[array].count;
            if (!mlscore_forest_take(packer, array,
                                     (size_t)width * tree->leaf_count)) {
                return mlscore_forest_no_memory(packer->err);
            }
        }
        for (uint32_t i = 0; i < tree->leaf_count; i++) {
            for (uint32_t k = 0; k < width; k++) {
                const size_t at = out->values + (size_t)i * width + k;
                const double value = mlscore_forest_leaf_value(
                    builder, &nodes[tree->leaves[i]], k);

                if (as_float) {
                    ((float *)packer->arrays[array].items)[at] = (float)value;
                }
                else {
                    ((double *)packer->arrays[array].items)[at] = value;
                }
            }
        }
        lane += out->words;
    }
    return MLSCORE_OK;
}

/* Numbers and walk nodes of a tree. */
static mlscore_status store_rest(forest_packer *packer, uint32_t number,
                                 const mask_tree *tree, int walks)
{
    const size_t first = packer->arrays[FOREST_ARRAY_NUMBERS].count;
    uint32_t *numbers = mlscore_forest_take(packer, FOREST_ARRAY_NUMBERS,
                                            tree->leaf_count);

    if (!numbers) {
        return mlscore_forest_no_memory(packer->err);
    }
    memcpy(numbers, tree->leaves, tree->leaf_count * sizeof(*numbers));
    ((forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items)[number].numbers =
        (uint32_t)first;
    if (!walks || !packer->builder->trees[number].walkable) {
        return MLSCORE_OK;
    }
    /* Indices of leaves by the caller's numbers. */
    uint32_t index[2 * TREE_MAX];

    for (uint32_t i = 0; i < tree->leaf_count; i++) {
        index[tree->leaves[i]] = i;
    }
    return mlscore_forest_pack_walk(packer, number, index);
}

static mlscore_status finish_group(forest_packer *packer, group_builder *b,
                                   const mask_tree *trees)
{
    const forest_build_tree *build =
        packer->builder->trees + b->group.first_tree;
    mlscore_status status = store_values(packer, b, trees);

    b->group.single = 1;
    for (uint32_t t = 0; t < b->group.tree_count; t++) {
        b->group.single &= build[t].payload == FOREST_PAYLOAD_ONE &&
                           build[t].output == build[0].output;
    }
    if (status == MLSCORE_OK) {
        status = store_group(packer, b);
    }
    for (uint32_t t = 0; t < b->group.tree_count && status == MLSCORE_OK;
         t++) {
        status = store_rest(packer, b->group.first_tree + t, &trees[t],
                            b->walks);
    }
    b->group = (forest_group){
        .first_tree = b->group.first_tree + b->group.tree_count};
    b->largest = 0;
    return status;
}

static mlscore_status add_trees(forest_packer *packer, forest_run *run,
                                group_builder *b, mask_tree *trees)
{
    mlscore_status status = MLSCORE_OK;

    b->group = (forest_group){.first_tree = run->first_tree};
    b->walks = !mlscore_forest_wants_quick(run);
    for (uint32_t t = 0; t < run->tree_count && status == MLSCORE_OK; t++) {
        const uint32_t number = run->first_tree + t;
        const uint32_t leaves = packer->builder->trees[number].leaves;
        const uint32_t words = (leaves + FOREST_WORD - 1) / FOREST_WORD;

        if (b->group.lane_count + words > FOREST_LANES) {
            status = finish_group(packer, b, trees);
            if (status != MLSCORE_OK) {
                break;
            }
        }
        mask_tree *tree = &trees[b->group.tree_count];

        b->group.starts |= 1u << b->group.lane_count;
        status = read_tree(packer, number, tree);
        for (uint32_t w = 0; w < words && status == MLSCORE_OK; w++) {
            lane_entries *lane = &b->lanes[b->group.lane_count++];

            fill_lane(lane, 0, tree->cuts, tree->cut_count, w);
            fill_lane(lane, 1, tree->sets, tree->set_count, w);
        }
        ((forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items)[number]
            .words = (uint8_t)words;
        b->group.tree_count++;
        b->largest = leaves > b->largest ? leaves : b->largest;
    }
    if (status == MLSCORE_OK) {
        status = finish_group(packer, b, trees);
    }
    return status;
}

mlscore_status mlscore_forest_pack_masks(forest_packer *packer,
                                         forest_run *run)
{
    group_builder *b = mlscore_calloc(1, sizeof(*b));
    mask_tree *trees = mlscore_calloc(FOREST_LANES, sizeof(*trees));
    mlscore_status status = mlscore_forest_no_memory(NULL);

    run->first_group = (uint32_t)packer->arrays[FOREST_ARRAY_GROUPS].count;
    if (b && trees) {
        status = add_trees(packer, run, b, trees);
    }
    else {
        mlscore_forest_no_memory(packer->err);
    }
    run->group_count = (uint32_t)packer->arrays[FOREST_ARRAY_GROUPS].count -
                       run->first_group;
    for (int i = 0; trees && i < FOREST_LANES; i++) {
        mlscore_free(trees[i].cuts);
        mlscore_free(trees[i].sets);
    }
    mlscore_free(trees);
    mlscore_free(b);
    return status;
}
