/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The categories that XGBoost 3.1 and later keep in the model: for each
 * feature nothing, texts (offsets into their bytes) or numbers.
 */

#include <string.h>

#include "base/alloc.h"
#include "import/booster/xgboost.h"

/* Labels from `offsets` into `values`, which holds bytes. */
static mlscore_status make_labels(xgboost_document *document,
                                  const doc_reader *reader,
                                  const doc_numbers *offsets,
                                  const doc_numbers *values,
                                  xgboost_categories *categories)
{
    mlscore_arena *arena = document->model->arena;
    char *bytes = mlscore_arena_alloc(arena, values->count + 1);

    categories->count = (uint32_t)(offsets->count - 1);
    categories->labels = mlscore_arena_calloc(arena, offsets->count,
                                              sizeof(*categories->labels));
    if (!bytes || !categories->labels) {
        return booster_no_memory(document->err);
    }
    for (size_t i = 0; i < values->count; i++) {
        bytes[i] = (char)(unsigned char)(int)values->values.d[i];
    }
    for (uint32_t i = 0; i < categories->count; i++) {
        const double start = offsets->values.d[i];
        const double end = offsets->values.d[i + 1];

        if (!(start >= 0 && start <= end && end <= (double)values->count)) {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "category %u lies outside its texts", i);
        }
        categories->labels[i] = (mlscore_text){
            bytes + (size_t)start, (uint32_t)((size_t)end - (size_t)start),
            (int32_t)i};
    }
    return MLSCORE_OK;
}

static mlscore_status make_numbers(xgboost_document *document,
                                   const doc_numbers *values,
                                   xgboost_categories *categories)
{
    categories->count = (uint32_t)values->count;
    categories->numbers = mlscore_arena_calloc(
        document->model->arena, values->count, sizeof(double));
    if (!categories->numbers) {
        return booster_no_memory(document->err);
    }
    memcpy(categories->numbers, values->values.d,
           values->count * sizeof(double));
    return MLSCORE_OK;
}

static mlscore_status read_member(doc_reader *reader, doc_numbers *offsets,
                                  doc_numbers *values)
{
    doc_numbers *into = doc_text_is(reader, "offsets")  ? offsets
                        : doc_text_is(reader, "values") ? values
                                                        : NULL;

    if (!into) {
        return doc_skip_value(reader);
    }
    const mlscore_status status = doc_expect(
        reader, DOC_ARRAY, into == offsets ? "offsets" : "values");

    return status == MLSCORE_OK ? doc_read_numbers(reader, into) : status;
}

/* One element of "enc"; its opening was read. */
static mlscore_status read_feature(xgboost_document *document,
                                   doc_reader *reader, doc_numbers *offsets,
                                   doc_numbers *values)
{
    mlscore_status status = MLSCORE_OK;

    offsets->count = values->count = 0;
    if (reader->event != DOC_OBJECT) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "\"enc\" should hold objects only");
    }
    while (status == MLSCORE_OK) {
        status = doc_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_OBJECT_END) {
            break;
        }
        status = read_member(reader, offsets, values);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    if (mlscore_grow(&document->categories, &document->category_capacity,
                     document->category_count,
                     sizeof(*document->categories))) {
        return booster_no_memory(document->err);
    }
    xgboost_categories *categories =
        &document->categories[document->category_count++];

    *categories = (xgboost_categories){0};
    if (offsets->count > 1) {
        return make_labels(document, reader, offsets, values, categories);
    }
    if (offsets->count == 0 && values->count > 0) {
        return make_numbers(document, values, categories);
    }
    return MLSCORE_OK;
}

static mlscore_status read_features(xgboost_document *document,
                                    doc_reader *reader)
{
    const size_t limit = document->model->options->max_nodes;
    doc_numbers offsets = {.kind = DOC_DOUBLE, .maximum = limit};
    doc_numbers values = {.kind = DOC_DOUBLE, .maximum = limit};
    mlscore_status status = doc_expect(reader, DOC_ARRAY, "enc");

    document->category_count = 0;
    while (status == MLSCORE_OK) {
        status = doc_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_ARRAY_END) {
            break;
        }
        status = read_feature(document, reader, &offsets, &values);
    }
    doc_numbers_free(&offsets);
    doc_numbers_free(&values);
    return status;
}

mlscore_status xgboost_read_categories(xgboost_document *document,
                                       doc_reader *reader)
{
    mlscore_status status = doc_expect(reader, DOC_OBJECT, "cats");

    while (status == MLSCORE_OK) {
        status = doc_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_OBJECT_END) {
            break;
        }
        status = doc_text_is(reader, "enc") ? read_features(document, reader)
                                            : doc_skip_value(reader);
    }
    return status;
}
