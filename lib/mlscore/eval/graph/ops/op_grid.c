/* SPDX-License-Identifier: Apache-2.0 */
/* GridSample: values of a picture at places that a grid names. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ops.h"

enum { LINEAR, NEAREST, CUBIC, MOST_DIMS = 3 };
enum { ZEROS, BORDER, REFLECTION };

struct grid_state {
    int mode, padding, align_corners;
};

static mlscore_status prepare_grid(mlscore_prepare *prepare)
{
    /* Both generations of names, the older ones with two letters before. */
    static const char *const modes[] = {"linear",   "nearest", "cubic",
                                        "bilinear", "bicubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection",
                                           NULL};
    struct grid_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        const int mode = mlscore_take_word(prepare, "mode", modes, LINEAR);

        state->mode = mode == 3 ? LINEAR : mode == 4 ? CUBIC : mode;
        state->padding =
            mlscore_take_word(prepare, "padding_mode", paddings, ZEROS);
        state->align_corners =
            mlscore_take_int(prepare, "align_corners", 0) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_grid(mlscore_call *call)
{
    const struct grid_state *state = call->state;
    const mlscore_tensor *x = call->in[0], *grid = call->in[1];
    int64_t dims[MOST_DIMS + 2];
    mlscore_status status =
        mlscore_need_types(call, 0, MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));

    status =
        status ? status
               : mlscore_need_types(call, 1, MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
    mlscore_out_unknown(call, 0, x->type);
    if (status || x->rank < 0 || grid->rank < 0) {
        return status;
    }
    const int spatial = x->rank - 2;
    if (spatial < 1 || spatial > MOST_DIMS || grid->rank != x->rank ||
        (grid->dims[grid->rank - 1] >= 0 &&
         grid->dims[grid->rank - 1] != spatial) ||
        (x->dims[0] >= 0 && grid->dims[0] >= 0 &&
         x->dims[0] != grid->dims[0])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "input and grid do not fit");
    }
    if (state->mode == CUBIC && spatial != 2) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "cubic is for two dimensions only");
    }
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    for (int d = 0; d < spatial; d++) {
        dims[2 + d] = grid->dims[1 + d];
    }
    mlscore_out_dims(call, 0, x->type, x->rank, dims);
    return MLSCORE_OK;
}

/* Into [low, high] by mirroring at its ends. */
static float reflect(float x, float low, float high)
{
    const float range = high - low;

    if (!(range > 0)) {
        return low;
    }
    float t = fabsf(x - low);
    const float turns = floorf(t / range);
    t -= turns * range;
    return fmodf(turns, 2) == 0 ? low + t : high - t;
}

/* A coordinate of the picture from one of the grid (-1..1). */
static float coordinate(const struct grid_state *state, float x, int64_t size)
{
    const float length = (float)size;

    return state->align_corners ? (x + 1) / 2 * (length - 1)
                                : ((x + 1) * length - 1) / 2;
}

static float padded(const struct grid_state *state, float x, int64_t size)
{
    const float length = (float)size;

    if (state->padding == BORDER) {
        return x < 0 ? 0 : x > length - 1 ? length - 1 : x;
    }
    if (state->padding == REFLECTION) {
        x = state->align_corners ? reflect(x, 0, length - 1)
                                 : reflect(x, -0.5f, length - 0.5f);
        return x < 0 ? 0 : x > length - 1 ? length - 1 : x;
    }
    return x;
}

/* The element at whole places (dims.. of them), by the padding's rule. */
static float pixel(const struct grid_state *state, const float *plane,
                   const int64_t *sizes, int dims, const float *at)
{
    size_t place = 0;

    for (int d = 0; d < dims; d++) {
        const float x = padded(state, at[d], sizes[d]);

        if (!(x >= 0 && x <= (float)(sizes[d] - 1))) {
            return 0; /* outside, or NaN */
        }
        place = place * (size_t)sizes[d] + (size_t)x;
    }
    return plane[place];
}

static float linear(const struct grid_state *state, const float *plane,
                    const int64_t *sizes, int dims, const float *at)
{
    float sum = 0;

    for (int corner = 0; corner < 1 << dims; corner++) {
        float where[MOST_DIMS], weight = 1;

        for (int d = 0; d < dims; d++) {
            const float low = floorf(at[d]);
            const int high = corner >> d & 1;

            where[d] = low + (float)high;
            weight *= high ? at[d] - low : 1 - (at[d] - low);
        }
        if (weight != 0) {
            sum += weight * pixel(state, plane, sizes, dims, where);
        }
    }
    return sum;
}

/* Weights of four neighbours at distance t from the second (a = -0.75). */
static void cubic_weights(float t, float *w)
{
    static const float a = -0.75f;
    const float s = 1 - t;

    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * s - (a + 3)) * s * s + 1;
    w[3] = ((a * (s + 1) - 5 * a) * (s + 1) + 8 * a) * (s + 1) - 4 * a;
}

static float cubic(const struct grid_state *state, const float *plane,
                   const int64_t *sizes, const float *at)
{
    const float top = floorf(at[0]), left = floorf(at[1]);
    float down[4], across[4], sum = 0;

    cubic_weights(at[0] - top, down);
    cubic_weights(at[1] - left, across);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            const float where[2] = {top + (float)i - 1, left + (float)j - 1};

            sum += down[i] * across[j] * pixel(state, plane, sizes, 2, where);
        }
    }
    return sum;
}

static float sample(const struct grid_state *state, const float *plane,
                    const int64_t *sizes, int dims, const float *at)
{
    float whole[MOST_DIMS];

    if (state->mode == CUBIC) {
        return cubic(state, plane, sizes, at);
    }
    if (state->mode == LINEAR) {
        return linear(state, plane, sizes, dims, at);
    }
    for (int d = 0; d < dims; d++) {
        whole[d] = rintf(at[d]);
    }
    return pixel(state, plane, sizes, dims, whole);
}

static mlscore_status run_grid(const mlscore_call *call)
{
    const struct grid_state *state = call->state;
    const mlscore_tensor *x = call->in[0], *grid = call->in[1];
    const int dims = x->rank - 2;
    const int64_t *sizes = x->dims + 2;
    const size_t channels = (size_t)x->dims[1];
    const size_t in = mlscore_tensor_span(x, 2, x->rank);
    const size_t out = mlscore_tensor_span(call->out[0], 2, x->rank);
    float *y = call->out[0]->data;

    for (size_t n = 0; n < (size_t)x->dims[0]; n++) {
        for (size_t p = 0; p < out; p++) {
            const float *from =
                (const float *)grid->data + (n * out + p) * (size_t)dims;
            float at[MOST_DIMS];

            for (int d = 0; d < dims; d++) { /* the grid says x before y */
                at[d] = coordinate(state, from[dims - 1 - d], sizes[d]);
                if (state->mode != CUBIC) {
                    at[d] = padded(state, at[d], sizes[d]);
                }
            }
            for (size_t c = 0; c < channels; c++) {
                const float *plane =
                    (const float *)x->data + (n * channels + c) * in;

                y[(n * channels + c) * out + p] =
                    sample(state, plane, sizes, dims, at);
            }
        }
    }
    return MLSCORE_OK;
}

static int batch_grid(const mlscore_call *call, const int *in, int *out)
{
    out[0] = 0;
    return in[0] == 0 && in[1] == 0;
}

static const mlscore_op rows[] = {
    {"", "GridSample", 16, 0, 2, 2, 1, 1, 0, 0, 0, prepare_grid, infer_grid,
     run_grid, batch_grid, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_grid, rows);
