/* SPDX-License-Identifier: Apache-2.0 */
/* Element types of 8, 4 and 2 bits: every code, rounding, saturation. */

#include "../support.h"

#include "kernel/small_types.h"

static const mlscore_dtype reals[] = {
    MLSCORE_DT_FLOAT8E4M3FN, MLSCORE_DT_FLOAT8E4M3FNUZ, MLSCORE_DT_FLOAT8E5M2,
    MLSCORE_DT_FLOAT8E5M2FNUZ, MLSCORE_DT_FLOAT8E8M0, MLSCORE_DT_FLOAT4E2M1};

static void test_every_code_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        const int codes = 1 << mlscore_small_bits(reals[i]);

        for (int code = 0; code < codes; code++) {
            const float value =
                mlscore_small_to_float((uint8_t)code, reals[i]);
            const uint8_t back = mlscore_float_to_small(value, reals[i], 0);

            if (isnan(value)) {
                assert_true(isnan(mlscore_small_to_float(back, reals[i])));
            }
            else if (back != code) {
                fail_msg("%s: code %02x is %g, whose code is %02x",
                         mlscore_dtype_name(reals[i]), code, (double)value,
                         back);
            }
        }
    }
}

static const struct {
    mlscore_dtype type;
    float value;
    int saturate;
    float want;
} rounded[] = {
    {MLSCORE_DT_FLOAT8E4M3FN, 448, 1, 448},
    {MLSCORE_DT_FLOAT8E4M3FN, 464, 1, 448}, /* a tie, to even */
    {MLSCORE_DT_FLOAT8E4M3FN, 1e9f, 1, 448},
    {MLSCORE_DT_FLOAT8E4M3FN, 1e9f, 0, NAN},
    {MLSCORE_DT_FLOAT8E4M3FN, -INFINITY, 1, -448},
    {MLSCORE_DT_FLOAT8E4M3FN, 17, 1, 16},
    {MLSCORE_DT_FLOAT8E4M3FN, 19, 1, 20},
    {MLSCORE_DT_FLOAT8E4M3FN, 0x1p-10f, 1, 0},
    {MLSCORE_DT_FLOAT8E4M3FN, 0x1.8p-9f, 1, 0x1p-8f},
    {MLSCORE_DT_FLOAT8E4M3FNUZ, 1e9f, 1, 240},
    {MLSCORE_DT_FLOAT8E5M2, 1e9f, 0, INFINITY},
    {MLSCORE_DT_FLOAT8E5M2, 1e9f, 1, 57344},
    {MLSCORE_DT_FLOAT8E5M2FNUZ, INFINITY, 0, NAN},
    {MLSCORE_DT_FLOAT4E2M1, 5, 1, 4},
    {MLSCORE_DT_FLOAT4E2M1, 7, 1, 6},
    {MLSCORE_DT_FLOAT8E8M0, 5, 1, 8},
    {MLSCORE_DT_FLOAT8E8M0, 0x1p-127f, 1, 0x1p-127f},
    {MLSCORE_DT_INT4, 9, 1, 7},
    {MLSCORE_DT_INT4, -9.5f, 1, -8},
    {MLSCORE_DT_INT4, NAN, 1, 0},
    {MLSCORE_DT_UINT4, -3, 1, 0},
    {MLSCORE_DT_UINT4, 2.5f, 1, 2},
    {MLSCORE_DT_INT2, 5, 1, 1},
    {MLSCORE_DT_UINT2, 5, 1, 3},
};

static void test_rounding_and_saturation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rounded) / sizeof(rounded[0]); i++) {
        const float have = mlscore_small_to_float(
            mlscore_float_to_small(rounded[i].value, rounded[i].type,
                                   rounded[i].saturate), rounded[i].type);

        if (have != rounded[i].want &&
            !(isnan(have) && isnan(rounded[i].want))) {
            fail_msg("%s: %g becomes %g, not %g",
                     mlscore_dtype_name(rounded[i].type),
                     (double)rounded[i].value, (double)have,
                     (double)rounded[i].want);
        }
    }
}

static void test_packed_elements_are_spread(void **state)
{
    static const uint8_t packed[] = {0x8f, 0x07};
    uint8_t out[7];
    static const int8_t fours[] = {-1, -8, 7};
    static const int8_t twos[] = {-1, -1, 0, -2, -1, 1, 0};

    (void)state;
    mlscore_small_unpack(out, packed, MLSCORE_DT_INT4, 3);
    assert_memory_equal(out, fours, 3);
    mlscore_small_unpack(out, packed, MLSCORE_DT_INT2, 7);
    assert_memory_equal(out, twos, 7);
    assert_int_equal((int8_t)mlscore_small_wrap(23, MLSCORE_DT_INT4), 7);
    assert_int_equal((int8_t)mlscore_small_wrap(24, MLSCORE_DT_INT4), -8);
    assert_int_equal(mlscore_small_wrap(24, MLSCORE_DT_UINT4), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_reads_back),
        cmocka_unit_test(test_rounding_and_saturation),
        cmocka_unit_test(test_packed_elements_are_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
