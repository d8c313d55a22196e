/* SPDX-License-Identifier: Apache-2.0 */
/* SupportVectorMachineModel. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"
#include "ir/pmml_function.h"

typedef struct vector_builder {
    pmml_import *in;
    pmml_scope *scope;
    const pmml_element *element;
    pmml_vector_machine_model body;
    pmml_map vectors; /* id -> number */
} vector_builder;

static void add_kernel(vector_builder *v)
{
    static const pmml_element_kind kinds[] = {
        PMML_E_LINEAR_KERNEL, PMML_E_POLYNOMIAL_KERNEL, PMML_E_RADIAL_KERNEL,
        PMML_E_SIGMOID_KERNEL};

    for (uint32_t i = 0; i < PMML_KERNEL_COUNT; i++) {
        const pmml_element *kernel =
            mlscore_pmml_child(v->element, kinds[i]);

        if (kernel) {
            v->body.kernel = i;
            v->body.gamma = mlscore_pmml_number(v->in, kernel, "gamma", 1.0);
            v->body.coef0 = mlscore_pmml_number(v->in, kernel, "coef0", 1.0);
            v->body.degree =
                mlscore_pmml_number(v->in, kernel, "degree", 1.0);
            return;
        }
    }
    mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, v->element,
                      "SupportVectorMachineModel has no kernel");
}

/* --- fields ---------------------------------------------------------------*/

/** A CategoricalPredictor: its coefficient where the field has the value. */
static uint32_t categorical_feature(vector_builder *v,
                                    const pmml_element *element)
{
    pmml_import *in = v->in;
    const char *value = mlscore_pmml_need(in, element, "value");
    const double coefficient =
        mlscore_pmml_number(in, element, "coefficient", 1.0);
    pmml_expr expr = {.op = PMML_OP_NORM_DISCRETE,
                      .type = PMML_DOUBLE,
                      .c = PMML_NONE,
                      .d = PMML_NONE,
                      .e = PMML_NONE};

    expr.a = mlscore_pmml_field(
        in, v->scope, element,
        mlscore_pmml_attr(element, "field") ? "field" : "name");
    expr.b = mlscore_pmml_constant(in, element,
                                   mlscore_pmml_slot(in, expr.a)->type, value,
                                   strlen(value));
    const uint32_t indicator = mlscore_pmml_add(in, PMML_TABLE_exprs, &expr);

    if (coefficient == 1.0) {
        return indicator;
    }
    pmml_expr factor = {.op = PMML_OP_CONSTANT, .type = PMML_DOUBLE};

    factor.a = mlscore_pmml_attr_constant(in, element, "coefficient",
                                          PMML_DOUBLE);
    const uint32_t arguments[] = {
        indicator, mlscore_pmml_add(in, PMML_TABLE_exprs, &factor)};
    const pmml_expr product = {
        .op = PMML_OP_APPLY,
        .type = PMML_DOUBLE,
        .a = mlscore_pmml_add_words(in, arguments, 2),
        .b = 2,
        .c = PMML_F_MULTIPLY,
        .d = PMML_NONE,
        .e = PMML_NONE};

    return mlscore_pmml_add(in, PMML_TABLE_exprs, &product);
}

static void add_features(vector_builder *v, const pmml_element *dictionary)
{
    const pmml_element *fields = mlscore_pmml_need_child(
        v->in, dictionary, PMML_E_VECTOR_FIELDS);
    pmml_list words = {0};

    PMML_EACH(field, fields) {
        mlscore_pmml_list_add(
            v->in, &words,
            field->kind == PMML_E_FIELD_REF
                ? mlscore_pmml_expr(v->in, v->scope, field)
                : categorical_feature(v, field));
    }
    if (words.count == 0) {
        mlscore_pmml_need_child(v->in, fields, PMML_E_FIELD_REF);
    }
    v->body.feature_first = mlscore_pmml_list_words(v->in, &words);
    v->body.feature_count = words.count;
}

/* --- vectors --------------------------------------------------------------*/

/** Entries of a sparse array, put where the indices (from 1) say. */
static void set_sparse(vector_builder *v, const pmml_element *array,
                       double *out)
{
    const pmml_element *indices =
        mlscore_pmml_child(array, PMML_E_INDICES);
    const pmml_element *entries =
        mlscore_pmml_child(array, PMML_E_ENTRIES);
    const double otherwise =
        mlscore_pmml_number(v->in, array, "defaultValue", 0.0);
    const char *i_at, *e_at, *item;
    size_t length;

    for (uint32_t i = 0; i < v->body.feature_count; i++) {
        out[i] = otherwise;
    }
    if (!indices || !entries) {
        return;
    }
    i_at = indices->text;
    e_at = entries->text;
    while (mlscore_pmml_next_item(v->in, indices, &i_at, &item, &length)) {
        double index, entry;
        const char *number;
        size_t size;

        if (mlscore_pmml_parse_number(item, length, &index) ||
            !mlscore_pmml_next_item(v->in, entries, &e_at, &number, &size) ||
            mlscore_pmml_parse_number(number, size, &entry) ||
            !(index >= 1 && index <= v->body.feature_count) ||
            index != floor(index)) {
            mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, array,
                              "a sparse array has an index outside the %u "
                              "fields, or too few entries",
                              v->body.feature_count);
        }
        out[(uint32_t)index - 1] = entry;
    }
}

static void set_dense(vector_builder *v, const pmml_element *array,
                      double *out)
{
    const char *at = array->text, *item;
    size_t length;
    uint32_t used = 0;

    while (mlscore_pmml_next_item(v->in, array, &at, &item, &length)) {
        if (used == v->body.feature_count ||
            mlscore_pmml_parse_number(item, length, &out[used++])) {
            mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, array,
                              "the array is not %u numbers",
                              v->body.feature_count);
        }
    }
    if (used != v->body.feature_count) {
        mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, array,
                          "the array is not %u numbers",
                          v->body.feature_count);
    }
}

static void add_vectors(vector_builder *v, const pmml_element *dictionary)
{
    pmml_import *in = v->in;
    const size_t count =
        mlscore_pmml_count(dictionary, PMML_E_VECTOR_INSTANCE);
    double *row =
        mlscore_pmml_alloc(in, v->body.feature_count, sizeof(*row));

    v->body.vector_count = (uint32_t)count;
    v->body.vector_number = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    uint32_t number = 0;

    PMML_EACH(vector, dictionary) {
        if (vector->kind != PMML_E_VECTOR_INSTANCE) {
            continue;
        }
        const pmml_element *sparse =
            mlscore_pmml_child(vector, PMML_E_SPARSE_ARRAY);

        mlscore_pmml_map_put(
            in, &v->vectors,
            mlscore_pmml_symbol_of(in, mlscore_pmml_need(in, vector, "id")),
            number++);
        if (sparse) {
            set_sparse(v, sparse, row);
        }
        else {
            set_dense(v,
                      mlscore_pmml_need_child(in, vector, PMML_E_ARRAY), row);
        }
        for (uint32_t i = 0; i < v->body.feature_count; i++) {
            mlscore_pmml_add_number(in, row[i]);
        }
    }
}

/* --- machines -------------------------------------------------------------*/

static void add_support_vectors(vector_builder *v,
                                const pmml_element *element,
                                pmml_machine *machine)
{
    const pmml_element *list = mlscore_pmml_need_child(
        v->in, element, PMML_E_SUPPORT_VECTORS);
    pmml_list words = {0};

    PMML_EACH(vector, list) {
        const char *id = mlscore_pmml_need(v->in, vector, "vectorId");
        uint32_t number;

        if (!mlscore_pmml_map_get(&v->vectors,
                                  mlscore_pmml_symbol_of(v->in, id),
                                  &number)) {
            mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, vector,
                              "SupportVector: there is no vector \"%.60s\"",
                              id);
        }
        mlscore_pmml_list_add(v->in, &words, number);
    }
    machine->vector_first = mlscore_pmml_list_words(v->in, &words);
    machine->count = words.count;
}

static void add_machine(vector_builder *v, const pmml_element *element,
                        double threshold, pmml_list *categories)
{
    pmml_import *in = v->in;
    const pmml_element *list =
        mlscore_pmml_need_child(in, element, PMML_E_COEFFICIENTS);
    const char *target = mlscore_pmml_attr(element, "targetCategory");
    const char *other = mlscore_pmml_attr(element, "alternateTargetCategory");
    const uint32_t type = v->scope->target_type;
    pmml_machine machine = {
        .target = target ? mlscore_pmml_category(in, type, target)
                         : PMML_NONE,
        .alternate =
            other ? mlscore_pmml_category(in, type, other) : PMML_NONE,
        .bias = mlscore_pmml_number(in, list, "absoluteValue", 0.0),
        .threshold = mlscore_pmml_number(in, element, "threshold", threshold),
        .count = v->body.feature_count};
    uint32_t coefficients = 0;

    if (!v->body.coefficients) {
        add_support_vectors(v, element, &machine);
    }
    machine.number_first = mlscore_pmml_rows(in, PMML_TABLE_numbers);
    PMML_EACH(coefficient, list) {
        mlscore_pmml_add_number(
            in, mlscore_pmml_number(in, coefficient, "value", 0.0));
        coefficients++;
    }
    if (coefficients != machine.count) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "SupportVectorMachine has %u coefficients, not %u",
                          coefficients, machine.count);
    }
    if (machine.target != PMML_NONE) {
        mlscore_pmml_list_add_once(in, categories, machine.target);
    }
    if (machine.alternate != PMML_NONE) {
        mlscore_pmml_list_add_once(in, categories, machine.alternate);
    }
    mlscore_pmml_add(in, PMML_TABLE_machines, &machine);
}

/** What is compared with what: as told, or as the machines let see (older
 *  producers leave it out). */
static void set_method(vector_builder *v)
{
    static const char *const methods[] = {"OneAgainstOne", "OneAgainstAll",
                                          NULL};
    const char *alternate =
        mlscore_pmml_attr(v->element, "alternateBinaryTargetCategory");
    const pmml_element *first =
        mlscore_pmml_child(v->element, PMML_E_VECTOR_MACHINE);
    const int pairs =
        alternate ||
        (first && mlscore_pmml_attr(first, "alternateTargetCategory"));

    v->body.alternate =
        alternate ? mlscore_pmml_category(v->in, v->scope->target_type,
                                          alternate)
                  : PMML_NONE;
    v->body.against_all = mlscore_pmml_choice(
        v->in, v->element, "classificationMethod", methods, !pairs);
    v->body.max_wins =
        (uint32_t)mlscore_pmml_boolean(v->in, v->element, "maxWins", 0);
}

static void check_machines(vector_builder *v)
{
    const pmml_machine *machines = mlscore_pmml_at(
        v->in, PMML_TABLE_machines, v->body.machine_first);

    if (v->scope->function == PMML_FUNCTION_REGRESSION) {
        if (v->body.machine_count != 1) {
            mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, v->element,
                              "a regression has %u machines, not one",
                              v->body.machine_count);
        }
        return;
    }
    if (v->scope->function != PMML_FUNCTION_CLASSIFICATION) {
        mlscore_pmml_unsupported(v->in, v->element, "functionName");
    }
    for (uint32_t i = 0; i < v->body.machine_count; i++) {
        if (machines[i].target == PMML_NONE ||
            (!v->body.against_all && machines[i].alternate == PMML_NONE &&
             v->body.alternate == PMML_NONE)) {
            mlscore_pmml_fail(v->in, MLSCORE_EFORMAT, v->element,
                              "a SupportVectorMachine does not say which "
                              "categories it tells apart");
        }
    }
}

void mlscore_pmml_vectors(pmml_import *in, pmml_scope *scope,
                          const pmml_element *element, pmml_model *record,
                          pmml_list *categories)
{
    static const char *const forms[] = {"SupportVectors", "Coefficients",
                                        NULL};
    vector_builder v = {.in = in, .scope = scope, .element = element};
    const pmml_element *dictionary =
        mlscore_pmml_need_child(in, element, PMML_E_VECTOR_DICTIONARY);
    const double threshold =
        mlscore_pmml_number(in, element, "threshold", 0.0);

    v.body.coefficients =
        mlscore_pmml_choice(in, element, "svmRepresentation", forms, 0);
    add_kernel(&v);
    set_method(&v);
    add_features(&v, dictionary);
    if (!v.body.coefficients) {
        add_vectors(&v, dictionary);
    }
    v.body.machine_first = mlscore_pmml_rows(in, PMML_TABLE_machines);
    mlscore_pmml_mark_begin(in);
    PMML_EACH(child, element) {
        if (child->kind == PMML_E_VECTOR_MACHINE) {
            add_machine(&v, child, threshold, categories);
            v.body.machine_count++;
        }
    }
    if (v.body.alternate != PMML_NONE) {
        mlscore_pmml_list_add_once(in, categories, v.body.alternate);
    }
    check_machines(&v);
    v.body.offset = mlscore_pmml_scratch(
        in, element, (size_t)v.body.feature_count + v.body.vector_count);
    record->kind = PMML_VECTOR_MACHINE;
    record->body =
        mlscore_pmml_add(in, PMML_TABLE_vector_machines, &v.body);
}
