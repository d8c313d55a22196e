/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of two elements, and walking broadcast shapes. */

#include <math.h>
#include <string.h>

#include "kernel/elementwise.h"

/* One loop for a function, a type and a result type. The cases of one or two
 * whole operands and of a scalar are spelt out so that they are vectorised. */
#define LOOP(NAME, T, R, EXPR) \
    static void NAME(void *out_, const void *a_, const void *b_, \
                     size_t count, size_t a_step, size_t b_step) \
    { \
        R *out = out_; \
        const T *as = a_, *bs = b_; \
        if (a_step == 1 && b_step == 1) { \
            for (size_t i = 0; i < count; i++) { \
                const T a = as[i], b = bs[i]; \
                out[i] = (R)(EXPR); \
            } \
        } \
        else if (a_step == 1 && b_step == 0 && count) { \
            const T b = bs[0]; \
            for (size_t i = 0; i < count; i++) { \
                const T a = as[i]; \
                out[i] = (R)(EXPR); \
            } \
        } \
        else if (a_step == 0 && b_step == 1 && count) { \
            const T a = as[0]; \
            for (size_t i = 0; i < count; i++) { \
                const T b = bs[i]; \
                out[i] = (R)(EXPR); \
            } \
        } \
        else { \
            for (size_t i = 0; i < count; i++) { \
                const T a = as[i * a_step], b = bs[i * b_step]; \
                out[i] = (R)(EXPR); \
            } \
        } \
    }

/* Whole numbers wrap: computed without sign, where nothing is undefined. */
#define WRAP(OP) ((uint64_t)a OP(uint64_t) b)

#define INTEGER_LOOPS(T, S) \
    LOOP(add_##S, T, T, WRAP(+)) \
    LOOP(sub_##S, T, T, WRAP(-)) \
    LOOP(mul_##S, T, T, WRAP(*)) \
    LOOP(max_##S, T, T, a > b ? a : b) \
    LOOP(min_##S, T, T, a < b ? a : b) \
    LOOP(and_##S, T, T, a &b) \
    LOOP(or_##S, T, T, a | b) \
    LOOP(xor_##S, T, T, a ^ b) \
    LOOP(prelu_##S, T, T, a < 0 ? WRAP(*) : (uint64_t)a) \
    COMPARE_LOOPS(T, S)

#define COMPARE_LOOPS(T, S) \
    LOOP(equal_##S, T, uint8_t, a == b) \
    LOOP(less_##S, T, uint8_t, a < b) \
    LOOP(less_equal_##S, T, uint8_t, a <= b) \
    LOOP(greater_##S, T, uint8_t, a > b) \
    LOOP(greater_equal_##S, T, uint8_t, a >= b)

/* -1 as divisor apart: the smallest number has no negative. */
#define SIGNED_LOOPS(T, S) \
    INTEGER_LOOPS(T, S) \
    LOOP(div_##S, T, T, \
         b == 0 ? 0 : b == -1 ? (T)(0 - (uint64_t)a) : (T)(a / b)) \
    LOOP(mod_##S, T, T, \
         b == 0 || b == -1 ? 0 \
                           : (T)(a % b + (a % b && (a ^ b) < 0 ? b : 0))) \
    LOOP(fmod_##S, T, T, b == 0 || b == -1 ? 0 : (T)(a % b)) \
    LOOP(shl_##S, T, T, \
         b < 0 || b >= (T)(sizeof(T) * 8) ? 0 : (uint64_t)a << b) \
    LOOP(shr_##S, T, T, \
         a >> (b < 0 || b >= (T)(sizeof(T) * 8) ? (T)(sizeof(T) * 8 - 1) : b))

#define UNSIGNED_LOOPS(T, S) \
    INTEGER_LOOPS(T, S) \
    LOOP(div_##S, T, T, b == 0 ? 0 : (T)(a / b)) \
    LOOP(mod_##S, T, T, b == 0 ? 0 : (T)(a % b)) \
    LOOP(shl_##S, T, T, b >= sizeof(T) * 8 ? 0 : (uint64_t)a << b) \
    LOOP(shr_##S, T, T, b >= sizeof(T) * 8 ? 0 : (uint64_t)a >> b)

#define REAL_LOOPS(T, S, F) \
    LOOP(add_##S, T, T, a + b) \
    LOOP(sub_##S, T, T, a - b) \
    LOOP(mul_##S, T, T, a *b) \
    LOOP(div_##S, T, T, a / b) \
    LOOP(max_##S, T, T, a > b || isnan(a) ? a : b) \
    LOOP(min_##S, T, T, a < b || isnan(a) ? a : b) \
    LOOP(pow_##S, T, T, pow##F(a, b)) \
    LOOP(mod_##S, T, T, \
         fmod##F(a, b) + ((fmod##F(a, b) < 0) != (b < 0) && \
                          fmod##F(a, b) != 0 ? b : 0)) \
    LOOP(fmod_##S, T, T, fmod##F(a, b)) \
    LOOP(prelu_##S, T, T, a < 0 ? a * b : a) \
    COMPARE_LOOPS(T, S)

SIGNED_LOOPS(int8_t, i8)
SIGNED_LOOPS(int16_t, i16)
SIGNED_LOOPS(int32_t, i32)
SIGNED_LOOPS(int64_t, i64)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits"
UNSIGNED_LOOPS(uint8_t, u8)
UNSIGNED_LOOPS(uint16_t, u16)
UNSIGNED_LOOPS(uint32_t, u32)
UNSIGNED_LOOPS(uint64_t, u64)
#pragma GCC diagnostic pop
REAL_LOOPS(float, f32, f)
REAL_LOOPS(double, f64, )

static void equal_text(void *out_, const void *a_, const void *b_,
                       size_t count, size_t a_step, size_t b_step)
{
    uint8_t *out = out_;
    const mlscore_text *as = a_, *bs = b_;

    for (size_t i = 0; i < count; i++) {
        const mlscore_text *a = &as[i * a_step], *b = &bs[i * b_step];

        out[i] = a->length == b->length &&
                 !memcmp(a->bytes, b->bytes, a->length);
    }
}

#define ALL_NUMBERS(F) \
    [MLSCORE_DT_FLOAT] = F##_f32, [MLSCORE_DT_DOUBLE] = F##_f64, \
    ALL_INTEGERS(F)
#define ALL_INTEGERS(F) SIGNED(F), UNSIGNED(F)
#define SIGNED(F) \
    [MLSCORE_DT_INT8] = F##_i8, [MLSCORE_DT_INT16] = F##_i16, \
    [MLSCORE_DT_INT32] = F##_i32, [MLSCORE_DT_INT64] = F##_i64
#define UNSIGNED(F) \
    [MLSCORE_DT_UINT8] = F##_u8, [MLSCORE_DT_UINT16] = F##_u16, \
    [MLSCORE_DT_UINT32] = F##_u32, [MLSCORE_DT_UINT64] = F##_u64

static mlscore_binary_loop *const loops[MLSCORE_BINARY_COUNT][17] = {
    [MLSCORE_ADD] = {ALL_NUMBERS(add)},
    [MLSCORE_SUB] = {ALL_NUMBERS(sub)},
    [MLSCORE_MUL] = {ALL_NUMBERS(mul)},
    [MLSCORE_DIV] = {ALL_NUMBERS(div)},
    [MLSCORE_MAX] = {ALL_NUMBERS(max)},
    [MLSCORE_MIN] = {ALL_NUMBERS(min)},
    [MLSCORE_POW] = {[MLSCORE_DT_FLOAT] = pow_f32,
                     [MLSCORE_DT_DOUBLE] = pow_f64},
    [MLSCORE_MOD] = {ALL_NUMBERS(mod)},
    [MLSCORE_FMOD] = {[MLSCORE_DT_FLOAT] = fmod_f32,
                      [MLSCORE_DT_DOUBLE] = fmod_f64, SIGNED(fmod),
                      UNSIGNED(mod)},
    [MLSCORE_PRELU] = {ALL_NUMBERS(prelu)},
    [MLSCORE_BIT_AND] = {ALL_INTEGERS(and), [MLSCORE_DT_BOOL] = and_u8},
    [MLSCORE_BIT_OR] = {ALL_INTEGERS(or), [MLSCORE_DT_BOOL] = or_u8},
    [MLSCORE_BIT_XOR] = {ALL_INTEGERS(xor), [MLSCORE_DT_BOOL] = xor_u8},
    [MLSCORE_SHIFT_LEFT] = {ALL_INTEGERS(shl)},
    [MLSCORE_SHIFT_RIGHT] = {ALL_INTEGERS(shr)},
    [MLSCORE_EQUAL] = {ALL_NUMBERS(equal), [MLSCORE_DT_BOOL] = equal_u8,
                       [MLSCORE_DT_STRING] = equal_text},
    [MLSCORE_LESS] = {ALL_NUMBERS(less)},
    [MLSCORE_LESS_EQUAL] = {ALL_NUMBERS(less_equal)},
    [MLSCORE_GREATER] = {ALL_NUMBERS(greater)},
    [MLSCORE_GREATER_EQUAL] = {ALL_NUMBERS(greater_equal)},
};

mlscore_binary_loop *mlscore_binary_loop_find(mlscore_binary function,
                                              mlscore_dtype type)
{
    return (size_t)type < 17 ? loops[function][type] : NULL;
}

/* --- walks -------------------------------------------------------------------
 */

/* Steps of one operand against the result's dimensions. */
static void operand_steps(const mlscore_tensor *out, const mlscore_tensor *in,
                          size_t *steps)
{
    size_t step = 1;

    for (int d = out->rank - 1; d >= 0; d--) {
        const int at = d - (out->rank - in->rank);
        const int64_t dim = at < 0 ? 1 : in->dims[at];

        steps[d] = dim == 1 ? 0 : step;
        step *= (size_t)dim;
    }
}

/* May dimension d be merged with the one behind it? */
static int walks_alike(const mlscore_walk *walk, int operands, int d)
{
    for (int i = 0; i < operands; i++) {
        if (walk->steps[i][d] != walk->steps[i][d + 1] * walk->dims[d + 1]) {
            return 0;
        }
    }
    return 1;
}

static void drop_dimension(mlscore_walk *walk, int d)
{
    for (int i = d; i + 1 < walk->rank; i++) {
        walk->dims[i] = walk->dims[i + 1];
        for (int j = 0; j < 3; j++) {
            walk->steps[j][i] = walk->steps[j][i + 1];
        }
    }
    walk->rank--;
}

void mlscore_walk_make(mlscore_walk *walk, const mlscore_tensor *out,
                       const mlscore_tensor *const *operands, int count)
{
    memset(walk, 0, sizeof(*walk));
    walk->rank = out->rank;
    walk->count = mlscore_tensor_count(out);
    for (int d = 0; d < out->rank; d++) {
        walk->dims[d] = (size_t)out->dims[d];
    }
    for (int i = 0; i < count; i++) {
        if (operands[i]) {
            operand_steps(out, operands[i], walk->steps[i]);
        }
    }
    for (int d = walk->rank - 1; d >= 0; d--) {
        if (walk->dims[d] == 1 && walk->rank > 1) {
            drop_dimension(walk, d);
        }
    }
    for (int d = walk->rank - 2; d >= 0; d--) {
        if (walks_alike(walk, count, d)) {
            walk->dims[d + 1] *= walk->dims[d];
            drop_dimension(walk, d);
        }
    }
    if (walk->rank == 0) {
        walk->rank = 1;
        walk->dims[0] = 1;
    }
}

/* Move to the next stretch of the innermost dimension; 0 at the end. */
static int next_stretch(const mlscore_walk *walk, size_t *index,
                        size_t *places)
{
    for (int d = walk->rank - 2; d >= 0; d--) {
        for (int i = 0; i < 3; i++) {
            places[i] += walk->steps[i][d];
        }
        if (++index[d] < walk->dims[d]) {
            return 1;
        }
        for (int i = 0; i < 3; i++) {
            places[i] -= walk->steps[i][d] * walk->dims[d];
        }
        index[d] = 0;
    }
    return 0;
}

void mlscore_binary_run(mlscore_binary_loop *loop, const mlscore_walk *walk,
                        void *out, size_t out_size, const void *a,
                        const void *b, size_t in_size)
{
    size_t index[MLSCORE_TENSOR_RANK] = {0}, places[3] = {0};
    const int last = walk->rank - 1;
    char *to = out;

    if (walk->count == 0) {
        return;
    }
    do {
        loop(to, (const char *)a + places[0] * in_size,
             (const char *)b + places[1] * in_size, walk->dims[last],
             walk->steps[0][last], walk->steps[1][last]);
        to += walk->dims[last] * out_size;
    } while (next_stretch(walk, index, places));
}

void mlscore_where_run(const mlscore_walk *walk, void *out,
                       const uint8_t *condition, const void *a, const void *b,
                       size_t size)
{
    size_t index[MLSCORE_TENSOR_RANK] = {0}, places[3] = {0};
    const int last = walk->rank - 1;
    char *to = out;

    if (walk->count == 0) {
        return;
    }
    do {
        for (size_t i = 0; i < walk->dims[last]; i++) {
            const int yes = condition[places[0] + i * walk->steps[0][last]];
            const char *from =
                yes ? (const char *)a +
                          (places[1] + i * walk->steps[1][last]) * size
                    : (const char *)b +
                          (places[2] + i * walk->steps[2][last]) * size;

            memcpy(to, from, size);
            to += size;
        }
    } while (next_stretch(walk, index, places));
}

void mlscore_copy_run(const mlscore_walk *walk, void *out, const void *in,
                      size_t size)
{
    size_t index[MLSCORE_TENSOR_RANK] = {0}, places[3] = {0};
    const int last = walk->rank - 1;
    char *to = out;

    if (walk->count == 0) {
        return;
    }
    do {
        const char *from = (const char *)in + places[0] * size;
        const size_t step = walk->steps[0][last];

        if (step == 1) {
            memcpy(to, from, walk->dims[last] * size);
            to += walk->dims[last] * size;
            continue;
        }
        for (size_t i = 0; i < walk->dims[last]; i++) {
            memcpy(to, from + i * step * size, size);
            to += size;
        }
    } while (next_stretch(walk, index, places));
}
