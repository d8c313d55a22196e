/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml OneHotEncoder, ArrayFeatureExtractor, FeatureVectorizer. */

#include <string.h>

#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"

#define MAX MLSCORE_TENSOR_RANK

/* --- OneHotEncoder
 * ---------------------------------------------------------------- */

struct one_hot_state {
    mlscore_key_table table;
    size_t count;
    int texts, zeros;
};

static mlscore_status prepare_one_hot(mlscore_prepare *prepare)
{
    struct one_hot_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t texts, ints;

    if (!state) {
        return prepare->status;
    }
    const mlscore_text *names =
        mlscore_take_strings(prepare, "cats_strings", &texts);
    const int64_t *numbers = mlscore_take_ints(prepare, "cats_int64s", &ints);
    state->zeros = mlscore_take_int(prepare, "zeros", 1) != 0;
    state->texts = texts > 0;
    state->count = texts ? texts : ints;
    prepare->node->state = state;
    if ((texts > 0) == (ints > 0)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs either texts or whole numbers as "
                                    "categories");
    }
    if (texts) {
        mlscore_key_table_texts(prepare, &state->table, names, texts);
    }
    else {
        mlscore_key_table_numbers(prepare, &state->table,
                                  (const uint64_t *)numbers, ints);
    }
    return prepare->status;
}

static mlscore_status infer_one_hot(mlscore_call *call)
{
    const struct one_hot_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = mlscore_need_types(
        call, 0, state->texts ? MLSCORE_DTS_STRING : MLSCORE_DTS_NUMBER);

    if (status || in->rank == MAX) {
        return status ? status
                      : mlscore_call_fail(call, MLSCORE_ELIMIT,
                                          "too many dimensions");
    }
    mlscore_out_shape(call, 0, MLSCORE_DT_FLOAT, in);
    if (in->rank >= 0) {
        call->out[0]->dims[call->out[0]->rank++] = (int64_t)state->count;
    }
    return MLSCORE_OK;
}

static int64_t category(const struct one_hot_state *state,
                        const mlscore_tensor *in, size_t i)
{
    if (state->texts) {
        const mlscore_text *text = &((const mlscore_text *)in->data)[i];

        return mlscore_key_table_text(&state->table, text->bytes,
                                      text->length);
    }
    const char *at = (const char *)in->data + i * mlscore_dtype_size(in->type);
    int64_t number = 0;
    if (in->type == MLSCORE_DT_FLOAT || in->type == MLSCORE_DT_DOUBLE) {
        double x;

        mlscore_elements_to_double(&x, at, in->type, 1);
        if (!(x > -9.2e18 && x < 9.2e18)) {
            return -1;
        }
        number = (int64_t)x;
    }
    else {
        mlscore_elements_to_int64(&number, at, in->type, 1);
    }
    return mlscore_key_table_number(&state->table, (uint64_t)number);
}

static mlscore_status run_one_hot(const mlscore_call *call)
{
    const struct one_hot_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    float *out = call->out[0]->data;

    memset(out, 0, count * state->count * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        const int64_t at = category(state, in, i);

        if (at >= 0) {
            out[i * state->count + (size_t)at] = 1;
        }
        else if (!state->zeros) {
            return mlscore_call_fail(call, MLSCORE_EINPUT,
                                     "a value is none of the categories");
        }
    }
    return MLSCORE_OK;
}

static int batch_keep(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return 1;
}

/* --- ArrayFeatureExtractor
 * ------------------------------------------------------------ */

static mlscore_status infer_extract(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0], *which = call->in[1];
    mlscore_status status =
        mlscore_need_types(call, 1, MLSCORE_DT_BIT(MLSCORE_DT_INT64));

    mlscore_out_unknown(call, 0, in->type);
    if (status || in->rank < 0) {
        return status;
    }
    if (in->rank == 0) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT, "data is a scalar");
    }
    mlscore_out_shape(call, 0, in->type, in);
    if (in->rank == 1) {
        call->out[0]->rank = 2;
        call->out[0]->dims[0] = 1;
    }
    call->out[0]->dims[call->out[0]->rank - 1] =
        mlscore_tensor_known(which) ? (int64_t)mlscore_tensor_count(which) : -1;
    return MLSCORE_OK;
}

static mlscore_status run_extract(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0], *which = call->in[1];
    const size_t size = mlscore_dtype_size(in->type);
    const size_t columns = (size_t)in->dims[in->rank - 1];
    const size_t rows = mlscore_tensor_span(in, 0, in->rank - 1);
    const size_t count = mlscore_tensor_count(which);
    const int64_t *index = which->data;
    char *to = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        if (index[i] < 0 || index[i] >= (int64_t)columns) {
            return mlscore_call_fail(call, MLSCORE_EINPUT,
                                     "takes column %lld of %zu",
                                     (long long)index[i], columns);
        }
    }
    for (size_t r = 0; r < rows; r++) {
        const char *from = (const char *)in->data + r * columns * size;

        for (size_t i = 0; i < count; i++) {
            memcpy(to, from + (size_t)index[i] * size, size);
            to += size;
        }
    }
    return MLSCORE_OK;
}

/* Columns of rows, or labels looked up by rows' numbers. */
static int batch_extract(const mlscore_call *call, const int *in, int *out)
{
    if (in[1] >= 0) {
        out[0] = call->out[0]->rank - 1;
        return in[0] < 0 && in[1] == call->in[1]->rank - 1 &&
               (size_t)call->in[1]->dims[in[1]] ==
                   mlscore_tensor_count(call->in[1]);
    }
    out[0] = in[0];
    return in[0] < 0 || in[0] != call->in[0]->rank - 1;
}

/* --- FeatureVectorizer
 * ------------------------------------------------------------------ */

struct widths {
    const int64_t *widths;
    size_t count;
};

static mlscore_status prepare_vectorizer(mlscore_prepare *prepare)
{
    struct widths *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->widths = mlscore_take_ints(prepare, "inputdimensions",
                                          &state->count);
        prepare->node->state = state;
        for (size_t i = 0; i < state->count; i++) {
            if (state->widths[i] < 0 || state->widths[i] > INT32_MAX) {
                return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                            "'inputdimensions' is impossible");
            }
        }
    }
    return prepare->status;
}

static int64_t width_of(const struct widths *state, const mlscore_tensor *in,
                        uint32_t i)
{
    return i < state->count ? state->widths[i]
           : in->rank < 0   ? -1
                            : in->dims[in->rank - 1];
}

static mlscore_status infer_vectorizer(mlscore_call *call)
{
    int64_t dims[2] = {-1, 0};
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        const mlscore_tensor *in = call->in[i];

        if (!in || in->rank == 0 || in->rank > 2) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "input %u is neither a row nor rows", i);
        }
        status = mlscore_need_types(call, i, MLSCORE_DTS_NUMBER |
                                                 MLSCORE_DTS_BOOL);
        const int64_t width = width_of(call->state, in, i);
        const int64_t rows = in->rank < 0    ? -1
                             : in->rank == 2 ? in->dims[0]
                                             : 1;

        if (dims[0] >= 0 && rows >= 0 && rows != dims[0]) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "inputs of %lld and %lld rows",
                                     (long long)dims[0], (long long)rows);
        }
        dims[0] = rows < 0 ? dims[0] : rows;
        dims[1] = dims[1] < 0 || width < 0 ? -1 : dims[1] + width;
    }
    mlscore_out_dims(call, 0, MLSCORE_DT_FLOAT, 2, dims);
    return status;
}

static mlscore_status run_vectorizer(const mlscore_call *call)
{
    const size_t rows = (size_t)call->out[0]->dims[0];
    const size_t total = (size_t)call->out[0]->dims[1];
    float *out = call->out[0]->data;
    size_t at = 0;

    memset(out, 0, rows * total * sizeof(*out));
    for (uint32_t i = 0; i < call->in_count; i++) {
        const mlscore_tensor *in = call->in[i];
        const size_t have = (size_t)in->dims[in->rank - 1];
        const size_t width = (size_t)width_of(call->state, in, i);
        const size_t size = mlscore_dtype_size(in->type);

        for (size_t r = 0; r < rows; r++) {
            mlscore_elements_to_float(
                out + r * total + at,
                (const char *)in->data + r * have * size, in->type,
                have < width ? have : width);
        }
        at += width;
    }
    return MLSCORE_OK;
}

static int batch_vectorizer(const mlscore_call *call, const int *in, int *out)
{
    out[0] = 0;
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (in[i] != 0 || call->in[i]->rank != 2) {
            return 0;
        }
    }
    return 1;
}

static const mlscore_op rows[] = {
    {"ai.onnx.ml", "OneHotEncoder", 1, 0, 1, 1, 1, 1, 0, 0, 0, prepare_one_hot,
     infer_one_hot, run_one_hot, batch_keep, NULL, 0},
    {"ai.onnx.ml", "ArrayFeatureExtractor", 1, 0, 2, 2, 1, 1, MLSCORE_OP_MOVES,
     0, 0, NULL, infer_extract, run_extract, batch_extract, NULL, 0},
    {"ai.onnx.ml", "FeatureVectorizer", 1, 0, 1, 255, 1, 1, 0, 0, 0,
     prepare_vectorizer, infer_vectorizer, run_vectorizer, batch_vectorizer,
     NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_ml_encode, rows);
