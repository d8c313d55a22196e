/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs to records and data; graph_read.c has the form. */

#include <string.h>

#include "base/bytes.h"
#include "eval/graph/graph.h"

struct writer {
    mlscore_buffer *records, *data;
    mlscore_status status; /* the first failure; sticky */
};

static void u8(struct writer *writer, uint32_t value)
{
    if (!writer->status) {
        writer->status = mlscore_put_u8(writer->records, (uint8_t)value);
    }
}

static void u32(struct writer *writer, uint32_t value)
{
    if (!writer->status) {
        writer->status = mlscore_put_u32(writer->records, value);
    }
}

static void u64(struct writer *writer, uint64_t value)
{
    if (!writer->status) {
        writer->status = mlscore_put_u64(writer->records, value);
    }
}

static void text(struct writer *writer, const char *value)
{
    const size_t length = strlen(value);

    u32(writer, (uint32_t)length);
    if (!writer->status) {
        writer->status =
            mlscore_buffer_append(writer->records, value, length);
    }
}

static void list(struct writer *writer, const uint32_t *values, uint32_t count)
{
    u32(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        u32(writer, values[i]);
    }
}

/* Bytes in the data: offset and size go to the records. */
static void block(struct writer *writer, const void *bytes, size_t size,
                  size_t align)
{
    if (!writer->status) {
        writer->status = mlscore_put_align(writer->data, align);
    }
    u64(writer, writer->data->length);
    u64(writer, size);
    if (!writer->status && size) {
        writer->status = mlscore_buffer_append(writer->data, bytes, size);
    }
}

/* Texts in the data: their lengths, then all bytes. */
static void texts(struct writer *writer, const mlscore_text *values,
                  size_t count)
{
    size_t size = count * 4;

    for (size_t i = 0; i < count; i++) {
        size += values[i].length;
    }
    block(writer, NULL, 0, 16);
    u64(writer, size);
    for (size_t i = 0; !writer->status && i < count; i++) {
        writer->status = mlscore_put_u32(writer->data, values[i].length);
    }
    for (size_t i = 0; !writer->status && i < count; i++) {
        writer->status = mlscore_buffer_append(writer->data, values[i].bytes,
                                               values[i].length);
    }
}

static void tensor(struct writer *writer, const mlscore_tensor *value)
{
    u8(writer, value->type);
    u8(writer, (uint32_t)(value->rank + 1));
    for (int d = 0; d < value->rank; d++) {
        u64(writer, (uint64_t)value->dims[d]);
    }
    u8(writer, value->data != NULL);
    if (value->data && value->type == MLSCORE_DT_STRING) {
        texts(writer, value->data, mlscore_tensor_count(value));
    }
    else if (value->data) {
        block(writer, value->data,
              mlscore_tensor_count(value) * mlscore_dtype_size(value->type),
              64);
    }
}

static void graph(struct writer *writer, const mlscore_graph *value);

static void attr(struct writer *writer, const mlscore_attr *value)
{
    text(writer, value->name);
    u8(writer, value->kind);
    u32(writer, value->count);
    switch (value->kind) {
    case MLSCORE_ATTR_FLOAT:
    case MLSCORE_ATTR_FLOATS:
        block(writer, value->of.floats, value->count * sizeof(float), 16);
        break;
    case MLSCORE_ATTR_INT:
    case MLSCORE_ATTR_INTS:
        block(writer, value->of.ints, value->count * sizeof(int64_t), 16);
        break;
    case MLSCORE_ATTR_STRING:
    case MLSCORE_ATTR_STRINGS:
        texts(writer, value->of.strings, value->count);
        break;
    case MLSCORE_ATTR_TENSOR: tensor(writer, value->of.tensor); break;
    case MLSCORE_ATTR_GRAPH: graph(writer, value->of.graph); break;
    }
}

static void node(struct writer *writer, const mlscore_node *value)
{
    text(writer, value->name);
    text(writer, value->op);
    text(writer, value->domain);
    u32(writer, (uint32_t)value->version);
    u32(writer, value->captured);
    list(writer, value->inputs, value->input_count);
    list(writer, value->outputs, value->output_count);
    u32(writer, value->attr_count);
    for (uint32_t i = 0; i < value->attr_count; i++) {
        attr(writer, &value->attrs[i]);
    }
}

static void graph(struct writer *writer, const mlscore_graph *value)
{
    u32(writer, value->value_count);
    for (uint32_t i = 0; i < value->value_count; i++) {
        tensor(writer, &value->values[i].tensor);
    }
    list(writer, value->inputs, value->input_count);
    u32(writer, value->node_count);
    for (uint32_t i = 0; i < value->node_count; i++) {
        node(writer, &value->nodes[i]);
    }
    list(writer, value->outputs, value->output_count);
}

mlscore_status mlscore_graph_write(const mlscore_graph *value,
                                   mlscore_buffer *records,
                                   mlscore_buffer *data, mlscore_error *err)
{
    struct writer writer = {.records = records, .data = data};

    graph(&writer, value);
    return writer.status
               ? mlscore_error_set(err, writer.status,
                                   "the image cannot be written")
               : MLSCORE_OK;
}
