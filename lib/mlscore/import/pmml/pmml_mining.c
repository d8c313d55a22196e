/* SPDX-License-Identifier: Apache-2.0 */
/* MiningModel: segments, and how their results combine. */

#include <string.h>

#include "import/pmml/pmml_import.h"

static const char *const method_names[] = {
    "majorityVote",   "weightedMajorityVote", "average",
    "weightedAverage", "median",              "weightedMedian",
    "max",            "sum",                  "weightedSum",
    "selectFirst",    "selectAll",            "modelChain",
    "multiModelChain", NULL};

/** Methods before they were standard carry "x-". */
static uint32_t read_method(pmml_import *in, const pmml_element *element)
{
    const char *text = mlscore_pmml_need(in, element, "multipleModelMethod");

    if (strncmp(text, "x-", 2) == 0) {
        text += 2;
    }
    for (uint32_t i = 0; method_names[i]; i++) {
        if (strcmp(method_names[i], text) == 0) {
            return i;
        }
    }
    mlscore_pmml_unsupported(in, element, "multipleModelMethod");
}

/** Which methods make sense for which function. */
static void check_method(pmml_import *in, const pmml_scope *scope,
                         const pmml_element *element, uint32_t method)
{
    static const uint32_t allowed[PMML_FUNCTION_COUNT] = {
        [PMML_FUNCTION_REGRESSION] =
            1u << PMML_AVERAGE | 1u << PMML_WEIGHTED_AVERAGE |
            1u << PMML_MEDIAN | 1u << PMML_WEIGHTED_MEDIAN | 1u << PMML_SUM |
            1u << PMML_WEIGHTED_SUM,
        [PMML_FUNCTION_CLASSIFICATION] =
            1u << PMML_MAJORITY_VOTE | 1u << PMML_WEIGHTED_MAJORITY_VOTE |
            1u << PMML_AVERAGE | 1u << PMML_WEIGHTED_AVERAGE |
            1u << PMML_MEDIAN | 1u << PMML_MAX,
        [PMML_FUNCTION_CLUSTERING] =
            1u << PMML_MAJORITY_VOTE | 1u << PMML_WEIGHTED_MAJORITY_VOTE,
    };

    if (method < PMML_SELECT_FIRST &&
        !(allowed[scope->function] >> method & 1)) {
        mlscore_pmml_unsupported(in, element, "multipleModelMethod");
    }
}

/** Only models of the same function can vote or be averaged. */
static void check_segment(pmml_import *in, const pmml_scope *scope,
                          const pmml_element *model, uint32_t segment_model,
                          uint32_t method)
{
    const pmml_model *record =
        mlscore_pmml_at(in, PMML_TABLE_models, segment_model);

    if (method != PMML_MODEL_CHAIN && method != PMML_MULTI_CHAIN &&
        record->function != scope->function) {
        mlscore_pmml_unsupported(in, model, "functionName");
    }
}

/** A segment's output fields are fields for the segments after it. */
static void take_outputs(pmml_import *in, pmml_scope *scope, uint32_t model)
{
    const pmml_map *outputs = &in->models[model].scope->own_outputs;

    for (size_t i = 0; i < outputs->capacity; i++) {
        if (outputs->keys[i] != PMML_NONE) {
            mlscore_pmml_map_put(in, &scope->outputs, outputs->keys[i],
                                 outputs->values[i]);
        }
    }
}

static int is_chain(uint32_t method)
{
    return method == PMML_MODEL_CHAIN || method == PMML_MULTI_CHAIN;
}

static pmml_segment lower_segment(pmml_import *in, pmml_scope *scope,
                                  const pmml_element *element,
                                  uint32_t number, uint32_t method)
{
    const char *id = mlscore_pmml_attr(element, "id");
    const pmml_element *model = mlscore_pmml_child_in(element, 'M');
    char text[PMML_FORMAT_SIZE];
    pmml_segment segment = {
        .weight = mlscore_pmml_number(in, element, "weight", 1.0)};

    mlscore_pmml_format(PMML_INTEGER, number, text);
    segment.id = mlscore_pmml_symbol_of(in, id ? id : text);
    segment.predicate = mlscore_pmml_predicate_in(in, scope, element);
    if (!model) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element, "Segment has no model");
    }
    segment.model = mlscore_pmml_model(in, model, scope);
    check_segment(in, scope, model, segment.model, method);
    if (is_chain(method)) {
        take_outputs(in, scope, segment.model);
    }
    return segment;
}

static void gather_categories(pmml_import *in, const pmml_mining *mining,
                              pmml_list *categories)
{
    mlscore_pmml_mark_begin(in);
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const pmml_segment *segment = mlscore_pmml_at(
            in, PMML_TABLE_segments, mining->segment_first + i);
        const pmml_list *from = &in->models[segment->model].categories;

        for (uint32_t k = 0; k < from->count; k++) {
            mlscore_pmml_list_add_once(in, categories, from->items[k]);
        }
    }
}

void mlscore_pmml_mining(pmml_import *in, pmml_scope *scope,
                         const pmml_element *element, pmml_model *record,
                         pmml_list *categories)
{
    static const char *const treatments[] = {"continue", "skipSegment",
                                             "returnMissing", NULL};
    const pmml_element *segmentation =
        mlscore_pmml_need_child(in, element, PMML_E_SEGMENTATION);
    const uint32_t method = read_method(in, segmentation);
    const size_t count = mlscore_pmml_count(segmentation, PMML_E_SEGMENT);
    pmml_mining mining = {
        .method = method,
        .missing = mlscore_pmml_choice(
            in, segmentation, "missingPredictionTreatment", treatments,
            mlscore_pmml_choice(in, segmentation,
                                "x-missingPredictionTreatment", treatments,
                                PMML_PREDICTION_CONTINUE)),
        .threshold = mlscore_pmml_number(
            in, segmentation, "missingThreshold",
            mlscore_pmml_number(in, segmentation, "x-missingThreshold", 1.0)),
        .segment_count = (uint32_t)count,
        .forest = PMML_NONE};
    uint32_t number = 0;

    check_method(in, scope, segmentation, method);
    if (count == 0) {
        mlscore_pmml_need_child(in, segmentation, PMML_E_SEGMENT);
    }
    mining.segment_first =
        mlscore_pmml_reserve(in, PMML_TABLE_segments, count);
    PMML_EACH(child, segmentation) {
        const pmml_segment segment =
            lower_segment(in, scope, child, number + 1, method);

        memcpy(mlscore_pmml_at(in, PMML_TABLE_segments,
                               mining.segment_first + number++),
               &segment, sizeof(segment));
    }
    gather_categories(in, &mining, categories);
    /* What medians and the probabilities of all segments need. */
    mining.sort = mlscore_pmml_scratch(in, element, 2 * count);
    record->kind = PMML_MINING;
    record->body = mlscore_pmml_add(in, PMML_TABLE_minings, &mining);
}
