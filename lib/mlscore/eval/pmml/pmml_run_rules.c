/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a RuleSetModel. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The rules that hold, gathered by score: confidences lie in the values of
 *  the result; for each score its best weight in the confidences. */
typedef struct firing {
    pmml_run *run;
    const pmml_model *model;
    const pmml_rule_set *body;
    uint32_t index;
    uint32_t fired;
    uint32_t first; /* rule that fired first */
} firing;

static void fire(firing *all, uint32_t number)
{
    pmml_run *run = all->run;
    const pmml_rule *rule = &run->plan->rules[number];
    double *best = run->confidences + all->model->offset;
    double *values = run->values + all->model->offset;
    const uint32_t before = run->results[all->index].count;

    if (all->fired++ == 0) {
        all->first = number;
    }
    mlscore_pmml_add_category(run, all->index, rule->score, 0.0);
    const uint32_t at =
        mlscore_pmml_find_category(run, all->index, rule->score);
    const int is_new = run->results[all->index].count > before;

    if (at == PMML_NONE) {
        return; /* the image gives the model fewer categories */
    }

    switch (all->body->selection) {
    case 1: /* weightedSum */
        values[at] = pmml_round(all->model, values[at] + rule->weight);
        break;
    case 2: /* weightedMax */
        if (is_new || rule->weight > best[at]) {
            values[at] = rule->confidence;
        }
        break;
    default: /* firstHit */
        if (is_new) {
            values[at] = rule->confidence;
        }
        break;
    }
    if (is_new || rule->weight > best[at]) {
        best[at] = rule->weight;
    }
}

static int run_all(firing *all)
{
    pmml_run *run = all->run;
    const uint32_t end = all->body->rule_first + all->body->rule_count;

    for (uint32_t i = all->body->rule_first; i < end; i++) {
        const pmml_rule *rule = &run->plan->rules[i];
        const int holds = mlscore_pmml_test(run, rule->predicate);

        if (holds < 0) {
            return -1;
        }
        if (holds != PMML_TRUE) {
            i += rule->skip;
        }
        else if (rule->score != PMML_NONE) {
            fire(all, i);
        }
    }
    return 0;
}

/** The rule of a score that has the largest weight, the first of several. */
static uint32_t winning_rule(const firing *all, uint32_t score)
{
    const pmml_run *run = all->run;
    const uint32_t end = all->body->rule_first + all->body->rule_count;
    const uint32_t at = mlscore_pmml_find_category(run, all->index, score);
    const double best =
        at == PMML_NONE ? NAN : run->confidences[all->model->offset + at];

    for (uint32_t i = all->first; i < end; i++) {
        if (run->plan->rules[i].score == score &&
            run->plan->rules[i].weight == best) {
            return run->plan->rules[i].id;
        }
    }
    return PMML_NONE;
}

/** No rule holds: the default score, whose confidence may not be given. */
static int set_default(const firing *all)
{
    pmml_run *run = all->run;
    const pmml_rule_set *body = all->body;

    if (body->default_score == PMML_NONE) {
        return mlscore_pmml_set_default(run, all->index);
    }
    if (!isnan(body->default_confidence)) {
        mlscore_pmml_add_category(run, all->index, body->default_score,
                                  body->default_confidence);
    }
    return mlscore_pmml_set_category(run, all->index, body->default_score);
}

/** weightedMax: the score of the rule with the largest weight, the first of
 *  several. */
static uint32_t heaviest_score(const firing *all)
{
    const pmml_run *run = all->run;
    const double *best = run->confidences + all->model->offset;
    uint32_t at = 0;

    for (uint32_t i = 1; i < run->results[all->index].count; i++) {
        at = best[i] > best[at] ? i : at;
    }
    return run->keys[all->model->offset + at];
}

/** Rules hold: their scores compete. */
static int set_competing(firing *all)
{
    pmml_run *run = all->run;
    const uint32_t index = all->index;
    pmml_result *result = &run->results[index];
    double *values = run->values + all->model->offset;

    if (all->body->selection == 0) {
        result->entity = run->plan->rules[all->first].id;
        return mlscore_pmml_set_category(run, index,
                                         run->plan->rules[all->first].score);
    }
    for (uint32_t i = 0; i < result->count && all->body->selection == 1; i++) {
        values[i] = pmml_round(all->model, values[i] / all->fired);
    }
    if (result->count == 0 ||
        (all->body->selection == 2
             ? mlscore_pmml_set_category(run, index, heaviest_score(all))
             : mlscore_pmml_set_winner(run, index))) {
        return -1;
    }
    result->entity = winning_rule(all, result->category);
    return 0;
}

int mlscore_pmml_run_rules(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    firing all = {.run = run,
                  .model = model,
                  .body = &run->plan->rule_sets[model->body],
                  .index = index};
    pmml_result *result = &run->results[index];
    double *values = run->values + model->offset;

    result->kind = PMML_RESULT_SIMILARITY;
    if (run_all(&all)) {
        return -1;
    }
    if (all.fired == 0 ? set_default(&all) : set_competing(&all)) {
        return -1;
    }
    result->has_confidence = 1;
    for (uint32_t i = 0; i < result->count; i++) {
        run->confidences[model->offset + i] = values[i];
    }
    return 0;
}
