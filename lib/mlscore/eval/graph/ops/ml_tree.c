/* SPDX-License-Identifier: Apache-2.0 */
/* Tree ensembles. The importer packs the trees of ai.onnx.ml's operators into
 * a forest (import/onnx/onnx_trees.c); `mlscore::Forest` runs it and does what
 * comes after the sums. The operators themselves only tell their shapes. */

#include <math.h>
#include <string.h>

#include "eval/forest.h"
#include "eval/graph/ops/ml_scores.h"
#include "eval/graph/ops/ml_tree.h"
#include "eval/graph/ops/ops.h"

struct forest_state {
    mlscore_forest *forest;
    size_t outputs;        /* of the ensemble */
    mlscore_dtype type;    /* of the scores */
    const double *base;    /* base_count of them */
    size_t base_count;
    double divisor;        /* trees, when averages are asked for */
    mlscore_post post;
    int classifier;
    mlscore_labels labels;
    int64_t only_class;    /* the one class that has weights, or -1 */
    int all_positive;
    /* Splits on membership in a set of numbers read made-up features that
     * follow the input's own: 1 when a member, else 0. */
    const int64_t *set_features, *set_starts;
    const double *set_values;
    size_t set_count;
};

static mlscore_status open_forest(mlscore_prepare *prepare,
                                  struct forest_state *state)
{
    const mlscore_tensor *bytes = mlscore_take_tensor(prepare, "forest");

    if (!bytes || bytes->type != MLSCORE_DT_UINT8) {
        return mlscore_prepare_fail(prepare, MLSCORE_EIMAGE,
                                    "the forest is missing");
    }
    mlscore_status status =
        mlscore_forest_open(&state->forest, bytes->data,
                            mlscore_tensor_count(bytes), prepare->err);
    prepare->status = prepare->status ? prepare->status : status;
    return status;
}

static mlscore_status take_sets(mlscore_prepare *prepare,
                                struct forest_state *state)
{
    size_t features, starts;
    const mlscore_tensor *values = mlscore_take_tensor(prepare, "set_values");

    state->set_features =
        mlscore_take_ints(prepare, "set_features", &features);
    state->set_starts = mlscore_take_ints(prepare, "set_starts", &starts);
    state->set_count = features;
    if (features == 0) {
        return prepare->status;
    }
    const int64_t total =
        values && values->type == MLSCORE_DT_DOUBLE
            ? (int64_t)mlscore_tensor_count(values) : -1;
    int bad = starts != features + 1 || total < 0 ||
              features >= mlscore_forest_features(state->forest);
    const int64_t own =
        (int64_t)mlscore_forest_features(state->forest) - (int64_t)features;
    for (size_t i = 0; !bad && i < features; i++) {
        bad = state->set_features[i] < 0 || state->set_features[i] >= own ||
              state->set_starts[i] < 0 ||
              state->set_starts[i] > state->set_starts[i + 1] ||
              state->set_starts[i + 1] > total;
    }
    state->set_values = values ? values->data : NULL;
    return bad ? mlscore_prepare_fail(prepare, MLSCORE_EIMAGE,
                                      "the sets are broken")
               : MLSCORE_OK;
}

static mlscore_status prepare_forest(mlscore_prepare *prepare)
{
    struct forest_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    prepare->node->state = state; /* destroyed from here on */
    if (open_forest(prepare, state) || take_sets(prepare, state)) {
        return prepare->status;
    }
    const mlscore_tensor *base = mlscore_take_tensor(prepare, "base");
    state->outputs = (size_t)mlscore_take_int(prepare, "outputs", 0);
    state->type = (mlscore_dtype)mlscore_take_int(prepare, "type", 1);
    state->divisor = (double)mlscore_take_int(prepare, "divisor", 1);
    state->post = mlscore_take_post(prepare);
    state->classifier = mlscore_take_int(prepare, "classifier", 0) != 0;
    state->only_class = mlscore_take_int(prepare, "only_class", -1);
    state->all_positive = mlscore_take_int(prepare, "all_positive", 0) != 0;
    mlscore_take_labels(prepare, "labels", "label_numbers", &state->labels);
    if (base && base->type == MLSCORE_DT_DOUBLE) {
        state->base = base->data;
        state->base_count = mlscore_tensor_count(base);
    }
    if (state->outputs == 0 || state->outputs > INT32_MAX ||
        state->outputs != mlscore_forest_outputs(state->forest) ||
        (state->type != MLSCORE_DT_FLOAT &&
         state->type != MLSCORE_DT_DOUBLE) ||
        !(state->divisor >= 1) ||
        (state->classifier &&
         (state->labels.count != state->outputs ||
          state->only_class >= (int64_t)state->outputs))) {
        return mlscore_prepare_fail(prepare, MLSCORE_EIMAGE,
                                    "the forest's description is broken");
    }
    return prepare->status;
}

static void destroy_forest(void *state)
{
    mlscore_forest_free(((struct forest_state *)state)->forest);
}

/* --- shapes
 * ----------------------------------------------------------------------- */

static size_t own_features(const struct forest_state *state)
{
    return mlscore_forest_features(state->forest) - state->set_count;
}

static size_t number_size(const struct forest_state *state)
{
    return mlscore_forest_number_of(state->forest) == MLSCORE_FOREST_FLOAT
               ? sizeof(float) : sizeof(double);
}

/* The input's elements can be used as they lie. */
static int fits(const struct forest_state *state, const mlscore_tensor *in)
{
    const mlscore_dtype type =
        number_size(state) == sizeof(float) ? MLSCORE_DT_FLOAT
                                            : MLSCORE_DT_DOUBLE;

    return in->type == type && state->set_count == 0 && in->rank > 0 &&
           (size_t)in->dims[in->rank - 1] == own_features(state);
}

static size_t round_up(size_t size)
{
    return (size + 63) / 64 * 64;
}

static mlscore_status infer_forest(mlscore_call *call)
{
    const struct forest_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    mlscore_status status =
        state->classifier
            ? mlscore_infer_classifier(call, &state->labels, state->outputs, 0)
            : mlscore_infer_rows(call, 0, state->type, state->outputs, 0);

    if (status || !mlscore_tensor_known(in)) {
        return status;
    }
    size_t rows, columns;
    mlscore_rows_of(in, &rows, &columns);
    if (columns < own_features(state)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "%zu features, but the trees need %zu",
                                 columns, own_features(state));
    }
    if (state->classifier && call->out_count > 1) {
        call->out[1]->type = state->type;
    }
    call->work_size = mlscore_forest_scratch(state->forest) +
                      round_up(rows * state->outputs * sizeof(double)) + 64;
    if (!fits(state, in)) {
        call->work_size +=
            round_up(rows * mlscore_forest_features(state->forest) *
                     number_size(state));
    }
    return MLSCORE_OK;
}

/* --- features
 * ----------------------------------------------------------------------- */

static double member(const struct forest_state *state, size_t set, double x)
{
    const double *values = state->set_values;

    for (int64_t i = state->set_starts[set]; i < state->set_starts[set + 1];
         i++) {
        if (values[i] == x) {
            return 1;
        }
    }
    return isnan(x) ? x : 0;
}

/* Lay the features out as the forest wants them. */
static void copy_features(const struct forest_state *state,
                          const mlscore_tensor *in, size_t rows,
                          size_t columns, void *out)
{
    const size_t own = own_features(state), wide = own + state->set_count;
    const size_t size = mlscore_dtype_size(in->type);
    const int single = number_size(state) == sizeof(float);

    for (size_t r = 0; r < rows; r++) {
        const char *from = (const char *)in->data + r * columns * size;
        float *floats = (float *)out + r * wide;
        double *doubles = (double *)out + r * wide;

        if (single) {
            mlscore_elements_to_float(floats, from, in->type, own);
        }
        else {
            mlscore_elements_to_double(doubles, from, in->type, own);
        }
        for (size_t s = 0; s < state->set_count; s++) {
            const double x = single ? floats[state->set_features[s]]
                                    : doubles[state->set_features[s]];
            const double is = member(state, s, x);

            if (single) {
                floats[own + s] = (float)is;
            }
            else {
                doubles[own + s] = is;
            }
        }
    }
}

/* --- after the sums
 * --------------------------------------------------------------------- */

static void finish_scores(const struct forest_state *state, double *sums)
{
    const int single = state->type == MLSCORE_DT_FLOAT;

    for (size_t i = 0; i < state->outputs; i++) {
        double base = 0;

        if (state->base_count == state->outputs) {
            base = state->base[i];
        }
        else if (state->base_count == 1 && state->outputs == 1) {
            base = state->base[0];
        }
        if (state->divisor > 1) {
            sums[i] = single ? (float)sums[i] / (float)state->divisor
                             : sums[i] / state->divisor;
        }
        if (state->base_count) {
            sums[i] = single ? (float)sums[i] + (float)base : sums[i] + base;
        }
    }
}

static void put_score(const struct forest_state *state, mlscore_tensor *out,
                      size_t at, double score)
{
    if (state->type == MLSCORE_DT_FLOAT) {
        ((float *)out->data)[at] = (float)score;
    }
    else {
        ((double *)out->data)[at] = score;
    }
}

static size_t largest(const double *scores, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    return best;
}

/* Two classes of which only one has weights: its score decides, and when it
 * is the first, it stands for the second and the first gets the rest. These
 * are the rules of the runtime that models are tested with, because the
 * standard has none. Returns the class. */
static size_t finish_pair(const struct forest_state *state, double *scores)
{
    const double score = scores[state->only_class];
    const size_t winner = state->all_positive ? score > 0.5 : score > 0;

    if (state->only_class == 1 || state->base_count == 2) {
        mlscore_post_row_double(state->post, scores, 2);
        return winner;
    }
    float pair[2];
    mlscore_post_pair(state->post,
                      state->all_positive ? MLSCORE_SECOND_COMPLEMENT
                                          : MLSCORE_SECOND_NEGATIVE,
                      (float)score, pair);
    scores[0] = pair[0];
    scores[1] = pair[1];
    return winner;
}

static mlscore_status run_forest(const mlscore_call *call)
{
    const struct forest_state *state = call->state;
    const mlscore_tensor *in = call->in[0];
    const size_t n = state->outputs;
    size_t rows, columns;

    mlscore_rows_of(in, &rows, &columns);
    char *work = call->work;
    double *sums = (double *)work;
    work += round_up(rows * n * sizeof(double));
    const void *features = in->data;
    if (!fits(state, in)) {
        copy_features(state, in, rows, columns, work);
        features = work;
        work += round_up(rows * mlscore_forest_features(state->forest) *
                         number_size(state));
    }
    mlscore_forest_run(state->forest, features, rows, sums, work);
    for (size_t r = 0; r < rows; r++) {
        double *row = sums + r * n;
        size_t best = 0;

        if (state->classifier && n == 2 && state->only_class >= 0 &&
            state->base_count == 1) {
            /* A base value by itself belongs to the first class. */
            row[0] += state->only_class == 0 ? state->base[0] : 0;
        }
        else {
            finish_scores(state, row);
        }
        if (state->classifier && n == 2 && state->only_class >= 0) {
            best = finish_pair(state, row);
        }
        else {
            best = largest(row, n);
            mlscore_post_row_double(state->post, row, n);
        }
        if (state->classifier) {
            mlscore_put_label(&state->labels, call->out[0], r, best);
        }
        mlscore_tensor *out = call->out[state->classifier];
        for (size_t i = 0; call->out_count > (uint32_t)state->classifier &&
                           i < n; i++) {
            put_score(state, out, r * n + i, row[i]);
        }
    }
    return MLSCORE_OK;
}

/* --- the operators before they are packed
 * -------------------------------------------------- */

static mlscore_status prepare_plain(mlscore_prepare *prepare)
{
    mlscore_tree_shape *shape =
        mlscore_prepare_alloc(prepare, 1, sizeof(*shape));
    mlscore_labels labels;

    for (uint32_t i = 0; i < prepare->node->attr_count; i++) {
        mlscore_take_ignored(prepare, prepare->node->attrs[i].name);
    }
    if (!shape) {
        return prepare->status;
    }
    mlscore_take_labels(prepare, "classlabels_strings", "classlabels_int64s",
                        &labels);
    shape->labels = labels;
    shape->outputs = prepare->node->kind->detail == 1
                         ? (int64_t)labels.count
                         : mlscore_take_int(prepare, "n_targets", 1);
    if (!prepare->status && (shape->outputs < 1 || shape->outputs > 1000000)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "needs labels or a number of targets");
    }
    prepare->node->state = shape;
    return prepare->status;
}

static mlscore_status infer_plain(mlscore_call *call)
{
    const mlscore_tree_shape *shape = call->state;
    const int kind = call->node->kind->detail;

    if (kind == 1) {
        return mlscore_infer_classifier(call, &shape->labels,
                                        (size_t)shape->outputs, 0);
    }
    return mlscore_infer_rows(call, 0,
                              kind == 2 ? call->in[0]->type : MLSCORE_DT_FLOAT,
                              (size_t)shape->outputs, 0);
}

static mlscore_status run_plain(const mlscore_call *call)
{
    return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                             "trees inside of a subgraph are not supported");
}

#define PLAIN(NAME, SINCE, OUTPUTS, DETAIL) \
    {"ai.onnx.ml", NAME, SINCE, 0, 1, 1, 1, OUTPUTS, MLSCORE_OP_NO_FOLD, 0, 0, \
     prepare_plain, infer_plain, run_plain, mlscore_batch_rows, NULL, DETAIL}

static const mlscore_op rows[] = {
    {"mlscore", "Forest", 1, 0, 1, 1, 1, 2, 0, 0, 0, prepare_forest,
     infer_forest, run_forest, mlscore_batch_rows, destroy_forest, 0},
    PLAIN("TreeEnsembleRegressor", 1, 1, 0),
    PLAIN("TreeEnsembleClassifier", 1, 2, 1),
    PLAIN("TreeEnsemble", 5, 1, 2),
};

MLSCORE_OP_TABLE(mlscore_ops_ml_tree, rows);
