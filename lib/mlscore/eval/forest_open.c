/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a packed forest: checks every offset, count and index once, so that
 * evaluation can trust them.
 */

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "eval/forest_build.h"
#include "eval/forest_format.h"

static mlscore_status damaged(mlscore_error *err, const char *what)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the compiled trees are damaged: %s", what);
}

static int general_node_ok(const mlscore_forest *forest,
                           const forest_tree *tree, uint32_t at)
{
    const forest_header *header = forest->header;
    const forest_general_node *node = &forest->general[tree->first + at];

    if (node->op == FOREST_OP_LEAF) {
        return mlscore_range_inside(node->pool, node->pool_count, 1,
                                    header->arrays[FOREST_ARRAY_VALUES].count);
    }
    /* Children come after their parent: no walk can loop. */
    if (node->op > MLSCORE_SPLIT_IN || node->feature >= header->feature_count ||
        node->left <= at || node->left >= tree->node_count - 1) {
        return 0;
    }
    return node->op != MLSCORE_SPLIT_IN ||
           mlscore_range_inside(node->pool,
                                ((uint64_t)node->pool_count + 31) / 32, 1,
                                header->arrays[FOREST_ARRAY_SETS].count);
}

static mlscore_status check_trees(const mlscore_forest *forest,
                                  mlscore_error *err)
{
    const forest_header *header = forest->header;

    for (uint32_t t = 0; t < header->tree_count; t++) {
        const forest_tree *tree = &forest->trees[t];

        if (tree->node_count == 0 ||
            !mlscore_range_inside(tree->first, tree->node_count, 1,
                                  header->arrays[FOREST_ARRAY_GENERAL].count)) {
            return damaged(err, "a tree lies outside");
        }
        for (uint32_t i = 0; i < tree->node_count; i++) {
            if (!general_node_ok(forest, tree, i)) {
                return damaged(err, "a node refers outside its tree");
            }
        }
    }
    const size_t values = header->arrays[FOREST_ARRAY_VALUES].count;

    for (size_t i = 0; i < values; i++) {
        if (forest->values[i].output >= header->output_count) {
            return damaged(err, "a leaf adds to an output that is not there");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status check_header(const void *bytes, size_t size,
                                   mlscore_error *err)
{
    static const size_t sizes[FOREST_ARRAYS] = {
        sizeof(forest_tree), sizeof(forest_general_node), sizeof(uint32_t),
        sizeof(forest_value)};
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
        header->sum > MLSCORE_FOREST_SUM_DOUBLE || header->combine > 2) {
        return damaged(err, "unknown options");
    }
    for (int i = 0; i < FOREST_ARRAYS; i++) {
        if (header->arrays[i].offset % 64 ||
            !mlscore_range_inside(header->arrays[i].offset,
                                  header->arrays[i].count, sizes[i], size)) {
            return damaged(err, "an array lies outside");
        }
    }
    if (header->arrays[FOREST_ARRAY_TREES].count != header->tree_count) {
        return damaged(err, "the number of trees is not the table's");
    }
    return MLSCORE_OK;
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
        return mlscore_error_set(err, MLSCORE_ENOMEM,
                                 "not enough memory to open the trees");
    }
    const unsigned char *base = bytes;
    const forest_array *arrays = ((const forest_header *)bytes)->arrays;

    forest->header = bytes;
    forest->trees = (const void *)(base + arrays[FOREST_ARRAY_TREES].offset);
    forest->general =
        (const void *)(base + arrays[FOREST_ARRAY_GENERAL].offset);
    forest->sets = (const void *)(base + arrays[FOREST_ARRAY_SETS].offset);
    forest->values = (const void *)(base + arrays[FOREST_ARRAY_VALUES].offset);
    status = check_trees(forest, err);
    if (status != MLSCORE_OK) {
        mlscore_free(forest);
        return status;
    }
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
