/* SPDX-License-Identifier: Apache-2.0 */
/* Element types, functions of elements, broadcasting, reductions, layout. */

#include "../support.h"

#include "kernel/elementwise.h"
#include "kernel/layout.h"
#include "kernel/reduce.h"

static void test_every_half_reads_back(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float x = mlscore_half_to_float((uint16_t)bits);
        const float y = mlscore_bfloat_to_float((uint16_t)bits);

        if (isnan(x)) {
            assert_true(isnan(mlscore_half_to_float(mlscore_float_to_half(x))));
        }
        else {
            assert_int_equal(mlscore_float_to_half(x), bits);
        }
        if (!isnan(y)) {
            assert_int_equal(mlscore_float_to_bfloat(y), bits);
        }
    }
}

static const struct {
    const char *name;
    float value;
    uint16_t half;
} halves[] = {
    {"one", 1.0f, 0x3c00},
    {"largest", 65504.0f, 0x7bff},
    {"rounds up to infinity", 65520.0f, 0x7c00},
    {"tie to even, down", 2049.0f, 0x6800},
    {"tie to even, up", 2051.0f, 0x6802},
    {"smallest subnormal", 5.9604645e-8f, 0x0001},
    {"half of it goes to zero", 2.9802322e-8f, 0x0000},
    {"minus zero", -0.0f, 0x8000},
};

static void test_halves_round_to_nearest_even(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        if (mlscore_float_to_half(halves[i].value) != halves[i].half) {
            fail_msg("%s: %04x", halves[i].name,
                     mlscore_float_to_half(halves[i].value));
        }
    }
}

static const struct {
    mlscore_binary function;
    int64_t a, b, want;
} whole[] = {
    {MLSCORE_ADD, INT64_MAX, 1, INT64_MIN},
    {MLSCORE_MUL, INT64_MIN, -1, INT64_MIN},
    {MLSCORE_DIV, 7, -2, -3},
    {MLSCORE_DIV, 7, 0, 0},
    {MLSCORE_DIV, INT64_MIN, -1, INT64_MIN},
    {MLSCORE_MOD, -7, 3, 2},
    {MLSCORE_MOD, 7, -3, -2},
    {MLSCORE_MOD, 7, 0, 0},
    {MLSCORE_FMOD, -7, 3, -1},
    {MLSCORE_MAX, -1, 3, 3},
    {MLSCORE_SHIFT_RIGHT, -8, 1, -4},
    {MLSCORE_SHIFT_RIGHT, -8, 200, -1},
    {MLSCORE_SHIFT_LEFT, 1, 64, 0},
};

static void test_whole_numbers_wrap_and_never_trap(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        int64_t out = 99;

        mlscore_binary_loop_find(whole[i].function, MLSCORE_DT_INT64)(
            &out, &whole[i].a, &whole[i].b, 1, 1, 1);
        if (out != whole[i].want) {
            fail_msg("case %zu gives %lld", i, (long long)out);
        }
    }
}

static void test_nan_wins_in_extremes(void **state)
{
    const float nan = NAN, one = 1;
    float out[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        const mlscore_binary function = i ? MLSCORE_MIN : MLSCORE_MAX;
        mlscore_binary_loop *loop =
            mlscore_binary_loop_find(function, MLSCORE_DT_FLOAT);

        loop(&out[0], &nan, &one, 1, 1, 1);
        loop(&out[1], &one, &nan, 1, 1, 1);
        assert_true(isnan(out[0]) && isnan(out[1]));
    }
}

static void test_broadcasting_walks_every_operand(void **state)
{
    const mlscore_tensor a = {MLSCORE_DT_INT32, 2, {3, 1}, NULL};
    const mlscore_tensor b = {MLSCORE_DT_INT32, 1, {4}, NULL};
    const mlscore_tensor out = {MLSCORE_DT_INT32, 2, {3, 4}, NULL};
    const mlscore_tensor *operands[2] = {&a, &b};
    const int32_t x[3] = {10, 20, 30}, y[4] = {1, 2, 3, 4};
    int32_t z[12];
    mlscore_walk walk;

    (void)state;
    mlscore_walk_make(&walk, &out, operands, 2);
    mlscore_binary_run(mlscore_binary_loop_find(MLSCORE_ADD, MLSCORE_DT_INT32),
                       &walk, z, 4, x, y, 4);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(z[i], x[i / 4] + y[i % 4]);
    }
}

static void test_reductions_of_nothing(void **state)
{
    float out = 7;
    int64_t whole_out = 7;

    (void)state;
    mlscore_reduce_run(MLSCORE_REDUCE_SUM, MLSCORE_DT_FLOAT, &out, &out, 1, 0,
                       1);
    assert_true(out == 0);
    mlscore_reduce_run(MLSCORE_REDUCE_MAX, MLSCORE_DT_FLOAT, &out, &out, 1, 0,
                       1);
    assert_true(out == -INFINITY);
    mlscore_reduce_run(MLSCORE_REDUCE_PROD, MLSCORE_DT_INT64, &whole_out,
                       &whole_out, 1, 0, 1);
    assert_true(whole_out == 1);
}

static void test_softmax_of_large_numbers(void **state)
{
    const float x[3] = {1000, 1001, 999};
    float y[3];

    (void)state;
    mlscore_softmax_run(MLSCORE_SOFTMAX, MLSCORE_DT_FLOAT, y, x, 1, 3, 1);
    assert_true(fabsf(y[0] + y[1] + y[2] - 1) < 1e-6f);
    assert_true(fabsf(y[1] - 0.66524096f) < 1e-6f);
}

static void test_transpose_of_texts_and_bytes(void **state)
{
    const int64_t dims[3] = {2, 3, 2};
    static const int perm[3] = {2, 0, 1};
    uint8_t bytes[12], moved[12];
    mlscore_text texts[12], texts_moved[12];

    (void)state;
    for (int i = 0; i < 12; i++) {
        bytes[i] = (uint8_t)i;
        texts[i] = (mlscore_text){NULL, (uint32_t)i, -1};
    }
    mlscore_transpose(moved, bytes, 3, dims, perm, 1);
    mlscore_transpose(texts_moved, texts, 3, dims, perm, sizeof(*texts));
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 2; i++) {
            for (int j = 0; j < 3; j++) {
                const int at = (k * 2 + i) * 3 + j;

                assert_int_equal(moved[at], (i * 3 + j) * 2 + k);
                assert_int_equal(texts_moved[at].length, moved[at]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_half_reads_back),
        cmocka_unit_test(test_halves_round_to_nearest_even),
        cmocka_unit_test(test_whole_numbers_wrap_and_never_trap),
        cmocka_unit_test(test_nan_wins_in_extremes),
        cmocka_unit_test(test_broadcasting_walks_every_operand),
        cmocka_unit_test(test_reductions_of_nothing),
        cmocka_unit_test(test_softmax_of_large_numbers),
        cmocka_unit_test(test_transpose_of_texts_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
