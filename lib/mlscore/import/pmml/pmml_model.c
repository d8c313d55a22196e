/* SPDX-License-Identifier: Apache-2.0 */
/* What all models have in common, and which file lowers which. */

#include <string.h>

#include "base/alloc.h"
#include "import/pmml/pmml_import.h"

typedef void body_lowerer(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories);

static body_lowerer *find_body(pmml_element_kind kind)
{
    switch (kind) {
    case PMML_E_TREE_MODEL:
        return mlscore_pmml_tree;
    case PMML_E_REGRESSION_MODEL:
        return mlscore_pmml_regression;
    case PMML_E_MINING_MODEL:
        return mlscore_pmml_mining;
    case PMML_E_GENERAL_REGRESSION:
        return mlscore_pmml_general;
    case PMML_E_NEURAL_NETWORK:
        return mlscore_pmml_network;
    case PMML_E_VECTOR_MACHINE_MODEL:
        return mlscore_pmml_vectors;
    case PMML_E_CLUSTERING_MODEL:
        return mlscore_pmml_clustering;
    case PMML_E_NEIGHBOR_MODEL:
        return mlscore_pmml_neighbor;
    case PMML_E_BAYES_MODEL:
        return mlscore_pmml_bayes;
    case PMML_E_RULE_SET_MODEL:
        return mlscore_pmml_rules;
    case PMML_E_SCORECARD:
        return mlscore_pmml_scorecard;
    default:
        return NULL;
    }
}

uint32_t mlscore_pmml_scratch(pmml_import *in, const pmml_element *element,
                              size_t count)
{
    const uint32_t first = in->number_count;

    if (count > PMML_MAX_NUMBERS - first) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, element,
                          "%s needs too much memory to evaluate",
                          mlscore_pmml_element_name(element->kind));
    }
    in->number_count += (uint32_t)count;
    return first;
}

static void set_info(pmml_import *in, uint32_t index,
                     const pmml_model_info *info)
{
    if (index >= in->model_capacity) {
        const size_t capacity = (size_t)index * 2 + 16;
        pmml_model_info *models =
            mlscore_pmml_alloc(in, capacity, sizeof(*models));

        if (in->model_capacity > 0) {
            memcpy(models, in->models, in->model_capacity * sizeof(*models));
        }
        in->models = models;
        in->model_capacity = capacity;
    }
    in->models[index] = *info;
}

/** Room for the categories of a result: those of the body, and those that a
 *  default by prior probabilities has. */
static void set_capacity(pmml_import *in, const pmml_element *element,
                         pmml_model *record, const pmml_list *categories)
{
    if (record->capacity < categories->count) {
        record->capacity = categories->count;
    }
    if (record->target != PMML_NONE) {
        const pmml_target *target =
            mlscore_pmml_at(in, PMML_TABLE_targets, record->target);

        if (record->capacity < target->prior_count) {
            record->capacity = target->prior_count;
        }
    }
    record->offset = in->result_count;
    if (record->capacity > PMML_MAX_RESULTS - in->result_count) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, element,
                          "the model has too many categories");
    }
    in->result_count += record->capacity;
}

uint32_t mlscore_pmml_model(pmml_import *in, const pmml_element *element,
                            pmml_scope *parent)
{
    body_lowerer *lower = find_body(element->kind);
    pmml_scope *scope = mlscore_pmml_scope_create(in, element, parent);
    pmml_model_info info = {.element = element, .scope = scope};
    pmml_model record = {.function = scope->function,
                         .float_math = (uint32_t)scope->float_math,
                         .target_name = scope->target_name,
                         .target_type = scope->target_type,
                         .target_optype = scope->target_optype,
                         .column = PMML_NONE,
                         .target_slot = PMML_NONE};

    if (!lower) {
        mlscore_pmml_fail(in, MLSCORE_EUNSUPPORTED, element,
                          "%s is not supported",
                          mlscore_pmml_element_name(element->kind));
    }
    if (!parent) {
        in->top = scope;
        mlscore_pmml_input_columns(in, scope);
    }
    if (element->kind == PMML_E_NEIGHBOR_MODEL && scope->target_count > 1 &&
        !in->only_target) {
        lower = mlscore_pmml_neighbors;
    }
    record.category_first = mlscore_pmml_list_words(in, &scope->categories);
    record.category_count = scope->categories.count;
    record.target = mlscore_pmml_target(in, scope);
    lower(in, scope, element, &record, &info.categories);
    set_capacity(in, element, &record, &info.categories);
    if (!in->only_target) {
        mlscore_pmml_outputs(in, scope, element, &record);
    }

    const uint32_t index = mlscore_pmml_add(in, PMML_TABLE_models, &record);

    set_info(in, index, &info);
    return index;
}
