/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the virtual features of the fast trees: a feature's value, its
 * negative, its categories as bits; and for doubles all their cuts, so that a
 * value can be replaced by its rank among them.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

/* Ranks are whole numbers in floats. */
enum { MAX_CUTS = (1 << 24) - 2 };

typedef void visit_cut(forest_virtuals *v, uint32_t feature, int negative,
                       double cut);

/* Calls `visit` for every cut of every fast tree. */
static void each_cut(forest_virtuals *v, const mlscore_forest_builder *builder,
                     visit_cut *visit)
{
    for (size_t t = 0; t < builder->tree_count; t++) {
        const forest_build_tree *tree = &builder->trees[t];
        const forest_build_node *nodes = builder->nodes + tree->first;

        for (uint32_t i = 0; tree->class_ != FOREST_CLASS_GENERAL &&
                             i < tree->node_count; i++) {
            if (nodes[i].op == FOREST_OP_LEAF) {
                continue;
            }
            const forest_condition c =
                mlscore_forest_condition(builder, &nodes[i]);

            if (c.kind == FOREST_CONDITION_CUT) {
                visit(v, nodes[i].feature, c.negative, c.cut);
            }
            else if (c.kind == FOREST_CONDITION_EQUAL) {
                visit(v, nodes[i].feature, 0, c.cut);
                visit(v, nodes[i].feature, 1, c.negative_cut);
            }
            else if (v->categories[nodes[i].feature] <= nodes[i].pool_count) {
                v->categories[nodes[i].feature] = nodes[i].pool_count + 1;
            }
        }
    }
}

static void note_use(forest_virtuals *v, uint32_t feature, int negative,
                     double cut)
{
    (void)cut;
    (negative ? v->negative_of : v->value_of)[feature]++;
}

static void store_cut(forest_virtuals *v, uint32_t feature, int negative,
                      double cut)
{
    const uint32_t which =
        (negative ? v->negative_of : v->value_of)[feature] - 1;
    forest_virtual *item = &v->items[which];

    v->cuts[item->first + item->count++] = cut;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

static size_t words_of(const forest_virtuals *v, uint32_t feature)
{
    /* categories[] is one more than the largest set: bit count - 1 of it is
     * free for missing. */
    return v->categories[feature] ? (v->categories[feature] - 1) / 32 + 1 : 0;
}

/* Uses were counted in the maps; turn counts into virtual features. */
static mlscore_status number(forest_virtuals *v,
                             const mlscore_forest_builder *builder,
                             mlscore_error *err)
{
    const uint32_t features = builder->options.feature_count;
    size_t count = 0;
    size_t cuts = 0;

    for (uint32_t f = 0; f < features; f++) {
        count += (v->value_of[f] > 0) + (v->negative_of[f] > 0) +
                 words_of(v, f);
        cuts += v->value_of[f] + v->negative_of[f];
    }
    if (count >= UINT32_MAX / 2 || cuts >= UINT32_MAX) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the trees have too many splits");
    }
    v->items = mlscore_calloc(count + 1, sizeof(*v->items));
    v->cuts = v->is_double ? mlscore_malloc_array(cuts + 1, sizeof(double))
                           : NULL;
    if (!v->items || (v->is_double && !v->cuts)) {
        return mlscore_forest_no_memory(err);
    }
    cuts = 0;
    for (uint32_t f = 0; f < features; f++) {
        uint32_t *maps[2] = {&v->value_of[f], &v->negative_of[f]};

        for (uint32_t m = 0; m < 2; m++) {
            if (*maps[m]) {
                v->items[v->count] = (forest_virtual){
                    .feature = f,
                    .kind =
                        m ? FOREST_VIRTUAL_NEGATIVE : FOREST_VIRTUAL_VALUE,
                    .first = v->is_double ? (uint32_t)cuts : 0};
                cuts += *maps[m];
                *maps[m] = ++v->count;
            }
        }
        for (uint32_t w = 0; w < words_of(v, f); w++) {
            v->items[v->count] =
                (forest_virtual){.feature = f,
                                 .kind = FOREST_VIRTUAL_WORD,
                                 .first = 32 * w,
                                 .count = v->categories[f] - 1};
            v->count++;
            v->word_of[f] = w == 0 ? v->count : v->word_of[f];
        }
    }
    return MLSCORE_OK;
}

/* Sort each virtual feature's cuts, keep distinct ones, close the gaps. */
static void sort_cuts(forest_virtuals *v)
{
    size_t kept = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        forest_virtual *item = &v->items[i];
        double *cuts = v->cuts + item->first;
        uint32_t distinct = 0;

        if (item->kind == FOREST_VIRTUAL_WORD) {
            continue;
        }
        qsort(cuts, item->count, sizeof(*cuts), compare_doubles);
        for (uint32_t k = 0; k < item->count; k++) {
            if (distinct == 0 || cuts[k] != v->cuts[kept + distinct - 1]) {
                /* -0 and 0 are one cut; keep it +0 for equal bytes. */
                v->cuts[kept + distinct++] = cuts[k] + 0.0;
            }
        }
        item->first = (uint32_t)kept;
        item->count = distinct;
        kept += distinct;
        v->too_fine |= distinct > MAX_CUTS;
    }
    v->cut_count = kept;
}

mlscore_status mlscore_forest_virtuals_make(
    forest_virtuals *v, const mlscore_forest_builder *builder,
    mlscore_error *err)
{
    const uint32_t features = builder->options.feature_count;

    *v = (forest_virtuals){
        .is_double = builder->options.number == MLSCORE_FOREST_DOUBLE};
    v->value_of = mlscore_calloc((size_t)features + 1, 4 * sizeof(uint32_t));
    if (!v->value_of) {
        return mlscore_forest_no_memory(err);
    }
    v->negative_of = v->value_of + features;
    v->word_of = v->negative_of + features;
    v->categories = v->word_of + features;
    each_cut(v, builder, note_use);
    const mlscore_status status = number(v, builder, err);

    if (status == MLSCORE_OK && v->is_double) {
        each_cut(v, builder, store_cut);
        sort_cuts(v);
    }
    return status;
}

void mlscore_forest_virtuals_free(forest_virtuals *v)
{
    mlscore_free(v->items);
    mlscore_free(v->value_of);
    mlscore_free(v->cuts);
}

float mlscore_forest_virtual_cut(const forest_virtuals *v,
                                 uint32_t virtual_feature, double cut)
{
    const forest_virtual *item = &v->items[virtual_feature];
    uint32_t low = 0;
    uint32_t high = item->count;

    if (!v->is_double) {
        return (float)cut;
    }
    const double *cuts = v->cuts + item->first;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (cuts[middle] < cut) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    /* x < cuts[low] when at most `low` cuts are <= x. */
    return (float)(low + 1);
}
