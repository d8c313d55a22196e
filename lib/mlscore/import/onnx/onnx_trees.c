/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles to forests. The operators of ai.onnx.ml 1 and 3 list nodes
 * with a tree and a node number each, and weights by the same pair; the
 * operator of 5 lists inner nodes and leaves by position. Both become one
 * list of nodes with children, then trees from their roots. */

#include "import/onnx/onnx_trees.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/forest.h"
#include "eval/graph/op.h"
#include "eval/graph/ops/ml_tree.h"

enum { MODE_LEAF = -1, MODE_MEMBER = 100 };

/* A node of any tree. Children are positions in the list of nodes. */
struct tree_node {
    int mode; /* a mlscore_split, or one of the above */
    uint32_t feature;
    double threshold;
    uint32_t yes, no;
    int missing_yes;
    uint32_t first, count; /* of a leaf: a range of the weights */
    uint32_t set;          /* of MODE_MEMBER */
};

struct weight {
    uint32_t output;
    double value;
};

struct trees {
    mlscore_prepare prepare;
    mlscore_dtype input; /* type of the features */
    struct tree_node *nodes;
    size_t node_count;
    struct weight *weights;
    size_t weight_count;
    uint32_t *roots;
    size_t root_count;
    uint32_t features;    /* one more than the largest that is used */
    size_t outputs;
    int combine;          /* 0 sum, 1 minimum, 2 maximum */
    int average;
    /* membership sets */
    int64_t *set_features, *set_starts;
    double *set_values;
    size_t set_count;
};

static mlscore_status broken(struct trees *trees, const char *what)
{
    return mlscore_prepare_fail(&trees->prepare, MLSCORE_EFORMAT, "%s", what);
}

static void *take(struct trees *trees, size_t count, size_t size)
{
    return mlscore_prepare_alloc(&trees->prepare, count, size);
}

/* Numbers from NAME or from NAME_as_tensor. */
static const double *take_numbers(struct trees *trees, const char *name,
                                  const char *tensor_name, size_t *count)
{
    const float *floats = NULL;
    const mlscore_tensor *tensor = mlscore_take_tensor(&trees->prepare,
                                                       tensor_name);

    *count = 0;
    if (tensor) {
        *count = mlscore_tensor_count(tensor);
    }
    else if (name) {
        floats = mlscore_take_floats(&trees->prepare, name, count);
    }
    double *numbers = take(trees, *count, sizeof(*numbers));
    if (numbers && tensor) {
        mlscore_elements_to_double(numbers, tensor->data, tensor->type,
                                   *count);
    }
    for (size_t i = 0; numbers && floats && i < *count; i++) {
        numbers[i] = floats[i];
    }
    return numbers;
}

/* --- operators of ai.onnx.ml 1 and 3
 * ------------------------------------------------ */

/* (tree, node) pairs, sorted, with their positions. */
struct key {
    int64_t tree, node;
    uint32_t at;
};

static int by_key(const void *a_, const void *b_)
{
    const struct key *a = a_, *b = b_;

    if (a->tree != b->tree) {
        return a->tree < b->tree ? -1 : 1;
    }
    if (a->node != b->node) {
        return a->node < b->node ? -1 : 1;
    }
    return a->at < b->at ? -1 : a->at > b->at;
}

static uint32_t find_key(const struct key *keys, size_t count, int64_t tree,
                         int64_t node)
{
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const struct key *key = &keys[middle];

        if (key->tree < tree || (key->tree == tree && key->node < node)) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < count && keys[low].tree == tree && keys[low].node == node
               ? keys[low].at : UINT32_MAX;
}

static int mode_of(const mlscore_text *text)
{
    static const struct {
        const char *name;
        int mode;
    } modes[] = {
        {"LEAF", MODE_LEAF},          {"BRANCH_LEQ", MLSCORE_SPLIT_LE},
        {"BRANCH_LT", MLSCORE_SPLIT_LT}, {"BRANCH_GTE", MLSCORE_SPLIT_GE},
        {"BRANCH_GT", MLSCORE_SPLIT_GT}, {"BRANCH_EQ", MLSCORE_SPLIT_EQ},
        {"BRANCH_NEQ", MLSCORE_SPLIT_NE},
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strlen(modes[i].name) == text->length &&
            !memcmp(modes[i].name, text->bytes, text->length)) {
            return modes[i].mode;
        }
    }
    return -2;
}

struct columns { /* the attributes of nodes, one entry a node */
    const int64_t *trees, *ids, *features, *yes, *no, *missing;
    const mlscore_text *modes;
    const double *values;
    size_t count, missing_count;
};

static mlscore_status take_columns(struct trees *trees, struct columns *out)
{
    mlscore_prepare *prepare = &trees->prepare;
    size_t counts[6];

    out->trees = mlscore_take_ints(prepare, "nodes_treeids", &out->count);
    out->ids = mlscore_take_ints(prepare, "nodes_nodeids", &counts[0]);
    out->features = mlscore_take_ints(prepare, "nodes_featureids", &counts[1]);
    out->yes = mlscore_take_ints(prepare, "nodes_truenodeids", &counts[2]);
    out->no = mlscore_take_ints(prepare, "nodes_falsenodeids", &counts[3]);
    out->modes = mlscore_take_strings(prepare, "nodes_modes", &counts[4]);
    out->values = take_numbers(trees, "nodes_values", "nodes_values_as_tensor",
                               &counts[5]);
    out->missing = mlscore_take_ints(
        prepare, "nodes_missing_value_tracks_true", &out->missing_count);
    for (int i = 0; i < 6; i++) {
        if (counts[i] != out->count) {
            return broken(trees, "the lists of nodes differ in length");
        }
    }
    if (out->missing_count && out->missing_count != out->count) {
        return broken(trees, "the lists of nodes differ in length");
    }
    return out->count > 0 && out->count < UINT32_MAX / 4
               ? MLSCORE_OK : broken(trees, "there are no nodes, or too many");
}

static mlscore_status fill_node(struct trees *trees, const struct columns *c,
                                size_t i, const struct key *keys)
{
    struct tree_node *node = &trees->nodes[i];

    node->mode = mode_of(&c->modes[i]);
    if (node->mode == -2) {
        return broken(trees, "a node has an unknown mode");
    }
    if (node->mode == MODE_LEAF) {
        return MLSCORE_OK;
    }
    if (c->features[i] < 0 || c->features[i] > 10000000) {
        return broken(trees, "a node has an impossible feature");
    }
    node->feature = (uint32_t)c->features[i];
    node->threshold = c->values[i];
    node->yes = find_key(keys, c->count, c->trees[i], c->yes[i]);
    node->no = find_key(keys, c->count, c->trees[i], c->no[i]);
    node->missing_yes = (c->missing_count && c->missing[i] != 0) ||
                        node->mode == MLSCORE_SPLIT_NE;
    if (node->yes == UINT32_MAX || node->no == UINT32_MAX) {
        return broken(trees, "a node has a child that is not there");
    }
    return MLSCORE_OK;
}

/* A root is a node that is nobody's child; trees in order of appearance. */
static mlscore_status find_roots(struct trees *trees)
{
    uint8_t *child = take(trees, trees->node_count, 1);

    trees->roots = take(trees, trees->node_count, sizeof(*trees->roots));
    if (!child || !trees->roots) {
        return trees->prepare.status;
    }
    for (size_t i = 0; i < trees->node_count; i++) {
        if (trees->nodes[i].mode != MODE_LEAF) {
            child[trees->nodes[i].yes] = child[trees->nodes[i].no] = 1;
        }
    }
    for (size_t i = 0; i < trees->node_count; i++) {
        if (!child[i]) {
            trees->roots[trees->root_count++] = (uint32_t)i;
        }
    }
    return trees->root_count ? MLSCORE_OK
                             : broken(trees, "no tree has a root");
}

/* Give each leaf its range of weights: the weights are sorted by node. */
static mlscore_status take_weights(struct trees *trees, const struct key *keys,
                                   size_t key_count, int classifier)
{
    mlscore_prepare *prepare = &trees->prepare;
    size_t count, counts[3];
    const int64_t *tree = mlscore_take_ints(
        prepare, classifier ? "class_treeids" : "target_treeids", &count);
    const int64_t *node = mlscore_take_ints(
        prepare, classifier ? "class_nodeids" : "target_nodeids", &counts[0]);
    const int64_t *ids = mlscore_take_ints(
        prepare, classifier ? "class_ids" : "target_ids", &counts[1]);
    const double *values = take_numbers(
        trees, classifier ? "class_weights" : "target_weights",
        classifier ? "class_weights_as_tensor" : "target_weights_as_tensor",
        &counts[2]);
    if (counts[0] != count || counts[1] != count || counts[2] != count ||
        count > UINT32_MAX / 4) {
        return broken(trees, "the lists of weights differ in length");
    }
    struct key *order = take(trees, count, sizeof(*order));
    trees->weights = take(trees, count, sizeof(*trees->weights));
    if (!order || !trees->weights || prepare->status) {
        return prepare->status;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t at = find_key(keys, key_count, tree[i], node[i]);

        if (at == UINT32_MAX || ids[i] < 0 ||
            (size_t)ids[i] >= trees->outputs) {
            return broken(trees, "a weight is for a leaf or an output that "
                          "is not there");
        }
        order[i] = (struct key){at, (int64_t)i, (uint32_t)i};
    }
    qsort(order, count, sizeof(*order), by_key);
    for (size_t i = 0; i < count; i++) {
        struct tree_node *leaf = &trees->nodes[order[i].tree];

        leaf->first = leaf->count ? leaf->first : (uint32_t)i;
        leaf->count++;
        trees->weights[i] = (struct weight){(uint32_t)ids[order[i].at],
                                            values[order[i].at]};
    }
    trees->weight_count = count;
    return MLSCORE_OK;
}

static mlscore_status read_listed(struct trees *trees, int classifier)
{
    static const char *const functions[] = {"SUM", "MIN", "MAX", "AVERAGE",
                                            NULL};
    struct columns columns;
    mlscore_status status = take_columns(trees, &columns);

    if (status) {
        return status;
    }
    if (!classifier) {
        const int function = mlscore_take_word(
            &trees->prepare, "aggregate_function", functions, 0);

        trees->average = function == 3;
        trees->combine = function == 3 ? 0 : function;
    }
    struct key *keys = take(trees, columns.count, sizeof(*keys));
    trees->nodes = take(trees, columns.count, sizeof(*trees->nodes));
    trees->node_count = columns.count;
    if (!keys || !trees->nodes) {
        return trees->prepare.status;
    }
    for (size_t i = 0; i < columns.count; i++) {
        keys[i] = (struct key){columns.trees[i], columns.ids[i], (uint32_t)i};
    }
    qsort(keys, columns.count, sizeof(*keys), by_key);
    for (size_t i = 0; !status && i < columns.count; i++) {
        status = fill_node(trees, &columns, i, keys);
    }
    status = status ? status : find_roots(trees);
    return status ? status
                  : take_weights(trees, keys, columns.count, classifier);
}

/* --- the operator of ai.onnx.ml 5
 * ------------------------------------------------------ */

struct positions {
    const int64_t *features, *yes, *no, *yes_leaf, *no_leaf, *missing;
    const double *splits, *modes;
    size_t count, missing_count;
};

static mlscore_status take_positions(struct trees *trees,
                                     struct positions *out)
{
    mlscore_prepare *prepare = &trees->prepare;
    size_t counts[6];

    out->features = mlscore_take_ints(prepare, "nodes_featureids",
                                      &out->count);
    out->yes = mlscore_take_ints(prepare, "nodes_truenodeids", &counts[0]);
    out->no = mlscore_take_ints(prepare, "nodes_falsenodeids", &counts[1]);
    out->yes_leaf = mlscore_take_ints(prepare, "nodes_trueleafs", &counts[2]);
    out->no_leaf = mlscore_take_ints(prepare, "nodes_falseleafs", &counts[3]);
    out->splits = take_numbers(trees, NULL, "nodes_splits", &counts[4]);
    out->modes = take_numbers(trees, NULL, "nodes_modes", &counts[5]);
    out->missing = mlscore_take_ints(
        prepare, "nodes_missing_value_tracks_true", &out->missing_count);
    for (int i = 0; i < 6; i++) {
        if (counts[i] != out->count) {
            return broken(trees, "the lists of nodes differ in length");
        }
    }
    if ((out->missing_count && out->missing_count != out->count) ||
        out->count == 0 || out->count > UINT32_MAX / 4) {
        return broken(trees, "there are no nodes, or the lists differ");
    }
    return MLSCORE_OK;
}

/* Sets follow each other in the order of the nodes that use them, each ended
 * by NaN. */
static mlscore_status take_membership(struct trees *trees,
                                      const struct positions *p)
{
    size_t count, at = 0, kept = 0;
    const double *values = take_numbers(trees, NULL, "membership_values",
                                        &count);

    trees->set_features = take(trees, p->count, sizeof(int64_t));
    trees->set_starts = take(trees, p->count + 1, sizeof(int64_t));
    trees->set_values = take(trees, count, sizeof(double));
    if (trees->prepare.status) {
        return trees->prepare.status;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (trees->nodes[i].mode != MODE_MEMBER) {
            continue;
        }
        trees->nodes[i].set = (uint32_t)trees->set_count;
        trees->set_features[trees->set_count++] = trees->nodes[i].feature;
        while (at < count && !isnan(values[at])) {
            trees->set_values[kept++] = values[at++];
        }
        at++;
        trees->set_starts[trees->set_count] = (int64_t)kept;
    }
    return at <= count || trees->set_count == 0
               ? MLSCORE_OK : broken(trees, "there are fewer sets than nodes "
                                     "that use them");
}

static mlscore_status fill_position(struct trees *trees,
                                    const struct positions *p, size_t i,
                                    size_t leaves)
{
    static const int modes[] = {MLSCORE_SPLIT_LE, MLSCORE_SPLIT_LT,
                                MLSCORE_SPLIT_GE, MLSCORE_SPLIT_GT,
                                MLSCORE_SPLIT_EQ, MLSCORE_SPLIT_NE,
                                MODE_MEMBER};
    struct tree_node *node = &trees->nodes[i];
    const size_t yes_most = p->yes_leaf[i] ? leaves : p->count;
    const size_t no_most = p->no_leaf[i] ? leaves : p->count;

    if (!(p->modes[i] >= 0 && p->modes[i] <= 6) || p->features[i] < 0 ||
        p->features[i] > 10000000 || p->yes[i] < 0 || p->no[i] < 0 ||
        (size_t)p->yes[i] >= yes_most || (size_t)p->no[i] >= no_most) {
        return broken(trees, "a node has an impossible mode, feature or "
                      "child");
    }
    node->mode = modes[(int)p->modes[i]];
    node->feature = (uint32_t)p->features[i];
    node->threshold = p->splits[i];
    node->yes =
        (uint32_t)(p->yes[i] + (p->yes_leaf[i] ? (int64_t)p->count : 0));
    node->no = (uint32_t)(p->no[i] + (p->no_leaf[i] ? (int64_t)p->count : 0));
    node->missing_yes = (p->missing_count && p->missing[i] != 0) ||
                        node->mode == MLSCORE_SPLIT_NE;
    return MLSCORE_OK;
}

static mlscore_status read_positions(struct trees *trees)
{
    static const int functions[4] = {3, 0, 1, 2}; /* average, sum, min, max */
    mlscore_prepare *prepare = &trees->prepare;
    struct positions p;
    size_t leaves, values_count, roots;
    mlscore_status status = take_positions(trees, &p);
    const int64_t *ids = mlscore_take_ints(prepare, "leaf_targetids", &leaves);
    const double *values = take_numbers(trees, NULL, "leaf_weights",
                                        &values_count);
    const int64_t *starts = mlscore_take_ints(prepare, "tree_roots", &roots);
    const int64_t aggregate = mlscore_take_int(prepare, "aggregate_function",
                                               1);

    if (status || leaves != values_count || leaves > UINT32_MAX / 4 ||
        aggregate < 0 || aggregate > 3) {
        return status ? status
                      : broken(trees, "leaves or the aggregate function are "
                               "impossible");
    }
    trees->average = functions[aggregate] == 3;
    trees->combine = trees->average ? 0 : functions[aggregate];
    trees->node_count = p.count + leaves;
    trees->nodes = take(trees, trees->node_count, sizeof(*trees->nodes));
    trees->weights = take(trees, leaves, sizeof(*trees->weights));
    trees->roots = take(trees, roots, sizeof(*trees->roots));
    trees->weight_count = leaves;
    trees->root_count = roots;
    if (prepare->status) {
        return prepare->status;
    }
    for (size_t i = 0; !status && i < p.count; i++) {
        status = fill_position(trees, &p, i, leaves);
    }
    for (size_t i = 0; !status && i < leaves; i++) {
        trees->nodes[p.count + i] = (struct tree_node){
            .mode = MODE_LEAF, .first = (uint32_t)i, .count = 1};
        trees->weights[i] = (struct weight){(uint32_t)ids[i], values[i]};
        if (ids[i] < 0 || (size_t)ids[i] >= trees->outputs) {
            status = broken(trees, "a leaf is for a target that is not there");
        }
    }
    for (size_t i = 0; !status && i < roots; i++) {
        trees->roots[i] = (uint32_t)starts[i];
        if (starts[i] < 0 || (size_t)starts[i] >= p.count) {
            status = broken(trees, "a tree has an impossible root");
        }
    }
    return status ? status : take_membership(trees, &p);
}

/* --- packing
 * ---------------------------------------------------------------------------
 */

static mlscore_status add_node(struct trees *trees,
                               mlscore_forest_builder *builder,
                               const struct tree_node *node, uint32_t number,
                               uint32_t yes, uint32_t no, uint32_t features)
{
    const int single = trees->input != MLSCORE_DT_DOUBLE;
    const double threshold = single ? (float)node->threshold : node->threshold;

    if (node->mode == MODE_MEMBER) {
        return mlscore_forest_split(builder, number, features + node->set,
                                    MLSCORE_SPLIT_GT, 0.5, yes, no,
                                    node->missing_yes, trees->prepare.err);
    }
    return mlscore_forest_split(builder, number, node->feature,
                                (mlscore_split)node->mode, threshold, yes, no,
                                node->missing_yes, trees->prepare.err);
}

static mlscore_status add_leaf(struct trees *trees,
                               mlscore_forest_builder *builder,
                               const struct tree_node *node, uint32_t number,
                               uint32_t *outputs, double *values)
{
    for (uint32_t i = 0; i < node->count; i++) {
        outputs[i] = trees->weights[node->first + i].output;
        values[i] = trees->weights[node->first + i].value;
    }
    return mlscore_forest_leaf(builder, number, outputs, values, node->count,
                               trees->prepare.err);
}

struct visit {
    uint32_t node, number;
};

/* Number a tree's nodes in the order of their visit; the root is 0. Returns
 * how many there are, 0 when they are more than a tree can have. */
static uint32_t number_tree(const struct trees *trees, uint32_t root,
                            struct visit *visits, uint32_t *numbers,
                            size_t limit)
{
    uint32_t count = 1;

    visits[0] = (struct visit){root, 0};
    for (uint32_t i = 0; i < count; i++) {
        const struct tree_node *node = &trees->nodes[visits[i].node];

        if (node->mode == MODE_LEAF) {
            continue;
        }
        if (count + 2 > limit) {
            return 0;
        }
        numbers[2 * i] = count;
        visits[count] = (struct visit){node->yes, count};
        count++;
        numbers[2 * i + 1] = count;
        visits[count] = (struct visit){node->no, count};
        count++;
    }
    return count;
}

static mlscore_status add_tree(struct trees *trees,
                               mlscore_forest_builder *builder, uint32_t root,
                               struct visit *visits, uint32_t *numbers,
                               uint32_t *outputs, double *values,
                               uint32_t features)
{
    const size_t limit = 2 * trees->node_count + 2;
    const uint32_t count = number_tree(trees, root, visits, numbers, limit);

    if (count == 0) {
        return broken(trees, "a tree is not a tree");
    }
    mlscore_status status = mlscore_forest_tree(builder, count,
                                                trees->prepare.err);
    for (uint32_t i = 0; !status && i < count; i++) {
        const struct tree_node *node = &trees->nodes[visits[i].node];

        status = node->mode == MODE_LEAF
                     ? add_leaf(trees, builder, node, i, outputs, values)
                     : add_node(trees, builder, node, i, numbers[2 * i],
                                numbers[2 * i + 1], features);
    }
    return status;
}

static mlscore_status pack(struct trees *trees, uint32_t features,
                           void **bytes, size_t *size)
{
    const mlscore_forest_options options = {
        .feature_count = features + (uint32_t)trees->set_count,
        .output_count = (uint32_t)trees->outputs,
        .number = trees->input == MLSCORE_DT_DOUBLE ? MLSCORE_FOREST_DOUBLE
                                                    : MLSCORE_FOREST_FLOAT,
        .sum = trees->input == MLSCORE_DT_DOUBLE ? MLSCORE_FOREST_SUM_DOUBLE
                                                 : MLSCORE_FOREST_SUM_FLOAT,
        .combine = trees->combine,
    };
    const size_t limit = 2 * trees->node_count + 2;
    mlscore_forest_builder *builder = NULL;
    struct visit *visits = mlscore_malloc_array(limit, sizeof(*visits));
    uint32_t *numbers = mlscore_malloc_array(limit, 2 * sizeof(*numbers));
    uint32_t *outputs = mlscore_malloc_array(trees->weight_count + 1,
                                             sizeof(*outputs));
    double *values = mlscore_malloc_array(trees->weight_count + 1,
                                          sizeof(*values));
    mlscore_status status = MLSCORE_OK;

    if (!visits || !numbers || !outputs || !values) {
        status = mlscore_prepare_fail(&trees->prepare, MLSCORE_ENOMEM,
                                      "out of memory");
    }
    status = status ? status
                    : mlscore_forest_builder_create(&builder, &options,
                                                    trees->prepare.err);
    for (size_t i = 0; !status && i < trees->root_count; i++) {
        status = add_tree(trees, builder, trees->roots[i], visits, numbers,
                          outputs, values, features);
    }
    status = status ? status
                    : mlscore_forest_builder_finish(builder, bytes, size,
                                                    trees->prepare.err);
    mlscore_forest_builder_free(builder);
    mlscore_free(visits);
    mlscore_free(numbers);
    mlscore_free(outputs);
    mlscore_free(values);
    return status;
}

/* --- the new node
 * -----------------------------------------------------------------------------
 */

struct attrs {
    struct trees *trees;
    mlscore_attr *list;
    uint32_t count;
};

static void put_int(struct attrs *attrs, const char *name, int64_t value)
{
    int64_t *copy = take(attrs->trees, 1, sizeof(*copy));

    if (copy) {
        *copy = value;
        attrs->list[attrs->count++] = (mlscore_attr){
            .name = name, .kind = MLSCORE_ATTR_INT, .count = 1,
            .of.ints = copy};
    }
}

static void put_ints(struct attrs *attrs, const char *name,
                     const int64_t *values, size_t count)
{
    attrs->list[attrs->count++] = (mlscore_attr){
        .name = name, .kind = MLSCORE_ATTR_INTS, .count = (uint32_t)count,
        .of.ints = values};
}

static void put_tensor(struct attrs *attrs, const char *name,
                       mlscore_dtype type, const void *data, size_t count)
{
    mlscore_tensor *tensor = take(attrs->trees, 1, sizeof(*tensor));

    if (tensor) {
        *tensor = (mlscore_tensor){.type = type, .rank = 1,
                                   .dims = {(int64_t)count},
                                   .data = (void *)(uintptr_t)data};
        attrs->list[attrs->count++] = (mlscore_attr){
            .name = name, .kind = MLSCORE_ATTR_TENSOR, .count = 1,
            .of.tensor = tensor};
    }
}

/* post_transform is a word, or a number in the operator of 5. */
static void put_post(struct attrs *attrs, int by_number)
{
    static const char *const words[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                        "SOFTMAX_ZERO", "PROBIT"};
    mlscore_prepare *prepare = &attrs->trees->prepare;
    mlscore_text *text = take(attrs->trees, 1, sizeof(*text));

    if (!text) {
        return;
    }
    if (by_number) {
        const int64_t number = mlscore_take_int(prepare, "post_transform", 0);

        if (number < 0 || number > 4) {
            broken(attrs->trees, "'post_transform' is impossible");
            return;
        }
        *text = (mlscore_text){words[number], (uint32_t)strlen(words[number]),
                               -1};
    }
    else {
        *text = mlscore_take_string(prepare, "post_transform", "NONE");
    }
    attrs->list[attrs->count++] = (mlscore_attr){
        .name = "post_transform", .kind = MLSCORE_ATTR_STRING, .count = 1,
        .of.strings = text};
}

/* Is there one class only that any leaf has weights for? */
static void put_classes(struct attrs *attrs, const mlscore_labels *labels)
{
    const struct trees *trees = attrs->trees;
    int64_t only = trees->weight_count ? trees->weights[0].output : 0;
    int positive = 1;

    for (size_t i = 0; i < trees->weight_count; i++) {
        only = trees->weights[i].output == only ? only : -1;
        positive &= trees->weights[i].value >= 0;
    }
    put_int(attrs, "classifier", 1);
    put_int(attrs, "only_class", only);
    put_int(attrs, "all_positive", positive);
    if (labels->type == MLSCORE_DT_STRING) {
        attrs->list[attrs->count++] = (mlscore_attr){
            .name = "labels", .kind = MLSCORE_ATTR_STRINGS,
            .count = (uint32_t)labels->count, .of.strings = labels->texts};
    }
    else {
        put_ints(attrs, "label_numbers", labels->ints, labels->count);
    }
}

static mlscore_status replace(struct trees *trees, mlscore_graph *graph,
                              const void *bytes, size_t size)
{
    mlscore_node *node = trees->prepare.node;
    const mlscore_tree_shape *shape = node->state;
    const int kind = node->kind->detail;
    struct attrs attrs = {trees, take(trees, 16, sizeof(mlscore_attr)), 0};
    size_t base_count;
    const double *base = take_numbers(trees, "base_values",
                                      "base_values_as_tensor", &base_count);
    void *copy = take(trees, size + 64, 1);

    if (trees->prepare.status) {
        return trees->prepare.status;
    }
    copy = (void *)(((uintptr_t)copy + 63) & ~(uintptr_t)63);
    memcpy(copy, bytes, size);
    put_tensor(&attrs, "forest", MLSCORE_DT_UINT8, copy, size);
    put_int(&attrs, "outputs", (int64_t)trees->outputs);
    put_int(&attrs, "type",
            kind == 2 && trees->input == MLSCORE_DT_DOUBLE ? MLSCORE_DT_DOUBLE
                                                           : MLSCORE_DT_FLOAT);
    put_int(&attrs, "divisor",
            trees->average ? (int64_t)trees->root_count : 1);
    put_post(&attrs, kind == 2);
    if (base_count) {
        put_tensor(&attrs, "base", MLSCORE_DT_DOUBLE, base, base_count);
    }
    if (kind == 1) {
        put_classes(&attrs, &shape->labels);
    }
    if (trees->set_count) {
        put_ints(&attrs, "set_features", trees->set_features,
                 trees->set_count);
        put_ints(&attrs, "set_starts", trees->set_starts,
                 trees->set_count + 1);
        put_tensor(&attrs, "set_values", MLSCORE_DT_DOUBLE, trees->set_values,
                   (size_t)trees->set_starts[trees->set_count]);
    }
    if (!trees->prepare.status) {
        node->domain = "mlscore";
        node->op = "Forest";
        node->version = 1;
        node->attrs = attrs.list;
        node->attr_count = attrs.count;
        node->kind = NULL;
        node->state = NULL;
    }
    return trees->prepare.status;
}

/* The forest takes rows as wide as the input when that is known. */
static uint32_t feature_count(const struct trees *trees,
                              const mlscore_tensor *in)
{
    uint32_t most = 1;

    for (size_t i = 0; i < trees->node_count; i++) {
        if (trees->nodes[i].mode != MODE_LEAF &&
            trees->nodes[i].feature >= most) {
            most = trees->nodes[i].feature + 1;
        }
    }
    if (in->rank > 0 && in->dims[in->rank - 1] > most &&
        in->dims[in->rank - 1] < 1000000) {
        most = (uint32_t)in->dims[in->rank - 1];
    }
    return most;
}

static mlscore_status pack_node(mlscore_graph *graph, mlscore_node *node,
                                mlscore_error *err)
{
    const mlscore_tensor *in = &graph->values[node->inputs[0]].tensor;
    const mlscore_tree_shape *shape = node->state;
    struct trees trees = {
        .prepare = {.graph = graph, .node = node, .err = err},
        .input = in->type == MLSCORE_DT_DOUBLE ? MLSCORE_DT_DOUBLE
                                               : MLSCORE_DT_FLOAT,
        .outputs = (size_t)shape->outputs,
    };
    void *bytes = NULL;
    size_t size = 0;
    mlscore_status status = node->kind->detail == 2
                                ? read_positions(&trees)
                                : read_listed(&trees, node->kind->detail);

    status = status ? status : trees.prepare.status;
    status = status ? status
                    : pack(&trees, feature_count(&trees, in), &bytes, &size);
    status = status ? status : replace(&trees, graph, bytes, size);
    free(bytes);
    return status;
}

mlscore_status mlscore_onnx_pack_trees(mlscore_graph *graph,
                                       mlscore_error *err)
{
    mlscore_status status = MLSCORE_OK;

    for (uint32_t i = 0; !status && i < graph->node_count; i++) {
        mlscore_node *node = &graph->nodes[i];

        if (!strcmp(node->domain, "ai.onnx.ml") &&
            !strncmp(node->op, "TreeEnsemble", 12)) {
            status = pack_node(graph, node, err);
        }
    }
    return status;
}
