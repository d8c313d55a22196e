/* SPDX-License-Identifier: Apache-2.0 */
/* ai.onnx.ml SVMRegressor and SVMClassifier. */

#include <math.h>
#include <string.h>

#include "eval/graph/ops/ml_scores.h"
#include "eval/graph/ops/ops.h"
#include "kernel/gemm.h"

enum kernel { LINEAR, POLY, RBF, SIGMOID };

struct svm_state {
    enum kernel kernel;
    float gamma, coef0, degree;
    const float *vectors, *coefficients, *rho;
    size_t vector_count, features, rho_count;
    mlscore_post post;
    int one_class;
    /* classifier */
    mlscore_labels labels;
    const int64_t *per_class;
    size_t classes, pairs;
    const float *prob_a, *prob_b; /* NULL: no probabilities */
    int all_positive;
};

static struct svm_state *prepare_svm(mlscore_prepare *prepare, size_t *vectors,
                                     size_t *coefficients)
{
    static const char *const kernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID",
                                          NULL};
    struct svm_state *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    size_t params;

    if (!state) {
        return NULL;
    }
    const float *values = mlscore_take_floats(prepare, "kernel_params",
                                              &params);
    state->kernel =
        (enum kernel)mlscore_take_word(prepare, "kernel_type", kernels, 0);
    if (params >= 3) {
        state->gamma = values[0];
        state->coef0 = values[1];
        state->degree = values[2];
    }
    state->vectors = mlscore_take_floats(prepare, "support_vectors", vectors);
    state->coefficients =
        mlscore_take_floats(prepare, "coefficients", coefficients);
    state->rho = mlscore_take_floats(prepare, "rho", &state->rho_count);
    state->post = mlscore_take_post(prepare);
    prepare->node->state = state;
    if (!*coefficients || !state->rho_count) {
        mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                             "needs 'coefficients' and 'rho'");
        return NULL;
    }
    return state;
}

/* --- kernels
 * ------------------------------------------------------------------- */

static float kernel_of(const struct svm_state *state, const float *x,
                       const float *y)
{
    const size_t n = state->features;

    if (state->kernel == RBF) {
        double sum = 0;

        for (size_t i = 0; i < n; i++) {
            const float d = x[i] - y[i];

            sum += (double)d * d;
        }
        return (float)exp(-(double)state->gamma * sum);
    }
    double dot = 0;
    for (size_t i = 0; i < n; i++) {
        dot += (double)x[i] * y[i];
    }
    switch (state->kernel) {
    case POLY:
        return (float)pow((double)state->gamma * dot + (double)state->coef0,
                          (double)state->degree);
    case SIGMOID:
        return (float)tanh((double)state->gamma * dot + (double)state->coef0);
    default: return (float)dot;
    }
}

static void kernels_of(const struct svm_state *state, const float *x,
                       float *out)
{
    for (size_t v = 0; v < state->vector_count; v++) {
        out[v] = kernel_of(state, x, state->vectors + v * state->features);
    }
}

/* --- regression
 * ------------------------------------------------------------------ */

static mlscore_status prepare_regressor(mlscore_prepare *prepare)
{
    size_t vectors, coefficients;
    struct svm_state *state = prepare_svm(prepare, &vectors, &coefficients);
    const int64_t supports = mlscore_take_int(prepare, "n_supports", 0);

    if (!state) {
        return prepare->status;
    }
    state->one_class = mlscore_take_int(prepare, "one_class", 0) != 0;
    if (supports > 0) {
        state->vector_count = (size_t)supports;
        state->features = vectors / state->vector_count;
    }
    else {
        state->kernel = LINEAR;
        state->features = coefficients;
    }
    if (supports < 0 ||
        (supports && (vectors != state->features * state->vector_count ||
                      coefficients != state->vector_count ||
                      !state->features))) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "%zu coefficients and %zu numbers of "
                                    "support vectors for %lld of them",
                                    coefficients, vectors,
                                    (long long)supports);
    }
    return prepare->status;
}

static mlscore_status infer_regressor(mlscore_call *call)
{
    const struct svm_state *state = call->state;

    call->work_size = (mlscore_as_floats_work(call->in[0]) + 63) / 64 * 64 +
                      state->vector_count * sizeof(float);
    return mlscore_infer_rows(call, 0, MLSCORE_DT_FLOAT, 1, state->features);
}

static mlscore_status run_regressor(const mlscore_call *call)
{
    const struct svm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const float *x = mlscore_as_floats(in, call->work);
    float *kernels = (float *)((char *)call->work +
                               (mlscore_as_floats_work(in) + 63) / 64 * 64);
    float *out = call->out[0]->data;
    size_t rows, columns;

    mlscore_rows_of(in, &rows, &columns);
    for (size_t i = 0; i < rows; i++, x += state->features) {
        double sum = 0;

        if (state->vector_count) {
            kernels_of(state, x, kernels);
            for (size_t v = 0; v < state->vector_count; v++) {
                sum += (double)kernels[v] * state->coefficients[v];
            }
        }
        else {
            sum = kernel_of(state, x, state->coefficients);
        }
        out[i] = (float)(sum + (double)state->rho[0]);
        if (state->one_class) {
            out[i] = out[i] > 0 ? 1 : -1;
        }
        mlscore_post_row(state->post, out + i, 1);
    }
    return MLSCORE_OK;
}

/* --- classification
 * ---------------------------------------------------------------- */

static mlscore_status check_svc(mlscore_prepare *prepare,
                                struct svm_state *state, size_t classes,
                                size_t vectors, size_t coefficients)
{
    size_t supports = 0;

    for (size_t i = 0; i < classes; i++) {
        if (state->per_class[i] < 0 || state->per_class[i] > INT32_MAX) {
            return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                        "'vectors_per_class' is impossible");
        }
        supports += (size_t)state->per_class[i];
    }
    state->vector_count = supports;
    if (classes != state->classes || supports == 0 ||
        vectors % supports != 0 ||
        coefficients < (state->classes - 1) * supports ||
        state->rho_count < state->pairs) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "coefficients, support vectors, rho and "
                                    "labels do not fit together");
    }
    state->features = vectors / supports;
    return MLSCORE_OK;
}

static mlscore_status prepare_classifier(mlscore_prepare *prepare)
{
    size_t vectors, coefficients, classes, a, b;
    struct svm_state *state = prepare_svm(prepare, &vectors, &coefficients);

    if (!state) {
        return prepare->status;
    }
    state->per_class = mlscore_take_ints(prepare, "vectors_per_class",
                                         &classes);
    state->prob_a = mlscore_take_floats(prepare, "prob_a", &a);
    state->prob_b = mlscore_take_floats(prepare, "prob_b", &b);
    mlscore_take_labels(prepare, "classlabels_strings", "classlabels_ints",
                        &state->labels);
    state->classes = state->labels.count;
    if (state->classes < 2 || state->classes > 65535) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs two labels or more");
    }
    state->pairs = state->classes * (state->classes - 1) / 2;
    if (a == 0) {
        state->prob_a = state->prob_b = NULL;
    }
    else if (a < state->pairs || b < state->pairs) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "'prob_a' or 'prob_b' is too short");
    }
    state->all_positive = 1;
    for (size_t i = 0; i < coefficients; i++) {
        state->all_positive &= state->coefficients[i] >= 0;
    }
    if (classes) {
        return check_svc(prepare, state, classes, vectors, coefficients);
    }
    state->kernel = LINEAR;
    state->features = coefficients / state->classes;
    if (!state->features || coefficients % state->classes) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "coefficients and labels do not fit");
    }
    return prepare->status;
}

/* Without probabilities a vote's scores are those of the pairs. */
static size_t score_count(const struct svm_state *state)
{
    return state->vector_count && !state->prob_a && state->classes > 2
               ? state->pairs : state->classes;
}

static mlscore_status infer_classifier(mlscore_call *call)
{
    const struct svm_state *state = call->state;
    const size_t c = state->classes;

    call->work_size =
        (mlscore_as_floats_work(call->in[0]) + 63) / 64 * 64 +
        (state->vector_count + state->pairs + 2 * c * c + 4 * c) *
            sizeof(float);
    return mlscore_infer_classifier(call, &state->labels, score_count(state),
                                    state->features);
}

/* Decision values of all pairs of classes, and how many each class won. */
static void decide(const struct svm_state *state, const float *kernels,
                   float *scores, float *votes)
{
    size_t pair = 0, start_i = 0;

    memset(votes, 0, state->classes * sizeof(*votes));
    for (size_t i = 0; i + 1 < state->classes; i++) {
        size_t start_j = start_i + (size_t)state->per_class[i];

        for (size_t j = i + 1; j < state->classes; j++) {
            const float *ci =
                state->coefficients + (j - 1) * state->vector_count + start_i;
            const float *cj =
                state->coefficients + i * state->vector_count + start_j;
            double sum = 0;

            for (int64_t m = 0; m < state->per_class[i]; m++) {
                sum += (double)ci[m] * kernels[start_i + (size_t)m];
            }
            for (int64_t m = 0; m < state->per_class[j]; m++) {
                sum += (double)cj[m] * kernels[start_j + (size_t)m];
            }
            sum += (double)state->rho[pair];
            scores[pair++] = (float)sum;
            votes[sum > 0 ? i : j] += 1;
            start_j += (size_t)state->per_class[j];
        }
        start_i += (size_t)state->per_class[i];
    }
}

/* Probabilities of classes from those of pairs: Wu, Lin, Weng, "Probability
 * estimates for multi-class classification by pairwise coupling" (2004),
 * second method; r is classes x classes, q scratch of the same size. */
static void couple(size_t n, const float *r, float *q, float *qp, float *p)
{
    const float enough = 0.005f / (float)n;

    for (size_t i = 0; i < n; i++) {
        p[i] = 1.0f / (float)n;
        q[i * n + i] = 0;
        for (size_t j = 0; j < n; j++) {
            if (j != i) {
                q[i * n + i] += r[j * n + i] * r[j * n + i];
                q[i * n + j] = -r[j * n + i] * r[i * n + j];
            }
        }
    }
    for (int round = 0; round < 100; round++) {
        float pqp = 0, worst = 0;

        for (size_t i = 0; i < n; i++) {
            qp[i] = 0;
            for (size_t j = 0; j < n; j++) {
                qp[i] += q[i * n + j] * p[j];
            }
            pqp += p[i] * qp[i];
        }
        for (size_t i = 0; i < n; i++) {
            worst = fmaxf(worst, fabsf(qp[i] - pqp));
        }
        if (worst < enough) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            const float diff = (pqp - qp[i]) / q[i * n + i];

            p[i] += diff;
            pqp = (pqp + diff * (diff * q[i * n + i] + 2 * qp[i])) /
                  (1 + diff) / (1 + diff);
            for (size_t j = 0; j < n; j++) {
                qp[j] = (qp[j] + diff * q[i * n + j]) / (1 + diff);
                p[j] /= 1 + diff;
            }
        }
    }
}

/* Platt's sigmoid of each pair, then the coupling. `work` has 2 classes^2 +
 * classes floats. */
static void probabilities(const struct svm_state *state, const float *scores,
                          float *work, float *out)
{
    const size_t n = state->classes;
    float *r = work, *q = r + n * n, *qp = q + n * n;
    size_t pair = 0;

    memset(r, 0, n * n * sizeof(*r));
    for (size_t i = 0; i + 1 < n; i++) {
        for (size_t j = i + 1; j < n; j++, pair++) {
            const float value =
                scores[pair] * state->prob_a[pair] + state->prob_b[pair];
            const float half = 1 / (1 + expf(-fabsf(value)));
            float p = value < 0 ? half : 1 - half;

            p = fminf(fmaxf(p, 1e-7f), 1 - 1e-7f);
            r[i * n + j] = p;
            r[j * n + i] = 1 - p;
        }
    }
    couple(n, r, q, qp, out);
}

static size_t largest(const float *scores, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

/* One row in libsvm's form; returns the winning class. */
static size_t classify(const struct svm_state *state, const float *x,
                       float *work, float *out)
{
    float *kernels = work, *pairs = kernels + state->vector_count;
    float *votes = pairs + state->pairs, *rest = votes + state->classes;

    kernels_of(state, x, kernels);
    decide(state, kernels, pairs, votes);
    const size_t best = largest(votes, state->classes);
    if (state->prob_a) {
        probabilities(state, pairs, rest, out);
        mlscore_post_row(state->post, out, state->classes);
    }
    else if (state->classes == 2) {
        mlscore_post_pair(state->post,
                          state->post == MLSCORE_POST_NONE
                              ? MLSCORE_SECOND_NEGATIVE
                              : MLSCORE_SECOND_COMPLEMENT,
                          pairs[0], out);
    }
    else {
        memcpy(out, pairs, state->pairs * sizeof(*out));
        mlscore_post_row(state->post, out, state->pairs);
    }
    return best;
}

/* One row in liblinear's form: a score a class. */
static size_t classify_linear(const struct svm_state *state, const float *x,
                              float *out)
{
    for (size_t c = 0; c < state->classes; c++) {
        out[c] =
            kernel_of(state, x, state->coefficients + c * state->features) +
            state->rho[0];
    }
    size_t best = largest(out, state->classes);
    const float most = out[best];
    if (state->classes == 2 && !state->prob_a &&
        (state->all_positive ? most >= 0.5f : most > 0)) {
        best = 1; /* the rule of two classes looks at the larger score only */
    }
    mlscore_post_row(state->post, out, state->classes);
    return best;
}

static mlscore_status run_classifier(const mlscore_call *call)
{
    const struct svm_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const float *x = mlscore_as_floats(in, call->work);
    float *work = (float *)((char *)call->work +
                            (mlscore_as_floats_work(in) + 63) / 64 * 64);
    const size_t scores = score_count(state);
    float *out = call->out_count > 1 ? call->out[1]->data : NULL;
    size_t rows, columns;

    if (!out) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "the output of scores is left out");
    }
    mlscore_rows_of(in, &rows, &columns);
    for (size_t i = 0; i < rows; i++) {
        const float *row = x + i * state->features;
        const size_t best =
            state->vector_count ? classify(state, row, work, out + i * scores)
                                : classify_linear(state, row, out + i * scores);

        mlscore_put_label(&state->labels, call->out[0], i, best);
    }
    return MLSCORE_OK;
}

static const mlscore_op rows[] = {
    {"ai.onnx.ml", "SVMRegressor", 1, 0, 1, 1, 1, 1, 0, 0, 0,
     prepare_regressor, infer_regressor, run_regressor, mlscore_batch_rows,
     NULL, 0},
    {"ai.onnx.ml", "SVMClassifier", 1, 0, 1, 1, 1, 2, 0, 0, 0,
     prepare_classifier, infer_classifier, run_classifier, mlscore_batch_rows,
     NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_ml_svm, rows);
