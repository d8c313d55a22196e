/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked matrix products; see gemm.h for the method. */

#include "kernel/gemm.h"

#include <string.h>

#include "kernel/gemm_micro.h"

#define PANEL MLSCORE_GEMM_PANEL

enum {
    BLOCK_M = 128,    /* rows of a by BLOCK_K: half of a small L2 cache */
    BLOCK_N = 256,    /* columns of b, packed: the same */
    SMALL = 16 * 1024 /* multiplications below which packing does not pay */
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* Few rows: b is read once in any case, so packing it costs as much as the
 * product. One column: dot products. */
static int is_small(size_t m, size_t n, size_t k)
{
    return m < 4 || n == 1 || m * n * k < SMALL;
}

size_t mlscore_gemm_work(size_t m, size_t n, size_t k)
{
    if (is_small(m, n, k)) {
        return 0;
    }
    return (smaller(m, BLOCK_M) + round_up(smaller(n, BLOCK_N), PANEL)) *
               smaller(k, MLSCORE_GEMM_DEPTH) * sizeof(float) + 128;
}

/* Rows of a one after the other, when its columns are not next to each
 * other. */
static void pack_rows(size_t m, size_t k, mlscore_matrix a, float *out)
{
    for (size_t i = 0; i < m; i++) {
        const float *from = a.data + i * a.row_step;

        for (size_t p = 0; p < k; p++) {
            *out++ = from[p * a.column_step];
        }
    }
}

static void pack_panel(size_t k, size_t columns, mlscore_matrix b, float *out)
{
    const float *from = b.data;

    if (columns == PANEL && b.column_step == 1) {
        for (size_t p = 0; p < k; p++, from += b.row_step, out += PANEL) {
            memcpy(out, from, PANEL * sizeof(float));
        }
        return;
    }
    for (size_t p = 0; p < k; p++, from += b.row_step, out += PANEL) {
        for (size_t c = 0; c < PANEL; c++) {
            out[c] = c < columns ? from[c * b.column_step] : 0;
        }
    }
}

void mlscore_gemm_pack(size_t n, size_t k, mlscore_matrix b, float *panels)
{
    for (size_t j = 0; j < n; j += PANEL) {
        pack_panel(k, smaller(PANEL, n - j), b, panels + j * k);
        b.data += PANEL * b.column_step;
    }
}

void mlscore_gemm_panels(mlscore_cpu level, size_t m, size_t n, size_t k,
                         const float *a, size_t a_step, const float *panels,
                         float *c, size_t c_step)
{
    const mlscore_gemm_micro micro = mlscore_gemm_micro_for(level);

    for (size_t start = 0; start < m; start += BLOCK_M) {
        const size_t end = smaller(m, start + BLOCK_M);

        for (size_t j = 0; j < n; j += micro.columns) {
            for (size_t i = start; i < end; i += micro.rows) {
                micro.run(k, a + i * a_step, a_step, panels + j * k,
                          PANEL * k, c + i * c_step + j, c_step,
                          smaller(micro.rows, end - i),
                          smaller(micro.columns, n - j));
            }
        }
    }
}

/* --- few rows
 * -------------------------------------------------------------------- */

float mlscore_dot(const float *a, const float *b, size_t count)
{
    float parts[8] = {0};
    float sum = 0;
    size_t i = 0;

    for (; i + 8 <= count; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            parts[j] += a[i + j] * b[i + j];
        }
    }
    for (; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum + ((parts[0] + parts[4]) + (parts[1] + parts[5])) +
           ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

static void multiply_row(size_t n, size_t k, const float *a, size_t a_step,
                         mlscore_matrix b, float *c)
{
    if (b.column_step == 1 && n > 1) {
        for (size_t p = 0; p < k; p++) {
            const float x = a[p * a_step];
            const float *from = b.data + p * b.row_step;

            for (size_t j = 0; j < n; j++) {
                c[j] += x * from[j];
            }
        }
        return;
    }
    for (size_t j = 0; j < n; j++) {
        const float *from = b.data + j * b.column_step;

        if (a_step == 1 && b.row_step == 1) {
            c[j] += mlscore_dot(a, from, k);
            continue;
        }
        float sum = 0;
        for (size_t p = 0; p < k; p++) {
            sum += a[p * a_step] * from[p * b.row_step];
        }
        c[j] += sum;
    }
}

/* --- the products
 * ------------------------------------------------------------------- */

/* Rows of a that lie apart are packed a block at a time. */
static void multiply_block(size_t m, size_t n, size_t k, mlscore_matrix a,
                           const float *panels, float *c, size_t c_step,
                           float *work, mlscore_cpu level)
{
    if (a.column_step == 1) {
        mlscore_gemm_panels(level, m, n, k, a.data, a.row_step, panels, c,
                            c_step);
        return;
    }
    for (size_t i = 0; i < m; i += BLOCK_M) {
        const size_t height = smaller(BLOCK_M, m - i);
        mlscore_matrix part = a;

        part.data += i * a.row_step;
        pack_rows(height, k, part, work);
        mlscore_gemm_panels(level, height, n, k, work, k, panels,
                            c + i * c_step, c_step);
    }
}

void mlscore_gemm(size_t m, size_t n, size_t k, mlscore_matrix a,
                  mlscore_matrix b, float *c, size_t c_step, void *work)
{
    if (is_small(m, n, k)) {
        for (size_t i = 0; i < m; i++) {
            multiply_row(n, k, a.data + i * a.row_step, a.column_step, b,
                         c + i * c_step);
        }
        return;
    }
    const mlscore_cpu level = mlscore_cpu_level();
    float *panels = work;
    float *rows = panels + round_up(smaller(n, BLOCK_N), PANEL) *
                               smaller(k, MLSCORE_GEMM_DEPTH);

    for (size_t j = 0; j < n; j += BLOCK_N) {
        const size_t width = smaller(BLOCK_N, n - j);

        for (size_t p = 0; p < k; p += MLSCORE_GEMM_DEPTH) {
            const size_t deep = smaller(MLSCORE_GEMM_DEPTH, k - p);
            mlscore_matrix part_a = a, part_b = b;

            part_a.data += p * a.column_step;
            part_b.data += p * b.row_step + j * b.column_step;
            mlscore_gemm_pack(width, deep, part_b, panels);
            multiply_block(m, width, deep, part_a, panels, c + j, c_step, rows,
                           level);
        }
    }
}

void mlscore_gemm_reference(size_t m, size_t n, size_t k, mlscore_matrix a,
                            mlscore_matrix b, float *c, size_t c_step)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float sum = 0;

            for (size_t p = 0; p < k; p++) {
                sum += a.data[i * a.row_step + p * a.column_step] *
                       b.data[p * b.row_step + j * b.column_step];
            }
            c[i * c_step + j] += sum;
        }
    }
}

void mlscore_gemm_double(size_t m, size_t n, size_t k, const double *a,
                         size_t a_row, size_t a_column, const double *b,
                         size_t b_row, size_t b_column, double *c,
                         size_t c_step)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t p = 0; p < k; p++) {
            const double x = a[i * a_row + p * a_column];
            const double *from = b + p * b_row;

            for (size_t j = 0; j < n; j++) {
                c[i * c_step + j] += x * from[j * b_column];
            }
        }
    }
}
