/* SPDX-License-Identifier: Apache-2.0 */
/* Running a plan. Scratch holds the values' tensors, then flags of what was
 * allocated, then pointers for calls, then the values' elements. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_run.h"
#include "eval/graph/op.h"
#include "eval/graph/plan_state.h"

struct layout {
    size_t owned, ports, spare, port_owned, values, total;
};

static size_t round_up(size_t size)
{
    return (size + 63) / 64 * 64;
}

static struct layout layout_of(const mlscore_plan *plan)
{
    const mlscore_graph *graph = plan->graph;
    const size_t ports = graph->most_ports + 1;
    struct layout at;

    at.owned = round_up(graph->value_count * sizeof(mlscore_tensor));
    at.ports = at.owned + round_up(graph->value_count + 1);
    at.spare = at.ports + round_up(ports * sizeof(void *));
    at.port_owned = at.spare + round_up(ports * sizeof(mlscore_tensor));
    at.values = at.port_owned + round_up(ports);
    at.total = at.values + plan->value_bytes;
    return at;
}

size_t mlscore_plan_bytes(const mlscore_plan *plan)
{
    return layout_of(plan).total;
}

void mlscore_plan_begin(const mlscore_plan *plan, void *scratch)
{
    const mlscore_graph *graph = plan->graph;
    const struct layout at = layout_of(plan);
    mlscore_tensor *tensors = scratch;

    memcpy(tensors, plan->tensors, graph->value_count * sizeof(*tensors));
    memset((char *)scratch + at.owned, 0, graph->value_count);
    for (uint32_t v = 0; v < graph->value_count; v++) {
        if (plan->offsets[v] != MLSCORE_PLAN_NOWHERE) {
            tensors[v].data = (char *)scratch + at.values + plan->offsets[v];
        }
    }
}

void *mlscore_plan_input(const mlscore_plan *plan, void *scratch, uint32_t i)
{
    return ((mlscore_tensor *)scratch)[plan->graph->inputs[i]].data;
}

const mlscore_tensor *mlscore_plan_output(const mlscore_plan *plan,
                                          const void *scratch, uint32_t i)
{
    return (const mlscore_tensor *)scratch + plan->graph->outputs[i];
}

/* Shapes that were planned must come out as planned: nodes after this one
 * rely on them without looking. */
static mlscore_status check_planned(const mlscore_plan *plan,
                                    const mlscore_call *call)
{
    const mlscore_node *node = call->node;

    for (uint32_t i = 0; i < node->output_count; i++) {
        const mlscore_tensor *planned =
            node->outputs[i] == MLSCORE_NO_VALUE
                ? NULL : &plan->tensors[node->outputs[i]];

        if (planned && (planned->type != call->out[i]->type ||
                        (mlscore_tensor_known(planned) &&
                         !mlscore_tensor_same_shape(planned, call->out[i])))) {
            return mlscore_call_fail(call, MLSCORE_EINPUT,
                                     "output %u has an unexpected shape", i);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status run_dynamic(const mlscore_plan *plan, void *scratch,
                                  const struct layout *at, mlscore_call *call)
{
    const mlscore_node *node = call->node;
    uint8_t *owned = (uint8_t *)scratch + at->owned;
    uint8_t *port_owned = (uint8_t *)scratch + at->port_owned;

    memset(port_owned, 0, node->output_count);
    mlscore_status status = mlscore_node_eval(call, port_owned);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != MLSCORE_NO_VALUE) {
            owned[node->outputs[i]] = port_owned[i];
        }
        else if (port_owned[i]) {
            mlscore_free(call->out[i]->data);
        }
    }
    return status ? status : check_planned(plan, call);
}

static mlscore_status run_node(const mlscore_plan *plan, void *scratch,
                               const struct layout *at, uint32_t i,
                               mlscore_arena *texts, mlscore_error *err)
{
    const mlscore_node *node = &plan->graph->nodes[i];
    const struct mlscore_plan_node *step = &plan->nodes[i];
    mlscore_tensor *tensors = scratch;
    mlscore_tensor *spare = (mlscore_tensor *)((char *)scratch + at->spare);
    const mlscore_tensor **in =
        (const mlscore_tensor **)((char *)scratch + at->ports);
    mlscore_tensor **out = (mlscore_tensor **)(in + node->input_count);

    for (uint32_t j = 0; j < node->input_count; j++) {
        in[j] = node->inputs[j] == MLSCORE_NO_VALUE ? NULL
                                                    : &tensors[node->inputs[j]];
    }
    for (uint32_t j = 0; j < node->output_count; j++) {
        out[j] = node->outputs[j] == MLSCORE_NO_VALUE
                     ? &spare[j] : &tensors[node->outputs[j]];
    }
    mlscore_call call = {
        .node = node, .state = node->state, .in = in, .out = out,
        .in_count = node->input_count, .out_count = node->output_count,
        .work_size = step->work_size, .texts = texts, .err = err,
    };
    if (step->mode == MLSCORE_PLAN_DYNAMIC) {
        return run_dynamic(plan, scratch, at, &call);
    }
    call.work = (char *)scratch + at->values + step->work_offset;
    if (node->kind->flags & MLSCORE_OP_ALIAS) {
        out[0]->data = in[0]->data;
    }
    return mlscore_node_run(&call);
}

mlscore_status mlscore_plan_run(const mlscore_plan *plan, void *scratch,
                                mlscore_arena *texts, mlscore_error *err)
{
    const mlscore_graph *graph = plan->graph;
    const struct layout at = layout_of(plan);
    mlscore_tensor *tensors = scratch;
    uint8_t *owned = (uint8_t *)scratch + at.owned;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; !status && i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        if (plan->nodes[i].mode != MLSCORE_PLAN_SKIP) {
            status = run_node(plan, scratch, &at, i, texts, err);
        }
        for (uint32_t j = 0; plan->has_dynamic && j < node->release_count;
             j++) {
            const uint32_t v = graph->releases[node->release_from + j];

            if (owned[v]) {
                mlscore_free(tensors[v].data);
                tensors[v].data = NULL;
                owned[v] = 0;
            }
        }
    }
    return status;
}

void mlscore_plan_end(const mlscore_plan *plan, void *scratch)
{
    const struct layout at = layout_of(plan);
    mlscore_tensor *tensors = scratch;
    const uint8_t *owned = (const uint8_t *)scratch + at.owned;

    for (uint32_t v = 0; plan->has_dynamic && v < plan->graph->value_count;
         v++) {
        if (owned[v]) {
            mlscore_free(tensors[v].data);
        }
    }
}
