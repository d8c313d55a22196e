/* SPDX-License-Identifier: Apache-2.0 */
/* GeneralRegressionModel: linear, generalized linear, logistic, ordinal,
 * Cox. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct general_builder {
    pmml_import *in;
    pmml_scope *scope;
    const pmml_element *element;
    const pmml_element *pp_matrix;
    const pmml_element *param_matrix;
    pmml_map factors;    /* name -> 1 */
    pmml_map covariates;
} general_builder;

static void name_predictors(general_builder *g, pmml_element_kind kind,
                            pmml_map *map)
{
    const pmml_element *list = mlscore_pmml_child(g->element, kind);

    if (list) {
        PMML_EACH(predictor, list) {
            mlscore_pmml_map_put(
                g->in, map,
                mlscore_pmml_symbol_of(g->in, mlscore_pmml_need(
                                                  g->in, predictor, "name")),
                1);
        }
    }
}

/* --- PPCells --------------------------------------------------------------*/

static const pmml_element *find_predictor(const general_builder *g,
                                          const char *name)
{
    const pmml_element *list =
        mlscore_pmml_child(g->element, PMML_E_FACTOR_LIST);

    PMML_EACH(predictor, list) {
        const char *found = mlscore_pmml_attr(predictor, "name");

        if (found && strcmp(found, name) == 0) {
            return predictor;
        }
    }
    return NULL;
}

/** The categories of a factor: its own, or the data field's values. */
static void factor_categories(general_builder *g,
                              const pmml_element *predictor, uint32_t slot,
                              pmml_list *constants)
{
    const pmml_element *own =
        mlscore_pmml_child(predictor, PMML_E_CATEGORIES);
    const pmml_element *parent =
        own ? own : mlscore_pmml_slot_data(g->in, slot);
    const uint32_t type = mlscore_pmml_slot(g->in, slot)->type;

    if (!parent) {
        mlscore_pmml_fail(g->in, MLSCORE_EFORMAT, predictor,
                          "Predictor has a Matrix but no Categories");
    }
    PMML_EACH(category, parent) {
        if (category->kind == PMML_E_CATEGORY ||
            category->kind == PMML_E_VALUE) {
            const char *text = mlscore_pmml_need(g->in, category, "value");

            mlscore_pmml_list_add(
                g->in, constants,
                mlscore_pmml_constant(g->in, category, type, text,
                                      strlen(text)));
        }
    }
}

/** A cell of a Matrix by 0-based row and column. */
static double matrix_cell(pmml_import *in, const pmml_element *matrix,
                          uint32_t row, uint32_t column)
{
    static const char *const kinds[] = {"any", "diagonal", "symmetric", NULL};
    uint32_t at = 0;
    double found = mlscore_pmml_number(in, matrix,
                                       row == column ? "diagDefault"
                                                     : "offDiagDefault",
                                       0.0);
    const uint32_t kind = mlscore_pmml_choice(in, matrix, "kind", kinds, 0);

    if (kind == 2 && column > row) {
        return matrix_cell(in, matrix, column, row);
    }
    PMML_EACH(child, matrix) {
        if (child->kind == PMML_E_ARRAY) {
            uint32_t count;
            const int wanted = kind == 1 ? row == column : at == row;

            if (wanted) {
                const uint32_t first =
                    mlscore_pmml_number_array(in, child, &count);
                const uint32_t k = kind == 1 ? row : column;

                return k < count ? *(double *)mlscore_pmml_at(
                                       in, PMML_TABLE_numbers, first + k)
                                 : found;
            }
            at++;
        }
        else if (mlscore_pmml_need_number(in, child, "row") == row + 1 &&
                 mlscore_pmml_need_number(in, child, "col") == column + 1) {
            if (mlscore_pmml_parse_number(child->text, strlen(child->text),
                                          &found)) {
                mlscore_pmml_fail(in, MLSCORE_EFORMAT, child,
                                  "MatCell is not a number");
            }
        }
    }
    return found;
}

/** A factor that is not compared but counted by a contrast matrix. */
static void add_contrasts(general_builder *g, const pmml_element *cell,
                          const pmml_element *predictor,
                          const pmml_element *matrix, pmml_ppcell *record)
{
    pmml_import *in = g->in;
    pmml_list constants = {0};
    uint32_t column = 0;

    factor_categories(g, predictor, record->slot, &constants);
    const pmml_constant *wanted =
        mlscore_pmml_at(in, PMML_TABLE_constants, record->constant);
    const uint32_t symbol = wanted->symbol;

    while (column < constants.count &&
           ((pmml_constant *)mlscore_pmml_at(in, PMML_TABLE_constants,
                                             constants.items[column]))
                   ->symbol != symbol) {
        column++;
    }
    if (column == constants.count) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, cell,
                          "PPCell: the value is no category of the factor");
    }
    double *row = mlscore_pmml_alloc(in, constants.count, sizeof(*row));

    for (uint32_t i = 0; i < constants.count; i++) {
        row[i] = matrix_cell(in, matrix, i, column);
    }
    record->kind = PMML_PPCELL_CONTRAST;
    record->contrast_first = mlscore_pmml_list_words(in, &constants);
    record->contrast_count = constants.count;
    record->contrast_number = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    for (uint32_t i = 0; i < constants.count; i++) {
        mlscore_pmml_add_number(in, row[i]);
    }
}

static void add_ppcell(general_builder *g, const pmml_element *cell)
{
    pmml_import *in = g->in;
    const char *name = mlscore_pmml_need(in, cell, "predictorName");
    const char *value = mlscore_pmml_need(in, cell, "value");
    const uint32_t symbol = mlscore_pmml_symbol_of(in, name);
    uint32_t known;
    pmml_ppcell record = {
        .slot = mlscore_pmml_field(in, g->scope, cell, "predictorName"),
        .constant = PMML_NONE,
        .exponent = 1.0};

    if (mlscore_pmml_map_get(&g->factors, symbol, &known)) {
        const pmml_element *predictor = find_predictor(g, name);
        const pmml_element *matrix =
            mlscore_pmml_child(predictor, PMML_E_MATRIX);

        record.kind = PMML_PPCELL_FACTOR;
        record.constant = mlscore_pmml_constant(
            in, cell, mlscore_pmml_slot(in, record.slot)->type, value,
            strlen(value));
        if (matrix) {
            add_contrasts(g, cell, predictor, matrix, &record);
        }
    }
    else if (mlscore_pmml_map_get(&g->covariates, symbol, &known)) {
        record.kind = PMML_PPCELL_COVARIATE;
        record.exponent = mlscore_pmml_need_number(in, cell, "value");
    }
    else {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, cell,
                          "PPCell: \"%.60s\" is neither a factor nor a "
                          "covariate",
                          name);
    }
    mlscore_pmml_add(in, PMML_TABLE_ppcells, &record);
}

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/** Whether some PPCell is for one category only. */
static int has_category(const general_builder *g, const char *category)
{
    PMML_EACH(cell, g->pp_matrix) {
        if (category &&
            same_text(mlscore_pmml_attr(cell, "targetCategory"), category)) {
            return 1;
        }
    }
    return 0;
}

/* --- PCells ---------------------------------------------------------------*/

static void add_pcell(general_builder *g, const pmml_element *cell,
                      const char *category)
{
    const char *parameter =
        mlscore_pmml_need(g->in, cell, "parameterName");
    const char *group = has_category(g, category) ? category : NULL;
    pmml_pcell record = {
        .cell_first = mlscore_pmml_rows(g->in, PMML_TABLE_ppcells),
        .beta = mlscore_pmml_need_number(g->in, cell, "beta")};

    PMML_EACH(predictor, g->pp_matrix) {
        if (same_text(mlscore_pmml_attr(predictor, "targetCategory"),
                      group) &&
            same_text(mlscore_pmml_attr(predictor, "parameterName"),
                      parameter)) {
            add_ppcell(g, predictor);
            record.cell_count++;
        }
    }
    mlscore_pmml_add(g->in, PMML_TABLE_pcells, &record);
}

/** The PCells whose own category is `own` (NULL: those without one), used for
 *  `category`. */
static uint32_t add_pcells(general_builder *g, const char *own,
                           const char *category)
{
    uint32_t count = 0;

    PMML_EACH(cell, g->param_matrix) {
        if (same_text(mlscore_pmml_attr(cell, "targetCategory"), own)) {
            add_pcell(g, cell, category);
            count++;
        }
    }
    return count;
}

/** Append a range of PCells for one category (NULL: for the regression). */
static void add_range(general_builder *g, const pmml_general *body,
                      const char *category, pmml_list *ranges)
{
    const uint32_t first = mlscore_pmml_rows(g->in, PMML_TABLE_pcells);
    uint32_t count = add_pcells(g, category, category);

    if (category && body->type == PMML_ORDINAL_MULTINOMIAL) {
        count += add_pcells(g, NULL, category);
    }
    else if (category && count == 0 && body->category_count == 2) {
        count = add_pcells(g, NULL, category);
    }
    if (count == 0) {
        mlscore_pmml_fail(g->in, MLSCORE_EFORMAT, g->param_matrix,
                          "ParamMatrix has no PCell for the category "
                          "\"%.60s\"",
                          category ? category : "");
    }
    mlscore_pmml_list_add(g->in, ranges, first);
    mlscore_pmml_list_add(g->in, ranges, count);
}

/* --- categories -----------------------------------------------------------*/

/** Categories as texts: the target's values, in their order. */
static uint32_t target_values(general_builder *g, const char ***out)
{
    const pmml_element *data = g->scope->target_data;
    const size_t most =
        (data ? mlscore_pmml_count(data, PMML_E_VALUE) : 0) +
        mlscore_pmml_count(g->param_matrix, PMML_E_P_CELL) + 1;
    const char **texts = mlscore_pmml_alloc(g->in, most, sizeof(*texts));
    uint32_t count = 0;

    *out = texts;
    if (data && mlscore_pmml_count(data, PMML_E_VALUE) > 0) {
        PMML_EACH(value, data) {
            const char *property = mlscore_pmml_attr(value, "property");

            if (value->kind == PMML_E_VALUE &&
                (!property || strcmp(property, "valid") == 0)) {
                texts[count++] = mlscore_pmml_need(g->in, value, "value");
            }
        }
        return count;
    }
    /* Without a list, those that the coefficients name, and the reference. */
    PMML_EACH(cell, g->param_matrix) {
        const char *category = mlscore_pmml_attr(cell, "targetCategory");
        uint32_t i = 0;

        while (category && i < count && strcmp(texts[i], category) != 0) {
            i++;
        }
        if (category && i == count) {
            texts[count++] = category;
        }
    }
    const char *reference =
        mlscore_pmml_attr(g->element, "targetReferenceCategory");

    if (reference) {
        texts[count++] = reference;
    }
    return count;
}

static int has_coefficients(const general_builder *g, const char *category)
{
    PMML_EACH(cell, g->param_matrix) {
        if (same_text(mlscore_pmml_attr(cell, "targetCategory"), category)) {
            return 1;
        }
    }
    return 0;
}

/** The reference category: named, or the one without coefficients. */
static const char *reference_category(general_builder *g,
                                      const char **texts, uint32_t count,
                                      uint32_t type)
{
    const char *named =
        mlscore_pmml_attr(g->element, "targetReferenceCategory");
    const char *found = NULL;
    uint32_t without = 0;

    if (named || type == PMML_ORDINAL_MULTINOMIAL) {
        return named;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!has_coefficients(g, texts[i])) {
            found = texts[i];
            without++;
        }
    }
    if (without != 1) {
        mlscore_pmml_fail(g->in, MLSCORE_EFORMAT, g->element,
                          "GeneralRegressionModel has no "
                          "targetReferenceCategory, and not one but %u "
                          "categories without coefficients",
                          without);
    }
    return found;
}

static void move_last(const char **texts, uint32_t count, const char *last)
{
    for (uint32_t i = 0; last && i < count; i++) {
        if (strcmp(texts[i], last) == 0) {
            const char *moved = texts[i];

            memmove(&texts[i], &texts[i + 1],
                    (count - 1 - i) * sizeof(*texts));
            texts[count - 1] = moved;
            return;
        }
    }
}

static void add_categories(general_builder *g, pmml_general *body,
                           pmml_list *categories)
{
    const char **texts;
    const uint32_t count = target_values(g, &texts);
    pmml_list ranges = {0};

    if (count < 2) {
        mlscore_pmml_fail(g->in, MLSCORE_EFORMAT, g->element,
                          "a classification has fewer than two categories");
    }
    move_last(texts, count, reference_category(g, texts, count, body->type));
    body->category_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            add_range(g, body, texts[i], &ranges);
        }
        mlscore_pmml_list_add(
            g->in, categories,
            mlscore_pmml_category(g->in, g->scope->target_type, texts[i]));
    }
    body->category_first = mlscore_pmml_list_words(g->in, categories);
    body->range_first = mlscore_pmml_list_words(g->in, &ranges);
}

/* --- Cox ------------------------------------------------------------------*/

static int by_time(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static void add_stratum(general_builder *g, const pmml_element *element,
                        uint32_t value)
{
    const size_t count =
        mlscore_pmml_count(element, PMML_E_BASELINE_CELL);
    double *pairs = mlscore_pmml_alloc(g->in, count, 2 * sizeof(*pairs));
    pmml_stratum stratum = {
        .value = value,
        .cell_first = mlscore_pmml_rows(g->in, PMML_TABLE_numbers),
        .cell_count = (uint32_t)count,
        .max_time = mlscore_pmml_need_number(g->in, element, "maxTime")};
    size_t used = 0;

    PMML_EACH(cell, element) {
        if (cell->kind == PMML_E_BASELINE_CELL) {
            pairs[2 * used] = mlscore_pmml_need_number(g->in, cell, "time");
            pairs[2 * used++ + 1] =
                mlscore_pmml_need_number(g->in, cell, "cumHazard");
        }
    }
    if (count == 0) {
        mlscore_pmml_need_child(g->in, element, PMML_E_BASELINE_CELL);
    }
    qsort(pairs, count, 2 * sizeof(*pairs), by_time);
    for (size_t i = 0; i < 2 * count; i++) {
        mlscore_pmml_add_number(g->in, pairs[i]);
    }
    mlscore_pmml_add(g->in, PMML_TABLE_strata, &stratum);
}

/** The sum of the coefficients at the parameters' reference points. */
static double reference_sum(general_builder *g)
{
    const pmml_element *parameters = mlscore_pmml_need_child(
        g->in, g->element, PMML_E_PARAMETER_LIST);
    double sum = 0.0;

    PMML_EACH(cell, g->param_matrix) {
        const char *name = mlscore_pmml_need(g->in, cell, "parameterName");
        const pmml_element *found = NULL;

        PMML_EACH(parameter, parameters) {
            if (same_text(mlscore_pmml_attr(parameter, "name"), name)) {
                found = parameter;
            }
        }
        if (!found) {
            mlscore_pmml_fail(g->in, MLSCORE_EFORMAT, cell,
                              "PCell: the parameter \"%.60s\" is not in the "
                              "ParameterList",
                              name);
        }
        sum += mlscore_pmml_need_number(g->in, cell, "beta") *
               mlscore_pmml_number(g->in, found, "referencePoint", 0.0);
    }
    return sum;
}

static void add_cox(general_builder *g, pmml_general *body)
{
    const pmml_element *tables = mlscore_pmml_need_child(
        g->in, g->element, PMML_E_BASE_HAZARDS);

    body->time_slot =
        mlscore_pmml_field(g->in, g->scope, g->element, "endTimeVariable");
    body->stratum_first = mlscore_pmml_rows(g->in, PMML_TABLE_strata);
    if (mlscore_pmml_attr(g->element, "baselineStrataVariable")) {
        body->strata_slot = mlscore_pmml_field(
            g->in, g->scope, g->element, "baselineStrataVariable");
        PMML_EACH(stratum, tables) {
            const char *value = mlscore_pmml_need(g->in, stratum, "value");

            add_stratum(g, stratum,
                        mlscore_pmml_constant(
                            g->in, stratum,
                            mlscore_pmml_slot(g->in, body->strata_slot)->type,
                            value, strlen(value)));
        }
    }
    else {
        add_stratum(g, tables, PMML_NONE);
    }
    body->stratum_count =
        mlscore_pmml_rows(g->in, PMML_TABLE_strata) - body->stratum_first;
    body->reference = reference_sum(g);
}

/* --- the model ------------------------------------------------------------*/

static void add_link(general_builder *g, pmml_general *body)
{
    static const char *const links[] = {
        "identity", "logit", "probit", "cloglog", "loglog",    "cauchit",
        "log",      "logc",  "power",  "negbin",  "oddspower", NULL};
    const pmml_element *element = g->element;

    body->link = mlscore_pmml_choice(g->in, element,
                                     body->type == PMML_ORDINAL_MULTINOMIAL
                                         ? "cumulativeLink"
                                         : "linkFunction",
                                     links,
                                     body->type == PMML_ORDINAL_MULTINOMIAL
                                         ? PMML_LINK_LOGIT
                                         : PMML_LINK_IDENTITY);
    if (body->type == PMML_GENERALIZED_LINEAR) {
        mlscore_pmml_need(g->in, element, "linkFunction");
    }
    if (body->link == PMML_LINK_NEGBIN) {
        body->parameter =
            mlscore_pmml_need_number(g->in, element, "distParameter");
    }
    if (body->link == PMML_LINK_POWER || body->link == PMML_LINK_ODDSPOWER) {
        body->parameter =
            mlscore_pmml_need_number(g->in, element, "linkParameter");
    }
    if (mlscore_pmml_attr(element, "offsetVariable")) {
        body->offset_slot = mlscore_pmml_field(g->in, g->scope, element,
                                               "offsetVariable");
    }
    if (mlscore_pmml_attr(element, "trialsVariable")) {
        body->trials_slot = mlscore_pmml_field(g->in, g->scope, element,
                                               "trialsVariable");
    }
    body->offset = mlscore_pmml_number(g->in, element, "offsetValue", 0.0);
    body->trials = mlscore_pmml_number(g->in, element, "trialsValue", 1.0);
}

void mlscore_pmml_general(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories)
{
    static const char *const types[] = {
        "regression",         "generalLinear",     "multinomialLogistic",
        "ordinalMultinomial", "generalizedLinear", "CoxRegression", NULL};
    general_builder g = {
        .in = in,
        .scope = scope,
        .element = element,
        .pp_matrix = mlscore_pmml_need_child(in, element, PMML_E_PP_MATRIX),
        .param_matrix =
            mlscore_pmml_need_child(in, element, PMML_E_PARAM_MATRIX)};
    pmml_general body = {.trials_slot = PMML_NONE,
                         .offset_slot = PMML_NONE,
                         .time_slot = PMML_NONE,
                         .strata_slot = PMML_NONE};
    pmml_list ranges = {0};

    mlscore_pmml_need(in, element, "modelType");
    body.type = mlscore_pmml_choice(in, element, "modelType", types, 0);
    name_predictors(&g, PMML_E_FACTOR_LIST, &g.factors);
    name_predictors(&g, PMML_E_COVARIATE_LIST, &g.covariates);
    add_link(&g, &body);

    const int classes = body.type == PMML_MULTINOMIAL_LOGISTIC ||
                        body.type == PMML_ORDINAL_MULTINOMIAL;

    if (scope->function == PMML_FUNCTION_CLASSIFICATION &&
        (classes || body.type == PMML_GENERALIZED_LINEAR)) {
        add_categories(&g, &body, categories);
    }
    else if (scope->function == PMML_FUNCTION_REGRESSION && !classes) {
        add_range(&g, &body, NULL, &ranges);
        body.range_first = mlscore_pmml_list_words(in, &ranges);
        if (body.type == PMML_COX_REGRESSION) {
            add_cox(&g, &body);
        }
    }
    else {
        mlscore_pmml_unsupported(in, element, "modelType");
    }
    record->kind = PMML_GENERAL_REGRESSION;
    record->body = mlscore_pmml_add(in, PMML_TABLE_generals, &body);
}
