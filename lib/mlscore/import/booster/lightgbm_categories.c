/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The categories that pandas knew: a JSON list of lists, one for each
 * categorical column of the data frame, in column order; a category's place is
 * its code.
 */

#include <string.h>

#include "base/alloc.h"
#include "import/booster/doc_reader.h"
#include "import/booster/lightgbm.h"
#include "mlscore/body.h"

/* One list while it is read. */
typedef struct category_list {
    mlscore_text *labels;
    size_t count, label_capacity;
    double *numbers;
    size_t number_capacity;
    int has_text;
} category_list;

/* A category that is not text, as a request would write it. */
static size_t number_text(const doc_reader *reader, char *out)
{
    if (reader->event == DOC_BOOLEAN) {
        strcpy(out, reader->number != 0 ? "true" : "false");
        return strlen(out);
    }
    if (reader->event == DOC_NULL || reader->number - reader->number != 0) {
        strcpy(out, "NaN");
        return 3;
    }
    return mlscore_format_double(out, reader->number);
}

static mlscore_status add_category(lightgbm_model *lightgbm,
                                   const doc_reader *reader,
                                   category_list *list)
{
    char made[40];
    const char *bytes = reader->text;
    size_t length = reader->text_length;

    if (mlscore_grow(&list->labels, &list->label_capacity, list->count,
                     sizeof(*list->labels)) ||
        mlscore_grow(&list->numbers, &list->number_capacity, list->count,
                     sizeof(*list->numbers))) {
        return booster_no_memory(lightgbm->err);
    }
    if (reader->event != DOC_STRING) {
        bytes = made;
        length = number_text(reader, made);
    }
    list->has_text |= reader->event != DOC_NUMBER;
    list->numbers[list->count] = reader->number;
    mlscore_text *label = &list->labels[list->count];

    label->bytes = mlscore_arena_copy(lightgbm->model->arena, bytes, length);
    label->length = (uint32_t)length;
    label->level = (int32_t)list->count++;
    return label->bytes ? MLSCORE_OK : booster_no_memory(lightgbm->err);
}

static mlscore_status keep_list(lightgbm_model *lightgbm, uint32_t column,
                                const category_list *list)
{
    booster_model *model = lightgbm->model;
    booster_input *input = &model->inputs[column];
    const size_t size = list->count * sizeof(*list->labels);

    if (!list->has_text) {
        return booster_input_numbers(model, input, list->numbers,
                                     (uint32_t)list->count, lightgbm->err);
    }
    input->labels = mlscore_arena_alloc(model->arena, size + 1);
    if (!input->labels) {
        return booster_no_memory(lightgbm->err);
    }
    memcpy(input->labels, list->labels, size);
    input->kind = BOOSTER_COLUMN_LEVELS;
    input->category_count = (uint32_t)list->count;
    return MLSCORE_OK;
}

/* Read one list; keep it when there is a column for it. */
static mlscore_status read_list(lightgbm_model *lightgbm, doc_reader *reader,
                                const uint32_t *column)
{
    category_list list = {0};
    mlscore_status status = MLSCORE_OK;

    if (reader->event != DOC_ARRAY) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "pandas_categorical should be a list of lists");
    }
    while (status == MLSCORE_OK) {
        status = doc_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_ARRAY_END) {
            break;
        }
        if (reader->event == DOC_OBJECT || reader->event == DOC_ARRAY) {
            status = doc_error(reader, MLSCORE_EFORMAT,
                               "a category is not text or a number");
        }
        else {
            status = add_category(lightgbm, reader, &list);
        }
    }
    if (status == MLSCORE_OK && column) {
        status = keep_list(lightgbm, *column, &list);
    }
    mlscore_free(list.labels);
    mlscore_free(list.numbers);
    return status;
}

/* Goes through the lists; `columns` has one for each, or is NULL to count
 * them only. */
static mlscore_status read_lists(lightgbm_model *lightgbm, size_t at,
                                 const uint32_t *columns, size_t *count)
{
    doc_reader reader;
    mlscore_status status;

    doc_open_json(&reader, (const unsigned char *)lightgbm->bytes,
                  lightgbm->size, 8, lightgbm->err);
    reader.format = "LightGBM";
    reader.at = at;
    *count = 0;
    status = doc_next(&reader);
    if (status == MLSCORE_OK && reader.event == DOC_ARRAY) {
        for (;;) {
            status = doc_next(&reader);
            if (status != MLSCORE_OK || reader.event == DOC_ARRAY_END) {
                break;
            }
            status = read_list(lightgbm, &reader,
                               columns ? &columns[*count] : NULL);
            if (status != MLSCORE_OK) {
                break;
            }
            ++*count;
        }
    }
    doc_close(&reader);
    return status;
}

/* The columns that the lists belong to: those that the parameters name, or
 * those that look categorical, when there are as many as lists. Columns of
 * ordered categories are in neither: then requests give codes. */
static mlscore_status find_columns(lightgbm_model *lightgbm, size_t lists,
                                   const lightgbm_numbers *listed,
                                   uint32_t **columns)
{
    size_t count = 0;

    *columns = mlscore_arena_calloc(lightgbm->model->arena, lists,
                                    sizeof(**columns));
    if (!*columns) {
        return booster_no_memory(lightgbm->err);
    }
    if (listed->count == lists) {
        for (size_t i = 0; i < lists; i++) {
            const double column = listed->values[i];

            if (!(column >= 0 && column < lightgbm->column_count)) {
                *columns = NULL;
                return MLSCORE_OK;
            }
            (*columns)[i] = (uint32_t)column;
        }
        return MLSCORE_OK;
    }
    for (uint32_t c = 0; c < lightgbm->column_count; c++) {
        if (lightgbm->categorical[c]) {
            if (count < lists) {
                (*columns)[count] = c;
            }
            count++;
        }
    }
    if (count != lists) {
        *columns = NULL;
    }
    return MLSCORE_OK;
}

mlscore_status lightgbm_read_categories(lightgbm_model *lightgbm, size_t at,
                                        const lightgbm_numbers *listed)
{
    size_t lists;
    uint32_t *columns;
    mlscore_status status = read_lists(lightgbm, at, NULL, &lists);

    if (status != MLSCORE_OK || lists == 0) {
        return status;
    }
    status = find_columns(lightgbm, lists, listed, &columns);
    if (status == MLSCORE_OK && columns) {
        status = read_lists(lightgbm, at, columns, &lists);
    }
    return status;
}
