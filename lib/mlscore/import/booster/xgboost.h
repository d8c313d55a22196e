/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_BOOSTER_XGBOOST_H
#define MLSCORE_IMPORT_BOOSTER_XGBOOST_H

/**
 * Private to the XGBoost importer: what its document says, before it becomes a
 * booster_model. The document is gone through once without its trees
 * (xgboost_document.c); then the trees are read one by one (xgboost_trees.c).
 */

#include "import/booster/booster_model.h"
#include "import/booster/doc_reader.h"

typedef struct xgboost_text {
    const char *bytes; /* terminated, in the model's arena */
    size_t length;
} xgboost_text;

typedef struct xgboost_texts {
    xgboost_text *items;
    size_t count, capacity;
} xgboost_texts;

/** Categories of one feature; neither when it has none. */
typedef struct xgboost_categories {
    mlscore_text *labels;
    double *numbers;
    uint32_t count;
} xgboost_categories;

typedef enum xgboost_booster {
    XGBOOST_UNKNOWN = 0,
    XGBOOST_GBTREE,
    XGBOOST_DART,
    XGBOOST_GBLINEAR
} xgboost_booster;

typedef struct xgboost_document {
    booster_model *model;
    const unsigned char *bytes;
    size_t size;
    int ubj;
    mlscore_error *err;

    int version[3];
    xgboost_texts feature_names;
    xgboost_texts feature_types;
    xgboost_categories *categories;
    size_t category_count, category_capacity;
    xgboost_booster booster;
    xgboost_text booster_name;
    xgboost_text objective;
    uint32_t feature_count, class_count, target_count;
    float *base_scores;
    size_t base_score_count;
    doc_numbers tree_outputs; /* int32: the output of each tree */
    doc_numbers tree_weights; /* float: dart */
    doc_numbers linear;       /* float: gblinear */
    size_t trees_at;          /* offset of the array of trees, 0: none */
    int has_trees;
} xgboost_document;

/** Read everything but the trees. */
mlscore_status xgboost_read_document(xgboost_document *document);
void xgboost_document_free(xgboost_document *document);

/** A reader over the document from an offset. */
void xgboost_reader(const xgboost_document *document, doc_reader *reader,
                    size_t at);

/** Fill document->categories from "cats". */
mlscore_status xgboost_read_categories(xgboost_document *document,
                                       doc_reader *reader);

/** Is there a link function for the objective? Sets the model's. */
mlscore_status xgboost_objective(xgboost_document *document);
/** The base score's contribution to the sums. */
float xgboost_margin(const xgboost_document *document, float base_score);

/** Read the trees into the model's forest. `base`: margins, an output each. */
mlscore_status xgboost_read_trees(xgboost_document *document,
                                  const float *base);

#endif
