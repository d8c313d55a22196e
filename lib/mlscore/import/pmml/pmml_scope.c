/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: which fields a model sees, and what a name means there.
 *
 * A model sees the fields of its MiningSchema and its own derived fields.
 * Fields of a nested model come from the model around it: unchanged, or with
 * the MiningField's treatment of missing and outlying values applied once
 * more. A field of the TransformationDictionary is computed in the outermost
 * model whose data fields are the same. (PMML 4.4, "Scope of Fields"; where
 * that leaves room, as the reference engine does it.)
 */

#include <string.h>

#include "import/pmml/pmml_import.h"

/** A name whose field is just being defined. */
#define RESOLVING (PMML_NONE - 1)

enum { USE_ACTIVE, USE_TARGET, USE_PREDICTED, USE_SUPPLEMENTARY, USE_GROUP,
       USE_ORDER, USE_FREQUENCY, USE_ANALYSIS };

static uint32_t usage(pmml_import *in, const pmml_element *mining)
{
    static const char *const names[] = {
        "active", "target", "predicted", "supplementary", "group", "order",
        "frequencyWeight", "analysisWeight", NULL};

    return mlscore_pmml_choice(in, mining, "usageType", names, USE_ACTIVE);
}

int mlscore_pmml_is_target(pmml_import *in, const pmml_element *mining)
{
    const uint32_t use = usage(in, mining);

    return use == USE_TARGET || use == USE_PREDICTED;
}

/* --- making a scope -------------------------------------------------------*/

static void read_mining_schema(pmml_import *in, pmml_scope *scope)
{
    const pmml_element *schema =
        mlscore_pmml_need_child(in, scope->model, PMML_E_MINING_SCHEMA);
    uint32_t count = 0;

    scope->mining_fields =
        mlscore_pmml_alloc(in, mlscore_pmml_count(schema, PMML_E_MINING_FIELD),
                           sizeof(*scope->mining_fields));
    PMML_EACH(mining, schema) {
        const char *text = mlscore_pmml_need(in, mining, "name");
        const uint32_t name = mlscore_pmml_symbol_of(in, text);
        uint32_t known;

        usage(in, mining);
        if (mlscore_pmml_map_get(&scope->mining, name, &known)) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, mining,
                              "MiningField \"%.80s\" is listed twice", text);
        }
        mlscore_pmml_map_put(in, &scope->mining, name, count);
        scope->mining_fields[count++] = mining;
    }
}

static void read_local_transformations(pmml_import *in, pmml_scope *scope)
{
    const pmml_element *local =
        mlscore_pmml_child(scope->model, PMML_E_LOCAL_TRANSFORMATIONS);
    uint32_t count = 0;

    if (!local) {
        return;
    }
    scope->derived_fields =
        mlscore_pmml_alloc(in, mlscore_pmml_count(local, PMML_E_DERIVED_FIELD),
                           sizeof(*scope->derived_fields));
    PMML_EACH(derived, local) {
        const uint32_t name = mlscore_pmml_symbol_of(
            in, mlscore_pmml_need(in, derived, "name"));

        mlscore_pmml_map_put(in, &scope->derived, name, count);
        scope->derived_fields[count++] = derived;
    }
}

/** Which of several target fields the model itself names. */
static const char *named_target(const pmml_element *model)
{
    const char *name = mlscore_pmml_attr(model, "targetFieldName");

    if (!name) {
        name = mlscore_pmml_attr(model, "targetField");
    }
    return name ? name : mlscore_pmml_attr(model, "targetVariableName");
}

static const pmml_element *find_target_field(pmml_import *in,
                                             pmml_scope *scope)
{
    const char *wanted = named_target(scope->model);
    const pmml_element *found = NULL;

    if (in->only_target) {
        return in->only_target;
    }
    for (size_t i = 0; i < scope->mining.count; i++) {
        const pmml_element *mining = scope->mining_fields[i];
        const char *name = mlscore_pmml_attr(mining, "name");

        if (!mlscore_pmml_is_target(in, mining)) {
            continue;
        }
        if (!found || (wanted && strcmp(name, wanted) == 0)) {
            found = mining;
        }
        scope->target_count++;
    }
    return scope->target_count > 1 &&
                   (scope->model->kind == PMML_E_MINING_MODEL ||
                    scope->model->kind == PMML_E_NEIGHBOR_MODEL)
               ? NULL
               : found;
}

static uint32_t default_target_type(const pmml_scope *scope)
{
    if (scope->function == PMML_FUNCTION_REGRESSION) {
        return scope->float_math ? PMML_FLOAT : PMML_DOUBLE;
    }
    return PMML_STRING;
}

static void read_categories(pmml_import *in, pmml_scope *scope)
{
    static const char *const properties[] = {"valid", "invalid", "missing",
                                             NULL};

    mlscore_pmml_mark_begin(in);
    PMML_EACH(value, scope->target_data) {
        if (value->kind == PMML_E_VALUE &&
            mlscore_pmml_choice(in, value, "property", properties, 0) == 0) {
            mlscore_pmml_list_add_once(
                in, &scope->categories,
                mlscore_pmml_category(in, scope->target_type,
                                      mlscore_pmml_need(in, value, "value")));
        }
    }
}

/** What a model that predicts several things does for this target. */
static uint32_t function_of(const pmml_scope *scope)
{
    const uint32_t optype =
        scope->target_optype != PMML_OPTYPE_NONE
            ? scope->target_optype
            : mlscore_pmml_default_optype(scope->target_type);

    return optype == PMML_CONTINUOUS ? PMML_FUNCTION_REGRESSION
                                     : PMML_FUNCTION_CLASSIFICATION;
}

static void read_target(pmml_import *in, pmml_scope *scope)
{
    const pmml_element *mining = find_target_field(in, scope);
    const pmml_element *targets =
        mlscore_pmml_child(scope->model, PMML_E_TARGETS);

    scope->target_name = PMML_NONE;
    scope->target_type = default_target_type(scope);
    if (mining) {
        scope->target_name = mlscore_pmml_attr_symbol(in, mining, "name");
        scope->target_data = mlscore_pmml_data_field(in, scope->target_name);
    }
    if (scope->target_data) {
        scope->target_type = mlscore_pmml_type(in, scope->target_data,
                                               "dataType", PMML_STRING);
        scope->target_optype = mlscore_pmml_optype(
            in, scope->target_data, PMML_OPTYPE_NONE);
        scope->target_optype =
            mlscore_pmml_optype(in, mining, scope->target_optype);
        read_categories(in, scope);
    }
    if (targets) {
        PMML_EACH(target, targets) {
            const uint32_t field =
                mlscore_pmml_attr_symbol(in, target, "field");

            if (field == scope->target_name || field == PMML_NONE) {
                scope->target = target;
                scope->target_optype =
                    mlscore_pmml_optype(in, target, scope->target_optype);
            }
        }
    }
    if (mining && (scope->function == PMML_FUNCTION_MIXED ||
                   in->only_target)) {
        scope->function = function_of(scope);
    }
    if (scope->target_optype == PMML_OPTYPE_NONE) {
        scope->target_optype =
            scope->function == PMML_FUNCTION_REGRESSION
                ? PMML_CONTINUOUS
                : PMML_CATEGORICAL;
    }
}

/** 1 when the field reaches the model as its parent has it. */
static int is_default(pmml_import *in, const pmml_element *mining)
{
    static const char *const outliers[] = {"asIs", "asMissingValues",
                                           "asExtremeValues", NULL};
    const char *missing = mlscore_pmml_attr(mining, "missingValueTreatment");

    return mlscore_pmml_choice(in, mining, "outliers", outliers, 0) == 0 &&
           !mlscore_pmml_attr(mining, "missingValueReplacement") &&
           !(missing && strcmp(missing, "returnInvalid") == 0);
}

static int is_compatible(pmml_import *in, const pmml_scope *scope)
{
    for (size_t i = 0; i < scope->mining.count; i++) {
        const pmml_element *mining = scope->mining_fields[i];

        if (usage(in, mining) == USE_ACTIVE && !is_default(in, mining) &&
            mlscore_pmml_data_field(
                in, mlscore_pmml_attr_symbol(in, mining, "name"))) {
            return 0;
        }
    }
    return 1;
}

pmml_scope *mlscore_pmml_scope_create(pmml_import *in,
                                      const pmml_element *model,
                                      pmml_scope *parent)
{
    static const char *const contexts[] = {"double", "float", NULL};
    static const char *const functions[] = {
        "regression", "classification", "clustering", "mixed", NULL};
    pmml_scope *scope = mlscore_pmml_alloc(in, 1, sizeof(*scope));

    scope->parent = parent;
    scope->model = model;
    if (!mlscore_pmml_boolean(in, model, "isScorable", 1)) {
        mlscore_pmml_unsupported(in, model, "isScorable");
    }
    mlscore_pmml_need(in, model, "functionName");
    scope->function =
        mlscore_pmml_choice(in, model, "functionName", functions, 0);
    scope->float_math =
        (int)mlscore_pmml_choice(in, model, "x-mathContext", contexts, 0);
    read_mining_schema(in, scope);
    read_local_transformations(in, scope);
    read_target(in, scope);
    scope->compatible = is_compatible(in, scope);
    return scope;
}

/* --- columns --------------------------------------------------------------*/

/** The input column of a data field, made when there is none yet. */
static uint32_t column_of(pmml_import *in, uint32_t name, int optional)
{
    uint32_t data = 0;

    mlscore_pmml_map_get(&in->data, name, &data);
    for (uint32_t i = 0; i < in->columns.count; i++) {
        if (in->columns.items[i] == data) {
            return i;
        }
    }
    mlscore_pmml_list_add(in, &in->columns, data);
    mlscore_pmml_list_add(in, &in->column_flags, (uint32_t)optional);
    return in->columns.count - 1;
}

static uint32_t column_slot(pmml_import *in, const pmml_element *mining,
                            const pmml_element *data, uint32_t name)
{
    const uint32_t type =
        mlscore_pmml_type(in, data, "dataType", PMML_STRING);
    const uint32_t use = usage(in, mining);
    const int optional = use != USE_ACTIVE ||
                         mlscore_pmml_attr(mining, "missingValueReplacement");
    const uint32_t optype = mlscore_pmml_optype(
        in, mining,
        mlscore_pmml_optype(in, data, mlscore_pmml_default_optype(type)));
    const pmml_slot slot = {
        .kind = PMML_SLOT_COLUMN,
        .source = column_of(in, name, optional),
        .treatment = mlscore_pmml_treatment(in, data, mining, type, 0),
        .type = type,
        .name = name,
        .optype = optype};

    return mlscore_pmml_add(in, PMML_TABLE_slots, &slot);
}

/* --- resolving ------------------------------------------------------------*/

const pmml_slot *mlscore_pmml_slot(pmml_import *in, uint32_t slot)
{
    return mlscore_pmml_at(in, PMML_TABLE_slots, slot);
}

uint32_t mlscore_pmml_derived_slot(pmml_import *in, uint32_t expr,
                                   uint32_t type, uint32_t optype,
                                   uint32_t name)
{
    const pmml_slot slot = {.kind = PMML_SLOT_DERIVED,
                            .source = expr,
                            .treatment = PMML_NONE,
                            .type = type,
                            .name = name,
                            .optype = optype};

    return mlscore_pmml_add(in, PMML_TABLE_slots, &slot);
}

static uint32_t define_derived(pmml_import *in, pmml_scope *scope,
                               const pmml_element *derived, uint32_t name)
{
    mlscore_pmml_map_put(in, &scope->slots, name, RESOLVING);

    const uint32_t expr = mlscore_pmml_expr_in(in, scope, derived);
    uint32_t type = mlscore_pmml_type(in, derived, "dataType", PMML_DYNAMIC);

    if (type == PMML_DYNAMIC) {
        type = mlscore_pmml_expr_type(in, expr);
    }
    return mlscore_pmml_derived_slot(
        in, expr, type,
        mlscore_pmml_optype(in, derived, mlscore_pmml_default_optype(type)),
        name);
}

/** A field of the model around, with this model's treatment. */
static uint32_t inherit(pmml_import *in, pmml_scope *scope,
                        const pmml_element *element,
                        const pmml_element *mining, uint32_t name)
{
    const uint32_t source =
        mlscore_pmml_resolve(in, scope->parent, element, name);
    const pmml_slot from = *mlscore_pmml_slot(in, source);
    const uint32_t treatment =
        mlscore_pmml_treatment(in, NULL, mining, from.type, 1);

    if (treatment == PMML_NONE) {
        return source;
    }
    const pmml_slot slot = {
        .kind = PMML_SLOT_TREATED,
        .source = source,
        .treatment = treatment,
        .type = from.type,
        .name = name,
        .optype = mlscore_pmml_optype(in, mining, from.optype)};

    return mlscore_pmml_add(in, PMML_TABLE_slots, &slot);
}

static _Noreturn void not_defined(pmml_import *in,
                                  const pmml_element *element, uint32_t name)
{
    const int known = mlscore_pmml_data_field(in, name) != NULL;

    mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                      "%s: the field \"%.80s\" is not %s",
                      mlscore_pmml_element_name(element->kind),
                      mlscore_pmml_symbol_text(in, name),
                      known ? "in the model's MiningSchema" : "defined");
}

static uint32_t define_mined(pmml_import *in, pmml_scope *scope,
                             const pmml_element *element,
                             const pmml_element *mining, uint32_t name)
{
    const pmml_element *data = mlscore_pmml_data_field(in, name);
    uint32_t index;

    if (scope->parent) {
        return inherit(in, scope, element, mining, name);
    }
    if (data) {
        return column_slot(in, mining, data, name);
    }
    if (mlscore_pmml_map_get(&in->derived, name, &index)) {
        return define_derived(in, scope, in->derived_fields[index], name);
    }
    not_defined(in, mining, name);
}

static uint32_t define(pmml_import *in, pmml_scope *scope,
                       const pmml_element *element, uint32_t name)
{
    uint32_t index, local;
    const int is_local = mlscore_pmml_map_get(&scope->derived, name, &local);

    /* Some producers list derived fields in the MiningSchema, too. */
    if (mlscore_pmml_map_get(&scope->mining, name, &index) &&
        (!is_local || mlscore_pmml_data_field(in, name))) {
        return define_mined(in, scope, element, scope->mining_fields[index],
                            name);
    }
    if (is_local) {
        return define_derived(in, scope, scope->derived_fields[local], name);
    }
    if (mlscore_pmml_map_get(&in->derived, name, &index)) {
        return scope->parent && scope->compatible
                   ? mlscore_pmml_resolve(in, scope->parent, element, name)
                   : define_derived(in, scope, in->derived_fields[index],
                                    name);
    }
    not_defined(in, element, name);
}

uint32_t mlscore_pmml_resolve(pmml_import *in, pmml_scope *scope,
                              const pmml_element *element, uint32_t name)
{
    uint32_t slot;

    if (mlscore_pmml_map_get(&scope->parameters, name, &slot) ||
        mlscore_pmml_map_get(&scope->outputs, name, &slot)) {
        return slot;
    }
    if (mlscore_pmml_map_get(&scope->slots, name, &slot)) {
        if (slot == RESOLVING) {
            mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                              "the field \"%.80s\" is defined by itself",
                              mlscore_pmml_symbol_text(in, name));
        }
        return slot;
    }
    slot = define(in, scope, element, name);
    mlscore_pmml_map_put(in, &scope->slots, name, slot);
    return slot;
}

uint32_t mlscore_pmml_field(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element, const char *name)
{
    const char *text = mlscore_pmml_need(in, element, name);

    return mlscore_pmml_resolve(in, scope, element,
                                mlscore_pmml_symbol_of(in, text));
}

const pmml_element *mlscore_pmml_slot_data(pmml_import *in, uint32_t slot)
{
    const pmml_slot *record = mlscore_pmml_slot(in, slot);

    while (record->kind == PMML_SLOT_TREATED) {
        record = mlscore_pmml_slot(in, record->source);
    }
    return record->kind == PMML_SLOT_COLUMN
               ? mlscore_pmml_data_field(in, record->name)
               : NULL;
}

/** All columns of the top model, in the order of its MiningSchema. */
void mlscore_pmml_input_columns(pmml_import *in, pmml_scope *top)
{
    for (size_t i = 0; i < top->mining.count; i++) {
        const pmml_element *mining = top->mining_fields[i];
        const uint32_t use = usage(in, mining);
        const uint32_t name = mlscore_pmml_attr_symbol(in, mining, "name");

        if (use == USE_ACTIVE || use == USE_GROUP || use == USE_ORDER) {
            mlscore_pmml_resolve(in, top, mining, name);
        }
    }
}
