/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml LabelEncoder (1, 2, 4) and CategoryMapper: a value for a key. */

#include <string.h>

#include "eval/graph/ops/key_table.h"
#include "eval/graph/ops/ops.h"

/* One direction: keys of a type to values of a type. */
struct mapping {
    mlscore_dtype from, to;
    mlscore_key_table table;
    const void *values;  /* elements of type `to` */
    const void *other;   /* the value of unknown keys */
};

struct label_state {
    struct mapping way[2]; /* the encoders that map both ways use two */
    int ways;
};

static int add_way(mlscore_prepare *prepare, struct label_state *state,
                   const mlscore_tensor *keys, const mlscore_tensor *values,
                   const void *other)
{
    struct mapping *way = &state->way[state->ways++];
    const size_t count = mlscore_tensor_count(keys);

    if (mlscore_tensor_count(values) != count) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "%zu keys and %zu values", count,
                             mlscore_tensor_count(values));
        return -1;
    }
    *way = (struct mapping){.from = keys->type, .to = values->type,
                            .values = values->data, .other = other};
    if (keys->type == MLSCORE_DT_STRING) {
        return mlscore_key_table_texts(prepare, &way->table, keys->data,
                                       count);
    }
    uint64_t *numbers = mlscore_prepare_alloc(prepare, count,
                                              sizeof(*numbers));
    for (size_t i = 0; numbers && i < count; i++) {
        numbers[i] = mlscore_number_key(keys, i);
    }
    return numbers ? mlscore_key_table_numbers(prepare, &way->table, numbers,
                                               count)
                   : -1;
}

/* --- operator set 1, and CategoryMapper: a list of texts, and numbers
 * -------------- */

static mlscore_status prepare_both_ways(mlscore_prepare *prepare)
{
    const int mapper = prepare->node->kind->detail;
    struct label_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    int64_t *number = mlscore_prepare_alloc(prepare, 1, sizeof(*number));
    mlscore_text *text = mlscore_prepare_alloc(prepare, 1, sizeof(*text));
    mlscore_tensor texts = {.type = MLSCORE_DT_STRING, .rank = 1};
    mlscore_tensor ints = {.type = MLSCORE_DT_INT64, .rank = 1};
    size_t count, int_count;

    if (!state || !number || !text) {
        return prepare->status;
    }
    texts.data = (void *)(uintptr_t)mlscore_take_strings(
        prepare, mapper ? "cats_strings" : "classes_strings", &count);
    *number = mlscore_take_int(prepare, "default_int64", -1);
    *text = mlscore_take_string(prepare, "default_string", "_Unused");
    texts.dims[0] = ints.dims[0] = (int64_t)count;
    if (mapper) {
        ints.data = (void *)(uintptr_t)mlscore_take_ints(prepare, "cats_int64s",
                                                         &int_count);
        ints.dims[0] = (int64_t)int_count;
    }
    else {
        int64_t *places = mlscore_prepare_alloc(prepare, count,
                                                sizeof(*places));

        for (size_t i = 0; places && i < count; i++) {
            places[i] = (int64_t)i;
        }
        ints.data = places;
    }
    prepare->node->state = state;
    if (prepare->status || add_way(prepare, state, &texts, &ints, number) ||
        add_way(prepare, state, &ints, &texts, text)) {
        return prepare->status;
    }
    return MLSCORE_OK;
}

/* --- operator sets 2 and 4: typed lists, or tensors
 * ---------------------------------- */

struct typed_list {
    const char *suffix;
    mlscore_dtype type;
};

static const struct typed_list lists[] = {
    {"strings", MLSCORE_DT_STRING},
    {"int64s", MLSCORE_DT_INT64},
    {"floats", MLSCORE_DT_FLOAT},
};

/* keys_strings, keys_int64s, keys_floats or keys_tensor; the same of values. */
static int take_list(mlscore_prepare *prepare, const char *const *names,
                     mlscore_tensor *out)
{
    int found = 0;

    for (int i = 0; i < 3; i++) {
        const mlscore_attr_kind kind = i == 0   ? MLSCORE_ATTR_STRINGS
                                       : i == 1 ? MLSCORE_ATTR_INTS
                                                : MLSCORE_ATTR_FLOATS;
        const mlscore_attr *attr = mlscore_take(prepare, names[i], kind);

        if (attr && attr->count) {
            *out = (mlscore_tensor){.type = lists[i].type, .rank = 1,
                                    .dims = {attr->count}};
            out->data = (void *)(uintptr_t)attr->of.ints;
            found++;
        }
    }
    const mlscore_tensor *tensor = mlscore_take_tensor(prepare, names[3]);
    if (tensor) {
        *out = *tensor;
        found++;
    }
    if (found != 1) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "needs exactly one list of keys and one of "
                             "values");
        return -1;
    }
    return 0;
}

/* The value for unknown keys, by the values' type. */
static const void *take_other(mlscore_prepare *prepare, mlscore_dtype type)
{
    const mlscore_tensor *tensor =
        mlscore_take_tensor(prepare, "default_tensor");
    const mlscore_text text =
        mlscore_take_string(prepare, "default_string", "_Unused");
    const int64_t whole = mlscore_take_int(prepare, "default_int64", -1);
    const float real = mlscore_take_float(prepare, "default_float", -0.0f);
    const double wide = -0.0;
    const int16_t narrow = -1;
    const size_t size = mlscore_dtype_size(type);
    void *other = mlscore_prepare_alloc(prepare, 1, sizeof(mlscore_text));

    if (!other) {
        return NULL;
    }
    if (tensor && tensor->type == type && mlscore_tensor_count(tensor) == 1) {
        return tensor->data;
    }
    switch (type) {
    case MLSCORE_DT_STRING: memcpy(other, &text, size); break;
    case MLSCORE_DT_FLOAT: memcpy(other, &real, size); break;
    case MLSCORE_DT_DOUBLE: memcpy(other, &wide, size); break;
    case MLSCORE_DT_INT16: memcpy(other, &narrow, size); break;
    case MLSCORE_DT_INT32: memcpy(other, &whole, size); break;
    case MLSCORE_DT_INT64: memcpy(other, &whole, size); break;
    default:
        mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                             "values of type %s are not supported",
                             mlscore_dtype_name(type));
        break;
    }
    return other;
}

static mlscore_status prepare_lists(mlscore_prepare *prepare)
{
    static const char *const key_names[] = {"keys_strings", "keys_int64s",
                                            "keys_floats", "keys_tensor"};
    static const char *const value_names[] = {"values_strings",
                                              "values_int64s",
                                              "values_floats",
                                              "values_tensor"};
    struct label_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    mlscore_tensor keys = {.rank = 0}, values = {.rank = 0};

    if (!state || take_list(prepare, key_names, &keys) ||
        take_list(prepare, value_names, &values)) {
        return prepare->status;
    }
    prepare->node->state = state;
    const void *other = take_other(prepare, values.type);
    if (other && !prepare->status) {
        add_way(prepare, state, &keys, &values, other);
    }
    return prepare->status;
}

/* --- running
 * ----------------------------------------------------------------------------
 */

static const struct mapping *find_way(const mlscore_call *call)
{
    const struct label_state *state = call->state;

    for (int i = 0; i < state->ways; i++) {
        if (state->way[i].from == call->in[0]->type) {
            return &state->way[i];
        }
    }
    return NULL;
}

static mlscore_status infer_label(mlscore_call *call)
{
    const struct mapping *way = find_way(call);

    if (!way) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "input of type %s, but the keys have another",
                                 mlscore_dtype_name(call->in[0]->type));
    }
    mlscore_out_shape(call, 0, way->to, call->in[0]);
    return MLSCORE_OK;
}

static mlscore_status run_label(const mlscore_call *call)
{
    const struct mapping *way = find_way(call);
    const mlscore_tensor *in = call->in[0];
    const size_t count = mlscore_tensor_count(in);
    const size_t size = mlscore_dtype_size(way->to);
    char *to = call->out[0]->data;

    for (size_t i = 0; i < count; i++) {
        int64_t at;

        if (in->type == MLSCORE_DT_STRING) {
            const mlscore_text *text = &((const mlscore_text *)in->data)[i];

            at = mlscore_key_table_text(&way->table, text->bytes,
                                        text->length);
        }
        else {
            at = mlscore_key_table_number(&way->table,
                                          mlscore_number_key(in, i));
        }
        memcpy(to + i * size,
               at < 0 ? way->other
                      : (const char *)way->values + (size_t)at * size, size);
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"ai.onnx.ml", "LabelEncoder", 1, 1, 1, 1, 1, 1, 0, 0, 0,
     prepare_both_ways, infer_label, run_label, mlscore_batch_elementwise,
     NULL, 0},
    {"ai.onnx.ml", "LabelEncoder", 2, 0, 1, 1, 1, 1, 0, 0, 0, prepare_lists,
     infer_label, run_label, mlscore_batch_elementwise, NULL, 0},
    {"ai.onnx.ml", "CategoryMapper", 1, 0, 1, 1, 1, 1, 0, 0, 0,
     prepare_both_ways, infer_label, run_label, mlscore_batch_elementwise,
     NULL, 1},
};

MLSCORE_OP_TABLE(mlscore_ops_ml_label, rows);
