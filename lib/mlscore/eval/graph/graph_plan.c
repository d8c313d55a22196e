/* SPDX-License-Identifier: Apache-2.0 */
/* Planning: shapes, what can be computed ahead, and places in scratch. */

#include "eval/graph/graph_plan.h"

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_run.h"
#include "eval/graph/limits.h"
#include "eval/graph/op.h"
#include "eval/graph/plan_state.h"

/* Results computed while planning are shapes and the like: small. */
enum { MOST_AHEAD = 1 << 20 };

struct planning {
    mlscore_plan *plan;
    const mlscore_graph *graph;
    mlscore_error *err;
    const mlscore_tensor **in;
    mlscore_tensor **out;
    mlscore_tensor *spare;
    uint8_t *owned;
    int shapes_only; /* no places: inputs may be unknown */
};

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
}

/* --- shapes
 * ---------------------------------------------------------------------- */

static void set_ports(struct planning *planning, const mlscore_node *node)
{
    mlscore_tensor *tensors = planning->plan->tensors;

    for (uint32_t i = 0; i < node->input_count; i++) {
        planning->in[i] = node->inputs[i] == MLSCORE_NO_VALUE
                              ? NULL : &tensors[node->inputs[i]];
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        planning->out[i] = node->outputs[i] == MLSCORE_NO_VALUE
                               ? &planning->spare[i]
                               : &tensors[node->outputs[i]];
        *planning->out[i] = (mlscore_tensor){.rank = -1};
        planning->owned[i] = 0;
    }
}

/* May the node be run now? Everything it reads is known. */
static int is_ready(const struct planning *planning, const mlscore_node *node)
{
    const uint16_t flags = node->kind->flags;

    if (flags & MLSCORE_OP_NO_FOLD) {
        return 0;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const mlscore_tensor *in = planning->in[i];

        if (in && !in->data && !(flags & MLSCORE_OP_SHAPE_ONLY &&
                                 mlscore_tensor_known(in))) {
            return 0;
        }
    }
    return 1;
}

static int is_small(const mlscore_call *call)
{
    size_t bytes;

    if (call->node->kind->flags & MLSCORE_OP_ALIAS) {
        return 1;
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        if (!mlscore_tensor_known(call->out[i]) ||
            mlscore_tensor_bytes(call->out[i], MOST_AHEAD, &bytes)) {
            return 0;
        }
    }
    return 1;
}

/* Run a node while planning; the plan keeps what it made. */
static mlscore_status run_ahead(struct planning *planning, mlscore_call *call)
{
    mlscore_plan *plan = planning->plan;
    mlscore_status status = mlscore_node_eval(call, planning->owned);

    for (uint32_t i = 0; i < call->out_count; i++) {
        if (!planning->owned[i]) {
            continue;
        }
        if (mlscore_grow(&plan->blocks, &plan->block_capacity,
                         plan->block_count, sizeof(*plan->blocks))) {
            mlscore_free(call->out[i]->data);
            call->out[i]->data = NULL;
            status = status ? status : no_memory(planning->err);
            continue;
        }
        plan->blocks[plan->block_count++] = call->out[i]->data;
    }
    return status;
}

/* Shapes are known, and no output is left out in the middle. */
static int all_known(const mlscore_call *call)
{
    for (uint32_t i = 0; i < call->node->output_count; i++) {
        if (call->node->outputs[i] == MLSCORE_NO_VALUE) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (call->in[i] && !mlscore_tensor_known(call->in[i])) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        if (!mlscore_tensor_known(call->out[i])) {
            return 0;
        }
    }
    return 1;
}

static mlscore_status check_types(const mlscore_call *call)
{
    for (uint32_t i = 0; i < call->out_count; i++) {
        if (!mlscore_dtype_size(call->out[i]->type)) {
            return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                     "type %s is not supported",
                                     mlscore_dtype_name(call->out[i]->type));
        }
    }
    return MLSCORE_OK;
}

static mlscore_status plan_node(struct planning *planning, uint32_t i)
{
    const mlscore_node *node = &planning->graph->nodes[i];
    struct mlscore_plan_node *step = &planning->plan->nodes[i];

    set_ports(planning, node);
    mlscore_call call = {
        .node = node, .state = node->state, .in = planning->in,
        .out = planning->out, .in_count = node->input_count,
        .out_count = node->output_count, .texts = planning->plan->texts,
        .err = planning->err,
    };
    mlscore_status status = node->kind->infer(&call);
    status = status ? status : check_types(&call);
    if (status) {
        return status;
    }
    if (is_ready(planning, node) && is_small(&call)) {
        step->mode = MLSCORE_PLAN_SKIP;
        return run_ahead(planning, &call);
    }
    step->work_size = call.work_size;
    step->mode = all_known(&call) && !(node->kind->flags & MLSCORE_OP_DYNAMIC)
                     ? MLSCORE_PLAN_STATIC : MLSCORE_PLAN_DYNAMIC;
    planning->plan->has_dynamic |= step->mode == MLSCORE_PLAN_DYNAMIC;
    return MLSCORE_OK;
}

/* --- places
 * ----------------------------------------------------------------------- */

/* The blocks of scratch in use, ordered by offset. */
struct place {
    size_t offset, size;
    uint32_t value; /* MLSCORE_NO_VALUE: a node's work */
};

struct places {
    struct place *list;
    size_t count, capacity;
    size_t most; /* the largest end so far */
};

/* First fit: the first gap that is large enough. */
static int take_place(struct places *places, size_t size, uint32_t value,
                      size_t *offset)
{
    size_t at = 0, i = 0;

    size = (size + 63) / 64 * 64;
    size = size ? size : 64;
    for (; i < places->count && places->list[i].offset - at < size; i++) {
        at = places->list[i].offset + places->list[i].size;
    }
    if (mlscore_grow(&places->list, &places->capacity, places->count,
                     sizeof(*places->list))) {
        return -1;
    }
    memmove(&places->list[i + 1], &places->list[i],
            (places->count - i) * sizeof(*places->list));
    places->list[i] = (struct place){at, size, value};
    places->count++;
    places->most = at + size > places->most ? at + size : places->most;
    *offset = at;
    return 0;
}

static void give_place(struct places *places, uint32_t value)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->list[i].value == value) {
            memmove(&places->list[i], &places->list[i + 1],
                    (places->count - i - 1) * sizeof(*places->list));
            places->count--;
            return;
        }
    }
}

static mlscore_status place_value(struct planning *planning,
                                  struct places *places, uint32_t value)
{
    mlscore_plan *plan = planning->plan;
    size_t bytes;

    if (mlscore_tensor_bytes(&plan->tensors[value], MLSCORE_TENSOR_MAX_BYTES,
                             &bytes)) {
        return mlscore_error_set(planning->err, MLSCORE_ELIMIT,
                                 "a tensor would be too large");
    }
    return take_place(places, bytes, value, &plan->offsets[value])
               ? no_memory(planning->err) : MLSCORE_OK;
}

static int releases(const mlscore_graph *graph, const mlscore_node *node,
                    uint32_t value)
{
    for (uint32_t i = 0; i < node->release_count; i++) {
        if (graph->releases[node->release_from + i] == value) {
            return 1;
        }
    }
    return 0;
}

/* Let output 0 take over the place of an input that dies here. */
static int take_over(struct planning *planning, struct places *places,
                     const mlscore_node *node)
{
    mlscore_plan *plan = planning->plan;
    const uint32_t out = node->outputs[0];

    if (!(node->kind->flags & MLSCORE_OP_IN_PLACE) ||
        out == MLSCORE_NO_VALUE) {
        return 0;
    }
    for (uint32_t i = 0; i < node->input_count && i < 2; i++) {
        const uint32_t in = node->inputs[i];
        const mlscore_tensor *tensor = in == MLSCORE_NO_VALUE
                                           ? NULL : &plan->tensors[in];

        if (!tensor || tensor->type != plan->tensors[out].type ||
            !mlscore_tensor_same_shape(tensor, &plan->tensors[out]) ||
            !releases(planning->graph, node, planning->graph->roots[in])) {
            continue;
        }
        for (size_t p = 0; p < places->count; p++) {
            if (places->list[p].value == planning->graph->roots[in]) {
                places->list[p].value = out;
                plan->offsets[out] = places->list[p].offset;
                return 1;
            }
        }
    }
    return 0;
}

static mlscore_status place_node(struct planning *planning,
                                 struct places *places, uint32_t i)
{
    const mlscore_node *node = &planning->graph->nodes[i];
    struct mlscore_plan_node *step = &planning->plan->nodes[i];
    mlscore_status status = MLSCORE_OK;

    if (step->mode == MLSCORE_PLAN_STATIC) {
        const int alias = node->kind->flags & MLSCORE_OP_ALIAS ? 1 : 0;
        uint32_t first = (uint32_t)alias;

        if (step->work_size &&
            take_place(places, step->work_size, MLSCORE_NO_VALUE,
                       &step->work_offset)) {
            return no_memory(planning->err);
        }
        if (!alias && take_over(planning, places, node)) {
            first = 1;
        }
        for (uint32_t j = first; !status && j < node->output_count; j++) {
            status = place_value(planning, places, node->outputs[j]);
        }
        give_place(places, MLSCORE_NO_VALUE);
    }
    for (uint32_t j = 0; j < node->release_count; j++) {
        give_place(places, planning->graph->releases[node->release_from + j]);
    }
    return status;
}

static mlscore_status place_all(struct planning *planning)
{
    const mlscore_graph *graph = planning->graph;
    struct places places = {0};
    mlscore_status status = MLSCORE_OK;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        planning->plan->offsets[v] = MLSCORE_PLAN_NOWHERE;
    }
    for (uint32_t i = 0; !status && i < graph->input_count; i++) {
        status = place_value(planning, &places, graph->inputs[i]);
    }
    for (uint32_t i = 0; !status && i < graph->node_count; i++) {
        status = place_node(planning, &places, i);
    }
    if (!status && places.most > MLSCORE_PLAN_MAX_BYTES) {
        status = mlscore_error_set(planning->err, MLSCORE_ELIMIT,
                                   "the model would need %zu MB to score a "
                                   "row", places.most >> 20);
    }
    planning->plan->value_bytes = places.most;
    mlscore_free(places.list);
    return status;
}

/* --- the whole
 * ----------------------------------------------------------------------- */

static mlscore_status plan_all(struct planning *planning,
                               const mlscore_tensor *inputs)
{
    const mlscore_graph *graph = planning->graph;
    mlscore_plan *plan = planning->plan;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        plan->tensors[v] = graph->values[v].tensor;
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        plan->tensors[graph->inputs[i]] = inputs[i];
        plan->tensors[graph->inputs[i]].data = NULL;
    }
    for (uint32_t i = 0; !status && i < graph->node_count; i++) {
        status = plan_node(planning, i);
    }
    return status || planning->shapes_only ? status : place_all(planning);
}

static mlscore_status create(mlscore_plan **out, const mlscore_graph *graph,
                             const mlscore_tensor *inputs, int shapes_only,
                             mlscore_error *err)
{
    const size_t ports = graph->most_ports + 1;
    mlscore_plan *plan = mlscore_calloc(1, sizeof(*plan));
    mlscore_status status;

    *out = NULL;
    if (!plan) {
        return no_memory(err);
    }
    plan->graph = graph;
    plan->tensors = mlscore_calloc(graph->value_count + 1,
                                   sizeof(*plan->tensors));
    plan->offsets = mlscore_calloc(graph->value_count + 1,
                                   sizeof(*plan->offsets));
    plan->nodes = mlscore_calloc(graph->node_count + 1, sizeof(*plan->nodes));
    plan->texts = mlscore_arena_create();
    struct planning planning = {
        .plan = plan, .graph = graph, .err = err, .shapes_only = shapes_only,
        .in = mlscore_calloc(ports, sizeof(*planning.in)),
        .out = mlscore_calloc(ports, sizeof(*planning.out)),
        .spare = mlscore_calloc(ports, sizeof(*planning.spare)),
        .owned = mlscore_calloc(ports, 1),
    };
    if (plan->tensors && plan->offsets && plan->nodes && plan->texts &&
        planning.in && planning.out && planning.spare && planning.owned) {
        status = plan_all(&planning, inputs);
    }
    else {
        status = no_memory(err);
    }
    mlscore_free(planning.in);
    mlscore_free(planning.out);
    mlscore_free(planning.spare);
    mlscore_free(planning.owned);
    if (status) {
        mlscore_plan_free(plan);
        return status;
    }
    *out = plan;
    return MLSCORE_OK;
}

mlscore_status mlscore_plan_create(mlscore_plan **out,
                                   const mlscore_graph *graph,
                                   const mlscore_tensor *inputs,
                                   mlscore_error *err)
{
    return create(out, graph, inputs, 0, err);
}

mlscore_status mlscore_graph_shapes(const mlscore_graph *graph,
                                    const mlscore_tensor *inputs,
                                    mlscore_tensor *outputs,
                                    mlscore_error *err)
{
    mlscore_plan *plan;
    mlscore_status status = create(&plan, graph, inputs, 1, err);

    for (uint32_t i = 0; !status && i < graph->output_count; i++) {
        outputs[i] = plan->tensors[graph->outputs[i]];
        outputs[i].data = NULL;
    }
    if (!status) {
        mlscore_plan_free(plan);
    }
    return status;
}

void mlscore_plan_free(mlscore_plan *plan)
{
    if (!plan) {
        return;
    }
    for (size_t i = 0; i < plan->block_count; i++) {
        mlscore_free(plan->blocks[i]);
    }
    mlscore_free(plan->blocks);
    mlscore_free(plan->tensors);
    mlscore_free(plan->offsets);
    mlscore_free(plan->nodes);
    mlscore_arena_free(plan->texts);
    mlscore_free(plan);
}

const mlscore_tensor *mlscore_plan_value(const mlscore_plan *plan,
                                         uint32_t value)
{
    return &plan->tensors[value];
}

int mlscore_plan_skips(const mlscore_plan *plan, uint32_t node)
{
    return plan->nodes[node].mode == MLSCORE_PLAN_SKIP;
}
