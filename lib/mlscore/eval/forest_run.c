/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluates a forest: blocks of rows, or single rows; in each, runs of trees in
 * order, so that sums are those of adding tree by tree.
 */

#include <math.h>
#include <string.h>

#include "eval/forest_plan.h"

/* The parts of scratch. */
typedef struct parts {
    float *row;       /* one row's virtual features */
    float *rows;      /* a block's, row by row, for walks */
    float *columns;   /* FOREST_BLOCK rows', feature by feature, for masks */
    uint32_t *leaves; /* FOREST_LANES trees of FOREST_BLOCK rows, or a block */
    void *sums;       /* [output][block], floats or doubles */
    void *quick;      /* of the look-up by cuts */
    size_t total;
} parts;

static size_t align64(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

/* Sums are floats only when they are sums of floats. */
static int float_sums(const mlscore_forest *forest)
{
    return forest->header->sum == MLSCORE_FOREST_SUM_FLOAT &&
           forest->header->combine == 0;
}

static size_t leaves_count(const mlscore_forest *forest)
{
    const size_t group = (size_t)FOREST_LANES * FOREST_BLOCK;

    return group > forest->block ? group : forest->block;
}

static parts split(const mlscore_forest *forest, void *scratch)
{
    const size_t width = mlscore_forest_row_width(forest) * sizeof(float);
    const size_t sizes[6] = {
        width,
        forest->has_walk ? forest->block * width : 0,
        forest->has_masks ? (size_t)forest->virtual_count * FOREST_BLOCK *
                                sizeof(float)
                          : 0,
        leaves_count(forest) * sizeof(uint32_t),
        (size_t)forest->header->output_count * forest->block * sizeof(double),
        mlscore_forest_quick_scratch(forest),
    };
    size_t at[7] = {0};

    for (int i = 0; i < 6; i++) {
        at[i + 1] = at[i] + align64(sizes[i]);
    }
    if (!scratch) {
        return (parts){.total = at[6] + 64};
    }
    char *base = scratch;

    return (parts){.row = (void *)(base + at[0]),
                   .rows = (void *)(base + at[1]),
                   .columns = (void *)(base + at[2]),
                   .leaves = (void *)(base + at[3]),
                   .sums = (void *)(base + at[4]),
                   .quick = (void *)(base + at[5]),
                   .total = at[6] + 64};
}

size_t mlscore_forest_scratch(const mlscore_forest *forest)
{
    return split(forest, NULL).total;
}

/* --- adding leaves to sums
 * --------------------------------------------------------- */

/* What one leaf adds: `index` is its number, within the tree's values. */
static double value_at(const mlscore_forest *forest, size_t at)
{
    return forest->header->sum == MLSCORE_FOREST_SUM_FLOAT
               ? forest->leaf_floats[at]
               : forest->leaf_doubles[at];
}

/* Any payload, sum and combination. Sums of output k are at k * stride. */
static void add_any(const mlscore_forest *forest, const forest_tree *tree,
                    const uint32_t *leaves, uint32_t rows, void *sums,
                    size_t stride)
{
    const forest_header *header = forest->header;
    const int one = tree->payload == FOREST_PAYLOAD_ONE;
    const uint32_t width = one ? 1 : header->output_count;
    const int as_float = float_sums(forest);

    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t last = tree->leaves - 1;
        const uint32_t leaf = leaves[r] < last ? leaves[r] : last;
        const size_t from = tree->values + (size_t)leaf * width;

        for (uint32_t k = 0; k < width; k++) {
            const size_t to = (one ? tree->output : k) * stride + r;
            const double value = value_at(forest, from + k);

            if (as_float) {
                ((float *)sums)[to] += (float)value;
            }
            else {
                double *sum = (double *)sums + to;

                *sum = mlscore_forest_combine(header, *sum, value);
            }
        }
    }
}

/* Leaves of a tree of masks. */
static void add_masks_leaves(const mlscore_forest *forest,
                             const forest_tree *tree, const uint32_t *leaves,
                             uint32_t rows, void *sums, size_t stride)
{
    if (tree->payload != FOREST_PAYLOAD_ONE || forest->header->combine) {
        add_any(forest, tree, leaves, rows, sums, stride);
        return;
    }
    if (!float_sums(forest)) {
        const double *values = forest->leaf_doubles + tree->values;
        double *to = (double *)sums + tree->output * stride;

#if defined(__x86_64__)
        if (forest->level == MLSCORE_CPU_AVX512 && tree->words == 1 &&
            stride >= FOREST_BLOCK) {
            mlscore_forest_add_double_avx512(values, leaves, rows, to);
            return;
        }
#endif
        for (uint32_t r = 0; r < rows; r++) {
            to[r] += values[leaves[r]];
        }
        return;
    }
    const float *values = forest->leaf_floats + tree->values;
    float *to = (float *)sums + tree->output * stride;

#if defined(__x86_64__)
    /* It adds to 16 sums at a time; a single row has no room for that. */
    if (forest->level == MLSCORE_CPU_AVX512 && tree->words == 1 &&
        stride >= FOREST_BLOCK) {
        mlscore_forest_add_avx512(values, leaves, rows, to);
        return;
    }
#endif
    for (uint32_t r = 0; r < rows; r++) {
        to[r] += values[leaves[r]];
    }
}

/* Leaves of a walk that add one double each. */
static void add_walk_doubles(const mlscore_forest *forest,
                             const forest_tree *tree, const uint32_t *leaves,
                             uint32_t rows, double *sums)
{
    const double *values = forest->leaf_doubles + tree->values;
    const uint32_t last = tree->leaves - 1;

    for (uint32_t r = 0; r < rows; r++) {
        sums[r] += values[leaves[r] < last ? leaves[r] : last];
    }
}

/* Bits of leaves of a walk: a float, or a leaf's number. */
static void add_walk_leaves(const mlscore_forest *forest,
                            const forest_tree *tree, const uint32_t *bits,
                            uint32_t rows, void *sums, size_t stride)
{
    const int one = tree->payload == FOREST_PAYLOAD_ONE;
    const size_t to = tree->output * stride;

    if (!one || forest->header->sum != MLSCORE_FOREST_SUM_FLOAT) {
        if (one && forest->header->combine == 0) {
            add_walk_doubles(forest, tree, bits, rows, (double *)sums + to);
        }
        else {
            add_any(forest, tree, bits, rows, sums, stride);
        }
        return;
    }
    for (uint32_t r = 0; r < rows; r++) {
        float value;

        memcpy(&value, &bits[r], sizeof(value));
        if (float_sums(forest)) {
            ((float *)sums)[to + r] += value;
        }
        else {
            double *sum = (double *)sums + to + r;

            *sum = mlscore_forest_combine(forest->header, *sum, value);
        }
    }
}

static void add_general(const mlscore_forest *forest, const forest_tree *tree,
                        const void *features, size_t row, void *sums,
                        size_t stride, uint32_t r)
{
    const forest_general_node *leaf =
        mlscore_forest_general_leaf(forest, tree, features, row);
    const forest_value *values = forest->sparse + leaf->pool;

    for (uint32_t i = 0; i < leaf->pool_count; i++) {
        const size_t to = values[i].output * stride + r;

        if (float_sums(forest)) {
            ((float *)sums)[to] += (float)values[i].value;
        }
        else {
            double *sum = (double *)sums + to;

            *sum = mlscore_forest_combine(forest->header, *sum,
                                          values[i].value);
        }
    }
}

static void clear_sums(const mlscore_forest *forest, void *sums, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (float_sums(forest)) {
            ((float *)sums)[i] = 0;
        }
        else {
            ((double *)sums)[i] = forest->header->combine ? NAN : 0.0;
        }
    }
}

static void store_sums(const mlscore_forest *forest, const void *sums,
                       size_t stride, uint32_t rows, double *out)
{
    const uint32_t outputs = forest->header->output_count;

    for (uint32_t k = 0; k < outputs; k++) {
        for (uint32_t r = 0; r < rows; r++) {
            double sum = float_sums(forest)
                             ? (double)((const float *)sums)[k * stride + r]
                             : ((const double *)sums)[k * stride + r];

            if (forest->header->combine && isnan(sum)) {
                sum = 0;
            }
            out[(size_t)r * outputs + k] = sum;
        }
    }
}

/* --- blocks of rows
 * ------------------------------------------------------------------ */

static void run_masks(const mlscore_forest *forest, const forest_run *run,
                      const void *features, size_t first, uint32_t rows,
                      const parts *p)
{
    const size_t size = float_sums(forest) ? sizeof(float) : sizeof(double);

    for (uint32_t start = 0; start < rows; start += FOREST_BLOCK) {
        const uint32_t left = rows - start;
        const uint32_t some = left < FOREST_BLOCK ? left : FOREST_BLOCK;
        void *sums = (char *)p->sums + start * size;

        mlscore_forest_fill_block(forest, features, first + start, some,
                                  p->columns);
        for (uint32_t g = 0; g < run->group_count; g++) {
            const forest_group *group =
                &forest->groups[run->first_group + g];

            forest->masks_leaves(forest, group, p->columns, some, p->leaves);
            for (uint32_t t = 0; t < group->tree_count; t++) {
                add_masks_leaves(forest,
                                 &forest->trees[group->first_tree + t],
                                 p->leaves + t * FOREST_BLOCK, some, sums,
                                 forest->block);
            }
        }
    }
}

static void run_block(const mlscore_forest *forest, const void *features,
                      size_t first, uint32_t rows, double *out,
                      const parts *p)
{
    const size_t width = mlscore_forest_row_width(forest);

    clear_sums(forest, p->sums,
               (size_t)forest->header->output_count * forest->block);
    for (uint32_t r = 0; forest->has_walk && r < rows; r++) {
        mlscore_forest_fill_row(forest, features, first + r,
                                p->rows + r * width);
    }
    for (uint32_t i = 0; i < forest->run_count; i++) {
        const forest_run *run = &forest->runs[i];
        const forest_tree *tree = forest->trees + run->first_tree;
        const forest_tree *end = tree + run->tree_count;

        switch (run->class_) {
        case FOREST_CLASS_MASKS:
            run_masks(forest, run, features, first, rows, p);
            break;
        case FOREST_CLASS_WALK:
            for (; tree < end; tree++) {
                mlscore_forest_walk_rows(forest, tree, p->rows, width, rows, 0,
                                         p->leaves);
                add_walk_leaves(forest, tree, p->leaves, rows, p->sums,
                                forest->block);
            }
            break;
        default:
            for (; tree < end; tree++) {
                for (uint32_t r = 0; r < rows; r++) {
                    add_general(forest, tree, features, first + r, p->sums,
                                forest->block, r);
                }
            }
            break;
        }
    }
    store_sums(forest, p->sums, forest->block, rows, out);
}

/* --- one row
 * -----------------------------------------------------------------------------
 */

/* Adds a group's trees, whose remaining leaves are in words. */
static void add_words(const mlscore_forest *forest, const forest_group *group,
                      const uint32_t *words, void *sums)
{
    for (uint32_t t = 0; t < group->tree_count; t++) {
        const forest_tree *tree = &forest->trees[group->first_tree + t];
        uint32_t leaf = 0;

        for (uint32_t w = tree->words; w-- > 0;) {
            leaf = words[w] ? w * FOREST_WORD +
                                  (uint32_t)__builtin_ctz(words[w])
                            : leaf;
        }
        words += tree->words;
        add_masks_leaves(forest, tree, &leaf, 1, sums, 1);
    }
}

#if defined(__x86_64__)
/* A run of masks by registers of 16 words. Returns 0 when it cannot be. */
static int row_masks_avx512(const mlscore_forest *forest,
                            const forest_run *run, const parts *p)
{
    if (forest->level != MLSCORE_CPU_AVX512 || forest->virtual_count > 64) {
        return 0;
    }
    if (run->uniform && forest->header->combine == 0) {
        const uint32_t output = forest->trees[run->first_tree].output;

        if (float_sums(forest)) {
            float *sum = (float *)p->sums + output;

            *sum = mlscore_forest_row_sum_avx512(forest, run, p->row, *sum);
        }
        else {
            double *sum = (double *)p->sums + output;

            *sum = mlscore_forest_row_sum_double_avx512(forest, run, p->row,
                                                        *sum);
        }
        return 1;
    }
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];
        uint32_t words[FOREST_LANES];

        mlscore_forest_row_masks_avx512(forest, group, p->row, words);
        add_words(forest, group, words, p->sums);
    }
    return 1;
}
#else
static int row_masks_avx512(const mlscore_forest *forest,
                            const forest_run *run, const parts *p)
{
    (void)forest;
    (void)run;
    (void)p;
    return 0;
}
#endif

/* Trees of one word whose leaves are summed up in order: the values of a
 * group's lanes lie at equal distances. */
static float sum_words(const mlscore_forest *forest, const forest_group *group,
                       const uint32_t *words, float sum)
{
    const float *values = forest->leaf_floats + group->values;

    for (uint32_t l = 0; l < group->lane_count; l++) {
        sum += values[words[l] ? __builtin_ctz(words[l]) : 0];
        values += group->stride;
    }
    return sum;
}

static double sum_words_double(const mlscore_forest *forest,
                               const forest_group *group,
                               const uint32_t *words, double sum)
{
    const double *values = forest->leaf_doubles + group->values;

    for (uint32_t l = 0; l < group->lane_count; l++) {
        sum += values[words[l] ? __builtin_ctz(words[l]) : 0];
        values += group->stride;
    }
    return sum;
}

/* Adds a run's groups from the words of all of them. */
static void row_words(const mlscore_forest *forest, const forest_run *run,
                      const uint32_t *words, void *sums)
{
    const int is_sum = run->uniform && forest->header->combine == 0;
    const uint32_t output = forest->trees[run->first_tree].output;

    for (uint32_t g = 0; g < run->group_count; g++, words += FOREST_LANES) {
        const forest_group *group = &forest->groups[run->first_group + g];
        const int one_word = group->tree_count == group->lane_count;

        if (is_sum && one_word && float_sums(forest)) {
            float *sum = (float *)sums + output;

            *sum = sum_words(forest, group, words, *sum);
        }
        else if (is_sum && one_word) {
            double *sum = (double *)sums + output;

            *sum = sum_words_double(forest, group, words, *sum);
        }
        else {
            add_words(forest, group, words, sums);
        }
    }
}

static void row_quick(const mlscore_forest *forest, const forest_run *run,
                      const parts *p)
{
    const uint32_t *words =
        mlscore_forest_quick_leaves(forest, run, p->row, p->quick);

#if defined(__x86_64__)
    if (forest->level == MLSCORE_CPU_AVX512 && run->uniform &&
        forest->header->combine == 0) {
        const uint32_t output = forest->trees[run->first_tree].output;

        if (float_sums(forest)) {
            float *sum = (float *)p->sums + output;

            *sum = mlscore_forest_words_sum_avx512(forest, run, words, *sum);
        }
        else {
            double *sum = (double *)p->sums + output;

            *sum = mlscore_forest_words_sum_double_avx512(forest, run, words,
                                                          *sum);
        }
        return;
    }
#endif
    row_words(forest, run, words, p->sums);
}

/* A leaf's number, held inside the tree's values. */
static uint32_t held_inside(const forest_tree *tree, uint32_t leaf)
{
    return leaf < tree->leaves ? leaf : 0;
}

/* Adds the trees of a run from a buffer of leaf bits. */
static void row_walk(const mlscore_forest *forest, const forest_run *run,
                     const parts *p)
{
    uint32_t bits[FOREST_WINDOW];

    for (uint32_t start = 0; start < run->tree_count; start += FOREST_WINDOW) {
        const forest_tree *trees = forest->trees + run->first_tree + start;
        const uint32_t left = run->tree_count - start;
        const uint32_t count = left < FOREST_WINDOW ? left : FOREST_WINDOW;

        mlscore_forest_walk_run(forest, run, p->row, start, bits);
        if (run->uniform && float_sums(forest)) {
            float *sum = (float *)p->sums + trees[0].output;

            for (uint32_t t = 0; t < count; t++) {
                float value;

                memcpy(&value, &bits[t], sizeof(value));
                *sum += value;
            }
            continue;
        }
        if (run->uniform && forest->header->combine == 0) {
            double *sum = (double *)p->sums + trees[0].output;

            for (uint32_t t = 0; t < count; t++) {
                *sum += forest->leaf_doubles[trees[t].values +
                                             held_inside(&trees[t], bits[t])];
            }
            continue;
        }
        for (uint32_t t = 0; t < count; t++) {
            add_walk_leaves(forest, &trees[t], &bits[t], 1, p->sums, 1);
        }
    }
}

/* A run of masks that can neither be held in registers nor be walked: as the
 * only row of a block. */
static void row_masks(const mlscore_forest *forest, const forest_run *run,
                      const void *features, size_t row, const parts *p)
{
    mlscore_forest_fill_block(forest, features, row, 1, p->columns);
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        forest->masks_leaves(forest, group, p->columns, 1, p->leaves);
        for (uint32_t t = 0; t < group->tree_count; t++) {
            /* Not by vectors: sums are next to each other here. */
            add_any(forest, &forest->trees[group->first_tree + t],
                    p->leaves + t * FOREST_BLOCK, 1, p->sums, 1);
        }
    }
}

static void run_row(const mlscore_forest *forest, const void *features,
                    size_t row, double *out, const parts *p)
{
    clear_sums(forest, p->sums, forest->header->output_count);
    mlscore_forest_fill_row(forest, features, row, p->row);
    for (uint32_t i = 0; i < forest->run_count; i++) {
        const forest_run *run = &forest->runs[i];

        if (run->class_ == FOREST_CLASS_MASKS &&
            row_masks_avx512(forest, run, p)) {
            continue;
        }
        if (run->quick_count) {
            row_quick(forest, run, p);
        }
        else if (run->walkable) {
            row_walk(forest, run, p);
        }
        else if (run->class_ == FOREST_CLASS_MASKS) {
            row_masks(forest, run, features, row, p);
        }
        else {
            for (uint32_t t = 0; t < run->tree_count; t++) {
                const forest_tree *tree = &forest->trees[run->first_tree + t];

                if (run->class_ == FOREST_CLASS_WALK) {
                    uint32_t bits;

                    mlscore_forest_walk_rows(forest, tree, p->row, 0, 1, 0,
                                             &bits);
                    add_walk_leaves(forest, tree, &bits, 1, p->sums, 1);
                }
                else {
                    add_general(forest, tree, features, row, p->sums, 1, 0);
                }
            }
        }
    }
    store_sums(forest, p->sums, 1, 1, out);
}

void mlscore_forest_run(const mlscore_forest *forest, const void *features,
                        size_t rows, double *out, void *scratch)
{
    const parts p = split(forest, scratch);
    const uint32_t outputs = forest->header->output_count;

    for (size_t first = 0; first < rows;) {
        const size_t left = rows - first;

        if (left <= forest->few) {
            run_row(forest, features, first, out + first * outputs, &p);
            first++;
            continue;
        }
        const uint32_t some =
            left < forest->block ? (uint32_t)left : forest->block;

        run_block(forest, features, first, some, out + first * outputs, &p);
        first += some;
    }
}

/* --- leaves
 * ---------------------------------------------------------------------------
 */

static void masks_numbers(const mlscore_forest *forest, const forest_run *run,
                          const void *features, size_t first, uint32_t rows,
                          uint32_t *out, const parts *p)
{
    const size_t trees = forest->header->tree_count;

    mlscore_forest_fill_block(forest, features, first, rows, p->columns);
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        forest->masks_leaves(forest, group, p->columns, rows, p->leaves);
        for (uint32_t t = 0; t < group->tree_count; t++) {
            const uint32_t number = group->first_tree + t;
            const forest_tree *tree = &forest->trees[number];
            const uint32_t last = tree->leaves - 1;

            for (uint32_t r = 0; r < rows; r++) {
                const uint32_t leaf = p->leaves[t * FOREST_BLOCK + r];

                out[(first + r) * trees + number] =
                    forest->numbers[tree->numbers +
                                    (leaf < last ? leaf : last)];
            }
        }
    }
}

static void tree_numbers(const mlscore_forest *forest, uint32_t number,
                         const void *features, size_t first, uint32_t rows,
                         uint32_t *out, const parts *p)
{
    const size_t trees = forest->header->tree_count;
    const forest_tree *tree = &forest->trees[number];
    const size_t width = mlscore_forest_row_width(forest);

    if (tree->class_ == FOREST_CLASS_WALK) {
        mlscore_forest_walk_rows(forest, tree, p->rows, width, rows, 1,
                                 p->leaves);
    }
    for (uint32_t r = 0; r < rows; r++) {
        out[(first + r) * trees + number] =
            tree->class_ == FOREST_CLASS_WALK
                ? forest->numbers[tree->numbers + p->leaves[r]]
                : mlscore_forest_general_leaf(forest, tree, features,
                                              first + r)
                      ->number;
    }
}

void mlscore_forest_leaves(const mlscore_forest *forest, const void *features,
                           size_t rows, uint32_t *out, void *scratch)
{
    const parts p = split(forest, scratch);
    const size_t width = mlscore_forest_row_width(forest);

    for (size_t first = 0; first < rows; first += FOREST_BLOCK) {
        const size_t left = rows - first;
        const uint32_t some =
            left < FOREST_BLOCK ? (uint32_t)left : FOREST_BLOCK;

        for (uint32_t r = 0; forest->has_walk && r < some; r++) {
            mlscore_forest_fill_row(forest, features, first + r,
                                    p.rows + r * width);
        }
        for (uint32_t i = 0; i < forest->run_count; i++) {
            const forest_run *run = &forest->runs[i];

            if (run->class_ == FOREST_CLASS_MASKS) {
                masks_numbers(forest, run, features, first, some, out, &p);
                continue;
            }
            for (uint32_t t = 0; t < run->tree_count; t++) {
                tree_numbers(forest, run->first_tree + t, features, first,
                             some, out, &p);
            }
        }
    }
}
