/* SPDX-License-Identifier: Apache-2.0 */
/* RuleSetModel. */

#include <math.h>

#include "import/pmml/pmml_import.h"

typedef struct rule_builder {
    pmml_import *in;
    pmml_scope *scope;
    pmml_list *categories;
    uint32_t number; /* of simple rules, for those without an id */
} rule_builder;

static void add_simple(rule_builder *rules, const pmml_element *element)
{
    pmml_import *in = rules->in;
    const char *id = mlscore_pmml_attr(element, "id");
    char number[PMML_FORMAT_SIZE];
    pmml_rule rule = {
        .predicate = mlscore_pmml_predicate_in(in, rules->scope, element),
        .score = mlscore_pmml_category(
            in, rules->scope->target_type,
            mlscore_pmml_need(in, element, "score")),
        .weight = mlscore_pmml_number(in, element, "weight", 1.0),
        .confidence = mlscore_pmml_number(in, element, "confidence", 1.0)};

    mlscore_pmml_format(PMML_INTEGER, ++rules->number, number);
    rule.id = mlscore_pmml_symbol_of(in, id ? id : number);
    mlscore_pmml_list_add_once(in, rules->categories, rule.score);
    mlscore_pmml_add(in, PMML_TABLE_rules, &rule);
}

/** A CompoundRule stands before the rules inside it, which are skipped when
 *  its predicate does not hold. */
static void add_rules(rule_builder *rules, const pmml_element *parent)
{
    PMML_EACH(child, parent) {
        if (child->kind == PMML_E_SIMPLE_RULE) {
            add_simple(rules, child);
        }
        else if (child->kind == PMML_E_COMPOUND_RULE) {
            const pmml_rule rule = {
                .predicate = mlscore_pmml_predicate_in(rules->in,
                                                       rules->scope, child),
                .score = PMML_NONE,
                .id = PMML_NONE};
            const uint32_t at =
                mlscore_pmml_add(rules->in, PMML_TABLE_rules, &rule);

            add_rules(rules, child);
            pmml_rule *guard =
                mlscore_pmml_at(rules->in, PMML_TABLE_rules, at);

            guard->skip =
                mlscore_pmml_rows(rules->in, PMML_TABLE_rules) - at - 1;
        }
    }
}

void mlscore_pmml_rules(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element, pmml_model *record,
                        pmml_list *categories)
{
    static const char *const criteria[] = {"firstHit", "weightedSum",
                                           "weightedMax", NULL};
    const pmml_element *set =
        mlscore_pmml_need_child(in, element, PMML_E_RULE_SET);
    const pmml_element *method =
        mlscore_pmml_need_child(in, set, PMML_E_RULE_SELECTION);
    const char *score = mlscore_pmml_attr(set, "defaultScore");
    rule_builder rules = {.in = in, .scope = scope, .categories = categories};
    pmml_rule_set body = {
        .rule_first = mlscore_pmml_rows(in, PMML_TABLE_rules),
        .default_score =
            score ? mlscore_pmml_category(in, scope->target_type, score)
                  : PMML_NONE,
        .default_confidence =
            mlscore_pmml_number(in, set, "defaultConfidence", NAN)};

    if (scope->function != PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    mlscore_pmml_need(in, method, "criterion");
    body.selection =
        mlscore_pmml_choice(in, method, "criterion", criteria, 0);
    mlscore_pmml_mark_begin(in);
    add_rules(&rules, set);
    body.rule_count =
        mlscore_pmml_rows(in, PMML_TABLE_rules) - body.rule_first;
    if (body.default_score != PMML_NONE) {
        mlscore_pmml_list_add_once(in, categories, body.default_score);
    }
    record->kind = PMML_RULE_SET;
    record->body = mlscore_pmml_add(in, PMML_TABLE_rule_sets, &body);
}
