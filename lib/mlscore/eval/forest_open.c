/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a packed forest: checks every offset, count and index once, so that
 * evaluation can trust them, and chooses the kernels for this machine.
 */

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "eval/forest_build.h"
#include "eval/forest_plan.h"

static mlscore_status damaged(mlscore_error *err, const char *what)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the compiled trees are damaged: %s", what);
}

static uint64_t count_of(const mlscore_forest *forest, int array)
{
    return forest->header->arrays[array].count;
}

/* Are [first, first + count) elements of an array? */
static int inside(const mlscore_forest *forest, int array, uint64_t first,
                  uint64_t count)
{
    return mlscore_range_inside(first, count, 1, count_of(forest, array));
}

/* --- walks
 * ---------------------------------------------------------------------- */

/* A node in either width. */
typedef struct node_view {
    uint32_t feature, left, index;
} node_view;

static node_view view_node(const mlscore_forest *forest,
                           const forest_tree *tree, uint32_t at)
{
    if (tree->wide) {
        const forest_wide_node *node = &forest->wide[tree->first + at];

        return (node_view){node->feature, node->left, node->u.index};
    }
    const forest_walk_node *node = &forest->walk[tree->first + at];

    return (node_view){node->feature, node->left, node->u.index};
}

/* Nodes lie inside, children come after their parents, leaves lead to
 * themselves, and no leaf is deeper than the tree says. `heights` has room for
 * the tree's nodes. */
static int walk_ok(const mlscore_forest *forest, const forest_tree *tree,
                   uint32_t *heights)
{
    if (tree->count < 2 || tree->depth > FOREST_MAX_DEPTH ||
        !inside(forest, tree->wide ? FOREST_ARRAY_WIDE : FOREST_ARRAY_WALK,
                tree->first, tree->count)) {
        return 0;
    }
    for (uint32_t at = tree->count - 1; at > 0; at--) {
        const node_view node = view_node(forest, tree, at);

        heights[at] = 0;
        if (node.feature == forest->virtual_count) {
            if (node.left != at - 1) {
                return 0;
            }
            continue;
        }
        if (node.feature > forest->virtual_count || node.left <= at ||
            node.left >= tree->count - 1) {
            return 0;
        }
        const uint32_t a = heights[node.left];
        const uint32_t b = heights[node.left + 1];

        heights[at] = 1 + (a > b ? a : b);
    }
    /* Numbers of leaves are held inside when they are used. */
    return heights[1] <= tree->depth;
}

/* --- masks
 * ----------------------------------------------------------------------- */

static int group_ok(const mlscore_forest *forest, const forest_group *group)
{
    const uint64_t slots = (uint64_t)group->cut_slots + group->set_slots;
    const size_t number = (size_t)(group - forest->groups);
    const int values = forest->header->sum == MLSCORE_FOREST_SUM_FLOAT
                           ? FOREST_ARRAY_LEAF_FLOATS
                           : FOREST_ARRAY_LEAF_DOUBLES;
    uint32_t lanes = 0;
    uint32_t starts = 0;

    if (group->lane_count > FOREST_LANES || group->tree_count == 0 ||
        group->tree_count > FOREST_LANES || group->stride > FOREST_WORD ||
        !inside(forest, FOREST_ARRAY_TREES, group->first_tree,
                group->tree_count) ||
        !mlscore_range_inside(group->slots, slots, 1,
                              count_of(forest, FOREST_ARRAY_MASKS) /
                                  FOREST_LANES) ||
        !inside(forest, values, group->values,
                (uint64_t)group->lane_count * group->stride + FOREST_WORD)) {
        return 0;
    }
    for (uint32_t t = 0; t < group->tree_count; t++) {
        const forest_tree *tree = &forest->trees[group->first_tree + t];

        if (tree->class_ != FOREST_CLASS_MASKS || tree->words == 0 ||
            tree->words > FOREST_MAX_WORDS || lanes >= FOREST_LANES) {
            return 0;
        }
        starts |= 1u << lanes;
        lanes += tree->words;
    }
    for (uint32_t l = 0; l < FOREST_LANES; l++) {
        const forest_lane *lane = &forest->lanes[number * FOREST_LANES + l];

        if (lane->cut_count > group->cut_slots ||
            lane->set_count > group->set_slots) {
            return 0;
        }
    }
    return lanes == group->lane_count && starts == group->starts;
}

static int masks_ok(const mlscore_forest *forest)
{
    const uint64_t slots = count_of(forest, FOREST_ARRAY_MASKS);

    if (slots != count_of(forest, FOREST_ARRAY_MASK_CUTS) ||
        slots != count_of(forest, FOREST_ARRAY_MASK_FEATURES) ||
        slots % FOREST_LANES ||
        count_of(forest, FOREST_ARRAY_LANES) !=
            FOREST_LANES * count_of(forest, FOREST_ARRAY_GROUPS)) {
        return 0;
    }
    for (uint64_t i = 0; i < slots; i++) {
        if (forest->mask_features[i] >= forest->virtual_count) {
            return 0;
        }
    }
    return 1;
}

/* --- general trees
 * ------------------------------------------------------------------ */

static int general_node_ok(const mlscore_forest *forest,
                           const forest_tree *tree, uint32_t at)
{
    const forest_general_node *node = &forest->general[tree->first + at];

    if (node->op == FOREST_OP_LEAF) {
        return inside(forest, FOREST_ARRAY_SPARSE, node->pool,
                      node->pool_count);
    }
    /* Children come after their parent: no walk can loop. */
    if (node->op > MLSCORE_SPLIT_IN ||
        node->feature >= forest->header->feature_count || node->left <= at ||
        node->left >= tree->count - 1) {
        return 0;
    }
    return node->op != MLSCORE_SPLIT_IN ||
           inside(forest, FOREST_ARRAY_SETS, node->pool,
                  ((uint64_t)node->pool_count + 31) / 32);
}

static int general_ok(const mlscore_forest *forest, const forest_tree *tree)
{
    if (tree->count == 0 || !inside(forest, FOREST_ARRAY_GENERAL, tree->first,
                                    tree->count)) {
        return 0;
    }
    for (uint32_t i = 0; i < tree->count; i++) {
        if (!general_node_ok(forest, tree, i)) {
            return 0;
        }
    }
    return 1;
}

/* --- trees and runs
 * ------------------------------------------------------------------- */

/* Values and numbers of a fast tree's leaves. */
static int leaves_ok(const mlscore_forest *forest, const forest_tree *tree)
{
    const int as_float = forest->header->sum == MLSCORE_FOREST_SUM_FLOAT;
    const int one = tree->payload == FOREST_PAYLOAD_ONE;
    const int masks = tree->class_ == FOREST_CLASS_MASKS;
    const uint64_t width = one ? 1 : forest->header->output_count;
    uint64_t values = tree->leaves * width;

    /* Masks of one output may read any value of their words. */
    if (masks && one) {
        values = (uint64_t)FOREST_WORD * tree->words;
    }
    return tree->leaves > 0 && tree->payload <= FOREST_PAYLOAD_VECTOR &&
           (!one || tree->output < forest->header->output_count) &&
           (!masks || tree->leaves <= (uint32_t)FOREST_WORD * tree->words) &&
           ((!masks && one && as_float) ||
            inside(forest,
                   as_float ? FOREST_ARRAY_LEAF_FLOATS
                            : FOREST_ARRAY_LEAF_DOUBLES,
                   tree->values, values)) &&
           inside(forest, FOREST_ARRAY_NUMBERS, tree->numbers,
                  masks ? tree->leaves : tree->count);
}

static int tree_ok(const mlscore_forest *forest, const forest_tree *tree,
                   uint32_t *heights)
{
    switch (tree->class_) {
    case FOREST_CLASS_GENERAL:
        return general_ok(forest, tree);
    case FOREST_CLASS_WALK:
        return leaves_ok(forest, tree) && walk_ok(forest, tree, heights);
    case FOREST_CLASS_MASKS:
        return leaves_ok(forest, tree) &&
               (tree->count == 0 || walk_ok(forest, tree, heights));
    default:
        return 0;
    }
}

/* The groups of a masks run are its trees, in order. */
static int run_groups_ok(const mlscore_forest *forest, const forest_run *run)
{
    uint64_t next = run->first_tree;

    if (!inside(forest, FOREST_ARRAY_GROUPS, run->first_group,
                run->group_count)) {
        return 0;
    }
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        if (group->first_tree != next || !group_ok(forest, group) ||
            (run->uniform && !group->single)) {
            return 0;
        }
        next += group->tree_count;
    }
    return next == (uint64_t)run->first_tree + run->tree_count;
}

static int run_walk_ok(const mlscore_forest *forest, const forest_run *run)
{
    if (!inside(forest, FOREST_ARRAY_ORDER, run->order, run->tree_count)) {
        return 0;
    }
    for (uint32_t t = 0; t < run->tree_count; t++) {
        const forest_tree *tree = &forest->trees[run->first_tree + t];
        const uint32_t start = t / FOREST_WINDOW * FOREST_WINDOW;

        if (tree->count == 0 || tree->wide != (run->walkable == 2) ||
            forest->order[run->order + t] >= FOREST_WINDOW ||
            start + forest->order[run->order + t] >= run->tree_count) {
            return 0;
        }
    }
    return 1;
}

static int run_ok(const mlscore_forest *forest, const forest_run *run)
{
    if (run->tree_count == 0 || run->class_ > FOREST_CLASS_GENERAL ||
        run->walkable > 2 ||
        !inside(forest, FOREST_ARRAY_TREES, run->first_tree,
                run->tree_count)) {
        return 0;
    }
    for (uint32_t t = 0; t < run->tree_count; t++) {
        if (forest->trees[run->first_tree + t].class_ != run->class_) {
            return 0;
        }
    }
    if (run->walkable && (run->class_ == FOREST_CLASS_GENERAL ||
                          !run_walk_ok(forest, run))) {
        return 0;
    }
    if (run->uniform && run->class_ != FOREST_CLASS_MASKS) {
        return 0;
    }
    return run->class_ == FOREST_CLASS_MASKS
               ? run_groups_ok(forest, run) &&
                     mlscore_forest_quick_ok(forest, run)
               : run->quick_count == 0;
}

/* Buckets divide the cuts of a virtual feature. */
static int buckets_ok(const mlscore_forest *forest, const forest_virtual *v)
{
    if (v->buckets == 0) {
        return 1;
    }
    if (v->kind == FOREST_VIRTUAL_WORD ||
        !inside(forest, FOREST_ARRAY_BUCKETS, v->bucket,
                (uint64_t)v->buckets + 1)) {
        return 0;
    }
    const uint32_t *starts = forest->buckets + v->bucket;

    for (uint32_t b = 0; b < v->buckets; b++) {
        if (starts[b] > starts[b + 1]) {
            return 0;
        }
    }
    return starts[v->buckets] <= v->count;
}

static int virtuals_ok(const mlscore_forest *forest)
{
    for (uint32_t i = 0; i < forest->virtual_count; i++) {
        const forest_virtual *v = &forest->virtuals[i];

        if (v->feature >= forest->header->feature_count ||
            v->kind > FOREST_VIRTUAL_WORD ||
            (v->kind != FOREST_VIRTUAL_WORD &&
             !inside(forest, FOREST_ARRAY_CUTS, v->first, v->count)) ||
            !buckets_ok(forest, v)) {
            return 0;
        }
    }
    return 1;
}

static mlscore_status check_trees(const mlscore_forest *forest,
                                  mlscore_error *err)
{
    const forest_header *header = forest->header;
    uint32_t largest = 1;

    for (uint32_t t = 0; t < header->tree_count; t++) {
        if (forest->trees[t].class_ != FOREST_CLASS_GENERAL &&
            forest->trees[t].count > largest) {
            largest = forest->trees[t].count;
        }
    }
    if (largest > count_of(forest, FOREST_ARRAY_WALK) &&
        largest > count_of(forest, FOREST_ARRAY_WIDE) && largest > 1) {
        return damaged(err, "a tree lies outside");
    }
    uint32_t *heights = mlscore_malloc_array(largest, sizeof(*heights));

    if (!heights) {
        return mlscore_forest_no_memory(err);
    }
    int ok = virtuals_ok(forest) && masks_ok(forest);

    for (uint32_t t = 0; t < header->tree_count && ok; t++) {
        ok = tree_ok(forest, &forest->trees[t], heights);
    }
    uint64_t next = 0;

    for (uint32_t i = 0; i < forest->run_count && ok; i++) {
        ok = forest->runs[i].first_tree == next &&
             run_ok(forest, &forest->runs[i]);
        next += forest->runs[i].tree_count;
    }
    ok = ok && next == header->tree_count;
    for (uint64_t i = 0; i < count_of(forest, FOREST_ARRAY_SPARSE) && ok;
         i++) {
        ok = forest->sparse[i].output < header->output_count;
    }
    mlscore_free(heights);
    return ok ? MLSCORE_OK : damaged(err, "a tree refers outside itself");
}

/* --- header
 * -------------------------------------------------------------------------- */

static mlscore_status check_header(const void *bytes, size_t size,
                                   mlscore_error *err)
{
    const forest_header *header = bytes;

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    return mlscore_error_set(err, MLSCORE_EUNSUPPORTED,
                             "compiled trees need a little-endian machine");
#endif
    if ((uintptr_t)bytes % 8) {
        return damaged(err, "the section is not aligned");
    }
    if (size < sizeof(*header) ||
        memcmp(header->magic, FOREST_MAGIC, sizeof(header->magic))) {
        return damaged(err, "the header is missing");
    }
    if (header->version != FOREST_VERSION) {
        return mlscore_error_set(err, MLSCORE_EVERSION,
                                 "compiled trees of version %u, this is %d; "
                                 "compile the model again", header->version,
                                 FOREST_VERSION);
    }
    if (header->number > MLSCORE_FOREST_DOUBLE ||
        header->sum > MLSCORE_FOREST_SUM_DOUBLE || header->combine > 2 ||
        header->feature_count > 1u << 28 || header->output_count > 1u << 24) {
        return damaged(err, "unknown options");
    }
    for (int i = 0; i < FOREST_ARRAYS; i++) {
        if (header->arrays[i].offset % 64 ||
            header->arrays[i].count > UINT32_MAX ||
            !mlscore_range_inside(header->arrays[i].offset,
                                  header->arrays[i].count,
                                  mlscore_forest_array_sizes[i], size)) {
            return damaged(err, "an array lies outside");
        }
    }
    if (header->arrays[FOREST_ARRAY_TREES].count != header->tree_count) {
        return damaged(err, "the number of trees is not the table's");
    }
    return MLSCORE_OK;
}

/* --- kernels
 * -------------------------------------------------------------------------- */

void mlscore_forest_limit(mlscore_forest *forest, mlscore_cpu level)
{
    const mlscore_cpu most = mlscore_cpu_level();

    forest->level = level < most ? level : most;
    forest->masks_leaves = mlscore_forest_masks_plain;
    /* Up to so many rows, one by one costs less than a block. */
    forest->few = 13;
#if defined(__x86_64__)
    if (forest->level == MLSCORE_CPU_AVX2) {
        forest->masks_leaves = mlscore_forest_masks_avx2;
        forest->few = 13;
    }
    if (forest->level == MLSCORE_CPU_AVX512) {
        forest->masks_leaves = mlscore_forest_masks_avx512;
        forest->few = 9;
    }
#endif
}

/* Virtual features that are the features need no work. */
static int is_identity(const mlscore_forest *forest)
{
    if (forest->header->number != MLSCORE_FOREST_FLOAT) {
        return 0;
    }
    for (uint32_t i = 0; i < forest->virtual_count; i++) {
        if (forest->virtuals[i].feature != i ||
            forest->virtuals[i].kind != FOREST_VIRTUAL_VALUE) {
            return 0;
        }
    }
    return 1;
}

/* Large trees are walked by as many rows as fit a part of the second cache
 * while the tree is in the first. */
static void choose_block(mlscore_forest *forest)
{
    const size_t bytes = mlscore_forest_row_width(forest) * sizeof(float);
    size_t block = FOREST_BLOCK;

    for (uint32_t i = 0; i < forest->run_count; i++) {
        const forest_run *run = &forest->runs[i];
        const uint32_t class_ = run->class_;
        const uint32_t words = run->group_count * FOREST_LANES;

        if (run->quick_count > forest->most_quick) {
            forest->most_quick = run->quick_count;
        }
        if (run->quick_count && words > forest->most_words) {
            forest->most_words = words;
        }
        forest->has_masks |= class_ == FOREST_CLASS_MASKS;
        forest->has_walk |= class_ == FOREST_CLASS_WALK;
        forest->has_general |= class_ == FOREST_CLASS_GENERAL;
    }
    while (forest->has_walk && block < 1024 && 2 * block * bytes <= 1 << 18) {
        block *= 2;
    }
    forest->block = (uint32_t)block;
}

static void point(mlscore_forest *forest, const unsigned char *base)
{
    const forest_array *a = forest->header->arrays;

#define AT(array) ((const void *)(base + a[FOREST_ARRAY_##array].offset))
    forest->trees = AT(TREES);
    forest->runs = AT(RUNS);
    forest->run_count = (uint32_t)a[FOREST_ARRAY_RUNS].count;
    forest->virtuals = AT(VIRTUALS);
    forest->virtual_count = (uint32_t)a[FOREST_ARRAY_VIRTUALS].count;
    forest->cuts = AT(CUTS);
    forest->groups = AT(GROUPS);
    forest->lanes = AT(LANES);
    forest->mask_cuts = AT(MASK_CUTS);
    forest->masks = AT(MASKS);
    forest->mask_features = AT(MASK_FEATURES);
    forest->walk = AT(WALK);
    forest->wide = AT(WIDE);
    forest->order = AT(ORDER);
    forest->general = AT(GENERAL);
    forest->sets = AT(SETS);
    forest->sparse = AT(SPARSE);
    forest->leaf_floats = AT(LEAF_FLOATS);
    forest->leaf_doubles = AT(LEAF_DOUBLES);
    forest->numbers = AT(NUMBERS);
    forest->quick = AT(QUICK);
    forest->quick_cuts = AT(QUICK_CUTS);
    forest->quick_keeps = AT(QUICK_KEEPS);
    forest->quick_words = AT(QUICK_WORDS);
    forest->quick_marks = AT(QUICK_MARKS);
    forest->quick_masks = AT(QUICK_MASKS);
    forest->quick_sets = AT(QUICK_SETS);
    forest->buckets = AT(BUCKETS);
#undef AT
}

mlscore_status mlscore_forest_open(mlscore_forest **out, const void *bytes,
                                   size_t size, mlscore_error *err)
{
    *out = NULL;
    mlscore_status status = check_header(bytes, size, err);

    if (status != MLSCORE_OK) {
        return status;
    }
    mlscore_forest *forest = mlscore_calloc(1, sizeof(*forest));

    if (!forest) {
        return mlscore_forest_no_memory(err);
    }
    forest->header = bytes;
    point(forest, bytes);
    status = check_trees(forest, err);
    if (status != MLSCORE_OK) {
        mlscore_free(forest);
        return status;
    }
    forest->identity = is_identity(forest);
    choose_block(forest);
    mlscore_forest_limit(forest, MLSCORE_CPU_AVX512);
    *out = forest;
    return MLSCORE_OK;
}

void mlscore_forest_free(mlscore_forest *forest)
{
    mlscore_free(forest);
}

uint32_t mlscore_forest_features(const mlscore_forest *forest)
{
    return forest->header->feature_count;
}

uint32_t mlscore_forest_outputs(const mlscore_forest *forest)
{
    return forest->header->output_count;
}

uint32_t mlscore_forest_trees(const mlscore_forest *forest)
{
    return forest->header->tree_count;
}

mlscore_forest_number mlscore_forest_number_of(const mlscore_forest *forest)
{
    return (mlscore_forest_number)forest->header->number;
}
