/* SPDX-License-Identifier: Apache-2.0 */
/* Forests. An even first byte: the rest describes trees; they are packed, and
 * every kernel must give the bits of the plain one. An odd one: the rest is a
 * packed section, which must be refused or evaluate safely. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/forest.h"
#include "eval/forest_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FEATURES = 7, OUTPUTS = 3, ROWS = 19, MOST_TREES = 48 };

/* Bytes as choices; 0 when they run out. */
typedef struct choices {
    const uint8_t *bytes;
    size_t left;
} choices;

static uint32_t choose(choices *c, uint32_t bound)
{
    if (c->left == 0) {
        return 0;
    }
    c->left--;
    return *c->bytes++ % bound;
}

static double choose_number(choices *c)
{
    static const double odd[] = {0,        -0.0, INFINITY, -INFINITY,
                                 1e-40,    3e38, NAN,      1e300};
    const uint32_t pick = choose(c, 32);

    return pick < 8 ? odd[pick] : (double)pick - 20.5 + choose(c, 4) / 4.0;
}

static mlscore_status split(choices *c, mlscore_forest_builder *builder,
                            uint32_t at, uint32_t children)
{
    const uint32_t kind = choose(c, 14);
    const uint32_t feature = choose(c, FEATURES);
    const uint32_t bits[3] = {choose(c, 256), choose(c, 256) << 24,
                              choose(c, 256)};

    if (kind >= 12) {
        return mlscore_forest_split_set(builder, at, feature, bits,
                                        choose(c, 96), children, children + 1,
                                        (int)choose(c, 2), NULL);
    }
    return mlscore_forest_split(builder, at, feature,
                                (mlscore_split)(kind % 6), choose_number(c),
                                children, children + 1, (int)choose(c, 2),
                                NULL);
}

/* A tree grown breadth-first: node n splits as long as there is room. */
static mlscore_status tree(choices *c, mlscore_forest_builder *builder,
                           int style)
{
    /* Small trees leave bytes for many, which are looked up by cuts. */
    const uint32_t leaves = 1 + choose(c, choose(c, 2) ? 200 : 6);
    const uint32_t output = choose(c, OUTPUTS);
    uint32_t next = 1;
    mlscore_status status =
        mlscore_forest_tree(builder, 2 * leaves - 1, NULL);

    for (uint32_t i = 0; i < 2 * leaves - 1 && status == MLSCORE_OK; i++) {
        if (next < 2 * leaves - 1 && (i + 1 == next || choose(c, 4))) {
            status = split(c, builder, i, next);
            next += 2;
            continue;
        }
        const uint32_t to[OUTPUTS] = {style == 0 ? output : 0, 1, 2};
        const double values[OUTPUTS] = {choose_number(c), 1, -2};
        const size_t count = style == 0 ? 1 : style == 1 ? OUTPUTS
                                                         : choose(c, 4);

        status = mlscore_forest_leaf(builder, i, to, values, count, NULL);
    }
    return status;
}

static void same(const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) {
            fprintf(stderr, "kernels differ: %.17g, %.17g\n", a[i], b[i]);
            abort();
        }
    }
}

static void compare(choices *c, mlscore_forest *forest, int is_double)
{
    const size_t trees = mlscore_forest_trees(forest);
    void *scratch = aligned_alloc(
        64, (mlscore_forest_scratch(forest) + 63) & ~(size_t)63);
    uint32_t *leaves = calloc(2 * ROWS * trees + 1, sizeof(*leaves));
    double numbers[ROWS * FEATURES], expected[ROWS * OUTPUTS];
    double out[ROWS * OUTPUTS];
    float floats[ROWS * FEATURES];

    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        numbers[i] = choose_number(c);
        floats[i] = (float)numbers[i];
    }
    const void *rows = is_double ? (void *)numbers : (void *)floats;

    mlscore_forest_run_plain(forest, rows, ROWS, expected, leaves, scratch);
    for (int level = 0; level <= MLSCORE_CPU_AVX512; level++) {
        mlscore_forest_limit(forest, (mlscore_cpu)level);
        mlscore_forest_run(forest, rows, ROWS, out, scratch);
        same(expected, out, ROWS * OUTPUTS);
        mlscore_forest_run(forest, rows, 1, out, scratch);
        same(expected, out, OUTPUTS);
        mlscore_forest_leaves(forest, rows, ROWS, leaves + ROWS * trees,
                              scratch);
        if (memcmp(leaves, leaves + ROWS * trees,
                   ROWS * trees * sizeof(*leaves)) != 0) {
            fprintf(stderr, "leaves differ\n");
            abort();
        }
    }
    free(leaves);
    free(scratch);
}

static void described(choices *c)
{
    const mlscore_forest_options options = {
        .feature_count = FEATURES,
        .output_count = OUTPUTS,
        .number = (mlscore_forest_number)choose(c, 2),
        .sum = (mlscore_forest_sum)choose(c, 2),
        .combine = (int)choose(c, 3)};
    const int style = (int)choose(c, 3);
    mlscore_forest_builder *builder;
    mlscore_forest *forest;
    mlscore_error err;
    void *bytes;
    size_t size;

    if (mlscore_forest_builder_create(&builder, &options, NULL)) {
        return;
    }
    mlscore_status status = MLSCORE_OK;

    for (int t = 0; t < MOST_TREES && c->left > 0 && status == MLSCORE_OK;
         t++) {
        status = tree(c, builder, style);
    }
    if (status == MLSCORE_OK &&
        mlscore_forest_builder_finish(builder, &bytes, &size, &err) ==
            MLSCORE_OK) {
        if (mlscore_forest_open(&forest, bytes, size, &err) != MLSCORE_OK) {
            fprintf(stderr, "packed, but does not open: %s\n", err.message);
            abort();
        }
        compare(c, forest, options.number == MLSCORE_FOREST_DOUBLE);
        mlscore_forest_free(forest);
        free(bytes);
    }
    mlscore_forest_builder_free(builder);
}

static void damaged(const uint8_t *data, size_t size)
{
    unsigned char *bytes = aligned_alloc(64, (size + 64) & ~(size_t)63);
    mlscore_forest *forest;

    memcpy(bytes, data, size);
    if (mlscore_forest_open(&forest, bytes, size, NULL) == MLSCORE_OK) {
        const size_t features = mlscore_forest_features(forest);
        const size_t outputs = mlscore_forest_outputs(forest);
        const size_t trees = mlscore_forest_trees(forest);

        if (features < 10000 && outputs < 10000 && trees < 10000) {
            void *scratch = aligned_alloc(
                64, (mlscore_forest_scratch(forest) + 63) & ~(size_t)63);
            double *rows = calloc(ROWS * features + 1, sizeof(*rows));
            double *out = calloc(ROWS * outputs + 1, sizeof(*out));
            uint32_t *leaves = calloc(ROWS * trees + 1, sizeof(*leaves));

            mlscore_forest_run(forest, rows, ROWS, out, scratch);
            mlscore_forest_run(forest, rows, 1, out, scratch);
            mlscore_forest_leaves(forest, rows, ROWS, leaves, scratch);
            free(scratch);
            free(rows);
            free(out);
            free(leaves);
        }
        mlscore_forest_free(forest);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 20) {
        return 0;
    }
    if (data[0] & 1) {
        damaged(data + 1, size - 1);
    }
    else {
        choices c = {data + 1, size - 1};

        described(&c);
    }
    return 0;
}
