/* SPDX-License-Identifier: Apache-2.0 */
/* NearestNeighborModel. */

#include <math.h>
#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct neighbor_builder {
    pmml_import *in;
    pmml_scope *scope;
    const pmml_element *element;
    const pmml_element *instances;
    const pmml_element *table;
    pmml_neighbor body;
} neighbor_builder;

/** The column of the table where a field's values are, or NULL. */
static const char *column_of(neighbor_builder *n, const char *field)
{
    const pmml_element *fields = mlscore_pmml_need_child(
        n->in, n->instances, PMML_E_INSTANCE_FIELDS);

    PMML_EACH(child, fields) {
        if (strcmp(mlscore_pmml_need(n->in, child, "field"), field) == 0) {
            const char *column = mlscore_pmml_attr(child, "column");

            return column ? column : field;
        }
    }
    return NULL;
}

static const char *need_column(neighbor_builder *n, const char *field)
{
    const char *column = column_of(n, field);

    if (!column) {
        mlscore_pmml_fail(n->in, MLSCORE_EFORMAT, n->instances,
                          "InstanceFields has no \"%.60s\"", field);
    }
    return column;
}

static const pmml_element *cell(const pmml_element *row, const char *column)
{
    const char *wanted = strchr(column, ':');

    PMML_EACH(child, row) {
        const char *local = strchr(child->name, ':');

        if (strcmp(child->name, column) == 0 ||
            strcmp(local ? local + 1 : child->name,
                   wanted ? wanted + 1 : column) == 0) {
            return child;
        }
    }
    return NULL;
}

static uint32_t cell_constant(neighbor_builder *n, const pmml_element *row,
                              const char *column, uint32_t type)
{
    const pmml_element *found = cell(row, column);

    return found && found->text[0] != '\0'
               ? mlscore_pmml_constant(n->in, found, type, found->text,
                                       strlen(found->text))
               : PMML_NONE;
}

/** Whether a name is a field that the model sees (the id and the target need
 *  not be). */
static int is_input(neighbor_builder *n, uint32_t name)
{
    uint32_t index;

    if (name == n->scope->target_name) {
        return 0;
    }
    if (mlscore_pmml_map_get(&n->scope->derived, name, &index) ||
        mlscore_pmml_map_get(&n->in->derived, name, &index)) {
        return 1;
    }
    return mlscore_pmml_map_get(&n->scope->mining, name, &index);
}

/** Every instance's values of the fields that are given. Inputs that are
 *  derived from them are computed when the model is opened. */
static void add_instances(neighbor_builder *n)
{
    pmml_import *in = n->in;
    const pmml_element *fields =
        mlscore_pmml_need_child(in, n->instances, PMML_E_INSTANCE_FIELDS);
    const size_t most = mlscore_pmml_count(fields, PMML_E_INSTANCE_FIELD);
    const char **columns = mlscore_pmml_alloc(in, most, sizeof(*columns));
    pmml_list slots = {0}, words = {0};

    PMML_EACH(field, fields) {
        const char *name = mlscore_pmml_need(in, field, "field");
        const uint32_t symbol = mlscore_pmml_symbol_of(in, name);

        if (is_input(n, symbol)) {
            columns[slots.count] = column_of(n, name);
            mlscore_pmml_list_add(in, &slots,
                                  mlscore_pmml_resolve(in, n->scope, field,
                                                       symbol));
        }
    }
    PMML_EACH(row, n->table) {
        for (uint32_t i = 0; i < slots.count; i++) {
            mlscore_pmml_list_add(
                in, &words,
                cell_constant(n, row, columns[i],
                              mlscore_pmml_slot(in, slots.items[i])->type));
        }
        n->body.instance_count++;
    }
    n->body.given_first = mlscore_pmml_list_words(in, &slots);
    n->body.given_count = slots.count;
    n->body.instance_first = mlscore_pmml_list_words(in, &words);
}

/** Inputs that are compared as they come must be in the table. */
static void check_inputs(neighbor_builder *n)
{
    const pmml_measure *measure =
        mlscore_pmml_at(n->in, PMML_TABLE_measures, n->body.measure);
    const uint32_t *given =
        mlscore_pmml_at(n->in, PMML_TABLE_words, n->body.given_first);

    for (uint32_t i = 0; i < measure->field_count; i++) {
        const pmml_measure_field *field = mlscore_pmml_at(
            n->in, PMML_TABLE_measure_fields, measure->field_first + i);
        const pmml_slot *slot = mlscore_pmml_slot(n->in, field->slot);
        int found = slot->kind != PMML_SLOT_COLUMN;

        for (uint32_t k = 0; k < n->body.given_count; k++) {
            found = found || given[k] == field->slot;
        }
        if (!found) {
            mlscore_pmml_fail(
                n->in, MLSCORE_EFORMAT, n->instances,
                "InstanceFields has no \"%.60s\"",
                mlscore_pmml_symbol_text(n->in, slot->name));
        }
    }
}

/** Ids: a column, or the numbers of the rows from 1. */
static void add_ids(neighbor_builder *n)
{
    const char *name = mlscore_pmml_attr(n->element, "instanceIdVariable");
    const char *column = name ? need_column(n, name) : NULL;
    char number[PMML_FORMAT_SIZE];
    uint32_t count = 0;
    pmml_list words = {0};

    PMML_EACH(row, n->table) {
        const pmml_element *found = column ? cell(row, column) : NULL;

        if (column && !found) {
            mlscore_pmml_fail(n->in, MLSCORE_EFORMAT, row,
                              "a row has no column \"%.60s\"", column);
        }
        mlscore_pmml_format(PMML_INTEGER, ++count, number);
        mlscore_pmml_list_add(
            n->in, &words,
            mlscore_pmml_symbol_of(n->in, found ? found->text : number));
    }
    n->body.id_first = mlscore_pmml_list_words(n->in, &words);
}

/** The target's value of every instance, and which values there are. */
static void add_targets(neighbor_builder *n, pmml_list *categories)
{
    pmml_list words = {0};

    n->body.target_first = PMML_NONE;
    if (n->scope->target_name == PMML_NONE) {
        return;
    }
    const char *name =
        mlscore_pmml_symbol_text(n->in, n->scope->target_name);
    const char *column = need_column(n, name);
    const int classes = n->scope->function == PMML_FUNCTION_CLASSIFICATION;

    mlscore_pmml_mark_begin(n->in);
    PMML_EACH(row, n->table) {
        const uint32_t constant =
            cell_constant(n, row, column, n->scope->target_type);

        if (constant == PMML_NONE) {
            mlscore_pmml_fail(n->in, MLSCORE_EFORMAT, row,
                              "a row has no value of the target");
        }
        if (classes) {
            /* The category's symbol, as other models write it. */
            const uint32_t symbol = mlscore_pmml_category(
                n->in, n->scope->target_type, cell(row, column)->text);

            ((pmml_constant *)mlscore_pmml_at(n->in, PMML_TABLE_constants,
                                              constant))
                ->symbol = symbol;
            mlscore_pmml_list_add_once(n->in, categories, symbol);
        }
        mlscore_pmml_list_add(n->in, &words, constant);
    }
    n->body.target_first = mlscore_pmml_list_words(n->in, &words);
}

/** How many neighbors are ranked: the model's number, or more when an output
 *  field asks for more, or for any by its id. */
static uint32_t ranked(neighbor_builder *n, uint32_t k)
{
    const pmml_element *output =
        mlscore_pmml_child(n->element, PMML_E_OUTPUT);
    double most = k;

    if (output) {
        PMML_EACH(field, output) {
            const double rank =
                mlscore_pmml_number(n->in, field, "rank", 1.0);

            most = fmax(most, rank);
            if (mlscore_pmml_attr(field, "value")) {
                most = n->body.instance_count;
            }
        }
    }
    return (uint32_t)fmin(most, n->body.instance_count);
}

void mlscore_pmml_neighbor(pmml_import *in, pmml_scope *scope,
                           const pmml_element *element, pmml_model *record,
                           pmml_list *categories)
{
    static const char *const continuous[] = {"average", "median",
                                             "weightedAverage", NULL};
    static const char *const categorical[] = {"majorityVote",
                                              "weightedMajorityVote", NULL};
    neighbor_builder n = {.in = in, .scope = scope, .element = element};
    const double k =
        mlscore_pmml_need_number(in, element, "numberOfNeighbors");

    n.instances =
        mlscore_pmml_need_child(in, element, PMML_E_TRAINING_INSTANCES);
    n.table = mlscore_pmml_need_child(in, n.instances, PMML_E_INLINE_TABLE);
    n.body.measure = mlscore_pmml_measure(
        in, scope, element,
        mlscore_pmml_need_child(in, element, PMML_E_KNN_INPUTS),
        PMML_E_KNN_INPUT);
    n.body.continuous = mlscore_pmml_choice(
        in, element, "continuousScoringMethod", continuous, 0);
    n.body.weighted = mlscore_pmml_choice(
        in, element, "categoricalScoringMethod", categorical, 0);
    n.body.threshold =
        mlscore_pmml_number(in, element, "threshold", 0.001);
    add_instances(&n);
    check_inputs(&n);
    add_ids(&n);
    add_targets(&n, categories);
    if (!(k >= 1 && k <= n.body.instance_count)) {
        mlscore_pmml_unsupported(in, element, "numberOfNeighbors");
    }
    n.body.k = (uint32_t)k;
    n.body.keep = ranked(&n, n.body.k);
    n.body.offset = mlscore_pmml_scratch(in, element, 3 * (size_t)n.body.keep);
    record->target = PMML_NONE;
    record->capacity = n.body.keep;
    record->kind = PMML_NEIGHBOR;
    record->body = mlscore_pmml_add(in, PMML_TABLE_neighbors, &n.body);
}

void mlscore_pmml_neighbors(pmml_import *in, pmml_scope *scope,
                            const pmml_element *element, pmml_model *record,
                            pmml_list *categories)
{
    const pmml_element *schema =
        mlscore_pmml_need_child(in, element, PMML_E_MINING_SCHEMA);
    pmml_mining mining = {.method = PMML_MULTI_CHAIN,
                          .threshold = 1.0,
                          .segment_count = scope->target_count,
                          .forest = PMML_NONE};
    uint32_t number = 0;

    (void)categories;
    mining.segment_first =
        mlscore_pmml_reserve(in, PMML_TABLE_segments, scope->target_count);
    PMML_EACH(field, schema) {
        if (field->kind != PMML_E_MINING_FIELD ||
            !mlscore_pmml_is_target(in, field)) {
            continue;
        }
        in->only_target = field;

        const pmml_segment segment = {
            .predicate = mlscore_pmml_predicate_true(in),
            .model = mlscore_pmml_model(in, element, scope),
            .id = mlscore_pmml_attr_symbol(in, field, "name"),
            .weight = 1.0};

        in->only_target = NULL;
        memcpy(mlscore_pmml_at(in, PMML_TABLE_segments,
                               mining.segment_first + number++),
               &segment, sizeof(segment));
    }
    mining.sort =
        mlscore_pmml_scratch(in, element, 2 * (size_t)scope->target_count);
    record->kind = PMML_MINING;
    record->body = mlscore_pmml_add(in, PMML_TABLE_minings, &mining);
}
