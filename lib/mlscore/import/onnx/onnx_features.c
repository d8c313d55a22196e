/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters often leave the number of features open. The operators that read
 * them know: coefficients, matrices, trees. */

#include "import/onnx/onnx_features.h"

#include <string.h>

static const mlscore_attr *find(const mlscore_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->attr_count; i++) {
        if (!strcmp(node->attrs[i].name, name)) {
            return &node->attrs[i];
        }
    }
    return NULL;
}

static int64_t count_of(const mlscore_node *node, const char *name)
{
    const mlscore_attr *attr = find(node, name);

    return attr ? attr->count : 0;
}

/* Coefficients divided by the number of scores. */
static int64_t linear(const mlscore_node *node)
{
    const mlscore_attr *targets = find(node, "targets");
    int64_t scores = targets && targets->kind == MLSCORE_ATTR_INT
                         ? targets->of.ints[0] : count_of(node, "intercepts");

    scores = scores > 0 ? scores : 1;
    return count_of(node, "coefficients") / scores;
}

static int64_t svm(const mlscore_node *node)
{
    const mlscore_attr *supports = find(node, "n_supports");
    const mlscore_attr *classes = find(node, "vectors_per_class");
    int64_t vectors = supports && supports->kind == MLSCORE_ATTR_INT
                          ? supports->of.ints[0] : 0;

    for (uint32_t i = 0; classes && classes->kind == MLSCORE_ATTR_INTS &&
                         i < classes->count; i++) {
        vectors += classes->of.ints[i];
    }
    return vectors > 0 ? count_of(node, "support_vectors") / vectors
                       : count_of(node, "coefficients");
}

static int64_t trees(const mlscore_node *node)
{
    const mlscore_attr *features = find(node, "nodes_featureids");
    int64_t most = 0;

    for (uint32_t i = 0; features && features->kind == MLSCORE_ATTR_INTS &&
                         i < features->count; i++) {
        most = features->of.ints[i] >= most ? features->of.ints[i] + 1 : most;
    }
    return most;
}

/* Rows of a constant second operand. */
static int64_t matrix(const mlscore_graph *graph, const mlscore_node *node)
{
    const mlscore_attr *trans = find(node, "transB");
    const int across = trans && trans->kind == MLSCORE_ATTR_INT &&
                       trans->of.ints[0];

    if (node->input_count < 2 || node->inputs[1] == MLSCORE_NO_VALUE) {
        return 0;
    }
    const mlscore_tensor *b = &graph->values[node->inputs[1]].tensor;
    return b->data && b->rank >= 1 ? b->dims[b->rank == 1 ? 0
                                             : b->rank - 2 + across]
                                   : 0;
}

static int64_t asked(const mlscore_graph *graph, const mlscore_node *node)
{
    if (!strncmp(node->op, "Linear", 6)) {
        return linear(node);
    }
    if (!strncmp(node->op, "SVM", 3)) {
        return svm(node);
    }
    if (!strncmp(node->op, "TreeEnsemble", 12)) {
        return trees(node);
    }
    if (!strcmp(node->op, "Scaler")) {
        return count_of(node, "offset") > 1 ? count_of(node, "offset")
                                            : count_of(node, "scale");
    }
    if (!strcmp(node->op, "Imputer")) {
        return count_of(node, "imputed_value_floats");
    }
    if (!strcmp(node->op, "MatMul") || !strcmp(node->op, "Gemm")) {
        return matrix(graph, node);
    }
    return 0;
}

/* Operators that keep the last dimension. */
static int keeps_width(const char *op)
{
    static const char *const names[] = {"Cast", "Identity", "Scaler", "Imputer",
                                        "Normalizer", "Add", "Sub", "Mul",
                                        "Div", "Clip", "Binarizer", NULL};

    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], op)) {
            return 1;
        }
    }
    return 0;
}

int64_t mlscore_onnx_width(const mlscore_graph *graph, uint32_t value)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const mlscore_node *node = &graph->nodes[i];

        if (!node->input_count || node->inputs[0] != value) {
            continue;
        }
        int64_t width = asked(graph, node);
        if (width <= 1 && keeps_width(node->op) &&
            node->outputs[0] != MLSCORE_NO_VALUE) {
            width = mlscore_onnx_width(graph, node->outputs[0]);
        }
        if (width > 0) {
            return width;
        }
    }
    return -1;
}
