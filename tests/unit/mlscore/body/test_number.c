/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal numbers in and out, against the C library as oracle. */

#include "unit/mlscore/support.h"

#include "base/bytes.h"
#include "body/decimal.h"
#include "body/format_number.h"
#include "body/powers_of_five.h"

/* Of every random test; bounded by time, not by number. */
static double time_limit(void)
{
    return getenv("MLS_TEST_LONG") ? 60 : 0.6;
}

static void require_double(const char *text, size_t length)
{
    double mine = 0;
    const double theirs = strtod(text, NULL);
    const size_t used = mlscore_parse_double(text, length, &mine);

    if (used != length || memcmp(&mine, &theirs, sizeof(mine)) != 0) {
        fail_msg("%s: %zu of %zu bytes, %a instead of %a", text, used, length,
                 mine, theirs);
    }
}

static void require_float(const char *text, size_t length)
{
    float mine = 0;
    const float theirs = strtof(text, NULL);
    const size_t used = mlscore_parse_float(text, length, &mine);

    if (used != length || memcmp(&mine, &theirs, sizeof(mine)) != 0) {
        fail_msg("%s: %zu of %zu bytes, %a instead of %a", text, used, length,
                 (double)mine, (double)theirs);
    }
}

/* ---- reading -------------------------------------------------------------- */

static const struct {
    const char *text;
    size_t used;
    double value;
} parses[] = {
    {"0", 1, 0},
    {"-0", 2, -0.0},
    {"1", 1, 1},
    {"+1", 2, 1},
    {"007", 3, 7},
    {".5", 2, 0.5},
    {"5.", 2, 5},
    {"-.5e1", 5, -5},
    {"1e5", 3, 1e5},
    {"1E+05", 5, 1e5},
    {"1e", 1, 1},
    {"1e+", 1, 1},
    {"1.5x", 3, 1.5},
    {"12,5", 2, 12},
    {"", 0, 0},
    {".", 0, 0},
    {"-", 0, 0},
    {"+", 0, 0},
    {"e5", 0, 0},
    {"--1", 0, 0},
    {"inf", 0, 0},
    {"nan", 0, 0},
    {"0x10", 1, 0},
    {" 1", 0, 0},
    {"9007199254740993", 16, 9007199254740992},
    {"1e400", 5, (double)INFINITY},
    {"-1e400", 6, -(double)INFINITY},
    {"1e-400", 6, 0},
    {"1e99999999999999999999", 22, (double)INFINITY},
    {"1e-99999999999999999999", 23, 0},
    {"0e99999999999999999999", 22, 0},
    {"1.7976931348623157e308", 22, 1.7976931348623157e308},
    {"1.7976931348623158e308", 22, 1.7976931348623157e308},
    {"1.7976931348623159e308", 22, (double)INFINITY},
    {"4.9406564584124654e-324", 23, 4.9406564584124654e-324},
    {"2.4703282292062327e-324", 23, 0},
    {"2.4703282292062328e-324", 23, 4.9406564584124654e-324},
    {"2.2250738585072011e-308", 23, 2.2250738585072011e-308},
};

static void numbers_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(parses) / sizeof(parses[0]); i++) {
        double value = 0;
        /* A copy without anything behind it. */
        const size_t length = strlen(parses[i].text);
        char *text = malloc(length ? length : 1);
        memcpy(text, parses[i].text, length);
        const size_t used = mlscore_parse_double(text, length, &value);
        free(text);
        if (used != parses[i].used ||
            (used &&
             memcmp(&value, &parses[i].value, sizeof(value)) != 0)) {
            fail_msg("%s: %zu bytes, %a", parses[i].text, used, value);
        }
    }
}

static void random_texts_are_read_like_strtod(void **state)
{
    uint64_t seed = 1;
    char text[128];
    const double end = seconds_now() + time_limit();

    (void)state;
    while (seconds_now() < end) {
        for (int i = 0; i < 1000; i++) {
            const uint64_t bits = random_bits(&seed);
            double value;
            int length;
            memcpy(&value, &bits, sizeof(value));
            switch (i % 4) {
            case 0:
                length = isfinite(value)
                             ? snprintf(text, sizeof(text), "%.*g",
                                        (int)(bits % 25), value)
                             : 0;
                break;
            case 1:
                length = snprintf(text, sizeof(text), "%u.%llue%d",
                                  (unsigned)(bits >> 54),
                                  (unsigned long long)random_bits(&seed),
                                  (int)(bits % 700) - 350);
                break;
            case 2:
                length = snprintf(text, sizeof(text), "%llue%d",
                                  (unsigned long long)bits,
                                  (int)(random_bits(&seed) % 60) - 40);
                break;
            default:
                length = snprintf(text, sizeof(text), "0.000%llu",
                                  (unsigned long long)bits);
                break;
            }
            if (length > 0) {
                require_double(text, (size_t)length);
                require_float(text, (size_t)length);
            }
        }
    }
}

/* Exactly half way between two neighbours, and one digit to each side. */
static void half_way_points_round_to_even(void **state)
{
    uint64_t seed = 2;
    char text[1400];
    const double end = seconds_now() + time_limit();

    (void)state;
    while (seconds_now() < end) {
        uint64_t bits = random_bits(&seed) >> 1;
        double low;
        bits = seed % 3 == 0 ? bits % ((uint64_t)3 << 52) : bits;
        memcpy(&low, &bits, sizeof(low));
        const double high = nextafter(low, (double)INFINITY);
        if (!isfinite(high)) {
            continue;
        }
        const long double half = ((long double)low + high) / 2;
        int length = snprintf(text, sizeof(text), "%.1100Lf", half);
        if (half < 1e15L) {
            require_double(text, (size_t)length);
            text[length - 1] = '1';
            require_double(text, (size_t)length);
        }
        length = snprintf(text, sizeof(text), "%.800Le", half);
        require_double(text, (size_t)length);
        const float fl = (float)low;
        const double fhalf =
            ((double)fl + (double)nextafterf(fl, INFINITY)) / 2;
        if (isfinite(fhalf)) {
            length = snprintf(text, sizeof(text), "%.150e", fhalf);
            require_float(text, (size_t)length);
        }
    }
}

static void long_numbers_are_exact(void **state)
{
    char text[5000];

    (void)state;
    for (size_t zeros = 0; zeros < 4000; zeros += 131) {
        int length = snprintf(text, sizeof(text), "0.%0*d1e%zu", (int)zeros, 0,
                              zeros);
        require_double(text, (size_t)length);
        length = snprintf(text, sizeof(text), "1%0*de-%zu", (int)zeros, 0,
                          zeros);
        require_double(text, (size_t)length);
        /* A digit that matters only because it is there. */
        length = snprintf(text, sizeof(text), "9007199254740993.%0*d1",
                          (int)zeros, 0);
        require_double(text, (size_t)length);
        length = snprintf(text, sizeof(text), "9007199254740993.%0*d",
                          (int)zeros, 0);
        require_double(text, (size_t)length);
    }
}

static void floats_are_rounded_once(void **state)
{
    /* By way of double this would round to even twice, to 1. */
    static const char text[] = "1.00000005960464484";
    float value;

    (void)state;
    assert_int_equal(mlscore_parse_float(text, strlen(text), &value),
                     strlen(text));
    assert_true(value == nextafterf(1.0f, 2.0f));
    require_float("3.4028235677973366e38", 21);
    require_float("3.4028235677973365e38", 21);
    require_float("7.0064923216240854e-46", 22);
    require_float("1e-46", 5);
}

static void whole_numbers_become_integers(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"42", 0, 42},
        {"1.0", 0, 1},
        {"1.50e1", 0, 15},
        {"1e18", 0, 1000000000000000000},
        {"0e999999", 0, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", 2, 0},
        {"-9223372036854775809", 2, 0},
        {"1e19", 2, 0},
        {"1e1000000000", 2, 0},
        {"99999999999999999999", 2, 0},
        {"1.5", 1, 0},
        {"1e-1", 1, 0},
        {"1.00000000000000000000000000001", 1, 0},
        {"1.00000000000000000000000000000", 0, 1},
        {"12345678901234567890123e-22", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mlscore_decimal decimal;
        int64_t value = 0;
        const char *text = cases[i].text;
        assert_non_null(mlscore_scan_decimal(&decimal, text,
                                             text + strlen(text), 1));
        const int result = mlscore_decimal_to_integer(&decimal, &value);
        if (result != cases[i].result ||
            (result == 0 && value != cases[i].value)) {
            fail_msg("%s: %d, %lld", text, result, (long long)value);
        }
    }
}

/* ---- writing -------------------------------------------------------------- */

static void numbers_are_written_as_people_do(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-17, "-17"},
        {100, "100"},
        {0.1, "0.1"},
        {123.456, "123.456"},
        {0.0001, "0.0001"},
        {0.00001, "1e-5"},
        {1.5e-5, "1.5e-5"},
        {9007199254740993.0, "9007199254740992"},
        {999999999999999.9, "999999999999999.9"},
        {1e15, "1000000000000000"},
        {9999999999999998.0, "9999999999999998"},
        {1e16, "1e16"},
        {1.5e16, "1.5e16"},
        {1e23, "1e23"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {-1.7976931348623157e308, "-1.7976931348623157e308"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[33] = "";
        text[mlscore_format_double(text, cases[i].value)] = '\0';
        assert_string_equal(text, cases[i].text);
    }
    char text[33] = "";
    text[mlscore_format_float(text, 0.1f)] = '\0';
    assert_string_equal(text, "0.1");
    text[mlscore_format_float(text, 16777216.0f)] = '\0';
    assert_string_equal(text, "16777216");
    text[mlscore_format_float(text, 1e-45f)] = '\0';
    assert_string_equal(text, "1e-45");
    text[mlscore_format_integer(text, INT64_MIN)] = '\0';
    assert_string_equal(text, "-9223372036854775808");
}

/* Digits of a number's text without leading and trailing zeros. */
static int significant(char *out, const char *text)
{
    int count = 0;

    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (count > 0 || *text != '0')) {
            out[count++] = *text;
        }
    }
    while (count > 0 && out[count - 1] == '0') {
        count--;
    }
    out[count] = '\0';
    return count;
}

/* The shortest that printf finds has as many digits, and the same ones. */
static void require_shortest(double value, int single)
{
    char mine[33];
    char theirs[40];
    char my_digits[40];
    char their_digits[40];
    int precision = 0;

    mine[single ? mlscore_format_float(mine, (float)value)
                : mlscore_format_double(mine, value)] = '\0';
    const double back =
        single ? (double)strtof(mine, NULL) : strtod(mine, NULL);
    assert_true(strlen(mine) <= 24);
    if (memcmp(&back, &value, sizeof(back)) != 0) {
        fail_msg("%a is written %s", value, mine);
    }
    for (;; precision++) {
        snprintf(theirs, sizeof(theirs), "%.*e", precision, value);
        if ((single ? (double)strtof(theirs, NULL) : strtod(theirs, NULL)) ==
            value) {
            break;
        }
    }
    const int count = significant(my_digits, mine);
    if (count > significant(their_digits, theirs) ||
        (count == precision + 1 && strcmp(my_digits, their_digits) != 0)) {
        fail_msg("%a is written %s, not %s", value, mine, theirs);
    }
}

static void random_numbers_are_written_shortest(void **state)
{
    uint64_t seed = 3;
    const double end = seconds_now() + time_limit();

    (void)state;
    for (size_t i = 0; i % 512 || seconds_now() < end; i++) {
        const uint64_t bits = random_bits(&seed);
        double value;
        float single;
        const uint32_t half = (uint32_t)bits;
        memcpy(&value, &bits, sizeof(value));
        memcpy(&single, &half, sizeof(single));
        if (i % 3 == 1) {
            value = ldexp(1, (int)(bits % 2098) - 1074);
        }
        if (i % 3 == 2) {
            value = (double)(bits % 100000000) / 1000;
            single = (float)value;
        }
        if (isfinite(value)) {
            require_shortest(value, 0);
        }
        if (isfinite(single)) {
            require_shortest((double)single, 1);
        }
    }
}

static void millions_of_doubles_come_back(void **state)
{
    uint64_t seed = 4;
    const double end = seconds_now() + time_limit();
    size_t count = 0;

    (void)state;
    for (; count % 4096 || seconds_now() < end; count++) {
        const uint64_t bits = random_bits(&seed);
        double value;
        double back;
        char text[33];
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value)) {
            continue;
        }
        const size_t length = mlscore_format_double(text, value);
        if (mlscore_parse_double(text, length, &back) != length ||
            memcmp(&value, &back, sizeof(back)) != 0) {
            fail_msg("%a is written %.*s", value, (int)length, text);
        }
    }
    print_message("%zu doubles\n", count);
}

/* 5^q * 2^-shift from the table against long multiplication by 5, in a way
 * that does not share code with the generator. */
static void the_table_of_powers_is_right(void **state)
{
    enum { LIMBS = 30 };
    uint32_t limbs[LIMBS] = {1};

    (void)state;
    if (getenv("MLS_TEST_VALGRIND")) {
        skip(); /* it computes long doubles with 64 bits only */
    }
    for (int q = 0; q <= MLSCORE_FIVE_LAST; q++) {
        /* The top 128 bits of the number in limbs. */
        int top = LIMBS - 1;
        while (limbs[top] == 0) {
            top--;
        }
        const int length = 32 * top + 32 - __builtin_clz(limbs[top]);
        uint64_t words[2] = {0, 0};
        for (int bit = 0; bit < 128; bit++) {
            const int at = length - 1 - bit;
            const uint64_t set = at >= 0 ? limbs[at / 32] >> at % 32 & 1 : 0;
            words[bit / 64] = words[bit / 64] << 1 | set;
        }
        const uint64_t *entry =
            mlscore_powers_of_five[q - MLSCORE_FIVE_FIRST];
        assert_true(entry[0] == words[0] && entry[1] == words[1]);
        uint64_t carry = 0;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)limbs[i] * 5;
            limbs[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    /* 5^-q times 5^q is a power of two, all but for the rounding. */
    for (int q = 1; q <= MLSCORE_FIVE_LAST; q++) {
        const uint64_t *a = mlscore_powers_of_five[q - MLSCORE_FIVE_FIRST];
        const uint64_t *b = mlscore_powers_of_five[-q - MLSCORE_FIVE_FIRST];
        const long double product =
            ((long double)a[0] + (long double)a[1] * 0x1p-64L) *
            ((long double)b[0] + (long double)b[1] * 0x1p-64L);
        int exponent;
        const long double fraction = frexpl(product, &exponent);
        assert_true(fabsl(fraction - 0.5L) < 1e-17L ||
                    fabsl(fraction - 1.0L) < 1e-17L);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_far_as_they_go),
        cmocka_unit_test(random_texts_are_read_like_strtod),
        cmocka_unit_test(half_way_points_round_to_even),
        cmocka_unit_test(long_numbers_are_exact),
        cmocka_unit_test(floats_are_rounded_once),
        cmocka_unit_test(whole_numbers_become_integers),
        cmocka_unit_test(numbers_are_written_as_people_do),
        cmocka_unit_test(random_numbers_are_written_shortest),
        cmocka_unit_test(millions_of_doubles_come_back),
        cmocka_unit_test(the_table_of_powers_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
