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

/* The leaves of 16 rows from what remains of a word. */
static inline void put_leaves(__m512i good, uint32_t word, int last,
                              uint32_t *leaves)
{
    __m512i leaf = _mm512_add_epi32(
        lowest_set(good), _mm512_set1_epi32((int)(word * FOREST_WORD)));

    if (!last) {
        leaf = _mm512_mask_mov_epi32(_mm512_loadu_si512(leaves),
                                     _mm512_test_epi32_mask(good, good), leaf);
    }
    _mm512_storeu_si512(leaves, leaf);
}

static inline __m512i cut_rows(__m512i good, const float *x, __m512 cut,
                               __m512i mask)
{
    const __mmask16 clear =
        _mm512_cmp_ps_mask(_mm512_loadu_ps(x), cut, _CMP_NLT_UQ);

    return _mm512_mask_andnot_epi32(good, clear, mask, good);
}

static inline __m512i set_rows(__m512i good, const float *x, __m512i set,
                               __m512i mask)
{
    const __mmask16 clear = _mm512_test_epi32_mask(_mm512_loadu_si512(x), set);

    return _mm512_mask_andnot_epi32(good, clear, mask, good);
}

/* One word of one tree for 64 rows. In an array, the compiler would keep what
 * remains in memory. */
static void word_of_64(const word_slots *slots, uint32_t word, int last,
                       const float *block, uint32_t *leaves)
{
    __m512i a = _mm512_set1_epi32(-1), b = a, c = a, d = a;

    for (size_t i = 0; i < slots->cut_end; i += FOREST_LANES) {
        const float *x = block + (size_t)slots->features[i] * FOREST_BLOCK;
        const __m512 cut = _mm512_set1_ps(slots->cuts[i]);
        const __m512i mask = _mm512_set1_epi32((int)slots->masks[i]);

        a = cut_rows(a, x, cut, mask);
        b = cut_rows(b, x + 16, cut, mask);
        c = cut_rows(c, x + 32, cut, mask);
        d = cut_rows(d, x + 48, cut, mask);
    }
    for (size_t i = slots->set_start; i < slots->set_end; i += FOREST_LANES) {
        const float *x = block + (size_t)slots->features[i] * FOREST_BLOCK;
        const __m512i set = _mm512_castps_si512(_mm512_set1_ps(slots->cuts[i]));
        const __m512i mask = _mm512_set1_epi32((int)slots->masks[i]);

        a = set_rows(a, x, set, mask);
        b = set_rows(b, x + 16, set, mask);
        c = set_rows(c, x + 32, set, mask);
        d = set_rows(d, x + 48, set, mask);
    }
    put_leaves(a, word, last, leaves);
    put_leaves(b, word, last, leaves + 16);
    put_leaves(c, word, last, leaves + 32);
    put_leaves(d, word, last, leaves + 48);
}

static void word_of_16(const word_slots *slots, uint32_t word, int last,
                       const float *block, uint32_t *leaves)
{
    __m512i good = _mm512_set1_epi32(-1);

    for (size_t i = 0; i < slots->cut_end; i += FOREST_LANES) {
        good = cut_rows(good, block + (size_t)slots->features[i] * FOREST_BLOCK,
                        _mm512_set1_ps(slots->cuts[i]),
                        _mm512_set1_epi32((int)slots->masks[i]));
    }
    for (size_t i = slots->set_start; i < slots->set_end; i += FOREST_LANES) {
        good = set_rows(good, block + (size_t)slots->features[i] * FOREST_BLOCK,
                        _mm512_castps_si512(_mm512_set1_ps(slots->cuts[i])),
                        _mm512_set1_epi32((int)slots->masks[i]));
    }
    put_leaves(good, word, last, leaves);
}

void mlscore_forest_masks_avx512(const mlscore_forest *forest,
                                 const forest_group *group, const float *block,
                                 uint32_t rows, uint32_t *leaves)
{
    uint32_t lane = 0;

    for (uint32_t t = 0; t < group->tree_count; t++) {
        const uint32_t words = forest->trees[group->first_tree + t].words;
        uint32_t *out = leaves + (size_t)t * FOREST_BLOCK;

        for (uint32_t w = words; w-- > 0;) {
            const word_slots slots = slots_of(forest, group, lane + w);
            uint32_t row = 0;

            for (; row + 64 <= rows + 15; row += 64) {
                word_of_64(&slots, w, w + 1 == words, block + row, out + row);
            }
            for (; row < rows; row += 16) {
                word_of_16(&slots, w, w + 1 == words, block + row, out + row);
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
        const __m512 value =
            _mm512_permutex2var_ps(low, _mm512_loadu_si512(leaves + row), high);

        _mm512_storeu_ps(sums + row,
                         _mm512_add_ps(_mm512_loadu_ps(sums + row), value));
    }
}

/* Eight of 32 doubles. */
static inline __m512d choose_doubles(const __m512d *table, __m256i leaves)
{
    const __m512i number = _mm512_cvtepu32_epi64(leaves);
    const __m512d low = _mm512_permutex2var_pd(table[0], number, table[1]);
    const __m512d high = _mm512_permutex2var_pd(table[2], number, table[3]);
    const __mmask8 above =
        _mm512_test_epi64_mask(number, _mm512_set1_epi64(16));

    return _mm512_mask_mov_pd(low, above, high);
}

void mlscore_forest_add_double_avx512(const double *values,
                                      const uint32_t *leaves, uint32_t rows,
                                      double *sums)
{
    __m512d table[4];

    for (int i = 0; i < 4; i++) {
        table[i] = _mm512_loadu_pd(values + 8 * i);
    }
    for (uint32_t row = 0; row < rows; row += 8) {
        const __m512d value = choose_doubles(
            table, _mm256_loadu_si256((const void *)(leaves + row)));

        _mm512_storeu_pd(sums + row,
                         _mm512_add_pd(_mm512_loadu_pd(sums + row), value));
    }
}

/* --- ranks
 * ------------------------------------------------------------------------ */

/* Eight rows' values. */
static inline __m512d gather_values(const double *x, size_t width, __m512i sign)
{
    const __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i at =
        _mm512_mullo_epi64(lane, _mm512_set1_epi64((long long)width));

    return _mm512_castsi512_pd(_mm512_xor_si512(
        _mm512_castpd_si512(_mm512_i64gather_pd(at, x, 8)), sign));
}

/* One step of a search: on by `step` where the cut is passed. */
static inline __m512i pass_cut(__m512i at, const double *cut, __m512d value,
                               __m512i step)
{
    const __mmask8 passed =
        _mm512_cmp_pd_mask(_mm512_i64gather_pd(at, cut, 8), value, _CMP_LE_OQ);

    return _mm512_mask_add_epi64(at, passed, at, step);
}

static inline void put_ranks(__m512i at, __m512d value, float *out)
{
    const __mmask8 missing = _mm512_cmp_pd_mask(value, value, _CMP_UNORD_Q);

    _mm256_storeu_ps(out,
                     _mm256_mask_mov_ps(_mm512_cvtepi64_ps(at), missing,
                                        _mm256_set1_ps(__builtin_nanf(""))));
}

/* The search of forest_features.c for 16 rows: two of eight overlap. */
void mlscore_forest_ranks_avx512(const double *cuts, uint32_t count,
                                 const double *x, size_t width, int negative,
                                 uint32_t rows, float *out)
{
    const __m512i sign =
        _mm512_set1_epi64(negative ? (long long)(1ull << 63) : 0);

    for (uint32_t row = 0; row < rows; row += 16) {
        const __m512d v = gather_values(x + row * width, width, sign);
        const __m512d w = gather_values(x + (row + 8) * width, width, sign);
        __m512i a = _mm512_setzero_si512(), b = a;

        for (uint32_t left = count; left > 1; left -= left / 2) {
            const uint32_t half = left / 2;
            const __m512i step = _mm512_set1_epi64(half);

            a = pass_cut(a, cuts + half - 1, v, step);
            b = pass_cut(b, cuts + half - 1, w, step);
        }
        if (count) {
            a = pass_cut(a, cuts, v, _mm512_set1_epi64(1));
            b = pass_cut(b, cuts, w, _mm512_set1_epi64(1));
        }
        put_ranks(a, v, out + row);
        put_ranks(b, w, out + row + 8);
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
static inline __attribute__((always_inline)) __m512i
look_up(const row_registers *r, const uint16_t *features, const int two)
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

static inline __attribute__((always_inline)) __m512i
cut_lanes(__m512i good, const row_registers *r, const float *cuts,
          const uint32_t *masks, const uint16_t *features, const int two)
{
    const __mmask16 clear =
        _mm512_cmp_ps_mask(_mm512_castsi512_ps(look_up(r, features, two)),
                           _mm512_loadu_ps(cuts), _CMP_NLT_UQ);

    return _mm512_mask_andnot_epi32(good, clear, _mm512_loadu_si512(masks),
                                    good);
}

/* The leaves that remain in each lane. Two chains of slots overlap. */
static inline __attribute__((always_inline)) __m512i
lane_leaves(const mlscore_forest *forest, const forest_group *group,
            const row_registers *r, const int two)
{
    const size_t start = (size_t)group->slots * FOREST_LANES;
    const float *cuts = forest->mask_cuts + start;
    const uint32_t *masks = forest->masks + start;
    const uint16_t *features = forest->mask_features + start;
    const size_t cut_end = (size_t)group->cut_slots * FOREST_LANES;
    const size_t end = cut_end + (size_t)group->set_slots * FOREST_LANES;
    __m512i a = _mm512_set1_epi32(-1), b = a;
    size_t i = 0;

    for (; i + FOREST_LANES < cut_end; i += 2 * FOREST_LANES) {
        const size_t k = i + FOREST_LANES;

        a = cut_lanes(a, r, cuts + i, masks + i, features + i, two);
        b = cut_lanes(b, r, cuts + k, masks + k, features + k, two);
    }
    for (; i < cut_end; i += FOREST_LANES) {
        a = cut_lanes(a, r, cuts + i, masks + i, features + i, two);
    }
    for (; i < end; i += FOREST_LANES) {
        const __m512i x = look_up(r, features + i, two);
        const __mmask16 clear =
            _mm512_test_epi32_mask(x, _mm512_loadu_si512(cuts + i));

        b = _mm512_mask_andnot_epi32(b, clear, _mm512_loadu_si512(masks + i),
                                     b);
    }
    return _mm512_and_si512(a, b);
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
    const __m512i lane =
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i base =
        _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)group->stride));

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
static inline __attribute__((always_inline)) float
add_group(const mlscore_forest *forest, const forest_group *group, __m512i good,
          float sum)
{
    const __mmask16 lanes = leaf_lanes(group, good);
    float values[FOREST_LANES];

    _mm512_storeu_ps(
        values,
        _mm512_maskz_compress_ps(
            lanes, _mm512_mask_i32gather_ps(
                       _mm512_setzero_ps(), lanes, value_places(group, good),
                       forest->leaf_floats + group->values, 4)));
    for (uint32_t t = 0; t < group->tree_count; t++) {
        sum += values[t];
    }
    return sum;
}

static inline __attribute__((always_inline)) float
sum_groups(const mlscore_forest *forest, const forest_run *run,
           const row_registers *r, float sum, const int two)
{
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        sum = add_group(forest, group, lane_leaves(forest, group, r, two), sum);
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

static inline __attribute__((always_inline)) double
add_group_double(const mlscore_forest *forest, const forest_group *group,
                 __m512i good, double sum)
{
    const __mmask16 lanes = leaf_lanes(group, good);
    /* The places in the order of trees, and one for each. */
    const __m512i places =
        _mm512_maskz_compress_epi32(lanes, value_places(group, good));
    const uint32_t count = (uint32_t)__builtin_popcount(lanes);
    const __mmask16 used = (__mmask16)((1u << count) - 1);
    const double *from = forest->leaf_doubles + group->values;
    double values[FOREST_LANES];

    _mm512_storeu_pd(values, _mm512_mask_i32gather_pd(
                                 _mm512_setzero_pd(), (__mmask8)used,
                                 _mm512_castsi512_si256(places), from, 8));
    _mm512_storeu_pd(values + 8,
                     _mm512_mask_i32gather_pd(
                         _mm512_setzero_pd(), (__mmask8)(used >> 8),
                         _mm512_extracti64x4_epi64(places, 1), from, 8));
    for (uint32_t t = 0; t < group->tree_count; t++) {
        sum += values[t];
    }
    return sum;
}

static inline __attribute__((always_inline)) double
sum_groups_double(const mlscore_forest *forest, const forest_run *run,
                  const row_registers *r, double sum, const int two)
{
    for (uint32_t g = 0; g < run->group_count; g++) {
        const forest_group *group = &forest->groups[run->first_group + g];

        sum = add_group_double(forest, group,
                               lane_leaves(forest, group, r, two), sum);
    }
    return sum;
}

double mlscore_forest_words_sum_double_avx512(const mlscore_forest *forest,
                                              const forest_run *run,
                                              const uint32_t *words, double sum)
{
    for (uint32_t g = 0; g < run->group_count; g++, words += FOREST_LANES) {
        sum = add_group_double(forest, &forest->groups[run->first_group + g],
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
