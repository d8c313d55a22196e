/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of XGBoost and LightGBM models: columns to features, the forest,
 * link functions.
 */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "eval/booster/booster_plan.h"
#include "eval/engine.h"

/* LightGBM's threshold below which a value counts as zero, a float there. */
#define ZERO_THRESHOLD ((double)1e-35f)

/* Rows at once, fewer when rows are wide: features of a block stay in cache. */
enum { MAX_BLOCK = 256, BLOCK_BYTES = 1 << 21 };

static size_t align64(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

/* --- running ----------------------------------------------------------------
 */

int booster_cell(const booster_plan *plan, const mlscore_column *column,
                 uint32_t number, size_t row, double *value)
{
    const booster_column *info = &plan->columns[number];

    *value = NAN;
    if (column->missing[row]) {
        return 1;
    }
    if (info->kind == BOOSTER_COLUMN_LEVELS) {
        const int32_t level = column->values.character[row].level;

        if (level < 0) {
            return 0;
        }
        *value = level;
        return 1;
    }
    const double cell = column->values.numeric[row];

    if (info->kind == BOOSTER_COLUMN_NUMBER || isnan(cell)) {
        *value = cell;
        return 1;
    }
    const booster_number *numbers = plan->numbers + info->first;
    uint32_t low = 0;
    uint32_t high = info->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (numbers[middle].number < cell) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    if (low == info->count || numbers[low].number != cell) {
        return 0;
    }
    *value = numbers[low].code;
    return 1;
}

static double use_value(uint32_t use, double value)
{
    switch (use) {
    case BOOSTER_USE_MISSING_ZERO:
        return isnan(value) ? 0.0 : value;
    case BOOSTER_USE_ZERO_MISSING:
        return fabs(value) <= ZERO_THRESHOLD ? NAN : value;
    case BOOSTER_USE_CATEGORY:
        return trunc(value);
    default:
        return value;
    }
}

static mlscore_status unknown_category(mlscore_frame *out, size_t row,
                                       const mlscore_column *column)
{
    const mlscore_field *field = column->field;

    if (field->type == MLSCORE_CHARACTER) {
        const mlscore_text *text = &column->values.character[row];
        const int shown = text->length < 60 ? (int)text->length : 60;

        return mlscore_frame_row_error(
            out, row, "column \"%s\": \"%.*s\" is not one of the %u categories "
            "that the model was trained with", field->name, shown, text->bytes,
            field->level_count);
    }
    return mlscore_frame_row_error(
        out, row, "column \"%s\": %.17g is not one of the categories that the "
        "model was trained with", field->name, column->values.numeric[row]);
}

/* One feature of all rows of a block. */
static mlscore_status fill_feature(const booster_plan *plan,
                                   const mlscore_frame *in,
                                   mlscore_frame *out, size_t first_row,
                                   size_t rows, uint32_t f, void *features,
                                   int as_float)
{
    const booster_feature *feature = &plan->features[f];
    const mlscore_column *column = &in->columns[feature->column];
    const size_t width = plan->header->feature_count;
    const int plain =
        plan->columns[feature->column].kind == BOOSTER_COLUMN_NUMBER;

    for (size_t row = 0; row < rows; row++) {
        double value;

        if (plain) {
            value = column->missing[first_row + row]
                        ? NAN
                        : column->values.numeric[first_row + row];
        }
        else if (!booster_cell(plan, column, feature->column,
                               first_row + row, &value) &&
                 plan->header->unknown_is_error) {
            const mlscore_status status =
                unknown_category(out, first_row + row, column);

            if (status != MLSCORE_OK) {
                return status;
            }
        }
        value = use_value(feature->use, value);
        if (as_float) {
            ((float *)features)[row * width + f] = (float)value;
        }
        else {
            ((double *)features)[row * width + f] = value;
        }
    }
    return MLSCORE_OK;
}

static void store(const booster_plan *plan, mlscore_frame *out,
                  size_t first_row, size_t rows, const double *sums,
                  double *prediction)
{
    const uint32_t outputs = plan->header->output_count;
    const uint32_t predictions = plan->header->prediction_count;

    for (size_t row = 0; row < rows; row++) {
        booster_link_apply(plan->header, sums + row * outputs, prediction);
        for (uint32_t k = 0; k < predictions; k++) {
            out->columns[k].values.numeric[first_row + row] = prediction[k];
        }
        for (uint32_t k = 0; k < outputs; k++) {
            out->columns[predictions + k].values.numeric[first_row + row] =
                sums[row * outputs + k];
        }
    }
}

/* The parts of scratch; sizes are the same for any number of rows. */
typedef struct scratch_parts {
    void *features;
    double *sums;
    double *prediction;
    uint32_t *leaves;
    void *forest;
    size_t total;
} scratch_parts;

static scratch_parts split_scratch(const booster_plan *plan, void *scratch)
{
    const booster_header *header = plan->header;
    const size_t sums = plan->block * header->output_count * sizeof(double);
    char *base = scratch;
    scratch_parts parts = {0};
    size_t at = 0;

    parts.features = base + at;
    at += align64(plan->block * header->feature_count * sizeof(double));
    parts.sums = (double *)(void *)(base + at);
    at += align64(sums);
    parts.prediction = (double *)(void *)(base + at);
    at += align64(header->output_count * sizeof(double));
    parts.leaves = (uint32_t *)(void *)(base + at);
    if (plan->linear) {
        at += align64(plan->block * plan->linear->tree_count *
                      sizeof(uint32_t));
    }
    parts.forest = base + at;
    if (plan->forest) {
        at += align64(mlscore_forest_scratch(plan->forest));
    }
    parts.total = at;
    return parts;
}

static mlscore_status booster_scratch(const void *opaque, size_t rows,
                                      size_t *bytes, mlscore_error *err)
{
    char base[1]; /* only distances from it count */

    (void)rows;
    (void)err;
    *bytes = split_scratch(opaque, base).total;
    return MLSCORE_OK;
}

static mlscore_status booster_run(const void *opaque, const mlscore_frame *in,
                                  mlscore_frame *out, void *scratch,
                                  mlscore_error *err)
{
    const booster_plan *plan = opaque;
    const booster_header *header = plan->header;
    const scratch_parts parts = split_scratch(plan, scratch);
    const int as_float =
        !plan->forest ||
        mlscore_forest_number_of(plan->forest) == MLSCORE_FOREST_FLOAT;

    for (size_t first = 0; first < in->rows; first += plan->block) {
        const size_t left = in->rows - first;
        const size_t rows = left < plan->block ? left : plan->block;

        for (uint32_t f = 0; f < header->feature_count; f++) {
            const mlscore_status status = fill_feature(
                plan, in, out, first, rows, f, parts.features, as_float);

            if (status != MLSCORE_OK) {
                return mlscore_error_set(err, status, "not enough memory");
            }
        }
        if (header->kind == BOOSTER_LINEAR) {
            booster_linear_run(plan, parts.features, rows, parts.sums);
        }
        else if (header->kind == BOOSTER_LINEAR_LEAVES) {
            mlscore_forest_leaves(plan->forest, parts.features, rows,
                                  parts.leaves, parts.forest);
            booster_linear_leaves_run(plan, in, first, rows, parts.leaves,
                                      parts.sums);
        }
        else {
            mlscore_forest_run(plan->forest, parts.features, rows, parts.sums,
                               parts.forest);
        }
        store(plan, out, first, rows, parts.sums, parts.prediction);
    }
    /* Rows with an error stay missing whatever was computed for them. */
    for (size_t i = 0; i < out->row_error_count; i++) {
        for (uint32_t c = 0; c < out->schema->field_count; c++) {
            mlscore_column_set_missing(&out->columns[c],
                                       out->row_errors[i].row);
        }
    }
    return MLSCORE_OK;
}

/* --- opening ----------------------------------------------------------------
 */

static mlscore_status damaged(mlscore_error *err, const char *what)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the compiled booster is damaged: %s", what);
}

static mlscore_status open_tables(booster_plan *plan,
                                  const mlscore_image *image,
                                  const mlscore_schema *inputs,
                                  mlscore_error *err)
{
    size_t size;
    const booster_header *header =
        mlscore_image_section(image, BOOSTER_SECTION_MAIN, &size);

    if (!header || size < sizeof(*header)) {
        return damaged(err, "its description is missing");
    }
    if (header->version != BOOSTER_VERSION) {
        return mlscore_error_set(err, MLSCORE_EVERSION,
                                 "compiled booster of version %u, this is %d; "
                                 "compile the model again", header->version,
                                 BOOSTER_VERSION);
    }
    const uint64_t need =
        sizeof(*header) +
        (uint64_t)header->column_count * sizeof(booster_column) +
        (uint64_t)header->feature_count * sizeof(booster_feature) +
        (uint64_t)header->number_count * sizeof(booster_number);

    if (need > size || header->column_count != inputs->field_count ||
        header->kind > BOOSTER_LINEAR || header->link >= BOOSTER_LINKS ||
        header->output_count == 0 || header->divisor == 0) {
        return damaged(err, "its description is wrong");
    }
    plan->header = header;
    plan->columns = (const void *)(header + 1);
    plan->numbers = (const void *)(plan->columns + header->column_count);
    plan->features = (const void *)(plan->numbers + header->number_count);
    for (uint32_t c = 0; c < header->column_count; c++) {
        const booster_column *column = &plan->columns[c];
        const mlscore_type type = column->kind == BOOSTER_COLUMN_LEVELS
                                      ? MLSCORE_CHARACTER
                                      : MLSCORE_NUMERIC;

        if (column->kind > BOOSTER_COLUMN_NUMBERS ||
            inputs->fields[c].type != type ||
            !mlscore_range_inside(column->first, column->count, 1,
                                  header->number_count)) {
            return damaged(err, "a column is not the schema's");
        }
    }
    for (uint32_t f = 0; f < header->feature_count; f++) {
        if (plan->features[f].column >= header->column_count ||
            plan->features[f].use > BOOSTER_USE_CATEGORY) {
            return damaged(err, "a feature has no column");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status check_outputs(const booster_header *header,
                                    const mlscore_schema *outputs,
                                    mlscore_error *err)
{
    const uint32_t predictions =
        header->link == BOOSTER_LINK_ARGMAX ? 1 : header->output_count;

    if (header->prediction_count != predictions ||
        outputs->field_count !=
            (uint64_t)header->output_count + predictions) {
        return damaged(err, "its outputs are not the schema's");
    }
    for (uint32_t i = 0; i < outputs->field_count; i++) {
        if (outputs->fields[i].type != MLSCORE_NUMERIC) {
            return damaged(err, "an output is not a number");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status open_forest(booster_plan *plan,
                                  const mlscore_image *image,
                                  mlscore_error *err)
{
    size_t size;
    const void *bytes =
        mlscore_image_section(image, BOOSTER_SECTION_FOREST, &size);

    if (!bytes) {
        return damaged(err, "its trees are missing");
    }
    const mlscore_status status =
        mlscore_forest_open(&plan->forest, bytes, size, err);

    if (status != MLSCORE_OK) {
        return status;
    }
    if (mlscore_forest_features(plan->forest) !=
            plan->header->feature_count ||
        mlscore_forest_outputs(plan->forest) != plan->header->output_count) {
        return damaged(err, "its trees have other features");
    }
    return MLSCORE_OK;
}

static mlscore_status open_linear_leaves(booster_plan *plan,
                                         const mlscore_image *image,
                                         mlscore_error *err)
{
    size_t size;
    const booster_linear_header *linear =
        mlscore_image_section(image, BOOSTER_SECTION_LINEAR, &size);

    if (!linear || size < sizeof(*linear) ||
        sizeof(*linear) +
                (uint64_t)linear->tree_count * sizeof(booster_linear_tree) +
                (uint64_t)linear->leaf_count * sizeof(booster_linear_leaf) +
                (uint64_t)linear->term_count * sizeof(booster_linear_term) >
            size ||
        linear->tree_count != mlscore_forest_trees(plan->forest)) {
        return damaged(err, "its linear leaves are missing");
    }
    plan->linear = linear;
    plan->linear_trees = (const void *)(linear + 1);
    plan->linear_leaves =
        (const void *)(plan->linear_trees + linear->tree_count);
    plan->linear_terms =
        (const void *)(plan->linear_leaves + linear->leaf_count);
    for (uint32_t t = 0; t < linear->tree_count; t++) {
        const booster_linear_tree *tree = &plan->linear_trees[t];

        if (tree->leaf_count == 0 ||
            tree->output >= plan->header->output_count ||
            !mlscore_range_inside(tree->first_leaf, tree->leaf_count, 1,
                                  linear->leaf_count)) {
            return damaged(err, "a tree's linear leaves lie outside");
        }
    }
    for (uint32_t i = 0; i < linear->leaf_count; i++) {
        const booster_linear_leaf *leaf = &plan->linear_leaves[i];

        if (!mlscore_range_inside(leaf->first_term, leaf->term_count, 1,
                                  linear->term_count)) {
            return damaged(err, "a linear leaf's terms lie outside");
        }
    }
    for (uint32_t i = 0; i < linear->term_count; i++) {
        if (plan->linear_terms[i].column >= plan->header->column_count) {
            return damaged(err, "a linear leaf has no such column");
        }
    }
    return MLSCORE_OK;
}

static mlscore_status open_weights(booster_plan *plan,
                                   const mlscore_image *image,
                                   mlscore_error *err)
{
    size_t size;
    const booster_header *header = plan->header;
    const void *bytes =
        mlscore_image_section(image, BOOSTER_SECTION_LINEAR, &size);

    if (!bytes || size / sizeof(float) / header->output_count <
                      (uint64_t)header->feature_count + 1) {
        return damaged(err, "its weights are missing");
    }
    plan->weights = bytes;
    return MLSCORE_OK;
}

static void booster_free(void *opaque)
{
    booster_plan *plan = opaque;

    if (plan) {
        mlscore_forest_free(plan->forest);
        mlscore_free(plan);
    }
}

static mlscore_status open_plan(booster_plan *plan, const mlscore_image *image,
                                const mlscore_schema *inputs,
                                const mlscore_schema *outputs,
                                mlscore_error *err)
{
    mlscore_status status = open_tables(plan, image, inputs, err);

    if (status == MLSCORE_OK) {
        status = check_outputs(plan->header, outputs, err);
    }
    if (status == MLSCORE_OK) {
        status = plan->header->kind == BOOSTER_LINEAR
                     ? open_weights(plan, image, err)
                     : open_forest(plan, image, err);
    }
    if (status == MLSCORE_OK && plan->header->kind == BOOSTER_LINEAR_LEAVES) {
        status = open_linear_leaves(plan, image, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    size_t row = plan->header->feature_count * sizeof(double) +
                 plan->header->output_count * sizeof(double);

    row += plan->linear ? plan->linear->tree_count * sizeof(uint32_t) : 0;
    plan->block = BLOCK_BYTES / row;
    plan->block = plan->block < 1           ? 1
                  : plan->block > MAX_BLOCK ? MAX_BLOCK
                                            : plan->block;
    return MLSCORE_OK;
}

static mlscore_status booster_open(void **out, const mlscore_image *image,
                                   const mlscore_schema *inputs,
                                   const mlscore_schema *outputs,
                                   mlscore_error *err)
{
    booster_plan *plan = mlscore_calloc(1, sizeof(*plan));

    *out = NULL;
    if (!plan) {
        return mlscore_error_set(err, MLSCORE_ENOMEM,
                                 "not enough memory to open the model");
    }
    const mlscore_status status =
        open_plan(plan, image, inputs, outputs, err);

    if (status != MLSCORE_OK) {
        booster_free(plan);
        return status;
    }
    *out = plan;
    return MLSCORE_OK;
}

const mlscore_engine mlscore_engine_booster = {
    .id = MLSCORE_ENGINE_BOOSTER,
    .name = "booster",
    .open = booster_open,
    .free_plan = booster_free,
    .scratch = booster_scratch,
    .run = booster_run,
};
