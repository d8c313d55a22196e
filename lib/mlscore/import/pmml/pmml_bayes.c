/* SPDX-License-Identifier: Apache-2.0 */
/* NaiveBayesModel. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct bayes_builder {
    pmml_import *in;
    pmml_scope *scope;
    const pmml_list *categories;
} bayes_builder;

/** A category's position, or none. */
static uint32_t position(bayes_builder *b, const pmml_element *element)
{
    const uint32_t symbol =
        mlscore_pmml_category(b->in, b->scope->target_type,
                              mlscore_pmml_need(b->in, element, "value"));

    for (uint32_t i = 0; i < b->categories->count; i++) {
        if (b->categories->items[i] == symbol) {
            return i;
        }
    }
    return PMML_NONE;
}

static void put_number(bayes_builder *b, uint32_t at, double number)
{
    *(double *)mlscore_pmml_at(b->in, PMML_TABLE_numbers, at) = number;
}

static double get_number(bayes_builder *b, uint32_t at)
{
    return *(double *)mlscore_pmml_at(b->in, PMML_TABLE_numbers, at);
}

/** Counts by pair and category (NAN where there is none), then their sums. */
static void add_counts(bayes_builder *b, const pmml_element *element,
                       pmml_bayes_input *input)
{
    const uint32_t n = b->categories->count;
    const uint32_t type = mlscore_pmml_slot(b->in, input->slot)->type;
    const size_t pairs = mlscore_pmml_count(element, PMML_E_PAIR_COUNTS);
    pmml_list words = {0};

    input->number_first = mlscore_pmml_reserve(b->in, PMML_TABLE_numbers,
                                               (pairs + 1) * n);
    PMML_EACH(pair, element) {
        if (pair->kind != PMML_E_PAIR_COUNTS) {
            continue;
        }
        const char *value = mlscore_pmml_need(b->in, pair, "value");
        const uint32_t row = input->number_first + words.count * n;
        const uint32_t sums = input->number_first + (uint32_t)pairs * n;

        for (uint32_t i = 0; i < n; i++) {
            put_number(b, row + i, NAN);
        }
        mlscore_pmml_list_add(b->in, &words,
                              mlscore_pmml_constant(b->in, pair, type, value,
                                                    strlen(value)));
        PMML_EACH(count, mlscore_pmml_need_child(
                             b->in, pair, PMML_E_TARGET_VALUE_COUNTS)) {
            const uint32_t at = position(b, count);
            const double number =
                mlscore_pmml_need_number(b->in, count, "count");

            if (at != PMML_NONE) {
                put_number(b, row + at, number);
                put_number(b, sums + at, get_number(b, sums + at) + number);
            }
        }
    }
    input->kind = PMML_BAYES_COUNTS;
    input->value_first = mlscore_pmml_list_words(b->in, &words);
    input->value_count = words.count;
}

/** Three numbers a category: kind (NAN: none), and two parameters. */
static void add_stats(bayes_builder *b, const pmml_element *stats,
                      pmml_bayes_input *input)
{
    const uint32_t n = b->categories->count;

    input->kind = PMML_BAYES_STATS;
    input->number_first =
        mlscore_pmml_reserve(b->in, PMML_TABLE_numbers, 3 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) {
        put_number(b, input->number_first + 3 * i, NAN);
    }
    PMML_EACH(stat, stats) {
        const uint32_t category = position(b, stat);
        const pmml_element *distribution = stat->child;
        const uint32_t at = input->number_first + 3 * category;
        double kind, first, second = 0.0;

        if (!distribution) {
            mlscore_pmml_fail(b->in, MLSCORE_EFORMAT, stat,
                              "TargetValueStat has no distribution");
        }
        if (distribution->kind == PMML_E_GAUSSIAN) {
            kind = PMML_DISTRIBUTION_GAUSSIAN;
            first = mlscore_pmml_need_number(b->in, distribution, "mean");
            second =
                mlscore_pmml_need_number(b->in, distribution, "variance");
        }
        else if (distribution->kind == PMML_E_POISSON) {
            kind = PMML_DISTRIBUTION_POISSON;
            first = mlscore_pmml_need_number(b->in, distribution, "mean");
        }
        else {
            kind = PMML_DISTRIBUTION_UNIFORM;
            first = mlscore_pmml_need_number(b->in, distribution, "lower");
            second = mlscore_pmml_need_number(b->in, distribution, "upper");
        }
        if (category != PMML_NONE) {
            put_number(b, at, kind);
            put_number(b, at + 1, first);
            put_number(b, at + 2, second);
        }
    }
}

static void add_input(bayes_builder *b, const pmml_element *element)
{
    const pmml_element *stats =
        mlscore_pmml_child(element, PMML_E_TARGET_VALUE_STATS);
    const pmml_element *derived =
        mlscore_pmml_child(element, PMML_E_DERIVED_FIELD);
    const char *name =
        mlscore_pmml_attr(element, "field") ? "field" : "fieldName";
    pmml_bayes_input input = {
        .slot = mlscore_pmml_field(b->in, b->scope, element, name)};

    if (stats) {
        add_stats(b, stats, &input);
    }
    else {
        if (derived) {
            const uint32_t expr =
                mlscore_pmml_expr_in(b->in, b->scope, derived);
            const uint32_t type =
                mlscore_pmml_type(b->in, derived, "dataType",
                                  mlscore_pmml_expr_type(b->in, expr));

            input.slot = mlscore_pmml_derived_slot(
                b->in, expr, type, mlscore_pmml_default_optype(type),
                mlscore_pmml_slot(b->in, input.slot)->name);
        }
        add_counts(b, element, &input);
    }
    mlscore_pmml_add(b->in, PMML_TABLE_bayes_inputs, &input);
}

static void add_output(pmml_import *in, pmml_scope *scope,
                       const pmml_element *element, pmml_bayes *body,
                       pmml_list *categories)
{
    const pmml_element *counts = mlscore_pmml_need_child(
        in,
        mlscore_pmml_need_child(in, element, PMML_E_BAYES_OUTPUT),
        PMML_E_TARGET_VALUE_COUNTS);

    body->count_first = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    mlscore_pmml_mark_begin(in);
    PMML_EACH(count, counts) {
        const uint32_t before = categories->count;

        mlscore_pmml_list_add_once(
            in, categories,
            mlscore_pmml_category(in, scope->target_type,
                                  mlscore_pmml_need(in, count, "value")));
        if (categories->count == before) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, count,
                              "a target value is counted twice");
        }
        mlscore_pmml_add_number(in,
                                mlscore_pmml_need_number(in, count, "count"));
    }
    body->category_first = mlscore_pmml_list_words(in, categories);
    body->category_count = categories->count;
    if (categories->count == 0) {
        mlscore_pmml_need_child(in, counts, PMML_E_TARGET_VALUE_COUNT);
    }
}

void mlscore_pmml_bayes(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element, pmml_model *record,
                        pmml_list *categories)
{
    const pmml_element *inputs =
        mlscore_pmml_need_child(in, element, PMML_E_BAYES_INPUTS);
    bayes_builder b = {.in = in, .scope = scope, .categories = categories};
    pmml_bayes body = {
        .threshold = mlscore_pmml_need_number(in, element, "threshold")};

    if (scope->function != PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(in, element, "functionName");
    }
    add_output(in, scope, element, &body, categories);
    body.input_first = mlscore_pmml_rows(in, PMML_TABLE_bayes_inputs);
    PMML_EACH(input, inputs) {
        add_input(&b, input);
        body.input_count++;
    }
    record->kind = PMML_BAYES;
    record->body = mlscore_pmml_add(in, PMML_TABLE_bayeses, &body);
}
