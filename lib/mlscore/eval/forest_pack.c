/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packs the trees of a builder into one section: checks and classes first,
 * then virtual features, then runs of trees of one class.
 */

#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

const size_t mlscore_forest_array_sizes[FOREST_ARRAYS] = {
    sizeof(forest_tree),         sizeof(forest_run),
    sizeof(forest_virtual),      sizeof(double),
    sizeof(forest_group),        sizeof(forest_lane),
    sizeof(float),               sizeof(uint32_t),
    sizeof(uint16_t),            sizeof(forest_walk_node),
    sizeof(forest_wide_node),    sizeof(uint8_t),
    sizeof(forest_general_node), sizeof(uint32_t),
    sizeof(forest_value),        sizeof(float),
    sizeof(double),              sizeof(uint32_t),
    sizeof(forest_quick),        sizeof(float),
    sizeof(uint32_t),            sizeof(uint32_t),
    sizeof(float),               sizeof(uint32_t),
    sizeof(forest_quick_set),    sizeof(uint32_t),
};

void *mlscore_forest_take(forest_packer *packer, int array, size_t count)
{
    const size_t size = mlscore_forest_array_sizes[array];
    size_t *capacity = &packer->arrays[array].capacity;
    const size_t had = packer->arrays[array].count;

    /* Elements are referred to by 32-bit numbers. */
    if (count > UINT32_MAX - had) {
        return NULL;
    }
    while (!packer->arrays[array].items || *capacity < had + count) {
        if (mlscore_grow(&packer->arrays[array].items, capacity, *capacity,
                         size)) {
            return NULL;
        }
    }
    char *items = (char *)packer->arrays[array].items + had * size;

    memset(items, 0, count * size);
    packer->arrays[array].count += count;
    return items;
}

/* --- general trees
 * -------------------------------------------------------------- */

static mlscore_status pack_general_leaf(forest_packer *packer,
                                        const forest_build_node *node,
                                        forest_general_node *out)
{
    const mlscore_forest_builder *builder = packer->builder;

    out->pool = (uint32_t)packer->arrays[FOREST_ARRAY_SPARSE].count;
    out->pool_count = node->pool_count;
    forest_value *values = mlscore_forest_take(packer, FOREST_ARRAY_SPARSE,
                                               node->pool_count);

    if (!values) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (uint32_t i = 0; i < node->pool_count; i++) {
        values[i] = (forest_value){builder->leaf_values[node->pool + i],
                                   builder->leaf_outputs[node->pool + i], 0};
    }
    return MLSCORE_OK;
}

static mlscore_status pack_general_set(forest_packer *packer,
                                       const forest_build_node *node,
                                       forest_general_node *out)
{
    const size_t words = (node->pool_count + 31) / 32;

    out->pool = (uint32_t)packer->arrays[FOREST_ARRAY_SETS].count;
    out->pool_count = node->pool_count;
    uint32_t *set = mlscore_forest_take(packer, FOREST_ARRAY_SETS, words);

    if (!set) {
        return mlscore_forest_no_memory(packer->err);
    }
    if (words) {
        memcpy(set, packer->builder->set_words + node->pool,
               words * sizeof(*set));
    }
    return MLSCORE_OK;
}

/* Breadth-first, children side by side. */
static mlscore_status pack_general(forest_packer *packer, uint32_t number)
{
    const forest_build_tree *tree = &packer->builder->trees[number];
    const forest_build_node *nodes = packer->builder->nodes + tree->first;
    forest_tree *out =
        (forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items + number;
    uint32_t *order = packer->order;
    uint32_t next = 1;
    mlscore_status status = MLSCORE_OK;

    out->first = (uint32_t)packer->arrays[FOREST_ARRAY_GENERAL].count;
    out->count = tree->node_count;
    forest_general_node *packed = mlscore_forest_take(
        packer, FOREST_ARRAY_GENERAL, tree->node_count);

    if (!packed) {
        return mlscore_forest_no_memory(packer->err);
    }
    order[0] = 0;
    for (uint32_t i = 0; i < tree->node_count && status == MLSCORE_OK; i++) {
        const forest_build_node *node = &nodes[order[i]];

        packed[i].number = order[i];
        packed[i].op = node->op;
        if (node->op == FOREST_OP_LEAF) {
            status = pack_general_leaf(packer, node, &packed[i]);
            continue;
        }
        packed[i].threshold = node->threshold;
        packed[i].feature = node->feature;
        packed[i].missing_left = node->missing_left;
        packed[i].left = next;
        order[next++] = node->left;
        order[next++] = node->right;
        if (node->op == MLSCORE_SPLIT_IN) {
            status = pack_general_set(packer, node, &packed[i]);
        }
    }
    return status;
}

/* --- walks
 * ------------------------------------------------------------------------ */

static mlscore_status pack_walk_values(forest_packer *packer, uint32_t number)
{
    const mlscore_forest_builder *builder = packer->builder;
    const forest_build_tree *tree = &builder->trees[number];
    forest_tree *out =
        (forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items + number;
    const forest_build_node *nodes = builder->nodes + tree->first;
    const int as_float = builder->options.sum == MLSCORE_FOREST_SUM_FLOAT;
    const int array =
        as_float ? FOREST_ARRAY_LEAF_FLOATS : FOREST_ARRAY_LEAF_DOUBLES;
    const uint32_t width = tree->payload == FOREST_PAYLOAD_ONE
                               ? 1
                               : builder->options.output_count;

    out->values = (uint32_t)packer->arrays[array].count;
    for (uint32_t i = 0; i < tree->node_count; i++) {
        if (nodes[i].op != FOREST_OP_LEAF) {
            continue;
        }
        void *values = mlscore_forest_take(packer, array, width);

        if (!values) {
            return mlscore_forest_no_memory(packer->err);
        }
        for (uint32_t k = 0; k < width; k++) {
            const double value =
                mlscore_forest_leaf_value(builder, &nodes[i], k);

            if (as_float) {
                ((float *)values)[k] = (float)value;
            }
            else {
                ((double *)values)[k] = value;
            }
        }
    }
    return MLSCORE_OK;
}

static mlscore_status pack_walk_tree(forest_packer *packer, uint32_t number)
{
    const forest_build_tree *tree = &packer->builder->trees[number];
    const forest_build_node *nodes = packer->builder->nodes + tree->first;
    const int inside =
        packer->builder->options.sum == MLSCORE_FOREST_SUM_FLOAT &&
        tree->payload == FOREST_PAYLOAD_ONE;
    mlscore_status status = mlscore_forest_pack_walk(packer, number, NULL);

    if (status == MLSCORE_OK && !inside) {
        status = pack_walk_values(packer, number);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    forest_tree *out =
        (forest_tree *)packer->arrays[FOREST_ARRAY_TREES].items + number;

    out->numbers = (uint32_t)packer->arrays[FOREST_ARRAY_NUMBERS].count;
    uint32_t *numbers =
        mlscore_forest_take(packer, FOREST_ARRAY_NUMBERS, out->count);

    if (!numbers) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (uint32_t i = 0; i < tree->node_count; i++) {
        if (nodes[i].op == FOREST_OP_LEAF) {
            numbers[packer->places[i]] = i;
        }
    }
    return MLSCORE_OK;
}

/* --- runs
 * ---------------------------------------------------------------------------
 */

/* Within windows, trees of like depth are walked together. */
static mlscore_status order_run(forest_packer *packer, forest_run *run)
{
    const forest_tree *trees = packer->arrays[FOREST_ARRAY_TREES].items;
    uint8_t *order =
        mlscore_forest_take(packer, FOREST_ARRAY_ORDER, run->tree_count);

    run->order = (uint32_t)(packer->arrays[FOREST_ARRAY_ORDER].count -
                            run->tree_count);
    if (!order) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (uint32_t start = 0; start < run->tree_count; start += FOREST_WINDOW) {
        const forest_tree *window = trees + run->first_tree + start;
        const uint32_t left = run->tree_count - start;
        const uint32_t count = left < FOREST_WINDOW ? left : FOREST_WINDOW;

        /* Insertion sort: stable, and short. */
        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = i;

            while (at > 0 && window[order[start + at - 1]].depth >
                                 window[i].depth) {
                order[start + at] = order[start + at - 1];
                at--;
            }
            order[start + at] = (uint8_t)i;
        }
    }
    return MLSCORE_OK;
}

/* May all trees of a run be walked together for one row? 1 in WALK, 2 in WIDE.
 */
static uint32_t walkable(const forest_packer *packer, const forest_run *run)
{
    const forest_tree *trees = packer->arrays[FOREST_ARRAY_TREES].items;
    const uint32_t wide = trees[run->first_tree].wide;

    for (uint32_t t = 0; t < run->tree_count; t++) {
        const forest_tree *tree = &trees[run->first_tree + t];

        if (tree->count == 0 || tree->wide != wide ||
            run->class_ == FOREST_CLASS_GENERAL) {
            return 0;
        }
    }
    return wide ? 2 : 1;
}

/* May all groups of a run be summed together? */
static uint32_t uniform(const forest_packer *packer, const forest_run *run)
{
    const forest_group *groups = packer->arrays[FOREST_ARRAY_GROUPS].items;
    const forest_build_tree *trees = packer->builder->trees;
    uint32_t all = run->class_ == FOREST_CLASS_MASKS;

    for (uint32_t g = 0; all && g < run->group_count; g++) {
        const forest_group *group = &groups[run->first_group + g];

        all &= group->single && trees[group->first_tree].output ==
                                    trees[run->first_tree].output;
    }
    return all;
}

static mlscore_status pack_run(forest_packer *packer, forest_run *run)
{
    mlscore_status status = MLSCORE_OK;

    if (run->class_ == FOREST_CLASS_MASKS) {
        status = mlscore_forest_pack_masks(packer, run);
        if (status == MLSCORE_OK && mlscore_forest_wants_quick(run)) {
            status = mlscore_forest_pack_quick(packer, run);
        }
    }
    for (uint32_t t = 0; run->class_ != FOREST_CLASS_MASKS &&
                         t < run->tree_count && status == MLSCORE_OK;
         t++) {
        status = run->class_ == FOREST_CLASS_WALK
                     ? pack_walk_tree(packer, run->first_tree + t)
                     : pack_general(packer, run->first_tree + t);
    }
    if (status == MLSCORE_OK) {
        run->walkable = walkable(packer, run);
        run->uniform = uniform(packer, run);
    }
    if (run->walkable) {
        status = order_run(packer, run);
    }
    return status;
}

static mlscore_status pack_runs(forest_packer *packer)
{
    const mlscore_forest_builder *builder = packer->builder;
    const size_t count = builder->tree_count;
    forest_tree *trees =
        mlscore_forest_take(packer, FOREST_ARRAY_TREES, count);

    if (!trees) {
        return mlscore_forest_no_memory(packer->err);
    }
    for (size_t t = 0; t < count; t++) {
        trees[t].class_ = builder->trees[t].class_;
        trees[t].payload = builder->trees[t].payload;
        trees[t].output = builder->trees[t].output;
        trees[t].leaves = builder->trees[t].leaves;
    }
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start; end < count &&
                          trees[end].class_ == trees[start].class_;
             end++) {
        }
        forest_run run = {.class_ = trees[start].class_,
                          .first_tree = (uint32_t)start,
                          .tree_count = (uint32_t)(end - start)};
        const mlscore_status status = pack_run(packer, &run);
        forest_run *out = mlscore_forest_take(packer, FOREST_ARRAY_RUNS, 1);

        if (status != MLSCORE_OK) {
            return status;
        }
        if (!out) {
            return mlscore_forest_no_memory(packer->err);
        }
        *out = run;
    }
    return MLSCORE_OK;
}

/* --- the section
 * --------------------------------------------------------------------- */

static mlscore_status inspect_all(forest_packer *packer)
{
    mlscore_status status = MLSCORE_OK;

    for (size_t t = 0;
         t < packer->builder->tree_count && status == MLSCORE_OK; t++) {
        status = mlscore_forest_inspect(packer->builder, t, packer->order,
                                        packer->stack, packer->seen,
                                        packer->err);
    }
    return status;
}

/* Trees that the virtual features turned out to be too many for. */
static void reconsider(forest_packer *packer)
{
    const mlscore_forest_builder *builder = packer->builder;
    const int many = packer->virtuals.count > UINT16_MAX;

    for (size_t t = 0; t < builder->tree_count; t++) {
        forest_build_tree *tree = &builder->trees[t];

        if (packer->virtuals.too_fine) {
            tree->class_ = FOREST_CLASS_GENERAL;
        }
        else if (many && tree->class_ == FOREST_CLASS_MASKS) {
            tree->class_ =
                tree->walkable ? FOREST_CLASS_WALK : FOREST_CLASS_GENERAL;
        }
    }
}

static mlscore_status keep_virtuals(forest_packer *packer)
{
    const forest_virtuals *v = &packer->virtuals;
    void *items =
        mlscore_forest_take(packer, FOREST_ARRAY_VIRTUALS, v->count);
    void *cuts = mlscore_forest_take(packer, FOREST_ARRAY_CUTS, v->cut_count);

    if (!items || !cuts) {
        return mlscore_forest_no_memory(packer->err);
    }
    if (v->count) {
        memcpy(items, v->items, v->count * sizeof(*v->items));
    }
    if (v->cut_count) {
        memcpy(cuts, v->cuts, v->cut_count * sizeof(*v->cuts));
    }
    return v->is_double ? mlscore_forest_pack_buckets(packer) : MLSCORE_OK;
}

/* Vectors of leaf values may be read beyond the last one. */
static mlscore_status pad_values(forest_packer *packer)
{
    if (!mlscore_forest_take(packer, FOREST_ARRAY_LEAF_FLOATS, FOREST_WORD) ||
        !mlscore_forest_take(packer, FOREST_ARRAY_LEAF_DOUBLES, FOREST_WORD)) {
        return mlscore_forest_no_memory(packer->err);
    }
    return MLSCORE_OK;
}

static size_t align64(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

static mlscore_status join(forest_packer *packer, void **bytes, size_t *size)
{
    const mlscore_forest_builder *builder = packer->builder;
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
        header.arrays[i] = (forest_array){at, packer->arrays[i].count};
        at += align64(packer->arrays[i].count * mlscore_forest_array_sizes[i]);
    }
    unsigned char *section = mlscore_calloc(1, at);

    if (!section) {
        return mlscore_forest_no_memory(packer->err);
    }
    memcpy(section, &header, sizeof(header));
    for (int i = 0; i < FOREST_ARRAYS; i++) {
        const size_t length =
            packer->arrays[i].count * mlscore_forest_array_sizes[i];

        if (length) {
            memcpy(section + header.arrays[i].offset, packer->arrays[i].items,
                   length);
        }
    }
    *bytes = section;
    *size = at;
    return MLSCORE_OK;
}

static mlscore_status pack_all(forest_packer *packer, void **bytes,
                               size_t *size)
{
    mlscore_status status = inspect_all(packer);

    if (status == MLSCORE_OK) {
        mlscore_forest_classify(packer->builder);
        status = mlscore_forest_virtuals_make(&packer->virtuals,
                                              packer->builder, packer->err);
    }
    if (status == MLSCORE_OK) {
        reconsider(packer);
        status = keep_virtuals(packer);
    }
    if (status == MLSCORE_OK) {
        status = pack_runs(packer);
    }
    if (status == MLSCORE_OK) {
        status = pad_values(packer);
    }
    if (status == MLSCORE_OK) {
        status = join(packer, bytes, size);
    }
    return status;
}

mlscore_status mlscore_forest_pack(const mlscore_forest_builder *builder,
                                   void **bytes, size_t *size,
                                   mlscore_error *err)
{
    forest_packer packer = {.builder = builder, .err = err};
    const size_t nodes = (size_t)builder->largest_tree + 1;
    mlscore_status status;

    packer.order = mlscore_malloc_array(nodes, sizeof(uint32_t));
    packer.places = mlscore_malloc_array(nodes, sizeof(uint32_t));
    packer.stack = mlscore_malloc_array(nodes, sizeof(uint32_t));
    packer.seen = mlscore_calloc(nodes, 1);
    status = packer.order && packer.places && packer.stack && packer.seen
                 ? pack_all(&packer, bytes, size)
                 : mlscore_forest_no_memory(err);
    for (int i = 0; i < FOREST_ARRAYS; i++) {
        mlscore_free(packer.arrays[i].items);
    }
    mlscore_forest_virtuals_free(&packer.virtuals);
    mlscore_free(packer.order);
    mlscore_free(packer.places);
    mlscore_free(packer.stack);
    mlscore_free(packer.seen);
    return status;
}
