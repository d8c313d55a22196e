/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns a document takes and gives.
 *
 * It gives the target of the model that decides, then output fields. Of a
 * MiningModel that selects or chains, those are the segments whose results may
 * become its own: up to the first that always applies for selectFirst, from
 * the last that always applies for modelChain.
 */

#include <string.h>

#include "import/pmml/pmml_import.h"

typedef struct column_list {
    pmml_import *in;
    pmml_list names; /* symbols */
    pmml_list types;
} column_list;

static uint32_t column(column_list *list, uint32_t name, uint32_t type)
{
    for (uint32_t i = 0; i < list->names.count; i++) {
        if (list->names.items[i] == name) {
            return i;
        }
    }
    mlscore_pmml_list_add(list->in, &list->names, name);
    mlscore_pmml_list_add(list->in, &list->types, type);
    return list->names.count - 1;
}

/** The segments of a model whose results may become its own. */
static int redirected(const column_list *list, const pmml_model *model,
                      uint32_t *first, uint32_t *count)
{
    if (model->kind != PMML_MINING) {
        return 0;
    }
    const pmml_mining *mining =
        mlscore_pmml_at(list->in, PMML_TABLE_minings, model->body);
    const pmml_segment *segments =
        mlscore_pmml_at(list->in, PMML_TABLE_segments, mining->segment_first);
    const pmml_predicate *predicates =
        list->in->tables[PMML_TABLE_predicates].rows;
    uint32_t from = 0, to = mining->segment_count;

    if (mining->method < PMML_SELECT_FIRST) {
        return 0;
    }
    for (uint32_t i = 0; i < mining->segment_count; i++) {
        if (predicates[segments[i].predicate].op != PMML_TEST_TRUE) {
            continue;
        }
        if (mining->method == PMML_SELECT_FIRST) {
            to = i + 1;
            break;
        }
        if (mining->method == PMML_MODEL_CHAIN) {
            from = i;
        }
    }
    *first = mining->segment_first + from;
    *count = to - from;
    return 1;
}

static uint32_t segment_model(const column_list *list, uint32_t segment)
{
    const pmml_segment *record =
        mlscore_pmml_at(list->in, PMML_TABLE_segments, segment);

    return record->model;
}

static int is_select_all(const column_list *list, const pmml_model *model)
{
    return model->kind == PMML_MINING &&
           ((pmml_mining *)mlscore_pmml_at(list->in, PMML_TABLE_minings,
                                           model->body))
                   ->method == PMML_SELECT_ALL;
}

static void add_targets(column_list *list, uint32_t index, int many)
{
    pmml_model *model = mlscore_pmml_at(list->in, PMML_TABLE_models, index);
    uint32_t first, count;

    if (!redirected(list, model, &first, &count)) {
        const uint32_t name =
            model->target_name == PMML_NONE
                ? mlscore_pmml_symbol_of(list->in, "_target")
                : model->target_name;

        model->column =
            column(list, name, many ? PMML_STRING : model->target_type);
        return;
    }
    if (many) {
        mlscore_pmml_unsupported(list->in,
                                 list->in->models[index].element,
                                 "functionName");
    }
    many = is_select_all(list, model);
    for (uint32_t i = 0; i < count; i++) {
        add_targets(list, segment_model(list, first + i), many);
    }
}

static void add_outputs(column_list *list, uint32_t index, int many)
{
    const pmml_model model =
        *(pmml_model *)mlscore_pmml_at(list->in, PMML_TABLE_models, index);
    uint32_t first, count;

    if (redirected(list, &model, &first, &count)) {
        for (uint32_t i = 0; i < count; i++) {
            add_outputs(list, segment_model(list, first + i),
                        is_select_all(list, &model));
        }
    }
    for (uint32_t i = 0; i < model.output_count; i++) {
        pmml_output *output = mlscore_pmml_at(
            list->in, PMML_TABLE_outputs, model.output_first + i);
        const pmml_slot *slot = mlscore_pmml_slot(list->in, output->slot);

        output->column =
            column(list, slot->name, many ? PMML_STRING : slot->type);
    }
}

/* --- schemas --------------------------------------------------------------*/

static mlscore_type column_type(uint32_t type)
{
    switch (type) {
    case PMML_FLOAT:
    case PMML_DOUBLE:
        return MLSCORE_NUMERIC;
    case PMML_BOOLEAN:
        return MLSCORE_LOGICAL;
    case PMML_STRING:
    case PMML_DYNAMIC:
    case PMML_MISSING:
    case PMML_DATE:
    case PMML_TIME:
    case PMML_DATE_TIME:
        return MLSCORE_CHARACTER;
    default:
        return MLSCORE_INTEGER;
    }
}

/** Columns that come as text although they are counts of days or seconds,
 *  and numbers whose dictionary has values that are not numbers ("?"). */
static mlscore_type input_type(pmml_import *in, const pmml_element *data)
{
    const uint32_t type =
        mlscore_pmml_type(in, data, "dataType", PMML_STRING);
    double number;

    if (pmml_is_period(type)) {
        return MLSCORE_CHARACTER;
    }
    PMML_EACH(value, data) {
        const char *text = mlscore_pmml_attr(value, "value");

        if (value->kind == PMML_E_VALUE && text && type != PMML_STRING &&
            mlscore_pmml_parse(type, text, strlen(text), &number)) {
            return MLSCORE_CHARACTER;
        }
    }
    return column_type(type);
}

static void set_levels(pmml_import *in, const pmml_element *data,
                       mlscore_field *field)
{
    const size_t count = mlscore_pmml_count(data, PMML_E_VALUE);
    mlscore_text *levels = mlscore_pmml_alloc(in, count, sizeof(*levels));
    uint32_t used = 0;

    PMML_EACH(value, data) {
        const char *text = mlscore_pmml_attr(value, "value");
        const char *property = mlscore_pmml_attr(value, "property");

        if (value->kind == PMML_E_VALUE && text &&
            (!property || strcmp(property, "valid") == 0)) {
            levels[used] = (mlscore_text){.bytes = text,
                                          .length = (uint32_t)strlen(text),
                                          .level = (int32_t)used};
            used++;
        }
    }
    field->levels = used > 0 ? levels : NULL;
    field->level_count = used;
}

static mlscore_schema input_schema(pmml_import *in)
{
    mlscore_field *fields =
        mlscore_pmml_alloc(in, in->columns.count, sizeof(*fields));

    for (uint32_t i = 0; i < in->columns.count; i++) {
        const pmml_element *data = in->data_fields[in->columns.items[i]];

        fields[i].name = mlscore_pmml_attr(data, "name");
        fields[i].name_length = (uint32_t)strlen(fields[i].name);
        fields[i].type = input_type(in, data);
        fields[i].optional = (int)in->column_flags.items[i];
        fields[i].lenient = 1;
        if (fields[i].type == MLSCORE_CHARACTER) {
            set_levels(in, data, &fields[i]);
        }
    }
    return (mlscore_schema){.fields = fields,
                            .field_count = in->columns.count};
}

static mlscore_schema output_schema(const column_list *list)
{
    pmml_import *in = list->in;
    mlscore_field *fields =
        mlscore_pmml_alloc(in, list->names.count, sizeof(*fields));

    for (uint32_t i = 0; i < list->names.count; i++) {
        const uint32_t name = list->names.items[i];

        fields[i].name = mlscore_pmml_symbol_text(in, name);
        fields[i].name_length = mlscore_pmml_symbol_length(in, name);
        fields[i].type = column_type(list->types.items[i]);
    }
    return (mlscore_schema){.fields = fields,
                            .field_count = list->names.count};
}

void mlscore_pmml_columns(pmml_import *in, uint32_t model,
                          mlscore_image_builder *image)
{
    column_list list = {.in = in};

    add_targets(&list, model, 0);
    add_outputs(&list, model, 0);

    const mlscore_schema inputs = input_schema(in);
    const mlscore_schema outputs = output_schema(&list);
    const pmml_head head = {.version = PMML_PLAN_VERSION,
                            .model = model,
                            .result_count = in->result_count,
                            .number_count = in->number_count,
                            .column_count = inputs.field_count,
                            .output_count = outputs.field_count};

    mlscore_pmml_add(in, PMML_TABLE_head, &head);
    mlscore_pmml_verification(in, in->models[model].element, &inputs,
                              &outputs);
    in->status = mlscore_image_builder_schema(image, &inputs, &outputs,
                                              in->err);
    if (in->status != MLSCORE_OK) {
        longjmp(in->out, 1);
    }
}
