/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_ML_SCORES_H
#define MLSCORE_EVAL_GRAPH_OPS_ML_SCORES_H

/** What the classifiers and regressors of ai.onnx.ml share: labels, and the
 *  transform of their scores. */

#include "eval/graph/op.h"

typedef enum mlscore_post {
    MLSCORE_POST_NONE = 0,
    MLSCORE_POST_SOFTMAX,
    MLSCORE_POST_LOGISTIC,
    MLSCORE_POST_SOFTMAX_ZERO,
    MLSCORE_POST_PROBIT
} mlscore_post;

/** The attribute `post_transform`. */
mlscore_post mlscore_take_post(mlscore_prepare *prepare);

/** Transform a row of scores in place. */
void mlscore_post_row(mlscore_post post, float *scores, size_t count);
void mlscore_post_row_double(mlscore_post post, double *scores, size_t count);

/** How a single score stands for two classes. */
typedef enum mlscore_second {
    MLSCORE_SECOND_COMPLEMENT, /* a probability: 1 - s, s */
    MLSCORE_SECOND_NEGATIVE    /* a margin: -s, s */
} mlscore_second;

/** Two transformed scores from one; LOGISTIC is of -s and s in any case. */
void mlscore_post_pair(mlscore_post post, mlscore_second second, float score,
                       float out[2]);

typedef struct mlscore_labels {
    mlscore_dtype type; /* INT64 or STRING */
    size_t count;
    const int64_t *ints;
    const mlscore_text *texts;
} mlscore_labels;

/** The labels from a pair of attributes, of which one is there. */
void mlscore_take_labels(mlscore_prepare *prepare, const char *texts,
                         const char *ints, mlscore_labels *out);
/** Put label `which` into element `at` of a tensor of labels. */
static inline void mlscore_put_label(const mlscore_labels *labels,
                                     mlscore_tensor *out, size_t at,
                                     size_t which)
{
    if (labels->type == MLSCORE_DT_STRING) {
        ((mlscore_text *)out->data)[at] = labels->texts[which];
    }
    else {
        ((int64_t *)out->data)[at] = labels->ints[which];
    }
}

/** Shapes of a classifier's outputs: labels [rows], scores [rows, count]. The
 *  input is [rows, features] or [features], of numbers. `features` 0: any. */
mlscore_status mlscore_infer_classifier(mlscore_call *call,
                                        const mlscore_labels *labels,
                                        size_t count, size_t features);
/** The same for one output [rows, count] of a type. */
mlscore_status mlscore_infer_rows(mlscore_call *call, uint32_t output,
                                  mlscore_dtype type, size_t count,
                                  size_t features);

/** Rows and columns of a known [rows, columns] or [columns] input. */
void mlscore_rows_of(const mlscore_tensor *in, size_t *rows, size_t *columns);

/** The input's numbers as floats: where they are, or converted to `work`. */
const float *mlscore_as_floats(const mlscore_tensor *in, void *work);
/** Bytes of work that takes; 0 for floats. */
size_t mlscore_as_floats_work(const mlscore_tensor *in);

#endif
