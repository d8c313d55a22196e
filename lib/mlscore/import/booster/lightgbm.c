/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LightGBM importer: text files of versions 2 to 4 (releases 2.1 to 4.x).
 */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/lightgbm.h"
#include "import/importer.h"

static const char *const versions[] = {"v2", "v3", "v4"};

typedef struct header_reader {
    lightgbm_model *lightgbm;
    lightgbm_text text;
    lightgbm_line names;
    lightgbm_line infos;
    uint32_t max_feature;
    int has_max_feature;
    int average;
} header_reader;

/* The next word of a line's value; 0 at its end. */
static int next_word(const lightgbm_line *line, size_t *at, const char **word,
                     size_t *length)
{
    while (*at < line->value_length && line->value[*at] == ' ') {
        ++*at;
    }
    *word = line->value + *at;
    *length = 0;
    while (*at < line->value_length && line->value[*at] != ' ') {
        ++*at;
        ++*length;
    }
    return *length > 0;
}

static mlscore_status read_version(header_reader *h, const lightgbm_line *line)
{
    booster_model *model = h->lightgbm->model;

    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
        if (line->value_length == strlen(versions[i]) &&
            memcmp(line->value, versions[i], line->value_length) == 0) {
            snprintf(model->producer, sizeof(model->producer),
                     "LightGBM, file version %s", versions[i]);
            return MLSCORE_OK;
        }
    }
    return lightgbm_error(&h->text, MLSCORE_EUNSUPPORTED,
                          "the file version \"%.*s\" is not one of v2, v3, v4",
                          line->value_length < 20 ? (int)line->value_length
                                                  : 20,
                          line->value ? line->value : "");
}

static mlscore_status read_header_line(header_reader *h,
                                       const lightgbm_line *line)
{
    lightgbm_model *lightgbm = h->lightgbm;

    if (lightgbm_key_is(line, "version")) {
        return read_version(h, line);
    }
    if (lightgbm_key_is(line, "num_tree_per_iteration")) {
        return lightgbm_read_count(&h->text, line, 1u << 20,
                                   &lightgbm->trees_per_iteration);
    }
    if (lightgbm_key_is(line, "max_feature_idx")) {
        h->has_max_feature = 1;
        return lightgbm_read_count(&h->text, line, 1u << 26, &h->max_feature);
    }
    if (lightgbm_key_is(line, "objective")) {
        return lightgbm_objective(lightgbm, &h->text, line);
    }
    if (lightgbm_key_is(line, "average_output")) {
        h->average = 1;
    }
    else if (lightgbm_key_is(line, "feature_names")) {
        h->names = *line;
    }
    else if (lightgbm_key_is(line, "feature_infos")) {
        h->infos = *line;
    }
    return MLSCORE_OK;
}

/* The lines before the first tree. */
static mlscore_status read_header(header_reader *h)
{
    lightgbm_model *lightgbm = h->lightgbm;
    lightgbm_line line;
    mlscore_status status = MLSCORE_OK;

    while (status == MLSCORE_OK) {
        const size_t at = h->text.at;
        const unsigned long number = h->text.number;

        if (!lightgbm_next_line(&h->text, &line) ||
            lightgbm_key_is(&line, "Tree") ||
            lightgbm_key_is(&line, "end of trees")) {
            lightgbm->trees_at = at;
            lightgbm->trees_line = number;
            break;
        }
        status = read_header_line(h, &line);
    }
    if (status == MLSCORE_OK && !lightgbm->model->producer[0]) {
        status = lightgbm_error(&h->text, MLSCORE_EFORMAT,
                                "the header has no version");
    }
    if (status == MLSCORE_OK &&
        (!h->has_max_feature || !h->names.value ||
         lightgbm->trees_per_iteration == 0)) {
        status = lightgbm_error(&h->text, MLSCORE_EFORMAT,
                                "the header lacks max_feature_idx, "
                                "feature_names or num_tree_per_iteration");
    }
    return status;
}

static mlscore_status make_inputs(header_reader *h)
{
    lightgbm_model *lightgbm = h->lightgbm;
    booster_model *model = lightgbm->model;
    const uint32_t count = h->max_feature + 1;
    const char *word;
    size_t length;
    size_t at = 0;

    lightgbm->column_count = model->input_count = count;
    /* A name takes at least two bytes: a hostile count costs nothing. */
    if (count > h->names.value_length / 2 + 1) {
        return lightgbm_error(&h->text, MLSCORE_EFORMAT,
                              "there are fewer feature_names than %u", count);
    }
    model->inputs =
        mlscore_arena_calloc(model->arena, count, sizeof(*model->inputs));
    lightgbm->categorical = mlscore_arena_calloc(model->arena, count, 1);
    if (!model->inputs || !lightgbm->categorical) {
        return booster_no_memory(lightgbm->err);
    }
    model->by_position = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!next_word(&h->names, &at, &word, &length)) {
            return lightgbm_error(&h->text, MLSCORE_EFORMAT,
                                  "there are fewer feature_names than %u",
                                  count);
        }
        model->inputs[i].name = mlscore_arena_copy(model->arena, word, length);
        if (!model->inputs[i].name) {
            return booster_no_memory(lightgbm->err);
        }
        char made[24];

        /* What LightGBM calls columns that had no names. */
        snprintf(made, sizeof(made), "Column_%u", i);
        model->by_position &= strcmp(made, model->inputs[i].name) == 0;
    }
    /* Numbers have a range "[low:high]", categories a list "1:0:2". */
    at = 0;
    for (uint32_t i = 0; h->infos.value && i < count &&
                         next_word(&h->infos, &at, &word, &length); i++) {
        lightgbm->categorical[i] = word[0] != '[' && word[0] != 'n';
    }
    return MLSCORE_OK;
}

/* "[categorical_feature: 3,4]" among the parameters. */
static mlscore_status read_categorical_parameter(const lightgbm_text *text,
                                                 const lightgbm_line *line,
                                                 lightgbm_numbers *listed)
{
    static const char prefix[] = "[categorical_feature: ";
    const size_t length = sizeof(prefix) - 1;

    listed->count = 0;
    if (line->value || line->key_length <= length ||
        memcmp(line->key, prefix, length) != 0) {
        return MLSCORE_OK;
    }
    for (size_t i = length; i < line->key_length; i++) {
        const char c = line->key[i];

        if (c == ']') {
            return MLSCORE_OK;
        }
        if (c >= '0' && c <= '9') {
            const int more = i > length && line->key[i - 1] >= '0' &&
                             line->key[i - 1] <= '9';

            if (!more) {
                if (mlscore_grow(&listed->values, &listed->capacity,
                                 listed->count, sizeof(*listed->values))) {
                    return booster_no_memory(text->err);
                }
                listed->values[listed->count++] = 0;
            }
            listed->values[listed->count - 1] =
                10 * listed->values[listed->count - 1] + (c - '0');
        }
        else if (c != ',' && c != ' ') {
            listed->count = 0; /* names, which are not needed */
            return MLSCORE_OK;
        }
    }
    return MLSCORE_OK;
}

/* What comes after the trees. */
static mlscore_status read_tail(lightgbm_model *lightgbm)
{
    static const char key[] = "pandas_categorical:";
    static const char parameter[] = "[categorical_feature:";
    lightgbm_text text = {.bytes = lightgbm->bytes,
                          .size = lightgbm->size,
                          .at = lightgbm->trees_at,
                          .number = lightgbm->trees_line,
                          .err = lightgbm->err};
    lightgbm_numbers listed = {0};
    lightgbm_line line;
    mlscore_status status = MLSCORE_OK;

    while (status == MLSCORE_OK) {
        const size_t at = text.at;

        if (!lightgbm_next_line(&text, &line)) {
            break;
        }
        if (line.key_length > sizeof(parameter) - 1 &&
            memcmp(line.key, parameter, sizeof(parameter) - 1) == 0) {
            status = read_categorical_parameter(&text, &line, &listed);
        }
        else if (line.key_length > sizeof(key) - 1 &&
                 memcmp(line.key, key, sizeof(key) - 1) == 0) {
            status = lightgbm_read_categories(lightgbm, at + sizeof(key) - 1,
                                              &listed);
        }
    }
    mlscore_free(listed.values);
    return status;
}

static mlscore_status read_forest(lightgbm_model *lightgbm)
{
    booster_model *model = lightgbm->model;
    const mlscore_forest_options options = {
        .feature_count = model->feature_count,
        .output_count = model->output_count,
        .number = MLSCORE_FOREST_DOUBLE,
        .sum = MLSCORE_FOREST_SUM_DOUBLE,
    };
    const mlscore_status status =
        mlscore_forest_builder_create(&model->forest, &options, lightgbm->err);

    return status == MLSCORE_OK ? lightgbm_read_trees(lightgbm) : status;
}

static mlscore_status read_model(lightgbm_model *lightgbm)
{
    booster_model *model = lightgbm->model;
    header_reader header = {.lightgbm = lightgbm,
                            .text = {.bytes = lightgbm->bytes,
                                     .size = lightgbm->size,
                                     .err = lightgbm->err}};
    mlscore_status status = read_header(&header);

    if (status == MLSCORE_OK) {
        status = make_inputs(&header);
    }
    if (status == MLSCORE_OK) {
        model->output_count = lightgbm->trees_per_iteration;
        if (!model->objective[0]) {
            strcpy(model->objective, "custom");
        }
        status = read_tail(lightgbm);
    }
    if (status == MLSCORE_OK) {
        status = lightgbm_scan_trees(lightgbm);
    }
    if (status == MLSCORE_OK) {
        model->kind = lightgbm->linear ? BOOSTER_LINEAR_LEAVES : BOOSTER_TREES;
        status = read_forest(lightgbm);
    }
    if (status == MLSCORE_OK && header.average && model->tree_count > 0) {
        model->divisor = model->tree_count / model->output_count;
    }
    return status;
}

static mlscore_status lightgbm_read(mlscore_image_builder **out,
                                    const unsigned char *bytes, size_t size,
                                    const mlscore_import_options *options,
                                    const mlscore_import_hints *hints,
                                    mlscore_error *err)
{
    booster_model model;
    lightgbm_model lightgbm = {.model = &model,
                               .err = err,
                               .bytes = (const char *)bytes,
                               .size = size};
    mlscore_status status = booster_model_init(&model, options, err);

    (void)hints;
    *out = NULL;
    model.format = "LightGBM";
    model.margin_name = "raw_score";
    if (status == MLSCORE_OK) {
        status = read_model(&lightgbm);
    }
    if (status == MLSCORE_OK) {
        status = booster_model_write(&model, out, err);
    }
    booster_model_free(&model);
    return status;
}

/* The first line is "tree", the second the file's version. */
static int lightgbm_sniff(const unsigned char *bytes, size_t size)
{
    const size_t prefix = size < 4096 ? size : 4096;

    if (size < 14 || memcmp(bytes, "tree", 4) != 0 ||
        (bytes[4] != '\n' && bytes[4] != '\r')) {
        return 0;
    }
    return memmem(bytes, prefix, "\nversion=", 9) ? 100 : 0;
}

const mlscore_importer mlscore_importer_lightgbm = {
    .name = "LightGBM",
    .sniff = lightgbm_sniff,
    .read = lightgbm_read,
};
