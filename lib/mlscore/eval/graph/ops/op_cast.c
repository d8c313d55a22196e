/* SPDX-License-Identifier: Apache-2.0 */
/* Cast and CastLike: between all element types, texts included. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/small_types.h"
#include "mlscore/body.h"

/* What Cast and CastLike are told. */
struct cast {
    mlscore_dtype to;
    int saturate; /* where a real of 8 bits is too small */
};

static mlscore_status prepare_cast(mlscore_prepare *prepare)
{
    const int like = prepare->node->kind->detail;
    const int64_t to = like ? 0 : mlscore_take_int(prepare, "to", 0);
    struct cast *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    const mlscore_text mode =
        mlscore_take_string(prepare, "round_mode", "up");
    const int saturate = mlscore_take_int(prepare, "saturate", 1) != 0;

    if (mode.length != 2 || memcmp(mode.bytes, "up", 2)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "powers of two are rounded up only");
    }
    if (!prepare->status && !like &&
        (to < 0 || to > 32 || !mlscore_dtype_size((mlscore_dtype)to))) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "casts to type %lld, which is not "
                                    "supported", (long long)to);
    }
    if (state) {
        state->to = (mlscore_dtype)to;
        state->saturate = saturate;
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_dtype target(const mlscore_call *call)
{
    return call->node->kind->detail
               ? call->in[1]->type
               : ((const struct cast *)call->state)->to;
}

static mlscore_status infer_cast(mlscore_call *call)
{
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_ANY);

    mlscore_out_shape(call, 0, target(call), call->in[0]);
    return status;
}

/* --- numbers to numbers
 * --------------------------------------------------------- */

/* Real numbers to whole ones go by way of int64 (uint64 for the largest);
 * what does not fit is cut as the machine does, never undefined. */
static int64_t to_int64(double x)
{
    if (isnan(x)) {
        return INT64_MIN;
    }
    return x >= 9223372036854775808.0    ? INT64_MAX
           : x < -9223372036854775808.0 ? INT64_MIN
                                        : (int64_t)x;
}

static uint64_t to_uint64(double x)
{
    return x >= 18446744073709551616.0 ? UINT64_MAX
           : x >= 9223372036854775808.0 ? (uint64_t)x
                                        : (uint64_t)to_int64(x);
}

static void store_whole(void *out, mlscore_dtype type, size_t i,
                        uint64_t value)
{
    if (mlscore_small_is_whole(type)) {
        ((uint8_t *)out)[i] = mlscore_small_wrap(value, type);
        return;
    }
    switch (mlscore_dtype_size(type)) {
    case 1: ((uint8_t *)out)[i] = (uint8_t)value; break;
    case 2: ((uint16_t *)out)[i] = (uint16_t)value; break;
    case 4: ((uint32_t *)out)[i] = (uint32_t)value; break;
    default: ((uint64_t *)out)[i] = value; break;
    }
}

static int is_real(mlscore_dtype type)
{
    return (MLSCORE_DT_BIT(type) & (MLSCORE_DTS_REAL | MLSCORE_DTS_NARROW)) &&
           !mlscore_small_is_whole(type);
}

static void cast_to_whole(const mlscore_tensor *in, mlscore_tensor *out,
                          size_t count)
{
    const size_t size = mlscore_dtype_size(in->type);

    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)in->data + i * size;
        uint64_t value;

        if (is_real(in->type)) {
            double x;

            mlscore_elements_to_double(&x, at, in->type, 1);
            value = out->type == MLSCORE_DT_BOOL ? x != 0 : to_uint64(x);
        }
        else {
            int64_t x;

            mlscore_elements_to_int64(&x, at, in->type, 1);
            value = out->type == MLSCORE_DT_BOOL ? x != 0 : (uint64_t)x;
        }
        store_whole(out->data, out->type, i, value);
    }
}

/* A double straight to half precision rounds once: to float it is rounded to
 * odd first, so that the second rounding sees what was lost. */
static float round_to_odd(double x)
{
    const float near = (float)x;

    if (isnan(x) || isinf(near) || (double)near == x) {
        return near;
    }
    const float other =
        nextafterf(near, x > (double)near ? INFINITY : -INFINITY);
    uint32_t bits;
    memcpy(&bits, &near, sizeof(bits));
    return bits & 1 ? near : other;
}

static void store_narrow(mlscore_tensor *out, size_t i, double x,
                         int saturate)
{
    const float f = round_to_odd(x);

    if (mlscore_small_bits(out->type)) {
        ((uint8_t *)out->data)[i] =
            mlscore_float_to_small(f, out->type, saturate);
    }
    else {
        mlscore_float_to_halves((uint16_t *)out->data + i, &f, out->type, 1);
    }
}

static void cast_to_narrow(const mlscore_tensor *in, mlscore_tensor *out,
                           size_t count, int saturate)
{
    const size_t size = mlscore_dtype_size(in->type);

    for (size_t i = 0; i < count; i++) {
        double x;

        mlscore_elements_to_double(&x, (const char *)in->data + i * size,
                                   in->type, 1);
        store_narrow(out, i, x, saturate);
    }
}

static void cast_number(const mlscore_tensor *in, mlscore_tensor *out,
                        size_t count, int saturate)
{
    if (in->type == out->type) {
        memcpy(out->data, in->data, count * mlscore_dtype_size(in->type));
        return;
    }
    switch (out->type) {
    case MLSCORE_DT_FLOAT:
        mlscore_elements_to_float(out->data, in->data, in->type, count);
        break;
    case MLSCORE_DT_DOUBLE:
        mlscore_elements_to_double(out->data, in->data, in->type, count);
        break;
    default:
        if (is_real(out->type)) {
            cast_to_narrow(in, out, count, saturate);
        }
        else {
            cast_to_whole(in, out, count);
        }
        break;
    }
}

/* --- texts
 * ------------------------------------------------------------------------ */

/* Words for numbers that digits cannot write; 1 when it is one. */
static int parse_special(const char *text, size_t length, double *x)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", NAN},        {"inf", INFINITY},
                 {"+inf", INFINITY},  {"-inf", -INFINITY},
                 {"infinity", INFINITY}, {"-infinity", -INFINITY}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].word) == length &&
            !strncasecmp(words[i].word, text, length)) {
            *x = words[i].value;
            return 1;
        }
    }
    return 0;
}

/* A whole number, exactly; 0 when the text is not one. */
static int parse_whole(const char *text, size_t length, int64_t *out)
{
    const int negative = length && text[0] == '-';
    size_t i = length && (text[0] == '-' || text[0] == '+');
    uint64_t value = 0;

    if (i == length || length - i > 19) {
        return 0;
    }
    for (; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return 0;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (int64_t)(negative ? 0 - value : value);
    return 1;
}

static mlscore_status parse_one(const mlscore_call *call,
                                const mlscore_text *text, size_t i)
{
    mlscore_tensor *out = call->out[0];
    const char *at = text->bytes;
    size_t length = text->length;
    double x = 0;
    int64_t whole = 0;

    while (length && (*at == ' ' || *at == '\t')) {
        at++;
        length--;
    }
    while (length && (at[length - 1] == ' ' || at[length - 1] == '\t')) {
        length--;
    }
    const int exact = parse_whole(at, length, &whole);
    if (!exact && !parse_special(at, length, &x) &&
        (length == 0 || mlscore_parse_double(at, length, &x) != length)) {
        return mlscore_call_fail(call, MLSCORE_EINPUT,
                                 "'%.*s' is not a number",
                                 (int)(text->length > 40 ? 40 : text->length),
                                 text->bytes);
    }
    if (out->type == MLSCORE_DT_DOUBLE) {
        ((double *)out->data)[i] = exact ? (double)whole : x;
    }
    else if (out->type == MLSCORE_DT_FLOAT) {
        float f = (float)x;

        if (exact || mlscore_parse_float(at, length, &f) != length) {
            f = exact ? (float)whole : (float)x;
        }
        ((float *)out->data)[i] = f;
    }
    else if (is_real(out->type)) {
        store_narrow(out, i, exact ? (double)whole : x,
                     ((const struct cast *)call->state)->saturate);
    }
    else {
        const uint64_t value = exact ? (uint64_t)whole : to_uint64(x);

        store_whole(out->data, out->type, i,
                    out->type == MLSCORE_DT_BOOL ? value != 0 : value);
    }
    return MLSCORE_OK;
}

/* Like the standard's own: six or so digits would lose, so the shortest form
 * that reads back; exponents as C writes them. */
static int print_real(char *text, size_t size, double x, int single)
{
    if (isnan(x)) {
        return snprintf(text, size, "NaN");
    }
    if (isinf(x)) {
        return snprintf(text, size, x > 0 ? "INF" : "-INF");
    }
    return (int)(single ? mlscore_format_float(text, (float)x)
                        : mlscore_format_double(text, x));
}

static mlscore_status print_one(const mlscore_call *call, size_t i)
{
    const mlscore_tensor *in = call->in[0];
    const char *at =
        (const char *)in->data + i * mlscore_dtype_size(in->type);
    char text[64];
    int length;

    if (is_real(in->type)) {
        double x;

        mlscore_elements_to_double(&x, at, in->type, 1);
        length = print_real(text, sizeof(text), x,
                            in->type != MLSCORE_DT_DOUBLE);
    }
    else {
        int64_t x;

        mlscore_elements_to_int64(&x, at, in->type, 1);
        length = in->type == MLSCORE_DT_UINT64
                     ? snprintf(text, sizeof(text), "%llu",
                                (unsigned long long)x)
                     : snprintf(text, sizeof(text), "%lld", (long long)x);
    }
    const char *copy = mlscore_arena_copy(call->texts, text, (size_t)length);
    if (!copy) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    ((mlscore_text *)call->out[0]->data)[i] =
        (mlscore_text){copy, (uint32_t)length, -1};
    return MLSCORE_OK;
}

static mlscore_status run_cast(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    const int from_text = in->type == MLSCORE_DT_STRING;
    const int to_text = call->out[0]->type == MLSCORE_DT_STRING;
    mlscore_status status = MLSCORE_OK;

    if (from_text && to_text) {
        memcpy(call->out[0]->data, in->data, count * sizeof(mlscore_text));
        return MLSCORE_OK;
    }
    if (!from_text && !to_text) {
        cast_number(in, call->out[0], count,
                    ((const struct cast *)call->state)->saturate);
        return MLSCORE_OK;
    }
    for (size_t i = 0; !status && i < count; i++) {
        status = from_text
                     ? parse_one(call, &((const mlscore_text *)in->data)[i], i)
                     : print_one(call, i);
    }
    return status;
}

static const mlscore_op rows[] = {
    {"", "Cast", 6, 0, 1, 1, 1, 1, MLSCORE_OP_MOVES, 0, 0, prepare_cast,
     infer_cast, run_cast, mlscore_batch_elementwise, NULL, 0},
    {"", "CastLike", 15, 0, 2, 2, 1, 1, MLSCORE_OP_MOVES, 2, 0, prepare_cast,
     infer_cast, run_cast, mlscore_batch_elementwise, NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_cast, rows);
