/* SPDX-License-Identifier: Apache-2.0 */
/* ComparisonMeasure: how far two records are apart, or how alike. */

#include <math.h>

#include "import/pmml/pmml_import.h"

static const pmml_element_kind metrics[PMML_METRIC_COUNT] = {
    PMML_E_EUCLIDEAN,       PMML_E_SQUARED_EUCLIDEAN, PMML_E_CITY_BLOCK,
    PMML_E_CHEBYCHEV,       PMML_E_MINKOWSKI,         PMML_E_SIMPLE_MATCHING,
    PMML_E_JACCARD,         PMML_E_TANIMOTO,          PMML_E_BINARY_SIMILARITY};

static uint32_t add_binary(pmml_import *in, const pmml_element *element)
{
    static const char *const names[] = {
        "c00-parameter", "c01-parameter", "c10-parameter", "c11-parameter",
        "d00-parameter", "d01-parameter", "d10-parameter", "d11-parameter"};
    const uint32_t first = mlscore_pmml_rows(in, PMML_TABLE_numbers);

    for (int i = 0; i < 8; i++) {
        mlscore_pmml_add_number(
            in, mlscore_pmml_need_number(in, element, names[i]));
    }
    return first;
}

static uint32_t compare_function(pmml_import *in, const pmml_element *element,
                                 uint32_t otherwise)
{
    static const char *const names[] = {"absDiff", "gaussSim", "delta",
                                        "equal", "table", NULL};
    const uint32_t function = mlscore_pmml_choice(
        in, element, "compareFunction", names, otherwise);

    if (function == PMML_COMPARE_TABLE) {
        mlscore_pmml_unsupported(in, element, "compareFunction");
    }
    return function;
}

static void add_field(pmml_import *in, pmml_scope *scope,
                      const pmml_element *field, uint32_t function)
{
    const pmml_measure_field record = {
        .slot = mlscore_pmml_field(in, scope, field, "field"),
        .compare = compare_function(in, field, function),
        .weight = mlscore_pmml_number(in, field, "fieldWeight", 1.0),
        .scale = field->kind == PMML_E_CLUSTERING_FIELD
                     ? mlscore_pmml_number(in, field, "similarityScale", NAN)
                     : NAN};

    if (record.compare == PMML_COMPARE_GAUSS_SIM && isnan(record.scale)) {
        mlscore_pmml_need(in, field, "similarityScale");
    }
    mlscore_pmml_add(in, PMML_TABLE_measure_fields, &record);
}

uint32_t mlscore_pmml_measure(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element,
                              const pmml_element *fields,
                              pmml_element_kind kind)
{
    const pmml_element *comparison =
        mlscore_pmml_need_child(in, element, PMML_E_COMPARISON_MEASURE);
    const pmml_element *metric = comparison->child;
    pmml_measure measure = {
        .field_first = mlscore_pmml_rows(in, PMML_TABLE_measure_fields),
        .binary = PMML_NONE};

    if (!metric) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, comparison,
                          "ComparisonMeasure names no measure");
    }
    while (metrics[measure.metric] != metric->kind) {
        measure.metric++;
    }
    measure.similarity = measure.metric >= PMML_METRIC_SIMPLE_MATCHING;
    if (measure.metric == PMML_METRIC_MINKOWSKI) {
        measure.p = mlscore_pmml_need_number(in, metric, "p-parameter");
    }
    if (measure.metric == PMML_METRIC_BINARY) {
        measure.binary = add_binary(in, metric);
    }
    const uint32_t function =
        compare_function(in, comparison, PMML_COMPARE_ABS_DIFF);

    PMML_EACH(field, fields) {
        if (field->kind == kind &&
            mlscore_pmml_boolean(in, field, "isCenterField", 1)) {
            add_field(in, scope, field, function);
            measure.field_count++;
        }
    }
    if (measure.field_count == 0) {
        mlscore_pmml_need_child(in, fields, kind);
    }
    measure.offset = mlscore_pmml_scratch(in, element, measure.field_count);
    return mlscore_pmml_add(in, PMML_TABLE_measures, &measure);
}
