/* SPDX-License-Identifier: Apache-2.0 */
/* RegressionModel. */

#include <string.h>

#include "import/pmml/pmml_import.h"

/** A predictor's field: "name" up to PMML 4.4, "field" in 4.4.1. */
static uint32_t predictor_slot(pmml_import *in, pmml_scope *scope,
                               const pmml_element *element)
{
    return mlscore_pmml_field(
        in, scope, element,
        mlscore_pmml_attr(element, "field") ? "field" : "name");
}

static void add_numeric(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element)
{
    const pmml_term term = {
        .kind = PMML_TERM_NUMERIC,
        .slot = predictor_slot(in, scope, element),
        .constant = PMML_NONE,
        .coefficient = mlscore_pmml_need_number(in, element, "coefficient"),
        .exponent = mlscore_pmml_number(in, element, "exponent", 1.0)};

    mlscore_pmml_add(in, PMML_TABLE_terms, &term);
}

static void add_categorical(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element)
{
    const char *value = mlscore_pmml_need(in, element, "value");
    pmml_term term = {
        .kind = PMML_TERM_CATEGORICAL,
        .slot = predictor_slot(in, scope, element),
        .coefficient = mlscore_pmml_need_number(in, element, "coefficient")};

    term.constant = mlscore_pmml_constant(
        in, element, mlscore_pmml_slot(in, term.slot)->type, value,
        strlen(value));
    mlscore_pmml_add(in, PMML_TABLE_terms, &term);
}

static void add_product(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element)
{
    pmml_list words = {0};
    pmml_term term = {
        .kind = PMML_TERM_PRODUCT,
        .coefficient = mlscore_pmml_need_number(in, element, "coefficient")};

    PMML_EACH(child, element) {
        mlscore_pmml_list_add(in, &words, mlscore_pmml_expr(in, scope, child));
    }
    term.slot = mlscore_pmml_list_words(in, &words);
    term.constant = words.count;
    mlscore_pmml_add(in, PMML_TABLE_terms, &term);
}

/** Terms of one kind after the other, as they are to be added up. */
static pmml_regression_table lower_table(pmml_import *in, pmml_scope *scope,
                                         const pmml_element *element)
{
    static const struct {
        pmml_element_kind kind;
        void (*add)(pmml_import *in, pmml_scope *scope,
                    const pmml_element *element);
    } kinds[] = {{PMML_E_NUMERIC_PREDICTOR, add_numeric},
                 {PMML_E_CATEGORICAL_PREDICTOR, add_categorical},
                 {PMML_E_PREDICTOR_TERM, add_product}};
    const char *category = mlscore_pmml_attr(element, "targetCategory");
    pmml_regression_table table = {
        .category = category ? mlscore_pmml_category(in, scope->target_type,
                                                     category)
                             : PMML_NONE,
        .intercept = mlscore_pmml_number(in, element, "intercept", 0.0),
        .term_first = mlscore_pmml_rows(in, PMML_TABLE_terms)};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        PMML_EACH(child, element) {
            if (child->kind == kinds[i].kind) {
                kinds[i].add(in, scope, child);
            }
        }
    }
    table.term_count =
        mlscore_pmml_rows(in, PMML_TABLE_terms) - table.term_first;
    return table;
}

static void check_tables(pmml_import *in, const pmml_scope *scope,
                         const pmml_element *element,
                         const pmml_regression *model)
{
    if (scope->function == PMML_FUNCTION_REGRESSION) {
        if (model->table_count != 1) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                              "a regression has %u RegressionTables, not one",
                              model->table_count);
        }
        if (model->normalization == PMML_NORM_SIMPLEMAX) {
            mlscore_pmml_unsupported(in, element, "normalizationMethod");
        }
        return;
    }
    if (scope->function != PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    if (model->table_count < 2) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "a classification has fewer than two "
                          "RegressionTables");
    }
    const int ordinal = scope->target_optype == PMML_ORDINAL;
    const uint32_t norm = model->normalization;

    if (norm == PMML_NORM_EXP ||
        (ordinal &&
         (norm == PMML_NORM_SOFTMAX || norm == PMML_NORM_SIMPLEMAX)) ||
        (!ordinal && model->table_count > 2 && norm > PMML_NORM_LOGIT)) {
        mlscore_pmml_unsupported(in, element, "normalizationMethod");
    }
}

void mlscore_pmml_regression(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element, pmml_model *record,
                             pmml_list *categories)
{
    static const char *const methods[] = {
        "none",    "simplemax", "softmax", "logit",   "probit",
        "cloglog", "exp",       "loglog",  "cauchit", NULL};
    const size_t count =
        mlscore_pmml_count(element, PMML_E_REGRESSION_TABLE);
    pmml_regression model = {
        .normalization = mlscore_pmml_choice(in, element,
                                             "normalizationMethod", methods,
                                             PMML_NORM_NONE),
        .table_first =
            mlscore_pmml_reserve(in, PMML_TABLE_regression_tables, count),
        .table_count = (uint32_t)count};
    uint32_t at = model.table_first;

    check_tables(in, scope, element, &model);
    PMML_EACH(child, element) {
        if (child->kind != PMML_E_REGRESSION_TABLE) {
            continue;
        }
        const pmml_regression_table table = lower_table(in, scope, child);

        if (scope->function == PMML_FUNCTION_CLASSIFICATION) {
            if (table.category == PMML_NONE) {
                mlscore_pmml_need(in, child, "targetCategory");
            }
            mlscore_pmml_list_add(in, categories, table.category);
        }
        memcpy(mlscore_pmml_at(in, PMML_TABLE_regression_tables, at++),
               &table, sizeof(table));
    }
    record->kind = PMML_REGRESSION;
    record->body = mlscore_pmml_add(in, PMML_TABLE_regressions, &model);
}
