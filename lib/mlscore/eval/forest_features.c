/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes virtual features of features.
 */

#include <math.h>
#include <string.h>

#include "eval/forest_plan.h"

size_t mlscore_forest_row_width(const mlscore_forest *forest)
{
    return ((size_t)forest->virtual_count + 1 + 63) & ~(size_t)63;
}

/* How many of `count` ascending cuts are <= x. A search without branches that
 * depend on x, so that those of several features overlap. */
static inline uint32_t rank(const double *cuts, uint32_t count, double x)
{
    const double *base = cuts;

    while (count > 1) {
        const uint32_t half = count / 2;

        base += half & -(uint32_t)(base[half - 1] <= x);
        count -= half;
    }
    return (uint32_t)(base - cuts) + (count && *base <= x);
}

/* The same by way of a bucket, when there are some. */
static inline uint32_t find_rank(const mlscore_forest *forest,
                                 const forest_virtual *v, double x)
{
    const double *cuts = forest->cuts + v->first;

    if (v->buckets == 0) {
        return rank(cuts, v->count, x);
    }
    const uint32_t *starts =
        forest->buckets + v->bucket + forest_bucket(v, x);

    return starts[0] + rank(cuts + starts[0], starts[1] - starts[0], x);
}

/* The same for ROWS values at once, in step: their loads overlap. */
enum {
    ROWS = 8,
    MOST_CACHED = 512 /* cuts that stay in the first cache */
};

static inline void ranks(const double *cuts, uint32_t count, const double *x,
                         uint32_t *out)
{
    uint32_t at[ROWS] = {0};

    for (uint32_t left = count; left > 1; left -= left / 2) {
        const uint32_t half = left / 2;

#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            at[r] += half & -(uint32_t)(cuts[at[r] + half - 1] <= x[r]);
        }
    }
    for (int r = 0; r < ROWS; r++) {
        out[r] = at[r] + (count && cuts[at[r]] <= x[r]);
    }
}

/* Bit number (category - first) of a word; missing is category `missing`. */
static inline uint32_t category_bit(double x, uint32_t first, uint32_t missing)
{
    const double category = isnan(x) ? missing : x;

    /* Values from `missing` on are in no set, and the missing bit is only
     * missing's. */
    if (!(category >= first && category < first + 32.0) ||
        (!isnan(x) && x >= missing)) {
        return 0;
    }
    return 1u << ((uint32_t)category - first);
}

/* One virtual feature of one value. */
static inline float virtual_float(const forest_virtual *v, float x)
{
    if (v->kind == FOREST_VIRTUAL_WORD) {
        const uint32_t bits = category_bit(x, v->first, v->count);
        float value;

        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    return v->kind == FOREST_VIRTUAL_NEGATIVE ? -x : x;
}

static inline float virtual_double(const mlscore_forest *forest,
                                   const forest_virtual *v, double x)
{
    if (v->kind == FOREST_VIRTUAL_WORD) {
        const uint32_t bits = category_bit(x, v->first, v->count);
        float value;

        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    const double signed_x = v->kind == FOREST_VIRTUAL_NEGATIVE ? -x : x;

    return isnan(x) ? NAN : (float)find_rank(forest, v, signed_x);
}

void mlscore_forest_fill_row(const mlscore_forest *forest,
                             const void *features, size_t row, float *out)
{
    const size_t at = row * forest->header->feature_count;
    const uint32_t count = forest->virtual_count;

    if (forest->identity) {
        memcpy(out, (const float *)features + at, count * sizeof(*out));
    }
    else if (forest->header->number == MLSCORE_FOREST_FLOAT) {
        const float *x = (const float *)features + at;

        for (uint32_t i = 0; i < count; i++) {
            const forest_virtual *v = &forest->virtuals[i];

            out[i] = virtual_float(v, x[v->feature]);
        }
    }
    else {
        const double *x = (const double *)features + at;

        for (uint32_t i = 0; i < count; i++) {
            const forest_virtual *v = &forest->virtuals[i];

            out[i] = virtual_double(forest, v, x[v->feature]);
        }
    }
    out[count] = NAN;
}

/* A virtual feature of several rows of a DOUBLE forest. */
static void fill_doubles(const mlscore_forest *forest, const forest_virtual *v,
                         const double *x, size_t width, uint32_t rows,
                         float *out)
{
    uint32_t row = 0;

#if defined(__x86_64__)
    if (forest->level == MLSCORE_CPU_AVX512 && v->count <= MOST_CACHED &&
        v->kind != FOREST_VIRTUAL_WORD) {
        row = rows & ~15u;
        mlscore_forest_ranks_avx512(forest->cuts + v->first, v->count, x,
                                    width, v->kind == FOREST_VIRTUAL_NEGATIVE,
                                    row, out);
    }
#endif
    for (; v->kind != FOREST_VIRTUAL_WORD && v->buckets == 0 &&
           row + ROWS <= rows;
         row += ROWS) {
        double values[ROWS];
        uint32_t found[ROWS];

        for (uint32_t r = 0; r < ROWS; r++) {
            const double value = x[(row + r) * width];

            values[r] = v->kind == FOREST_VIRTUAL_NEGATIVE ? -value : value;
        }
        ranks(forest->cuts + v->first, v->count, values, found);
        for (uint32_t r = 0; r < ROWS; r++) {
            out[row + r] = isnan(values[r]) ? NAN : (float)found[r];
        }
    }
    for (; row < rows; row++) {
        out[row] = virtual_double(forest, v, x[row * width]);
    }
}

void mlscore_forest_fill_block(const mlscore_forest *forest,
                               const void *features, size_t first,
                               uint32_t rows, float *block)
{
    const size_t width = forest->header->feature_count;
    const uint32_t padded = (rows + 15) & ~15u;

    for (uint32_t i = 0; i < forest->virtual_count; i++) {
        const forest_virtual *v = &forest->virtuals[i];
        const size_t at = first * width + v->feature;
        float *out = block + (size_t)i * FOREST_BLOCK;

        if (forest->header->number == MLSCORE_FOREST_FLOAT) {
            const float *x = (const float *)features + at;

            for (uint32_t r = 0; r < rows; r++) {
                out[r] = virtual_float(v, x[r * width]);
            }
        }
        else {
            const double *x = (const double *)features + at;

            fill_doubles(forest, v, x, width, rows, out);
        }
        for (uint32_t r = rows; r < padded; r++) {
            out[r] = out[rows - 1];
        }
    }
}
