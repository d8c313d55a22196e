/* SPDX-License-Identifier: Apache-2.0 */
/* Taking elements by index and putting them by index. */

#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"

#define MAX MLSCORE_TENSOR_RANK

struct index_state {
    int64_t axis;
    int64_t batch_dims;
    int reduction; /* 0 none, 1 add, 2 mul, 3 max, 4 min */
};

static mlscore_status prepare_index(mlscore_prepare *prepare)
{
    static const char *const ways[] = {"none", "add", "mul", "max", "min",
                                       NULL};
    struct index_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", 0);
        state->batch_dims = mlscore_take_int(prepare, "batch_dims", 0);
        state->reduction = mlscore_take_word(prepare, "reduction", ways, 0);
        prepare->node->state = state;
    }
    return prepare->status;
}

/* Index i of a tensor of int32 or int64, made positive; -1 when outside. */
static int64_t index_at(const mlscore_tensor *indices, size_t i, int64_t dim)
{
    int64_t at = indices->type == MLSCORE_DT_INT32
                     ? ((const int32_t *)indices->data)[i]
                     : ((const int64_t *)indices->data)[i];

    at += at < 0 ? dim : 0;
    return at < 0 || at >= dim ? -1 : at;
}

static mlscore_status outside(const mlscore_call *call)
{
    return mlscore_call_fail(call, MLSCORE_EINPUT,
                             "an index is outside of the data");
}

static mlscore_status need_indices(const mlscore_call *call, uint32_t i)
{
    return mlscore_need_types(call, i, MLSCORE_DT_BIT(MLSCORE_DT_INT32) |
                                           MLSCORE_DT_BIT(MLSCORE_DT_INT64));
}

/* --- Gather
 * ---------------------------------------------------------------------------
 */

static mlscore_status infer_gather(mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    int64_t dims[2 * MAX];
    int axis, rank = 0;
    mlscore_status status = need_indices(call, 1);

    mlscore_out_unknown(call, 0, in->type);
    if (status || in->rank < 0 || indices->rank < 0) {
        return status;
    }
    status = mlscore_need_axis(call, state->axis, in->rank, &axis);
    if (status || in->rank - 1 + indices->rank > MAX) {
        return status ? status
                      : mlscore_call_fail(call, MLSCORE_ELIMIT,
                                          "too many dimensions");
    }
    for (int d = 0; d < axis; d++) {
        dims[rank++] = in->dims[d];
    }
    for (int d = 0; d < indices->rank; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (int d = axis + 1; d < in->rank; d++) {
        dims[rank++] = in->dims[d];
    }
    mlscore_out_dims(call, 0, in->type, rank, dims);
    return MLSCORE_OK;
}

static mlscore_status run_gather(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    int axis;

    mlscore_need_axis(call, state->axis, in->rank, &axis);
    const size_t outer = mlscore_tensor_span(in, 0, axis);
    const size_t inner = mlscore_tensor_span(in, axis + 1, in->rank) *
                         mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(indices);
    const size_t line = (size_t)in->dims[axis] * inner;
    char *to = call->out[0]->data;
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < count; i++) {
            const int64_t at = index_at(indices, i, in->dims[axis]);

            if (at < 0) {
                return outside(call);
            }
            memcpy(to, (const char *)in->data + o * line + (size_t)at * inner,
                   inner);
            to += inner;
        }
    }
    return MLSCORE_OK;
}

static int batch_gather(const mlscore_call *call, const int *in, int *out)
{
    const struct index_state *state = call->state;
    const int rank = call->in[0]->rank, more = call->in[1]->rank - 1;
    const int axis = (int)(state->axis + (state->axis < 0 ? rank : 0));

    if (in[0] >= 0 && in[1] >= 0) {
        return 0;
    }
    out[0] = in[1] >= 0 ? axis + in[1]
             : in[0] < axis ? in[0] : in[0] + more;
    return in[0] < 0 || in[0] != axis;
}

/* --- GatherElements, ScatterElements
 * ---------------------------------------------------- */

static mlscore_status infer_gather_elements(mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    int axis;
    mlscore_status status = need_indices(call, 1);

    mlscore_out_shape(call, 0, in->type, indices);
    if (!status && in->rank >= 0 && indices->rank >= 0) {
        if (in->rank != indices->rank) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "data and indices differ in rank");
        }
        status = mlscore_need_axis(call, state->axis, in->rank, &axis);
        for (int d = 0; !status && d < in->rank; d++) {
            if (d != axis && in->dims[d] >= 0 && indices->dims[d] >= 0 &&
                indices->dims[d] > in->dims[d]) {
                return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                         "there are more indices than data");
            }
        }
    }
    return status;
}

/* Place in `data` of entry `i` of a tensor of indices along `axis`; -1 when
 * the index is outside. */
static int64_t element_place(const mlscore_tensor *data,
                             const mlscore_tensor *indices, int axis, size_t i)
{
    const int64_t at = index_at(indices, i, data->dims[axis]);
    int64_t place = 0, unit = 1;
    size_t rest = i;

    if (at < 0) {
        return -1;
    }
    for (int d = data->rank - 1; d >= 0; d--) {
        const int64_t own = (int64_t)(rest % (size_t)indices->dims[d]);

        rest /= (size_t)indices->dims[d];
        place += (d == axis ? at : own) * unit;
        unit *= data->dims[d];
    }
    return place;
}

static mlscore_status run_gather_elements(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(call->out[0]);
    int axis;

    mlscore_need_axis(call, state->axis, in->rank, &axis);
    for (size_t i = 0; i < count; i++) {
        const int64_t place = element_place(in, call->in[1], axis, i);

        if (place < 0) {
            return outside(call);
        }
        memcpy((char *)call->out[0]->data + i * size,
               (const char *)in->data + (size_t)place * size, size);
    }
    return MLSCORE_OK;
}

static int batch_elements(const mlscore_call *call, const int *in, int *out)
{
    const struct index_state *state = call->state;
    const int rank = call->in[0]->rank;
    const int axis = (int)(state->axis + (state->axis < 0 ? rank : 0));

    out[0] = in[0];
    for (uint32_t i = 1; i < call->in_count; i++) {
        if (in[i] != in[0]) {
            return 0;
        }
    }
    return in[0] != axis;
}

/* Combine one element into its place. */
static void put(const mlscore_call *call, char *to, const char *from,
                size_t size)
{
    static const mlscore_binary ways[] = {0, MLSCORE_ADD, MLSCORE_MUL,
                                          MLSCORE_MAX, MLSCORE_MIN};
    const struct index_state *state = call->state;

    if (state->reduction == 0) {
        memcpy(to, from, size);
        return;
    }
    mlscore_binary_loop_find(ways[state->reduction], call->out[0]->type)(
        to, to, from, 1, 1, 1);
}

static mlscore_status check_reduction(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    mlscore_dtype type = call->in[0]->type;

    type = MLSCORE_DT_BIT(type) & MLSCORE_DTS_HALF ? MLSCORE_DT_FLOAT : type;
    if (state->reduction && !mlscore_binary_loop_find(MLSCORE_ADD, type)) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "reduction of type %s is not supported",
                                 mlscore_dtype_name(type));
    }
    if (call->in[2]->type != call->in[0]->type) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "data and updates differ in type");
    }
    return MLSCORE_OK;
}

static mlscore_status infer_scatter_elements(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = infer_gather_elements(call);

    status = status ? status : check_reduction(call);
    mlscore_out_shape(call, 0, in->type, in);
    if (!status && mlscore_tensor_known(call->in[1]) &&
        mlscore_tensor_known(call->in[2]) &&
        mlscore_tensor_count(call->in[1]) !=
            mlscore_tensor_count(call->in[2])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "indices and updates differ in shape");
    }
    return status;
}

static mlscore_status run_scatter_elements(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(call->in[1]);
    char *out = call->out[0]->data;
    int axis;

    mlscore_need_axis(call, state->axis, in->rank, &axis);
    memcpy(out, in->data, mlscore_tensor_count(in) * size);
    for (size_t i = 0; i < count; i++) {
        const int64_t place = element_place(in, call->in[1], axis, i);

        if (place < 0) {
            return outside(call);
        }
        put(call, out + (size_t)place * size,
            (const char *)call->in[2]->data + i * size, size);
    }
    return MLSCORE_OK;
}

/* --- GatherND, ScatterND
 * ------------------------------------------------------------------ */

/* Check how the last dimension of the indices fits the data. */
static mlscore_status check_nd(const mlscore_call *call, int64_t *depth)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];

    *depth = indices->rank < 1 ? -1 : indices->dims[indices->rank - 1];
    if (indices->rank < 1 || *depth < 0 ||
        *depth + state->batch_dims > in->rank || state->batch_dims < 0 ||
        state->batch_dims >= indices->rank) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the indices do not fit the data");
    }
    for (int d = 0; d < state->batch_dims; d++) {
        if (in->dims[d] >= 0 && indices->dims[d] >= 0 &&
            in->dims[d] != indices->dims[d]) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the indices do not fit the data");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status infer_gather_nd(mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    int64_t dims[2 * MAX], depth;
    int rank = 0;
    mlscore_status status = need_indices(call, 1);

    mlscore_out_unknown(call, 0, in->type);
    if (status || in->rank < 0 || indices->rank < 0 ||
        (indices->rank && indices->dims[indices->rank - 1] < 0)) {
        return status;
    }
    status = check_nd(call, &depth);
    for (int d = 0; !status && d < indices->rank - 1; d++) {
        dims[rank++] = indices->dims[d];
    }
    for (int d = (int)(state->batch_dims + depth); !status && d < in->rank;
         d++) {
        dims[rank++] = in->dims[d];
    }
    if (!status && rank > MAX) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "too many dimensions");
    }
    if (!status) {
        mlscore_out_dims(call, 0, in->type, rank, dims);
    }
    return status;
}

/* Place of the stretch that entry i of the indices points to, in units of
 * stretches; -1 when outside. */
static int64_t nd_place(const mlscore_tensor *in,
                        const mlscore_tensor *indices, int64_t batch,
                        int64_t depth, size_t i)
{
    int64_t place = 0;
    const size_t entries =
        mlscore_tensor_span(indices, (int)batch, indices->rank - 1);

    if (batch) {
        place = (int64_t)(i / entries);
    }
    for (int64_t j = 0; j < depth; j++) {
        const int64_t dim = in->dims[batch + j];
        const int64_t at = index_at(indices, i * (size_t)depth + (size_t)j,
                                    dim);

        if (at < 0) {
            return -1;
        }
        place = place * dim + at;
    }
    return place;
}

static mlscore_status run_gather_nd(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    const int64_t depth = indices->dims[indices->rank - 1];
    const size_t entries = mlscore_tensor_span(indices, 0, indices->rank - 1);
    const size_t stretch =
        mlscore_tensor_span(in, (int)(state->batch_dims + depth), in->rank) *
        mlscore_dtype_size(in->type);

    for (size_t i = 0; i < entries; i++) {
        const int64_t place =
            nd_place(in, indices, state->batch_dims, depth, i);

        if (place < 0) {
            return outside(call);
        }
        memcpy((char *)call->out[0]->data + i * stretch,
               (const char *)in->data + (size_t)place * stretch, stretch);
    }
    return MLSCORE_OK;
}

static mlscore_status infer_scatter_nd(mlscore_call *call)
{
    int64_t depth;
    mlscore_status status = need_indices(call, 1);
    const mlscore_tensor *in = call->in[0], *indices = call->in[1],
                         *updates = call->in[2];

    mlscore_out_shape(call, 0, in->type, in);
    status = status ? status : check_reduction(call);
    if (status || !mlscore_tensor_known(in) || !mlscore_tensor_known(indices) ||
        !mlscore_tensor_known(updates)) {
        return status;
    }
    status = check_nd(call, &depth);
    if (!status &&
        mlscore_tensor_count(updates) !=
            mlscore_tensor_span(indices, 0, indices->rank - 1) *
                mlscore_tensor_span(in, (int)depth, in->rank)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the updates do not fit the indices");
    }
    return status;
}

static mlscore_status run_scatter_nd(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0], *indices = call->in[1];
    const int64_t depth = indices->dims[indices->rank - 1];
    const size_t entries = mlscore_tensor_span(indices, 0, indices->rank - 1);
    const size_t size = mlscore_dtype_size(in->type);
    const size_t elements = mlscore_tensor_span(in, (int)depth, in->rank);
    char *out = call->out[0]->data;

    memcpy(out, in->data, mlscore_tensor_count(in) * size);
    for (size_t i = 0; i < entries; i++) {
        const int64_t place = nd_place(in, indices, 0, depth, i);

        if (place < 0) {
            return outside(call);
        }
        for (size_t j = 0; j < elements; j++) {
            put(call, out + ((size_t)place * elements + j) * size,
                (const char *)call->in[2]->data + (i * elements + j) * size,
                size);
        }
    }
    return MLSCORE_OK;
}

/* --- OneHot
 * ---------------------------------------------------------------------------
 */

static mlscore_status prepare_one_hot(mlscore_prepare *prepare)
{
    struct index_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", -1);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status one_hot_depth(const mlscore_call *call, int64_t *depth)
{
    double value;

    *depth = -1;
    if (!call->in[1]->data || !mlscore_tensor_known(call->in[1])) {
        return MLSCORE_OK;
    }
    if (mlscore_tensor_count(call->in[1]) != 1) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the depth is not a single number");
    }
    mlscore_elements_to_double(&value, call->in[1]->data, call->in[1]->type,
                               1);
    if (!(value >= 0 && value <= (double)INT32_MAX)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the depth is impossible");
    }
    *depth = (int64_t)value;
    return MLSCORE_OK;
}

static mlscore_status infer_one_hot(mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t depth;
    int axis = 0;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    status = status ? status : mlscore_need_types(call, 1, MLSCORE_DTS_NUMBER);
    status = status ? status : one_hot_depth(call, &depth);
    mlscore_out_unknown(call, 0, call->in[2]->type);
    if (status || in->rank < 0) {
        return status;
    }
    if (in->rank == MAX || (mlscore_tensor_known(call->in[2]) &&
                            mlscore_tensor_count(call->in[2]) != 2)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs two values and a smaller rank");
    }
    status = mlscore_need_axis(call, state->axis, in->rank + 1, &axis);
    mlscore_tensor *out = call->out[0];
    out->rank = in->rank + 1;
    for (int d = 0; d < out->rank; d++) {
        out->dims[d] = d == axis ? depth : in->dims[d > axis ? d - 1 : d];
    }
    return status;
}

static mlscore_status run_one_hot(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0], *out = call->out[0];
    const size_t size = mlscore_dtype_size(out->type);
    const char *values = call->in[2]->data;
    int axis;

    mlscore_need_axis(call, state->axis, out->rank, &axis);
    const int64_t depth = out->dims[axis];
    const size_t outer = mlscore_tensor_span(out, 0, axis);
    const size_t inner = mlscore_tensor_span(out, axis + 1, out->rank);
    char *to = out->data;
    for (size_t o = 0; o < outer; o++) {
        for (int64_t k = 0; k < depth; k++) {
            for (size_t i = 0; i < inner; i++) {
                double at;

                mlscore_elements_to_double(
                    &at, (const char *)in->data + (o * inner + i) *
                             mlscore_dtype_size(in->type), in->type, 1);
                at += at < 0 ? (double)depth : 0;
                memcpy(to, values + ((int64_t)at == k && at >= 0 ? size : 0),
                       size);
                to += size;
            }
        }
    }
    return MLSCORE_OK;
}

static int batch_one_hot(const mlscore_call *call, const int *in, int *out)
{
    const struct index_state *state = call->state;
    const int rank = call->out[0]->rank;
    const int axis = (int)(state->axis + (state->axis < 0 ? rank : 0));

    out[0] = in[0] < 0 ? in[0] : in[0] >= axis ? in[0] + 1 : in[0];
    return in[1] < 0 && in[2] < 0;
}

/* --- NonZero, Compress: shapes that only the data tell
 * ----------------------------------------- */

static int is_zero(const mlscore_tensor *tensor, size_t i)
{
    const size_t size = mlscore_dtype_size(tensor->type);
    const unsigned char *at = (const unsigned char *)tensor->data + i * size;

    switch (tensor->type) {
    case MLSCORE_DT_FLOAT: return ((const float *)tensor->data)[i] == 0;
    case MLSCORE_DT_DOUBLE: return ((const double *)tensor->data)[i] == 0;
    default:
        for (size_t b = 0; b < size; b++) {
            if (at[b]) {
                return 0;
            }
        }
        return 1;
    }
}

static mlscore_status infer_non_zero(mlscore_call *call)
{
    const int64_t dims[2] = {call->in[0]->rank, -1};

    mlscore_out_dims(call, 0, MLSCORE_DT_INT64, 2, dims);
    return mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL);
}

static mlscore_status run_non_zero(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    const size_t count = mlscore_tensor_count(in);
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += !is_zero(in, i);
    }
    out->dims[0] = in->rank;
    out->dims[1] = (int64_t)found;
    mlscore_status status = mlscore_out_alloc(call, 0);
    if (status) {
        return status;
    }
    int64_t *to = out->data;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_zero(in, i)) {
            continue;
        }
        size_t rest = i;
        for (int d = in->rank - 1; d >= 0; d--) {
            to[(size_t)d * found + at] =
                (int64_t)(rest % (size_t)in->dims[d]);
            rest /= (size_t)in->dims[d];
        }
        at++;
    }
    return MLSCORE_OK;
}

static mlscore_status prepare_compress(mlscore_prepare *prepare)
{
    struct index_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", INT64_MIN);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_compress(mlscore_call *call)
{
    mlscore_out_unknown(call, 0, call->in[0]->type);
    return mlscore_need_types(call, 1, MLSCORE_DTS_BOOL);
}

static mlscore_status run_compress(const mlscore_call *call)
{
    const struct index_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_tensor *out = call->out[0];
    const uint8_t *keep = call->in[1]->data;
    const size_t flags = mlscore_tensor_count(call->in[1]);
    const int flat = state->axis == INT64_MIN;
    int axis = 0;
    mlscore_status status =
        flat ? MLSCORE_OK
             : mlscore_need_axis(call, state->axis, in->rank, &axis);

    if (status) {
        return status;
    }
    const size_t size = mlscore_dtype_size(in->type);
    const size_t outer = flat ? 1 : mlscore_tensor_span(in, 0, axis);
    const size_t dim = flat ? mlscore_tensor_count(in) : (size_t)in->dims[axis];
    const size_t inner =
        (flat ? 1 : mlscore_tensor_span(in, axis + 1, in->rank)) * size;
    int64_t kept = 0;
    for (size_t i = 0; i < flags && i < dim; i++) {
        kept += keep[i] != 0;
    }
    if (flat) {
        mlscore_out_dims(call, 0, in->type, 1, &kept);
    }
    else {
        mlscore_out_shape(call, 0, in->type, in);
        out->dims[axis] = kept;
    }
    status = mlscore_out_alloc(call, 0);
    if (status) {
        return status;
    }
    char *to = out->data;
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < dim && i < flags; i++) {
            if (keep[i]) {
                memcpy(to, (const char *)in->data + (o * dim + i) * inner,
                       inner);
                to += inner;
            }
        }
    }
    return MLSCORE_OK;
}

#define MOVES MLSCORE_OP_MOVES

static const mlscore_op rows[] = {
    {"", "Gather", 1, 0, 2, 2, 1, 1, MOVES, 0, 0, prepare_index, infer_gather,
     run_gather, batch_gather, NULL, 0},
    {"", "GatherElements", 11, 0, 2, 2, 1, 1, MOVES, 0, 0, prepare_index,
     infer_gather_elements, run_gather_elements, batch_elements, NULL, 0},
    {"", "Scatter", 9, 0, 3, 3, 1, 1, 0, 0, 0, prepare_index,
     infer_scatter_elements, run_scatter_elements, batch_elements, NULL, 0},
    {"", "ScatterElements", 11, 0, 3, 3, 1, 1, 0, 0, 0, prepare_index,
     infer_scatter_elements, run_scatter_elements, batch_elements, NULL, 0},
    {"", "GatherND", 11, 0, 2, 2, 1, 1, MOVES, 0, 0, prepare_index,
     infer_gather_nd, run_gather_nd, NULL, NULL, 0},
    {"", "ScatterND", 11, 0, 3, 3, 1, 1, 0, 0, 0, prepare_index,
     infer_scatter_nd, run_scatter_nd, NULL, NULL, 0},
    {"", "OneHot", 9, 0, 3, 3, 1, 1, 0, 2, 0, prepare_one_hot, infer_one_hot,
     run_one_hot, batch_one_hot, NULL, 0},
    {"", "NonZero", 9, 0, 1, 1, 1, 1, MLSCORE_OP_DYNAMIC, 0, 0, NULL,
     infer_non_zero, run_non_zero, NULL, NULL, 0},
    {"", "Compress", 9, 0, 2, 2, 1, 1, MOVES | MLSCORE_OP_DYNAMIC, 0, 0,
     prepare_compress, infer_compress, run_compress, NULL, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_gather, rows);
