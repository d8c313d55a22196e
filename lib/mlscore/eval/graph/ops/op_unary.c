/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on each element alone. */

#include <math.h>

#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"

struct unary_state {
    mlscore_unary function;
    double a, b;
};

/* Attributes that a function's parameters come from, with defaults. */
static const struct {
    mlscore_unary function;
    const char *a, *b;
    float a_default, b_default;
} parameters[] = {
    {MLSCORE_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {MLSCORE_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {MLSCORE_ELU, "alpha", NULL, 1.0f, 0},
    {MLSCORE_SELU, "alpha", "gamma", 1.67326319217681884765625f,
     1.05070102214813232421875f},
    {MLSCORE_CELU, "alpha", NULL, 1.0f, 0},
    {MLSCORE_THRESHOLDED_RELU, "alpha", NULL, 1.0f, 0},
    {MLSCORE_SWISH, "alpha", NULL, 1.0f, 0},
    {MLSCORE_SHRINK, "lambd", "bias", 0.5f, 0},
};

static mlscore_status prepare_unary(mlscore_prepare *prepare)
{
    static const char *const forms[] = {"none", "tanh", NULL};
    struct unary_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->function = (mlscore_unary)prepare->node->kind->detail;
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
        if (parameters[i].function == state->function) {
            state->a = mlscore_take_float(prepare, parameters[i].a,
                                          parameters[i].a_default);
            if (parameters[i].b) {
                state->b = mlscore_take_float(prepare, parameters[i].b,
                                              parameters[i].b_default);
            }
        }
    }
    if (state->function == MLSCORE_GELU &&
        mlscore_take_word(prepare, "approximate", forms, 0) == 1) {
        state->function = MLSCORE_GELU_TANH;
    }
    mlscore_take_ignored(prepare, "consumed_inputs");
    prepare->node->state = state;
    return prepare->status;
}

static mlscore_status infer_same(mlscore_call *call)
{
    const mlscore_status status =
        mlscore_need_types(call, 0, call->node->kind->types);

    mlscore_out_shape(call, 0, call->in[0]->type, call->in[0]);
    return status;
}

static mlscore_status run_unary(const mlscore_call *call)
{
    const struct unary_state *state = call->state;

    if (mlscore_unary_run(state->function, call->in[0]->type,
                          call->out[0]->data, call->in[0]->data,
                          mlscore_tensor_count(call->out[0]), state->a,
                          state->b)) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "type %s is not supported",
                                 mlscore_dtype_name(call->in[0]->type));
    }
    return MLSCORE_OK;
}

/* --- Clip: bounds are attributes up to operator set 10, then inputs ----------
 */

static mlscore_status prepare_clip(mlscore_prepare *prepare)
{
    struct unary_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    state->function = MLSCORE_CLIP;
    state->a = -INFINITY;
    state->b = INFINITY;
    if (prepare->node->version < 11) {
        state->a = mlscore_take_float(prepare, "min", -INFINITY);
        state->b = mlscore_take_float(prepare, "max", INFINITY);
    }
    mlscore_take_ignored(prepare, "consumed_inputs");
    prepare->node->state = state;
    return prepare->status;
}

static mlscore_status infer_clip(mlscore_call *call)
{
    for (uint32_t i = 1; i < call->in_count; i++) {
        if (call->in[i] && mlscore_tensor_known(call->in[i]) &&
            mlscore_tensor_count(call->in[i]) != 1) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "a bound is not a single number");
        }
    }
    return infer_same(call);
}

static mlscore_status run_clip(const mlscore_call *call)
{
    const struct unary_state *state = call->state;
    double bounds[2] = {state->a, state->b};

    for (uint32_t i = 1; i < 3; i++) {
        if (mlscore_has_input(call, i)) {
            mlscore_elements_to_double(&bounds[i - 1], call->in[i]->data,
                                       call->in[i]->type, 1);
        }
    }
    mlscore_unary_run(MLSCORE_CLIP, call->in[0]->type, call->out[0]->data,
                      call->in[0]->data, mlscore_tensor_count(call->out[0]),
                      bounds[0], bounds[1]);
    return MLSCORE_OK;
}

/* --- questions about an element
 * ------------------------------------------------ */

struct test_state {
    int positive, negative;
};

static mlscore_status prepare_is_inf(mlscore_prepare *prepare)
{
    struct test_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->positive = mlscore_take_int(prepare, "detect_positive", 1) != 0;
        state->negative = mlscore_take_int(prepare, "detect_negative", 1) != 0;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_test(mlscore_call *call)
{
    const mlscore_status status =
        mlscore_need_types(call, 0, call->node->kind->types);

    mlscore_out_shape(call, 0, MLSCORE_DT_BOOL, call->in[0]);
    return status;
}

static mlscore_status run_is_nan(const mlscore_call *call)
{
    const size_t count = mlscore_tensor_count(call->out[0]);
    uint8_t *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        out[i] = call->in[0]->type == MLSCORE_DT_DOUBLE
                     ? isnan(((const double *)call->in[0]->data)[i])
                     : isnan(((const float *)call->in[0]->data)[i]);
    }
    return MLSCORE_OK;
}

static mlscore_status run_is_inf(const mlscore_call *call)
{
    const struct test_state *state = call->state;
    const size_t count = mlscore_tensor_count(call->out[0]);
    uint8_t *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        const double x = call->in[0]->type == MLSCORE_DT_DOUBLE
                             ? ((const double *)call->in[0]->data)[i]
                             : ((const float *)call->in[0]->data)[i];

        out[i] = isinf(x) && (x > 0 ? state->positive : state->negative);
    }
    return MLSCORE_OK;
}

static mlscore_status run_not(const mlscore_call *call)
{
    const size_t count = mlscore_tensor_count(call->out[0]);
    const uint8_t *in = call->in[0]->data;
    uint8_t *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        out[i] = !in[i];
    }
    return MLSCORE_OK;
}

static mlscore_status run_bit_not(const mlscore_call *call)
{
    const size_t count = mlscore_tensor_count(call->out[0]) *
                         mlscore_dtype_size(call->out[0]->type);
    const uint8_t *in = call->in[0]->data;
    uint8_t *out = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)~in[i];
    }
    return MLSCORE_OK;
}

#define NUMBERS (MLSCORE_DTS_REAL | MLSCORE_DTS_INTEGER)
#define SIGNED (MLSCORE_DTS_REAL | MLSCORE_DTS_SIGNED)
#define UNARY(NAME, SINCE, TYPES, FUNCTION) \
    {"", NAME, SINCE, 0, 1, 1, 1, 1, MLSCORE_OP_IN_PLACE, 0, TYPES, \
     prepare_unary, infer_same, run_unary, mlscore_batch_elementwise, NULL, \
     FUNCTION}

static const mlscore_op rows[] = {
    UNARY("Abs", 1, NUMBERS, MLSCORE_ABS),
    UNARY("Neg", 1, SIGNED, MLSCORE_NEG),
    UNARY("Sign", 9, NUMBERS, MLSCORE_SIGN),
    UNARY("Relu", 1, SIGNED, MLSCORE_RELU),
    UNARY("Exp", 1, MLSCORE_DTS_REAL, MLSCORE_EXP),
    UNARY("Log", 1, MLSCORE_DTS_REAL, MLSCORE_LOG),
    UNARY("Sqrt", 1, MLSCORE_DTS_REAL, MLSCORE_SQRT),
    UNARY("Reciprocal", 1, MLSCORE_DTS_REAL, MLSCORE_RECIPROCAL),
    UNARY("Floor", 1, MLSCORE_DTS_REAL, MLSCORE_FLOOR),
    UNARY("Ceil", 1, MLSCORE_DTS_REAL, MLSCORE_CEIL),
    UNARY("Round", 11, MLSCORE_DTS_REAL, MLSCORE_ROUND),
    UNARY("Erf", 9, MLSCORE_DTS_REAL, MLSCORE_ERF),
    UNARY("Sin", 7, MLSCORE_DTS_REAL, MLSCORE_SIN),
    UNARY("Cos", 7, MLSCORE_DTS_REAL, MLSCORE_COS),
    UNARY("Tan", 7, MLSCORE_DTS_REAL, MLSCORE_TAN),
    UNARY("Asin", 7, MLSCORE_DTS_REAL, MLSCORE_ASIN),
    UNARY("Acos", 7, MLSCORE_DTS_REAL, MLSCORE_ACOS),
    UNARY("Atan", 7, MLSCORE_DTS_REAL, MLSCORE_ATAN),
    UNARY("Sinh", 9, MLSCORE_DTS_REAL, MLSCORE_SINH),
    UNARY("Cosh", 9, MLSCORE_DTS_REAL, MLSCORE_COSH),
    UNARY("Tanh", 1, MLSCORE_DTS_REAL, MLSCORE_TANH),
    UNARY("Asinh", 9, MLSCORE_DTS_REAL, MLSCORE_ASINH),
    UNARY("Acosh", 9, MLSCORE_DTS_REAL, MLSCORE_ACOSH),
    UNARY("Atanh", 9, MLSCORE_DTS_REAL, MLSCORE_ATANH),
    UNARY("Sigmoid", 1, MLSCORE_DTS_REAL, MLSCORE_SIGMOID),
    UNARY("HardSigmoid", 1, MLSCORE_DTS_REAL, MLSCORE_HARD_SIGMOID),
    UNARY("HardSwish", 14, MLSCORE_DTS_REAL, MLSCORE_HARD_SWISH),
    UNARY("LeakyRelu", 1, MLSCORE_DTS_REAL, MLSCORE_LEAKY_RELU),
    UNARY("Elu", 1, MLSCORE_DTS_REAL, MLSCORE_ELU),
    UNARY("Selu", 1, MLSCORE_DTS_REAL, MLSCORE_SELU),
    UNARY("Celu", 12, MLSCORE_DTS_REAL, MLSCORE_CELU),
    UNARY("ThresholdedRelu", 10, MLSCORE_DTS_REAL, MLSCORE_THRESHOLDED_RELU),
    UNARY("Softplus", 1, MLSCORE_DTS_REAL, MLSCORE_SOFTPLUS),
    UNARY("Softsign", 1, MLSCORE_DTS_REAL, MLSCORE_SOFTSIGN),
    UNARY("Gelu", 20, MLSCORE_DTS_REAL, MLSCORE_GELU),
    UNARY("Mish", 18, MLSCORE_DTS_REAL, MLSCORE_MISH),
    UNARY("Swish", 24, MLSCORE_DTS_REAL, MLSCORE_SWISH),
    UNARY("Shrink", 9, MLSCORE_DTS_REAL, MLSCORE_SHRINK),
    {"", "Clip", 1, 0, 1, 3, 1, 1, MLSCORE_OP_IN_PLACE, 0, NUMBERS,
     prepare_clip, infer_clip, run_clip, mlscore_batch_elementwise, NULL, 0},
    {"", "IsNaN", 9, 0, 1, 1, 1, 1, 0, 0, MLSCORE_DTS_REAL, NULL, infer_test,
     run_is_nan, mlscore_batch_elementwise, NULL, 0},
    {"", "IsInf", 10, 0, 1, 1, 1, 1, 0, 0, MLSCORE_DTS_REAL, prepare_is_inf,
     infer_test, run_is_inf, mlscore_batch_elementwise, NULL, 0},
    {"", "Not", 1, 0, 1, 1, 1, 1, MLSCORE_OP_IN_PLACE, 0, MLSCORE_DTS_BOOL,
     NULL, infer_same, run_not, mlscore_batch_elementwise, NULL, 0},
    {"", "BitwiseNot", 18, 0, 1, 1, 1, 1, MLSCORE_OP_IN_PLACE, 0,
     MLSCORE_DTS_INTEGER, NULL, infer_same, run_bit_not,
     mlscore_batch_elementwise, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_unary, rows);
