/* SPDX-License-Identifier: Apache-2.0 */
/* The engine that evaluates graphs: opens an image, plans for a few block
 * sizes, and moves rows through them. */

#include <string.h>

#include "base/alloc.h"
#include "eval/engine.h"
#include "eval/graph/binding.h"
#include "eval/graph/columns.h"
#include "eval/graph/graph_plan.h"
#include "eval/graph/ops/ml_linear.h"
#include "kernel/weighted_sum.h"

enum {
    MOST_PLANS = 3,
    MOST_ROWS = 256,          /* of a block */
    BLOCK_BYTES = 1 << 20,    /* of scratch that a block should not exceed */
    MIDDLE_ROWS = 8           /* block for the rest of a batch */
};

struct graph_model {
    mlscore_graph *graph;
    mlscore_binding binding;
    /* Largest block first; the last one takes one row. None for WHOLE. */
    mlscore_plan *plans[MOST_PLANS];
    size_t plan_rows[MOST_PLANS];
    size_t plan_count;
    size_t scratch;
    /* The graph is a linear regression of number columns, no more. */
    int is_linear;
    mlscore_linear linear;
};

static void free_model(void *plan)
{
    struct graph_model *model = plan;

    if (model) {
        for (size_t i = 0; i < model->plan_count; i++) {
            mlscore_plan_free(model->plans[i]);
        }
        mlscore_graph_free(model->graph);
        mlscore_free(model);
    }
}

/* --- opening
 * ---------------------------------------------------------------------- */

static mlscore_status make_plan(const struct graph_model *model, size_t rows,
                                mlscore_plan **out, mlscore_error *err)
{
    const uint32_t count = model->binding.input_count;
    mlscore_tensor *shapes = mlscore_calloc(count + 1, sizeof(*shapes));

    if (!shapes) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < count; i++) {
        shapes[i] = mlscore_binding_shape(
            model->graph, &model->binding.inputs[i], (int64_t)rows);
    }
    mlscore_status status = mlscore_plan_create(out, model->graph, shapes, err);
    mlscore_free(shapes);
    return status;
}

static mlscore_status add_plan(struct graph_model *model, size_t rows,
                               mlscore_error *err)
{
    mlscore_plan *plan;
    mlscore_status status = make_plan(model, rows, &plan, err);

    if (status) {
        return status;
    }
    const size_t bytes = mlscore_plan_bytes(plan);
    model->scratch = bytes > model->scratch ? bytes : model->scratch;
    /* Keep the largest first. */
    size_t at = model->plan_count++;
    for (; at > 0 && model->plan_rows[at - 1] < rows; at--) {
        model->plans[at] = model->plans[at - 1];
        model->plan_rows[at] = model->plan_rows[at - 1];
    }
    model->plans[at] = plan;
    model->plan_rows[at] = rows;
    return MLSCORE_OK;
}

/* Blocks as large as fit the cache: what a row adds is seen from two plans. */
static mlscore_status plan_blocks(struct graph_model *model,
                                  mlscore_error *err)
{
    mlscore_status status = add_plan(model, 1, err);

    if (status || model->binding.mode != MLSCORE_ROWS_APART) {
        return status;
    }
    const size_t one = model->scratch;
    if (one > BLOCK_BYTES / 2) {
        return MLSCORE_OK;
    }
    status = add_plan(model, MIDDLE_ROWS, err);
    const size_t row = (model->scratch - one) / (MIDDLE_ROWS - 1) + 1;
    size_t rows = MOST_ROWS;
    while (!status && rows > MIDDLE_ROWS && rows * row > BLOCK_BYTES) {
        rows /= 2;
    }
    return status || rows <= MIDDLE_ROWS ? status : add_plan(model, rows, err);
}

/* One linear regressor of one matrix of number columns. */
static int find_linear(struct graph_model *model, const mlscore_schema *inputs,
                       const mlscore_schema *outputs)
{
    const mlscore_graph *graph = model->graph;
    const mlscore_node *node = graph->nodes;

    if (graph->node_count != 1 || graph->input_count != 1 ||
        graph->output_count != 1 || model->binding.output_count != 1 ||
        outputs->field_count != 1 ||
        outputs->fields[0].type != MLSCORE_NUMERIC ||
        model->binding.mode != MLSCORE_ROWS_APART ||
        node->inputs[0] != graph->inputs[0] ||
        node->outputs[0] != graph->outputs[0] ||
        graph->values[graph->inputs[0]].tensor.type != MLSCORE_DT_FLOAT ||
        !mlscore_linear_of(&model->linear, node) ||
        model->linear.features != inputs->field_count) {
        return 0;
    }
    for (uint32_t i = 0; i < inputs->field_count; i++) {
        if (inputs->fields[i].type != MLSCORE_NUMERIC) {
            return 0;
        }
    }
    return 1;
}

static mlscore_status open_graph(struct graph_model *model,
                                 const mlscore_image *image,
                                 const mlscore_schema *inputs,
                                 const mlscore_schema *outputs,
                                 mlscore_error *err)
{
    size_t records_size, data_size, binding_size;
    const void *records =
        mlscore_image_section(image, MLSCORE_GRAPH_RECORDS, &records_size);
    const void *data =
        mlscore_image_section(image, MLSCORE_GRAPH_DATA, &data_size);
    const void *binding =
        mlscore_image_section(image, MLSCORE_GRAPH_BINDING, &binding_size);

    if (!records || !data || !binding) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "the image has no graph");
    }
    mlscore_status status = mlscore_graph_read(
        &model->graph, records, records_size, data, data_size, err);
    status = status ? status
                    : mlscore_binding_read(&model->binding, binding,
                                           binding_size, model->graph, inputs,
                                           outputs, model->graph->arena, err);
    status = status ? status : mlscore_graph_prepare(model->graph, err);
    status = status ? status
                    : mlscore_graph_fold(model->graph, SIZE_MAX, err);
    if (!status && model->binding.mode != MLSCORE_ROWS_WHOLE) {
        status = plan_blocks(model, err);
    }
    if (!status) {
        model->is_linear = find_linear(model, inputs, outputs);
    }
    return status;
}

static mlscore_status engine_open(void **plan, const mlscore_image *image,
                                  const mlscore_schema *inputs,
                                  const mlscore_schema *outputs,
                                  mlscore_error *err)
{
    struct graph_model *model = mlscore_calloc(1, sizeof(*model));

    *plan = NULL;
    if (!model) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_status status = open_graph(model, image, inputs, outputs, err);
    if (status) {
        free_model(model);
        return status;
    }
    *plan = model;
    return MLSCORE_OK;
}

static mlscore_status engine_scratch(const void *plan, size_t rows,
                                     size_t *bytes, mlscore_error *err)
{
    (void)rows;
    (void)err;
    *bytes = ((const struct graph_model *)plan)->scratch;
    return MLSCORE_OK;
}

/* --- running
 * ----------------------------------------------------------------------- */

static void fill_inputs(const struct graph_model *model,
                        const mlscore_plan *plan, void *scratch,
                        const mlscore_frame *in, size_t from, size_t rows)
{
    for (uint32_t i = 0; i < model->binding.input_count; i++) {
        const mlscore_port *port = &model->binding.inputs[i];
        const mlscore_dtype type =
            model->graph->values[model->graph->inputs[i]].tensor.type;
        void *data = mlscore_plan_input(plan, scratch, i);

        mlscore_columns_to_tensor(in->columns + port->first, port->count, from,
                                  rows, type, data);
    }
}

static mlscore_status take_outputs(const struct graph_model *model,
                                   const mlscore_plan *plan,
                                   const void *scratch, mlscore_frame *out,
                                   size_t from, size_t rows,
                                   mlscore_error *err)
{
    for (uint32_t i = 0; i < model->binding.output_count; i++) {
        const mlscore_port *port = &model->binding.outputs[i];
        const mlscore_tensor *tensor =
            mlscore_plan_output(plan, scratch, port->value);
        const size_t per = port->has_rows ? rows : 1;
        char shape[128];

        if (!tensor->data ||
            mlscore_tensor_count(tensor) != per * port->count) {
            return mlscore_error_set(
                err, MLSCORE_EINPUT, "output '%s' has shape %s, but %u values "
                "a row were expected",
                out->schema->fields[port->first].name,
                mlscore_tensor_shape_text(tensor, shape, sizeof(shape)),
                port->count);
        }
        for (uint32_t c = 0; c < port->count; c++) {
            mlscore_column *column = &out->columns[port->first + c];

            if ((column->field->type == MLSCORE_CHARACTER) !=
                (tensor->type == MLSCORE_DT_STRING)) {
                return mlscore_error_set(err, MLSCORE_EIMAGE,
                                         "output '%s' has another type than "
                                         "the image says",
                                         column->field->name);
            }
            mlscore_tensor_to_column(tensor, c,
                                     port->has_rows ? port->count : 0, column,
                                     from, rows);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status run_block(const struct graph_model *model,
                                const mlscore_plan *plan, void *scratch,
                                const mlscore_frame *in, mlscore_frame *out,
                                size_t from, size_t rows, mlscore_error *err)
{
    mlscore_plan_begin(plan, scratch);
    fill_inputs(model, plan, scratch, in, from, rows);
    mlscore_status status = mlscore_plan_run(plan, scratch, out->arena, err);
    status = status ? status : take_outputs(model, plan, scratch, out, from,
                                            rows, err);
    mlscore_plan_end(plan, scratch);
    return status;
}

/* Many rows of a linear regression, column by column: turning columns into
 * rows would take longer than the model. */
static void run_linear(const mlscore_linear *linear, const mlscore_frame *in,
                       mlscore_frame *out)
{
    enum { BLOCK = 512, TOGETHER = 16 };
    float sums[BLOCK];

    for (size_t from = 0; from < in->rows; from += BLOCK) {
        const size_t left = in->rows - from;
        const size_t rows = left < BLOCK ? left : BLOCK;

        for (size_t i = 0; i < rows; i++) {
            sums[i] = linear->intercept;
        }
        for (size_t c = 0; c < linear->features; c += TOGETHER) {
            const size_t more = linear->features - c;
            const size_t count = more < TOGETHER ? more : TOGETHER;
            const double *columns[TOGETHER];

            for (size_t i = 0; i < count; i++) {
                columns[i] = in->columns[c + i].values.numeric + from;
            }
            mlscore_weighted_sum(sums, columns, linear->coefficients + c,
                                 count, rows);
        }
        for (size_t i = 0; i < rows; i++) {
            out->columns[0].values.numeric[from + i] = sums[i];
        }
    }
}

/* All rows at once: the plan depends on their number, so it is made here. */
static mlscore_status run_whole(const struct graph_model *model,
                                const mlscore_frame *in, mlscore_frame *out,
                                mlscore_error *err)
{
    mlscore_plan *plan;
    mlscore_status status = make_plan(model, in->rows, &plan, err);

    if (status) {
        return status;
    }
    void *scratch = mlscore_malloc_aligned(mlscore_plan_bytes(plan));
    status = scratch ? run_block(model, plan, scratch, in, out, 0, in->rows,
                                 err)
                     : mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    mlscore_free(scratch);
    mlscore_plan_free(plan);
    return status;
}

/* Whole numbers and logicals have no NaN: a row without one has no answer. */
static mlscore_status refuse_missing(const struct graph_model *model,
                                     const mlscore_frame *in,
                                     mlscore_frame *out, mlscore_error *err)
{
    for (uint32_t i = 0; i < model->binding.input_count; i++) {
        const mlscore_port *port = &model->binding.inputs[i];
        const mlscore_dtype type =
            model->graph->values[model->graph->inputs[i]].tensor.type;
        const mlscore_type column_type = mlscore_column_type(type);

        if (column_type != MLSCORE_INTEGER && column_type != MLSCORE_LOGICAL) {
            continue;
        }
        for (uint32_t c = 0; c < port->count; c++) {
            const mlscore_column *column = &in->columns[port->first + c];

            for (size_t r = 0; r < in->rows; r++) {
                if (column->missing[r] &&
                    mlscore_frame_row_error(
                        out, r, "'%s' must not be missing: the model takes "
                        "whole numbers there", column->field->name)) {
                    return mlscore_error_set(err, MLSCORE_ENOMEM,
                                             "out of memory");
                }
            }
        }
    }
    return MLSCORE_OK;
}

static mlscore_status engine_run(const void *plan, const mlscore_frame *in,
                                 mlscore_frame *out, void *scratch,
                                 mlscore_error *err)
{
    const struct graph_model *model = plan;
    mlscore_status status = MLSCORE_OK;
    size_t row = 0;

    if (model->is_linear && in->rows >= MIDDLE_ROWS) {
        run_linear(&model->linear, in, out);
        return MLSCORE_OK;
    }
    if (in->rows && model->binding.mode == MLSCORE_ROWS_WHOLE) {
        status = run_whole(model, in, out, err);
        row = in->rows;
    }
    while (!status && row < in->rows) {
        size_t at = 0;

        while (model->plan_rows[at] > in->rows - row) {
            at++;
        }
        status = run_block(model, model->plans[at], scratch, in, out, row,
                           model->plan_rows[at], err);
        row += model->plan_rows[at];
    }
    return status ? status : refuse_missing(model, in, out, err);
}

const mlscore_engine mlscore_engine_graph = {
    .id = MLSCORE_ENGINE_GRAPH,
    .name = "graph",
    .open = engine_open,
    .free_plan = free_model,
    .scratch = engine_scratch,
    .run = engine_run,
};
