/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LightGBM's trees. Inner nodes are numbered from 0, leaves are the negative
 * children ~0, ~1 ...; in the forest leaf i is node inner_count + i.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/lightgbm.h"

enum {
    SPLIT_FEATURE = 0,
    THRESHOLD,
    DECISION_TYPE,
    LEFT_CHILD,
    RIGHT_CHILD,
    LEAF_VALUE,
    CAT_BOUNDARIES,
    CAT_THRESHOLD,
    LEAF_CONST,
    NUM_FEATURES,
    LEAF_FEATURES,
    LEAF_COEFF,
    ARRAYS
};

static const char *const array_names[ARRAYS] = {
    "split_feature", "threshold",     "decision_type", "left_child",
    "right_child",   "leaf_value",    "cat_boundaries", "cat_threshold",
    "leaf_const",    "num_features",  "leaf_features", "leaf_coeff"};

typedef struct tree_reader {
    lightgbm_model *lightgbm;
    lightgbm_text text;
    lightgbm_numbers arrays[ARRAYS];
    uint32_t leaf_count;
    uint32_t is_linear;
    uint32_t number;    /* of the tree */
    size_t nodes_left;  /* of what the limits allow */
    uint32_t *set;
    size_t set_capacity;
} tree_reader;

/* Bits of decision_type. */
static int is_category(uint32_t decision)
{
    return decision & 1;
}

static int default_left(uint32_t decision)
{
    return decision & 2;
}

static booster_use use_of(uint32_t decision)
{
    static const booster_use uses[4] = {
        BOOSTER_USE_MISSING_ZERO, BOOSTER_USE_ZERO_MISSING, BOOSTER_USE_VALUE,
        BOOSTER_USE_VALUE};

    return is_category(decision) ? BOOSTER_USE_CATEGORY
                                 : uses[decision >> 2 & 3];
}

/* --- reading the lines of a tree ---------------------------------------------
 */

/* A tree's lines end at an empty one. `wanted` is a set of arrays. */
static mlscore_status read_block(tree_reader *r, uint32_t wanted)
{
    lightgbm_line line;
    mlscore_status status = MLSCORE_OK;

    r->leaf_count = 0;
    r->is_linear = 0;
    for (int i = 0; i < ARRAYS; i++) {
        r->arrays[i].count = 0;
    }
    while (status == MLSCORE_OK && lightgbm_next_line(&r->text, &line) &&
           line.key_length > 0) {
        if (lightgbm_key_is(&line, "num_leaves")) {
            status = lightgbm_read_count(&r->text, &line, 1u << 29,
                                         &r->leaf_count);
            continue;
        }
        if (lightgbm_key_is(&line, "is_linear")) {
            status = lightgbm_read_count(&r->text, &line, 1, &r->is_linear);
            continue;
        }
        for (int i = 0; i < ARRAYS; i++) {
            if (wanted >> i & 1 && lightgbm_key_is(&line, array_names[i])) {
                status = lightgbm_read_numbers(&r->text, &line, &r->arrays[i]);
            }
        }
    }
    if (status == MLSCORE_OK && r->leaf_count == 0) {
        status = lightgbm_error(&r->text, MLSCORE_EFORMAT,
                                "tree %u has no num_leaves", r->number);
    }
    return status;
}

/* Moves to the next "Tree=" line; 0 when there are no more. */
static int next_tree(tree_reader *r)
{
    lightgbm_line line;

    while (lightgbm_next_line(&r->text, &line)) {
        if (lightgbm_key_is(&line, "Tree")) {
            return 1;
        }
        if (lightgbm_key_is(&line, "end of trees")) {
            return 0;
        }
    }
    return 0;
}

static mlscore_status check_length(const tree_reader *r, int which,
                                   size_t expected)
{
    if (r->arrays[which].count == expected) {
        return MLSCORE_OK;
    }
    return lightgbm_error(&r->text, MLSCORE_EFORMAT,
                          "tree %u: \"%s\" has %zu elements, %zu are expected",
                          r->number, array_names[which],
                          r->arrays[which].count, expected);
}

/* Is every element of an array a whole number in [low, high]? */
static mlscore_status check_whole(const tree_reader *r, int which, double low,
                                  double high)
{
    const lightgbm_numbers *numbers = &r->arrays[which];

    for (size_t i = 0; i < numbers->count; i++) {
        const double value = numbers->values[i];

        if (!(value >= low && value <= high) ||
            value != (double)(int64_t)value) {
            return lightgbm_error(
                &r->text, MLSCORE_EFORMAT,
                "tree %u: element %zu of \"%s\" is not a whole number from "
                "%.0f to %.0f", r->number, i, array_names[which], low, high);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status check_splits(const tree_reader *r)
{
    const size_t inner = r->leaf_count - 1;
    mlscore_status status = check_length(r, SPLIT_FEATURE, inner);

    if (status == MLSCORE_OK) {
        status = check_length(r, DECISION_TYPE, inner);
    }
    if (status == MLSCORE_OK) {
        status = check_whole(r, SPLIT_FEATURE, 0,
                             (double)r->lightgbm->column_count - 1);
    }
    if (status == MLSCORE_OK) {
        status = check_whole(r, DECISION_TYPE, 0, 15);
    }
    return status;
}

static mlscore_status check_tree(tree_reader *r)
{
    const double inner = (double)r->leaf_count - 1;
    mlscore_status status = check_splits(r);

    for (int i = THRESHOLD; i <= RIGHT_CHILD && status == MLSCORE_OK; i++) {
        status = check_length(r, i, r->leaf_count - 1);
    }
    if (status == MLSCORE_OK) {
        status = check_length(r, LEAF_VALUE, r->leaf_count);
    }
    for (int i = LEFT_CHILD; i <= RIGHT_CHILD && status == MLSCORE_OK; i++) {
        status = check_whole(r, i, -inner - 1, inner - 1);
    }
    if (status == MLSCORE_OK) {
        status = check_whole(r, CAT_BOUNDARIES, 0,
                             (double)r->arrays[CAT_THRESHOLD].count);
    }
    if (status == MLSCORE_OK) {
        status = check_whole(r, CAT_THRESHOLD, 0, UINT32_MAX);
    }
    if (status == MLSCORE_OK) {
        const size_t nodes = 2 * (size_t)r->leaf_count - 1;

        if (nodes > r->nodes_left) {
            return lightgbm_error(&r->text, MLSCORE_ELIMIT,
                                  "the model has more than %zu nodes",
                                  r->lightgbm->model->options->max_nodes);
        }
        r->nodes_left -= nodes;
    }
    return status;
}

/* --- nodes into the forest
 * ----------------------------------------------------- */

static uint32_t child(const tree_reader *r, int which, uint32_t node)
{
    const int64_t number = (int64_t)r->arrays[which].values[node];

    return number >= 0 ? (uint32_t)number
                       : (uint32_t)(r->leaf_count - 1 + ~number);
}

static mlscore_status add_category_split(tree_reader *r, uint32_t node,
                                         uint32_t feature)
{
    const lightgbm_numbers *boundaries = &r->arrays[CAT_BOUNDARIES];
    const double index = r->arrays[THRESHOLD].values[node];

    if (!(index >= 0 && index + 1 < (double)boundaries->count)) {
        return lightgbm_error(&r->text, MLSCORE_EFORMAT,
                              "tree %u, node %u: its categories are not there",
                              r->number, node);
    }
    const size_t start = (size_t)boundaries->values[(size_t)index];
    const size_t end = (size_t)boundaries->values[(size_t)index + 1];

    if (start > end) {
        return lightgbm_error(&r->text, MLSCORE_EFORMAT,
                              "tree %u: cat_boundaries are not ascending",
                              r->number);
    }
    while (r->set_capacity < end - start) {
        if (mlscore_grow(&r->set, &r->set_capacity, r->set_capacity,
                         sizeof(*r->set))) {
            return booster_no_memory(r->text.err);
        }
    }
    for (size_t i = start; i < end; i++) {
        r->set[i - start] = (uint32_t)r->arrays[CAT_THRESHOLD].values[i];
    }
    return mlscore_forest_split_set(
        r->lightgbm->model->forest, node, feature, r->set, 32 * (end - start),
        child(r, LEFT_CHILD, node), child(r, RIGHT_CHILD, node), 0,
        r->text.err);
}

static mlscore_status add_split(tree_reader *r, uint32_t node)
{
    const uint32_t column = (uint32_t)r->arrays[SPLIT_FEATURE].values[node];
    const uint32_t decision = (uint32_t)r->arrays[DECISION_TYPE].values[node];
    const uint32_t feature =
        r->lightgbm->feature_of[column * LIGHTGBM_USES + use_of(decision)] - 1;

    if (is_category(decision)) {
        return add_category_split(r, node, feature);
    }
    return mlscore_forest_split(
        r->lightgbm->model->forest, node, feature, MLSCORE_SPLIT_LE,
        r->arrays[THRESHOLD].values[node], child(r, LEFT_CHILD, node),
        child(r, RIGHT_CHILD, node), default_left(decision), r->text.err);
}

static mlscore_status add_tree(tree_reader *r)
{
    booster_model *model = r->lightgbm->model;
    const uint32_t inner = r->leaf_count - 1;
    const uint32_t output = r->number % model->output_count;
    mlscore_status status =
        mlscore_forest_tree(model->forest, inner + r->leaf_count, r->text.err);

    for (uint32_t i = 0; i < inner && status == MLSCORE_OK; i++) {
        status = add_split(r, i);
    }
    for (uint32_t i = 0; i < r->leaf_count && status == MLSCORE_OK; i++) {
        status = mlscore_forest_leaf(model->forest, inner + i, &output,
                                     &r->arrays[LEAF_VALUE].values[i], 1,
                                     r->text.err);
    }
    if (status == MLSCORE_OK && r->lightgbm->linear) {
        /* A tree without linear leaves has constants only. */
        if (!r->is_linear) {
            r->arrays[LEAF_CONST].count = 0;
        }
        status = lightgbm_add_linear(
            r->lightgbm, &r->text, r->leaf_count, output,
            &r->arrays[LEAF_VALUE], &r->arrays[LEAF_CONST],
            &r->arrays[NUM_FEATURES], &r->arrays[LEAF_FEATURES],
            &r->arrays[LEAF_COEFF]);
    }
    return status;
}

/* --- going through all trees
 * ----------------------------------------------------- */

static void reader_open(tree_reader *r, lightgbm_model *lightgbm)
{
    *r = (tree_reader){
        .lightgbm = lightgbm,
        .text = {.bytes = lightgbm->bytes,
                 .size = lightgbm->size,
                 .at = lightgbm->trees_at,
                 .number = lightgbm->trees_line,
                 .err = lightgbm->err},
        .nodes_left = lightgbm->model->options->max_nodes,
    };
}

static void reader_close(tree_reader *r)
{
    for (int i = 0; i < ARRAYS; i++) {
        mlscore_free(r->arrays[i].values);
    }
    mlscore_free(r->set);
}

/* Note which use a tree's splits make of which column. */
static void note_uses(tree_reader *r)
{
    for (uint32_t i = 0; i + 1 < r->leaf_count; i++) {
        const uint32_t column = (uint32_t)r->arrays[SPLIT_FEATURE].values[i];
        const uint32_t decision = (uint32_t)r->arrays[DECISION_TYPE].values[i];

        r->lightgbm->feature_of[column * LIGHTGBM_USES + use_of(decision)] = 1;
    }
    r->lightgbm->linear |= r->is_linear != 0;
}

mlscore_status lightgbm_scan_trees(lightgbm_model *lightgbm)
{
    booster_model *model = lightgbm->model;
    const size_t uses = (size_t)lightgbm->column_count * LIGHTGBM_USES;
    tree_reader r;
    mlscore_status status = MLSCORE_OK;

    lightgbm->feature_of = mlscore_arena_calloc(
        model->arena, uses, sizeof(*lightgbm->feature_of));
    model->features =
        mlscore_arena_calloc(model->arena, uses, sizeof(*model->features));
    if (!lightgbm->feature_of || !model->features) {
        return booster_no_memory(lightgbm->err);
    }
    reader_open(&r, lightgbm);
    while (status == MLSCORE_OK && next_tree(&r)) {
        status = read_block(&r, 1u << SPLIT_FEATURE | 1u << DECISION_TYPE);
        if (status == MLSCORE_OK) {
            status = check_splits(&r);
        }
        if (status == MLSCORE_OK) {
            note_uses(&r);
            r.number++;
        }
    }
    reader_close(&r);
    for (size_t i = 0; i < uses && status == MLSCORE_OK; i++) {
        if (lightgbm->feature_of[i]) {
            model->features[model->feature_count++] = (booster_feature){
                (uint32_t)(i / LIGHTGBM_USES), i % LIGHTGBM_USES};
            lightgbm->feature_of[i] = model->feature_count;
        }
    }
    return status;
}

mlscore_status lightgbm_read_trees(lightgbm_model *lightgbm)
{
    booster_model *model = lightgbm->model;
    tree_reader r;
    mlscore_status status = MLSCORE_OK;

    reader_open(&r, lightgbm);
    while (status == MLSCORE_OK && next_tree(&r)) {
        status = read_block(&r, (1u << ARRAYS) - 1);
        if (status == MLSCORE_OK) {
            status = check_tree(&r);
        }
        if (status == MLSCORE_OK) {
            status = add_tree(&r);
            r.number++;
        }
    }
    model->tree_count = r.number;
    if (status == MLSCORE_OK && r.number % model->output_count != 0) {
        status = lightgbm_error(&r.text, MLSCORE_EFORMAT,
                                "%u trees are not a multiple of "
                                "num_tree_per_iteration, %u", r.number,
                                model->output_count);
    }
    reader_close(&r);
    return status;
}
