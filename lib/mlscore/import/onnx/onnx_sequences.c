/* SPDX-License-Identifier: Apache-2.0 */
/* Sequences and optional values: known while lowering as lists of tensors, so
 * that positions must be constants and no node is left of them. */

#include <stdio.h>
#include <string.h>

#include "eval/graph/graph.h"
#include "import/onnx/onnx_lowering.h"

enum { MOST_ELEMENTS = 4096 };

static mlscore_status unsupported(struct lowering *lower,
                                  const mlscore_onnx_node *node,
                                  const char *why)
{
    return mlscore_error_set(lower->err, MLSCORE_EUNSUPPORTED,
                             "ONNX: node '%.80s' (%.60s) %s", node->name,
                             node->op, why);
}

/* Input i as a list of tensors. */
static mlscore_status need_list(struct lowering *lower, struct scope *scope,
                                const mlscore_onnx_node *node, size_t i,
                                const struct binding **out)
{
    mlscore_status status =
        mlscore_lower_need(lower, scope, node, node->inputs[i], out);

    return status || (*out)->form == MLSCORE_ONNX_AS_SEQUENCE
               ? status
               : unsupported(lower, node, "needs a sequence of tensors");
}

/* Input i as a constant whole number, `fallback` when it is left out. */
static mlscore_status need_number(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node, size_t i,
                                  int64_t fallback, int64_t *out)
{
    uint32_t value;

    *out = fallback;
    if (node->input_count <= i || !*node->inputs[i]) {
        return MLSCORE_OK;
    }
    mlscore_status status =
        mlscore_lower_tensor(lower, scope, node, node->inputs[i], &value);
    const mlscore_tensor *tensor =
        status ? NULL : &scope->graph->values[value].tensor;
    if (status) {
        return status;
    }
    if (!tensor->data || mlscore_tensor_count(tensor) != 1 ||
        !(MLSCORE_DT_BIT(tensor->type) & MLSCORE_DTS_INTEGER)) {
        return unsupported(lower, node, "takes a position that is no constant");
    }
    mlscore_elements_to_int64(out, tensor->data, tensor->type, 1);
    return MLSCORE_OK;
}

static int64_t attr_number(const mlscore_onnx_node *node, const char *name,
                           int64_t fallback)
{
    for (size_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, name) &&
            node->attrs[i].kind == MLSCORE_ATTR_INT) {
            return node->attrs[i].of.ints[0];
        }
    }
    return fallback;
}

/* A list of `count` elements for the node's output, to be filled. */
static mlscore_status bind_list(struct lowering *lower, struct scope *scope,
                                const mlscore_onnx_node *node,
                                const uint32_t *values, size_t count)
{
    struct binding binding = {.form = MLSCORE_ONNX_AS_SEQUENCE, .count = count};

    if (count > MOST_ELEMENTS) {
        return unsupported(lower, node, "makes too long a sequence");
    }
    binding.values = mlscore_lower_take(lower, count, sizeof(*values));
    if (!binding.values) {
        return mlscore_lower_no_memory(lower);
    }
    if (count) {
        memcpy(binding.values, values, count * sizeof(*values));
    }
    return mlscore_lower_bind(lower, scope, node->outputs[0], &binding);
}

static mlscore_status bind_number(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node,
                                  mlscore_dtype type, int64_t number)
{
    int64_t *data = mlscore_lower_take(lower, 1, sizeof(*data));

    if (!data) {
        return mlscore_lower_no_memory(lower);
    }
    if (type == MLSCORE_DT_BOOL) {
        *(uint8_t *)data = number != 0;
    }
    else {
        *data = number;
    }
    return mlscore_lower_constant(
        lower, scope, node->outputs[0],
        &(mlscore_tensor){.type = type, .rank = 0, .data = data});
}

/* --- each operator ----------------------------------------------------------
 */

static mlscore_status construct(struct lowering *lower, struct scope *scope,
                                const mlscore_onnx_node *node)
{
    const size_t count = node->input_count;
    uint32_t *values = mlscore_lower_take(lower, count, sizeof(*values));
    mlscore_status status =
        values ? MLSCORE_OK : mlscore_lower_no_memory(lower);

    for (size_t i = 0; !status && i < count; i++) {
        status = mlscore_lower_tensor(lower, scope, node, node->inputs[i],
                                      &values[i]);
    }
    return status ? status : bind_list(lower, scope, node, values, count);
}

/* Position `at` of a list, counted from the end when negative. */
static mlscore_status place_of(struct lowering *lower,
                               const mlscore_onnx_node *node, int64_t at,
                               size_t places, size_t count, size_t *out)
{
    at += at < 0 ? (int64_t)count : 0;
    if (at < 0 || (size_t)at >= places) {
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: '%.80s' takes an element that its "
                                 "sequence does not have",
                                 node->name);
    }
    *out = (size_t)at;
    return MLSCORE_OK;
}

static mlscore_status element_at(struct lowering *lower, struct scope *scope,
                                 const mlscore_onnx_node *node)
{
    const struct binding *list;
    int64_t at;
    size_t place = 0;
    mlscore_status status = need_list(lower, scope, node, 0, &list);

    status = status ? status : need_number(lower, scope, node, 1, 0, &at);
    status = status
                 ? status
                 : place_of(lower, node, at, list->count, list->count, &place);
    return status ? status
                  : mlscore_lower_bind(
                        lower, scope, node->outputs[0],
                        &(struct binding){.value = list->values[place]});
}

static mlscore_status insert(struct lowering *lower, struct scope *scope,
                             const mlscore_onnx_node *node)
{
    const struct binding *list;
    uint32_t value;
    int64_t at;
    size_t place = 0;
    mlscore_status status = need_list(lower, scope, node, 0, &list);

    status = status ? status
                    : mlscore_lower_tensor(lower, scope, node, node->inputs[1],
                                           &value);
    status =
        status ? status
               : need_number(lower, scope, node, 2, (int64_t)list->count, &at);
    status = status ? status
                    : place_of(lower, node, at, list->count + 1, list->count,
                               &place);
    if (status) {
        return status;
    }
    uint32_t *values =
        mlscore_lower_take(lower, list->count + 1, sizeof(*values));
    if (!values) {
        return mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; i < list->count; i++) {
        values[i + (i >= place)] = list->values[i];
    }
    values[place] = value;
    return bind_list(lower, scope, node, values, list->count + 1);
}

static mlscore_status erase(struct lowering *lower, struct scope *scope,
                            const mlscore_onnx_node *node)
{
    const struct binding *list;
    int64_t at;
    size_t place = 0;
    mlscore_status status = need_list(lower, scope, node, 0, &list);

    status = status ? status : need_number(lower, scope, node, 1, -1, &at);
    status = status
                 ? status
                 : place_of(lower, node, at, list->count, list->count, &place);
    uint32_t *values =
        status ? NULL : mlscore_lower_take(lower, list->count, sizeof(*values));
    if (status || !values) {
        return status ? status : mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; i + 1 < list->count; i++) {
        values[i] = list->values[i + (i >= place)];
    }
    return bind_list(lower, scope, node, values, list->count - 1);
}

/* Names for values that have one already: only these can be inputs of a new
 * node. */
static mlscore_status name_values(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node,
                                  const struct binding *list,
                                  const char **names)
{
    const size_t size = strlen(node->outputs[0]) + 32;
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < list->count; i++) {
        char *name = mlscore_lower_take(lower, size, 1);

        if (!name) {
            return mlscore_lower_no_memory(lower);
        }
        snprintf(name, size, "%s\x01%zu", node->outputs[0], i);
        names[i] = name;
        status = mlscore_lower_bind(
            lower, scope, name, &(struct binding){.value = list->values[i]});
    }
    return status;
}

/* A new axis for each element: their names become those of the results. */
static mlscore_status add_axis(struct lowering *lower, struct scope *scope,
                               const mlscore_onnx_node *node,
                               const char **names, size_t count)
{
    const size_t size = strlen(node->outputs[0]) + 32;
    int64_t *axis = mlscore_lower_take(lower, 1, sizeof(*axis));
    char *axes = mlscore_lower_take(lower, size, 1);
    mlscore_onnx_attr *attr = mlscore_lower_take(lower, 1, sizeof(*attr));
    int64_t version = 0;

    if (!axis || !axes || !attr) {
        return mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; i < scope->opset_count; i++) {
        version = *scope->opsets[i].domain ? version : scope->opsets[i].version;
    }
    *axis = attr_number(node, "axis", 0);
    *attr = (mlscore_onnx_attr){
        .name = "axes", .kind = MLSCORE_ATTR_INTS, .count = 1, .of.ints = axis};
    snprintf(axes, size, "%s\x01 axes", node->outputs[0]);
    mlscore_status status = mlscore_lower_constant(
        lower, scope, axes,
        &(mlscore_tensor){
            .type = MLSCORE_DT_INT64, .rank = 1, .dims = {1}, .data = axis});
    for (size_t i = 0; !status && i < count; i++) {
        const char **ports = mlscore_lower_take(lower, 3, sizeof(*ports));
        char *name = mlscore_lower_take(lower, size, 1);

        if (!ports || !name) {
            return mlscore_lower_no_memory(lower);
        }
        snprintf(name, size, "%s\x01 %zu", node->outputs[0], i);
        ports[0] = names[i];
        ports[1] = axes;
        ports[2] = name;
        mlscore_onnx_node made = *node;
        made.op = "Unsqueeze";
        made.inputs = ports;
        made.input_count = version < 13 ? 1 : 2;
        made.outputs = &ports[2];
        made.attrs = attr;
        made.attr_count = version < 13;
        status = mlscore_lower_plain(lower, scope, &made);
        names[i] = name;
    }
    return status;
}

/* Concat, after Unsqueeze of each element when there is a new axis. */
static mlscore_status concatenate(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node)
{
    const struct binding *list;
    mlscore_status status = need_list(lower, scope, node, 0, &list);

    if (status) {
        return status;
    }
    const char **names = mlscore_lower_take(lower, list->count, sizeof(*names));
    if (!names) {
        return mlscore_lower_no_memory(lower);
    }
    if (list->count == 0) {
        return unsupported(lower, node, "joins an empty sequence");
    }
    status = name_values(lower, scope, node, list, names);
    if (!status && attr_number(node, "new_axis", 0)) {
        status = add_axis(lower, scope, node, names, list->count);
    }
    mlscore_onnx_attr *attr = mlscore_lower_take(lower, 1, sizeof(*attr));
    if (status || !attr) {
        return status ? status : mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, "axis")) {
            *attr = node->attrs[i];
        }
    }
    mlscore_onnx_node concat = *node;
    concat.op = "Concat";
    concat.inputs = names;
    concat.input_count = list->count;
    concat.attrs = attr;
    concat.attr_count = attr->name != NULL;
    return mlscore_lower_plain(lower, scope, &concat);
}

/* With a list of sizes: a Split with as many outputs. */
static mlscore_status split(struct lowering *lower, struct scope *scope,
                            const mlscore_onnx_node *node)
{
    uint32_t sizes = 0;
    mlscore_status status = MLSCORE_OK;
    const mlscore_tensor *tensor = NULL;

    if (node->input_count == 2 && *node->inputs[1]) {
        status =
            mlscore_lower_tensor(lower, scope, node, node->inputs[1], &sizes);
        tensor = status ? NULL : &scope->graph->values[sizes].tensor;
    }
    if (status) {
        return status;
    }
    if (!tensor || !tensor->data || tensor->rank != 1 || tensor->dims[0] < 1 ||
        tensor->dims[0] > MOST_ELEMENTS) {
        return unsupported(lower, node,
                           "is supported with a constant list of "
                           "sizes only");
    }
    struct binding list = {.form = MLSCORE_ONNX_AS_SEQUENCE,
                           .count = (size_t)tensor->dims[0]};
    mlscore_onnx_node made = *node;
    const size_t size = strlen(node->outputs[0]) + 32;
    made.op = "Split";
    made.outputs = mlscore_lower_take(lower, list.count, sizeof(*made.outputs));
    made.attrs = mlscore_lower_take(lower, 1, sizeof(*made.attrs));
    list.values = mlscore_lower_take(lower, list.count, sizeof(*list.values));
    if (!made.outputs || !made.attrs || !list.values) {
        return mlscore_lower_no_memory(lower);
    }
    made.output_count = list.count;
    made.attr_count = 0;
    for (size_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, "axis")) { /* keepdims: not here */
            made.attrs[made.attr_count++] = node->attrs[i];
            break;
        }
    }
    for (size_t i = 0; i < list.count; i++) {
        char *name = mlscore_lower_take(lower, size, 1);

        if (!name) {
            return mlscore_lower_no_memory(lower);
        }
        snprintf(name, size, "%s\x01%zu", node->outputs[0], i);
        made.outputs[i] = name;
    }
    status = mlscore_lower_plain(lower, scope, &made);
    for (size_t i = 0; !status && i < list.count; i++) {
        status = mlscore_lower_tensor(lower, scope, node, made.outputs[i],
                                      &list.values[i]);
    }
    return status ? status
                  : bind_list(lower, scope, node, list.values, list.count);
}

static mlscore_status length(struct lowering *lower, struct scope *scope,
                             const mlscore_onnx_node *node)
{
    const struct binding *list;
    mlscore_status status = need_list(lower, scope, node, 0, &list);

    return status ? status
                  : bind_number(lower, scope, node, MLSCORE_DT_INT64,
                                (int64_t)list->count);
}

static mlscore_status empty(struct lowering *lower, struct scope *scope,
                            const mlscore_onnx_node *node)
{
    return bind_list(lower, scope, node, NULL, 0);
}

/* Identity of what has no node, and an optional value that is there. */
static mlscore_status same(struct lowering *lower, struct scope *scope,
                           const mlscore_onnx_node *node)
{
    const struct binding *from;
    mlscore_status status =
        mlscore_lower_need(lower, scope, node, node->inputs[0], &from);

    return status ? status
                  : mlscore_lower_bind(lower, scope, node->outputs[0], from);
}

static mlscore_status has_element(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node)
{
    return bind_number(lower, scope, node, MLSCORE_DT_BOOL,
                       node->input_count == 1 && *node->inputs[0]);
}

typedef mlscore_status lower_function(struct lowering *lower,
                                      struct scope *scope,
                                      const mlscore_onnx_node *node);

static const struct {
    const char *op;
    size_t least, most; /* inputs */
    lower_function *run;
} operators[] = {
    {"SequenceConstruct", 1, MOST_ELEMENTS, construct},
    {"SequenceEmpty", 0, 0, empty},
    {"SequenceAt", 2, 2, element_at},
    {"SequenceInsert", 2, 3, insert},
    {"SequenceErase", 1, 2, erase},
    {"SequenceLength", 1, 1, length},
    {"SplitToSequence", 1, 2, split},
    {"ConcatFromSequence", 1, 1, concatenate},
    {"Optional", 1, 1, same},
    {"OptionalGetElement", 1, 1, same},
    {"OptionalHasElement", 0, 1, has_element},
};

/* Identity is the graph's own where its input is a tensor. */
static mlscore_status identity(struct lowering *lower, struct scope *scope,
                               const mlscore_onnx_node *node, int *done)
{
    const struct binding *from = NULL;
    mlscore_status status =
        mlscore_lower_need(lower, scope, node, node->inputs[0], &from);

    *done = !status && from->form != MLSCORE_ONNX_AS_TENSOR;
    return *done ? same(lower, scope, node) : status;
}

mlscore_status mlscore_lower_sequence(struct lowering *lower,
                                      struct scope *scope,
                                      const mlscore_onnx_node *node, int *done)
{
    *done = 0;
    if (*node->domain || node->output_count != 1) {
        return MLSCORE_OK;
    }
    if (!strcmp(node->op, "Identity") && node->input_count == 1) {
        return identity(lower, scope, node, done);
    }
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strcmp(node->op, operators[i].op)) {
            continue;
        }
        *done = 1;
        return node->input_count < operators[i].least ||
                       node->input_count > operators[i].most
                   ? unsupported(lower, node, "has too few or too many inputs")
                   : operators[i].run(lower, scope, node);
    }
    return MLSCORE_OK;
}
