/* SPDX-License-Identifier: Apache-2.0 */
/* Slice, Split, Concat: parts of tensors taken and put together. */

#include <string.h>

#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

/* --- Slice
 * ------------------------------------------------------------------------ */

struct slice_state { /* attributes of operator sets before 10 */
    const int64_t *starts, *ends, *axes;
    size_t start_count, end_count, axis_count;
};

struct slice_plan {
    int64_t start[MAX], step[MAX], count[MAX];
    int touched[MAX];
};

static mlscore_status prepare_slice(mlscore_prepare *prepare)
{
    struct slice_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state && prepare->node->version < 10) {
        state->starts = mlscore_take_ints(prepare, "starts",
                                          &state->start_count);
        state->ends = mlscore_take_ints(prepare, "ends", &state->end_count);
        state->axes = mlscore_take_ints(prepare, "axes", &state->axis_count);
        if (state->start_count > MAX || state->end_count > MAX ||
            state->axis_count > MAX) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "too many dimensions");
        }
    }
    prepare->node->state = state;
    return prepare->status;
}

/* One list of whole numbers: from input i, or the attribute. */
static mlscore_status slice_list(const mlscore_call *call, uint32_t i,
                                 const int64_t *ints, size_t int_count,
                                 int64_t *out, size_t *count, int *known)
{
    if (mlscore_has_input(call, i)) {
        int this_known;
        mlscore_status status =
            mlscore_int_input(call, i, out, MAX, count, &this_known);

        *known &= this_known;
        return status;
    }
    *count = int_count;
    for (size_t j = 0; j < int_count; j++) {
        out[j] = ints[j];
    }
    return MLSCORE_OK;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Resolve one axis of a known length. */
static void slice_axis(struct slice_plan *plan, int axis, int64_t dim,
                       int64_t start, int64_t end, int64_t step)
{
    start = start < 0 ? (start < -dim ? -1 : start + dim) : start;
    end = end < 0 ? (end < -dim ? -1 : end + dim) : end;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        plan->count[axis] = end > start ? (end - start - 1) / step + 1 : 0;
    }
    else {
        start = clamp(start, -1, dim - 1);
        end = clamp(end, -1, dim - 1);
        step = step < -dim - 1 ? -dim - 1 : step;
        plan->count[axis] = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    plan->start[axis] = start;
    plan->step[axis] = step;
}

static mlscore_status plan_slice(const mlscore_call *call,
                                 struct slice_plan *plan, int *known)
{
    const struct slice_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t starts[MAX], ends[MAX], axes[MAX], steps[MAX];
    size_t start_count, end_count, axis_count, step_count;
    mlscore_status status;

    *known = 1;
    memset(plan, 0, sizeof(*plan));
    status = slice_list(call, 1, state->starts, state->start_count, starts,
                        &start_count, known);
    status = status ? status
                    : slice_list(call, 2, state->ends, state->end_count, ends,
                                 &end_count, known);
    status = status ? status
                    : slice_list(call, 3, state->axes, state->axis_count, axes,
                                 &axis_count, known);
    status = status ? status : slice_list(call, 4, NULL, 0, steps, &step_count,
                                          known);
    if (status || !*known || in->rank < 0) {
        *known = 0;
        return status;
    }
    if (start_count != end_count || start_count > (size_t)in->rank ||
        (axis_count && axis_count != start_count) ||
        (step_count && step_count != start_count)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "starts, ends, axes and steps differ in "
                                 "length");
    }
    for (int d = 0; d < in->rank; d++) {
        plan->step[d] = 1;
        plan->count[d] = in->dims[d];
    }
    for (size_t i = 0; i < start_count; i++) {
        const int64_t step = step_count ? steps[i] : 1;
        int axis;

        status = mlscore_need_axis(call, axis_count ? axes[i] : (int64_t)i,
                                   in->rank, &axis);
        if (status || step == 0 || step == INT64_MIN) {
            return status ? status
                          : mlscore_call_fail(call, MLSCORE_EFORMAT,
                                              "a step is 0");
        }
        plan->touched[axis] = 1;
        if (in->dims[axis] < 0) {
            plan->count[axis] = -1;
        }
        else {
            slice_axis(plan, axis, in->dims[axis], starts[i], ends[i], step);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status infer_slice(mlscore_call *call)
{
    struct slice_plan plan;
    int known;
    mlscore_status status = plan_slice(call, &plan, &known);

    mlscore_out_unknown(call, 0, call->in[0]->type);
    if (!status && known) {
        mlscore_out_dims(call, 0, call->in[0]->type, call->in[0]->rank,
                         plan.count);
    }
    return status;
}

/* Copy a box of elements whose places are linear in each dimension. */
static void copy_box(char *out, const char *in, int rank, const int64_t *count,
                     const int64_t *start, const int64_t *step,
                     const int64_t *in_dims, size_t size)
{
    int64_t stride[MAX], index[MAX] = {0}, at = 0, unit = 1;
    const int last = rank - 1;

    for (int d = last; d >= 0; d--) {
        at += start[d] * unit;
        stride[d] = step[d] * unit;
        unit *= in_dims[d];
        if (count[d] == 0) {
            return;
        }
    }
    if (rank == 0) {
        memcpy(out, in, size);
        return;
    }
    for (;;) {
        if (step[last] == 1) {
            memcpy(out, in + (size_t)at * size, (size_t)count[last] * size);
            out += (size_t)count[last] * size;
        }
        else {
            for (int64_t i = 0; i < count[last]; i++) {
                memcpy(out, in + (size_t)(at + i * stride[last]) * size, size);
                out += size;
            }
        }
        int d = last - 1;
        for (; d >= 0; d--) {
            at += stride[d];
            if (++index[d] < count[d]) {
                break;
            }
            at -= stride[d] * count[d];
            index[d] = 0;
        }
        if (d < 0) {
            return;
        }
    }
}

static mlscore_status run_slice(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    struct slice_plan plan;
    int known;
    mlscore_status status = plan_slice(call, &plan, &known);

    if (!status) {
        copy_box(call->out[0]->data, in->data, in->rank, plan.count,
                 plan.start, plan.step, in->dims,
                 mlscore_dtype_size(in->type));
    }
    return status;
}

static int batch_slice(const mlscore_call *call, const int *in, int *out)
{
    struct slice_plan plan;
    int known;

    out[0] = in[0];
    if (in[0] < 0) {
        return 1;
    }
    return !plan_slice(call, &plan, &known) && known &&
           (!plan.touched[in[0]] ||
            (plan.start[in[0]] == 0 && plan.step[in[0]] == 1 &&
             plan.count[in[0]] == call->in[0]->dims[in[0]]));
}

/* --- Split
 * ----------------------------------------------------------------------------
 */

struct split_state {
    int64_t axis;
    const int64_t *parts; /* before operator set 13 */
    size_t part_count;
};

static mlscore_status prepare_split(mlscore_prepare *prepare)
{
    struct split_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", 0);
        if (prepare->node->version < 13) {
            state->parts = mlscore_take_ints(prepare, "split",
                                             &state->part_count);
        }
        mlscore_take_ignored(prepare, "num_outputs");
        prepare->node->state = state;
    }
    return prepare->status;
}

/* Length of each part along the axis; *known 0 when it cannot be told. */
static mlscore_status split_parts(const mlscore_call *call, int64_t dim,
                                  int64_t *parts, int *known)
{
    const struct split_state *state = call->state;
    const uint32_t wanted = call->out_count;
    size_t count = state->part_count;
    int64_t sum = 0;
    mlscore_status status = MLSCORE_OK;

    *known = dim >= 0;
    if (mlscore_has_input(call, 1)) {
        status = mlscore_int_input(call, 1, parts, wanted, &count, known);
        if (status || !*known) {
            return status;
        }
    }
    else if (state->parts) {
        for (uint32_t i = 0; i < wanted && i < count; i++) {
            parts[i] = state->parts[i];
        }
        *known = 1;
    }
    else { /* equal parts, the last one smaller */
        const int64_t chunk = (dim + wanted - 1) / wanted;

        for (uint32_t i = 0; *known && i < wanted; i++) {
            parts[i] = clamp(dim - chunk * i, 0, chunk);
        }
        return MLSCORE_OK;
    }
    for (size_t i = 0; i < count && i < wanted; i++) {
        if (parts[i] < 0 || parts[i] > INT32_MAX) {
            count = 0;
        }
        sum += parts[i];
    }
    if (count != wanted || (dim >= 0 && sum != dim)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the parts do not make the whole");
    }
    return MLSCORE_OK;
}

static mlscore_status infer_split(mlscore_call *call)
{
    const struct split_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t parts[256];
    int axis, known;

    for (uint32_t i = 0; i < call->out_count; i++) {
        mlscore_out_unknown(call, i, in->type);
    }
    if (call->out_count > 256) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                 "more than 256 outputs");
    }
    if (in->rank < 0) {
        return MLSCORE_OK;
    }
    mlscore_status status = mlscore_need_axis(call, state->axis, in->rank,
                                              &axis);
    status = status ? status
                    : split_parts(call, in->dims[axis], parts, &known);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        mlscore_out_shape(call, i, in->type, in);
        call->out[i]->dims[axis] = known ? parts[i] : -1;
    }
    return status;
}

static mlscore_status run_split(const mlscore_call *call)
{
    const struct split_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    int axis;

    mlscore_need_axis(call, state->axis, in->rank, &axis);
    const size_t outer = mlscore_tensor_span(in, 0, axis);
    const size_t inner = mlscore_tensor_span(in, axis + 1, in->rank) * size;
    const size_t line = (size_t)in->dims[axis] * inner;
    size_t at = 0;
    for (uint32_t i = 0; i < call->out_count; i++) {
        const size_t part = (size_t)call->out[i]->dims[axis] * inner;

        for (size_t o = 0; o < outer; o++) {
            memcpy((char *)call->out[i]->data + o * part,
                   (const char *)in->data + o * line + at, part);
        }
        at += part;
    }
    return MLSCORE_OK;
}

static int batch_split(const mlscore_call *call, const int *in, int *out)
{
    const struct split_state *state = call->state;
    int64_t axis = state->axis + (state->axis < 0 ? call->in[0]->rank : 0);

    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = in[0];
    }
    return in[0] != axis;
}

/* --- Concat
 * -----------------------------------------------------------------------------
 */

static mlscore_status prepare_concat(mlscore_prepare *prepare)
{
    int64_t *axis = mlscore_prepare_alloc(prepare, 1, sizeof(*axis));

    if (axis) {
        *axis = mlscore_take_int(prepare, "axis", 1);
        prepare->node->state = axis;
    }
    return prepare->status;
}

static mlscore_status concat_one(mlscore_call *call, uint32_t i, int axis,
                                 mlscore_tensor *shape)
{
    const mlscore_tensor *in = call->in[i];
    char a[128], b[128];

    if (in->rank != shape->rank || in->type != call->in[0]->type) {
        return mlscore_call_fail(
            call, MLSCORE_EFORMAT, "%s %s and %s %s cannot be joined",
            mlscore_dtype_name(call->in[0]->type),
            mlscore_tensor_shape_text(shape, a, sizeof(a)),
            mlscore_dtype_name(in->type),
            mlscore_tensor_shape_text(in, b, sizeof(b)));
    }
    for (int d = 0; d < in->rank; d++) {
        if (d == axis) {
            shape->dims[d] = shape->dims[d] < 0 || in->dims[d] < 0
                                 ? -1 : shape->dims[d] + in->dims[d];
        }
        else if (shape->dims[d] < 0) {
            shape->dims[d] = in->dims[d];
        }
        else if (in->dims[d] >= 0 && in->dims[d] != shape->dims[d]) {
            return mlscore_call_fail(
                call, MLSCORE_EFORMAT, "shapes %s and %s cannot be joined",
                mlscore_tensor_shape_text(shape, a, sizeof(a)),
                mlscore_tensor_shape_text(in, b, sizeof(b)));
        }
    }
    return MLSCORE_OK;
}

static mlscore_status infer_concat(mlscore_call *call)
{
    mlscore_tensor shape = {.rank = -1};
    mlscore_status status = MLSCORE_OK;
    int axis = 0;

    mlscore_out_unknown(call, 0, call->in[0]->type);
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (!call->in[i] || call->in[i]->rank < 0) {
            return MLSCORE_OK;
        }
        if (i == 0) {
            shape = *call->in[0];
            status = mlscore_need_axis(call, *(const int64_t *)call->state,
                                       shape.rank, &axis);
        }
        else {
            status = concat_one(call, i, axis, &shape);
        }
    }
    mlscore_out_shape(call, 0, call->in[0]->type, &shape);
    return status;
}

static mlscore_status run_concat(const mlscore_call *call)
{
    const mlscore_tensor *out = call->out[0];
    const size_t size = mlscore_dtype_size(out->type);
    int axis;

    mlscore_need_axis(call, *(const int64_t *)call->state, out->rank, &axis);
    const size_t outer = mlscore_tensor_span(out, 0, axis);
    const size_t inner = mlscore_tensor_span(out, axis + 1, out->rank) * size;
    const size_t line = (size_t)out->dims[axis] * inner;
    size_t at = 0;
    for (uint32_t i = 0; i < call->in_count; i++) {
        const size_t part = (size_t)call->in[i]->dims[axis] * inner;
        const char *from = call->in[i]->data;
        char *to = (char *)out->data + at;

        if (part == sizeof(float)) { /* columns joined to a matrix */
            for (size_t o = 0; o < outer; o++) {
                memcpy(to + o * line, from + o * sizeof(float), sizeof(float));
            }
        }
        else {
            for (size_t o = 0; o < outer; o++) {
                memcpy(to + o * line, from + o * part, part);
            }
        }
        at += part;
    }
    return MLSCORE_OK;
}

static int batch_concat(const mlscore_call *call, const int *in, int *out)
{
    const int64_t given = *(const int64_t *)call->state;
    const int axis = (int)(given + (given < 0 ? call->out[0]->rank : 0));

    out[0] = in[0];
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (in[i] != in[0] || in[i] == axis) {
            return 0;
        }
    }
    return 1;
}

#define MOVES MLSCORE_OP_MOVES

static const mlscore_op rows[] = {
    {"", "Slice", 1, 0, 1, 5, 1, 1, MOVES, 0x1e, 0, prepare_slice, infer_slice,
     run_slice, batch_slice, NULL, 0},
    {"", "Split", 2, 0, 1, 2, 1, 255, MOVES, 2, 0, prepare_split, infer_split,
     run_split, batch_split, NULL, 0},
    {"", "Concat", 1, 0, 1, 255, 1, 1, MOVES, 0, 0, prepare_concat,
     infer_concat, run_concat, batch_concat, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_slice, rows);
