/* SPDX-License-Identifier: Apache-2.0 */
/* Unique: the different elements, or slices along an axis. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"

enum { NO_AXIS = INT32_MIN };

struct unique {
    int64_t axis; /* NO_AXIS: all elements by themselves */
    int sorted;
};

static mlscore_status prepare_unique(mlscore_prepare *prepare)
{
    struct unique *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->axis = mlscore_take_int(prepare, "axis", NO_AXIS);
        state->sorted = mlscore_take_int(prepare, "sorted", 1) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_unique(mlscore_call *call)
{
    const struct unique *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t unknown = -1;
    int axis = 0;
    mlscore_status status = mlscore_need_types(
        call, 0, MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL | MLSCORE_DTS_STRING);

    mlscore_out_unknown(call, 0, in->type);
    for (uint32_t i = 1; i < call->out_count; i++) {
        mlscore_out_dims(call, i, MLSCORE_DT_INT64, 1, &unknown);
    }
    if (state->axis == NO_AXIS) {
        mlscore_out_dims(call, 0, in->type, 1, &unknown);
        return status;
    }
    if (!status && in->rank >= 0) {
        status = mlscore_need_axis(call, state->axis, in->rank, &axis);
        mlscore_out_shape(call, 0, in->type, in);
        if (!status) {
            call->out[0]->dims[axis] = -1;
        }
    }
    return status;
}

/* Slices along the axis: item i is the elements [o, i, k] for all o, k. */
struct items {
    const mlscore_tensor *in;
    size_t outer, count, inner, size;
};

static int compare_elements(mlscore_dtype type, const char *a, const char *b)
{
    if (type == MLSCORE_DT_STRING) {
        const mlscore_text *x = (const mlscore_text *)a;
        const mlscore_text *y = (const mlscore_text *)b;
        const uint32_t length = x->length < y->length ? x->length : y->length;
        const int order = memcmp(x->bytes, y->bytes, length);

        return order ? order
                     : (x->length > y->length) - (x->length < y->length);
    }
    if (MLSCORE_DT_BIT(type) & MLSCORE_DTS_REAL) {
        double x, y;

        mlscore_elements_to_double(&x, a, type, 1);
        mlscore_elements_to_double(&y, b, type, 1);
        if (isnan(x) || isnan(y)) { /* behind all numbers */
            return (isnan(x) != 0) - (isnan(y) != 0);
        }
        return (x > y) - (x < y);
    }
    int64_t x, y;
    mlscore_elements_to_int64(&x, a, type, 1);
    mlscore_elements_to_int64(&y, b, type, 1);
    if (type == MLSCORE_DT_UINT64) {
        return ((uint64_t)x > (uint64_t)y) - ((uint64_t)x < (uint64_t)y);
    }
    return (x > y) - (x < y);
}

static int compare_items(const struct items *items, size_t a, size_t b)
{
    const char *data = items->in->data;

    for (size_t o = 0; o < items->outer; o++) {
        for (size_t k = 0; k < items->inner; k++) {
            const size_t base = o * items->count;
            const int order = compare_elements(
                items->in->type,
                data + ((base + a) * items->inner + k) * items->size,
                data + ((base + b) * items->inner + k) * items->size);

            if (order) {
                return order;
            }
        }
    }
    return 0;
}

/* By value, equal ones by place. */
static int by_value(const void *a, const void *b, void *items)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    const int order = compare_items(items, x, y);

    return order ? order : (x > y) - (x < y);
}

/* Groups of equal items in `order`, which is sorted by value. */
struct group {
    size_t first, count; /* place of the first one; how many */
    size_t value;        /* place among the groups by value */
};

static int by_place(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static mlscore_status give(const mlscore_call *call, const struct items *items,
                           int axis, const struct group *groups, size_t count,
                           const size_t *group_of)
{
    mlscore_tensor *out = call->out[0];
    const int64_t one[3] = {(int64_t)count, (int64_t)items->count,
                            (int64_t)count};
    const size_t bytes = items->inner * items->size;

    if (axis < 0) {
        mlscore_out_dims(call, 0, items->in->type, 1, one);
    }
    else {
        mlscore_out_shape(call, 0, items->in->type, items->in);
        out->dims[axis] = (int64_t)count;
    }
    mlscore_status status = mlscore_out_alloc(call, 0);
    for (uint32_t i = 1; !status && i < call->out_count; i++) {
        mlscore_out_dims(call, i, MLSCORE_DT_INT64, 1, &one[i - 1]);
        status = mlscore_out_alloc(call, i);
    }
    if (status) {
        return status;
    }
    for (size_t o = 0; o < items->outer; o++) {
        for (size_t g = 0; g < count && bytes; g++) {
            memcpy((char *)out->data + (o * count + g) * bytes,
                   (const char *)items->in->data +
                       (o * items->count + groups[g].first) * bytes,
                   bytes);
        }
    }
    for (size_t g = 0; g < count; g++) {
        if (call->out_count > 1) {
            ((int64_t *)call->out[1]->data)[g] = (int64_t)groups[g].first;
        }
        if (call->out_count > 3) {
            ((int64_t *)call->out[3]->data)[g] = (int64_t)groups[g].count;
        }
    }
    for (size_t i = 0; i < items->count && call->out_count > 2; i++) {
        ((int64_t *)call->out[2]->data)[i] = (int64_t)group_of[i];
    }
    return MLSCORE_OK;
}

/* Fill groups and group_of; returns the number of groups. */
static size_t make_groups(struct items *items, int sorted, size_t *order,
                          struct group *groups, size_t *group_of)
{
    size_t count = 0;

    for (size_t i = 0; i < items->count; i++) {
        order[i] = i;
    }
    qsort_r(order, items->count, sizeof(*order), by_value, items);
    for (size_t i = 0; i < items->count; i++) {
        if (i == 0 || compare_items(items, order[i - 1], order[i])) {
            groups[count] = (struct group){order[i], 0, count};
            count++;
        }
        groups[count - 1].count++;
        group_of[order[i]] = count - 1;
    }
    if (!sorted) {
        qsort(groups, count, sizeof(*groups), by_place);
        for (size_t g = 0; g < count; g++) { /* order: from old to new */
            order[groups[g].value] = g;
        }
        for (size_t i = 0; i < items->count; i++) {
            group_of[i] = order[group_of[i]];
        }
    }
    return count;
}

static mlscore_status run_unique(const mlscore_call *call)
{
    const struct unique *state = call->state;
    const mlscore_tensor *in = call->in[0];
    struct items items = {.in = in,
                          .outer = 1,
                          .inner = 1,
                          .count = mlscore_tensor_count(in),
                          .size = mlscore_dtype_size(in->type)};
    int axis = -1;

    if (state->axis != NO_AXIS) {
        axis = (int)(state->axis + (state->axis < 0 ? in->rank : 0));
        items.outer = mlscore_tensor_span(in, 0, axis);
        items.count = (size_t)in->dims[axis];
        items.inner = mlscore_tensor_span(in, axis + 1, in->rank);
    }
    size_t *order = mlscore_malloc_array(items.count + 1, sizeof(*order));
    size_t *group_of = mlscore_malloc_array(items.count + 1, sizeof(*group_of));
    struct group *groups =
        mlscore_malloc_array(items.count + 1, sizeof(*groups));
    mlscore_status status = MLSCORE_OK;
    if (order && group_of && groups) {
        const size_t count =
            make_groups(&items, state->sorted, order, groups, group_of);

        status = give(call, &items, axis, groups, count, group_of);
    }
    else {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_free(order);
    mlscore_free(group_of);
    mlscore_free(groups);
    return status;
}

static const mlscore_op rows[] = {
    {"", "Unique", 11, 0, 1, 1, 1, 4, MLSCORE_OP_DYNAMIC, 0, 0, prepare_unique,
     infer_unique, run_unique, NULL, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_unique, rows);
