/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks trees from the root without branches: the next node is the left child
 * plus one when the condition is false, and a leaf leads to itself. Eight
 * walks overlap: eight rows of one tree, or eight trees for one row.
 *
 * forest_walk_kernel.h has the code, once for each width of nodes.
 */

#include <string.h>

#include "eval/forest_plan.h"

/* Trees deeper than this are looked at every few steps: most walks end
 * earlier. */
enum { LOOK_FROM = 12, LOOK_EVERY = 4 };

#define NODE forest_walk_node
#define ROWS walk_rows_small
#define TREES walk_trees_small
#include "eval/forest_walk_kernel.h"
#undef NODE
#undef ROWS
#undef TREES

#define NODE forest_wide_node
#define ROWS walk_rows_wide
#define TREES walk_trees_wide
#include "eval/forest_walk_kernel.h"

void mlscore_forest_walk_rows(const mlscore_forest *forest,
                              const forest_tree *tree, const float *rows,
                              size_t width, uint32_t count, int nodes,
                              uint32_t *out)
{
    if (tree->wide) {
        walk_rows_wide(forest->wide + tree->first, tree->depth, rows, width,
                       count, nodes, out);
    }
    else {
        walk_rows_small(forest->walk + tree->first, tree->depth, rows, width,
                        count, nodes, out);
    }
}

void mlscore_forest_walk_run(const mlscore_forest *forest,
                             const forest_run *run, const float *row,
                             uint32_t window, uint32_t *out)
{
    const forest_tree *trees = forest->trees + run->first_tree + window;
    const uint8_t *order = forest->order + run->order + window;
    const uint32_t left = run->tree_count - window;
    const uint32_t count = left < FOREST_WINDOW ? left : FOREST_WINDOW;

    if (run->walkable == 2) {
        walk_trees_wide(forest->wide, trees, order, count, row, out);
    }
    else {
        walk_trees_small(forest->walk, trees, order, count, row, out);
    }
}
