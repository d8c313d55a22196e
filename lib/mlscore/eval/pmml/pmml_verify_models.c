/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying models: what all have, trees, regressions, ensembles. */

#include "eval/pmml/pmml_verify.h"

static int check_targets(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->targets_count; i++) {
        const pmml_target *t = &plan->targets[i];

        if (t->cast >= PMML_CAST_COUNT ||
            !mlscore_pmml_check_words(check, t->prior_first, t->prior_count,
                                      plan->symbols_count, 0) ||
            !pmml_range(t->prior_number, t->prior_count,
                        plan->numbers_count) ||
            t->display_count > plan->words_count / 2 ||
            !mlscore_pmml_check_words(check, t->display_first,
                                      2 * t->display_count,
                                      plan->symbols_count, 0)) {
            return pmml_fail_check(check, "targets");
        }
    }
    return 1;
}

/* --- trees ----------------------------------------------------------------*/

static int check_nodes(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->nodes_count; i++) {
        const pmml_node *node = &plan->nodes[i];

        /* Children come after their parent, so that walks end. */
        if (node->predicate >= plan->predicates_count ||
            !pmml_optional(node->score, plan->constants_count) ||
            node->id >= plan->symbols_count ||
            !pmml_range(node->share_first, node->share_count,
                        plan->shares_count) ||
            (node->child_count > 0 &&
             (node->child_first <= i ||
              !pmml_range(node->child_first, node->child_count,
                          plan->nodes_count))) ||
            (node->default_child != PMML_NONE &&
             (node->default_child < node->child_first ||
              node->default_child - node->child_first >=
                  node->child_count))) {
            return pmml_fail_check(check, "nodes");
        }
    }
    for (uint32_t i = 0; i < plan->shares_count; i++) {
        if (plan->shares[i].category >= plan->symbols_count) {
            return pmml_fail_check(check, "score distributions");
        }
    }
    for (uint32_t i = 0; i < plan->trees_count; i++) {
        if (plan->trees[i].root >= plan->nodes_count ||
            plan->trees[i].strategy >= PMML_STRATEGY_COUNT) {
            return pmml_fail_check(check, "trees");
        }
    }
    return 1;
}

/* --- regressions ----------------------------------------------------------*/

static int check_terms(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->terms_count; i++) {
        const pmml_term *term = &plan->terms[i];
        int sound;

        switch (term->kind) {
        case PMML_TERM_NUMERIC:
            sound = term->slot < plan->slots_count;
            break;
        case PMML_TERM_CATEGORICAL:
            sound = term->slot < plan->slots_count &&
                    term->constant < plan->constants_count;
            break;
        case PMML_TERM_PRODUCT:
            sound = mlscore_pmml_check_words(check, term->slot,
                                             term->constant,
                                             plan->exprs_count, 0);
            break;
        default:
            sound = 0;
            break;
        }
        if (!sound) {
            return pmml_fail_check(check, "regression terms");
        }
    }
    return 1;
}

static int check_regressions(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    for (uint32_t i = 0; i < plan->regression_tables_count; i++) {
        const pmml_regression_table *table = &plan->regression_tables[i];

        if (!pmml_optional(table->category, plan->symbols_count) ||
            !pmml_range(table->term_first, table->term_count,
                        plan->terms_count)) {
            return pmml_fail_check(check, "regression tables");
        }
    }
    for (uint32_t i = 0; i < plan->regressions_count; i++) {
        const pmml_regression *body = &plan->regressions[i];

        if (body->normalization >= PMML_NORM_COUNT ||
            body->table_count == 0 ||
            !pmml_range(body->table_first, body->table_count,
                        plan->regression_tables_count)) {
            return pmml_fail_check(check, "regressions");
        }
    }
    return check_terms(check);
}

static int check_regression(pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->regressions_count) {
        return 0;
    }
    const pmml_regression *body = &plan->regressions[model->body];

    if (model->function == PMML_FUNCTION_REGRESSION) {
        return 1;
    }
    for (uint32_t i = 0; i < body->table_count; i++) {
        if (plan->regression_tables[body->table_first + i].category ==
            PMML_NONE) {
            return 0;
        }
    }
    return body->table_count >= 2 && model->capacity >= 2;
}

/* --- ensembles ------------------------------------------------------------*/

static int check_forest_features(const pmml_check *check,
                                 const pmml_forest *forest)
{
    const pmml_plan *plan = check->plan;

    if (!pmml_range(forest->feature_first, forest->feature_count,
                    plan->forest_features_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < forest->feature_count; i++) {
        const pmml_forest_feature *feature =
            &plan->forest_features[forest->feature_first + i];

        if (feature->slot >= plan->slots_count ||
            feature->kind >= PMML_SPLIT_COUNT ||
            !pmml_range(feature->code_first, feature->code_count,
                        feature->kind == PMML_SPLIT_NUMBER_CODE
                            ? plan->numbers_count
                            : plan->words_count)) {
            return 0;
        }
    }
    return 1;
}

/** Where the trees' nodes begin, and the nodes; each segment is a tree. */
static int check_leaves(const pmml_check *check, const pmml_forest *forest,
                        const pmml_mining *body)
{
    const pmml_plan *plan = check->plan;
    const uint32_t count = body->segment_count;

    if (!pmml_range(forest->category_first, count + 1, plan->words_count)) {
        return 0;
    }
    const uint32_t *firsts = plan->words + forest->category_first;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t model = plan->segments[body->segment_first + i].model;

        if (firsts[i] > firsts[i + 1] || model >= plan->models_count ||
            plan->models[model].kind != PMML_TREE) {
            return 0;
        }
    }
    return mlscore_pmml_check_words(
        check, forest->category_first + count + 1, firsts[count],
        plan->nodes_count, 1);
}

static int check_forest(pmml_check *check, const pmml_model *model,
                        const pmml_mining *body)
{
    const pmml_plan *plan = check->plan;

    if (body->forest == PMML_NONE) {
        return 1;
    }
    if (body->forest >= plan->forests_count) {
        return 0;
    }
    const pmml_forest *forest = &plan->forests[body->forest];
    const int leaves = forest->kind == PMML_FOREST_LEAVES;
    const int number = forest->kind == PMML_FOREST_NUMBER || leaves;

    return forest->offset % 64 == 0 &&
           pmml_range(forest->offset, forest->size,
                      plan->forest_bytes_count) &&
           forest->kind < PMML_FOREST_COUNT &&
           forest->output_count >= 1 &&
           (number ? forest->output_count == 1
                   : forest->output_count <= model->capacity) &&
           mlscore_pmml_check_words(check, forest->category_first,
                                    number ? 0 : forest->output_count,
                                    plan->symbols_count, 0) &&
           (!leaves || check_leaves(check, forest, body)) &&
           check_forest_features(check, forest);
}

static int check_mining(pmml_check *check, const pmml_model *model,
                        uint32_t index)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->minings_count) {
        return 0;
    }
    const pmml_mining *body = &plan->minings[model->body];
    uint32_t *depths = check->depths + plan->predicates_count;

    if (body->method >= PMML_METHOD_COUNT ||
        body->missing >= PMML_PREDICTION_COUNT ||
        !pmml_range(body->segment_first, body->segment_count,
                    plan->segments_count) ||
        !mlscore_pmml_check_scratch(check, body->sort,
                                    2 * (size_t)body->segment_count) ||
        !check_forest(check, model, body)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->segment_count; i++) {
        const pmml_segment *segment =
            &plan->segments[body->segment_first + i];

        /* Segments come before their ensemble, so that nesting ends. */
        if (segment->predicate >= plan->predicates_count ||
            segment->model >= index || segment->id >= plan->symbols_count) {
            return 0;
        }
        if (depths[segment->model] >= depths[index]) {
            depths[index] = depths[segment->model] + 1;
        }
    }
    return depths[index] <= PMML_NESTING;
}

/* --- all models -----------------------------------------------------------*/

static int check_output(const pmml_check *check, const pmml_output *output,
                        uint32_t index)
{
    const pmml_plan *plan = check->plan;
    const int from = output->from < plan->slots_count;

    return output->feature < PMML_FEATURE_COUNT &&
           output->slot < plan->slots_count &&
           plan->slots[output->slot].kind == PMML_SLOT_OUTPUT &&
           pmml_optional(output->source, index) &&
           output->type <= PMML_DYNAMIC && output->type != PMML_TYPE_COUNT &&
           pmml_optional(output->value, plan->symbols_count) &&
           pmml_optional(output->expr, plan->exprs_count) &&
           pmml_optional(output->column, plan->head->output_count) &&
           (output->feature != PMML_TRANSFORMED ||
            output->expr != PMML_NONE || from) &&
           (output->feature != PMML_RESIDUAL || from);
}

static int check_common(pmml_check *check, const pmml_model *model,
                        uint32_t index)
{
    const pmml_plan *plan = check->plan;

    if (model->kind >= PMML_MODEL_KIND_COUNT ||
        model->function >= PMML_FUNCTION_COUNT ||
        !pmml_optional(model->target, plan->targets_count) ||
        !pmml_optional(model->target_name, plan->symbols_count) ||
        model->target_type == PMML_MISSING ||
        model->target_type >= PMML_TYPE_COUNT ||
        model->target_optype >= PMML_OPTYPE_COUNT ||
        !mlscore_pmml_check_words(check, model->category_first,
                                  model->category_count,
                                  plan->symbols_count, 0) ||
        !pmml_range(model->output_first, model->output_count,
                    plan->outputs_count) ||
        !pmml_range(model->offset, model->capacity,
                    plan->head->result_count) ||
        !pmml_optional(model->column, plan->head->output_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < model->output_count; i++) {
        if (!check_output(check, &plan->outputs[model->output_first + i],
                          index)) {
            return 0;
        }
    }
    return 1;
}

int mlscore_pmml_check_models(pmml_check *check)
{
    const pmml_plan *plan = check->plan;

    if (!check_targets(check) || !check_nodes(check) ||
        !check_regressions(check)) {
        return 0;
    }
    for (uint32_t i = 0; i < plan->models_count; i++) {
        const pmml_model *model = &plan->models[i];
        int sound = check_common(check, model, i);

        check->depths[plan->predicates_count + i] = 0;

        switch (sound ? model->kind : PMML_MODEL_KIND_COUNT) {
        case PMML_TREE:
            sound = model->body < plan->trees_count;
            break;
        case PMML_REGRESSION:
            sound = check_regression(check, model);
            break;
        case PMML_MINING:
            sound = check_mining(check, model, i);
            break;
        case PMML_MODEL_KIND_COUNT:
            break;
        default:
            sound = mlscore_pmml_check_body(check, model);
            break;
        }
        if (!sound) {
            return pmml_fail_check(check, "models");
        }
    }
    return 1;
}
