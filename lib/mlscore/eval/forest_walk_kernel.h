/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walks of forest_walk.c for one type of nodes: NODE, with the functions
 * ROWS (rows of one tree) and TREES (trees for one row).
 */

#define STEP(at, nodes, row)                                                  \
    ((nodes)[at].left + !((row)[(nodes)[at].feature] < (nodes)[at].u.cut))

static void ROWS(const NODE *nodes, uint32_t depth, const float *rows,
                 size_t width, uint32_t count, int want_nodes, uint32_t *out)
{
    for (uint32_t row = 0; row < count; row += FOREST_WALKERS) {
        const float *x[FOREST_WALKERS];
        uint32_t at[FOREST_WALKERS];
        const uint32_t left = count - row;
        const uint32_t used = left < FOREST_WALKERS ? left : FOREST_WALKERS;

        for (uint32_t i = 0; i < FOREST_WALKERS; i++) {
            x[i] = rows + (row + (i < used ? i : 0)) * width;
            at[i] = 1;
        }
        for (uint32_t step = 0; step < depth; step++) {
            uint32_t moved = 0;

#pragma GCC unroll 8
            for (uint32_t i = 0; i < FOREST_WALKERS; i++) {
                const uint32_t next = STEP(at[i], nodes, x[i]);

                moved |= next ^ at[i];
                at[i] = next;
            }
            if (step >= LOOK_FROM && step % LOOK_EVERY == 0 && !moved) {
                break;
            }
        }
        for (uint32_t i = 0; i < used; i++) {
            out[row + i] = want_nodes ? at[i] : nodes[at[i]].u.index;
        }
    }
}

static void TREES(const NODE *nodes, const forest_tree *trees,
                  const uint8_t *order, uint32_t count, const float *row,
                  uint32_t *out)
{
    for (uint32_t first = 0; first < count; first += FOREST_WALKERS) {
        const NODE *from[FOREST_WALKERS];
        uint32_t at[FOREST_WALKERS];
        const uint32_t left = count - first;
        const uint32_t used = left < FOREST_WALKERS ? left : FOREST_WALKERS;
        uint32_t depth = 0;

        for (uint32_t i = 0; i < FOREST_WALKERS; i++) {
            const forest_tree *tree =
                &trees[order[first + (i < used ? i : 0)]];

            from[i] = nodes + tree->first;
            at[i] = 1;
            depth = tree->depth > depth ? tree->depth : depth;
        }
        for (uint32_t step = 0; step < depth; step++) {
            uint32_t moved = 0;

#pragma GCC unroll 8
            for (uint32_t i = 0; i < FOREST_WALKERS; i++) {
                const uint32_t next = STEP(at[i], from[i], row);

                moved |= next ^ at[i];
                at[i] = next;
            }
            if (step >= LOOK_FROM && step % LOOK_EVERY == 0 && !moved) {
                break;
            }
        }
        for (uint32_t i = 0; i < used; i++) {
            out[order[first + i]] = from[i][at[i]].u.index;
        }
    }
}

#undef STEP
