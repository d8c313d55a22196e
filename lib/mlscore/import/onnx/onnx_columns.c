/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of graphs; see onnx_columns.h for the rules. */

#include "import/onnx/onnx_columns.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/columns.h"
#include "eval/graph/graph_plan.h"
#include "import/onnx/onnx_features.h"

/* Two numbers of rows that no model's own dimension is likely to be. */
enum { SMALL_ROWS = 5, LARGE_ROWS = 7, MOST_COLUMNS = 1000000 };

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
}

static mlscore_status set_name(mlscore_field *field, mlscore_arena *arena,
                               const char *name, size_t length,
                               mlscore_error *err)
{
    field->name = mlscore_arena_copy(arena, name, length);
    field->name_length = (uint32_t)length;
    return field->name ? MLSCORE_OK : no_memory(err);
}

/* --- inputs
 * ------------------------------------------------------------------------- */

/* Where the rows are, from the declared shape; the rest must be known. */
static mlscore_status input_shape(const mlscore_onnx_loaded *loaded,
                                  uint32_t i, mlscore_port *port,
                                  mlscore_error *err)
{
    const mlscore_graph *graph = loaded->graph;
    const uint32_t value = graph->inputs[i];
    mlscore_tensor *shape = &graph->values[value].tensor;
    const char *name = loaded->inputs[i]->name;

    if (!mlscore_dtype_size(shape->type) ||
        MLSCORE_DT_BIT(shape->type) & MLSCORE_DTS_SMALL) {
        return mlscore_error_set(err, MLSCORE_EUNSUPPORTED,
                                 "ONNX: input '%.80s' has a type that is not "
                                 "supported", name);
    }
    if (shape->rank < 0) { /* nothing is said: rows of features */
        shape->rank = 2;
        shape->dims[0] = shape->dims[1] = -1;
    }
    port->has_rows = shape->rank > 0 && shape->dims[0] < 0;
    for (int d = port->has_rows; d < shape->rank; d++) {
        if (shape->dims[d] < 0 && d == shape->rank - 1) {
            shape->dims[d] = mlscore_onnx_width(graph, value);
        }
        if (shape->dims[d] < 0) {
            return mlscore_error_set(
                err, MLSCORE_EUNSUPPORTED, "ONNX: input '%.80s' does not say "
                "how large dimension %d is, which is needed to name columns",
                name, d);
        }
    }
    if (!port->has_rows && shape->rank > 1 && shape->dims[0] != 1) {
        return mlscore_error_set(
            err, MLSCORE_EUNSUPPORTED, "ONNX: input '%.80s' takes exactly "
            "%lld rows; export the model with an open first dimension", name,
            (long long)shape->dims[0]);
    }
    const mlscore_tensor row = mlscore_binding_shape(graph, port, 1);
    size_t bytes;
    if (mlscore_tensor_bytes(&row, (size_t)MOST_COLUMNS * 16, &bytes) ||
        mlscore_tensor_count(&row) > MOST_COLUMNS) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "ONNX: input '%.80s' takes too many columns",
                                 name);
    }
    port->count = (uint32_t)mlscore_tensor_count(&row);
    return MLSCORE_OK;
}

/* The manifest's columns are the graph's, when there are as many and texts
 * stand where the graph takes texts. */
static int manifest_fits(const mlscore_onnx_columns *columns,
                         const mlscore_onnx_loaded *loaded,
                         const mlscore_import_hints *hints)
{
    const mlscore_schema *schema = hints ? hints->inputs : NULL;

    if (!schema || schema->field_count != columns->inputs.field_count) {
        return 0;
    }
    for (uint32_t i = 0; i < columns->binding.input_count; i++) {
        const mlscore_port *port = &columns->binding.inputs[i];
        const mlscore_dtype type =
            loaded->graph->values[loaded->graph->inputs[i]].tensor.type;

        for (uint32_t c = 0; c < port->count; c++) {
            if ((schema->fields[port->first + c].type == MLSCORE_CHARACTER) !=
                (type == MLSCORE_DT_STRING)) {
                return 0;
            }
        }
    }
    return 1;
}

/* A manifest may also list columns by the inputs' names in another order. */
static const mlscore_field *manifest_field(const mlscore_import_hints *hints,
                                           const char *name)
{
    const mlscore_schema *schema = hints ? hints->inputs : NULL;
    const int at = schema ? mlscore_schema_find(schema, name, strlen(name))
                          : -1;

    return at < 0 ? NULL : &schema->fields[at];
}

/* A column of what was a map is called as its key. */
static mlscore_status name_by_key(const mlscore_onnx_value *input, uint32_t c,
                                  mlscore_field *field,
                                  const mlscore_graph *graph,
                                  mlscore_error *err)
{
    char number[32];

    if (input->keys) {
        return set_name(field, graph->arena, input->keys[c].bytes,
                        input->keys[c].length, err);
    }
    const int length = snprintf(number, sizeof(number), "%lld",
                                (long long)input->key_numbers[c]);
    return set_name(field, graph->arena, number, (size_t)length, err);
}

static mlscore_status name_inputs(mlscore_onnx_columns *columns,
                                  const mlscore_onnx_loaded *loaded,
                                  const mlscore_import_hints *hints,
                                  mlscore_field *fields, mlscore_error *err)
{
    const mlscore_graph *graph = loaded->graph;
    const int fits = manifest_fits(columns, loaded, hints);
    mlscore_status status = MLSCORE_OK;
    uint32_t counted = 0;

    for (uint32_t i = 0; i < columns->binding.input_count; i++) {
        const mlscore_port *port = &columns->binding.inputs[i];
        const char *name = loaded->inputs[i]->name;
        const mlscore_dtype type = graph->values[graph->inputs[i]].tensor.type;
        const mlscore_field *own =
            port->count == 1 ? manifest_field(hints, name) : NULL;

        for (uint32_t c = 0; !status && c < port->count; c++) {
            mlscore_field *field = &fields[port->first + c];
            char numbered[32];

            field->type = mlscore_column_type(type);
            if (own && (own->type == MLSCORE_CHARACTER) ==
                           (type == MLSCORE_DT_STRING)) {
                *field = *own;
                field->level_index = NULL;
            }
            else if (fits) {
                *field = hints->inputs->fields[port->first + c];
                field->level_index = NULL;
            }
            else if (loaded->inputs[i]->key_count == port->count) {
                status = name_by_key(loaded->inputs[i], c, field, graph, err);
            }
            else if (port->count == 1) {
                status = set_name(field, graph->arena, name, strlen(name),
                                  err);
            }
            else {
                const int length = snprintf(numbered, sizeof(numbered), "x%u",
                                            counted++);

                columns->inputs.by_position = 1;
                status = set_name(field, graph->arena, numbered,
                                  (size_t)length, err);
            }
            field->lenient = 1;
        }
    }
    return status;
}

mlscore_status mlscore_onnx_input_columns(mlscore_onnx_columns *columns,
                                          const mlscore_onnx_loaded *loaded,
                                          const mlscore_import_hints *hints,
                                          mlscore_error *err)
{
    const mlscore_graph *graph = loaded->graph;
    mlscore_binding *binding = &columns->binding;
    mlscore_status status = MLSCORE_OK;
    uint32_t total = 0;

    memset(columns, 0, sizeof(*columns));
    binding->inputs = mlscore_arena_calloc(
        graph->arena, graph->input_count + 1, sizeof(*binding->inputs));
    if (!binding->inputs) {
        return no_memory(err);
    }
    binding->input_count = graph->input_count;
    for (uint32_t i = 0; !status && i < graph->input_count; i++) {
        mlscore_port *port = &binding->inputs[i];

        port->value = i;
        port->first = total;
        status = input_shape(loaded, i, port, err);
        if (!port->has_rows) {
            binding->mode = MLSCORE_ROWS_SINGLE;
        }
        total += port->count;
    }
    if (!status && (total == 0 || total > MOST_COLUMNS)) {
        status = mlscore_error_set(err, MLSCORE_EUNSUPPORTED,
                                   "ONNX: the model takes %u columns", total);
    }
    mlscore_field *fields = mlscore_arena_calloc(graph->arena, total + 1,
                                                 sizeof(*fields));
    if (status || !fields) {
        return status ? status : no_memory(err);
    }
    columns->inputs.fields = fields;
    columns->inputs.field_count = total;
    return name_inputs(columns, loaded, hints, fields, err);
}

/* --- do rows stay apart?
 * ---------------------------------------------------------------- */

static mlscore_status plan_rows(const mlscore_onnx_columns *columns,
                                const mlscore_graph *graph, int64_t rows,
                                mlscore_plan **out, mlscore_error *err)
{
    mlscore_tensor *shapes = mlscore_calloc(graph->input_count + 1,
                                            sizeof(*shapes));

    if (!shapes) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        shapes[i] = mlscore_binding_shape(graph, &columns->binding.inputs[i],
                                          rows);
    }
    mlscore_status status = mlscore_plan_create(out, graph, shapes, err);
    mlscore_free(shapes);
    return status;
}

/* Every output lists its rows first, or is the same for all of them. */
static int outputs_by_row(const mlscore_graph *graph, const int *axis)
{
    for (uint32_t i = 0; i < graph->output_count; i++) {
        if (axis[graph->outputs[i]] > 0) {
            return 0;
        }
    }
    return 1;
}

/* Sets the mode, and for APART the axis of every value. */
static mlscore_status find_mode(mlscore_onnx_columns *columns,
                                const mlscore_graph *graph, int *axis,
                                mlscore_error *err)
{
    mlscore_plan *small = NULL, *large = NULL;
    uint8_t *has_rows = mlscore_calloc(graph->input_count + 1, 1);
    mlscore_error ignored;

    if (!has_rows) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        has_rows[i] = columns->binding.inputs[i].has_rows;
    }
    if (columns->binding.mode == MLSCORE_ROWS_SINGLE) {
        mlscore_free(has_rows);
        return MLSCORE_OK;
    }
    mlscore_status status =
        plan_rows(columns, graph, SMALL_ROWS, &small, &ignored);
    status = status ? status
                    : plan_rows(columns, graph, LARGE_ROWS, &large, &ignored);
    int apart = 0;
    if (status) {
        /* The graph has a row count of its own inside; one it can take. */
        columns->binding.mode = MLSCORE_ROWS_SINGLE;
    }
    else {
        apart = mlscore_graph_rows_apart(graph, small, SMALL_ROWS, large,
                                         LARGE_ROWS, has_rows, axis);
        columns->binding.mode = apart && outputs_by_row(graph, axis)
                                    ? MLSCORE_ROWS_APART : MLSCORE_ROWS_WHOLE;
    }
    mlscore_plan_free(small);
    mlscore_plan_free(large);
    mlscore_free(has_rows);
    return apart < 0 || status == MLSCORE_ENOMEM ? no_memory(err)
                                                 : MLSCORE_OK;
}

/* --- outputs
 * ---------------------------------------------------------------------------
 */

struct naming {
    mlscore_onnx_columns *columns;
    const mlscore_onnx_loaded *loaded;
    const mlscore_import_hints *hints;
    const mlscore_plan *plan; /* for one row */
    const int *axis;
    mlscore_field *fields;
    size_t field_capacity;
    uint32_t field_count;
    mlscore_error *err;
};

static const char *mapped_name(const struct naming *naming, const char *name)
{
    const mlscore_import_hints *hints = naming->hints;

    for (size_t i = 0; hints && i < hints->map_count; i++) {
        if (!strcmp(hints->map_from[i], name)) {
            return hints->map_to[i];
        }
    }
    return name;
}

/* Values a row of a graph output: from the plan, or as the file declares. */
static int64_t values_per_row(const struct naming *naming,
                              const mlscore_onnx_output *output,
                              const mlscore_tensor *tensor)
{
    const mlscore_onnx_model *model = &naming->loaded->model;

    if (mlscore_tensor_known(tensor)) {
        return (int64_t)mlscore_tensor_count(tensor);
    }
    for (size_t i = 0; i < model->graph.output_count; i++) {
        const mlscore_onnx_value *value = &model->graph.outputs[i];

        if (strcmp(value->name, output->name) || value->shape.rank < 1) {
            continue;
        }
        int64_t count = 1;
        for (int d = 1; d < value->shape.rank; d++) {
            count = value->shape.dims[d] < 0 || count < 0
                        ? -1 : count * value->shape.dims[d];
        }
        return count;
    }
    return output->form == MLSCORE_ONNX_AS_MAPS ? (int64_t)output->key_count
                                                : -1;
}

static mlscore_status add_field(struct naming *naming, const char *name,
                                size_t length, mlscore_dtype type)
{
    if (mlscore_grow(&naming->fields, &naming->field_capacity,
                     naming->field_count, sizeof(*naming->fields))) {
        return no_memory(naming->err);
    }
    mlscore_field *field = &naming->fields[naming->field_count++];
    *field = (mlscore_field){.type = mlscore_column_type(type),
                             .single = type == MLSCORE_DT_FLOAT};
    return set_name(field, naming->loaded->graph->arena, name, length,
                    naming->err);
}

/* name, name[c], name[key], name[j][c] */
static mlscore_status name_column(struct naming *naming,
                                  const mlscore_onnx_output *output,
                                  uint32_t j, uint32_t c, uint32_t count,
                                  int rank, mlscore_dtype type)
{
    const char *name = mapped_name(naming, output->name);
    char text[600];
    int length;

    if (output->form == MLSCORE_ONNX_AS_MAPS && output->keys) {
        length = snprintf(text, sizeof(text), "%.256s[%.*s]", name,
                          (int)(output->keys[c].length > 256
                                    ? 256 : output->keys[c].length),
                          output->keys[c].bytes);
    }
    else if (output->form == MLSCORE_ONNX_AS_MAPS && output->numbers) {
        length = snprintf(text, sizeof(text), "%.256s[%lld]", name,
                          (long long)output->numbers[c]);
    }
    else if (output->form == MLSCORE_ONNX_AS_SEQUENCE) {
        length = rank < 2 ? snprintf(text, sizeof(text), "%.256s[%u]", name, j)
                          : snprintf(text, sizeof(text), "%.256s[%u][%u]",
                                     name, j, c);
    }
    else if (count == 1) {
        length = snprintf(text, sizeof(text), "%.256s", name);
    }
    else {
        length = snprintf(text, sizeof(text), "%.256s[%u]", name, c);
    }
    return add_field(naming, text, (size_t)length, type);
}

/* Images are bytes that only other operators understand. */
static int is_image(const mlscore_graph *graph, uint32_t value)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        if (node->output_count && node->outputs[0] == value) {
            return !strcmp(node->domain, "rx") &&
                   (!strcmp(node->op, "LoadImage") ||
                    !strcmp(node->op, "ResizeImage"));
        }
    }
    return 0;
}

static mlscore_status name_output(struct naming *naming,
                                  const mlscore_onnx_output *output,
                                  uint32_t j, mlscore_port *port)
{
    const mlscore_graph *graph = naming->loaded->graph;
    const uint32_t value = graph->outputs[output->first + j];
    const mlscore_tensor *tensor = mlscore_plan_value(naming->plan, value);
    const int64_t count = values_per_row(naming, output, tensor);
    mlscore_status status = MLSCORE_OK;

    if (is_image(graph, value)) {
        return mlscore_error_set(
            naming->err, MLSCORE_EUNSUPPORTED, "ONNX: output '%.80s' is an "
            "image; make it numbers with rx::ExtractPixels", output->name);
    }
    if (count < 1 || count > MOST_COLUMNS ||
        !mlscore_dtype_size(tensor->type) ||
        MLSCORE_DT_BIT(tensor->type) & MLSCORE_DTS_SMALL) {
        return mlscore_error_set(
            naming->err, MLSCORE_EUNSUPPORTED, "ONNX: how many values a row "
            "output '%.80s' has cannot be told", output->name);
    }
    if (output->form == MLSCORE_ONNX_AS_MAPS &&
        (size_t)count != output->key_count) {
        return mlscore_error_set(naming->err, MLSCORE_EFORMAT,
                                 "ONNX: output '%.80s' has %lld values and "
                                 "%zu keys", output->name, (long long)count,
                                 output->key_count);
    }
    *port = (mlscore_port){.value = output->first + j,
                           .first = naming->field_count,
                           .count = (uint32_t)count, .has_rows = 1};
    if (naming->columns->binding.mode == MLSCORE_ROWS_APART) {
        port->has_rows = naming->axis[value] == 0;
    }
    for (uint32_t c = 0; !status && c < port->count; c++) {
        status = name_column(naming, output, j, c, port->count, tensor->rank,
                             tensor->type);
    }
    return status;
}

/* The manifest's names, when it lists as many columns. */
static void manifest_names(const struct naming *naming)
{
    const mlscore_schema *schema =
        naming->hints ? naming->hints->outputs : NULL;

    if (!schema || schema->field_count != naming->field_count) {
        return;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        naming->fields[i].name = schema->fields[i].name;
        naming->fields[i].name_length = schema->fields[i].name_length;
    }
}

static mlscore_status name_outputs(struct naming *naming)
{
    const mlscore_onnx_loaded *loaded = naming->loaded;
    mlscore_binding *binding = &naming->columns->binding;
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < loaded->output_count; i++) {
        const mlscore_onnx_output *output = &loaded->outputs[i];

        for (uint32_t j = 0; !status && j < output->count; j++) {
            status = name_output(naming, output, j,
                                 &binding->outputs[binding->output_count++]);
        }
    }
    if (!status && naming->field_count == 0) {
        return mlscore_error_set(naming->err, MLSCORE_EFORMAT,
                                 "ONNX: the model has no outputs");
    }
    manifest_names(naming);
    return status;
}

static mlscore_status output_columns(struct naming *naming)
{
    const mlscore_graph *graph = naming->loaded->graph;
    mlscore_onnx_columns *columns = naming->columns;
    mlscore_status status = name_outputs(naming);
    mlscore_field *copy = mlscore_arena_calloc(
        graph->arena, naming->field_count + 1, sizeof(*copy));

    if (!status && !copy) {
        status = no_memory(naming->err);
    }
    if (!status) {
        memcpy(copy, naming->fields, naming->field_count * sizeof(*copy));
        columns->outputs.fields = copy;
        columns->outputs.field_count = naming->field_count;
    }
    mlscore_free(naming->fields);
    return status;
}

mlscore_status mlscore_onnx_output_columns(mlscore_onnx_columns *columns,
                                           const mlscore_onnx_loaded *loaded,
                                           const mlscore_import_hints *hints,
                                           mlscore_error *err)
{
    const mlscore_graph *graph = loaded->graph;
    int *axis = mlscore_calloc(graph->value_count + 1, sizeof(*axis));
    mlscore_plan *plan = NULL;
    struct naming naming = {.columns = columns, .loaded = loaded,
                            .hints = hints, .axis = axis, .err = err};

    columns->binding.outputs =
        mlscore_arena_calloc(graph->arena, graph->output_count + 1,
                             sizeof(*columns->binding.outputs));
    mlscore_status status =
        axis && columns->binding.outputs ? find_mode(columns, graph, axis, err)
                                         : no_memory(err);
    status = status ? status : plan_rows(columns, graph, 1, &plan, err);
    naming.plan = plan;
    status = status ? status : output_columns(&naming);
    mlscore_plan_free(plan);
    mlscore_free(axis);
    return status;
}
