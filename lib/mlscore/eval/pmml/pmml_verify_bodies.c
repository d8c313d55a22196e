/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying the bodies of models other than trees, regressions, ensembles. */

#include "eval/pmml/pmml_verify.h"

/** `count` items of `size` numbers each lie in the numbers table. */
static int numbers_in(const pmml_plan *plan, uint32_t first, uint64_t count,
                      uint64_t size)
{
    uint64_t all;

    return !__builtin_mul_overflow(count, size, &all) &&
           first <= plan->numbers_count && all <= plan->numbers_count - first;
}

/* --- general regression ---------------------------------------------------*/

static int check_pcells(const pmml_check *check, uint32_t first,
                        uint32_t count)
{
    const pmml_plan *plan = check->plan;

    if (!pmml_range(first, count, plan->pcells_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const pmml_pcell *pcell = &plan->pcells[first + i];

        if (!pmml_range(pcell->cell_first, pcell->cell_count,
                        plan->ppcells_count)) {
            return 0;
        }
        for (uint32_t k = 0; k < pcell->cell_count; k++) {
            const pmml_ppcell *cell =
                &plan->ppcells[pcell->cell_first + k];

            if (cell->kind >= PMML_PPCELL_COUNT ||
                cell->slot >= plan->slots_count ||
                (cell->kind == PMML_PPCELL_FACTOR &&
                 cell->constant >= plan->constants_count) ||
                (cell->kind == PMML_PPCELL_CONTRAST &&
                 (!mlscore_pmml_check_words(
                      check, cell->contrast_first, cell->contrast_count,
                      plan->constants_count, 0) ||
                  !numbers_in(plan, cell->contrast_number,
                              cell->contrast_count, 1)))) {
                return 0;
            }
        }
    }
    return 1;
}

static int check_strata(const pmml_check *check, const pmml_general *body)
{
    const pmml_plan *plan = check->plan;

    if (body->stratum_count == 0 || body->time_slot >= plan->slots_count ||
        !pmml_range(body->stratum_first, body->stratum_count,
                    plan->strata_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->stratum_count; i++) {
        const pmml_stratum *stratum =
            &plan->strata[body->stratum_first + i];

        if (stratum->cell_count == 0 ||
            !numbers_in(plan, stratum->cell_first, stratum->cell_count, 2) ||
            (body->strata_slot != PMML_NONE &&
             stratum->value >= plan->constants_count)) {
            return 0;
        }
    }
    return 1;
}

static int check_general(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->generals_count) {
        return 0;
    }
    const pmml_general *body = &plan->generals[model->body];
    const uint32_t ranges =
        body->category_count > 0 ? body->category_count - 1 : 1;

    if (body->type >= PMML_GENERAL_TYPE_COUNT ||
        body->link >= PMML_LINK_COUNT || body->category_count == 1 ||
        body->category_count > model->capacity ||
        ranges > plan->words_count / 2 ||
        !pmml_range(body->range_first, 2 * ranges, plan->words_count) ||
        !mlscore_pmml_check_words(check, body->category_first,
                                  body->category_count, plan->symbols_count,
                                  0) ||
        !pmml_optional(body->trials_slot, plan->slots_count) ||
        !pmml_optional(body->offset_slot, plan->slots_count) ||
        !pmml_optional(body->strata_slot, plan->slots_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < ranges; i++) {
        const uint32_t *range = plan->words + body->range_first + 2 * i;

        if (!check_pcells(check, range[0], range[1])) {
            return 0;
        }
    }
    return body->type != PMML_COX_REGRESSION || check_strata(check, body);
}

/* --- networks -------------------------------------------------------------*/

/** A neuron uses only those before its layer. */
static int check_layer(const pmml_check *check, const pmml_layer *layer,
                       uint32_t known)
{
    const pmml_plan *plan = check->plan;

    if (layer->activation >= PMML_ACT_COUNT ||
        !pmml_range(layer->neuron_first, layer->neuron_count,
                    plan->neurons_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < layer->neuron_count; i++) {
        const pmml_neuron *neuron =
            &plan->neurons[layer->neuron_first + i];

        if (!mlscore_pmml_check_words(check, neuron->con_first,
                                      neuron->con_count, known, 0) ||
            !numbers_in(plan, neuron->con_number, neuron->con_count, 1)) {
            return 0;
        }
    }
    return 1;
}

static int check_neural_outputs(const pmml_check *check,
                                const pmml_model *model,
                                const pmml_network *body)
{
    const pmml_plan *plan = check->plan;
    const int classes = model->function == PMML_FUNCTION_CLASSIFICATION;

    if (body->output_count == 0 ||
        !pmml_range(body->output_first, body->output_count,
                    plan->neural_outputs_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->output_count; i++) {
        const pmml_neural_output *output =
            &plan->neural_outputs[body->output_first + i];

        if (output->neuron >= body->neuron_count ||
            output->id >= plan->symbols_count ||
            (classes && output->value >= plan->symbols_count) ||
            (!classes && output->kind == PMML_OP_NORM_CONTINUOUS &&
             (output->count < 2 ||
              !numbers_in(plan, output->value, output->count, 2)))) {
            return 0;
        }
    }
    return 1;
}

static int check_network(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->networks_count) {
        return 0;
    }
    const pmml_network *body = &plan->networks[model->body];
    uint32_t known = body->input_count;

    if (!mlscore_pmml_check_words(check, body->input_first,
                                  body->input_count, plan->exprs_count, 0) ||
        !pmml_range(body->layer_first, body->layer_count,
                    plan->layers_count) ||
        !mlscore_pmml_check_scratch(check, body->offset,
                                    body->neuron_count) ||
        body->neuron_count < known) {
        return 0;
    }
    for (uint32_t i = 0; i < body->layer_count; i++) {
        const pmml_layer *layer = &plan->layers[body->layer_first + i];

        if (!check_layer(check, layer, known) ||
            layer->neuron_count > body->neuron_count - known) {
            return 0;
        }
        known += layer->neuron_count;
    }
    return check_neural_outputs(check, model, body);
}

/* --- support vectors ------------------------------------------------------*/

static int check_machine(const pmml_check *check,
                         const pmml_vector_machine_model *body,
                         const pmml_machine *machine, int classes)
{
    const pmml_plan *plan = check->plan;

    if (!numbers_in(plan, machine->number_first, machine->count, 1) ||
        (body->coefficients
             ? machine->count != body->feature_count
             : !mlscore_pmml_check_words(check, machine->vector_first,
                                         machine->count, body->vector_count,
                                         0)) ||
        !pmml_optional(machine->target, plan->symbols_count) ||
        !pmml_optional(machine->alternate, plan->symbols_count)) {
        return 0;
    }
    return !classes ||
           (machine->target != PMML_NONE &&
            (body->against_all || machine->alternate != PMML_NONE ||
             body->alternate != PMML_NONE));
}

static int check_vectors(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->vector_machines_count) {
        return 0;
    }
    const pmml_vector_machine_model *body =
        &plan->vector_machines[model->body];

    if (body->kernel >= PMML_KERNEL_COUNT || body->machine_count == 0 ||
        !pmml_optional(body->alternate, plan->symbols_count) ||
        !mlscore_pmml_check_words(check, body->feature_first,
                                  body->feature_count, plan->exprs_count,
                                  0) ||
        !pmml_range(body->machine_first, body->machine_count,
                    plan->machines_count) ||
        !numbers_in(plan, body->vector_number, body->vector_count,
                    body->feature_count) ||
        !mlscore_pmml_check_scratch(check, body->offset,
                                    (size_t)body->feature_count +
                                        body->vector_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->machine_count; i++) {
        if (!check_machine(check, body,
                           &plan->machines[body->machine_first + i],
                           model->function == PMML_FUNCTION_CLASSIFICATION)) {
            return 0;
        }
    }
    return 1;
}

/* --- clusters and neighbors -----------------------------------------------*/

static const pmml_measure *check_measure(const pmml_check *check,
                                         uint32_t index)
{
    const pmml_plan *plan = check->plan;

    if (index >= plan->measures_count) {
        return NULL;
    }
    const pmml_measure *measure = &plan->measures[index];

    if (measure->metric >= PMML_METRIC_COUNT ||
        !pmml_range(measure->field_first, measure->field_count,
                    plan->measure_fields_count) ||
        (measure->metric == PMML_METRIC_BINARY &&
         !numbers_in(plan, measure->binary, 8, 1))) {
        return NULL;
    }
    for (uint32_t i = 0; i < measure->field_count; i++) {
        const pmml_measure_field *field =
            &plan->measure_fields[measure->field_first + i];

        if (field->slot >= plan->slots_count ||
            field->compare >= PMML_COMPARE_TABLE) {
            return NULL;
        }
    }
    return measure;
}

static int check_clustering(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->clusterings_count) {
        return 0;
    }
    const pmml_clustering *body = &plan->clusterings[model->body];
    const pmml_measure *measure = check_measure(check, body->measure);

    if (!measure || body->cluster_count == 0 ||
        body->cluster_count > model->capacity ||
        !pmml_range(body->cluster_first, body->cluster_count,
                    plan->clusters_count) ||
        (body->missing_first != PMML_NONE &&
         !numbers_in(plan, body->missing_first, measure->field_count, 1))) {
        return 0;
    }
    for (uint32_t i = 0; i < body->cluster_count; i++) {
        const pmml_cluster *cluster =
            &plan->clusters[body->cluster_first + i];

        if (cluster->id >= plan->symbols_count ||
            !pmml_optional(cluster->name, plan->symbols_count) ||
            !numbers_in(plan, cluster->center_first, measure->field_count,
                        1)) {
            return 0;
        }
    }
    return 1;
}

static int check_neighbor(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->neighbors_count) {
        return 0;
    }
    const pmml_neighbor *body = &plan->neighbors[model->body];
    const pmml_measure *measure = check_measure(check, body->measure);
    uint64_t words;

    if (!measure || body->k == 0 || body->keep < body->k ||
        body->keep > body->instance_count || body->keep > model->capacity ||
        body->continuous >= PMML_NEIGHBOR_COUNT ||
        !mlscore_pmml_check_scratch(check, body->offset,
                                    3 * (size_t)body->keep)) {
        return 0;
    }
    words = (uint64_t)body->given_count * body->instance_count;
    return words <= plan->words_count &&
           mlscore_pmml_check_words(check, body->given_first,
                                    body->given_count, plan->slots_count,
                                    0) &&
           mlscore_pmml_check_words(check, body->instance_first,
                                    (uint32_t)words, plan->constants_count,
                                    1) &&
           mlscore_pmml_check_words(check, body->id_first,
                                    body->instance_count,
                                    plan->symbols_count, 0) &&
           (body->target_first == PMML_NONE ||
            mlscore_pmml_check_words(check, body->target_first,
                                     body->instance_count,
                                     plan->constants_count, 0));
}

/* --- Bayes ----------------------------------------------------------------*/

static int check_bayes(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->bayeses_count) {
        return 0;
    }
    const pmml_bayes *body = &plan->bayeses[model->body];

    if (body->category_count == 0 || body->category_count > model->capacity ||
        !mlscore_pmml_check_words(check, body->category_first,
                                  body->category_count, plan->symbols_count,
                                  0) ||
        !numbers_in(plan, body->count_first, body->category_count, 1) ||
        !pmml_range(body->input_first, body->input_count,
                    plan->bayes_inputs_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->input_count; i++) {
        const pmml_bayes_input *input =
            &plan->bayes_inputs[body->input_first + i];
        const uint64_t rows = input->kind == PMML_BAYES_STATS
                                  ? 3
                                  : (uint64_t)input->value_count + 1;

        if (input->kind >= PMML_BAYES_KIND_COUNT ||
            input->slot >= plan->slots_count ||
            !mlscore_pmml_check_words(check, input->value_first,
                                      input->value_count,
                                      plan->constants_count, 0) ||
            !numbers_in(plan, input->number_first, rows,
                        body->category_count)) {
            return 0;
        }
    }
    return 1;
}

/* --- rules and scorecards -------------------------------------------------*/

static int check_rules(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->rule_sets_count) {
        return 0;
    }
    const pmml_rule_set *body = &plan->rule_sets[model->body];

    if (body->selection > 2 || model->capacity == 0 ||
        !pmml_optional(body->default_score, plan->symbols_count) ||
        !pmml_range(body->rule_first, body->rule_count,
                    plan->rules_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->rule_count; i++) {
        const pmml_rule *rule = &plan->rules[body->rule_first + i];

        if (rule->predicate >= plan->predicates_count ||
            rule->skip >= body->rule_count - i ||
            !pmml_optional(rule->score, plan->symbols_count) ||
            (rule->score != PMML_NONE && rule->id >= plan->symbols_count)) {
            return 0;
        }
    }
    return 1;
}

static int check_scorecard(const pmml_check *check, const pmml_model *model)
{
    const pmml_plan *plan = check->plan;

    if (model->body >= plan->scorecards_count) {
        return 0;
    }
    const pmml_scorecard *body = &plan->scorecards[model->body];

    if (!pmml_range(body->characteristic_first, body->characteristic_count,
                    plan->characteristics_count)) {
        return 0;
    }
    for (uint32_t i = 0; i < body->characteristic_count; i++) {
        const pmml_characteristic *characteristic =
            &plan->characteristics[body->characteristic_first + i];

        if (!pmml_range(characteristic->attribute_first,
                        characteristic->attribute_count,
                        plan->attributes_count)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < plan->attributes_count; i++) {
        const pmml_attribute *attribute = &plan->attributes[i];

        if (attribute->predicate >= plan->predicates_count ||
            !pmml_optional(attribute->reason, plan->symbols_count) ||
            (body->use_reasons && attribute->reason == PMML_NONE) ||
            !pmml_optional(attribute->expr, plan->exprs_count)) {
            return 0;
        }
    }
    return 1;
}

int mlscore_pmml_check_body(pmml_check *check, const pmml_model *model)
{
    switch (model->kind) {
    case PMML_GENERAL_REGRESSION:
        return check_general(check, model);
    case PMML_NETWORK:
        return check_network(check, model);
    case PMML_VECTOR_MACHINE:
        return check_vectors(check, model);
    case PMML_CLUSTERING:
        return check_clustering(check, model);
    case PMML_NEIGHBOR:
        return check_neighbor(check, model);
    case PMML_BAYES:
        return check_bayes(check, model);
    case PMML_RULE_SET:
        return check_rules(check, model);
    default:
        return check_scorecard(check, model);
    }
}
