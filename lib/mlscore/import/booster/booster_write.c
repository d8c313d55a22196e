/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a boosted model to an image.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/booster_model.h"

mlscore_status booster_no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to read the model");
}

mlscore_status booster_model_init(booster_model *model,
                                  const mlscore_import_options *options,
                                  mlscore_error *err)
{
    *model = (booster_model){.options = options,
                             .output_count = 1,
                             .parameter = 1,
                             .divisor = 1};
    model->arena = mlscore_arena_create();
    return model->arena ? MLSCORE_OK : booster_no_memory(err);
}

void booster_model_free(booster_model *model)
{
    mlscore_forest_builder_free(model->forest);
    mlscore_free(model->linear_trees);
    mlscore_free(model->linear_leaves);
    mlscore_free(model->linear_terms);
    if (model->arena) {
        mlscore_arena_free(model->arena);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = ((const booster_number *)a)->number;
    const double y = ((const booster_number *)b)->number;

    return (x > y) - (x < y);
}

mlscore_status booster_input_numbers(booster_model *model,
                                     booster_input *input,
                                     const double *numbers, uint32_t count,
                                     mlscore_error *err)
{
    input->numbers = mlscore_arena_calloc(model->arena, (size_t)count + 1,
                                          sizeof(*input->numbers));
    if (!input->numbers) {
        return booster_no_memory(err);
    }
    for (uint32_t i = 0; i < count; i++) {
        input->numbers[i] = (booster_number){numbers[i], i};
    }
    qsort(input->numbers, count, sizeof(*input->numbers), compare_numbers);
    for (uint32_t i = 1; i < count; i++) {
        if (!(input->numbers[i - 1].number < input->numbers[i].number)) {
            return mlscore_error_set(err, MLSCORE_EFORMAT,
                                     "column \"%s\": category %.17g is listed "
                                     "twice", input->name,
                                     input->numbers[i].number);
        }
    }
    input->kind = BOOSTER_COLUMN_NUMBERS;
    input->category_count = count;
    return MLSCORE_OK;
}

/* --- schema -----------------------------------------------------------------
 */

static mlscore_status write_schema(booster_model *model,
                                   mlscore_image_builder *image,
                                   mlscore_error *err)
{
    const uint32_t sums = model->output_count;
    const uint32_t predictions = model->link == BOOSTER_LINK_ARGMAX ? 1 : sums;
    const uint32_t inputs = model->input_count;
    mlscore_field *fields = mlscore_arena_calloc(
        model->arena, (size_t)inputs + predictions + sums, sizeof(*fields));

    if (!fields) {
        return booster_no_memory(err);
    }
    for (uint32_t i = 0; i < inputs; i++) {
        const booster_input *input = &model->inputs[i];
        const int text = input->kind == BOOSTER_COLUMN_LEVELS;

        fields[i] = (mlscore_field){
            .name = input->name,
            .name_length = (uint32_t)strlen(input->name),
            .type = text ? MLSCORE_CHARACTER : MLSCORE_NUMERIC,
            .lenient = 1,
            .levels = text ? input->labels : NULL,
            .level_count = text ? input->category_count : 0,
        };
    }
    for (uint32_t i = 0; i < predictions + sums; i++) {
        const int margin = i >= predictions;
        const char *name = margin ? model->margin_name : "prediction";
        const uint32_t count = margin ? sums : predictions;
        char text[64];

        if (count == 1) {
            snprintf(text, sizeof(text), "%s", name);
        }
        else {
            snprintf(text, sizeof(text), "%s[%u]", name,
                     margin ? i - predictions : i);
        }
        mlscore_field *field = &fields[inputs + i];

        field->name_length = (uint32_t)strlen(text);
        field->name =
            mlscore_arena_copy(model->arena, text, field->name_length);
        field->type = MLSCORE_NUMERIC;
        field->single = model->single;
        if (!field->name) {
            return booster_no_memory(err);
        }
    }
    const mlscore_schema in = {.fields = fields,
                               .field_count = inputs,
                               .by_position = model->by_position};
    const mlscore_schema out = {.fields = fields + inputs,
                                .field_count = predictions + sums};

    return mlscore_image_builder_schema(image, &in, &out, err);
}

static mlscore_status write_texts(const booster_model *model,
                                  mlscore_image_builder *image,
                                  mlscore_error *err)
{
    char kind[160];

    if (model->kind == BOOSTER_LINEAR) {
        snprintf(kind, sizeof(kind), "%s, linear", model->objective);
    }
    else {
        snprintf(kind, sizeof(kind), "%s, %u tree%s%s", model->objective,
                 model->tree_count, model->tree_count == 1 ? "" : "s",
                 model->kind == BOOSTER_LINEAR_LEAVES ? " with linear leaves"
                                                      : "");
    }
    return mlscore_image_builder_texts(image, model->format, kind,
                                       model->producer, err);
}

/* --- sections ---------------------------------------------------------------
 */

static mlscore_status write_main(const booster_model *model,
                                 mlscore_image_builder *image,
                                 mlscore_error *err)
{
    booster_header header = {
        .version = BOOSTER_VERSION,
        .kind = model->kind,
        .column_count = model->input_count,
        .feature_count = model->feature_count,
        .output_count = model->output_count,
        .prediction_count =
            model->link == BOOSTER_LINK_ARGMAX ? 1 : model->output_count,
        .link = model->link,
        .parameter = model->parameter,
        .divisor = model->divisor,
        .unknown_is_error = model->unknown_is_error != 0,
    };

    for (uint32_t i = 0; i < model->input_count; i++) {
        if (model->inputs[i].kind == BOOSTER_COLUMN_NUMBERS) {
            header.number_count += model->inputs[i].category_count;
        }
    }
    const size_t size = sizeof(header) +
                        model->input_count * sizeof(booster_column) +
                        header.number_count * sizeof(booster_number) +
                        model->feature_count * sizeof(booster_feature);
    unsigned char *bytes = mlscore_calloc(1, size);

    if (!bytes) {
        return booster_no_memory(err);
    }
    booster_column *columns = (void *)(bytes + sizeof(header));
    booster_number *numbers = (void *)(columns + model->input_count);
    booster_feature *features = (void *)(numbers + header.number_count);
    uint32_t at = 0;

    memcpy(bytes, &header, sizeof(header));
    for (uint32_t i = 0; i < model->input_count; i++) {
        const booster_input *input = &model->inputs[i];

        columns[i].kind = input->kind;
        if (input->kind == BOOSTER_COLUMN_NUMBERS && input->category_count) {
            columns[i].first = at;
            columns[i].count = input->category_count;
            memcpy(numbers + at, input->numbers,
                   input->category_count * sizeof(*numbers));
            at += input->category_count;
        }
    }
    if (model->feature_count) {
        memcpy(features, model->features,
               model->feature_count * sizeof(*features));
    }
    const mlscore_status status = mlscore_image_builder_add(
        image, BOOSTER_SECTION_MAIN, bytes, size, err);

    mlscore_free(bytes);
    return status;
}

static mlscore_status write_forest(const booster_model *model,
                                   mlscore_image_builder *image,
                                   mlscore_error *err)
{
    void *bytes;
    size_t size;
    mlscore_status status =
        mlscore_forest_builder_finish(model->forest, &bytes, &size, err);

    if (status == MLSCORE_OK) {
        status = mlscore_image_builder_add(image, BOOSTER_SECTION_FOREST,
                                           bytes, size, err);
        mlscore_free(bytes);
    }
    return status;
}

static mlscore_status write_linear_leaves(const booster_model *model,
                                          mlscore_image_builder *image,
                                          mlscore_error *err)
{
    const size_t trees = model->linear_tree_count * sizeof(booster_linear_tree);
    const size_t leaves =
        model->linear_leaf_count * sizeof(booster_linear_leaf);
    const size_t terms = model->linear_term_count * sizeof(booster_linear_term);
    const booster_linear_header header = {
        .tree_count = (uint32_t)model->linear_tree_count,
        .leaf_count = (uint32_t)model->linear_leaf_count,
        .term_count = (uint32_t)model->linear_term_count,
    };
    const size_t size = sizeof(header) + trees + leaves + terms;
    unsigned char *bytes = mlscore_malloc(size);

    if (!bytes) {
        return booster_no_memory(err);
    }
    memcpy(bytes, &header, sizeof(header));
    unsigned char *at = bytes + sizeof(header);

    if (trees) {
        memcpy(at, model->linear_trees, trees);
    }
    if (leaves) {
        memcpy(at + trees, model->linear_leaves, leaves);
    }
    if (terms) {
        memcpy(at + trees + leaves, model->linear_terms, terms);
    }
    const mlscore_status status = mlscore_image_builder_add(
        image, BOOSTER_SECTION_LINEAR, bytes, size, err);

    mlscore_free(bytes);
    return status;
}

static mlscore_status write_all(booster_model *model,
                                mlscore_image_builder *image,
                                mlscore_error *err)
{
    mlscore_status status = write_schema(model, image, err);

    if (status == MLSCORE_OK) {
        status = write_texts(model, image, err);
    }
    if (status == MLSCORE_OK) {
        status = write_main(model, image, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    if (model->kind == BOOSTER_LINEAR) {
        return mlscore_image_builder_add(
            image, BOOSTER_SECTION_LINEAR, model->weights,
            ((size_t)model->feature_count + 1) * model->output_count *
                sizeof(float),
            err);
    }
    status = write_forest(model, image, err);
    if (status == MLSCORE_OK && model->kind == BOOSTER_LINEAR_LEAVES) {
        status = write_linear_leaves(model, image, err);
    }
    return status;
}

mlscore_status booster_model_write(booster_model *model,
                                   mlscore_image_builder **out,
                                   mlscore_error *err)
{
    mlscore_status status =
        mlscore_image_builder_create(out, MLSCORE_ENGINE_BOOSTER, err);

    if (status == MLSCORE_OK) {
        status = write_all(model, *out, err);
    }
    if (status != MLSCORE_OK) {
        mlscore_image_builder_free(*out);
        *out = NULL;
    }
    return status;
}
