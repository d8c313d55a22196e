/* SPDX-License-Identifier: Apache-2.0 */
/* Records and data to graphs, trusting neither.
 *
 *   graph   u32 values, tensor each; list of inputs; u32 nodes, node each;
 *           list of outputs
 *   tensor  u8 type, u8 rank + 1, u64 a dimension, u8 has data, block
 *   block   u64 offset in the data, u64 size; texts: offset, 0, size, and in
 *           the data u32 lengths followed by all bytes
 *   list    u32 count, u32 each
 *   text    u32 length, bytes
 *   node    text name, operator, domain; u32 version, captured; lists of
 *           inputs and outputs; u32 attributes, each: text name, u8 kind, u32
 * count, and a block, a tensor or a graph
 */

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "eval/graph/graph.h"
#include "eval/graph/limits.h"

struct source {
    mlscore_reader records;
    const unsigned char *data;
    size_t data_size;
    mlscore_arena *arena;
    mlscore_error *err;
    int depth;
};

static mlscore_status damaged(struct source *source)
{
    return mlscore_error_set(source->err, MLSCORE_EIMAGE,
                             "the image's graph is damaged");
}

static mlscore_status no_memory(struct source *source)
{
    return mlscore_error_set(source->err, MLSCORE_ENOMEM, "out of memory");
}

static mlscore_status read_text(struct source *source, const char **out)
{
    const uint32_t length = mlscore_reader_u32(&source->records);
    const unsigned char *bytes =
        mlscore_reader_take(&source->records, length);

    if (!bytes || memchr(bytes, 0, length)) {
        return damaged(source);
    }
    *out = mlscore_arena_copy(source->arena, bytes, length);
    return *out ? MLSCORE_OK : no_memory(source);
}

/* A list of values below `limit`, or left out. */
static mlscore_status read_list(struct source *source, uint32_t limit,
                                const uint32_t **out, uint32_t *count)
{
    *count = mlscore_reader_u32(&source->records);
    if (*count > mlscore_reader_left(&source->records) / 4) {
        return damaged(source);
    }
    uint32_t *list = mlscore_arena_calloc(source->arena,
                                          *count ? *count : 1, sizeof(*list));
    if (!list) {
        return no_memory(source);
    }
    for (uint32_t i = 0; i < *count; i++) {
        list[i] = mlscore_reader_u32(&source->records);
        if (list[i] >= limit && list[i] != MLSCORE_NO_VALUE) {
            return damaged(source);
        }
    }
    *out = list;
    return source->records.failed ? damaged(source) : MLSCORE_OK;
}

static mlscore_status read_block(struct source *source, size_t size,
                                 size_t align, const void **out)
{
    const uint64_t offset = mlscore_reader_u64(&source->records);
    const uint64_t have = mlscore_reader_u64(&source->records);

    if (source->records.failed || have != size || offset % align ||
        !mlscore_range_inside(offset, have, 1, source->data_size)) {
        return damaged(source);
    }
    *out = source->data + offset;
    return MLSCORE_OK;
}

static mlscore_status read_texts(struct source *source, size_t count,
                                 const mlscore_text **out)
{
    const uint64_t offset = mlscore_reader_u64(&source->records);
    const uint64_t none = mlscore_reader_u64(&source->records);
    const uint64_t size = mlscore_reader_u64(&source->records);

    if (source->records.failed || none ||
        !mlscore_range_inside(offset, size, 1, source->data_size) ||
        count > size / 4) {
        return damaged(source);
    }
    mlscore_text *texts = mlscore_arena_calloc(
        source->arena, count ? count : 1, sizeof(*texts));
    if (!texts) {
        return no_memory(source);
    }
    const unsigned char *lengths = source->data + offset;
    uint64_t at = count * 4;
    for (size_t i = 0; i < count; i++) {
        const uint32_t length = mlscore_load_u32(lengths + i * 4);

        if (length > size - at || length > INT32_MAX) {
            return damaged(source);
        }
        texts[i] = (mlscore_text){(const char *)lengths + at, length, -1};
        at += length;
    }
    *out = texts;
    return MLSCORE_OK;
}

static mlscore_status read_tensor(struct source *source, mlscore_tensor *out)
{
    size_t bytes;

    memset(out, 0, sizeof(*out));
    out->type = (mlscore_dtype)mlscore_reader_u8(&source->records);
    out->rank = (int)mlscore_reader_u8(&source->records) - 1;
    if (out->rank > MLSCORE_TENSOR_RANK) {
        return damaged(source);
    }
    for (int d = 0; d < out->rank; d++) {
        out->dims[d] = (int64_t)mlscore_reader_u64(&source->records);
        if (out->dims[d] < -1 || out->dims[d] > (int64_t)1 << 40) {
            return damaged(source);
        }
    }
    const int has_data = mlscore_reader_u8(&source->records);
    if (source->records.failed || !has_data) {
        return source->records.failed ? damaged(source) : MLSCORE_OK;
    }
    const size_t unit = mlscore_dtype_size(out->type);
    if (!unit || !mlscore_tensor_known(out) ||
        mlscore_tensor_bytes(out, SIZE_MAX / 2, &bytes)) {
        return damaged(source);
    }
    if (out->type == MLSCORE_DT_STRING) {
        const mlscore_text *texts;
        mlscore_status status = read_texts(source, bytes / unit, &texts);

        out->data = status ? NULL : (void *)(uintptr_t)texts;
        return status;
    }
    const void *data;
    mlscore_status status = read_block(source, bytes, 64, &data);
    out->data = status ? NULL : (void *)(uintptr_t)data;
    return status;
}

static mlscore_status read_graph(struct source *source, mlscore_graph *graph);

static mlscore_status read_attr(struct source *source, mlscore_graph *graph,
                                mlscore_attr *out)
{
    mlscore_status status = read_text(source, &out->name);

    out->kind = (mlscore_attr_kind)mlscore_reader_u8(&source->records);
    out->count = mlscore_reader_u32(&source->records);
    if (status || source->records.failed) {
        return status ? status : damaged(source);
    }
    const int is_list = out->kind >= MLSCORE_ATTR_FLOATS;
    if (!is_list && out->count != 1) {
        return damaged(source);
    }
    switch (out->kind) {
    case MLSCORE_ATTR_FLOAT:
    case MLSCORE_ATTR_FLOATS:
        return read_block(source, (size_t)out->count * sizeof(float), 16,
                          (const void **)&out->of.floats);
    case MLSCORE_ATTR_INT:
    case MLSCORE_ATTR_INTS:
        return read_block(source, (size_t)out->count * sizeof(int64_t), 16,
                          (const void **)&out->of.ints);
    case MLSCORE_ATTR_STRING:
    case MLSCORE_ATTR_STRINGS:
        return read_texts(source, out->count, &out->of.strings);
    case MLSCORE_ATTR_TENSOR: {
        mlscore_tensor *tensor =
            mlscore_arena_calloc(source->arena, 1, sizeof(*tensor));

        out->of.tensor = tensor;
        status = tensor ? read_tensor(source, tensor) : no_memory(source);
        return status ? status : tensor->data ? MLSCORE_OK : damaged(source);
    }
    case MLSCORE_ATTR_GRAPH:
        if (source->depth >= MLSCORE_GRAPH_MAX_DEPTH) {
            return damaged(source);
        }
        status = mlscore_graph_create(&out->of.graph, graph, source->err);
        source->depth++;
        status = status ? status : read_graph(source, out->of.graph);
        source->depth--;
        return status;
    default: return damaged(source);
    }
}

/* `made` says which values are there already: inputs, constants, outputs of
 * the nodes before. */
static mlscore_status check_order(struct source *source,
                                  const mlscore_node *node, uint8_t *made)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] != MLSCORE_NO_VALUE && !made[node->inputs[i]]) {
            return damaged(source);
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == MLSCORE_NO_VALUE) {
            continue;
        }
        if (made[node->outputs[i]]) {
            return damaged(source);
        }
        made[node->outputs[i]] = 1;
    }
    return MLSCORE_OK;
}

static mlscore_status read_node(struct source *source, mlscore_graph *graph,
                                uint8_t *made)
{
    mlscore_node node = {0};
    mlscore_status status = read_text(source, &node.name);

    status = status ? status : read_text(source, &node.op);
    status = status ? status : read_text(source, &node.domain);
    node.version = (int32_t)mlscore_reader_u32(&source->records);
    node.captured = mlscore_reader_u32(&source->records);
    status = status ? status : read_list(source, graph->value_count,
                                         &node.inputs, &node.input_count);
    status = status ? status : read_list(source, graph->value_count,
                                         &node.outputs, &node.output_count);
    status = status ? status : check_order(source, &node, made);
    node.attr_count = mlscore_reader_u32(&source->records);
    if (status || source->records.failed || node.captured > node.input_count ||
        node.attr_count > mlscore_reader_left(&source->records) / 9) {
        return status ? status : damaged(source);
    }
    mlscore_attr *attrs = mlscore_arena_calloc(
        source->arena, node.attr_count ? node.attr_count : 1, sizeof(*attrs));
    if (!attrs) {
        return no_memory(source);
    }
    for (uint32_t i = 0; !status && i < node.attr_count; i++) {
        status = read_attr(source, graph, &attrs[i]);
    }
    node.attrs = attrs;
    return status ? status : mlscore_graph_node(graph, &node, source->err);
}

static mlscore_status read_values(struct source *source, mlscore_graph *graph)
{
    const uint32_t count = mlscore_reader_u32(&source->records);
    mlscore_status status = MLSCORE_OK;

    if (count > mlscore_reader_left(&source->records) / 3) {
        return damaged(source);
    }
    for (uint32_t i = 0; !status && i < count; i++) {
        uint32_t value;

        status = mlscore_graph_value(graph, "", &value, source->err);
        status = status ? status
                        : read_tensor(source, &graph->values[value].tensor);
    }
    return status;
}

static mlscore_status read_nodes(struct source *source, mlscore_graph *graph,
                                 uint8_t *made)
{
    mlscore_status status = MLSCORE_OK;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        made[v] = graph->values[v].tensor.data != NULL;
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        if (graph->inputs[i] == MLSCORE_NO_VALUE || made[graph->inputs[i]]) {
            return damaged(source);
        }
        made[graph->inputs[i]] = 1;
    }
    const uint32_t nodes = mlscore_reader_u32(&source->records);
    for (uint32_t i = 0; !status && i < nodes; i++) {
        status = source->records.failed ? damaged(source)
                                        : read_node(source, graph, made);
    }
    status = status ? status
                    : read_list(source, graph->value_count, &graph->outputs,
                                &graph->output_count);
    for (uint32_t i = 0; !status && i < graph->output_count; i++) {
        if (graph->outputs[i] == MLSCORE_NO_VALUE ||
            !made[graph->outputs[i]]) {
            status = damaged(source);
        }
    }
    return status;
}

static mlscore_status read_graph(struct source *source, mlscore_graph *graph)
{
    mlscore_status status = read_values(source, graph);

    status = status ? status
                    : read_list(source, graph->value_count, &graph->inputs,
                                &graph->input_count);
    if (status) {
        return status;
    }
    uint8_t *made = mlscore_calloc(graph->value_count + 1, 1);
    status = made ? read_nodes(source, graph, made) : no_memory(source);
    mlscore_free(made);
    return status;
}

mlscore_status mlscore_graph_read(mlscore_graph **out, const void *records,
                                  size_t records_size, const void *data,
                                  size_t data_size, mlscore_error *err)
{
    mlscore_status status = mlscore_graph_create(out, NULL, err);

    if (status) {
        return status;
    }
    struct source source = {
        .records = mlscore_reader_over(records, records_size), .data = data,
        .data_size = data_size, .arena = (*out)->arena, .err = err,
    };
    status = read_graph(&source, *out);
    if (!status && mlscore_reader_left(&source.records)) {
        status = damaged(&source);
    }
    if (status) {
        mlscore_graph_free(*out);
        *out = NULL;
    }
    return status;
}
