/* SPDX-License-Identifier: Apache-2.0 */
/* What operators are given: attributes, shapes, messages. */

#include "eval/graph/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/limits.h"

mlscore_status mlscore_prepare_fail(mlscore_prepare *prepare,
                                    mlscore_status status, const char *format,
                                    ...)
{
    char node[320], text[256];
    va_list args;

    if (prepare->status) {
        return prepare->status;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    prepare->status = status;
    return mlscore_error_set(prepare->err, status, "%s: %s",
                             mlscore_node_text(prepare->node, node,
                                               sizeof(node)), text);
}

mlscore_status mlscore_call_fail(const mlscore_call *call,
                                 mlscore_status status, const char *format,
                                 ...)
{
    char node[320], text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return mlscore_error_set(call->err, status, "%s: %s",
                             mlscore_node_text(call->node, node, sizeof(node)),
                             text);
}

void *mlscore_prepare_alloc(mlscore_prepare *prepare, size_t count,
                            size_t size)
{
    void *block = mlscore_arena_calloc(prepare->graph->arena,
                                       count ? count : 1, size);

    if (!block) {
        mlscore_prepare_fail(prepare, MLSCORE_ENOMEM, "out of memory");
    }
    return block;
}

/* --- attributes ----------------------------------------------------------- */

const mlscore_attr *mlscore_take(mlscore_prepare *prepare, const char *name,
                                 mlscore_attr_kind kind)
{
    const mlscore_node *node = prepare->node;

    for (uint32_t i = 0; i < node->attr_count; i++) {
        const mlscore_attr *attr = &node->attrs[i];

        if (strcmp(attr->name, name)) {
            continue;
        }
        prepare->taken |= (uint64_t)1 << i;
        if (attr->kind != kind) {
            mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                 "attribute '%.60s' has the wrong type", name);
            return NULL;
        }
        return attr;
    }
    return NULL;
}

int64_t mlscore_take_int(mlscore_prepare *prepare, const char *name,
                         int64_t fallback)
{
    const mlscore_attr *attr = mlscore_take(prepare, name, MLSCORE_ATTR_INT);

    return attr ? attr->of.ints[0] : fallback;
}

float mlscore_take_float(mlscore_prepare *prepare, const char *name,
                         float fallback)
{
    const mlscore_attr *attr = mlscore_take(prepare, name, MLSCORE_ATTR_FLOAT);

    return attr ? attr->of.floats[0] : fallback;
}

const int64_t *mlscore_take_ints(mlscore_prepare *prepare, const char *name,
                                 size_t *count)
{
    const mlscore_attr *attr = mlscore_take(prepare, name, MLSCORE_ATTR_INTS);

    *count = attr ? attr->count : 0;
    return attr ? attr->of.ints : NULL;
}

const float *mlscore_take_floats(mlscore_prepare *prepare, const char *name,
                                 size_t *count)
{
    const mlscore_attr *attr =
        mlscore_take(prepare, name, MLSCORE_ATTR_FLOATS);

    *count = attr ? attr->count : 0;
    return attr ? attr->of.floats : NULL;
}

const mlscore_text *mlscore_take_strings(mlscore_prepare *prepare,
                                         const char *name, size_t *count)
{
    const mlscore_attr *attr =
        mlscore_take(prepare, name, MLSCORE_ATTR_STRINGS);

    *count = attr ? attr->count : 0;
    return attr ? attr->of.strings : NULL;
}

const mlscore_tensor *mlscore_take_tensor(mlscore_prepare *prepare,
                                          const char *name)
{
    const mlscore_attr *attr =
        mlscore_take(prepare, name, MLSCORE_ATTR_TENSOR);

    return attr ? attr->of.tensor : NULL;
}

mlscore_text mlscore_take_string(mlscore_prepare *prepare, const char *name,
                                 const char *fallback)
{
    const mlscore_attr *attr =
        mlscore_take(prepare, name, MLSCORE_ATTR_STRING);

    return attr ? attr->of.strings[0]
                : (mlscore_text){fallback, (uint32_t)strlen(fallback), -1};
}

int mlscore_take_word(mlscore_prepare *prepare, const char *name,
                      const char *const *words, int fallback)
{
    const mlscore_attr *attr =
        mlscore_take(prepare, name, MLSCORE_ATTR_STRING);

    if (!attr) {
        return fallback;
    }
    const mlscore_text *text = attr->of.strings;
    for (int i = 0; words[i]; i++) {
        if (strlen(words[i]) == text->length &&
            !memcmp(words[i], text->bytes, text->length)) {
            return i;
        }
    }
    mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                         "attribute '%.60s' has the unknown value '%.*s'",
                         name, (int)(text->length > 60 ? 60 : text->length),
                         text->bytes);
    return fallback;
}

void mlscore_take_ignored(mlscore_prepare *prepare, const char *name)
{
    const mlscore_node *node = prepare->node;

    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, name)) {
            prepare->taken |= (uint64_t)1 << i;
        }
    }
}

/* --- shapes --------------------------------------------------------------- */

void mlscore_out_shape(const mlscore_call *call, uint32_t i,
                       mlscore_dtype type, const mlscore_tensor *like)
{
    mlscore_tensor *out = call->out[i];

    out->type = type;
    out->rank = like->rank;
    for (int d = 0; d < like->rank; d++) {
        out->dims[d] = like->dims[d];
    }
}

void mlscore_out_dims(const mlscore_call *call, uint32_t i,
                      mlscore_dtype type, int rank, const int64_t *dims)
{
    mlscore_tensor *out = call->out[i];

    out->type = type;
    out->rank = rank;
    for (int d = 0; d < rank; d++) {
        out->dims[d] = dims[d];
    }
}

void mlscore_out_unknown(const mlscore_call *call, uint32_t i,
                         mlscore_dtype type)
{
    call->out[i]->type = type;
    call->out[i]->rank = -1;
}

mlscore_status mlscore_out_alloc(const mlscore_call *call, uint32_t i)
{
    mlscore_tensor *out = call->out[i];
    size_t bytes;

    if (mlscore_tensor_bytes(out, MLSCORE_TENSOR_MAX_BYTES, &bytes)) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                 "output %u would be too large", i);
    }
    out->data = mlscore_malloc_aligned(bytes ? bytes : 1);
    return out->data ? MLSCORE_OK
                     : mlscore_call_fail(call, MLSCORE_ENOMEM,
                                         "out of memory");
}

mlscore_status mlscore_need_rank(const mlscore_call *call, uint32_t i,
                                 int rank)
{
    const mlscore_tensor *in = call->in[i];
    char shape[128];

    if (in->rank < 0 || in->rank == rank) {
        return MLSCORE_OK;
    }
    return mlscore_call_fail(
        call, MLSCORE_EFORMAT, "input %u has shape %s, but needs %d "
        "dimensions", i, mlscore_tensor_shape_text(in, shape, sizeof(shape)),
        rank);
}

mlscore_status mlscore_need_types(const mlscore_call *call, uint32_t i,
                                  uint32_t types)
{
    const mlscore_dtype type = call->in[i]->type;
    uint32_t bit = MLSCORE_DT_BIT(type);

    if (bit & MLSCORE_DTS_NARROW) { /* evaluated as float */
        bit |= MLSCORE_DT_BIT(MLSCORE_DT_FLOAT);
    }
    if (bit & types) {
        return MLSCORE_OK;
    }
    return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                             "input %u of type %s is not supported", i,
                             mlscore_dtype_name(type));
}

mlscore_status mlscore_int_input(const mlscore_call *call, uint32_t i,
                                 int64_t *out, size_t most, size_t *count,
                                 int *known)
{
    const mlscore_tensor *in = call->in[i];
    mlscore_status status = mlscore_need_types(call, i, MLSCORE_DTS_INTEGER);

    *known = 0;
    *count = 0;
    if (status || !in->data || !mlscore_tensor_known(in)) {
        return status;
    }
    *count = mlscore_tensor_count(in);
    if (*count > most) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                 "input %u has %zu elements, at most %zu are "
                                 "possible", i, *count, most);
    }
    mlscore_elements_to_int64(out, in->data, in->type, *count);
    *known = 1;
    return MLSCORE_OK;
}

mlscore_status mlscore_need_axis(const mlscore_call *call, int64_t axis,
                                 int rank, int *out)
{
    if (axis < -rank || axis >= rank) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "axis %lld is outside of %d dimensions",
                                 (long long)axis, rank);
    }
    *out = (int)(axis < 0 ? axis + rank : axis);
    return MLSCORE_OK;
}

/* One dimension of a broadcast; -2 when a and b do not fit. */
static int64_t broadcast_dim(int64_t a, int64_t b)
{
    if (a == b || b == 1) {
        return a;
    }
    if (a == 1) {
        return b;
    }
    if (a < 0 || b < 0) { /* one unknown: it must be 1 or the other's */
        return a < 0 ? b : a;
    }
    return -2;
}

mlscore_status mlscore_broadcast(const mlscore_call *call,
                                 const mlscore_tensor *a,
                                 const mlscore_tensor *b, mlscore_tensor *out)
{
    int64_t dims[MLSCORE_TENSOR_RANK];

    if (a->rank < 0 || b->rank < 0) {
        out->rank = -1;
        return MLSCORE_OK;
    }
    const int rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < rank; i++) {
        const int ai = i - (rank - a->rank), bi = i - (rank - b->rank);
        const int64_t da = ai < 0 ? 1 : a->dims[ai];
        const int64_t db = bi < 0 ? 1 : b->dims[bi];

        dims[i] = broadcast_dim(da, db);
        if (dims[i] == -2) {
            char as[128], bs[128];

            return mlscore_call_fail(
                call, MLSCORE_EFORMAT, "shapes %s and %s do not fit together",
                mlscore_tensor_shape_text(a, as, sizeof(as)),
                mlscore_tensor_shape_text(b, bs, sizeof(bs)));
        }
    }
    out->rank = rank;
    memcpy(out->dims, dims, (size_t)rank * sizeof(*dims));
    return MLSCORE_OK;
}

/* --- rules for batch -------------------------------------------------------
 */

int mlscore_batch_elementwise(const mlscore_call *call, const int *in,
                              int *out)
{
    int from_right = -1; /* distance of the rows' dimension from the end */

    for (uint32_t i = 0; i < call->in_count; i++) {
        if (!call->in[i] || in[i] < 0) {
            continue;
        }
        const int distance = call->in[i]->rank - in[i];
        if (from_right >= 0 && distance != from_right) {
            return 0;
        }
        from_right = distance;
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = from_right < 0 ? MLSCORE_BATCH_NONE
                                : call->out[i]->rank - from_right;
    }
    return 1;
}

int mlscore_batch_rows(const mlscore_call *call, const int *in, int *out)
{
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (call->in[i] && in[i] != (i == 0 ? 0 : MLSCORE_BATCH_NONE)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = 0;
    }
    return 1;
}
