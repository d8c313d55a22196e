/* SPDX-License-Identifier: Apache-2.0 */
/* Output: what is reported of a result, and to later models of a chain. */

#include <string.h>

#include "import/pmml/pmml_import.h"

static const struct {
    const char *name;
    uint32_t feature;
} features[] = {
    {"predictedValue", PMML_PREDICTED_VALUE},
    {"predictedDisplayValue", PMML_PREDICTED_DISPLAY},
    {"transformedValue", PMML_TRANSFORMED},
    {"decision", PMML_TRANSFORMED},
    {"probability", PMML_PROBABILITY},
    {"confidence", PMML_CONFIDENCE},
    {"residual", PMML_RESIDUAL},
    {"entityId", PMML_ENTITY_ID},
    {"clusterId", PMML_CLUSTER_ID},
    {"affinity", PMML_AFFINITY},
    {"entityAffinity", PMML_ENTITY_AFFINITY},
    {"clusterAffinity", PMML_ENTITY_AFFINITY},
    {"reasonCode", PMML_REASON_CODE},
    {"standardError", PMML_STANDARD_ERROR},
    {"x-report", PMML_REPORT},
    {"warning", PMML_WARNING},
};

static uint32_t read_feature(pmml_import *in, const pmml_element *element)
{
    const char *text = mlscore_pmml_attr(element, "feature");

    if (!text) {
        return PMML_PREDICTED_VALUE;
    }
    for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
        if (strcmp(features[i].name, text) == 0) {
            const uint32_t feature = features[i].feature;

            if (feature == PMML_STANDARD_ERROR || feature == PMML_WARNING) {
                break;
            }
            return feature;
        }
    }
    mlscore_pmml_unsupported(in, element, "feature");
}

/** The segment with an id in a MiningModel, or none. */
static uint32_t find_segment(pmml_import *in, const pmml_model *record,
                             uint32_t id)
{
    const pmml_mining *mining =
        mlscore_pmml_at(in, PMML_TABLE_minings, record->body);

    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const pmml_segment *segment = mlscore_pmml_at(
            in, PMML_TABLE_segments, mining->segment_first + i);

        if (segment->id == id) {
            return segment->model;
        }
    }
    return PMML_NONE;
}

/** The segment of a chain of several targets that predicts this one. */
static uint32_t find_target(pmml_import *in, const pmml_model *record,
                            uint32_t name)
{
    const pmml_mining *mining =
        mlscore_pmml_at(in, PMML_TABLE_minings, record->body);

    for (uint32_t i = 0; i < mining->segment_count; i++) {
        const pmml_segment *segment = mlscore_pmml_at(
            in, PMML_TABLE_segments, mining->segment_first + i);
        const pmml_model *model =
            mlscore_pmml_at(in, PMML_TABLE_models, segment->model);

        if (model->target_name == name) {
            return segment->model;
        }
    }
    return PMML_NONE;
}

static void set_source(pmml_import *in, const pmml_element *element,
                       const pmml_model *record, pmml_output *output)
{
    const uint32_t segment =
        mlscore_pmml_attr_symbol(in, element, "segmentId");
    const uint32_t target =
        mlscore_pmml_attr_symbol(in, element, "targetField");

    output->source = PMML_NONE;
    if (segment != PMML_NONE) {
        if (record->kind != PMML_MINING) {
            mlscore_pmml_unsupported(in, element, "segmentId");
        }
        output->segment = 1;
        output->source = find_segment(in, record, segment);
        if (output->source == PMML_NONE) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                              "OutputField: there is no segment \"%.60s\"",
                              mlscore_pmml_symbol_text(in, segment));
        }
    }
    else if (record->kind == PMML_MINING && target != PMML_NONE &&
             target != record->target_name) {
        output->source = find_target(in, record, target);
    }
}

static uint32_t category_type(pmml_import *in, const pmml_scope *scope,
                              const pmml_output *output)
{
    const pmml_model *source =
        output->source == PMML_NONE
            ? NULL
            : mlscore_pmml_at(in, PMML_TABLE_models, output->source);

    return source ? source->target_type : scope->target_type;
}

static uint32_t default_type(pmml_import *in, const pmml_scope *scope,
                             const pmml_output *output)
{
    switch (output->feature) {
    case PMML_PREDICTED_VALUE:
        return category_type(in, scope, output);
    case PMML_PREDICTED_DISPLAY:
        return scope->target_type == PMML_STRING ? PMML_STRING : PMML_DYNAMIC;
    case PMML_TRANSFORMED:
        return output->expr == PMML_NONE
                   ? mlscore_pmml_slot(in, output->from)->type
                   : mlscore_pmml_expr_type(in, output->expr);
    case PMML_PROBABILITY:
    case PMML_CONFIDENCE:
    case PMML_RESIDUAL:
    case PMML_AFFINITY:
    case PMML_ENTITY_AFFINITY:
        return PMML_DOUBLE;
    default:
        return PMML_STRING;
    }
}

/** transformedValue of another segment's output. */
static uint32_t segment_output(pmml_import *in, const pmml_element *element,
                               const pmml_output *output)
{
    const uint32_t name = mlscore_pmml_symbol_of(
        in, mlscore_pmml_need(in, element, "value"));
    uint32_t slot;

    if (!mlscore_pmml_map_get(&in->models[output->source].scope->outputs,
                              name, &slot)) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "OutputField: the segment has no output \"%.60s\"",
                          mlscore_pmml_symbol_text(in, name));
    }
    return slot;
}

static void set_value(pmml_import *in, pmml_scope *scope,
                      const pmml_element *element, const pmml_model *record,
                      pmml_output *output)
{
    const char *value = mlscore_pmml_attr(element, "value");

    switch (output->feature) {
    case PMML_TRANSFORMED:
        if (output->segment) {
            output->from = segment_output(in, element, output);
        }
        else {
            output->expr = mlscore_pmml_expr_in(in, scope, element);
        }
        break;
    case PMML_RESIDUAL:
        output->from = mlscore_pmml_resolve(in, scope, element,
                                            record->target_name);
        break;
    case PMML_PROBABILITY:
    case PMML_CONFIDENCE:
    case PMML_AFFINITY:
    case PMML_ENTITY_AFFINITY:
        if (value) {
            output->value = mlscore_pmml_category(
                in, category_type(in, scope, output), value);
        }
        break;
    default:
        break;
    }
}

static void set_rank(pmml_import *in, const pmml_element *element,
                     pmml_output *output)
{
    static const char *const orders[] = {"descending", "ascending", NULL};
    const double rank = mlscore_pmml_number(in, element, "rank", 1.0);
    const char *many = mlscore_pmml_attr(element, "isMultiValued");

    if (!(rank >= 1 && rank <= 1e6)) {
        mlscore_pmml_unsupported(in, element, "rank");
    }
    if (many && strcmp(many, "0") != 0) {
        mlscore_pmml_unsupported(in, element, "isMultiValued");
    }
    output->rank = (uint32_t)rank;
    output->ascending =
        mlscore_pmml_choice(in, element, "rankOrder", orders, 0);
}

static void lower_output(pmml_import *in, pmml_scope *scope,
                         const pmml_element *element,
                         const pmml_model *record)
{
    const uint32_t name =
        mlscore_pmml_symbol_of(in, mlscore_pmml_need(in, element, "name"));
    pmml_output output = {.feature = read_feature(in, element),
                          .value = PMML_NONE,
                          .expr = PMML_NONE,
                          .from = PMML_NONE,
                          .column = PMML_NONE};

    if (output.feature == PMML_RESIDUAL &&
        record->target_name == PMML_NONE) {
        mlscore_pmml_unsupported(in, element, "feature");
    }
    set_source(in, element, record, &output);
    set_value(in, scope, element, record, &output);
    set_rank(in, element, &output);
    output.type = mlscore_pmml_type(in, element, "dataType", PMML_DYNAMIC);

    const uint32_t type = output.type != PMML_DYNAMIC
                              ? output.type
                              : default_type(in, scope, &output);
    const pmml_slot slot = {
        .kind = PMML_SLOT_OUTPUT,
        .source = PMML_NONE,
        .treatment = PMML_NONE,
        .type = type,
        .name = name,
        .optype = mlscore_pmml_default_optype(type)};

    output.slot = mlscore_pmml_add(in, PMML_TABLE_slots, &slot);
    mlscore_pmml_map_put(in, &scope->outputs, name, output.slot);
    mlscore_pmml_map_put(in, &scope->own_outputs, name, output.slot);
    mlscore_pmml_add(in, PMML_TABLE_outputs, &output);
}

void mlscore_pmml_outputs(pmml_import *in, pmml_scope *scope,
                          const pmml_element *model, pmml_model *record)
{
    const pmml_element *list = mlscore_pmml_child(model, PMML_E_OUTPUT);

    record->output_first = mlscore_pmml_rows(in, PMML_TABLE_outputs);
    if (list) {
        PMML_EACH(element, list) {
            lower_output(in, scope, element, record);
        }
    }
    record->output_count =
        mlscore_pmml_rows(in, PMML_TABLE_outputs) - record->output_first;
}
