/* SPDX-License-Identifier: Apache-2.0 */
/* Target: rescaling, defaults, prior probabilities and display values. */

#include <math.h>

#include "import/pmml/pmml_import.h"

static void add_default(pmml_import *in, const pmml_element *value,
                        pmml_target *target)
{
    if (mlscore_pmml_attr(value, "defaultValue")) {
        target->flags |= PMML_TARGET_DEFAULT;
        target->default_value =
            mlscore_pmml_need_number(in, value, "defaultValue");
    }
}

/** Prior probabilities are used as one when every value has one. */
static void add_values(pmml_import *in, const pmml_scope *scope,
                       pmml_target *target)
{
    pmml_list priors = {0}, displays = {0};
    uint32_t count = 0;

    target->prior_number = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    PMML_EACH(value, scope->target) {
        const char *text = mlscore_pmml_attr(value, "value");
        const char *display = mlscore_pmml_attr(value, "displayValue");

        count++;
        add_default(in, value, target);
        if (!text) {
            continue;
        }
        const uint32_t category =
            mlscore_pmml_category(in, scope->target_type, text);

        if (mlscore_pmml_attr(value, "priorProbability")) {
            mlscore_pmml_list_add(in, &priors, category);
            mlscore_pmml_add_number(
                in, mlscore_pmml_need_number(in, value, "priorProbability"));
        }
        if (display) {
            mlscore_pmml_list_add(in, &displays, category);
            mlscore_pmml_list_add(in, &displays,
                                  mlscore_pmml_symbol_of(in, display));
        }
    }
    if (priors.count > 0 && priors.count == count) {
        target->flags |= PMML_TARGET_PRIORS;
    }
    target->prior_first = mlscore_pmml_list_words(in, &priors);
    target->prior_count = priors.count;
    if (scope->target_data) {
        PMML_EACH(value, scope->target_data) {
            const char *display = mlscore_pmml_attr(value, "displayValue");

            if (value->kind == PMML_E_VALUE && display) {
                mlscore_pmml_list_add(
                    in, &displays,
                    mlscore_pmml_category(
                        in, scope->target_type,
                        mlscore_pmml_need(in, value, "value")));
                mlscore_pmml_list_add(in, &displays,
                                      mlscore_pmml_symbol_of(in, display));
            }
        }
    }
    target->display_first = mlscore_pmml_list_words(in, &displays);
    target->display_count = displays.count / 2;
}

static int has_display_values(const pmml_scope *scope)
{
    if (scope->target_data) {
        PMML_EACH(value, scope->target_data) {
            if (mlscore_pmml_attr(value, "displayValue")) {
                return 1;
            }
        }
    }
    return 0;
}

uint32_t mlscore_pmml_target(pmml_import *in, pmml_scope *scope)
{
    static const char *const casts[] = {"", "round", "ceiling", "floor",
                                        NULL};
    const pmml_element nothing = {.kind = PMML_E_TARGET};
    pmml_target target = {.factor = 1.0};

    if (!scope->target) {
        if (!has_display_values(scope)) {
            return PMML_NONE;
        }
        scope->target = &nothing;
        add_values(in, scope, &target);
        scope->target = NULL;
        return mlscore_pmml_add(in, PMML_TABLE_targets, &target);
    }
    const pmml_element *element = scope->target;

    target.cast = mlscore_pmml_choice(in, element, "castInteger", casts, 0);
    if (mlscore_pmml_attr(element, "min")) {
        target.flags |= PMML_TARGET_MIN;
        target.min = mlscore_pmml_need_number(in, element, "min");
    }
    if (mlscore_pmml_attr(element, "max")) {
        target.flags |= PMML_TARGET_MAX;
        target.max = mlscore_pmml_need_number(in, element, "max");
    }
    target.factor = mlscore_pmml_number(in, element, "rescaleFactor", 1.0);
    target.constant = mlscore_pmml_number(in, element, "rescaleConstant", 0.0);
    add_values(in, scope, &target);
    return mlscore_pmml_add(in, PMML_TABLE_targets, &target);
}
