/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions against their definition, and pooling by tables. */

#include "../support.h"

#include "kernel/conv.h"
#include "kernel/pool.h"

static uint32_t seed = 7;

static float *numbers(size_t count)
{
    float *list = malloc((count + 1) * sizeof(*list));

    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        list[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
    return list;
}

static const struct {
    const char *name;
    size_t channels, filters, groups;
    int64_t height, width, kernel, stride, dilation, before, after;
} cases[] = {
    {"one by one", 5, 7, 1, 9, 11, 1, 1, 1, 0, 0},
    {"three by three, padded", 4, 6, 1, 13, 10, 3, 1, 1, 1, 1},
    {"strided", 3, 8, 1, 17, 15, 3, 2, 1, 1, 1},
    {"padded on one side", 3, 8, 1, 12, 12, 3, 2, 1, 0, 1},
    {"dilated", 2, 3, 1, 16, 16, 3, 1, 2, 2, 2},
    {"two groups", 4, 6, 2, 8, 9, 3, 1, 1, 1, 1},
    {"a channel each", 6, 6, 6, 10, 10, 3, 1, 1, 1, 1},
    {"a channel each, strided", 6, 6, 6, 11, 13, 5, 2, 1, 2, 2},
    {"padding wider than the picture", 2, 2, 1, 3, 3, 5, 1, 1, 4, 4},
    {"many channels", 64, 40, 1, 30, 30, 3, 1, 1, 1, 1},
};

static mlscore_conv conv_of(size_t i)
{
    mlscore_conv conv = {.channels = cases[i].channels,
                         .filters = cases[i].filters,
                         .groups = cases[i].groups};

    for (int d = 0; d < 3; d++) {
        mlscore_window *w = &conv.window;

        w->in[d] = d == 0 ? 1 : d == 1 ? cases[i].height : cases[i].width;
        w->size[d] = d == 0 ? 1 : cases[i].kernel;
        w->stride[d] = d == 0 ? 1 : cases[i].stride;
        w->dilation[d] = d == 0 ? 1 : cases[i].dilation;
        w->before[d] = d == 0 ? 0 : cases[i].before;
        w->after[d] = d == 0 ? 0 : cases[i].after;
        w->out[d] = (w->in[d] + w->before[d] + w->after[d] -
                     (w->size[d] - 1) * w->dilation[d] - 1) /
                        w->stride[d] + 1;
    }
    return conv;
}

static void test_convolutions_equal_their_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const mlscore_conv conv = conv_of(i);
        const size_t out = conv.filters * mlscore_volume(conv.window.out);
        float *x = numbers(conv.channels * mlscore_volume(conv.window.in));
        float *w = numbers(conv.filters * conv.channels / conv.groups *
                           mlscore_volume(conv.window.size));
        float *bias = numbers(conv.filters), *have = numbers(out);
        float *want = numbers(out);
        void *work = aligned_alloc(
            64, mlscore_conv_work(&conv) / 64 * 64 + 64);

        mlscore_conv_run(&conv, x, w, bias, have, work);
        mlscore_conv_reference(&conv, x, w, bias, want);
        for (size_t j = 0; j < out; j++) {
            if (!(fabsf(have[j] - want[j]) < 1e-4f)) {
                fail_msg("%s: element %zu is %g, not %g", cases[i].name, j,
                         (double)have[j], (double)want[j]);
            }
        }
        free(x);
        free(w);
        free(bias);
        free(have);
        free(want);
        free(work);
    }
}

/* <conv(x), y> = <x, transpose(y)> for any x and y. */
static void test_the_transpose_is_the_adjoint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const mlscore_conv conv = conv_of(i);
        const size_t in = conv.channels * mlscore_volume(conv.window.in);
        const size_t out = conv.filters * mlscore_volume(conv.window.out);
        float *x = numbers(in), *y = numbers(out);
        float *w = numbers(conv.filters * conv.channels / conv.groups *
                           mlscore_volume(conv.window.size));
        float *forth = numbers(out), *back = numbers(in);
        double a = 0, b = 0;

        mlscore_conv_reference(&conv, x, w, NULL, forth);
        mlscore_conv_transpose(&conv, y, w, NULL, back);
        for (size_t j = 0; j < out; j++) {
            a += (double)forth[j] * y[j];
        }
        for (size_t j = 0; j < in; j++) {
            b += (double)back[j] * x[j];
        }
        assert_true(fabs(a - b) < 1e-2);
        free(x);
        free(y);
        free(w);
        free(forth);
        free(back);
    }
}

static void test_pooling_of_a_line(void **state)
{
    const float x[5] = {1, 4, 2, -3, 5};
    const mlscore_window window = {
        .in = {1, 1, 5}, .out = {1, 1, 3}, .size = {1, 1, 3},
        .stride = {1, 1, 2}, .dilation = {1, 1, 1}, .before = {0, 0, 1},
        .after = {0, 0, 1},
    };
    float out[3];
    int64_t places[3];

    (void)state;
    mlscore_max_pool(&window, MLSCORE_DT_FLOAT, x, out, places, 0);
    assert_true(out[0] == 4 && out[1] == 4 && out[2] == 5);
    assert_true(places[0] == 1 && places[1] == 1 && places[2] == 4);
    mlscore_average_pool(&window, MLSCORE_DT_FLOAT, x, out, 0);
    assert_true(out[0] == 2.5f && out[1] == 1 && out[2] == 1);
    mlscore_average_pool(&window, MLSCORE_DT_FLOAT, x, out, 1);
    assert_true(fabsf(out[0] - 5.0f / 3) < 1e-6f && out[1] == 1 &&
                fabsf(out[2] - 2.0f / 3) < 1e-6f);
    mlscore_norm_pool(&window, MLSCORE_DT_FLOAT, x, out, 2);
    assert_true(fabsf(out[0] - sqrtf(17)) < 1e-5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions_equal_their_definition),
        cmocka_unit_test(test_the_transpose_is_the_adjoint),
        cmocka_unit_test(test_pooling_of_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
