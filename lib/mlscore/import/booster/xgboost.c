/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XGBoost importers, JSON and UBJSON, for releases 1.0 to 3.x.
 */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/xgboost.h"
#include "import/importer.h"

/* Columns: names as in the file, or f0, f1 ... as XGBoost calls them. */
static mlscore_status make_inputs(xgboost_document *document)
{
    booster_model *model = document->model;
    const uint32_t count = document->feature_count;
    const size_t names = document->feature_names.count;

    if (names && names != count) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: %zu feature names for %u features",
                                 model->format, names, count);
    }
    model->input_count = model->feature_count = count;
    model->inputs =
        mlscore_arena_calloc(model->arena, count, sizeof(*model->inputs));
    model->features =
        mlscore_arena_calloc(model->arena, count, sizeof(*model->features));
    if (!model->inputs || !model->features) {
        return booster_no_memory(document->err);
    }
    model->by_position = names == 0;
    for (uint32_t i = 0; i < count; i++) {
        booster_input *input = &model->inputs[i];
        char made[16];

        model->features[i] = (booster_feature){i, BOOSTER_USE_VALUE};
        if (names) {
            input->name = document->feature_names.items[i].bytes;
            continue;
        }
        snprintf(made, sizeof(made), "f%u", i);
        input->name = mlscore_arena_copy(model->arena, made, strlen(made));
        if (!input->name) {
            return booster_no_memory(document->err);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status add_categories(xgboost_document *document)
{
    booster_model *model = document->model;

    if (document->category_count == 0) {
        return MLSCORE_OK;
    }
    if (document->category_count != model->input_count) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: categories of %zu features, the model "
                                 "has %u", model->format,
                                 document->category_count, model->input_count);
    }
    for (uint32_t i = 0; i < model->input_count; i++) {
        const xgboost_categories *categories = &document->categories[i];
        booster_input *input = &model->inputs[i];
        mlscore_status status = MLSCORE_OK;

        if (categories->labels) {
            input->kind = BOOSTER_COLUMN_LEVELS;
            input->labels = categories->labels;
            input->category_count = categories->count;
        }
        else if (categories->numbers) {
            status = booster_input_numbers(model, input, categories->numbers,
                                           categories->count, document->err);
        }
        if (status != MLSCORE_OK) {
            return status;
        }
    }
    model->unknown_is_error = 1;
    return MLSCORE_OK;
}

/* How many sums a row has, and their starts. */
static mlscore_status make_base(xgboost_document *document, float **base)
{
    booster_model *model = document->model;
    uint32_t outputs = document->class_count > document->target_count
                           ? document->class_count
                           : document->target_count;

    outputs = outputs ? outputs : 1;
    if (outputs > 1u << 20) {
        return mlscore_error_set(document->err, MLSCORE_ELIMIT,
                                 "%s: %u classes are too many", model->format,
                                 outputs);
    }
    model->output_count = outputs;
    *base = mlscore_arena_calloc(model->arena, outputs, sizeof(**base));
    if (!*base) {
        return booster_no_memory(document->err);
    }
    if (document->base_score_count == 0 ||
        (document->base_score_count != 1 &&
         document->base_score_count != outputs)) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: %zu base scores for %u outputs",
                                 model->format, document->base_score_count,
                                 outputs);
    }
    for (uint32_t k = 0; k < outputs; k++) {
        const size_t which = document->base_score_count == 1 ? 0 : k;

        (*base)[k] = xgboost_margin(document, document->base_scores[which]);
    }
    return MLSCORE_OK;
}

static mlscore_status make_linear(xgboost_document *document,
                                  const float *base)
{
    booster_model *model = document->model;
    const size_t count =
        ((size_t)model->feature_count + 1) * model->output_count;
    float *weights =
        mlscore_arena_calloc(model->arena, count, sizeof(*weights));

    if (document->linear.count != count) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: %zu weights, but %u features and %u "
                                 "outputs need %zu", model->format,
                                 document->linear.count, model->feature_count,
                                 model->output_count, count);
    }
    if (!weights) {
        return booster_no_memory(document->err);
    }
    memcpy(weights, document->linear.values.f, count * sizeof(*weights));
    for (uint32_t k = 0; k < model->output_count; k++) {
        weights[count - model->output_count + k] += base[0];
    }
    model->kind = BOOSTER_LINEAR;
    model->weights = weights;
    return MLSCORE_OK;
}

static mlscore_status make_trees(xgboost_document *document, const float *base)
{
    booster_model *model = document->model;
    const mlscore_forest_options options = {
        .feature_count = model->feature_count,
        .output_count = model->output_count,
        .number = MLSCORE_FOREST_FLOAT,
        .sum = MLSCORE_FOREST_SUM_FLOAT,
    };

    if (!document->has_trees) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: the model has no \"trees\"",
                                 model->format);
    }
    const mlscore_status status = mlscore_forest_builder_create(
        &model->forest, &options, document->err);

    return status == MLSCORE_OK ? xgboost_read_trees(document, base) : status;
}

static mlscore_status read_model(xgboost_document *document)
{
    booster_model *model = document->model;
    float *base = NULL;
    mlscore_status status = xgboost_read_document(document);

    if (status == MLSCORE_OK) {
        status = xgboost_objective(document);
    }
    if (status == MLSCORE_OK) {
        status = make_inputs(document);
    }
    if (status == MLSCORE_OK) {
        status = add_categories(document);
    }
    if (status == MLSCORE_OK) {
        status = make_base(document, &base);
    }
    if (status == MLSCORE_OK) {
        snprintf(model->producer, sizeof(model->producer),
                 "xgboost %d.%d.%d", document->version[0],
                 document->version[1], document->version[2]);
        snprintf(model->objective, sizeof(model->objective), "%.*s",
                 (int)document->objective.length, document->objective.bytes);
        status = document->booster == XGBOOST_GBLINEAR
                     ? make_linear(document, base)
                     : make_trees(document, base);
    }
    return status;
}

static mlscore_status xgboost_read(mlscore_image_builder **out,
                                   const unsigned char *bytes, size_t size,
                                   const mlscore_import_options *options,
                                   int ubj, mlscore_error *err)
{
    booster_model model;
    xgboost_document document = {.model = &model,
                                 .bytes = bytes,
                                 .size = size,
                                 .ubj = ubj,
                                 .err = err};
    mlscore_status status = booster_model_init(&model, options, err);

    *out = NULL;
    model.format = ubj ? "XGBoost UBJSON" : "XGBoost JSON";
    model.margin_name = "margin";
    model.single = 1;
    if (status == MLSCORE_OK) {
        status = read_model(&document);
    }
    if (status == MLSCORE_OK) {
        status = booster_model_write(&model, out, err);
    }
    xgboost_document_free(&document);
    booster_model_free(&model);
    return status;
}

static mlscore_status read_json(mlscore_image_builder **out,
                                const unsigned char *bytes, size_t size,
                                const mlscore_import_options *options,
                                const mlscore_import_hints *hints,
                                mlscore_error *err)
{
    (void)hints;
    return xgboost_read(out, bytes, size, options, 0, err);
}

static mlscore_status read_ubj(mlscore_image_builder **out,
                               const unsigned char *bytes, size_t size,
                               const mlscore_import_options *options,
                               const mlscore_import_hints *hints,
                               mlscore_error *err)
{
    (void)hints;
    return xgboost_read(out, bytes, size, options, 1, err);
}

/* --- recognising -------------------------------------------------------------
 */

static const char *const first_keys[] = {"learner", "version", "Config",
                                         "Model"};

/* An object with one of the keys, and "learner" not far away. */
static int sniff_json(const unsigned char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size && bytes[at] < 0x80 && strchr(" \t\r\n", bytes[at]) &&
           bytes[at]) {
        at++;
    }
    if (at >= size || bytes[at] != '{') {
        return 0;
    }
    const size_t prefix = size - at < 65536 ? size - at : 65536;

    return memmem(bytes + at, prefix, "\"learner\"", 9) ? 90 : 0;
}

static int sniff_ubj(const unsigned char *bytes, size_t size)
{
    size_t at = 1;

    if (size < 16 || bytes[0] != '{') {
        return 0;
    }
    if (bytes[1] == '#') {
        at += 1 + (bytes[2] == 'L' ? 9 : bytes[2] == 'l' ? 5 : 2);
    }
    const size_t width = bytes[at] == 'L'   ? 8
                         : bytes[at] == 'l' ? 4
                         : bytes[at] == 'I' ? 2
                         : bytes[at] == 'i' || bytes[at] == 'U' ? 1
                                                                : 0;

    for (size_t i = 0; width && i < sizeof(first_keys) / sizeof(*first_keys);
         i++) {
        const size_t length = strlen(first_keys[i]);

        if (size - at > width + length && bytes[at + width] == length &&
            memcmp(bytes + at + 1 + width, first_keys[i], length) == 0) {
            return 95;
        }
    }
    return 0;
}

const mlscore_importer mlscore_importer_xgboost_json = {
    .name = "XGBoost JSON",
    .sniff = sniff_json,
    .read = read_json,
};

const mlscore_importer mlscore_importer_xgboost_ubj = {
    .name = "XGBoost UBJSON",
    .sniff = sniff_ubj,
    .read = read_ubj,
};
