/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree evaluator against an oracle that walks the trees as they were
 * described, one row and one tree at a time: the same bits must come out.
 */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eval/forest.h"
#include "eval/forest_plan.h"

/* What a random forest is made of. */
typedef struct recipe {
    const char *name;
    mlscore_forest_options options;
    uint32_t trees;
    uint32_t leaves;     /* at most, per tree */
    int splits;          /* 0: <= only, 1: any order, 2: any kind and sets */
    int missing;         /* may missing values go left? */
    int values;          /* 1: one output a tree; 2: all outputs; 3: any */
    int chain;           /* deep and thin */
    int finite;          /* no threshold is odd, so that cuts have buckets */
} recipe;

typedef struct oracle_node {
    int leaf;
    uint32_t feature, left, right;
    mlscore_split split;
    double threshold;
    int missing_left;
    uint32_t bits[4];
    size_t bit_count;
    uint32_t outputs[8];
    double values[8];
    size_t count;
} oracle_node;

typedef struct oracle_tree {
    oracle_node *nodes;
    uint32_t count;
} oracle_tree;

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

/* Few distinct numbers, so that equality and ties happen. */
static double random_number(const recipe *r)
{
    static const double odd[] = {0.0,      -0.0,   1e-40,    -1e-40,
                                 INFINITY, -INFINITY, 3e38, -3e38};
    const uint32_t pick = random_below(40);

    const double value =
        pick < 8    ? odd[pick]
        : pick < 20 ? (double)random_below(9) - 2.0
                    : ((double)random_below(1u << 30) - 5e8) / 1e8;

    return r->options.number == MLSCORE_FOREST_FLOAT ? (float)value : value;
}

static void random_leaf(const recipe *r, oracle_node *node, uint32_t output)
{
    node->leaf = 1;
    node->count = 0;
    if (r->values == 1) {
        node->count = 1;
        node->outputs[0] = output;
    }
    else if (r->values == 2) {
        for (uint32_t k = 0; k < r->options.output_count; k++) {
            node->outputs[node->count++] = k;
        }
    }
    else {
        for (uint32_t k = random_below(4); k > 0; k--) {
            node->outputs[node->count++] =
                random_below(r->options.output_count);
        }
    }
    for (size_t i = 0; i < node->count; i++) {
        node->values[i] = ((double)random_below(2000001) - 1e6) / 1e3;
        if (r->options.sum == MLSCORE_FOREST_SUM_FLOAT) {
            node->values[i] = (float)node->values[i];
        }
    }
}

static void random_split(const recipe *r, oracle_node *node)
{
    node->leaf = 0;
    node->feature = random_below(r->options.feature_count);
    node->threshold = random_number(r);
    if (r->finite && !(fabs(node->threshold) < 1e3)) {
        node->threshold = 0.5;
    }
    node->missing_left = r->missing && random_below(2);
    node->split = MLSCORE_SPLIT_LE;
    if (r->splits == 1) {
        node->split = (mlscore_split)random_below(4);
    }
    else if (r->splits == 2) {
        node->split = (mlscore_split)random_below(7);
    }
    if (node->split == MLSCORE_SPLIT_IN) {
        node->bit_count = random_below(100);
        for (int i = 0; i < 4; i++) {
            node->bits[i] = random_below(1u << 30) * 5u;
        }
    }
}

/* Grow by splitting a random leaf; nodes get shuffled numbers in the end. */
static oracle_tree random_tree(const recipe *r, uint32_t number)
{
    const uint32_t leaves = 1 + random_below(r->leaves);
    oracle_tree tree = {calloc(2 * leaves, sizeof(oracle_node)), 1};
    const uint32_t output = number % r->options.output_count;
    uint32_t last = 0;

    random_leaf(r, &tree.nodes[0], output);
    while (tree.count < 2 * leaves - 1) {
        uint32_t pick = r->chain ? last : random_below(tree.count);

        while (!tree.nodes[pick].leaf) {
            pick = (pick + 1) % tree.count;
        }
        random_split(r, &tree.nodes[pick]);
        tree.nodes[pick].left = tree.count;
        tree.nodes[pick].right = tree.count + 1;
        last = tree.count + random_below(2);
        random_leaf(r, &tree.nodes[tree.count++], output);
        random_leaf(r, &tree.nodes[tree.count++], output);
    }
    for (uint32_t i = 1; i + 1 < tree.count; i++) {
        const uint32_t j = i + random_below(tree.count - i);
        const oracle_node swap = tree.nodes[i];

        tree.nodes[i] = tree.nodes[j];
        tree.nodes[j] = swap;
        for (uint32_t k = 0; k < tree.count; k++) {
            uint32_t *children[2] = {&tree.nodes[k].left,
                                     &tree.nodes[k].right};

            for (int c = 0; !tree.nodes[k].leaf && c < 2; c++) {
                *children[c] = *children[c] == i   ? j
                               : *children[c] == j ? i
                                                   : *children[c];
            }
        }
    }
    return tree;
}

static int oracle_left(const oracle_node *node, double value)
{
    if (isnan(value)) {
        return node->missing_left;
    }
    switch (node->split) {
    case MLSCORE_SPLIT_LE:
        return value <= node->threshold;
    case MLSCORE_SPLIT_LT:
        return value < node->threshold;
    case MLSCORE_SPLIT_GE:
        return value >= node->threshold;
    case MLSCORE_SPLIT_GT:
        return value > node->threshold;
    case MLSCORE_SPLIT_EQ:
        return value == node->threshold;
    case MLSCORE_SPLIT_NE:
        return value != node->threshold;
    default:
        break;
    }
    if (!(value >= 0) || value >= (double)node->bit_count) {
        return 0;
    }
    const uint32_t bit = (uint32_t)value;

    return node->bits[bit / 32] >> bit % 32 & 1;
}

static uint32_t oracle_leaf(const oracle_tree *tree, const double *row)
{
    uint32_t at = 0;

    while (!tree->nodes[at].leaf) {
        const oracle_node *node = &tree->nodes[at];

        at = oracle_left(node, row[node->feature]) ? node->left : node->right;
    }
    return at;
}

static void oracle_run(const recipe *r, const oracle_tree *trees,
                       const double *row, double *out)
{
    int seen[64] = {0};

    for (uint32_t k = 0; k < r->options.output_count; k++) {
        out[k] = 0;
    }
    for (uint32_t t = 0; t < r->trees; t++) {
        const oracle_node *leaf =
            &trees[t].nodes[oracle_leaf(&trees[t], row)];

        for (size_t i = 0; i < leaf->count; i++) {
            double *sum = &out[leaf->outputs[i]];
            const double value = leaf->values[i];

            if (r->options.combine == 0) {
                *sum = r->options.sum == MLSCORE_FOREST_SUM_FLOAT
                           ? (double)((float)*sum + (float)value)
                           : *sum + value;
            }
            else if (!seen[leaf->outputs[i]]++ ||
                     (r->options.combine == 1 ? value < *sum : value > *sum)) {
                *sum = value;
            }
        }
    }
}

static void *build(const recipe *r, const oracle_tree *trees, size_t *size)
{
    mlscore_forest_builder *builder;
    mlscore_error err;
    void *bytes;

    assert_int_equal(
        mlscore_forest_builder_create(&builder, &r->options, &err), 0);
    for (uint32_t t = 0; t < r->trees; t++) {
        assert_int_equal(mlscore_forest_tree(builder, trees[t].count, &err),
                         0);
        for (uint32_t i = 0; i < trees[t].count; i++) {
            const oracle_node *node = &trees[t].nodes[i];
            mlscore_status status;

            if (node->leaf) {
                status = mlscore_forest_leaf(builder, i, node->outputs,
                                             node->values, node->count, &err);
            }
            else if (node->split == MLSCORE_SPLIT_IN) {
                status = mlscore_forest_split_set(
                    builder, i, node->feature, node->bits, node->bit_count,
                    node->left, node->right, node->missing_left, &err);
            }
            else {
                status = mlscore_forest_split(
                    builder, i, node->feature, node->split, node->threshold,
                    node->left, node->right, node->missing_left, &err);
            }
            assert_int_equal(status, 0);
        }
    }
    if (mlscore_forest_builder_finish(builder, &bytes, size, &err)) {
        fail_msg("finish: %s", err.message);
    }
    mlscore_forest_builder_free(builder);
    return bytes;
}

static void check_rows(const recipe *r, const oracle_tree *trees,
                       const mlscore_forest *forest, size_t rows, int plain)
{
    const uint32_t width = r->options.feature_count;
    const uint32_t outputs = r->options.output_count;
    double *numbers = malloc(rows * width * sizeof(double) + 1);
    float *floats = malloc(rows * width * sizeof(float) + 1);
    double *out = malloc(rows * outputs * sizeof(double) + 1);
    uint32_t *leaves = malloc(rows * r->trees * sizeof(uint32_t) + 1);
    void *scratch = aligned_alloc(
        64, (mlscore_forest_scratch(forest) + 63) / 64 * 64);
    double expected[64];

    for (size_t i = 0; i < rows * width; i++) {
        numbers[i] = random_below(6) ? random_number(r) : NAN;
        floats[i] = (float)numbers[i];
    }
    const void *features = r->options.number == MLSCORE_FOREST_FLOAT
                               ? (const void *)floats
                               : (const void *)numbers;

    if (plain) {
        mlscore_forest_run_plain(forest, features, rows, out, leaves, scratch);
    }
    else {
        mlscore_forest_run(forest, features, rows, out, scratch);
        mlscore_forest_leaves(forest, features, rows, leaves, scratch);
    }
    for (size_t row = 0; row < rows; row++) {
        oracle_run(r, trees, numbers + row * width, expected);
        for (uint32_t k = 0; k < outputs; k++) {
            if (out[row * outputs + k] != expected[k]) {
                fail_msg("%s: row %zu of %zu, output %u: %.17g, not %.17g",
                         r->name, row, rows, k, out[row * outputs + k],
                         expected[k]);
            }
        }
        for (uint32_t t = 0; t < r->trees; t++) {
            assert_int_equal(leaves[row * r->trees + t],
                             oracle_leaf(&trees[t], numbers + row * width));
        }
    }
    free(numbers);
    free(floats);
    free(out);
    free(leaves);
    free(scratch);
}

static const recipe recipes[] = {
    {"small float", {5, 1, 0, 0, 0}, 20, 31, 0, 0, 1, 0, 0},
    {"small float, missing left", {5, 1, 0, 0, 0}, 33, 31, 0, 1, 1, 0, 0},
    {"small float, any order", {40, 1, 0, 0, 0}, 70, 32, 1, 1, 1, 0, 0},
    {"small float, double sums", {5, 1, 0, 1, 0}, 20, 31, 1, 1, 1, 0, 0},
    {"64 leaves", {9, 1, 0, 0, 0}, 25, 64, 1, 1, 1, 0, 0},
    {"small double", {7, 1, 1, 1, 0}, 40, 31, 0, 1, 1, 0, 0},
    {"double, float sums", {7, 1, 1, 0, 0}, 40, 31, 1, 1, 1, 0, 0},
    {"stumps", {4, 1, 0, 0, 0}, 50, 2, 1, 1, 1, 0, 0},
    {"many leaves", {12, 1, 0, 0, 0}, 6, 900, 1, 1, 1, 0, 0},
    {"many leaves, double", {12, 1, 1, 1, 0}, 6, 900, 1, 1, 1, 0, 0},
    {"chains", {6, 1, 0, 0, 0}, 9, 200, 1, 1, 1, 1, 0},
    {"one tree an output", {8, 5, 0, 0, 0}, 41, 31, 1, 1, 1, 0, 0},
    {"one tree an output, double", {8, 3, 1, 1, 0}, 41, 40, 1, 1, 1, 0, 0},
    {"all outputs", {8, 4, 0, 0, 0}, 17, 50, 1, 1, 2, 0, 0},
    {"any outputs", {8, 6, 0, 1, 0}, 17, 50, 1, 1, 3, 0, 0},
    {"any split", {8, 1, 0, 0, 0}, 30, 31, 2, 1, 1, 0, 0},
    {"any split, few leaves", {8, 1, 0, 0, 0}, 90, 5, 2, 1, 1, 0, 0},
    {"any split, many leaves", {8, 1, 1, 1, 0}, 8, 400, 2, 1, 1, 0, 0},
    {"small and large", {8, 1, 0, 0, 0}, 70, 250, 1, 1, 1, 0, 0},
    {"mixed sizes", {60, 1, 1, 1, 0}, 70, 128, 1, 1, 1, 0, 0},
    {"all outputs, large", {8, 3, 1, 1, 0}, 9, 300, 1, 1, 2, 0, 0},
    {"any split, double", {8, 3, 1, 1, 0}, 30, 60, 2, 1, 3, 0, 0},
    {"minimum", {8, 3, 0, 0, 1}, 30, 31, 1, 1, 1, 0, 0},
    {"maximum", {8, 3, 0, 1, 2}, 30, 31, 2, 1, 3, 0, 0},
    {"one leaf", {1, 1, 0, 0, 0}, 3, 1, 0, 0, 1, 0, 0},
    {"no tree", {1, 2, 0, 0, 0}, 0, 1, 0, 0, 1, 0, 0},
    {"by cuts, with marks", {3, 1, 0, 0, 0}, 150, 31, 1, 1, 1, 0, 0},
    {"double, many cuts", {2, 1, 1, 1, 0}, 9, 700, 1, 1, 1, 0, 1},
    {"by cuts, double, many cuts", {3, 1, 1, 1, 0}, 90, 31, 1, 1, 1, 0, 1},
    {"by cuts, double", {3, 1, 1, 1, 0}, 120, 64, 1, 1, 1, 0, 0},
    {"by cuts, some of many words", {5, 1, 0, 0, 0}, 100, 128, 1, 1, 1, 0, 0},
    {"by cuts, all outputs", {5, 3, 0, 1, 0}, 90, 40, 1, 1, 2, 0, 0},
    {"by cuts, one output a tree", {5, 3, 0, 0, 0}, 90, 40, 1, 1, 1, 0, 0},
    {"by cuts and sets", {6, 1, 0, 0, 0}, 120, 31, 2, 1, 1, 0, 0},
    {"by cuts, minimum", {6, 2, 0, 0, 1}, 80, 31, 1, 1, 1, 0, 0},
    {"by cuts, more features than registers", {90, 1, 0, 0, 0}, 90, 31, 1, 1,
     1, 0, 0},
    {"wide", {70000, 1, 0, 0, 0}, 12, 60, 1, 1, 1, 0, 0},
};

static void test_every_kind_of_forest_agrees_with_the_oracle(void **state)
{
    static const size_t row_counts[] = {0, 1, 2, 7, 16, 33, 300};

    (void)state;
    for (size_t i = 0; i < sizeof(recipes) / sizeof(*recipes); i++) {
        const recipe *r = &recipes[i];

        for (int seed = 0; seed < 6; seed++) {
            oracle_tree *trees = calloc(r->trees + 1, sizeof(*trees));
            mlscore_forest *forest;
            mlscore_error err;
            size_t size, size2;

            random_state = i * 1000 + (uint64_t)seed;
            for (uint32_t t = 0; t < r->trees; t++) {
                trees[t] = random_tree(r, t);
            }
            void *bytes = build(r, trees, &size);
            void *again = build(r, trees, &size2);

            assert_int_equal(size, size2);
            assert_memory_equal(bytes, again, size);
            if (mlscore_forest_open(&forest, bytes, size, &err)) {
                fail_msg("%s: open: %s", r->name, err.message);
            }
            assert_int_equal(mlscore_forest_trees(forest), r->trees);
            const size_t counts = r->options.feature_count > 1000 ? 4 : 7;

            for (size_t c = 0; c < counts; c++) {
                check_rows(r, trees, forest, row_counts[c], 1);
                /* With every set of instructions that the machine has. */
                for (int level = MLSCORE_CPU_PLAIN;
                     level <= MLSCORE_CPU_AVX512; level++) {
                    mlscore_forest_limit(forest, (mlscore_cpu)level);
                    check_rows(r, trees, forest, row_counts[c], 0);
                }
            }
            mlscore_forest_free(forest);
            free(bytes);
            free(again);
            for (uint32_t t = 0; t < r->trees; t++) {
                free(trees[t].nodes);
            }
            free(trees);
        }
    }
}

/* --- what the builder refuses --------------------------------------------- */

typedef struct bad_node {
    uint32_t number, feature, left, right;
    uint32_t output; /* of a leaf; a split when NO_LEAF */
} bad_node;

enum { NO_LEAF = 1000 };

static const struct {
    const char *name;
    uint32_t node_count;
    bad_node nodes[4];
    size_t set;
    const char *message; /* part of it */
} bad_trees[] = {
    {"no nodes", 0, {{0}}, 0, "no nodes"},
    {"a node twice", 3,
     {{0, 0, 1, 2, NO_LEAF}, {1, 0, 0, 0, 0}, {1, 0, 0, 0, 0}}, 3, "twice"},
    {"a node outside", 1, {{1, 0, 0, 0, 0}}, 1, "no node 1"},
    {"a feature outside", 3, {{0, 2, 1, 2, NO_LEAF}}, 1, "feature 2"},
    {"a child outside", 3, {{0, 0, 1, 3, NO_LEAF}}, 1, "child 3"},
    {"an output outside", 1, {{0, 0, 0, 0, 1}}, 1, "output 1"},
    {"a node missing", 3, {{0, 0, 1, 2, NO_LEAF}, {1, 0, 0, 0, 0}}, 2,
     "not described"},
    {"two parents", 3, {{0, 0, 1, 1, NO_LEAF}, {1, 0, 0, 0, 0}}, 2,
     "two parents"},
    {"a loop", 2, {{0, 0, 1, 0, NO_LEAF}, {1, 0, 0, 0, 0}}, 2, "two parents"},
    {"a node not reached", 2, {{0, 0, 0, 0, 0}, {1, 0, 0, 0, 0}}, 2,
     "not reached"},
};

static mlscore_status build_bad(size_t which, mlscore_error *err)
{
    const mlscore_forest_options options = {2, 1, 0, 0, 0};
    mlscore_forest_builder *builder;
    const double one = 1;
    void *bytes = NULL;
    size_t size;

    assert_int_equal(mlscore_forest_builder_create(&builder, &options, err),
                     0);
    mlscore_status status =
        mlscore_forest_tree(builder, bad_trees[which].node_count, err);

    for (size_t i = 0; i < bad_trees[which].set && status == 0; i++) {
        const bad_node *node = &bad_trees[which].nodes[i];

        status = node->output == NO_LEAF
                     ? mlscore_forest_split(builder, node->number,
                                            node->feature, MLSCORE_SPLIT_LT,
                                            0.5, node->left, node->right, 0,
                                            err)
                     : mlscore_forest_leaf(builder, node->number,
                                           &node->output, &one, 1, err);
    }
    if (status == 0) {
        status = mlscore_forest_builder_finish(builder, &bytes, &size, err);
    }
    mlscore_forest_builder_free(builder);
    free(bytes);
    return status;
}

static void test_builder_refuses_what_is_not_a_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_trees) / sizeof(*bad_trees); i++) {
        mlscore_error err = {0};

        if (build_bad(i, &err) != MLSCORE_EFORMAT) {
            fail_msg("%s was accepted", bad_trees[i].name);
        }
        if (!strstr(err.message, bad_trees[i].message)) {
            fail_msg("%s: %s", bad_trees[i].name, err.message);
        }
    }
}

/* --- damaged sections ----------------------------------------------------- */

/* Every truncation is refused or harmless; so is every damaged byte. */
static void test_damaged_sections_never_reach_outside(void **state)
{
    /* The last ones are looked up by cuts, which takes many trees. */
    static const size_t picks[] = {2, 3, 5, 8, 10, 13, 14, 15, 21, 26, 33};
    enum { MOST = 34 };

    (void)state;
    for (size_t p = 0; p < sizeof(picks) / sizeof(*picks); p++) {
        recipe r = recipes[picks[p]];

        r.trees = picks[p] > 25 ? MOST : 3;
        r.leaves = r.trees == MOST ? 3 : r.leaves > 200 ? 150 : 12;
        random_state = p;
        oracle_tree trees[MOST];

        for (uint32_t t = 0; t < r.trees; t++) {
            trees[t] = random_tree(&r, t);
        }
        size_t size;
        unsigned char *bytes = build(&r, trees, &size);
        double features[3 * 40] = {0};
        double out[3 * 64];
        uint32_t leaves[9];

        for (size_t at = 0; at < 2 * size; at++) {
            const size_t length = at < size ? at : size;
            unsigned char *copy =
                aligned_alloc(64, (length + 63) / 64 * 64 + 64);
            mlscore_forest *forest;

            memcpy(copy, bytes, length);
            if (at >= size) {
                copy[at - size] ^= (unsigned char)(1u << random_below(8));
            }
            if (mlscore_forest_open(&forest, copy, length, NULL) == 0) {
                void *scratch = aligned_alloc(
                    64, (mlscore_forest_scratch(forest) + 63) / 64 * 64);

                if (mlscore_forest_features(forest) <= 40 &&
                    mlscore_forest_outputs(forest) <= 64) {
                    mlscore_forest_run(forest, features, 3, out, scratch);
                    mlscore_forest_limit(forest, MLSCORE_CPU_PLAIN);
                    mlscore_forest_run(forest, features, 3, out, scratch);
                    if (mlscore_forest_trees(forest) <= 3) {
                        mlscore_forest_leaves(forest, features, 3, leaves,
                                              scratch);
                    }
                }
                free(scratch);
                mlscore_forest_free(forest);
            }
            free(copy);
        }
        free(bytes);
        for (uint32_t t = 0; t < r.trees; t++) {
            free(trees[t].nodes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_forest_agrees_with_the_oracle),
        cmocka_unit_test(test_builder_refuses_what_is_not_a_tree),
        cmocka_unit_test(test_damaged_sections_never_reach_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
