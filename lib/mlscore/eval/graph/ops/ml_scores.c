/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and score transforms of ai.onnx.ml. */

#include "eval/graph/ops/ml_scores.h"

#include <math.h>

mlscore_post mlscore_take_post(mlscore_prepare *prepare)
{
    static const char *const words[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                        "SOFTMAX_ZERO", "PROBIT", NULL};

    return (mlscore_post)mlscore_take_word(prepare, "post_transform", words,
                                           0);
}

static double logistic(double x)
{
    const double y = 1 / (1 + exp(-fabs(x)));

    return x < 0 ? 1 - y : y;
}

/* The quantile of the normal distribution by way of an inverse error function
 * after Winitzki, "A handy approximation for the error function" (2008), with
 * the constants that ONNX's reference and its runtimes use: models are
 * compared with those, so more digits would differ. */
static double probit(double p)
{
    const float x = (float)(2 * p - 1);
    const float log_part = logf((1 - x) * (1 + x));
    const float v = 2 / (3.14159f * 0.147f) + 0.5f * log_part;
    const float root =
        sqrtf(-v + sqrtf(v * v - 1 / 0.147f * log_part));

    return 1.41421356f * (x < 0 ? -root : root);
}

static void softmax(double *scores, size_t count, int keep_zeros)
{
    double most = -INFINITY, sum = 0;

    for (size_t i = 0; i < count; i++) {
        most = scores[i] > most ? scores[i] : most;
    }
    const double shrink = exp(-most);
    for (size_t i = 0; i < count; i++) {
        if (keep_zeros && fabs(scores[i]) <= 1e-7) {
            scores[i] *= shrink;
            continue;
        }
        scores[i] = exp(scores[i] - most);
        sum += scores[i];
    }
    for (size_t i = 0; i < count; i++) {
        scores[i] /= sum;
    }
}

void mlscore_post_row_double(mlscore_post post, double *scores, size_t count)
{
    switch (post) {
    case MLSCORE_POST_NONE: break;
    case MLSCORE_POST_SOFTMAX: softmax(scores, count, 0); break;
    case MLSCORE_POST_SOFTMAX_ZERO: softmax(scores, count, 1); break;
    case MLSCORE_POST_LOGISTIC:
        for (size_t i = 0; i < count; i++) {
            scores[i] = logistic(scores[i]);
        }
        break;
    case MLSCORE_POST_PROBIT:
        for (size_t i = 0; i < count; i++) {
            scores[i] = probit(scores[i]);
        }
        break;
    }
}

/* The same as softmax above for floats, without a copy. */
static void softmax_floats(float *scores, size_t count, int keep_zeros)
{
    float most = -INFINITY, sum = 0;

    for (size_t i = 0; i < count; i++) {
        most = scores[i] > most ? scores[i] : most;
    }
    const float shrink = expf(-most);
    for (size_t i = 0; i < count; i++) {
        if (keep_zeros && fabsf(scores[i]) <= 1e-7f) {
            scores[i] *= shrink;
            continue;
        }
        scores[i] = expf(scores[i] - most);
        sum += scores[i];
    }
    for (size_t i = 0; i < count; i++) {
        scores[i] /= sum;
    }
}

void mlscore_post_row(mlscore_post post, float *scores, size_t count)
{
    switch (post) {
    case MLSCORE_POST_NONE: break;
    case MLSCORE_POST_SOFTMAX: softmax_floats(scores, count, 0); break;
    case MLSCORE_POST_SOFTMAX_ZERO: softmax_floats(scores, count, 1); break;
    case MLSCORE_POST_LOGISTIC:
        for (size_t i = 0; i < count; i++) {
            scores[i] = (float)logistic(scores[i]);
        }
        break;
    case MLSCORE_POST_PROBIT:
        for (size_t i = 0; i < count; i++) {
            scores[i] = (float)probit(scores[i]);
        }
        break;
    }
}

void mlscore_post_pair(mlscore_post post, mlscore_second second, float score,
                       float out[2])
{
    if (post == MLSCORE_POST_LOGISTIC) {
        out[0] = (float)logistic(-score);
        out[1] = (float)logistic(score);
        return;
    }
    out[0] = second == MLSCORE_SECOND_NEGATIVE ? -score : 1 - score;
    out[1] = score;
    if (post == MLSCORE_POST_PROBIT) {
        mlscore_post_row(post, out, 2);
    }
}

void mlscore_take_labels(mlscore_prepare *prepare, const char *texts,
                         const char *ints, mlscore_labels *out)
{
    size_t count;
    const mlscore_text *names = mlscore_take_strings(prepare, texts, &count);

    *out = (mlscore_labels){.type = MLSCORE_DT_INT64};
    if (names && count) {
        out->type = MLSCORE_DT_STRING;
        out->texts = names;
        out->count = count;
        mlscore_take_ignored(prepare, ints);
        return;
    }
    out->ints = mlscore_take_ints(prepare, ints, &out->count);
}

mlscore_status mlscore_infer_rows(mlscore_call *call, uint32_t output,
                                  mlscore_dtype type, size_t count,
                                  size_t features)
{
    const mlscore_tensor *in = call->in[0];
    int64_t dims[2] = {-1, (int64_t)count};
    char shape[128];

    mlscore_status status =
        mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER | MLSCORE_DTS_BOOL);
    if (!status && in->rank >= 0) {
        const int64_t columns = in->rank ? in->dims[in->rank - 1] : 1;

        dims[0] = in->rank == 2 ? in->dims[0] : 1;
        if (in->rank < 1 || in->rank > 2 ||
            (features && columns >= 0 && columns != (int64_t)features)) {
            return mlscore_call_fail(
                call, MLSCORE_EFORMAT, "input of shape %s, but the model has "
                "%zu features",
                mlscore_tensor_shape_text(in, shape, sizeof(shape)), features);
        }
    }
    mlscore_out_dims(call, output, type, 2, dims);
    return status;
}

mlscore_status mlscore_infer_classifier(mlscore_call *call,
                                        const mlscore_labels *labels,
                                        size_t count, size_t features)
{
    int64_t rows = -1;
    const mlscore_tensor *in = call->in[0];

    if (in->rank >= 0) {
        rows = in->rank == 2 ? in->dims[0] : 1;
    }
    mlscore_out_dims(call, 0, labels->type, 1, &rows);
    if (call->out_count > 1) {
        return mlscore_infer_rows(call, 1, MLSCORE_DT_FLOAT, count, features);
    }
    return MLSCORE_OK;
}

void mlscore_rows_of(const mlscore_tensor *in, size_t *rows, size_t *columns)
{
    *rows = in->rank == 2 ? (size_t)in->dims[0] : 1;
    *columns = in->rank ? (size_t)in->dims[in->rank - 1] : 1;
}

size_t mlscore_as_floats_work(const mlscore_tensor *in)
{
    return in->type == MLSCORE_DT_FLOAT || !mlscore_tensor_known(in)
               ? 0 : mlscore_tensor_count(in) * sizeof(float);
}

const float *mlscore_as_floats(const mlscore_tensor *in, void *work)
{
    if (in->type == MLSCORE_DT_FLOAT) {
        return in->data;
    }
    mlscore_elements_to_float(work, in->data, in->type,
                              mlscore_tensor_count(in));
    return work;
}
