/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes through an XGBoost document once, without its trees: names, types,
 * parameters, objective, weights.
 */

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/xgboost.h"
#include "mlscore/body.h"

/* Calls `visit` for each key of the object that the current event opened. */
typedef mlscore_status visit_key(xgboost_document *document,
                                 doc_reader *reader);

static mlscore_status each_key(xgboost_document *document, doc_reader *reader,
                               visit_key *visit)
{
    for (;;) {
        mlscore_status status = doc_next(reader);

        if (status == MLSCORE_OK && reader->event == DOC_OBJECT_END) {
            return MLSCORE_OK;
        }
        if (status == MLSCORE_OK) {
            status = visit(document, reader);
        }
        if (status != MLSCORE_OK) {
            return status;
        }
    }
}

/* The key's value is an object; go through it. */
static mlscore_status enter(xgboost_document *document, doc_reader *reader,
                            const char *what, visit_key *visit)
{
    const mlscore_status status = doc_expect(reader, DOC_OBJECT, what);

    return status == MLSCORE_OK ? each_key(document, reader, visit) : status;
}

static mlscore_status keep_text(xgboost_document *document,
                                const doc_reader *reader, xgboost_text *text)
{
    text->length = reader->text_length;
    text->bytes = mlscore_arena_copy(document->model->arena, reader->text,
                                     reader->text_length);
    return text->bytes ? MLSCORE_OK : booster_no_memory(document->err);
}

static mlscore_status read_text(xgboost_document *document, doc_reader *reader,
                                const char *what, xgboost_text *text)
{
    const mlscore_status status = doc_expect(reader, DOC_STRING, what);

    return status == MLSCORE_OK ? keep_text(document, reader, text) : status;
}

static mlscore_status read_texts(xgboost_document *document,
                                 doc_reader *reader, const char *what,
                                 xgboost_texts *texts)
{
    mlscore_status status = doc_expect(reader, DOC_ARRAY, what);

    texts->count = 0;
    while (status == MLSCORE_OK) {
        status = doc_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_ARRAY_END) {
            break;
        }
        if (reader->event != DOC_STRING) {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "\"%s\" should hold texts only", what);
        }
        if (mlscore_grow(&texts->items, &texts->capacity, texts->count,
                         sizeof(*texts->items))) {
            return booster_no_memory(document->err);
        }
        status = keep_text(document, reader, &texts->items[texts->count++]);
    }
    return status;
}

/* A whole number that may be written as text, as XGBoost writes parameters. */
static mlscore_status read_count(doc_reader *reader, const char *what,
                                 uint32_t *count)
{
    double number = -1;
    const mlscore_status status = doc_next(reader);

    if (status != MLSCORE_OK) {
        return status;
    }
    if (reader->event == DOC_STRING) {
        if (mlscore_parse_double(reader->text, reader->text_length, &number) !=
            reader->text_length) {
            number = -1;
        }
    }
    else if (reader->event == DOC_NUMBER) {
        number = reader->number;
    }
    if (!(number >= 0 && number <= 1u << 28) ||
        number != (double)(uint32_t)number) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "\"%s\" should be a whole number up to 2^28", what);
    }
    *count = (uint32_t)number;
    return MLSCORE_OK;
}

/* "5E-1", "[5E-1]" or "[-1.3E-1,2E0]", as text; or a bare number. */
static mlscore_status read_base_score(xgboost_document *document,
                                      doc_reader *reader)
{
    const mlscore_status status = doc_next(reader);
    size_t commas = 0;

    if (status != MLSCORE_OK) {
        return status;
    }
    if (reader->event != DOC_STRING && reader->event != DOC_NUMBER) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "\"base_score\" should be text");
    }
    for (size_t i = 0; reader->event == DOC_STRING && i < reader->text_length;
         i++) {
        commas += reader->text[i] == ',';
    }
    document->base_scores = mlscore_arena_calloc(
        document->model->arena, commas + 1, sizeof(*document->base_scores));
    if (!document->base_scores) {
        return booster_no_memory(document->err);
    }
    document->base_score_count = 0;
    if (reader->event == DOC_NUMBER) {
        document->base_scores[document->base_score_count++] =
            (float)reader->number;
        return MLSCORE_OK;
    }
    for (size_t i = 0; i < reader->text_length;) {
        const char *at = reader->text + i;

        if (strchr("[], ", *at)) {
            i++;
            continue;
        }
        float value;
        const size_t used =
            mlscore_parse_float(at, reader->text_length - i, &value);

        if (used == 0 || document->base_score_count > commas) {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "\"base_score\" is not a number or a list");
        }
        document->base_scores[document->base_score_count++] = value;
        i += used;
    }
    return MLSCORE_OK;
}

static mlscore_status read_numbers(doc_reader *reader, const char *what,
                                   doc_numbers *numbers)
{
    const mlscore_status status = doc_expect(reader, DOC_ARRAY, what);

    return status == MLSCORE_OK ? doc_read_numbers(reader, numbers) : status;
}

static mlscore_status visit_model(xgboost_document *document,
                                  doc_reader *reader)
{
    if (doc_text_is(reader, "trees")) {
        document->trees_at = reader->at;
        document->has_trees = 1;
        const mlscore_status status = doc_expect(reader, DOC_ARRAY, "trees");

        return status == MLSCORE_OK ? doc_skip(reader) : status;
    }
    if (doc_text_is(reader, "tree_info")) {
        return read_numbers(reader, "tree_info", &document->tree_outputs);
    }
    if (doc_text_is(reader, "weights")) {
        return read_numbers(reader, "weights", &document->linear);
    }
    if (doc_text_is(reader, "cats")) {
        return xgboost_read_categories(document, reader);
    }
    return doc_skip_value(reader);
}

/* Of a dart booster's inner "gbtree". */
static mlscore_status visit_inner_booster(xgboost_document *document,
                                          doc_reader *reader)
{
    if (doc_text_is(reader, "model")) {
        return enter(document, reader, "model", visit_model);
    }
    return doc_skip_value(reader);
}

static mlscore_status visit_booster(xgboost_document *document,
                                    doc_reader *reader)
{
    if (doc_text_is(reader, "name")) {
        return read_text(document, reader, "name", &document->booster_name);
    }
    if (doc_text_is(reader, "gbtree")) {
        return enter(document, reader, "gbtree", visit_inner_booster);
    }
    if (doc_text_is(reader, "weight_drop")) {
        return read_numbers(reader, "weight_drop", &document->tree_weights);
    }
    return visit_inner_booster(document, reader);
}

static mlscore_status visit_parameters(xgboost_document *document,
                                       doc_reader *reader)
{
    if (doc_text_is(reader, "num_feature")) {
        return read_count(reader, "num_feature", &document->feature_count);
    }
    if (doc_text_is(reader, "num_class")) {
        return read_count(reader, "num_class", &document->class_count);
    }
    if (doc_text_is(reader, "num_target")) {
        return read_count(reader, "num_target", &document->target_count);
    }
    if (doc_text_is(reader, "base_score")) {
        return read_base_score(document, reader);
    }
    return doc_skip_value(reader);
}

static mlscore_status visit_objective(xgboost_document *document,
                                      doc_reader *reader)
{
    if (doc_text_is(reader, "name")) {
        return read_text(document, reader, "name", &document->objective);
    }
    return doc_skip_value(reader);
}

static mlscore_status visit_learner(xgboost_document *document,
                                    doc_reader *reader)
{
    if (doc_text_is(reader, "feature_names")) {
        return read_texts(document, reader, "feature_names",
                          &document->feature_names);
    }
    if (doc_text_is(reader, "feature_types")) {
        return read_texts(document, reader, "feature_types",
                          &document->feature_types);
    }
    if (doc_text_is(reader, "gradient_booster")) {
        return enter(document, reader, "gradient_booster", visit_booster);
    }
    if (doc_text_is(reader, "learner_model_param")) {
        return enter(document, reader, "learner_model_param",
                     visit_parameters);
    }
    if (doc_text_is(reader, "objective")) {
        return enter(document, reader, "objective", visit_objective);
    }
    return doc_skip_value(reader);
}

static mlscore_status read_version(xgboost_document *document,
                                   doc_reader *reader)
{
    doc_numbers numbers = {.kind = DOC_INT32, .maximum = 8};
    const mlscore_status status = read_numbers(reader, "version", &numbers);

    for (size_t i = 0; status == MLSCORE_OK && i < numbers.count && i < 3;
         i++) {
        document->version[i] = numbers.values.i[i];
    }
    doc_numbers_free(&numbers);
    return status;
}

static mlscore_status visit_top(xgboost_document *document, doc_reader *reader)
{
    if (doc_text_is(reader, "learner")) {
        return enter(document, reader, "learner", visit_learner);
    }
    if (doc_text_is(reader, "version")) {
        return read_version(document, reader);
    }
    /* A pickled booster holds {"Config": ..., "Model": the document}. */
    if (doc_text_is(reader, "Model") && reader->depth == 1) {
        return enter(document, reader, "Model", visit_top);
    }
    return doc_skip_value(reader);
}

void xgboost_reader(const xgboost_document *document, doc_reader *reader,
                    size_t at)
{
    const size_t depth = document->model->options->max_depth;

    if (document->ubj) {
        doc_open_ubj(reader, document->bytes, document->size, depth,
                     document->err);
    }
    else {
        doc_open_json(reader, document->bytes, document->size, depth,
                      document->err);
    }
    reader->at = at;
}

static mlscore_status name_booster(xgboost_document *document,
                                   const doc_reader *reader)
{
    static const struct {
        const char *name;
        xgboost_booster booster;
    } known[] = {{"gbtree", XGBOOST_GBTREE},
                 {"dart", XGBOOST_DART},
                 {"gblinear", XGBOOST_GBLINEAR}};

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (document->booster_name.bytes &&
            strcmp(document->booster_name.bytes, known[i].name) == 0) {
            document->booster = known[i].booster;
            return MLSCORE_OK;
        }
    }
    if (!document->booster_name.bytes) {
        return mlscore_error_set(document->err, MLSCORE_EFORMAT,
                                 "%s: there is no learner with a "
                                 "gradient_booster in it", reader->format);
    }
    return mlscore_error_set(document->err, MLSCORE_EUNSUPPORTED,
                             "%s: the booster \"%.40s\" is not supported, only "
                             "gbtree, dart and gblinear", reader->format,
                             document->booster_name.bytes);
}

mlscore_status xgboost_read_document(xgboost_document *document)
{
    const size_t limit = document->model->options->max_nodes;
    doc_reader reader;

    document->tree_outputs =
        (doc_numbers){.kind = DOC_INT32, .maximum = limit};
    document->tree_weights =
        (doc_numbers){.kind = DOC_FLOAT, .maximum = limit};
    document->linear = (doc_numbers){.kind = DOC_FLOAT, .maximum = limit};
    xgboost_reader(document, &reader, 0);
    mlscore_status status = doc_next(&reader);

    if (status == MLSCORE_OK && reader.event != DOC_OBJECT) {
        status = doc_error(&reader, MLSCORE_EFORMAT, "an object is expected");
    }
    if (status == MLSCORE_OK) {
        status = each_key(document, &reader, visit_top);
    }
    if (status == MLSCORE_OK) {
        status = doc_next(&reader);
    }
    if (status == MLSCORE_OK) {
        status = name_booster(document, &reader);
    }
    doc_close(&reader);
    return status;
}

void xgboost_document_free(xgboost_document *document)
{
    mlscore_free(document->feature_names.items);
    mlscore_free(document->feature_types.items);
    mlscore_free(document->categories);
    doc_numbers_free(&document->tree_outputs);
    doc_numbers_free(&document->tree_weights);
    doc_numbers_free(&document->linear);
}
