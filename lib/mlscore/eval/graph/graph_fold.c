/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating ahead what depends on constants only. */

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/graph_run.h"
#include "eval/graph/limits.h"
#include "eval/graph/op.h"

struct folding {
    mlscore_graph *graph;
    size_t limit;
    mlscore_error *err;
    const mlscore_tensor **in;
    mlscore_tensor **out;
    mlscore_tensor *made;
    uint8_t *owned;
};

/* Is everything known that the node needs? */
static int is_constant(const mlscore_graph *graph, const mlscore_node *node)
{
    const uint16_t flags = node->kind->flags;

    if (flags & MLSCORE_OP_NO_FOLD) {
        return 0;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == MLSCORE_NO_VALUE) {
            continue;
        }
        const mlscore_tensor *tensor =
            &graph->values[node->inputs[i]].tensor;

        if (!tensor->data &&
            !(flags & MLSCORE_OP_SHAPE_ONLY && tensor->type &&
              mlscore_tensor_known(tensor))) {
            return 0;
        }
    }
    return 1;
}

static size_t bytes_of(const mlscore_tensor *tensor)
{
    size_t bytes = 0;

    if (!mlscore_tensor_known(tensor)) {
        return 0;
    }
    mlscore_tensor_bytes(tensor, SIZE_MAX / 2, &bytes);
    return bytes;
}

/* Results may be far larger than what they are made from. */
static int is_worth_it(const struct folding *folding, const mlscore_node *node,
                       mlscore_call *call)
{
    size_t from = 0, to = 0;

    if (folding->limit == SIZE_MAX ||
        node->kind->flags & (MLSCORE_OP_DYNAMIC | MLSCORE_OP_ALIAS)) {
        return 1;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        *call->out[i] = (mlscore_tensor){.rank = -1};
    }
    if (node->kind->infer(call)) {
        return 0; /* the same failure comes again, with its message */
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        from += call->in[i] ? bytes_of(call->in[i]) : 0;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        to += bytes_of(call->out[i]);
    }
    return to <= folding->limit || to / 4 <= from;
}

/* Keep the results as constants: in the arena, or where an input's are. */
static mlscore_status keep(const struct folding *folding,
                           const mlscore_node *node)
{
    mlscore_graph *graph = folding->graph;

    for (uint32_t i = 0; i < node->output_count; i++) {
        mlscore_tensor *made = folding->out[i];

        if (node->outputs[i] == MLSCORE_NO_VALUE) {
            continue;
        }
        if (folding->owned[i]) {
            const size_t bytes = bytes_of(made);
            char *block = mlscore_arena_alloc(graph->arena, bytes + 64);

            if (!block) {
                return mlscore_error_set(folding->err, MLSCORE_ENOMEM,
                                         "out of memory");
            }
            block = (char *)(((uintptr_t)block + 63) & ~(uintptr_t)63);
            memcpy(block, made->data, bytes);
            graph->values[node->outputs[i]].tensor = *made;
            graph->values[node->outputs[i]].tensor.data = block;
        }
        else {
            graph->values[node->outputs[i]].tensor = *made;
        }
    }
    return MLSCORE_OK;
}

static mlscore_status fold_node(struct folding *folding,
                                const mlscore_node *node, int *folded)
{
    mlscore_graph *graph = folding->graph;

    *folded = 0;
    if (!is_constant(graph, node)) {
        return MLSCORE_OK;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        folding->in[i] = node->inputs[i] == MLSCORE_NO_VALUE
                             ? NULL : &graph->values[node->inputs[i]].tensor;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        folding->out[i] = &folding->made[i];
        folding->owned[i] = 0;
    }
    mlscore_call call = {
        .node = node, .state = node->state, .in = folding->in,
        .out = folding->out, .in_count = node->input_count,
        .out_count = node->output_count, .texts = graph->arena,
        .err = folding->err,
    };
    if (!is_worth_it(folding, node, &call)) {
        return MLSCORE_OK;
    }
    mlscore_status status = mlscore_node_eval(&call, folding->owned);
    status = status ? status : keep(folding, node);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (folding->owned[i]) {
            mlscore_free(folding->out[i]->data);
        }
    }
    *folded = !status;
    return status;
}

static mlscore_status fold_all(struct folding *folding)
{
    mlscore_graph *graph = folding->graph;
    mlscore_status status = MLSCORE_OK;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < graph->node_count; i++) {
        mlscore_node *node = &graph->nodes[i];
        int folded = 0;

        if (!status) {
            status = fold_node(folding, node, &folded);
        }
        if (!folded) {
            graph->nodes[kept++] = *node;
        }
        else if (node->kind->destroy && node->state) {
            node->kind->destroy(node->state);
        }
    }
    graph->node_count = kept;
    return status;
}

mlscore_status mlscore_graph_fold(mlscore_graph *graph, size_t limit,
                                  mlscore_error *err)
{
    const size_t ports = graph->most_ports + 1;
    struct folding folding = {
        .graph = graph, .limit = limit, .err = err,
        .in = mlscore_calloc(ports, sizeof(*folding.in)),
        .out = mlscore_calloc(ports, sizeof(*folding.out)),
        .made = mlscore_calloc(ports, sizeof(*folding.made)),
        .owned = mlscore_calloc(ports, 1),
    };
    mlscore_status status;

    if (folding.in && folding.out && folding.made && folding.owned) {
        status = fold_all(&folding);
    }
    else {
        status = mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_free(folding.in);
    mlscore_free(folding.out);
    mlscore_free(folding.made);
    mlscore_free(folding.owned);
    return status ? status : mlscore_graph_prepare(graph, err);
}
