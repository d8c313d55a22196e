/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernel in the compiler's vector types, for files that define
 *
 *   KERNEL  the name of the function
 *   WIDTH   floats in a vector
 *
 * and are compiled for one instruction set each. Sixteen rows are
 * 16 / WIDTH vectors; up to VECTORS are kept in registers at once.
 */

#include <stdint.h>
#include <string.h>

typedef float vector_float __attribute__((vector_size(WIDTH * 4)));
typedef int32_t vector_int __attribute__((vector_size(WIDTH * 4)));
typedef uint32_t vector_uint __attribute__((vector_size(WIDTH * 4)));

static inline vector_float load_floats(const float *at)
{
    vector_float v;

    memcpy(&v, at, sizeof(v));
    return v;
}

static inline vector_int load_ints(const void *at)
{
    vector_int v;

    memcpy(&v, at, sizeof(v));
    return v;
}

/* The number of the lowest clear bit, by way of a float's exponent; any number
 * below 32 when there is none. */
static inline vector_int lowest_clear(vector_int bad)
{
    const vector_int bit = ~bad & (vector_int)((vector_uint)bad + 1);
    const vector_float power = __builtin_convertvector(bit, vector_float);
    vector_int bits;

    memcpy(&bits, &power, sizeof(bits));
    return ((bits >> 23) - 127) & (FOREST_WORD - 1);
}

/* One word of one tree for `vectors` vectors of rows. Its leaves replace those
 * in `leaves` where it has any, or everywhere when it is the tree's last. */
static inline __attribute__((always_inline)) void word_leaves(
    const mlscore_forest *forest, const forest_group *group, uint32_t lane,
    uint32_t word, int last, const float *block, const int vectors,
    uint32_t *leaves)
{
    const size_t start = (size_t)group->slots * FOREST_LANES + lane;
    const forest_lane counts =
        forest->lanes[(group - forest->groups) * FOREST_LANES + lane];
    const float *cuts = forest->mask_cuts + start;
    const uint32_t *masks = forest->masks + start;
    const uint16_t *features = forest->mask_features + start;
    vector_int bad[4] = {{0}, {0}, {0}, {0}};

    for (size_t i = 0; i < (size_t)counts.cut_count * FOREST_LANES;
         i += FOREST_LANES) {
        const float *x = block + (size_t)features[i] * FOREST_BLOCK;
        const vector_float cut = (vector_float){0} + cuts[i];
        const vector_int mask = (vector_int){0} + (int32_t)masks[i];

        for (int v = 0; v < vectors; v++) {
            bad[v] |= ~(load_floats(x + v * WIDTH) < cut) & mask;
        }
    }
    const size_t sets = (size_t)group->cut_slots * FOREST_LANES;

    for (size_t i = sets; i < sets + (size_t)counts.set_count * FOREST_LANES;
         i += FOREST_LANES) {
        const float *x = block + (size_t)features[i] * FOREST_BLOCK;
        const vector_int mask = (vector_int){0} + (int32_t)masks[i];
        int32_t word_bits;

        memcpy(&word_bits, &cuts[i], sizeof(word_bits));
        const vector_int set = (vector_int){0} + word_bits;

        for (int v = 0; v < vectors; v++) {
            bad[v] |= ((load_ints(x + v * WIDTH) & set) != 0) & mask;
        }
    }
    for (int v = 0; v < vectors; v++) {
        vector_int leaf = lowest_clear(bad[v]) + (int32_t)(word * FOREST_WORD);

        if (!last) {
            const vector_int none = bad[v] == -1;

            leaf = (leaf & ~none) | (load_ints(leaves + v * WIDTH) & none);
        }
        memcpy(leaves + v * WIDTH, &leaf, sizeof(leaf));
    }
}

void KERNEL(const mlscore_forest *forest, const forest_group *group,
            const float *block, uint32_t rows, uint32_t *leaves)
{
    const uint32_t padded = (rows + 15) & ~15u;
    uint32_t lane = 0;

    for (uint32_t t = 0; t < group->tree_count; t++) {
        const uint32_t words = forest->trees[group->first_tree + t].words;
        uint32_t *out = leaves + (size_t)t * FOREST_BLOCK;

        for (uint32_t w = words; w-- > 0;) {
            uint32_t row = 0;

            for (; row + 4 * WIDTH <= padded; row += 4 * WIDTH) {
                word_leaves(forest, group, lane + w, w, w + 1 == words,
                            block + row, 4, out + row);
            }
            for (; row < padded; row += 16) {
                word_leaves(forest, group, lane + w, w, w + 1 == words,
                            block + row, 16 / WIDTH, out + row);
            }
        }
        lane += words;
    }
}
