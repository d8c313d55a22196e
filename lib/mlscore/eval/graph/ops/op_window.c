/* SPDX-License-Identifier: Apache-2.0 */
/* Windows from attributes and shapes. */

#include "eval/graph/ops/op_window.h"

static void check_list(mlscore_prepare *prepare, const char *name,
                       const int64_t *values, size_t count, int64_t least)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] < least || values[i] > 1 << 20 ||
            count > 2 * MLSCORE_SPATIAL) {
            mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                 "attribute '%s' has values that are not "
                                 "supported", name);
            return;
        }
    }
}

void mlscore_take_sliding(mlscore_prepare *prepare, mlscore_sliding *out,
                          int pooling)
{
    static const char *const words[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER",
                                        "VALID", NULL};

    out->kernel = mlscore_take_ints(prepare, "kernel_shape",
                                    &out->kernel_count);
    out->strides = mlscore_take_ints(prepare, "strides", &out->stride_count);
    out->dilations = mlscore_take_ints(prepare, "dilations",
                                       &out->dilation_count);
    out->pads = mlscore_take_ints(prepare, "pads", &out->pad_count);
    out->auto_pad =
        (mlscore_auto_pad)mlscore_take_word(prepare, "auto_pad", words, 0);
    if (pooling) {
        out->ceil = mlscore_take_int(prepare, "ceil_mode", 0) != 0;
    }
    check_list(prepare, "kernel_shape", out->kernel, out->kernel_count, 1);
    check_list(prepare, "strides", out->strides, out->stride_count, 1);
    check_list(prepare, "dilations", out->dilations, out->dilation_count, 1);
    check_list(prepare, "pads", out->pads, out->pad_count, 0);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Number of windows along one dimension, and its padding. */
static void place_windows(const mlscore_sliding *sliding, mlscore_window *w,
                          int d)
{
    const int64_t reach = (w->size[d] - 1) * w->dilation[d] + 1;

    if (sliding->auto_pad == MLSCORE_PAD_SAME_UPPER ||
        sliding->auto_pad == MLSCORE_PAD_SAME_LOWER) {
        w->out[d] = ceil_div(w->in[d], w->stride[d]);
        int64_t pad = (w->out[d] - 1) * w->stride[d] + reach - w->in[d];

        pad = pad < 0 ? 0 : pad;
        w->before[d] = sliding->auto_pad == MLSCORE_PAD_SAME_UPPER
                           ? pad / 2 : pad - pad / 2;
        w->after[d] = pad - w->before[d];
        return;
    }
    if (sliding->auto_pad == MLSCORE_PAD_VALID) {
        w->before[d] = w->after[d] = 0;
    }
    const int64_t room = w->in[d] + w->before[d] + w->after[d] - reach;
    w->out[d] = room < 0 ? 0 : room / w->stride[d] + 1;
    if (sliding->ceil && room >= 0) {
        w->out[d] = ceil_div(room, w->stride[d]) + 1;
        if ((w->out[d] - 1) * w->stride[d] >= w->in[d] + w->before[d]) {
            w->out[d]--; /* a window must begin inside or in the first pad */
        }
    }
}

mlscore_status mlscore_make_window(const mlscore_call *call,
                                   const mlscore_sliding *sliding,
                                   const mlscore_tensor *in,
                                   const int64_t *kernel, mlscore_window *out)
{
    const int rank = in->rank - 2;
    const size_t n = (size_t)(rank < 0 ? 0 : rank);

    if (rank < 1 || rank > MLSCORE_SPATIAL) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "input with %d dimensions is not supported",
                                 in->rank);
    }
    if ((sliding->kernel && sliding->kernel_count != n) ||
        (sliding->strides && sliding->stride_count != n) ||
        (sliding->dilations && sliding->dilation_count != n) ||
        (sliding->pads && sliding->pad_count != 2 * n) ||
        (!sliding->kernel && !kernel)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "attributes do not fit %d spatial dimensions",
                                 rank);
    }
    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        const int i = d - (MLSCORE_SPATIAL - rank); /* of the attributes */

        out->in[d] = i < 0 ? 1 : in->dims[2 + i];
        out->size[d] = i < 0 ? 1 : sliding->kernel ? sliding->kernel[i]
                                                   : kernel[i];
        out->stride[d] = i < 0 || !sliding->strides ? 1 : sliding->strides[i];
        out->dilation[d] =
            i < 0 || !sliding->dilations ? 1 : sliding->dilations[i];
        out->before[d] = i < 0 || !sliding->pads ? 0 : sliding->pads[i];
        out->after[d] = i < 0 || !sliding->pads ? 0 : sliding->pads[rank + i];
        if (i < 0) {
            out->out[d] = 1;
        }
        else {
            place_windows(sliding, out, d);
        }
    }
    return MLSCORE_OK;
}
