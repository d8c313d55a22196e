/* SPDX-License-Identifier: Apache-2.0 */
/* Conv and ConvTranspose. */

#include <string.h>

#include "eval/graph/ops/op_window.h"
#include "eval/graph/ops/ops.h"
#include "kernel/conv.h"

struct conv_state {
    mlscore_sliding sliding;
    int64_t groups;
    int relu; /* fused */
    /* ConvTranspose */
    const int64_t *output_padding, *output_shape;
    size_t output_padding_count, output_shape_count;
};

mlscore_status mlscore_conv_prepare(mlscore_prepare *prepare)
{
    struct conv_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    mlscore_take_sliding(prepare, &state->sliding, 0);
    state->groups = mlscore_take_int(prepare, "group", 1);
    if (prepare->node->kind->detail == 1) {
        state->output_padding = mlscore_take_ints(
            prepare, "output_padding", &state->output_padding_count);
        state->output_shape = mlscore_take_ints(prepare, "output_shape",
                                                &state->output_shape_count);
    }
    if (prepare->node->kind->detail == 2) {
        state->relu = mlscore_take_int(prepare, "relu", 0) != 0;
    }
    prepare->node->state = state;
    if (state->groups < 1 || state->groups > 1 << 20) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "'group' is impossible");
    }
    return prepare->status;
}

static mlscore_status check_types(const mlscore_call *call)
{
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_REAL);

    for (uint32_t i = 1; !status && i < call->in_count; i++) {
        if (call->in[i] && call->in[i]->type != call->in[0]->type) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "inputs of different types");
        }
    }
    return status;
}

/* --- Conv
 * ------------------------------------------------------------------------- */

static mlscore_status make_conv(const mlscore_call *call, mlscore_conv *conv)
{
    const struct conv_state *state = call->state;
    const mlscore_tensor *x = call->in[0], *w = call->in[1];
    char xs[128], ws[128];

    memset(conv, 0, sizeof(*conv));
    if (w->rank != x->rank || x->rank < 3) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "%d-dimensional input and %d-dimensional "
                                 "weights", x->rank, w->rank);
    }
    conv->groups = (size_t)state->groups;
    conv->relu = state->relu;
    conv->channels = (size_t)x->dims[1];
    conv->filters = (size_t)w->dims[0];
    if (conv->channels != conv->groups * (size_t)w->dims[1] ||
        conv->filters % conv->groups ||
        (mlscore_has_input(call, 2) &&
         mlscore_tensor_count(call->in[2]) != conv->filters)) {
        return mlscore_call_fail(
            call, MLSCORE_EFORMAT, "input %s and weights %s do not fit",
            mlscore_tensor_shape_text(x, xs, sizeof(xs)),
            mlscore_tensor_shape_text(w, ws, sizeof(ws)));
    }
    mlscore_status status = mlscore_make_window(call, &state->sliding, x,
                                                w->dims + 2, &conv->window);
    for (int d = 0; !status && d < x->rank - 2; d++) {
        if (conv->window.size[3 - (x->rank - 2) + d] != w->dims[2 + d]) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "'kernel_shape' is not the weights'");
        }
    }
    return status;
}

mlscore_status mlscore_conv_infer(mlscore_call *call)
{
    const mlscore_tensor *x = call->in[0], *w = call->in[1];
    mlscore_status status = check_types(call);
    mlscore_conv conv;

    mlscore_out_unknown(call, 0, x->type);
    if (status || !mlscore_tensor_known(x) || !mlscore_tensor_known(w)) {
        return status;
    }
    status = make_conv(call, &conv);
    if (status) {
        return status;
    }
    int64_t dims[MLSCORE_TENSOR_RANK] = {x->dims[0], w->dims[0]};
    for (int d = 2; d < x->rank; d++) {
        dims[d] = conv.window.out[MLSCORE_SPATIAL - x->rank + d];
    }
    mlscore_out_dims(call, 0, x->type, x->rank, dims);
    call->work_size = mlscore_conv_work(&conv);
    return MLSCORE_OK;
}

mlscore_status mlscore_conv_run_call(const mlscore_call *call)
{
    const mlscore_tensor *x = call->in[0], *w = call->in[1];
    mlscore_conv conv;
    mlscore_status status = make_conv(call, &conv);

    if (status) {
        return status;
    }
    const size_t in = conv.channels * mlscore_volume(conv.window.in);
    const size_t out = conv.filters * mlscore_volume(conv.window.out);
    const void *bias = mlscore_has_input(call, 2) ? call->in[2]->data : NULL;
    for (size_t n = 0; n < (size_t)x->dims[0]; n++) {
        if (x->type == MLSCORE_DT_DOUBLE) {
            mlscore_conv_double(&conv, (const double *)x->data + n * in,
                                w->data, bias,
                                (double *)call->out[0]->data + n * out);
            continue;
        }
        float *y = (float *)call->out[0]->data + n * out;
        mlscore_conv_run(&conv, (const float *)x->data + n * in, w->data, bias,
                         y, call->work);
    }
    return MLSCORE_OK;
}

/* --- ConvTranspose
 * ---------------------------------------------------------------------- */

/* The convolution whose transpose this is: its output is our input. */
static mlscore_status make_transpose(const mlscore_call *call,
                                     mlscore_conv *conv)
{
    const struct conv_state *state = call->state;
    const mlscore_tensor *x = call->in[0], *w = call->in[1];
    const mlscore_sliding *s = &state->sliding;
    const int rank = x->rank - 2;
    const size_t n = (size_t)(rank < 0 ? 0 : rank);

    memset(conv, 0, sizeof(*conv));
    conv->groups = (size_t)state->groups;
    if (rank < 1 || rank > MLSCORE_SPATIAL || w->rank != x->rank ||
        x->dims[1] != w->dims[0] || (size_t)w->dims[0] % conv->groups ||
        (s->strides && s->stride_count != n) ||
        (s->dilations && s->dilation_count != n) ||
        (s->pads && s->pad_count != 2 * n) ||
        (state->output_padding_count && state->output_padding_count != n) ||
        (state->output_shape_count && state->output_shape_count != n)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "input, weights and attributes do not fit");
    }
    conv->filters = (size_t)w->dims[0];
    conv->channels = (size_t)w->dims[1] * conv->groups;
    mlscore_window *window = &conv->window;
    for (int d = 0; d < MLSCORE_SPATIAL; d++) {
        const int i = d - (MLSCORE_SPATIAL - rank);

        window->out[d] = i < 0 ? 1 : x->dims[2 + i];
        window->size[d] = i < 0 ? 1 : w->dims[2 + i];
        window->stride[d] = i < 0 || !s->strides ? 1 : s->strides[i];
        window->dilation[d] = i < 0 || !s->dilations ? 1 : s->dilations[i];
        window->before[d] = i < 0 || !s->pads ? 0 : s->pads[i];
        window->after[d] = i < 0 || !s->pads ? 0 : s->pads[rank + i];
        if (i < 0) {
            window->in[d] = 1;
            continue;
        }
        const int64_t extra =
            state->output_padding_count ? state->output_padding[i] : 0;
        const int64_t full = window->stride[d] * (window->out[d] - 1) + extra +
                             (window->size[d] - 1) * window->dilation[d] + 1;
        const int same = s->auto_pad == MLSCORE_PAD_SAME_UPPER ||
                         s->auto_pad == MLSCORE_PAD_SAME_LOWER;

        if (state->output_shape_count || same) {
            window->in[d] = state->output_shape_count
                                ? state->output_shape[i]
                                : window->out[d] * window->stride[d];
            const int64_t pad = full > window->in[d] ? full - window->in[d] : 0;

            window->before[d] = s->auto_pad == MLSCORE_PAD_SAME_UPPER
                                    ? pad / 2 : pad - pad / 2;
        }
        else {
            window->in[d] = full - window->before[d] - window->after[d];
        }
        if (window->in[d] < 1 || window->in[d] > 1 << 24) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the output has an impossible size");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status infer_transpose(mlscore_call *call)
{
    const mlscore_tensor *x = call->in[0], *w = call->in[1];
    mlscore_status status = check_types(call);
    mlscore_conv conv;

    status = status ? status
                    : mlscore_need_types(call, 0,
                                         MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
    mlscore_out_unknown(call, 0, x->type);
    if (status || !mlscore_tensor_known(x) || !mlscore_tensor_known(w)) {
        return status;
    }
    status = make_transpose(call, &conv);
    if (status) {
        return status;
    }
    int64_t dims[MLSCORE_TENSOR_RANK] = {x->dims[0], (int64_t)conv.channels};
    for (int d = 2; d < x->rank; d++) {
        dims[d] = conv.window.in[MLSCORE_SPATIAL - x->rank + d];
    }
    mlscore_out_dims(call, 0, x->type, x->rank, dims);
    return MLSCORE_OK;
}

static mlscore_status run_transpose(const mlscore_call *call)
{
    const mlscore_tensor *x = call->in[0];
    mlscore_conv conv;
    mlscore_status status = make_transpose(call, &conv);

    if (status) {
        return status;
    }
    const size_t in = conv.filters * mlscore_volume(conv.window.out);
    const size_t out = conv.channels * mlscore_volume(conv.window.in);
    for (size_t n = 0; n < (size_t)x->dims[0]; n++) {
        mlscore_conv_transpose(
            &conv, (const float *)x->data + n * in, call->in[1]->data,
            mlscore_has_input(call, 2) ? call->in[2]->data : NULL,
            (float *)call->out[0]->data + n * out);
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"", "Conv", 1, 0, 2, 3, 1, 1, 0, 0, 0, mlscore_conv_prepare,
     mlscore_conv_infer, mlscore_conv_run_call, mlscore_batch_rows, NULL, 0},
    {"", "ConvTranspose", 1, 0, 2, 3, 1, 1, 0, 0, 0, mlscore_conv_prepare,
     infer_transpose, run_transpose, mlscore_batch_rows, NULL, 1},
    {"mlscore", "Conv", 1, 0, 2, 3, 1, 1, 0, 0, 0, mlscore_conv_prepare,
     mlscore_conv_infer, mlscore_conv_run_call, mlscore_batch_rows, NULL, 2},
};

MLSCORE_OP_TABLE(mlscore_ops_conv, rows);
