/* SPDX-License-Identifier: Apache-2.0 */
/* Resize and Upsample: nearest, linear and cubic, one dimension at a time:
 * every output place is a weighted sum of input places along a dimension, so
 * dimensions are resampled one after the other. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

enum mode { NEAREST, LINEAR, CUBIC };
enum transform {
    HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, CROP_RESIZE,
    HALF_PIXEL_SYMMETRIC
};
enum nearest { ROUND_FLOOR, ROUND_CEIL, FLOOR, CEIL };
enum policy { STRETCH, NOT_LARGER, NOT_SMALLER };

struct resize_state {
    enum mode mode;
    enum transform transform;
    enum nearest nearest;
    enum policy policy;
    float cubic_a, outside_value;
    int exclude_outside, antialias;
    const int64_t *axes;
    size_t axis_count;
    const float *scales; /* Upsample before 9 */
    size_t scale_count;
    uint32_t roi_at, scales_at, sizes_at; /* inputs; 0: none */
};

/* What happens along one dimension. */
struct along {
    int64_t in, out;
    double scale;
    double roi_start, roi_end;
};

static mlscore_status prepare_resize(mlscore_prepare *prepare)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const transforms[] = {
        "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric",
        "tf_crop_and_resize", "half_pixel_symmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor",
                                            "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger",
                                           "not_smaller", NULL};
    const int upsample = prepare->node->kind->detail;
    const int old = upsample || prepare->node->version < 11;
    struct resize_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    if (upsample && prepare->node->version < 9) {
        state->scales = mlscore_take_floats(prepare, "scales",
                                            &state->scale_count);
    }
    state->mode = (enum mode)mlscore_take_word(prepare, "mode", modes, 0);
    state->transform = (enum transform)mlscore_take_word(
        prepare, "coordinate_transformation_mode", transforms,
        old ? ASYMMETRIC : HALF_PIXEL);
    state->nearest = (enum nearest)mlscore_take_word(
        prepare, "nearest_mode", roundings, old ? FLOOR : ROUND_FLOOR);
    state->policy = (enum policy)mlscore_take_word(
        prepare, "keep_aspect_ratio_policy", policies, 0);
    state->cubic_a = mlscore_take_float(prepare, "cubic_coeff_a", -0.75f);
    state->outside_value =
        mlscore_take_float(prepare, "extrapolation_value", 0);
    state->exclude_outside =
        mlscore_take_int(prepare, "exclude_outside", 0) != 0;
    state->antialias = mlscore_take_int(prepare, "antialias", 0) != 0;
    state->axes = mlscore_take_ints(prepare, "axes", &state->axis_count);
    state->scales_at = old ? 1 : 2;
    state->roi_at = old ? 0 : 1;
    state->sizes_at = old ? 0 : 3;
    prepare->node->state = state;
    return prepare->status;
}

/* --- sizes
 * ---------------------------------------------------------------------- */

/* An input list that is there and not empty. */
static int has_list(const mlscore_call *call, uint32_t i)
{
    return i && mlscore_has_input(call, i) &&
           !(mlscore_tensor_known(call->in[i]) &&
             mlscore_tensor_count(call->in[i]) == 0);
}

static mlscore_status axis_list(const mlscore_call *call, int *axes,
                                size_t *count)
{
    const struct resize_state *state = call->state;
    const int rank = call->in[0]->rank;
    mlscore_status status = MLSCORE_OK;

    *count = state->axis_count ? state->axis_count : (size_t)rank;
    if (*count > (size_t)rank) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT, "too many axes");
    }
    for (size_t i = 0; !status && i < *count; i++) {
        status = state->axis_count
                     ? mlscore_need_axis(call, state->axes[i], rank, &axes[i])
                     : MLSCORE_OK;
        axes[i] = state->axis_count ? axes[i] : (int)i;
    }
    return status;
}

static mlscore_status from_scales(const mlscore_call *call,
                                  struct along *along, const int *axes,
                                  size_t count, int *known)
{
    const struct resize_state *state = call->state;
    double scales[MAX];

    if (state->scales) {
        for (size_t i = 0; i < count && i < state->scale_count; i++) {
            scales[i] = state->scales[i];
        }
        *known = state->scale_count == count;
    }
    else {
        const mlscore_tensor *in = call->in[state->scales_at];

        if (!in->data) {
            *known = 0;
            return MLSCORE_OK;
        }
        if (mlscore_tensor_count(in) != count) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "%zu scales for %zu dimensions",
                                     mlscore_tensor_count(in), count);
        }
        mlscore_elements_to_double(scales, in->data, in->type, count);
    }
    for (size_t i = 0; *known && i < count; i++) {
        struct along *a = &along[axes[i]];

        if (!(scales[i] > 0) || scales[i] * (double)a->in > 1e9) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "a scale is impossible");
        }
        a->scale = scales[i];
        a->out = state->transform == CROP_RESIZE
                     ? (int64_t)floor((a->roi_end - a->roi_start) *
                                      (double)a->in * scales[i])
                     : (int64_t)floor((double)a->in * scales[i]);
    }
    return MLSCORE_OK;
}

static mlscore_status from_sizes(const mlscore_call *call, struct along *along,
                                 const int *axes, size_t count, int *known)
{
    const struct resize_state *state = call->state;
    int64_t sizes[MAX];
    size_t given;
    double kept = 0;
    mlscore_status status = mlscore_int_input(call, state->sizes_at, sizes,
                                              MAX, &given, known);

    if (status || !*known) {
        return status;
    }
    if (given != count) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu sizes for %zu dimensions", given, count);
    }
    for (size_t i = 0; i < count; i++) {
        struct along *a = &along[axes[i]];

        if (sizes[i] < 0 || sizes[i] > INT32_MAX || a->in == 0) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "a size is impossible");
        }
        a->out = sizes[i];
        a->scale = (double)sizes[i] / (double)a->in;
        kept = i == 0                          ? a->scale
               : state->policy == NOT_LARGER ? fmin(kept, a->scale)
                                               : fmax(kept, a->scale);
    }
    for (size_t i = 0; state->policy != STRETCH && i < count; i++) {
        struct along *a = &along[axes[i]];

        a->scale = kept;
        a->out = (int64_t)floor(kept * (double)a->in + 0.5);
    }
    return MLSCORE_OK;
}

static mlscore_status plan_along(const mlscore_call *call, struct along *along,
                                 int *known)
{
    const struct resize_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int axes[MAX];
    size_t count;
    mlscore_status status = axis_list(call, axes, &count);

    *known = 1;
    for (int d = 0; d < in->rank; d++) {
        along[d] = (struct along){in->dims[d], in->dims[d], 1, 0, 1};
    }
    if (!status && state->transform == CROP_RESIZE &&
        has_list(call, state->roi_at)) {
        const mlscore_tensor *roi = call->in[state->roi_at];
        double bounds[2 * MAX];

        if (!roi->data || mlscore_tensor_count(roi) != 2 * count) {
            *known = roi->data != NULL;
            return *known ? mlscore_call_fail(call, MLSCORE_EFORMAT,
                                              "'roi' does not fit")
                          : MLSCORE_OK;
        }
        mlscore_elements_to_double(bounds, roi->data, roi->type, 2 * count);
        for (size_t i = 0; i < count; i++) {
            along[axes[i]].roi_start = bounds[i];
            along[axes[i]].roi_end = bounds[count + i];
        }
    }
    if (status) {
        return status;
    }
    if (has_list(call, state->sizes_at)) {
        return from_sizes(call, along, axes, count, known);
    }
    if (state->scales || has_list(call, state->scales_at)) {
        return from_scales(call, along, axes, count, known);
    }
    return mlscore_call_fail(call, MLSCORE_EFORMAT,
                             "needs either scales or sizes");
}

static mlscore_status infer_resize(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    struct along along[MAX];
    int known;
    mlscore_status status = mlscore_need_types(
        call, 0, MLSCORE_DTS_NUMBER);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !mlscore_tensor_known(in)) {
        return status;
    }
    status = plan_along(call, along, &known);
    if (status || !known) {
        return status;
    }
    mlscore_out_shape(call, 0, in->type, in);
    /* Two buffers of doubles, as large as the largest step between. */
    size_t most = mlscore_tensor_count(in), count = most;
    for (int d = 0; d < in->rank; d++) {
        call->out[0]->dims[d] = along[d].out;
        count = along[d].in ? count / (size_t)along[d].in *
                                  (size_t)along[d].out : 0;
        most = count > most ? count : most;
    }
    if (most > (size_t)1 << 28) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "the result is too "
                                 "large");
    }
    call->work_size = 2 * most * sizeof(double) + 64;
    return MLSCORE_OK;
}

/* --- one dimension
 * ---------------------------------------------------------------- */

/* Where output place i lies in the input. */
static double source_of(const struct resize_state *state,
                        const struct along *a, int64_t i)
{
    const double x = (double)i, in = (double)a->in;
    /* With sizes, the length of the output is exact; with scales, what the
     * scale would have made counts. */
    const double out = a->scale * in;

    switch (state->transform) {
    case HALF_PIXEL: return (x + 0.5) / a->scale - 0.5;
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / a->scale - 0.5 : 0;
    case ALIGN_CORNERS:
        return out <= 1 ? 0 : x * (in - 1) / (out - 1);
    case ASYMMETRIC: return x / a->scale;
    case HALF_PIXEL_SYMMETRIC: {
        const double adjust = (double)a->out / out;
        const double centre = in / 2;

        return centre * (1 - adjust) + (x + 0.5) / a->scale - 0.5;
    }
    case CROP_RESIZE:
        return a->out > 1
                   ? a->roi_start * (in - 1) +
                         x * (a->roi_end - a->roi_start) * (in - 1) /
                             ((double)a->out - 1)
                   : 0.5 * (a->roi_start + a->roi_end) * (in - 1);
    }
    return x;
}

static double nearest_to(enum nearest rounding, double x)
{
    switch (rounding) {
    case ROUND_FLOOR: return x == floor(x) + 0.5 ? floor(x) : floor(x + 0.5);
    case ROUND_CEIL: return floor(x + 0.5);
    case FLOOR: return floor(x);
    default: return ceil(x);
    }
}

/* Weight of an input place at distance d, in the filter of a mode. */
static double filter(const struct resize_state *state, double d)
{
    const double a = state->cubic_a, x = fabs(d);

    if (state->mode == LINEAR) {
        return x < 1 ? 1 - x : 0;
    }
    if (x <= 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static int64_t clamp(int64_t x, int64_t most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

/* The value of one output place; `in` walks with `step`. */
static double sample(const struct resize_state *state, const struct along *a,
                     int64_t i, const double *in, size_t step)
{
    const double x = source_of(state, a, i);
    const double shrink =
        state->antialias && a->scale < 1 ? a->scale : 1;
    const double reach = (state->mode == CUBIC ? 2 : 1) / shrink;
    double sum = 0, weights = 0;

    if (state->transform == CROP_RESIZE &&
        (x < 0 || x > (double)a->in - 1)) {
        return state->outside_value;
    }
    if (state->mode == NEAREST) {
        return in[(size_t)clamp((int64_t)nearest_to(state->nearest, x),
                                a->in - 1) * step];
    }
    for (int64_t k = (int64_t)floor(x - reach) + 1;
         (double)k < x + reach; k++) {
        const double weight = filter(state, ((double)k - x) * shrink);
        const int outside = k < 0 || k >= a->in;

        if (outside && state->exclude_outside) {
            continue;
        }
        weights += weight;
        sum += weight * in[(size_t)clamp(k, a->in - 1) * step];
    }
    return weights != 0 ? sum / weights : 0;
}

static void resample(const struct resize_state *state, const struct along *a,
                     size_t outer, size_t inner, const double *in, double *out)
{
    for (size_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < a->out; i++) {
            for (size_t j = 0; j < inner; j++) {
                out[(o * (size_t)a->out + (size_t)i) * inner + j] =
                    sample(state, a, i, in + o * (size_t)a->in * inner + j,
                           inner);
            }
        }
    }
}

static void store(mlscore_tensor *out, const double *from)
{
    const size_t count = mlscore_tensor_count(out);
    const size_t size = mlscore_dtype_size(out->type);

    for (size_t i = 0; i < count; i++) {
        if (out->type == MLSCORE_DT_FLOAT) {
            ((float *)out->data)[i] = (float)from[i];
        }
        else if (out->type == MLSCORE_DT_DOUBLE) {
            ((double *)out->data)[i] = from[i];
        }
        else {
            const int64_t whole = (int64_t)from[i];

            memcpy((char *)out->data + i * size, &whole, size);
        }
    }
}

/* Is the dimension left as it is? */
static int is_kept(const struct resize_state *state, const struct along *a)
{
    return a->in == a->out && a->scale == 1 &&
           (state->transform != CROP_RESIZE ||
            (a->roi_start == 0 && a->roi_end == 1));
}

static mlscore_status run_resize(const mlscore_call *call)
{
    const struct resize_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    struct along along[MAX];
    int known;
    mlscore_status status = plan_along(call, along, &known);
    double *from = call->work, *to = from;
    const size_t count = mlscore_tensor_count(in);

    if (status || count == 0 || mlscore_tensor_count(call->out[0]) == 0) {
        return status;
    }
    to += (call->work_size - 64) / sizeof(double) / 2;
    mlscore_elements_to_double(from, in->data, in->type, count);
    mlscore_tensor shape = *in;
    for (int d = in->rank - 1; d >= 0; d--) {
        if (is_kept(state, &along[d])) {
            continue;
        }
        resample(state, &along[d], mlscore_tensor_span(&shape, 0, d),
                 mlscore_tensor_span(&shape, d + 1, shape.rank), from, to);
        shape.dims[d] = along[d].out;
        double *swap = from;
        from = to;
        to = swap;
    }
    store(call->out[0], from);
    return MLSCORE_OK;
}

static int batch_resize(const mlscore_call *call, const int *in, int *out)
{
    struct along along[MAX];
    int known;

    out[0] = in[0];
    return in[0] < 0 || (!plan_along(call, along, &known) && known &&
                         is_kept(call->state, &along[in[0]]));
}

static const mlscore_op rows[] = {
    {"", "Resize", 10, 0, 1, 4, 1, 1, 0, 0xe, 0, prepare_resize, infer_resize,
     run_resize, batch_resize, NULL, 0},
    {"", "Upsample", 7, 0, 1, 2, 1, 1, 0, 2, 0, prepare_resize, infer_resize,
     run_resize, batch_resize, NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_resize, rows);
