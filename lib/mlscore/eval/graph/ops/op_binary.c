/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on two or more broadcast tensors, element by element. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"

struct binary_state {
    mlscore_binary function;
    int legacy;   /* operator sets before 7: b lines up at `axis` */
    int64_t axis; /* INT64_MIN: at the end */
};

static mlscore_status prepare_binary(mlscore_prepare *prepare)
{
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    struct binary_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->function = (mlscore_binary)prepare->node->kind->detail;
    state->axis = INT64_MIN;
    if (state->function == MLSCORE_MOD &&
        mlscore_take_int(prepare, "fmod", 0)) {
        state->function = MLSCORE_FMOD;
    }
    if (state->function == MLSCORE_SHIFT_LEFT &&
        mlscore_take_word(prepare, "direction", directions, 0) == 1) {
        state->function = MLSCORE_SHIFT_RIGHT;
    }
    if (prepare->node->version < 7) {
        state->legacy = mlscore_take_int(prepare, "broadcast", 0) != 0;
        state->axis = mlscore_take_int(prepare, "axis", INT64_MIN);
        mlscore_take_ignored(prepare, "consumed_inputs");
        if (state->function == MLSCORE_PRELU) { /* a slope a channel */
            state->legacy = 1;
            state->axis = 1;
        }
    }
    prepare->node->state = state;
    return prepare->status;
}

/* The second operand as it lines up with the first in old operator sets. */
static mlscore_status line_up(const mlscore_call *call,
                              const struct binary_state *state,
                              mlscore_tensor *b)
{
    const mlscore_tensor *a = call->in[0];

    *b = *call->in[1];
    if (!state->legacy || state->axis == INT64_MIN || a->rank < 0 ||
        b->rank < 0 || (b->rank <= 1 && mlscore_tensor_known(b) &&
                        mlscore_tensor_count(b) == 1)) {
        return MLSCORE_OK;
    }
    int axis;
    mlscore_status status = mlscore_need_axis(call, state->axis, a->rank,
                                              &axis);
    if (status || axis + b->rank > a->rank) {
        return status ? status
                      : mlscore_call_fail(call, MLSCORE_EFORMAT,
                                          "the operands do not line up");
    }
    while (b->rank < a->rank - axis) {
        b->dims[b->rank++] = 1;
    }
    return MLSCORE_OK;
}

static mlscore_status infer_binary(mlscore_call *call)
{
    const struct binary_state *state = call->state;
    const int compares = state->function >= MLSCORE_EQUAL;
    mlscore_tensor b;
    mlscore_status status = line_up(call, state, &b);
    const mlscore_dtype type = call->in[0]->type;
    mlscore_dtype wide = type;

    if (status) {
        return status;
    }
    if (MLSCORE_DT_BIT(type) & MLSCORE_DTS_HALF) {
        wide = MLSCORE_DT_FLOAT;
    }
    if (type != call->in[1]->type) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "operands of types %s and %s",
                                 mlscore_dtype_name(type),
                                 mlscore_dtype_name(call->in[1]->type));
    }
    if (!mlscore_binary_loop_find(state->function, wide)) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "type %s is not supported",
                                 mlscore_dtype_name(type));
    }
    status = mlscore_need_types(call, 0, call->node->kind->types);
    call->out[0]->type = compares ? MLSCORE_DT_BOOL : type;
    return status ? status
                  : mlscore_broadcast(call, call->in[0], &b, call->out[0]);
}

static mlscore_status run_binary(const mlscore_call *call)
{
    const struct binary_state *state = call->state;
    const mlscore_dtype type = call->in[0]->type;
    mlscore_tensor b;
    mlscore_walk walk;

    line_up(call, state, &b);
    const mlscore_tensor *operands[2] = {call->in[0], &b};
    mlscore_walk_make(&walk, call->out[0], operands, 2);
    mlscore_binary_run(mlscore_binary_loop_find(state->function, type), &walk,
                       call->out[0]->data,
                       mlscore_dtype_size(call->out[0]->type),
                       call->in[0]->data, b.data, mlscore_dtype_size(type));
    return MLSCORE_OK;
}

/* --- Pow: the exponent has a type of its own
 * ----------------------------------- */

static mlscore_status infer_pow(mlscore_call *call)
{
    const struct binary_state *state = call->state;
    mlscore_tensor b;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    status = status ? status : mlscore_need_types(call, 1, MLSCORE_DTS_NUMBER);
    status = status ? status : line_up(call, state, &b);
    call->out[0]->type = call->in[0]->type;
    return status ? status
                  : mlscore_broadcast(call, call->in[0], &b, call->out[0]);
}

/* Any pair of types by way of double. */
static void pow_mixed(const mlscore_call *call, const mlscore_tensor *b)
{
    const mlscore_tensor *out = call->out[0];
    const mlscore_tensor *operands[2] = {call->in[0], b};
    const size_t a_size = mlscore_dtype_size(call->in[0]->type);
    const size_t b_size = mlscore_dtype_size(b->type);
    const size_t count = mlscore_tensor_count(out);
    mlscore_walk walk;
    size_t index[MLSCORE_TENSOR_RANK] = {0};

    mlscore_walk_make(&walk, out, operands, 2);
    for (size_t i = 0; i < count; i++) {
        size_t at[2] = {0, 0};
        double x, y;

        for (int d = 0; d < walk.rank; d++) {
            at[0] += index[d] * walk.steps[0][d];
            at[1] += index[d] * walk.steps[1][d];
        }
        mlscore_elements_to_double(
            &x, (const char *)call->in[0]->data + at[0] * a_size,
            call->in[0]->type, 1);
        mlscore_elements_to_double(&y, (const char *)b->data + at[1] * b_size,
                                   b->type, 1);
        const double z = pow(x, y);
        const int64_t whole =
            z >= 9.2233720368547748e18 ? INT64_MAX
            : z <= -9.2233720368547758e18 || isnan(z) ? INT64_MIN
                                                      : (int64_t)z;
        switch (out->type) {
        case MLSCORE_DT_FLOAT: ((float *)out->data)[i] = (float)z; break;
        case MLSCORE_DT_DOUBLE: ((double *)out->data)[i] = z; break;
        default:
            memcpy((char *)out->data + i * a_size, &whole, a_size);
            break;
        }
        for (int d = walk.rank - 1; d >= 0; d--) {
            if (++index[d] < walk.dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
}

static mlscore_status run_pow(const mlscore_call *call)
{
    const struct binary_state *state = call->state;
    const mlscore_dtype type = call->in[0]->type;
    mlscore_binary_loop *loop = mlscore_binary_loop_find(MLSCORE_POW, type);
    mlscore_tensor b;
    mlscore_walk walk;

    line_up(call, state, &b);
    if (!loop || b.type != type) {
        pow_mixed(call, &b);
        return MLSCORE_OK;
    }
    const mlscore_tensor *operands[2] = {call->in[0], &b};
    const size_t size = mlscore_dtype_size(type);
    double exponent = 0;
    if (mlscore_tensor_count(&b) == 1) {
        mlscore_elements_to_double(&exponent, b.data, b.type, 1);
    }
    mlscore_walk_make(&walk, call->out[0], operands, 2);
    if (exponent == 2) { /* a square needs no logarithm */
        walk.count = mlscore_tensor_count(call->out[0]);
        loop = mlscore_binary_loop_find(MLSCORE_MUL, type);
        loop(call->out[0]->data, call->in[0]->data, call->in[0]->data,
             walk.count, 1, 1);
        return MLSCORE_OK;
    }
    mlscore_binary_run(loop, &walk, call->out[0]->data, size,
                       call->in[0]->data, b.data, size);
    return MLSCORE_OK;
}

/* --- Sum, Mean, Max, Min: any number of operands
 * --------------------------------- */

static mlscore_status prepare_variadic(mlscore_prepare *prepare)
{
    mlscore_take_ignored(prepare, "consumed_inputs");
    return prepare->status;
}

static mlscore_status infer_variadic(mlscore_call *call)
{
    mlscore_tensor shape = *call->in[0];
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (!call->in[i] || call->in[i]->type != call->in[0]->type) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "operands of different types");
        }
        status = mlscore_need_types(call, i, call->node->kind->types);
        status = status ? status : mlscore_broadcast(call, &shape, call->in[i],
                                                     &shape);
    }
    mlscore_out_shape(call, 0, call->in[0]->type, &shape);
    return status;
}

static void divide(mlscore_tensor *tensor, uint32_t by)
{
    const size_t count = mlscore_tensor_count(tensor);

    for (size_t i = 0; i < count; i++) {
        if (tensor->type == MLSCORE_DT_FLOAT) {
            ((float *)tensor->data)[i] /= (float)by;
        }
        else {
            ((double *)tensor->data)[i] /= by;
        }
    }
}

static mlscore_status run_variadic(const mlscore_call *call)
{
    const mlscore_binary function = (mlscore_binary)call->node->kind->detail;
    mlscore_tensor *out = call->out[0];
    const size_t size = mlscore_dtype_size(out->type);
    mlscore_binary_loop *loop = mlscore_binary_loop_find(
        function == MLSCORE_DIV ? MLSCORE_ADD : function, out->type);
    mlscore_walk walk;

    if (!loop) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "type %s is not supported",
                                 mlscore_dtype_name(out->type));
    }
    mlscore_walk_make(&walk, out, call->in, 1);
    mlscore_copy_run(&walk, out->data, call->in[0]->data, size);
    for (uint32_t i = 1; i < call->in_count; i++) {
        const mlscore_tensor *operands[2] = {out, call->in[i]};

        mlscore_walk_make(&walk, out, operands, 2);
        mlscore_binary_run(loop, &walk, out->data, size, out->data,
                           call->in[i]->data, size);
    }
    if (function == MLSCORE_DIV) { /* the row of Mean */
        divide(out, call->in_count);
    }
    return MLSCORE_OK;
}

/* --- Where
 * ---------------------------------------------------------------------- */

static mlscore_status infer_where(mlscore_call *call)
{
    mlscore_tensor shape;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_BOOL);

    if (!status && call->in[1]->type != call->in[2]->type) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "operands of types %s and %s",
                                 mlscore_dtype_name(call->in[1]->type),
                                 mlscore_dtype_name(call->in[2]->type));
    }
    status = status ? status : mlscore_broadcast(call, call->in[0],
                                                 call->in[1], &shape);
    status = status ? status : mlscore_broadcast(call, &shape, call->in[2],
                                                 &shape);
    if (!status) {
        mlscore_out_shape(call, 0, call->in[1]->type, &shape);
    }
    return status;
}

static mlscore_status run_where(const mlscore_call *call)
{
    mlscore_walk walk;

    mlscore_walk_make(&walk, call->out[0], call->in, 3);
    mlscore_where_run(&walk, call->out[0]->data, call->in[0]->data,
                      call->in[1]->data, call->in[2]->data,
                      mlscore_dtype_size(call->out[0]->type));
    return MLSCORE_OK;
}

#define BINARY(NAME, SINCE, TYPES, FUNCTION) \
    {"", NAME, SINCE, 0, 2, 2, 1, 1, MLSCORE_OP_IN_PLACE, 0, TYPES, \
     prepare_binary, infer_binary, run_binary, mlscore_batch_elementwise, \
     NULL, FUNCTION}
#define VARIADIC(NAME, SINCE, TYPES, FUNCTION) \
    {"", NAME, SINCE, 0, 1, 255, 1, 1, 0, 0, TYPES, prepare_variadic, \
     infer_variadic, run_variadic, mlscore_batch_elementwise, NULL, FUNCTION}

static const mlscore_op rows[] = {
    BINARY("Add", 1, MLSCORE_DTS_NUMBER, MLSCORE_ADD),
    BINARY("Sub", 1, MLSCORE_DTS_NUMBER, MLSCORE_SUB),
    BINARY("Mul", 1, MLSCORE_DTS_NUMBER, MLSCORE_MUL),
    BINARY("Div", 1, MLSCORE_DTS_NUMBER, MLSCORE_DIV),
    BINARY("Mod", 10, MLSCORE_DTS_NUMBER, MLSCORE_MOD),
    BINARY("PRelu", 1, MLSCORE_DTS_NUMBER, MLSCORE_PRELU),
    BINARY("And", 1, MLSCORE_DTS_BOOL, MLSCORE_BIT_AND),
    BINARY("Or", 1, MLSCORE_DTS_BOOL, MLSCORE_BIT_OR),
    BINARY("Xor", 1, MLSCORE_DTS_BOOL, MLSCORE_BIT_XOR),
    BINARY("BitwiseAnd", 18, MLSCORE_DTS_INTEGER, MLSCORE_BIT_AND),
    BINARY("BitwiseOr", 18, MLSCORE_DTS_INTEGER, MLSCORE_BIT_OR),
    BINARY("BitwiseXor", 18, MLSCORE_DTS_INTEGER, MLSCORE_BIT_XOR),
    BINARY("BitShift", 11, MLSCORE_DTS_INTEGER, MLSCORE_SHIFT_LEFT),
    BINARY("Equal", 1,
           MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL | MLSCORE_DTS_STRING,
           MLSCORE_EQUAL),
    BINARY("Less", 1, MLSCORE_DTS_NUMBER, MLSCORE_LESS),
    BINARY("LessOrEqual", 12, MLSCORE_DTS_NUMBER, MLSCORE_LESS_EQUAL),
    BINARY("Greater", 1, MLSCORE_DTS_NUMBER, MLSCORE_GREATER),
    BINARY("GreaterOrEqual", 12, MLSCORE_DTS_NUMBER, MLSCORE_GREATER_EQUAL),
    {"", "Pow", 1, 0, 2, 2, 1, 1, 0, 0, MLSCORE_DTS_NUMBER, prepare_binary,
     infer_pow, run_pow, mlscore_batch_elementwise, NULL, MLSCORE_POW},
    VARIADIC("Sum", 1, MLSCORE_DTS_REAL, MLSCORE_ADD),
    VARIADIC("Mean", 1, MLSCORE_DTS_REAL, MLSCORE_DIV),
    VARIADIC("Max", 1, MLSCORE_DTS_NUMBER, MLSCORE_MAX),
    VARIADIC("Min", 1, MLSCORE_DTS_NUMBER, MLSCORE_MIN),
    {"", "Where", 9, 0, 3, 3, 1, 1, MLSCORE_OP_MOVES, 0, 0, NULL, infer_where,
     run_where, mlscore_batch_elementwise, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_binary, rows);
