/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions against their definition, for windows of every kind. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kernel/conv.h"
#include "kernel/conv_panels.h"
#include "kernel/cpu.h"

/* Numbers of few bits: sums are exact in any order. */
static float *numbers(size_t count, unsigned seed)
{
    float *out = malloc(count * sizeof(*out) + 1);

    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (float)((int)(seed >> 27) - 16) / 4;
    }
    return out;
}

static const struct {
    const char *name;
    int padded; /* by panels of a padded picture, or 1 x 1 */
    int64_t in[3], size[3], stride[3], dilation[3], before[3], after[3];
    size_t channels, filters, groups;
} cases[] = {
    {"3 x 3, padded",
     1,
     {1, 13, 17},
     {1, 3, 3},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     5,
     9,
     1},
    {"lines shorter than a panel",
     1,
     {1, 7, 7},
     {1, 3, 3},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     40,
     20,
     1},
    {"a panel holds many lines",
     1,
     {1, 30, 2},
     {1, 3, 1},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 0},
     {0, 1, 0},
     3,
     4,
     1},
    {"stride 2",
     1,
     {1, 14, 15},
     {1, 3, 3},
     {1, 2, 2},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     4,
     6,
     1},
    {"7 x 7, stride 2",
     1,
     {1, 20, 22},
     {1, 7, 7},
     {1, 2, 2},
     {1, 1, 1},
     {0, 3, 3},
     {0, 3, 3},
     3,
     8,
     1},
    {"stride 3 and dilation 2",
     1,
     {1, 19, 25},
     {1, 3, 4},
     {1, 2, 3},
     {1, 3, 2},
     {0, 2, 5},
     {0, 1, 0},
     2,
     5,
     1},
    {"uneven padding",
     1,
     {1, 5, 40},
     {1, 2, 5},
     {1, 1, 1},
     {1, 1, 1},
     {0, 0, 4},
     {0, 1, 0},
     3,
     3,
     1},
    {"pointwise",
     1,
     {1, 9, 11},
     {1, 1, 1},
     {1, 1, 1},
     {1, 1, 1},
     {0, 0, 0},
     {0, 0, 0},
     300,
     7,
     1},
    {"pointwise, stride 2",
     1,
     {1, 9, 11},
     {1, 1, 1},
     {1, 2, 2},
     {1, 1, 1},
     {0, 0, 0},
     {0, 0, 0},
     30,
     7,
     1},
    {"three dimensions",
     1,
     {6, 7, 8},
     {2, 3, 3},
     {2, 1, 1},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 1},
     3,
     4,
     1},
    {"groups",
     1,
     {1, 8, 9},
     {1, 3, 3},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     6,
     4,
     2},
    {"one channel each",
     1,
     {1, 8, 9},
     {1, 3, 3},
     {1, 2, 1},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     6,
     6,
     6},
    {"more places than a tile",
     1,
     {1, 30, 31},
     {1, 3, 3},
     {1, 1, 1},
     {1, 1, 1},
     {0, 1, 1},
     {0, 1, 1},
     2,
     3,
     1},
    {"far more padding than picture",
     0,
     {1, 3, 3},
     {1, 3, 3},
     {1, 90, 90},
     {1, 1, 1},
     {0, 400, 400},
     {0, 400, 400},
     2,
     3,
     1},
};

static mlscore_conv make_case(size_t i)
{
    mlscore_conv conv = {.channels = cases[i].channels,
                         .filters = cases[i].filters,
                         .groups = cases[i].groups};

    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        mlscore_window *w = &conv.window;

        w->in[d] = cases[i].in[d];
        w->size[d] = cases[i].size[d];
        w->stride[d] = cases[i].stride[d];
        w->dilation[d] = cases[i].dilation[d];
        w->before[d] = cases[i].before[d];
        w->after[d] = cases[i].after[d];
        w->out[d] = (w->in[d] + w->before[d] + w->after[d] -
                     (w->size[d] - 1) * w->dilation[d] - 1) /
                        w->stride[d] +
                    1;
    }
    return conv;
}

static void compare(const mlscore_conv *conv, int with_bias)
{
    const size_t in = conv->channels * mlscore_volume(conv->window.in);
    const size_t out = conv->filters * mlscore_volume(conv->window.out);
    const size_t count = conv->filters * conv->channels / conv->groups *
                         mlscore_volume(conv->window.size);
    float *x = numbers(in, 1), *weights = numbers(count, 2);
    float *bias = numbers(conv->filters, 3);
    float *y = numbers(out, 4), *expected = numbers(out, 5);
    void *work = mlscore_malloc_aligned(mlscore_conv_work(conv) + 1);

    assert_non_null(work);
    mlscore_conv_run(conv, x, weights, with_bias ? bias : NULL, y, work);
    mlscore_conv_reference(conv, x, weights, with_bias ? bias : NULL, expected);
    for (size_t i = 0; i < out; i++) {
        const float want = conv->relu && expected[i] < 0 ? 0 : expected[i];
        assert_true(y[i] == want);
    }
    mlscore_free(work);
    free(x);
    free(weights);
    free(bias);
    free(y);
    free(expected);
}

static void test_results_are_those_of_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mlscore_conv conv = make_case(i);
        mlscore_padded padded;

        print_message("%s\n", cases[i].name);
        assert_int_equal(mlscore_padded_make(&padded, &conv), cases[i].padded);
        compare(&conv, 0);
        conv.relu = 1;
        compare(&conv, 1);
    }
}

static void test_results_do_not_depend_on_the_instructions(void **state)
{
    (void)state;
    static const char *const levels[] = {"plain", "avx2"};

    for (size_t l = 0; l < sizeof(levels) / sizeof(*levels); l++) {
        setenv("MLSCORE_INSTRUCTIONS", levels[l], 1);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            const mlscore_conv conv = make_case(i);
            compare(&conv, 1);
        }
    }
    unsetenv("MLSCORE_INSTRUCTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_are_those_of_the_definition),
        cmocka_unit_test(test_results_do_not_depend_on_the_instructions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
