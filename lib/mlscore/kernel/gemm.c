/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked matrix products; see gemm.h for the method. */

#include "kernel/gemm.h"

#include <string.h>

#include "kernel/gemm_micro.h"

#define ROWS MLSCORE_GEMM_ROWS
#define COLUMNS MLSCORE_GEMM_COLUMNS

enum {
    BLOCK_K = 256,   /* columns of a and rows of b packed at a time */
    BLOCK_M = 96,    /* rows of a: a packed block stays in the L2 cache */
    BLOCK_N = 1024,  /* columns of b */
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
 * product. */
static int is_small(size_t m, size_t n, size_t k)
{
    return m < 4 || n < 4 || m * n * k < SMALL;
}

size_t mlscore_gemm_work(size_t m, size_t n, size_t k)
{
    if (is_small(m, n, k)) {
        return 0;
    }
    const size_t deep = smaller(k, BLOCK_K);
    return (round_up(smaller(m, BLOCK_M), ROWS) +
            round_up(smaller(n, BLOCK_N), COLUMNS)) *
               deep * sizeof(float) + 128;
}

/* Panels of ROWS rows, column after column; missing rows are 0. */
static void pack_rows(size_t m, size_t k, mlscore_matrix a, float *out)
{
    for (size_t i = 0; i < m; i += ROWS) {
        const size_t rows = smaller(ROWS, m - i);
        const float *from = a.data + i * a.row_step;

        for (size_t p = 0; p < k; p++) {
            for (size_t r = 0; r < ROWS; r++) {
                *out++ = r < rows ? from[r * a.row_step] : 0;
            }
            from += a.column_step;
        }
    }
}

/* Panels of COLUMNS columns, row after row; missing columns are 0. */
static void pack_columns(size_t n, size_t k, mlscore_matrix b, float *out)
{
    for (size_t j = 0; j < n; j += COLUMNS) {
        const size_t columns = smaller(COLUMNS, n - j);
        const float *from = b.data + j * b.column_step;

        for (size_t p = 0; p < k; p++) {
            if (columns == COLUMNS && b.column_step == 1) {
                memcpy(out, from, COLUMNS * sizeof(float));
            }
            else {
                for (size_t c = 0; c < COLUMNS; c++) {
                    out[c] = c < columns ? from[c * b.column_step] : 0;
                }
            }
            out += COLUMNS;
            from += b.row_step;
        }
    }
}

/* A packed block of a by packed panels of b that lie panel_step apart. */
static void multiply_block(mlscore_gemm_micro *micro, size_t m, size_t n,
                           size_t k, const float *a, const float *b,
                           size_t panel_step, float *c, size_t c_step)
{
    for (size_t j = 0; j < n; j += COLUMNS) {
        const float *panel = b + j / COLUMNS * panel_step;

        for (size_t i = 0; i < m; i += ROWS) {
            micro(k, a + i * k, panel, c + i * c_step + j, c_step,
                  smaller(ROWS, m - i), smaller(COLUMNS, n - j));
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
    if (b.column_step == 1) {
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
    mlscore_gemm_micro *micro = mlscore_gemm_micro_find();
    float *packed_b = work;
    float *packed_a = packed_b + round_up(smaller(n, BLOCK_N), COLUMNS) *
                                     smaller(k, BLOCK_K);
    for (size_t j = 0; j < n; j += BLOCK_N) {
        const size_t width = smaller(BLOCK_N, n - j);

        for (size_t p = 0; p < k; p += BLOCK_K) {
            const size_t deep = smaller(BLOCK_K, k - p);
            mlscore_matrix part = b;

            part.data += p * b.row_step + j * b.column_step;
            pack_columns(width, deep, part, packed_b);
            for (size_t i = 0; i < m; i += BLOCK_M) {
                const size_t height = smaller(BLOCK_M, m - i);

                part = a;
                part.data += i * a.row_step + p * a.column_step;
                pack_rows(height, deep, part, packed_a);
                multiply_block(micro, height, width, deep, packed_a, packed_b,
                               COLUMNS * deep, c + i * c_step + j, c_step);
            }
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

size_t mlscore_gemm_packed_size(size_t n, size_t k)
{
    return round_up(n, COLUMNS) * k * sizeof(float);
}

void mlscore_gemm_pack(size_t n, size_t k, mlscore_matrix b, float *packed)
{
    pack_columns(n, k, b, packed);
}

void mlscore_gemm_packed(size_t m, size_t n, size_t k, mlscore_matrix a,
                         const float *packed, float *c, size_t c_step,
                         void *work)
{
    mlscore_gemm_micro *micro = mlscore_gemm_micro_find();

    for (size_t p = 0; p < k; p += BLOCK_K) {
        const size_t deep = smaller(BLOCK_K, k - p);

        for (size_t i = 0; i < m; i += BLOCK_M) {
            const size_t height = smaller(BLOCK_M, m - i);
            mlscore_matrix part = a;

            part.data += i * a.row_step + p * a.column_step;
            pack_rows(height, deep, part, work);
            multiply_block(micro, height, n, deep, work, packed + p * COLUMNS,
                           COLUMNS * k, c + i * c_step, c_step);
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
