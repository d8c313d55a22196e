/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The micro-kernel with vectors, for gemm_micro.c, which defines
 *
 *   KERNEL      the name of the function
 *   TARGET      the instructions, as the compiler's attribute
 *   VECTOR      the type; SET, LOAD, STORE, ADD, FMA its functions
 *   WIDTH       floats in a vector
 *   SECOND      how far the second vector of columns is from the first
 *   ROWS        at most eight rows
 *   STORE_PART  stores the first few floats of a vector
 *
 * Two vectors of columns by up to ROWS rows stay in registers; every step
 * loads two vectors of b and spreads one number of each row of a. Rows of a
 * are addressed from two pointers, so that few registers are needed.
 */

#define A0 (low[0])
#define A1 (low[a_step])
#define A2 (low[2 * a_step])
#define A3 (low[three])
#define A4 (high[0])
#define A5 (high[a_step])
#define A6 (high[2 * a_step])
#define A7 (high[three])

#define EACH_ROW(M) M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7)

#define BEGIN(i) VECTOR c##i##0 = SET(0), c##i##1 = SET(0);
#define STEP(i)                                                               \
    if (rows > i) {                                                           \
        const VECTOR x = SET(A##i);                                           \
        c##i##0 = FMA(x, b0, c##i##0);                                        \
        if (two) {                                                            \
            c##i##1 = FMA(x, b1, c##i##1);                                    \
        }                                                                     \
    }
#define END(i)                                                                \
    if (rows > i) {                                                           \
        float *to = c + i * c_step;                                           \
        if (columns >= WIDTH) {                                               \
            STORE(to, ADD(LOAD(to), c##i##0));                                \
        }                                                                     \
        else {                                                                \
            STORE_PART(to, c##i##0, columns);                                 \
        }                                                                     \
        if (two && columns >= 2 * WIDTH) {                                    \
            STORE(to + WIDTH, ADD(LOAD(to + WIDTH), c##i##1));                \
        }                                                                     \
        else if (two) {                                                       \
            STORE_PART(to + WIDTH, c##i##1, columns - WIDTH);                 \
        }                                                                     \
    }

TARGET static inline __attribute__((always_inline)) void PART(KERNEL)(
    size_t k, const float *a, size_t a_step, const float *b,
    size_t panel_step, float *c, size_t c_step, const size_t rows,
    size_t columns, const int two)
{
    const float *low = a;
    const float *high = rows > 4 ? a + 4 * a_step : a;
    const size_t three = 3 * a_step;

    (void)panel_step;
    (void)three;
    EACH_ROW(BEGIN)
    for (size_t p = 0; p < k; p++) {
        const VECTOR b0 = LOAD(b);
        const VECTOR b1 = two ? LOAD(b + SECOND) : b0;

        EACH_ROW(STEP)
        low++;
        high++;
        b += MLSCORE_GEMM_PANEL;
    }
    EACH_ROW(END)
}

#define CASE(n)                                                               \
    case n:                                                                   \
        if (columns > WIDTH) {                                                \
            PART(KERNEL)(k, a, a_step, b, panel_step, c, c_step, n, columns,  \
                         1);                                                  \
        }                                                                     \
        else {                                                                \
            PART(KERNEL)(k, a, a_step, b, panel_step, c, c_step, n, columns,  \
                         0);                                                  \
        }                                                                     \
        break;

TARGET static void KERNEL(size_t k, const float *a, size_t a_step,
                          const float *b, size_t panel_step, float *c,
                          size_t c_step, size_t rows, size_t columns)
{
    switch (rows) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#if ROWS > 6
        CASE(7)
        CASE(8)
#endif
    default: break;
    }
}

#undef A0
#undef A1
#undef A2
#undef A3
#undef A4
#undef A5
#undef A6
#undef A7
#undef EACH_ROW
#undef BEGIN
#undef STEP
#undef END
#undef CASE
#undef KERNEL
#undef TARGET
#undef VECTOR
#undef SET
#undef LOAD
#undef STORE
#undef ADD
#undef FMA
#undef WIDTH
#undef SECOND
#undef ROWS
#undef STORE_PART
