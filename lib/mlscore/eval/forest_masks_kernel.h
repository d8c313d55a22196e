/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernel in the compiler's vector types, for files that define
 *
 *   KERNEL  the name of the function
 *   WIDTH   floats in a vector
 *
 * and are compiled for one instruction set each. Four vectors of rows are kept
 * in registers at once; FOREST_BLOCK is a multiple of that.
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

/* Where a word of a tree has its conditions. */
typedef struct word_slots {
    const float *cuts;
    const uint32_t *masks;
    const uint16_t *features;
    size_t cut_end, set_start, set_end; /* slots are FOREST_LANES apart */
} word_slots;

static inline word_slots slots_of(const mlscore_forest *forest,
                                  const forest_group *group, uint32_t lane)
{
    const size_t start = (size_t)group->slots * FOREST_LANES + lane;
    const forest_lane counts =
        forest->lanes[(group - forest->groups) * FOREST_LANES + lane];
    const size_t sets = (size_t)group->cut_slots * FOREST_LANES;

    return (word_slots){forest->mask_cuts + start,
                        forest->masks + start,
                        forest->mask_features + start,
                        (size_t)counts.cut_count * FOREST_LANES,
                        sets,
                        sets + (size_t)counts.set_count * FOREST_LANES};
}

/* The leaves of some rows from what is left out of a word. */
static inline void put_leaves(vector_int bad, uint32_t word, int last,
                              uint32_t *leaves)
{
    vector_int leaf = lowest_clear(bad) + (int32_t)(word * FOREST_WORD);

    if (!last) {
        const vector_int none = bad == -1;

        leaf = (leaf & ~none) | (load_ints(leaves) & none);
    }
    memcpy(leaves, &leaf, sizeof(leaf));
}

/* One word of one tree for four vectors of rows. In an array, the compiler
 * would keep what is left out in memory. */
static void word_of_rows(const word_slots *slots, uint32_t word, int last,
                         const float *block, uint32_t *leaves)
{
    vector_int a = {0}, b = a, c = a, d = a;

    for (size_t i = 0; i < slots->cut_end; i += FOREST_LANES) {
        const float *x = block + (size_t)slots->features[i] * FOREST_BLOCK;
        const vector_float cut = (vector_float){0} + slots->cuts[i];
        const vector_int mask = (vector_int){0} + (int32_t)slots->masks[i];

        a |= ~(load_floats(x) < cut) & mask;
        b |= ~(load_floats(x + WIDTH) < cut) & mask;
        c |= ~(load_floats(x + 2 * WIDTH) < cut) & mask;
        d |= ~(load_floats(x + 3 * WIDTH) < cut) & mask;
    }
    for (size_t i = slots->set_start; i < slots->set_end; i += FOREST_LANES) {
        const float *x = block + (size_t)slots->features[i] * FOREST_BLOCK;
        const vector_int mask = (vector_int){0} + (int32_t)slots->masks[i];
        int32_t bits;

        memcpy(&bits, &slots->cuts[i], sizeof(bits));
        const vector_int set = (vector_int){0} + bits;

        a |= ((load_ints(x) & set) != 0) & mask;
        b |= ((load_ints(x + WIDTH) & set) != 0) & mask;
        c |= ((load_ints(x + 2 * WIDTH) & set) != 0) & mask;
        d |= ((load_ints(x + 3 * WIDTH) & set) != 0) & mask;
    }
    put_leaves(a, word, last, leaves);
    put_leaves(b, word, last, leaves + WIDTH);
    put_leaves(c, word, last, leaves + 2 * WIDTH);
    put_leaves(d, word, last, leaves + 3 * WIDTH);
}

void KERNEL(const mlscore_forest *forest, const forest_group *group,
            const float *block, uint32_t rows, uint32_t *leaves)
{
    uint32_t lane = 0;

    for (uint32_t t = 0; t < group->tree_count; t++) {
        const uint32_t words = forest->trees[group->first_tree + t].words;
        uint32_t *out = leaves + (size_t)t * FOREST_BLOCK;

        for (uint32_t w = words; w-- > 0;) {
            const word_slots slots = slots_of(forest, group, lane + w);

            for (uint32_t row = 0; row < rows; row += 4 * WIDTH) {
                word_of_rows(&slots, w, w + 1 == words, block + row, out + row);
            }
        }
        lane += words;
    }
}
