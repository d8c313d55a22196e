/* SPDX-License-Identifier: Apache-2.0 */
/* MiningField: what a model does to missing, invalid and outlying values. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

/** The Values of a DataField: those that are the type's, typed; others as
 *  text. Returns 1 when some are marked valid. */
static int add_values(pmml_import *in, const pmml_element *data,
                      uint32_t type, pmml_treatment *treatment)
{
    static const char *const properties[] = {"valid", "invalid", "missing",
                                             NULL};
    pmml_list words = {0};
    int valid = 0;

    PMML_EACH(value, data) {
        if (value->kind != PMML_E_VALUE) {
            continue;
        }
        const char *text = mlscore_pmml_need(in, value, "value");
        const uint32_t property =
            mlscore_pmml_choice(in, value, "property", properties, 0);
        uint32_t constant =
            mlscore_pmml_try_constant(in, type, text, strlen(text));

        if (constant == PMML_NONE) {
            constant = mlscore_pmml_constant(in, value, PMML_STRING, text,
                                             strlen(text));
        }
        valid |= property == PMML_VALUE_VALID;
        mlscore_pmml_list_add(in, &words, constant);
        mlscore_pmml_list_add(in, &words, property);
    }
    treatment->value_first = mlscore_pmml_list_words(in, &words);
    treatment->value_count = words.count / 2;
    return valid;
}

static void add_intervals(pmml_import *in, const pmml_element *data,
                          pmml_treatment *treatment)
{
    treatment->interval_first = mlscore_pmml_rows(in, PMML_TABLE_intervals);
    PMML_EACH(child, data) {
        if (child->kind == PMML_E_INTERVAL) {
            const pmml_interval interval = mlscore_pmml_interval(in, child);

            mlscore_pmml_add(in, PMML_TABLE_intervals, &interval);
            treatment->interval_count++;
        }
    }
}

static void add_outliers(pmml_import *in, const pmml_element *mining,
                         pmml_treatment *treatment)
{
    static const char *const choices[] = {"asIs", "asMissingValues",
                                          "asExtremeValues", NULL};

    treatment->outliers =
        mlscore_pmml_choice(in, mining, "outliers", choices, 0);
    if (treatment->outliers == PMML_OUTLIER_AS_IS) {
        return;
    }
    if (mlscore_pmml_attr(mining, "lowValue")) {
        treatment->flags |= PMML_TREAT_HAS_LOW;
        treatment->low = mlscore_pmml_need_number(in, mining, "lowValue");
    }
    if (mlscore_pmml_attr(mining, "highValue")) {
        treatment->flags |= PMML_TREAT_HAS_HIGH;
        treatment->high = mlscore_pmml_need_number(in, mining, "highValue");
    }
    if (!(treatment->flags & (PMML_TREAT_HAS_LOW | PMML_TREAT_HAS_HIGH))) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, mining,
                          "MiningField treats outliers but has neither "
                          "lowValue nor highValue");
    }
}

static void add_missing(pmml_import *in, const pmml_element *mining,
                        uint32_t type, pmml_treatment *treatment)
{
    static const char *const choices[] = {"asIs",   "asMean",  "asMode",
                                          "asMedian", "asValue",
                                          "returnInvalid", "x-returnInvalid",
                                          NULL};
    const uint32_t method = mlscore_pmml_choice(
        in, mining, "missingValueTreatment", choices, 0);

    treatment->missing_replacement = mlscore_pmml_attr_constant(
        in, mining, "missingValueReplacement", type);
    if (method >= 5) {
        treatment->flags |= PMML_TREAT_MISSING_INVALID;
    }
}

static void add_invalid(pmml_import *in, const pmml_element *mining,
                        uint32_t type, pmml_treatment *treatment)
{
    static const char *const choices[] = {"returnInvalid", "asIs",
                                          "asMissing", "asValue", NULL};
    const char *const replacement =
        mlscore_pmml_attr(mining, "invalidValueReplacement")
            ? "invalidValueReplacement"
            : "x-invalidValueReplacement";

    treatment->invalid = mlscore_pmml_choice(
        in, mining, "invalidValueTreatment", choices, PMML_INVALID_RETURN);
    treatment->invalid_replacement = mlscore_pmml_attr_constant(
        in, mining, replacement, type);
    if (treatment->invalid == PMML_INVALID_AS_IS &&
        treatment->invalid_replacement != PMML_NONE) {
        /* before PMML 4.4 named it asValue */
        treatment->invalid = PMML_INVALID_AS_VALUE;
    }
    if (treatment->invalid == PMML_INVALID_AS_VALUE &&
        treatment->invalid_replacement == PMML_NONE) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, mining,
                          "MiningField has invalidValueTreatment=\"asValue\" "
                          "but no invalidValueReplacement");
    }
}

uint32_t mlscore_pmml_treatment(pmml_import *in, const pmml_element *data,
                                const pmml_element *mining, uint32_t type,
                                int nested)
{
    pmml_treatment treatment = {.type = type,
                                .invalid_replacement = PMML_NONE,
                                .missing_replacement = PMML_NONE};

    add_outliers(in, mining, &treatment);
    add_missing(in, mining, type, &treatment);
    add_invalid(in, mining, type, &treatment);
    if (nested) {
        if (treatment.outliers == PMML_OUTLIER_AS_IS &&
            treatment.missing_replacement == PMML_NONE &&
            !(treatment.flags & PMML_TREAT_MISSING_INVALID)) {
            return PMML_NONE;
        }
    }
    else if (data) {
        if (add_values(in, data, type, &treatment)) {
            treatment.flags |= PMML_TREAT_VALID_SPACE;
        }
        add_intervals(in, data, &treatment);
    }
    return mlscore_pmml_add(in, PMML_TABLE_treatments, &treatment);
}
