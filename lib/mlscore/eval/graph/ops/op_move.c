/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that lay elements out anew, and those that make tensors. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"
#include "kernel/layout.h"

#define MAX MLSCORE_TENSOR_RANK

/* --- Transpose
 * ---------------------------------------------------------------------- */

struct perm_state {
    int count; /* -1: reversed */
    int perm[MAX];
};

static mlscore_status prepare_transpose(mlscore_prepare *prepare)
{
    struct perm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t count;
    const int64_t *perm = mlscore_take_ints(prepare, "perm", &count);

    if (!state || count > MAX) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "too many dimensions");
    }
    state->count = perm ? (int)count : -1;
    for (size_t i = 0; i < count; i++) {
        int seen = 0;

        for (size_t j = 0; j < i; j++) {
            seen |= perm[j] == perm[i];
        }
        if (perm[i] < 0 || perm[i] >= (int64_t)count || seen) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'perm' is not a permutation");
        }
        state->perm[i] = (int)perm[i];
    }
    prepare->node->state = state;
    return prepare->status;
}

static int perm_at(const struct perm_state *state, int rank, int d)
{
    return state->count < 0 ? rank - 1 - d : state->perm[d];
}

static mlscore_status infer_transpose(mlscore_call *call)
{
    const struct perm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    int64_t dims[MAX];

    mlscore_out_unknown(call, 0, in->type);
    if (in->rank < 0) {
        return MLSCORE_OK;
    }
    if (state->count >= 0 && state->count != in->rank) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "'perm' does not fit %d dimensions",
                                 in->rank);
    }
    for (int d = 0; d < in->rank; d++) {
        dims[d] = in->dims[perm_at(state, in->rank, d)];
    }
    mlscore_out_dims(call, 0, in->type, in->rank, dims);
    return MLSCORE_OK;
}

static mlscore_status run_transpose(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    int perm[MAX];

    for (int d = 0; d < in->rank; d++) {
        perm[d] = perm_at(call->state, in->rank, d);
    }
    mlscore_transpose(call->out[0]->data, in->data, in->rank, in->dims, perm,
                      mlscore_dtype_size(in->type));
    return MLSCORE_OK;
}

static int batch_transpose(const mlscore_call *call, const int *in, int *out)
{
    out[0] = MLSCORE_BATCH_NONE;
    for (int d = 0; d < call->in[0]->rank; d++) {
        if (in[0] >= 0 && perm_at(call->state, call->in[0]->rank, d) == in[0]) {
            out[0] = d;
        }
    }
    return 1;
}

/* --- Expand, Tile
 * -------------------------------------------------------------------- */

static mlscore_status infer_expand(mlscore_call *call)
{
    mlscore_tensor shape = {.type = MLSCORE_DT_INT64};
    size_t count;
    int known;
    mlscore_status status =
        mlscore_int_input(call, 1, shape.dims, MAX, &count, &known);

    mlscore_out_unknown(call, 0, call->in[0]->type);
    shape.rank = (int)count;
    for (int d = 0; d < shape.rank; d++) {
        if (shape.dims[d] < 0) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the shape is impossible");
        }
    }
    return status || !known
               ? status
               : mlscore_broadcast(call, call->in[0], &shape, call->out[0]);
}

static mlscore_status run_expand(const mlscore_call *call)
{
    mlscore_walk walk;

    mlscore_walk_make(&walk, call->out[0], call->in, 1);
    mlscore_copy_run(&walk, call->out[0]->data, call->in[0]->data,
                     mlscore_dtype_size(call->in[0]->type));
    return MLSCORE_OK;
}

/* An Expand whose shape names the rows repeats nothing across them. */
static int batch_first(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0] < 0 ? MLSCORE_BATCH_NONE
                       : in[0] + call->out[0]->rank - call->in[0]->rank;
    return 1;
}

static mlscore_status infer_tile(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    int64_t repeats[MAX], dims[MAX];
    size_t count;
    int known;
    mlscore_status status =
        mlscore_int_input(call, 1, repeats, MAX, &count, &known);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !known || in->rank < 0) {
        return status;
    }
    if ((int)count != in->rank) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu repeats for %d dimensions", count,
                                 in->rank);
    }
    for (int d = 0; d < in->rank; d++) {
        if (repeats[d] < 0 || repeats[d] > INT32_MAX) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the repeats are impossible");
        }
        dims[d] = in->dims[d] < 0 ? -1 : in->dims[d] * repeats[d];
    }
    mlscore_out_dims(call, 0, in->type, in->rank, dims);
    return MLSCORE_OK;
}

/* Tiling one dimension after another, innermost first, in the result. */
static mlscore_status run_tile(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0], *out = call->out[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(out);
    size_t index[MAX] = {0};
    char *to = out->data;

    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        for (int d = 0; d < in->rank; d++) {
            at = at * (size_t)in->dims[d] + index[d] % (size_t)in->dims[d];
        }
        memcpy(to + i * size, (const char *)in->data + at * size, size);
        for (int d = out->rank - 1; d >= 0; d--) {
            if (++index[d] < (size_t)out->dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
    return MLSCORE_OK;
}

static int batch_tile(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return in[0] < 0 || call->in[0]->dims[in[0]] == call->out[0]->dims[in[0]];
}

/* --- ConstantOfShape, Range, EyeLike
 * ---------------------------------------------------- */

static mlscore_status prepare_fill(mlscore_prepare *prepare)
{
    static const float zero = 0;
    static const mlscore_tensor none = {.type = MLSCORE_DT_FLOAT, .rank = 1,
                                        .dims = {1},
                                        .data = (void *)(uintptr_t)&zero};
    const mlscore_tensor *value = mlscore_take_tensor(prepare, "value");

    value = value ? value : &none;
    if (mlscore_tensor_count(value) != 1) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "'value' is not a single element");
    }
    prepare->node->state = (void *)(uintptr_t)value;
    return prepare->status;
}

static mlscore_status infer_fill(mlscore_call *call)
{
    const mlscore_tensor *value = call->state;
    int64_t dims[MAX];
    size_t count;
    int known;
    mlscore_status status =
        mlscore_int_input(call, 0, dims, MAX, &count, &known);

    mlscore_out_unknown(call, 0, value->type);
    for (size_t i = 0; known && i < count; i++) {
        if (dims[i] < 0) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "the shape is impossible");
        }
    }
    if (known) {
        mlscore_out_dims(call, 0, value->type, (int)count, dims);
    }
    return status;
}

static mlscore_status run_fill(const mlscore_call *call)
{
    const mlscore_tensor *value = call->state;
    const size_t size = mlscore_dtype_size(value->type);
    const size_t count = mlscore_tensor_count(call->out[0]);

    for (size_t i = 0; i < count; i++) {
        memcpy((char *)call->out[0]->data + i * size, value->data, size);
    }
    return MLSCORE_OK;
}

static mlscore_status infer_range(mlscore_call *call)
{
    double at[3];
    int64_t count = -1;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);
    int known = 1;

    for (uint32_t i = 0; i < 3; i++) {
        if (call->in[i]->type != call->in[0]->type) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "operands of different types");
        }
        known &= call->in[i]->data != NULL;
        if (call->in[i]->data && mlscore_tensor_known(call->in[i]) &&
            mlscore_tensor_count(call->in[i]) == 1) {
            mlscore_elements_to_double(&at[i], call->in[i]->data,
                                       call->in[i]->type, 1);
        }
        else if (call->in[i]->data) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "an operand is not a single number");
        }
    }
    if (!status && known) {
        const double steps = ceil((at[1] - at[0]) / at[2]);

        if (isnan(steps) || steps > (double)INT32_MAX) {
            return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                     "the range is endless");
        }
        count = steps > 0 ? (int64_t)steps : 0;
    }
    mlscore_out_dims(call, 0, call->in[0]->type, 1, &count);
    return status;
}

static mlscore_status run_range(const mlscore_call *call)
{
    mlscore_tensor *out = call->out[0];
    const size_t count = mlscore_tensor_count(out);
    const size_t size = mlscore_dtype_size(out->type);
    double start, delta;
    int64_t first = 0, step = 0;

    mlscore_elements_to_double(&start, call->in[0]->data, out->type, 1);
    mlscore_elements_to_double(&delta, call->in[2]->data, out->type, 1);
    if (MLSCORE_DT_BIT(out->type) & MLSCORE_DTS_INTEGER) {
        mlscore_elements_to_int64(&first, call->in[0]->data, out->type, 1);
        mlscore_elements_to_int64(&step, call->in[2]->data, out->type, 1);
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t whole = (uint64_t)first + (uint64_t)step * i;

        switch (out->type) {
        case MLSCORE_DT_FLOAT:
            ((float *)out->data)[i] = (float)(start + (double)i * delta);
            break;
        case MLSCORE_DT_DOUBLE:
            ((double *)out->data)[i] = start + (double)i * delta;
            break;
        default: memcpy((char *)out->data + i * size, &whole, size); break;
        }
    }
    return MLSCORE_OK;
}

struct eye_state {
    int64_t type, k;
};

static mlscore_status prepare_eye(mlscore_prepare *prepare)
{
    struct eye_state *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->type = mlscore_take_int(prepare, "dtype", 0);
        state->k = mlscore_take_int(prepare, "k", 0);
        prepare->node->state = state;
        if (state->type < 0 || state->type > 32 ||
            state->type == MLSCORE_DT_STRING) {
            return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                        "type is not supported");
        }
    }
    return prepare->status;
}

static mlscore_status infer_eye(mlscore_call *call)
{
    const struct eye_state *state = call->state;
    mlscore_status status = mlscore_need_rank(call, 0, 2);

    mlscore_out_shape(call, 0,
                      state->type ? (mlscore_dtype)state->type
                                  : call->in[0]->type, call->in[0]);
    return status;
}

static mlscore_status run_eye(const mlscore_call *call)
{
    const struct eye_state *state = call->state;
    mlscore_tensor *out = call->out[0];
    const size_t size = mlscore_dtype_size(out->type);
    const uint64_t whole = 1;
    const float single = 1;
    const double real = 1;
    const void *one = out->type == MLSCORE_DT_FLOAT    ? (const void *)&single
                      : out->type == MLSCORE_DT_DOUBLE ? (const void *)&real
                                                       : (const void *)&whole;

    memset(out->data, 0, mlscore_tensor_count(out) * size);
    for (int64_t i = 0; i < out->dims[0]; i++) {
        const int64_t j = i + state->k;

        if (j >= 0 && j < out->dims[1]) {
            memcpy((char *)out->data +
                       (size_t)(i * out->dims[1] + j) * size, one, size);
        }
    }
    return MLSCORE_OK;
}

/* --- Trilu
 * ----------------------------------------------------------------------------
 */

static mlscore_status prepare_trilu(mlscore_prepare *prepare)
{
    int64_t *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        *state = mlscore_take_int(prepare, "upper", 1);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_trilu(mlscore_call *call)
{
    if (call->in[0]->rank >= 0 && call->in[0]->rank < 2) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "needs at least 2 dimensions");
    }
    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return mlscore_need_types(call, 0, MLSCORE_DTS_ANY & ~MLSCORE_DTS_STRING);
}

static mlscore_status run_trilu(const mlscore_call *call)
{
    const int upper = *(const int64_t *)call->state != 0;
    const mlscore_tensor *in = call->in[0];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t count = mlscore_tensor_count(in);
    const int64_t columns = in->dims[in->rank - 1];
    const int64_t height = in->dims[in->rank - 2];
    int64_t k = 0;

    if (mlscore_has_input(call, 1)) {
        mlscore_elements_to_int64(&k, call->in[1]->data, call->in[1]->type, 1);
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t column = (int64_t)i % columns;
        const int64_t row = (int64_t)i / columns % height;
        const int keep = upper ? column - row >= k : column - row <= k;
        char *to = (char *)call->out[0]->data + i * size;

        if (keep) {
            memcpy(to, (const char *)in->data + i * size, size);
        }
        else {
            memset(to, 0, size);
        }
    }
    return MLSCORE_OK;
}

static int batch_trilu(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return in[0] < call->in[0]->rank - 2;
}

/* --- DepthToSpace, SpaceToDepth: a transpose between two reshapes
 * --------------------- */

struct block_state {
    int64_t size;
    int column_first; /* mode CRD */
};

static mlscore_status prepare_block(mlscore_prepare *prepare)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    struct block_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->size = mlscore_take_int(prepare, "blocksize", 0);
        state->column_first = mlscore_take_word(prepare, "mode", modes, 0);
        prepare->node->state = state;
        if (state->size < 1 || state->size > 65536) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'blocksize' is impossible");
        }
    }
    return prepare->status;
}

static mlscore_status infer_block(mlscore_call *call)
{
    const struct block_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t b = state->size;
    mlscore_status status = mlscore_need_rank(call, 0, 4);

    mlscore_out_unknown(call, 0, in->type);
    if (status || !mlscore_tensor_known(in)) {
        return status;
    }
    int64_t dims[4] = {in->dims[0], in->dims[1] / (b * b), in->dims[2] * b,
                       in->dims[3] * b};
    int fits = in->dims[1] % (b * b) == 0;
    if (call->node->kind->detail) {
        dims[1] = in->dims[1] * b * b;
        dims[2] = in->dims[2] / b;
        dims[3] = in->dims[3] / b;
        fits = in->dims[2] % b == 0 && in->dims[3] % b == 0;
    }
    if (!fits) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "'blocksize' does not divide the shape");
    }
    mlscore_out_dims(call, 0, in->type, 4, dims);
    return MLSCORE_OK;
}

static mlscore_status run_block(const mlscore_call *call)
{
    const struct block_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const int64_t n = in->dims[0], c = in->dims[1], h = in->dims[2],
                  w = in->dims[3], b = state->size;
    const size_t size = mlscore_dtype_size(in->type);

    if (call->node->kind->detail) { /* SpaceToDepth */
        const int64_t dims[6] = {n, c, h / b, b, w / b, b};
        static const int perms[2][6] = {{0, 3, 5, 1, 2, 4},
                                        {0, 1, 3, 5, 2, 4}};

        mlscore_transpose(call->out[0]->data, in->data, 6, dims,
                          perms[state->column_first], size);
    }
    else if (state->column_first) {
        const int64_t dims[6] = {n, c / (b * b), b, b, h, w};
        static const int perm[6] = {0, 1, 4, 2, 5, 3};

        mlscore_transpose(call->out[0]->data, in->data, 6, dims, perm, size);
    }
    else {
        const int64_t dims[6] = {n, b, b, c / (b * b), h, w};
        static const int perm[6] = {0, 3, 4, 1, 5, 2};

        mlscore_transpose(call->out[0]->data, in->data, 6, dims, perm, size);
    }
    return MLSCORE_OK;
}

#define MOVES MLSCORE_OP_MOVES

static const mlscore_op rows[] = {
    {"", "Transpose", 1, 0, 1, 1, 1, 1, MOVES, 0, 0, prepare_transpose,
     infer_transpose, run_transpose, batch_transpose, NULL, 0},
    {"", "Expand", 8, 0, 2, 2, 1, 1, MOVES, 2, 0, NULL, infer_expand,
     run_expand, batch_first, NULL, 0},
    {"", "Tile", 6, 0, 2, 2, 1, 1, MOVES, 2, 0, NULL, infer_tile, run_tile,
     batch_tile, NULL, 0},
    {"", "ConstantOfShape", 9, 0, 1, 1, 1, 1, MOVES, 1, 0, prepare_fill,
     infer_fill, run_fill, NULL, NULL, 0},
    {"", "Range", 11, 0, 3, 3, 1, 1, 0, 7, 0, NULL, infer_range, run_range,
     NULL, NULL, 0},
    {"", "EyeLike", 9, 0, 1, 1, 1, 1, MLSCORE_OP_SHAPE_ONLY, 0, 0, prepare_eye,
     infer_eye, run_eye, NULL, NULL, 0},
    {"", "Trilu", 14, 0, 1, 2, 1, 1, MOVES, 0, 0, prepare_trilu, infer_trilu,
     run_trilu, batch_trilu, NULL, 0},
    {"", "DepthToSpace", 1, 0, 1, 1, 1, 1, MOVES, 0, 0, prepare_block,
     infer_block, run_block, mlscore_batch_rows, NULL, 0},
    {"", "SpaceToDepth", 1, 0, 1, 1, 1, 1, MOVES, 0, 0, prepare_block,
     infer_block, run_block, mlscore_batch_rows, NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_move, rows);
