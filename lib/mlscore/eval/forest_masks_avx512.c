/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernels with AVX-512: many rows, and one row with 16 words of
 * leaves as lanes, whose features are looked up in registers.
 */

#include "eval/forest_plan.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define INSTRUCTIONS "avx512f,avx512cd,avx512dq,avx512bw,avx512vl"
#include "eval/forest_target.h"

/* The number of the lowest set bit; 31 when there is none. */
static inline __m512i lowest_set(__m512i good)
{
    const __m512i bit =
        _mm512_and_si512(good, _mm512_sub_epi32(_mm512_setzero_si512(), good));
    const __m512i number = _mm512_sub_epi32(_mm512_set1_epi32(FOREST_WORD - 1),
                                            _mm512_lzcnt_epi32(bit));

    return _mm512_and_si512(number, _mm512_set1_epi32(FOREST_WORD - 1));
}

/* --- many rows
 * ------------------------------------------------------------------- */

/* One word of one tree for `vectors` vectors of 16 rows. */
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
    __m512i good[4];

    for (int v = 0; v < vectors; v++) {
        good[v] = _mm512_set1_epi32(-1);
    }
    for (size_t i = 0; i < (size_t)counts.cut_count * FOREST_LANES;
         i += FOREST_LANES) {
        const float *x = block + (size_t)features[i] * FOREST_BLOCK;
        const __m512 cut = _mm512_set1_ps(cuts[i]);
        const __m512i keep = _mm512_set1_epi32((int)~masks[i]);

        for (int v = 0; v < vectors; v++) {
            const __mmask16 clear = _mm512_cmp_ps_mask(
                _mm512_loadu_ps(x + v * 16), cut, _CMP_NLT_UQ);

            good[v] = _mm512_mask_and_epi32(good[v], clear, good[v], keep);
        }
    }
    const size_t sets = (size_t)group->cut_slots * FOREST_LANES;

    for (size_t i = sets; i < sets + (size_t)counts.set_count * FOREST_LANES;
         i += FOREST_LANES) {
        const float *x = block + (size_t)features[i] * FOREST_BLOCK;
        const __m512i set = _mm512_castps_si512(_mm512_set1_ps(cuts[i]));
        const __m512i keep = _mm512_set1_epi32((int)~masks[i]);

        for (int v = 0; v < vectors; v++) {
            const __mmask16 clear = _mm512_test_epi32_mask(
                _mm512_loadu_si512(x + v * 16), set);

            good[v] = _mm512_mask_and_epi32(good[v], clear, good[v], keep);
        }
    }
    for (int v = 0; v < vectors; v++) {
        __m512i leaf =
            _mm512_add_epi32(lowest_set(good[v]),
                             _mm512_set1_epi32((int)(word * FOREST_WORD)));

        if (!last) {
            leaf = _mm512_mask_mov_epi32(
                _mm512_loadu_si512(leaves + v * 16),
                _mm512_test_epi32_mask(good[v], good[v]), leaf);
        }
        _mm512_storeu_si512(leaves + v * 16, leaf);
    }
}

void mlscore_forest_masks_avx512(const mlscore_forest *forest,
                                 const forest_group *group,
                                 const float *block, uint32_t rows,
                                 uint32_t *leaves)
{
    uint32_t lane = 0;

    for (uint32_t t = 0; t < group->tree_count; t++) {
        const uint32_t words = forest->trees[group->first_tree + t].words;
        uint32_t *out = leaves + (size_t)t * FOREST_BLOCK;

        for (uint32_t w = words; w-- > 0;) {
            uint32_t row = 0;

            for (; row + 64 <= rows + 15; row += 64) {
                word_leaves(forest, group, lane + w, w, w + 1 == words,
                            block + row, 4, out + row);
            }
            for (; row < rows; row += 16) {
                word_leaves(forest, group, lane + w, w, w + 1 == words,
                            block + row, 1, out + row);
            }
        }
        lane += words;
    }
}

void mlscore_forest_add_avx512(const float *values, const uint32_t *leaves,
                               uint32_t rows, float *sums)
{
    const __m512 low = _mm512_loadu_ps(values);
    const __m512 high = _mm512_loadu_ps(values + 16);

    for (uint32_t row = 0; row < rows; row += 16) {
        const __m512 value = _mm512_permutex2var_ps(
            low, _mm512_loadu_si512(leaves + row), high);

        _mm512_storeu_ps(sums + row,
                         _mm512_add_ps(_mm512_loadu_ps(sums + row), value));
    }
}

/* --- one row
 * --------------------------------------------------------------------- */

/* A row of up to 64 virtual features in four registers. */
typedef struct row_registers {
    __m512i part[4];
    int two; /* more than 32 are used */
} row_registers;

static inline row_registers load_row(const mlscore_forest *forest,
                                     const float *row)
{
    row_registers r;

    for (int i = 0; i < 4; i++) {
        r.part[i] = _mm512_loadu_si512(row + 16 * i);
    }
    r.two = forest->virtual_count > 32;
    return r;
}

/* Each lane's feature. */
static inline __attribute__((always_inline)) __m512i look_up(
    const row_registers *r, const uint16_t *features, const int two)
{
    const __m512i number =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)features));
    const __m512i low =
        _mm512_permutex2var_epi32(r->part[0], number, r->part[1]);

    if (!two) {
        return low;
    }
    const __m512i high =
        _mm512_permutex2var_epi32(r->part[2], number, r->part[3]);
    const __mmask16 above =
        _mm512_test_epi32_mask(number, _mm512_set1_epi32(32));

    return _mm512_mask_mov_epi32(low, above, high);
}

/* The leaves that remain in each lane. Two chains of slots overlap. */
static inline __attribute__((always_inline)) __m512i lane_leaves(
    const mlscore_forest *forest, const forest_group *group,
    const row_registers *r, const int two)
{
    const size_t start = (size_t)group->slots * FOREST_LANES;
    const float *cuts = forest->mask_cuts + start;
    const uint32_t *masks = forest->masks + start;
    const uint16_t *features = forest->mask_features + start;
    const size_t cut_end = (size_t)group->cut_slots * FOREST_LANES;
    const size_t end = cut_end + (size_t)group->set_slots * FOREST_LANES;
    __m512i good[2] = {_mm512_set1_epi32(-1), _mm512_set1_epi32(-1)};
    size_t i = 0;

    for (; i < cut_end; i += FOREST_LANES) {
        const __m512 x =
            _mm512_castsi512_ps(look_up(r, features + i, two));
        const __mmask16 clear = _mm512_cmp_ps_mask(
            x, _mm512_loadu_ps(cuts + i), _CMP_NLT_UQ);
        const __m512i was = good[0];

        good[0] = good[1];
        good[1] = _mm512_mask_andnot_epi32(
            was, clear, _mm512_loadu_si512(masks + i), was);
    }
    for (; i < end; i += FOREST_LANES) {
        const __m512i x = look_up(r, features + i, two);
        const __mmask16 clear =
            _mm512_test_epi32_mask(x, _mm512_loadu_si512(cuts + i));

        good[0] = _mm512_mask_andnot_epi32(
            good[0], clear, _mm512_loadu_si512(masks + i), good[0]);
    }
    return _mm512_and_si512(good[0], good[1]);
}

void mlscore_forest_row_masks_avx512(const mlscore_forest *forest,
                                     const forest_group *group,
                                     const float *row, uint32_t *words)
{
    const row_registers r = load_row(forest, row);

    _mm512_storeu_si512(words, lane_leaves(forest, group, &r, r.two));
}

/* Where the lanes' leaves have their values, from leaf_floats or _doubles. */
static inline __m512i value_places(const forest_group *group, __m512i good)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                                           11, 12, 13, 14, 15);
    const __m512i base = _mm512_mullo_epi32(
        lane, _mm512_set1_epi32((int)group->stride));

    return _mm512_add_epi32(base, lowest_set(good));
}

/* The lane of each tree's leaf: the lowest of its lanes with a bit left. The
 * carry of the addition runs from a tree's first lane to that one. */
static inline __mmask16 leaf_lanes(const forest_group *group, __m512i good)
{
    const uint32_t some = _mm512_test_epi32_mask(good, good);

    return (__mmask16)(some & (~some + group->starts) &
                       ((1u << group->lane_count) - 1));
}

/* Adds the leaves of a group's trees, in order. */
static inline __attribute__((always_inline)) float add_group(
    const mlscore_forest *forest, const forest_group *group, __m512i good,
    float sum)
{
    const __mmask16 lanes = leaf_lanes(group, good);
    float values[FOREST_LANES];

    _mm512_storeu_ps(
        values, _mm512_maskz_compress_ps(
                    lanes, _mm512_mask_i32gather_ps(
                               _mm512_setzero_ps(), lanes,
                               value_places(group, good),
                               forest->leaf_floats + group->values, 4)));
    for (uint32_t t = 0; t < group->tree_count; t++) {
        sum += values[t];
    }
    return sum;
}

static inline __attribute__((always_inline)) float sum_groups(
    const mlscore_forest *forest, const forest_run *run,
    const row_registers *r, float sum, const int two)
{
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        sum = add_group(forest, group, lane_leaves(forest, group, r, two),
                        sum);
    }
    return sum;
}

float mlscore_forest_words_sum_avx512(const mlscore_forest *forest,
                                      const forest_run *run,
                                      const uint32_t *words, float sum)
{
    for (uint32_t g = 0; g < run->group_count; g++, words += FOREST_LANES) {
        sum = add_group(forest, &forest->groups[run->first_group + g],
                        _mm512_loadu_si512(words), sum);
    }
    return sum;
}

float mlscore_forest_row_sum_avx512(const mlscore_forest *forest,
                                    const forest_run *run, const float *row,
                                    float sum)
{
    const row_registers r = load_row(forest, row);

    return r.two ? sum_groups(forest, run, &r, sum, 1)
                 : sum_groups(forest, run, &r, sum, 0);
}

static inline __attribute__((always_inline)) double add_group_double(
    const mlscore_forest *forest, const forest_group *group, __m512i good,
    double sum)
{
    const __mmask16 lanes = leaf_lanes(group, good);
    /* The places in the order of trees, and one for each. */
    const __m512i places =
        _mm512_maskz_compress_epi32(lanes, value_places(group, good));
    const uint32_t count = (uint32_t)__builtin_popcount(lanes);
    const __mmask16 used = (__mmask16)((1u << count) - 1);
    const double *from = forest->leaf_doubles + group->values;
    double values[FOREST_LANES];

    _mm512_storeu_pd(
        values, _mm512_mask_i32gather_pd(_mm512_setzero_pd(), (__mmask8)used,
                                         _mm512_castsi512_si256(places), from,
                                         8));
    _mm512_storeu_pd(values + 8,
                     _mm512_mask_i32gather_pd(
                         _mm512_setzero_pd(), (__mmask8)(used >> 8),
                         _mm512_extracti64x4_epi64(places, 1), from, 8));
    for (uint32_t t = 0; t < group->tree_count; t++) {
        sum += values[t];
    }
    return sum;
}

static inline __attribute__((always_inline)) double sum_groups_double(
    const mlscore_forest *forest, const forest_run *run,
    const row_registers *r, double sum, const int two)
{
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        sum = add_group_double(
            forest, group, lane_leaves(forest, group, r, two), sum);
    }
    return sum;
}

double mlscore_forest_words_sum_double_avx512(const mlscore_forest *forest,
                                              const forest_run *run,
                                              const uint32_t *words,
                                              double sum)
{
    for (uint32_t g = 0; g < run->group_count; g++, words += FOREST_LANES) {
        sum = add_group_double(forest,
                               &forest->groups[run->first_group + g],
                               _mm512_loadu_si512(words), sum);
    }
    return sum;
}

double mlscore_forest_row_sum_double_avx512(const mlscore_forest *forest,
                                            const forest_run *run,
                                            const float *row, double sum)
{
    const row_registers r = load_row(forest, row);

    return r.two ? sum_groups_double(forest, run, &r, sum, 1)
                 : sum_groups_double(forest, run, &r, sum, 0);
}

#include "eval/forest_target_end.h"

#endif
