/* SPDX-License-Identifier: Apache-2.0 */
/* The binding section: u32 mode; u32 count and records of inputs; the same of
 * outputs; a record is u32 value, u32 first, u32 count, u32 has_rows. */

#include "eval/graph/binding.h"

#include "base/bytes.h"

static mlscore_status put_ports(mlscore_buffer *out, const mlscore_port *ports,
                                uint32_t count)
{
    mlscore_status status = mlscore_put_u32(out, count);

    for (uint32_t i = 0; !status && i < count; i++) {
        status = mlscore_put_u32(out, ports[i].value);
        status = status ? status : mlscore_put_u32(out, ports[i].first);
        status = status ? status : mlscore_put_u32(out, ports[i].count);
        status = status ? status : mlscore_put_u32(out, ports[i].has_rows);
    }
    return status;
}

mlscore_status mlscore_binding_write(const mlscore_binding *binding,
                                     mlscore_buffer *out, mlscore_error *err)
{
    mlscore_status status = mlscore_put_u32(out, binding->mode);

    status = status ? status
                    : put_ports(out, binding->inputs, binding->input_count);
    status = status ? status
                    : put_ports(out, binding->outputs, binding->output_count);
    return status ? mlscore_error_set(err, status, "out of memory") : status;
}

static mlscore_status damaged(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the image's binding is damaged");
}

/* Ports in order: their fields follow each other and make the schema. */
static mlscore_status get_ports(mlscore_reader *reader, uint32_t values,
                                const mlscore_schema *schema,
                                mlscore_port **out, uint32_t *count,
                                mlscore_arena *arena, mlscore_error *err)
{
    uint32_t at = 0;

    *count = mlscore_reader_u32(reader);
    if (*count > mlscore_reader_left(reader) / 16) {
        return damaged(err);
    }
    *out = mlscore_arena_calloc(arena, *count + 1, sizeof(**out));
    if (!*out) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < *count; i++) {
        mlscore_port *port = &(*out)[i];

        port->value = mlscore_reader_u32(reader);
        port->first = mlscore_reader_u32(reader);
        port->count = mlscore_reader_u32(reader);
        port->has_rows = mlscore_reader_u32(reader) != 0;
        if (port->value >= values || port->first != at ||
            port->count > schema->field_count - at) {
            return damaged(err);
        }
        at += port->count;
    }
    return at == schema->field_count && !reader->failed ? MLSCORE_OK
                                                        : damaged(err);
}

/* A field's type must be one that the tensor can be made from. */
static int type_fits(const mlscore_field *field, mlscore_dtype type)
{
    return (field->type == MLSCORE_CHARACTER) == (type == MLSCORE_DT_STRING);
}

/* Inputs have known sizes: as many elements a row as there are fields. */
static int input_fits(const mlscore_graph *graph, const mlscore_port *port,
                      const mlscore_schema *schema)
{
    const mlscore_tensor shape = mlscore_binding_shape(graph, port, 1);

    if (!mlscore_tensor_known(&shape) || !mlscore_dtype_size(shape.type) ||
        mlscore_tensor_count(&shape) != port->count) {
        return 0;
    }
    for (uint32_t i = 0; i < port->count; i++) {
        if (!type_fits(&schema->fields[port->first + i], shape.type)) {
            return 0;
        }
    }
    return 1;
}

mlscore_status mlscore_binding_read(mlscore_binding *out, const void *bytes,
                                    size_t size, const mlscore_graph *graph,
                                    const mlscore_schema *inputs,
                                    const mlscore_schema *outputs,
                                    mlscore_arena *arena, mlscore_error *err)
{
    mlscore_reader reader = mlscore_reader_over(bytes, size);

    out->mode = (mlscore_rows_mode)mlscore_reader_u32(&reader);
    mlscore_status status =
        get_ports(&reader, graph->input_count, inputs, &out->inputs,
                  &out->input_count, arena, err);
    status = status ? status
                    : get_ports(&reader, graph->output_count, outputs,
                                &out->outputs, &out->output_count, arena, err);
    if (status) {
        return status;
    }
    if (out->mode > MLSCORE_ROWS_SINGLE ||
        out->input_count != graph->input_count ||
        mlscore_reader_left(&reader)) {
        return damaged(err);
    }
    for (uint32_t i = 0; i < out->input_count; i++) {
        if (out->inputs[i].value != i ||
            !input_fits(graph, &out->inputs[i], inputs)) {
            return damaged(err);
        }
    }
    return MLSCORE_OK;
}

mlscore_tensor mlscore_binding_shape(const mlscore_graph *graph,
                                     const mlscore_port *port, int64_t rows)
{
    mlscore_tensor shape = graph->values[graph->inputs[port->value]].tensor;

    shape.data = NULL;
    if (port->has_rows && shape.rank > 0) {
        shape.dims[0] = rows;
    }
    return shape;
}
