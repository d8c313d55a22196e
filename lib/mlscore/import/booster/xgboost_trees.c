/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XGBoost's trees: parallel arrays, one element a node. Nodes that pruning
 * left behind are not reached from the root and are left out.
 */

#include <string.h>

#include "base/alloc.h"
#include "import/booster/xgboost.h"

enum {
    LEFT = 0,
    RIGHT,
    FEATURE,
    CONDITION,
    DEFAULT_LEFT,
    SPLIT_TYPE,
    CATEGORIES,
    CATEGORY_NODES,
    CATEGORY_SEGMENTS,
    CATEGORY_SIZES,
    BASE_WEIGHTS,
    LEAF_WEIGHTS,
    ARRAYS
};

static const struct {
    const char *name;
    doc_number_kind kind;
} array_kinds[ARRAYS] = {
    {"left_children", DOC_INT32},      {"right_children", DOC_INT32},
    {"split_indices", DOC_INT32},      {"split_conditions", DOC_FLOAT},
    {"default_left", DOC_INT32},       {"split_type", DOC_INT32},
    {"categories", DOC_INT32},         {"categories_nodes", DOC_INT32},
    {"categories_segments", DOC_INT32}, {"categories_sizes", DOC_INT32},
    {"base_weights", DOC_FLOAT},       {"leaf_weights", DOC_FLOAT},
};

typedef struct tree_reader {
    xgboost_document *document;
    doc_reader reader;
    doc_numbers arrays[ARRAYS]; /* of the current tree */
    uint32_t vector;            /* values of a leaf */
    size_t number;              /* of the tree, from 0 */
    size_t nodes_left;          /* of what the limits allow */
    const float *base;

    uint32_t *order;    /* new number -> node */
    uint32_t *position; /* node -> 1 + new number, 0 when not reached */
    size_t node_capacity;
    uint32_t *set; /* bits of one split's categories */
    size_t set_capacity;
    uint32_t *outputs; /* 0, 1, 2 ... */
    double *values;
} tree_reader;

static mlscore_status bad_tree(const tree_reader *r, const char *what)
{
    return doc_error(&r->reader, MLSCORE_EFORMAT, "tree %zu: %s", r->number,
                     what);
}

/* --- reading the arrays -----------------------------------------------------
 */

static mlscore_status read_tree_param(tree_reader *r)
{
    mlscore_status status = doc_expect(&r->reader, DOC_OBJECT, "tree_param");

    while (status == MLSCORE_OK) {
        status = doc_next(&r->reader);
        if (status != MLSCORE_OK || r->reader.event == DOC_OBJECT_END) {
            break;
        }
        if (!doc_text_is(&r->reader, "size_leaf_vector")) {
            status = doc_skip_value(&r->reader);
            continue;
        }
        status = doc_expect(&r->reader, DOC_STRING, "size_leaf_vector");
        r->vector = 0;
        for (size_t i = 0; status == MLSCORE_OK && i < r->reader.text_length;
             i++) {
            const char c = r->reader.text[i];

            if (c < '0' || c > '9' || r->vector > 1u << 20) {
                return bad_tree(r, "size_leaf_vector is not a count");
            }
            r->vector = 10 * r->vector + (uint32_t)(c - '0');
        }
    }
    return status;
}

static mlscore_status read_arrays(tree_reader *r)
{
    mlscore_status status = MLSCORE_OK;

    r->vector = 1;
    for (int i = 0; i < ARRAYS; i++) {
        r->arrays[i].count = 0;
    }
    if (r->reader.event != DOC_OBJECT) {
        return bad_tree(r, "an object is expected");
    }
    while (status == MLSCORE_OK) {
        status = doc_next(&r->reader);
        if (status != MLSCORE_OK || r->reader.event == DOC_OBJECT_END) {
            break;
        }
        int which = 0;

        while (which < ARRAYS &&
               !doc_text_is(&r->reader, array_kinds[which].name)) {
            which++;
        }
        if (which < ARRAYS) {
            status = doc_expect(&r->reader, DOC_ARRAY,
                                array_kinds[which].name);
            if (status == MLSCORE_OK) {
                status = doc_read_numbers(&r->reader, &r->arrays[which]);
            }
        }
        else if (doc_text_is(&r->reader, "tree_param")) {
            status = read_tree_param(r);
        }
        else {
            status = doc_skip_value(&r->reader);
        }
    }
    r->vector = r->vector ? r->vector : 1;
    return status;
}

static mlscore_status check_arrays(tree_reader *r)
{
    const size_t nodes = r->arrays[LEFT].count;

    if (nodes == 0) {
        return bad_tree(r, "it has no nodes");
    }
    for (int i = RIGHT; i <= DEFAULT_LEFT; i++) {
        if (r->arrays[i].count != nodes) {
            return doc_error(&r->reader, MLSCORE_EFORMAT,
                             "tree %zu: \"%s\" has %zu elements, "
                             "\"left_children\" has %zu", r->number,
                             array_kinds[i].name, r->arrays[i].count, nodes);
        }
    }
    if (r->arrays[SPLIT_TYPE].count && r->arrays[SPLIT_TYPE].count != nodes) {
        return bad_tree(r, "\"split_type\" is not as long as the tree");
    }
    if (r->arrays[CATEGORY_NODES].count != r->arrays[CATEGORY_SIZES].count ||
        r->arrays[CATEGORY_NODES].count !=
            r->arrays[CATEGORY_SEGMENTS].count) {
        return bad_tree(r, "its lists of categories differ in length");
    }
    if (nodes > r->nodes_left) {
        return doc_error(&r->reader, MLSCORE_ELIMIT,
                         "the model has more than %zu nodes",
                         r->document->model->options->max_nodes);
    }
    r->nodes_left -= nodes;
    return MLSCORE_OK;
}

/* --- numbering the nodes -----------------------------------------------------
 */

/* Breadth-first from the root; a node that is reached twice or lies outside is
 * refused. */
static mlscore_status number_nodes(tree_reader *r, uint32_t *count)
{
    const size_t nodes = r->arrays[LEFT].count;

    while (r->node_capacity < nodes) {
        size_t other = r->node_capacity;

        if (mlscore_grow(&r->order, &other, other, sizeof(*r->order)) ||
            mlscore_grow(&r->position, &r->node_capacity, r->node_capacity,
                         sizeof(*r->position))) {
            return booster_no_memory(r->document->err);
        }
    }
    memset(r->position, 0, nodes * sizeof(*r->position));
    r->order[0] = 0;
    r->position[0] = 1;
    *count = 1;
    for (uint32_t i = 0; i < *count; i++) {
        const uint32_t node = r->order[i];
        const int32_t children[2] = {r->arrays[LEFT].values.i[node],
                                     r->arrays[RIGHT].values.i[node]};

        for (int c = 0; children[0] != -1 && c < 2; c++) {
            if (children[c] < 0 || (size_t)children[c] >= nodes) {
                return doc_error(&r->reader, MLSCORE_EFORMAT,
                                 "tree %zu, node %u: child %d is not one of "
                                 "its %zu nodes", r->number, node, children[c],
                                 nodes);
            }
            if (r->position[children[c]]) {
                return doc_error(&r->reader, MLSCORE_EFORMAT,
                                 "tree %zu: node %d has two parents",
                                 r->number, children[c]);
            }
            r->order[*count] = (uint32_t)children[c];
            r->position[children[c]] = ++*count;
        }
    }
    return MLSCORE_OK;
}

/* --- nodes into the forest
 * ---------------------------------------------------- */

/* The categories of a node as a set, through `which`, its place in the lists.
 */
static mlscore_status make_set(tree_reader *r, size_t which, size_t *bits)
{
    const doc_numbers *categories = &r->arrays[CATEGORIES];
    const uint32_t start =
        (uint32_t)r->arrays[CATEGORY_SEGMENTS].values.i[which];
    const uint32_t size = (uint32_t)r->arrays[CATEGORY_SIZES].values.i[which];
    int32_t largest = -1;

    if (start > categories->count || size > categories->count - start) {
        return bad_tree(r, "a split's categories lie outside their list");
    }
    for (uint32_t i = start; i < start + size; i++) {
        const int32_t category = categories->values.i[i];

        if (category < 0 || category >= 1 << 24) {
            return bad_tree(r, "a category is not between 0 and 2^24");
        }
        largest = category > largest ? category : largest;
    }
    *bits = (size_t)(largest + 1);
    const size_t words = (*bits + 31) / 32;

    while (r->set_capacity < words) {
        if (mlscore_grow(&r->set, &r->set_capacity, r->set_capacity,
                         sizeof(*r->set))) {
            return booster_no_memory(r->document->err);
        }
    }
    if (words) {
        memset(r->set, 0, words * sizeof(*r->set));
    }
    for (uint32_t i = start; i < start + size; i++) {
        const int32_t category = categories->values.i[i];

        r->set[category / 32] |= 1u << category % 32;
    }
    return MLSCORE_OK;
}

/* Listed categories go to the right; everything else, also what is no
 * category, to the left. */
static mlscore_status add_category_split(tree_reader *r, uint32_t number,
                                         uint32_t node, uint32_t left,
                                         uint32_t right)
{
    const doc_numbers *nodes = &r->arrays[CATEGORY_NODES];
    size_t low = 0;
    size_t high = nodes->count;
    size_t bits = 0;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if ((uint32_t)nodes->values.i[middle] < node) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    if (low == nodes->count || (uint32_t)nodes->values.i[low] != node) {
        return bad_tree(r, "a split by category has no categories");
    }
    const mlscore_status status = make_set(r, low, &bits);

    if (status != MLSCORE_OK) {
        return status;
    }
    return mlscore_forest_split_set(
        r->document->model->forest, number,
        (uint32_t)r->arrays[FEATURE].values.i[node], r->set, bits, right, left,
        !r->arrays[DEFAULT_LEFT].values.i[node], r->document->err);
}

static mlscore_status add_split(tree_reader *r, uint32_t number, uint32_t node)
{
    const uint32_t left =
        r->position[r->arrays[LEFT].values.i[node]] - 1;
    const uint32_t right =
        r->position[r->arrays[RIGHT].values.i[node]] - 1;

    if (r->arrays[SPLIT_TYPE].count && r->arrays[SPLIT_TYPE].values.i[node]) {
        return add_category_split(r, number, node, left, right);
    }
    return mlscore_forest_split(
        r->document->model->forest, number,
        (uint32_t)r->arrays[FEATURE].values.i[node], MLSCORE_SPLIT_LT,
        r->arrays[CONDITION].values.f[node], left, right,
        r->arrays[DEFAULT_LEFT].values.i[node], r->document->err);
}

/* A dart tree counts by its weight. */
static float weigh(const tree_reader *r, float value)
{
    if (r->document->booster != XGBOOST_DART) {
        return value;
    }
    return value * r->document->tree_weights.values.f[r->number];
}

static mlscore_status add_leaf(tree_reader *r, uint32_t number, uint32_t node)
{
    mlscore_forest_builder *forest = r->document->model->forest;

    if (r->vector == 1) {
        const uint32_t output =
            r->document->tree_outputs.count
                ? (uint32_t)r->document->tree_outputs.values.i[r->number]
                : 0;

        if (output >= r->document->model->output_count) {
            return bad_tree(r, "\"tree_info\" names an output that is not "
                               "there");
        }
        const double value = weigh(r, r->arrays[CONDITION].values.f[node]);

        return mlscore_forest_leaf(forest, number, &output, &value, 1,
                                   r->document->err);
    }
    /* Since 3.1 leaves have numbers, in place of a right child; before, a
     * vector for every node. */
    const int own = r->arrays[LEAF_WEIGHTS].count > 0;
    const doc_numbers *weights =
        &r->arrays[own ? LEAF_WEIGHTS : BASE_WEIGHTS];
    const size_t which =
        own ? (uint32_t)r->arrays[RIGHT].values.i[node] : node;

    if (which >= weights->count / r->vector) {
        return bad_tree(r, "a leaf's values lie outside their list");
    }
    for (uint32_t k = 0; k < r->vector; k++) {
        r->values[k] =
            weigh(r, weights->values.f[which * r->vector + k]);
    }
    return mlscore_forest_leaf(forest, number, r->outputs, r->values,
                               r->vector, r->document->err);
}

static mlscore_status add_tree(tree_reader *r)
{
    uint32_t count = 0;
    mlscore_status status = check_arrays(r);

    if (status == MLSCORE_OK && r->vector > 1 &&
        r->vector != r->document->model->output_count) {
        status = bad_tree(r, "its leaves have not one value an output");
    }
    if (status == MLSCORE_OK) {
        status = number_nodes(r, &count);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_forest_tree(r->document->model->forest, count,
                                     r->document->err);
    }
    for (uint32_t i = 0; status == MLSCORE_OK && i < count; i++) {
        const uint32_t node = r->order[i];

        status = r->arrays[LEFT].values.i[node] == -1 ? add_leaf(r, i, node)
                                                      : add_split(r, i, node);
    }
    return status;
}

/* XGBoost starts a row's sums with the base score and adds the trees: a tree
 * of one leaf does that. Early releases added it in the end. */
static int base_comes_last(const xgboost_document *document)
{
    const int minor = document->booster == XGBOOST_DART ? 4 : 3;

    return document->version[0] < 1 ||
           (document->version[0] == 1 && document->version[1] < minor);
}

static mlscore_status add_base(tree_reader *r)
{
    booster_model *model = r->document->model;
    mlscore_status status =
        mlscore_forest_tree(model->forest, 1, r->document->err);

    for (uint32_t k = 0; k < model->output_count; k++) {
        r->outputs[k] = k;
        r->values[k] = r->base[k];
    }
    if (status == MLSCORE_OK) {
        status = mlscore_forest_leaf(model->forest, 0, r->outputs, r->values,
                                     model->output_count, r->document->err);
    }
    return status;
}

static mlscore_status read_all(tree_reader *r)
{
    const xgboost_document *document = r->document;
    const int base_last = base_comes_last(document);
    mlscore_status status = base_last ? MLSCORE_OK : add_base(r);

    if (status == MLSCORE_OK) {
        status = doc_expect(&r->reader, DOC_ARRAY, "trees");
    }
    while (status == MLSCORE_OK) {
        status = doc_next(&r->reader);
        if (status != MLSCORE_OK || r->reader.event == DOC_ARRAY_END) {
            break;
        }
        if ((document->tree_outputs.count &&
             r->number >= document->tree_outputs.count) ||
            (document->booster == XGBOOST_DART &&
             r->number >= document->tree_weights.count)) {
            return bad_tree(r, "\"tree_info\" or \"weight_drop\" has fewer "
                               "elements than there are trees");
        }
        status = read_arrays(r);
        if (status == MLSCORE_OK) {
            status = add_tree(r);
        }
        r->number++;
    }
    if (status == MLSCORE_OK && base_last) {
        status = add_base(r);
    }
    return status;
}

mlscore_status xgboost_read_trees(xgboost_document *document,
                                  const float *base)
{
    booster_model *model = document->model;
    tree_reader r = {.document = document,
                     .base = base,
                     .nodes_left = model->options->max_nodes};
    mlscore_status status;

    for (int i = 0; i < ARRAYS; i++) {
        r.arrays[i].kind = array_kinds[i].kind;
        r.arrays[i].maximum = model->options->max_nodes;
    }
    r.outputs = mlscore_malloc_array(model->output_count, sizeof(*r.outputs));
    r.values = mlscore_malloc_array(model->output_count, sizeof(*r.values));
    xgboost_reader(document, &r.reader, document->trees_at);
    status = r.outputs && r.values ? read_all(&r)
                                   : booster_no_memory(document->err);
    model->tree_count = (uint32_t)r.number;
    for (int i = 0; i < ARRAYS; i++) {
        doc_numbers_free(&r.arrays[i]);
    }
    doc_close(&r.reader);
    mlscore_free(r.order);
    mlscore_free(r.position);
    mlscore_free(r.set);
    mlscore_free(r.outputs);
    mlscore_free(r.values);
    return status;
}
