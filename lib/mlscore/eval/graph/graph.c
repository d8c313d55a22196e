/* SPDX-License-Identifier: Apache-2.0 */
/* Building graphs, preparing them for evaluation, and pruning them. */

#include "eval/graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/op.h"

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
}

mlscore_status mlscore_graph_create(mlscore_graph **out, mlscore_graph *parent,
                                    mlscore_error *err)
{
    mlscore_graph *graph = mlscore_calloc(1, sizeof(*graph));

    *out = NULL;
    if (!graph) {
        return no_memory(err);
    }
    graph->parent = parent;
    graph->arena = parent ? parent->arena : mlscore_arena_create();
    if (!graph->arena) {
        mlscore_free(graph);
        return no_memory(err);
    }
    if (parent) {
        graph->next = parent->children;
        parent->children = graph;
    }
    *out = graph;
    return MLSCORE_OK;
}

static void free_one(mlscore_graph *graph)
{
    for (uint32_t i = 0; graph->prepared && i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        if (node->kind && node->kind->destroy && node->state) {
            node->kind->destroy(node->state);
        }
    }
    while (graph->children) {
        mlscore_graph *child = graph->children;

        graph->children = child->next;
        free_one(child);
    }
    mlscore_free(graph->values);
    mlscore_free(graph->nodes);
    mlscore_free(graph->releases);
    mlscore_free(graph->roots);
    mlscore_free(graph);
}

void mlscore_graph_free(mlscore_graph *graph)
{
    if (graph) {
        mlscore_arena *arena = graph->arena;

        free_one(graph);
        mlscore_arena_free(arena);
    }
}

mlscore_status mlscore_graph_value(mlscore_graph *graph, const char *name,
                                   uint32_t *value, mlscore_error *err)
{
    if (graph->value_count == MLSCORE_NO_VALUE - 1) {
        return mlscore_error_set(err, MLSCORE_ELIMIT, "too many values");
    }
    if (mlscore_grow(&graph->values, &graph->value_capacity,
                     graph->value_count, sizeof(*graph->values))) {
        return no_memory(err);
    }
    graph->values[graph->value_count] =
        (mlscore_value){.name = name, .tensor = {.rank = -1}};
    *value = graph->value_count++;
    return MLSCORE_OK;
}

mlscore_status mlscore_graph_node(mlscore_graph *graph,
                                  const mlscore_node *node, mlscore_error *err)
{
    if (graph->node_count == UINT32_MAX - 1) {
        return mlscore_error_set(err, MLSCORE_ELIMIT, "too many nodes");
    }
    if (mlscore_grow(&graph->nodes, &graph->node_capacity, graph->node_count,
                     sizeof(*graph->nodes))) {
        return no_memory(err);
    }
    graph->nodes[graph->node_count++] = *node;
    return MLSCORE_OK;
}

const char *mlscore_node_text(const mlscore_node *node, char *out, size_t size)
{
    char name[96] = "";

    if (*node->name) {
        snprintf(name, sizeof(name), " '%.80s'", node->name);
    }
    snprintf(out, size, "node%s (%.60s%s%.80s, operator set %d)", name,
             node->domain, *node->domain ? "::" : "", node->op,
             (int)node->version);
    return out;
}

/* --- prepare ------------------------------------------------------------- */

static mlscore_status find_operator(mlscore_node *node, mlscore_error *err)
{
    char text[320];
    int known;

    node->kind = mlscore_op_find(node->domain, node->op, node->version, &known);
    if (!node->kind) {
        return mlscore_error_set(
            err, MLSCORE_EUNSUPPORTED, "%s uses an operator that is not "
            "supported%s", mlscore_node_text(node, text, sizeof(text)),
            known ? " at this operator set" : "");
    }
    const mlscore_op *op = node->kind;
    if (node->input_count < op->min_in ||
        (op->max_in != 255 && node->input_count > op->max_in) ||
        node->output_count < op->min_out ||
        (op->max_out != 255 && node->output_count > op->max_out)) {
        return mlscore_error_set(
            err, MLSCORE_EFORMAT, "%s has %u inputs and %u outputs, which is "
            "not what the operator takes",
            mlscore_node_text(node, text, sizeof(text)), node->input_count,
            node->output_count);
    }
    for (uint32_t i = 0; i < op->min_in; i++) {
        if (node->inputs[i] == MLSCORE_NO_VALUE && op->max_in != 255) {
            return mlscore_error_set(
                err, MLSCORE_EFORMAT, "%s: input %u is required",
                mlscore_node_text(node, text, sizeof(text)), i);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status check_taken(mlscore_prepare *prepare)
{
    const mlscore_node *node = prepare->node;

    for (uint32_t i = 0; i < node->attr_count && i < 64; i++) {
        if (!(prepare->taken >> i & 1)) {
            return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                        "attribute '%.60s' is not known",
                                        node->attrs[i].name);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status prepare_node(mlscore_graph *graph, mlscore_node *node,
                                   mlscore_error *err)
{
    mlscore_status status = find_operator(node, err);
    mlscore_prepare prepare = {.graph = graph, .node = node, .err = err};

    for (uint32_t i = 0; !status && i < node->attr_count; i++) {
        if (node->attrs[i].kind == MLSCORE_ATTR_GRAPH) {
            status = mlscore_graph_prepare(node->attrs[i].of.graph, err);
        }
    }
    if (!status && node->attr_count > 64) {
        return mlscore_prepare_fail(&prepare, MLSCORE_ELIMIT,
                                    "more than 64 attributes");
    }
    if (!status && node->kind->prepare) {
        status = node->kind->prepare(&prepare);
        status = status ? status : prepare.status;
    }
    return status ? status : check_taken(&prepare);
}

/* The value whose memory `value` shares: outputs of ALIAS operators follow
 * their input. */
static void find_roots(const mlscore_graph *graph, uint32_t *root)
{
    for (uint32_t i = 0; i < graph->value_count; i++) {
        root[i] = i;
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        if (node->kind->flags & MLSCORE_OP_ALIAS &&
            node->outputs[0] != MLSCORE_NO_VALUE) {
            root[node->outputs[0]] = root[node->inputs[0]];
        }
    }
}

/* last[v]: the node after which root value v is free, or none (UINT32_MAX). */
static void find_last_uses(const mlscore_graph *graph, const uint32_t *root,
                           uint32_t *last)
{
    memset(last, 0xff, graph->value_count * sizeof(*last));
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        for (uint32_t j = 0; j < node->output_count; j++) {
            if (node->outputs[j] != MLSCORE_NO_VALUE) {
                last[root[node->outputs[j]]] = i;
            }
        }
        for (uint32_t j = 0; j < node->input_count; j++) {
            if (node->inputs[j] != MLSCORE_NO_VALUE) {
                last[root[node->inputs[j]]] = i;
            }
        }
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        last[root[graph->outputs[i]]] = UINT32_MAX;
    }
}

/* Sort the values by the node that releases them: a counting sort. */
static void list_releases(mlscore_graph *graph, const uint32_t *last)
{
    uint32_t at = 0;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        if (last[v] != UINT32_MAX) {
            graph->nodes[last[v]].release_count++;
        }
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        graph->nodes[i].release_from = at;
        at += graph->nodes[i].release_count;
        graph->nodes[i].release_count = 0;
    }
    for (uint32_t v = 0; v < graph->value_count; v++) {
        if (last[v] != UINT32_MAX) {
            mlscore_node *node = &graph->nodes[last[v]];

            graph->releases[node->release_from + node->release_count++] = v;
        }
    }
}

static mlscore_status plan_releases(mlscore_graph *graph, mlscore_error *err)
{
    const size_t count = graph->value_count ? graph->value_count : 1;
    uint32_t *last = mlscore_malloc_array(count, sizeof(*last));

    mlscore_free(graph->releases);
    mlscore_free(graph->roots);
    graph->releases = mlscore_malloc_array(count, sizeof(*graph->releases));
    graph->roots = mlscore_malloc_array(count, sizeof(*graph->roots));
    if (!last || !graph->roots || !graph->releases) {
        mlscore_free(last);
        return no_memory(err);
    }
    graph->most_ports = 1;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        mlscore_node *node = &graph->nodes[i];
        const uint32_t ports = node->input_count + node->output_count;

        node->release_count = 0;
        graph->most_ports = ports > graph->most_ports ? ports
                                                      : graph->most_ports;
    }
    find_roots(graph, graph->roots);
    find_last_uses(graph, graph->roots, last);
    list_releases(graph, last);
    mlscore_free(last);
    return MLSCORE_OK;
}

mlscore_status mlscore_graph_prepare(mlscore_graph *graph, mlscore_error *err)
{
    graph->prepared = 1;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        mlscore_node *node = &graph->nodes[i];

        if (!node->kind) {
            mlscore_status status = prepare_node(graph, node, err);
            if (status) {
                return status;
            }
        }
    }
    return plan_releases(graph, err);
}

/* --- prune ---------------------------------------------------------------- */

static void mark_needed(const mlscore_graph *graph, uint32_t *number)
{
    memset(number, 0, graph->value_count * sizeof(*number));
    for (uint32_t i = 0; i < graph->output_count; i++) {
        number[graph->outputs[i]] = 1;
    }
    for (uint32_t i = graph->node_count; i-- > 0;) {
        const mlscore_node *node = &graph->nodes[i];
        int needed = 0;

        for (uint32_t j = 0; j < node->output_count; j++) {
            needed |= node->outputs[j] != MLSCORE_NO_VALUE &&
                      number[node->outputs[j]];
        }
        for (uint32_t j = 0; needed && j < node->input_count; j++) {
            if (node->inputs[j] != MLSCORE_NO_VALUE) {
                number[node->inputs[j]] = 1;
            }
        }
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        number[graph->inputs[i]] = 1;
    }
}

/* A copy of a list of values under their new numbers. */
static const uint32_t *renumber(mlscore_graph *graph, const uint32_t *list,
                                uint32_t count, const uint32_t *number)
{
    uint32_t *copy = mlscore_arena_calloc(graph->arena, count ? count : 1,
                                          sizeof(*copy));

    for (uint32_t i = 0; copy && i < count; i++) {
        copy[i] = list[i] == MLSCORE_NO_VALUE ? MLSCORE_NO_VALUE
                                              : number[list[i]];
    }
    return copy;
}

static mlscore_status renumber_all(mlscore_graph *graph, uint32_t *number,
                                   mlscore_error *err)
{
    uint32_t count = 0, nodes = 0;

    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];
        int needed = 0;

        for (uint32_t j = 0; j < node->output_count; j++) {
            needed |= node->outputs[j] != MLSCORE_NO_VALUE &&
                      number[node->outputs[j]];
        }
        if (needed) {
            graph->nodes[nodes++] = *node;
        }
        else if (node->kind && node->kind->destroy && node->state) {
            node->kind->destroy(node->state);
        }
    }
    graph->node_count = nodes;
    for (uint32_t v = 0; v < graph->value_count; v++) {
        if (number[v]) {
            graph->values[count] = graph->values[v];
            number[v] = count++;
        }
        else {
            number[v] = MLSCORE_NO_VALUE;
        }
    }
    graph->value_count = count;
    for (uint32_t i = 0; i < nodes; i++) {
        mlscore_node *node = &graph->nodes[i];

        node->inputs = renumber(graph, node->inputs, node->input_count, number);
        node->outputs =
            renumber(graph, node->outputs, node->output_count, number);
        if (!node->inputs || !node->outputs) {
            return no_memory(err);
        }
    }
    graph->inputs = renumber(graph, graph->inputs, graph->input_count, number);
    graph->outputs =
        renumber(graph, graph->outputs, graph->output_count, number);
    return graph->inputs && graph->outputs ? MLSCORE_OK : no_memory(err);
}

mlscore_status mlscore_graph_prune(mlscore_graph *graph, mlscore_error *err)
{
    uint32_t *number = mlscore_malloc_array(
        graph->value_count ? graph->value_count : 1, sizeof(*number));

    if (!number) {
        return no_memory(err);
    }
    mark_needed(graph, number);
    mlscore_status status = renumber_all(graph, number, err);
    mlscore_free(number);
    return status;
}
