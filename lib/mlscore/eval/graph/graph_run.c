/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a graph node by node, allocating results as shapes are found. */

#include "eval/graph/graph_run.h"

#include <string.h>

#include "base/alloc.h"
#include "eval/graph/limits.h"
#include "eval/graph/op.h"
#include "kernel/small_types.h"

void mlscore_tensors_free(mlscore_tensor *tensors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        mlscore_free(tensors[i].data);
        tensors[i].data = NULL;
    }
}

/* --- halves and smaller: widen, run, narrow ------------------------------- */

static int is_half(const mlscore_tensor *tensor)
{
    return tensor && MLSCORE_DT_BIT(tensor->type) & MLSCORE_DTS_NARROW;
}

static int needs_widening(const mlscore_call *call)
{
    if (call->node->kind->flags & MLSCORE_OP_MOVES) {
        return 0;
    }
    for (uint32_t i = 0; i < call->in_count; i++) {
        if (is_half(call->in[i])) {
            return 1;
        }
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        if (is_half(call->out[i])) {
            return 1;
        }
    }
    return 0;
}

/* A float tensor of the same shape; its elements are `half`'s when `fill`. */
static int widen(mlscore_tensor *wide, const mlscore_tensor *half, int fill)
{
    const size_t count = mlscore_tensor_count(half);

    *wide = *half;
    wide->type = MLSCORE_DT_FLOAT;
    wide->data = mlscore_malloc_array(count ? count : 1, sizeof(float));
    if (wide->data && fill) {
        mlscore_elements_to_float(wide->data, half->data, half->type, count);
    }
    return wide->data ? 0 : -1;
}

static mlscore_status run_widened(mlscore_call *call, mlscore_tensor *wide,
                                  const mlscore_tensor **in,
                                  mlscore_tensor **out)
{
    mlscore_call inner = *call;
    int failed = 0;

    for (uint32_t i = 0; i < call->in_count; i++) {
        in[i] = call->in[i];
        if (is_half(call->in[i])) {
            failed |= widen(&wide[i], call->in[i], 1);
            in[i] = &wide[i];
        }
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = call->out[i];
        if (is_half(call->out[i])) {
            failed |= widen(&wide[call->in_count + i], call->out[i], 0);
            out[i] = &wide[call->in_count + i];
        }
    }
    if (failed) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    inner.in = in;
    inner.out = out;
    mlscore_status status = call->node->kind->run(&inner);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        if (is_half(call->out[i])) {
            mlscore_float_to_narrow(call->out[i]->data, out[i]->data,
                                    call->out[i]->type,
                                    mlscore_tensor_count(out[i]));
        }
    }
    return status;
}

mlscore_status mlscore_node_run(mlscore_call *call)
{
    if (!needs_widening(call)) {
        return call->node->kind->run(call);
    }
    if (call->node->kind->flags & MLSCORE_OP_DYNAMIC) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "half precision is not supported");
    }
    const uint32_t ports = call->in_count + call->out_count;
    mlscore_tensor *wide = mlscore_calloc(ports, sizeof(*wide));
    const void **pointers = mlscore_calloc(ports, sizeof(*pointers));
    mlscore_status status;
    if (wide && pointers) {
        status = run_widened(call, wide, (const mlscore_tensor **)pointers,
                             (mlscore_tensor **)(pointers + call->in_count));
    }
    else {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    if (wide) {
        mlscore_tensors_free(wide, ports);
    }
    mlscore_free(wide);
    mlscore_free(pointers);
    return status;
}

/* --- one node --------------------------------------------------------------
 */

static mlscore_status give_memory(mlscore_call *call, uint32_t i,
                                  uint8_t *owned)
{
    mlscore_tensor *out = call->out[i];
    const uint16_t flags = call->node->kind->flags;

    if (!mlscore_dtype_size(out->type)) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "type %s is not supported",
                                 mlscore_dtype_name(out->type));
    }
    if (flags & MLSCORE_OP_DYNAMIC) {
        return MLSCORE_OK; /* run will */
    }
    if (!mlscore_tensor_known(out)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the shape of output %u cannot be found", i);
    }
    if (i == 0 && flags & MLSCORE_OP_ALIAS) {
        out->data = call->in[0]->data;
        return MLSCORE_OK;
    }
    const mlscore_status status = mlscore_out_alloc(call, i);
    *owned = !status;
    return status;
}

static mlscore_status infer_and_run(mlscore_call *call, uint8_t *owned)
{
    for (uint32_t i = 0; i < call->out_count; i++) {
        *call->out[i] = (mlscore_tensor){.rank = -1};
    }
    call->work_size = 0;
    mlscore_status status = call->node->kind->infer(call);
    for (uint32_t i = 0; !status && i < call->out_count; i++) {
        status = give_memory(call, i, &owned[i]);
    }
    if (status) {
        return status;
    }
    void *work = NULL;
    if (call->work_size) {
        work = mlscore_malloc_aligned(call->work_size);
        if (!work) {
            return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
        }
    }
    call->work = work;
    status = mlscore_node_run(call);
    mlscore_free(work);
    return status;
}

mlscore_status mlscore_node_eval(mlscore_call *call, uint8_t *owned)
{
    const mlscore_status status = infer_and_run(call, owned);

    for (uint32_t i = 0; i < call->out_count; i++) {
        if (call->node->kind->flags & MLSCORE_OP_DYNAMIC &&
            call->out[i]->data && !owned[i]) {
            owned[i] = 1;
        }
        if (!status && !call->out[i]->data) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "output %u was not made", i);
        }
    }
    return status;
}

/* --- a graph ----------------------------------------------------------------
 */

struct eval {
    const mlscore_graph *graph;
    mlscore_tensor *tensors; /* one a value */
    uint8_t *owned;          /* the tensor's data is ours to free */
    const void **ports;
    mlscore_tensor *spare;   /* for outputs that are left out */
    uint8_t *port_owned;
    mlscore_arena *texts;
    mlscore_error *err;
};

static mlscore_status eval_node(struct eval *eval, const mlscore_node *node)
{
    const mlscore_tensor **in = (const mlscore_tensor **)eval->ports;
    mlscore_tensor **out = (mlscore_tensor **)(eval->ports + node->input_count);

    for (uint32_t i = 0; i < node->input_count; i++) {
        in[i] = node->inputs[i] == MLSCORE_NO_VALUE
                    ? NULL
                    : &eval->tensors[node->inputs[i]];
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        out[i] = node->outputs[i] == MLSCORE_NO_VALUE
                     ? &eval->spare[i]
                     : &eval->tensors[node->outputs[i]];
        eval->port_owned[i] = 0;
    }
    mlscore_call call = {.node = node, .state = node->state, .in = in,
                         .out = out, .in_count = node->input_count,
                         .out_count = node->output_count,
                         .texts = eval->texts, .err = eval->err};
    const mlscore_status status = mlscore_node_eval(&call, eval->port_owned);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != MLSCORE_NO_VALUE) {
            eval->owned[node->outputs[i]] = eval->port_owned[i];
        }
        else if (eval->port_owned[i]) {
            mlscore_free(eval->spare[i].data);
        }
    }
    return status;
}

static void release(struct eval *eval, const mlscore_node *node)
{
    for (uint32_t i = 0; i < node->release_count; i++) {
        const uint32_t v = eval->graph->releases[node->release_from + i];

        if (eval->owned[v]) {
            mlscore_free(eval->tensors[v].data);
            eval->tensors[v].data = NULL;
            eval->owned[v] = 0;
        }
    }
}

/* Hand an output to the caller: the memory itself when it is ours and nobody
 * else's, otherwise a copy. */
static mlscore_status give_output(struct eval *eval, uint32_t i,
                                  mlscore_tensor *out)
{
    const uint32_t v = eval->graph->outputs[i];
    const uint32_t root = eval->graph->roots[v];
    size_t bytes;

    *out = eval->tensors[v];
    if (eval->owned[root] && out->data == eval->tensors[root].data) {
        eval->owned[root] = 0; /* a second output of the same root copies */
        return MLSCORE_OK;
    }
    if (mlscore_tensor_bytes(out, MLSCORE_TENSOR_MAX_BYTES, &bytes) ||
        !out->data) {
        out->data = NULL;
        return mlscore_error_set(eval->err, MLSCORE_ELIMIT,
                                 "output %u cannot be given", i);
    }
    out->data = mlscore_malloc_aligned(bytes ? bytes : 1);
    if (!out->data) {
        return mlscore_error_set(eval->err, MLSCORE_ENOMEM, "out of memory");
    }
    memcpy(out->data, eval->tensors[v].data, bytes);
    return MLSCORE_OK;
}

static mlscore_status eval_all(struct eval *eval, const mlscore_tensor *inputs,
                               mlscore_tensor *outputs)
{
    const mlscore_graph *graph = eval->graph;
    mlscore_status status = MLSCORE_OK;

    for (uint32_t v = 0; v < graph->value_count; v++) {
        eval->tensors[v] = graph->values[v].tensor;
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        eval->tensors[graph->inputs[i]] = inputs[i];
    }
    for (uint32_t i = 0; !status && i < graph->node_count; i++) {
        status = eval_node(eval, &graph->nodes[i]);
        if (!status) {
            release(eval, &graph->nodes[i]);
        }
    }
    for (uint32_t i = 0; !status && i < graph->output_count; i++) {
        status = give_output(eval, i, &outputs[i]);
    }
    for (uint32_t v = 0; v < graph->value_count; v++) {
        if (eval->owned[v]) {
            mlscore_free(eval->tensors[v].data);
        }
    }
    return status;
}

mlscore_status mlscore_graph_eval(const mlscore_graph *graph,
                                  const mlscore_tensor *inputs,
                                  mlscore_tensor *outputs,
                                  mlscore_arena *texts, mlscore_error *err)
{
    const size_t values = graph->value_count + 1, ports = graph->most_ports + 1;
    struct eval eval = {
        .graph = graph, .texts = texts, .err = err,
        .tensors = mlscore_calloc(values, sizeof(*eval.tensors)),
        .owned = mlscore_calloc(values, 1),
        .ports = mlscore_calloc(ports, sizeof(*eval.ports)),
        .spare = mlscore_calloc(ports, sizeof(*eval.spare)),
        .port_owned = mlscore_calloc(ports, 1),
    };
    mlscore_status status;

    for (uint32_t i = 0; i < graph->output_count; i++) {
        outputs[i] = (mlscore_tensor){.rank = -1};
    }
    if (eval.tensors && eval.owned && eval.ports && eval.spare &&
        eval.port_owned) {
        status = eval_all(&eval, inputs, outputs);
    }
    else {
        status = mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_free(eval.tensors);
    mlscore_free(eval.owned);
    mlscore_free(eval.ports);
    mlscore_free(eval.spare);
    mlscore_free(eval.port_owned);
    if (status) {
        mlscore_tensors_free(outputs, graph->output_count);
    }
    return status;
}
