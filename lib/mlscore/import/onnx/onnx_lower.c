/* SPDX-License-Identifier: Apache-2.0 */
/* From an ONNX model to a graph; see onnx_lower.h. */

#include "import/onnx/onnx_lower.h"

#include <stdio.h>
#include <string.h>

#include "eval/graph/limits.h"
#include "eval/graph/op.h"
#include "import/onnx/onnx_lowering.h"

static mlscore_status lower_nodes(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *nodes, size_t count);

mlscore_status mlscore_lower_no_memory(struct lowering *lower)
{
    return mlscore_error_set(lower->err, MLSCORE_ENOMEM, "out of memory");
}

void *mlscore_lower_take(struct lowering *lower, size_t count, size_t size)
{
    return mlscore_arena_calloc(lower->arena, count ? count : 1, size);
}

/* --- names -------------------------------------------------------------------
 */

mlscore_status mlscore_lower_bind(struct lowering *lower, struct scope *scope,
                                  const char *name,
                                  const struct binding *binding)
{
    struct binding *copy = mlscore_lower_take(lower, 1, sizeof(*copy));

    if (!copy) {
        return mlscore_lower_no_memory(lower);
    }
    *copy = *binding;
    return mlscore_name_map_put(&scope->names, name, copy)
               ? mlscore_lower_no_memory(lower)
               : MLSCORE_OK;
}

static mlscore_status new_value(struct lowering *lower, struct scope *scope,
                                const char *name, uint32_t *value)
{
    mlscore_status status =
        mlscore_graph_value(scope->graph, name, value, lower->err);

    return status ? status
                  : mlscore_lower_bind(lower, scope, name,
                                       &(struct binding){.value = *value});
}

mlscore_status mlscore_lower_constant(struct lowering *lower,
                                      struct scope *scope, const char *name,
                                      const mlscore_tensor *tensor)
{
    uint32_t value;
    mlscore_status status = new_value(lower, scope, name, &value);

    if (!status) {
        scope->graph->values[value].tensor = *tensor;
    }
    return status;
}

static mlscore_status find(struct lowering *lower, struct scope *scope,
                           const char *name, const struct binding **out);

/* Make a value of the surrounding graph known inside of a subgraph: a
 * constant is repeated, anything else becomes a further input. */
static mlscore_status capture(struct lowering *lower, struct scope *scope,
                              const char *name, const struct binding *outer)
{
    uint32_t inner;

    if (outer->form == MLSCORE_ONNX_AS_TENSOR &&
        outer->value == MLSCORE_NO_VALUE) {
        return mlscore_lower_bind(lower, scope, name, outer);
    }
    if (outer->form != MLSCORE_ONNX_AS_TENSOR) {
        return mlscore_error_set(lower->err, MLSCORE_EUNSUPPORTED,
                                 "ONNX: '%.80s' is a sequence or map used in "
                                 "a subgraph, which is not supported",
                                 name);
    }
    if (scope->graph == scope->outer->graph) {
        return mlscore_lower_bind(lower, scope, name, outer);
    }
    const mlscore_tensor *tensor =
        &scope->outer->graph->values[outer->value].tensor;
    if (tensor->data) {
        return mlscore_lower_constant(lower, scope, name, tensor);
    }
    mlscore_status status = new_value(lower, scope, name, &inner);
    if (status) {
        return status;
    }
    scope->graph->values[inner].tensor.type = tensor->type;
    struct capture *entry = mlscore_lower_take(lower, 1, sizeof(*entry));
    if (!entry) {
        return mlscore_lower_no_memory(lower);
    }
    *entry = (struct capture){.outer = outer->value, .inner = inner};
    *scope->captures_end = entry;
    scope->captures_end = &entry->next;
    scope->capture_count++;
    return MLSCORE_OK;
}

static mlscore_status find(struct lowering *lower, struct scope *scope,
                           const char *name, const struct binding **out)
{
    *out = mlscore_name_map_get(&scope->names, name);
    if (*out || !scope->outer) {
        return MLSCORE_OK;
    }
    const struct binding *outer;
    mlscore_status status = find(lower, scope->outer, name, &outer);
    if (status || !outer) {
        return status;
    }
    status = capture(lower, scope, name, outer);
    *out = mlscore_name_map_get(&scope->names, name);
    return status;
}

mlscore_status mlscore_lower_need(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node,
                                  const char *name, const struct binding **out)
{
    mlscore_status status = find(lower, scope, name, out);

    if (!status && !*out) {
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: node '%.80s' (%.60s) uses "
                                 "'%.80s', which nothing before it makes",
                                 node->name, node->op, name);
    }
    return status;
}

mlscore_status mlscore_lower_tensor(struct lowering *lower, struct scope *scope,
                                    const mlscore_onnx_node *node,
                                    const char *name, uint32_t *out)
{
    const struct binding *binding;
    mlscore_status status =
        mlscore_lower_need(lower, scope, node, name, &binding);

    if (status) {
        return status;
    }
    if (binding->form != MLSCORE_ONNX_AS_TENSOR) {
        return mlscore_error_set(
            lower->err, MLSCORE_EUNSUPPORTED,
            "ONNX: node '%.80s' (%.60s) uses "
            "the sequence or map '%.80s', which is not supported",
            node->name, node->op, name);
    }
    *out = binding->value;
    return MLSCORE_OK;
}

/* --- attributes
 * ----------------------------------------------------------------- */

static const mlscore_onnx_attr *find_attr(const mlscore_onnx_attr *attrs,
                                          size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(attrs[i].name, name)) {
            return &attrs[i];
        }
    }
    return NULL;
}

/* An attribute in a function's body that stands for one of the caller's.
 * NULL: the caller left it out. The scope is where its names belong. */
static const mlscore_onnx_attr *resolve(const mlscore_onnx_attr *attr,
                                        const struct scope **scope)
{
    while (attr && attr->reference) {
        const struct scope *here = *scope;
        const char *name = attr->reference;

        while (here && !here->caller) { /* a subgraph inside of a function */
            here = here->outer;
        }
        if (!here) {
            return NULL;
        }
        attr = find_attr(here->caller->attrs, here->caller->attr_count, name);
        if (!attr) {
            return find_attr(here->function->defaults,
                             here->function->default_count, name);
        }
        *scope = here->caller_scope;
    }
    return attr;
}

static mlscore_status
lower_subgraph(struct lowering *lower, struct scope *outer,
               const mlscore_onnx_graph *graph, mlscore_graph **out,
               struct capture **captures, uint32_t *capture_count);

/* Copy one attribute. A graph is lowered; what it captures is appended to
 * the node's inputs by the caller. */
static mlscore_status lower_attr(struct lowering *lower, struct scope *scope,
                                 const mlscore_onnx_attr *from,
                                 mlscore_attr *to, struct capture **captures,
                                 uint32_t *capture_count)
{
    to->kind = (mlscore_attr_kind)from->kind;
    to->count = (uint32_t)from->count;
    switch (from->kind) {
    case MLSCORE_ATTR_FLOAT:
    case MLSCORE_ATTR_FLOATS:
        to->of.floats = from->of.floats;
        break;
    case MLSCORE_ATTR_INT:
    case MLSCORE_ATTR_INTS:
        to->of.ints = from->of.ints;
        break;
    case MLSCORE_ATTR_STRING:
    case MLSCORE_ATTR_STRINGS:
        to->of.strings = from->of.strings;
        break;
    case MLSCORE_ATTR_TENSOR:
        to->of.tensor = &from->of.tensor->tensor;
        break;
    case MLSCORE_ATTR_GRAPH:
        return lower_subgraph(lower, scope, from->of.graph, &to->of.graph,
                              captures, capture_count);
    default:
        return mlscore_error_set(lower->err, MLSCORE_EUNSUPPORTED,
                                 "ONNX: attribute '%.60s' has a kind that is "
                                 "not supported",
                                 from->name);
    }
    return MLSCORE_OK;
}

/* --- nodes
 * ------------------------------------------------------------------------ */

static mlscore_status find_version(struct lowering *lower,
                                   const struct scope *scope,
                                   const char *domain, int64_t *version)
{
    for (size_t i = 0; i < scope->opset_count; i++) {
        if (!strcmp(scope->opsets[i].domain, domain)) {
            *version = scope->opsets[i].version;
            return MLSCORE_OK;
        }
    }
    return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                             "ONNX: the model does not say which operator set "
                             "of domain '%.80s' it uses",
                             domain);
}

/* Further inputs of a node with subgraphs: per attribute its captures, and
 * their number as an attribute-wise list in `node`. */
struct pieces {
    struct capture *captures[8];
    uint32_t counts[8];
    uint32_t graphs;
};

static mlscore_status lower_attrs(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *from,
                                  mlscore_node *to, struct pieces *pieces)
{
    mlscore_attr *attrs =
        mlscore_lower_take(lower, from->attr_count, sizeof(*attrs));
    mlscore_status status = attrs ? MLSCORE_OK : mlscore_lower_no_memory(lower);

    for (size_t i = 0; !status && i < from->attr_count; i++) {
        const struct scope *where = scope;
        const mlscore_onnx_attr *attr = resolve(&from->attrs[i], &where);

        if (!attr) {
            continue;
        }
        if (pieces->graphs == 8) {
            return mlscore_error_set(lower->err, MLSCORE_ELIMIT,
                                     "ONNX: a node has too many subgraphs");
        }
        mlscore_attr *made = &attrs[to->attr_count++];
        made->name = from->attrs[i].name;
        status = lower_attr(lower, (struct scope *)(uintptr_t)where, attr, made,
                            &pieces->captures[pieces->graphs],
                            &pieces->counts[pieces->graphs]);
        pieces->graphs += attr->kind == MLSCORE_ATTR_GRAPH;
    }
    to->attrs = attrs;
    return status;
}

static mlscore_status lower_inputs(struct lowering *lower, struct scope *scope,
                                   const mlscore_onnx_node *from,
                                   mlscore_node *to,
                                   const struct pieces *pieces)
{
    size_t count = from->input_count;

    for (uint32_t i = 0; i < pieces->graphs; i++) {
        count += pieces->counts[i];
        to->captured += pieces->counts[i];
    }
    uint32_t *inputs = mlscore_lower_take(lower, count, sizeof(*inputs));
    mlscore_status status =
        inputs ? MLSCORE_OK : mlscore_lower_no_memory(lower);
    size_t at = 0;
    for (; !status && at < from->input_count; at++) {
        inputs[at] = MLSCORE_NO_VALUE;
        if (*from->inputs[at]) {
            status = mlscore_lower_tensor(lower, scope, from, from->inputs[at],
                                          &inputs[at]);
        }
    }
    for (uint32_t i = 0; !status && i < pieces->graphs; i++) {
        for (struct capture *c = pieces->captures[i]; c; c = c->next) {
            inputs[at++] = c->outer;
        }
    }
    while (pieces->graphs == 0 && at && inputs[at - 1] == MLSCORE_NO_VALUE) {
        at--; /* left out at the end: as if not written */
    }
    to->inputs = inputs;
    to->input_count = (uint32_t)at;
    return status;
}

static mlscore_status lower_outputs(struct lowering *lower, struct scope *scope,
                                    const mlscore_onnx_node *from,
                                    mlscore_node *to)
{
    uint32_t *outputs =
        mlscore_lower_take(lower, from->output_count, sizeof(*outputs));
    mlscore_status status =
        outputs ? MLSCORE_OK : mlscore_lower_no_memory(lower);

    for (size_t i = 0; !status && i < from->output_count; i++) {
        outputs[i] = MLSCORE_NO_VALUE;
        if (!*from->outputs[i]) {
            continue;
        }
        if (mlscore_name_map_get(&scope->names, from->outputs[i])) {
            return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                     "ONNX: '%.80s' is made twice",
                                     from->outputs[i]);
        }
        status = new_value(lower, scope, from->outputs[i], &outputs[i]);
    }
    to->outputs = outputs;
    to->output_count = (uint32_t)from->output_count;
    while (to->output_count > 1 &&
           outputs[to->output_count - 1] == MLSCORE_NO_VALUE) {
        to->output_count--;
    }
    return status;
}

mlscore_status mlscore_lower_plain(struct lowering *lower, struct scope *scope,
                                   const mlscore_onnx_node *from)
{
    mlscore_node node = {
        .name = from->name, .op = from->op, .domain = from->domain};
    struct pieces pieces = {.graphs = 0};
    int64_t version = 0;
    mlscore_status status = find_version(lower, scope, from->domain, &version);

    if (!status && (version < 1 || version > 10000)) {
        status = mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                   "ONNX: domain '%.80s' has the impossible "
                                   "operator set %lld",
                                   from->domain, (long long)version);
    }
    node.version = (int32_t)version;
    status = status ? status : lower_attrs(lower, scope, from, &node, &pieces);
    status = status ? status : lower_inputs(lower, scope, from, &node, &pieces);
    status = status ? status : lower_outputs(lower, scope, from, &node);
    return status ? status
                  : mlscore_graph_node(scope->graph, &node, lower->err);
}

/* --- constants, maps, sequences: no node of their own
 * ---------------------------- */

static mlscore_status lower_constant(struct lowering *lower,
                                     struct scope *scope,
                                     const mlscore_onnx_node *node)
{
    const struct scope *where = scope;
    const mlscore_onnx_attr *attr =
        node->attr_count == 1 ? resolve(&node->attrs[0], &where) : NULL;
    mlscore_tensor tensor = {.rank = 0};

    if (!attr || node->output_count != 1 || node->input_count) {
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: Constant '%.80s' has no value",
                                 node->name);
    }
    switch (attr->kind) {
    case MLSCORE_ATTR_TENSOR:
        tensor = attr->of.tensor->tensor;
        break;
    case MLSCORE_ATTR_FLOATS:
        tensor.rank = 1; /* fall through */
    case MLSCORE_ATTR_FLOAT:
        tensor.type = MLSCORE_DT_FLOAT;
        break;
    case MLSCORE_ATTR_INTS:
        tensor.rank = 1; /* fall through */
    case MLSCORE_ATTR_INT:
        tensor.type = MLSCORE_DT_INT64;
        break;
    case MLSCORE_ATTR_STRINGS:
        tensor.rank = 1; /* fall through */
    case MLSCORE_ATTR_STRING:
        tensor.type = MLSCORE_DT_STRING;
        break;
    default:
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: Constant '%.80s' has no value",
                                 node->name);
    }
    if (attr->kind != MLSCORE_ATTR_TENSOR) {
        tensor.dims[0] = (int64_t)attr->count;
        tensor.data = (void *)(uintptr_t)attr->of.floats;
    }
    return mlscore_lower_constant(lower, scope, node->outputs[0], &tensor);
}

static mlscore_status lower_zip_map(struct lowering *lower, struct scope *scope,
                                    const mlscore_onnx_node *node)
{
    struct binding binding = {.form = MLSCORE_ONNX_AS_MAPS};
    const mlscore_onnx_attr *texts =
        find_attr(node->attrs, node->attr_count, "classlabels_strings");
    const mlscore_onnx_attr *numbers =
        find_attr(node->attrs, node->attr_count, "classlabels_int64s");

    if (node->input_count != 1 || node->output_count != 1 ||
        !texts == !numbers) {
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: ZipMap '%.80s' is broken", node->name);
    }
    if (texts && texts->kind == MLSCORE_ATTR_STRINGS) {
        binding.keys = texts->of.strings;
        binding.count = texts->count;
    }
    else if (numbers && numbers->kind == MLSCORE_ATTR_INTS) {
        binding.numbers = numbers->of.ints;
        binding.count = numbers->count;
    }
    mlscore_status status = mlscore_lower_tensor(
        lower, scope, node, node->inputs[0], &binding.value);
    return status
               ? status
               : mlscore_lower_bind(lower, scope, node->outputs[0], &binding);
}

/* --- functions
 * ----------------------------------------------------------------------- */

static const mlscore_onnx_function *
find_function(const mlscore_onnx_model *model, const mlscore_onnx_node *node)
{
    for (size_t i = 0; i < model->function_count; i++) {
        const mlscore_onnx_function *function = &model->functions[i];

        if (!strcmp(function->name, node->op) &&
            !strcmp(function->domain, node->domain) &&
            !strcmp(function->overload, node->overload)) {
            return function;
        }
    }
    return NULL;
}

static mlscore_status inline_function(struct lowering *lower,
                                      struct scope *scope,
                                      const mlscore_onnx_node *node,
                                      const mlscore_onnx_function *function)
{
    struct scope inner = {
        .graph = scope->graph,
        .names = {.arena = lower->arena},
        .opsets = function->opsets,
        .opset_count = function->opset_count,
        .caller = node,
        .function = function,
        .caller_scope = scope,
        .depth = scope->depth + 1,
    };
    mlscore_status status = MLSCORE_OK;

    inner.captures_end = &inner.captures;
    if (inner.depth > 4 * MLSCORE_GRAPH_MAX_DEPTH) {
        return mlscore_error_set(lower->err, MLSCORE_ELIMIT,
                                 "ONNX: functions call each other too deeply");
    }
    if (node->input_count > function->input_count ||
        node->output_count > function->output_count) {
        return mlscore_error_set(lower->err, MLSCORE_EFORMAT,
                                 "ONNX: node '%.80s' calls '%.80s' with too "
                                 "many inputs or outputs",
                                 node->name, function->name);
    }
    for (size_t i = 0; !status && i < node->input_count; i++) {
        const struct binding *binding;

        if (*node->inputs[i]) {
            status = mlscore_lower_need(lower, scope, node, node->inputs[i],
                                        &binding);
            status = status ? status
                            : mlscore_lower_bind(lower, &inner,
                                                 function->inputs[i], binding);
        }
        else { /* left out: nothing that the body may rely on */
            status = mlscore_lower_bind(
                lower, &inner, function->inputs[i],
                &(struct binding){.value = MLSCORE_NO_VALUE});
        }
    }
    for (size_t i = node->input_count; !status && i < function->input_count;
         i++) {
        status =
            mlscore_lower_bind(lower, &inner, function->inputs[i],
                               &(struct binding){.value = MLSCORE_NO_VALUE});
    }
    status = status ? status
                    : lower_nodes(lower, &inner, function->nodes,
                                  function->node_count);
    for (size_t i = 0; !status && i < node->output_count; i++) {
        const struct binding *binding;

        if (*node->outputs[i]) {
            status = mlscore_lower_need(lower, &inner, node,
                                        function->outputs[i], &binding);
            status = status ? status
                            : mlscore_lower_bind(lower, scope, node->outputs[i],
                                                 binding);
        }
    }
    return status;
}

static mlscore_status lower_node(struct lowering *lower, struct scope *scope,
                                 const mlscore_onnx_node *node)
{
    const mlscore_onnx_function *function = find_function(lower->model, node);
    int done;

    if (function) {
        return inline_function(lower, scope, node, function);
    }
    if (!*node->domain && !strcmp(node->op, "Constant")) {
        return lower_constant(lower, scope, node);
    }
    if (!strcmp(node->domain, "ai.onnx.ml") && !strcmp(node->op, "ZipMap")) {
        return lower_zip_map(lower, scope, node);
    }
    mlscore_status status = mlscore_lower_sequence(lower, scope, node, &done);
    return status || done ? status : mlscore_lower_plain(lower, scope, node);
}

static mlscore_status lower_nodes(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *nodes, size_t count)
{
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < count; i++) {
        if (lower->budget-- == 0) {
            return mlscore_error_set(lower->err, MLSCORE_ELIMIT,
                                     "ONNX: too many nodes");
        }
        status = lower_node(lower, scope, &nodes[i]);
    }
    return status;
}

/* --- graphs
 * -----------------------------------------------------------------------------
 */

static mlscore_status lower_body(struct lowering *lower, struct scope *scope,
                                 const mlscore_onnx_graph *graph)
{
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; !status && i < graph->initializer_count; i++) {
        status =
            mlscore_lower_constant(lower, scope, graph->initializers[i].name,
                                   &graph->initializers[i].tensor);
    }
    return status ? status
                  : lower_nodes(lower, scope, graph->nodes, graph->node_count);
}

static mlscore_status
lower_subgraph(struct lowering *lower, struct scope *outer,
               const mlscore_onnx_graph *graph, mlscore_graph **out,
               struct capture **captures, uint32_t *capture_count)
{
    struct scope scope = {
        .outer = outer,
        .names = {.arena = lower->arena},
        .opsets = outer->opsets,
        .opset_count = outer->opset_count,
        .depth = outer->depth + 1,
    };
    mlscore_status status = MLSCORE_OK;

    scope.captures_end = &scope.captures;
    if (scope.depth > 4 * MLSCORE_GRAPH_MAX_DEPTH) {
        return mlscore_error_set(lower->err, MLSCORE_ELIMIT,
                                 "ONNX: graphs are nested too deeply");
    }
    status = mlscore_graph_create(out, outer->graph, lower->err);
    if (status) {
        return status;
    }
    scope.graph = *out;
    uint32_t *formal =
        mlscore_lower_take(lower, graph->input_count, sizeof(*formal));
    uint32_t *outputs =
        mlscore_lower_take(lower, graph->output_count, sizeof(*outputs));
    if (!formal || !outputs) {
        return mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; !status && i < graph->input_count; i++) {
        status = new_value(lower, &scope, graph->inputs[i].name, &formal[i]);
    }
    status = status ? status : lower_body(lower, &scope, graph);
    for (size_t i = 0; !status && i < graph->output_count; i++) {
        const mlscore_onnx_node here = {.name = "", .op = "subgraph"};

        status = mlscore_lower_tensor(lower, &scope, &here,
                                      graph->outputs[i].name, &outputs[i]);
    }
    uint32_t *inputs = mlscore_lower_take(
        lower, graph->input_count + scope.capture_count, sizeof(*inputs));
    if (status || !inputs) {
        return status ? status : mlscore_lower_no_memory(lower);
    }
    memcpy(inputs, formal, graph->input_count * sizeof(*inputs));
    uint32_t at = (uint32_t)graph->input_count;
    for (struct capture *c = scope.captures; c; c = c->next) {
        inputs[at++] = c->inner;
    }
    scope.graph->inputs = inputs;
    scope.graph->input_count = at;
    scope.graph->outputs = outputs;
    scope.graph->output_count = (uint32_t)graph->output_count;
    *captures = scope.captures;
    *capture_count = scope.capture_count;
    return MLSCORE_OK;
}

/* --- the model's own inputs and outputs
 * ---------------------------------------------------- */

static mlscore_status lower_model_inputs(struct lowering *lower,
                                         struct scope *scope,
                                         const mlscore_onnx_value ***infos)
{
    const mlscore_onnx_graph *graph = &lower->model->graph;
    uint32_t *inputs =
        mlscore_lower_take(lower, graph->input_count, sizeof(*inputs));
    mlscore_status status = MLSCORE_OK;
    uint32_t count = 0;

    *infos = mlscore_lower_take(lower, graph->input_count, sizeof(**infos));
    if (!inputs || !*infos) {
        return mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; !status && i < graph->input_count; i++) {
        const mlscore_onnx_value *info = &graph->inputs[i];

        if (mlscore_name_map_get(&scope->names, info->name)) {
            continue; /* has an initializer: a constant */
        }
        if (info->kind != MLSCORE_ONNX_TENSOR) {
            return mlscore_error_set(lower->err, MLSCORE_EUNSUPPORTED,
                                     "ONNX: input '%.80s' is not a tensor, "
                                     "which is not supported",
                                     info->name);
        }
        status = new_value(lower, scope, info->name, &inputs[count]);
        if (!status) {
            scope->graph->values[inputs[count]].tensor = info->shape;
            (*infos)[count++] = info;
        }
    }
    scope->graph->inputs = inputs;
    scope->graph->input_count = count;
    return status;
}

static mlscore_status lower_model_outputs(struct lowering *lower,
                                          struct scope *scope,
                                          mlscore_onnx_output **out)
{
    const mlscore_onnx_graph *graph = &lower->model->graph;
    const mlscore_onnx_node here = {.name = "", .op = "graph output"};
    const struct binding *binding;
    mlscore_status status = MLSCORE_OK;
    uint32_t total = 0;

    *out = mlscore_lower_take(lower, graph->output_count, sizeof(**out));
    for (size_t i = 0; *out && !status && i < graph->output_count; i++) {
        status = mlscore_lower_need(lower, scope, &here, graph->outputs[i].name,
                                    &binding);
        if (!status) {
            const int sequence = binding->form == MLSCORE_ONNX_AS_SEQUENCE;

            (*out)[i] = (mlscore_onnx_output){
                .name = graph->outputs[i].name,
                .form = binding->form,
                .first = total,
                .count = sequence ? (uint32_t)binding->count : 1,
                .keys = binding->keys,
                .numbers = binding->numbers,
                .key_count = sequence ? 0 : binding->count,
            };
            total += (*out)[i].count;
        }
    }
    uint32_t *outputs = mlscore_lower_take(lower, total, sizeof(*outputs));
    if (status || !*out || !outputs) {
        return status ? status : mlscore_lower_no_memory(lower);
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        const mlscore_onnx_output *output = &(*out)[i];

        binding = mlscore_name_map_get(&scope->names, output->name);
        for (uint32_t j = 0; j < output->count; j++) {
            outputs[output->first + j] =
                binding->values ? binding->values[j] : binding->value;
        }
    }
    scope->graph->outputs = outputs;
    scope->graph->output_count = total;
    return MLSCORE_OK;
}

mlscore_status mlscore_onnx_lower(mlscore_graph *graph,
                                  const mlscore_onnx_model *model,
                                  const mlscore_onnx_value ***inputs,
                                  mlscore_onnx_output **outputs,
                                  size_t *output_count, mlscore_error *err)
{
    struct lowering lower = {
        .model = model, .arena = graph->arena, .err = err, .budget = 1000000};
    struct scope scope = {
        .graph = graph,
        .names = {.arena = graph->arena},
        .opsets = model->opsets,
        .opset_count = model->opset_count,
    };
    const mlscore_onnx_graph *body = &model->graph;
    mlscore_status status = MLSCORE_OK;

    scope.captures_end = &scope.captures;
    for (size_t i = 0; !status && i < body->initializer_count; i++) {
        status =
            mlscore_lower_constant(&lower, &scope, body->initializers[i].name,
                                   &body->initializers[i].tensor);
    }
    status = status ? status : lower_model_inputs(&lower, &scope, inputs);
    status = status
                 ? status
                 : lower_nodes(&lower, &scope, body->nodes, body->node_count);
    status = status ? status : lower_model_outputs(&lower, &scope, outputs);
    *output_count = body->output_count;
    return status;
}
