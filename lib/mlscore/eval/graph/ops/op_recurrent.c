/* SPDX-License-Identifier: Apache-2.0 */
/* RNN, GRU and LSTM: layers that carry a state along a sequence. */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"
#include "kernel/gemm.h"

enum { RNN, GRU, LSTM, MOST_GATES = 1 << 28 /* floats */ };
enum { X, W, R, B, LENGTHS, FIRST_H, FIRST_C, PEEP };

/* --- activations -----------------------------------------------------------
 */

struct activation {
    mlscore_unary function;
    float a, b;
    int affine;      /* a x + b instead */
    int scaled_tanh; /* a tanh(b x) instead */
};

static const struct known {
    const char *name;
    mlscore_unary function;
    int parameters; /* how many of alpha, beta are used */
    float alpha, beta;
} known[] = {
    {"Relu", MLSCORE_RELU, 0, 0, 0},
    {"Tanh", MLSCORE_TANH, 0, 0, 0},
    {"Sigmoid", MLSCORE_SIGMOID, 0, 0, 0},
    {"Affine", MLSCORE_ABS, 2, 1, 0},
    {"LeakyRelu", MLSCORE_LEAKY_RELU, 1, 0.01f, 0},
    {"ThresholdedRelu", MLSCORE_THRESHOLDED_RELU, 1, 1, 0},
    {"ScaledTanh", MLSCORE_TANH, 2, 1, 1},
    {"HardSigmoid", MLSCORE_HARD_SIGMOID, 2, 0.2f, 0.5f},
    {"Elu", MLSCORE_ELU, 1, 1, 0},
    {"Softsign", MLSCORE_SOFTSIGN, 0, 0, 0},
    {"Softplus", MLSCORE_SOFTPLUS, 0, 0, 0},
};

static void activate(const struct activation *activation, float *x,
                     size_t count)
{
    for (size_t i = 0; i < count && activation->affine; i++) {
        x[i] = activation->a * x[i] + activation->b;
    }
    if (activation->affine) {
        return;
    }
    for (size_t i = 0; i < count && activation->scaled_tanh; i++) {
        x[i] *= activation->b;
    }
    mlscore_unary_run(activation->function, MLSCORE_DT_FLOAT, x, x, count,
                      (double)activation->a, (double)activation->b);
    for (size_t i = 0; i < count && activation->scaled_tanh; i++) {
        x[i] *= activation->a;
    }
}

/* --- attributes ------------------------------------------------------------
 */

struct recurrent {
    int kind, gates; /* of W: 1, 3, 4 */
    size_t directions;
    int reverse; /* of the first direction */
    int by_row;  /* layout: rows come first */
    int linear_before_reset;
    float clip; /* infinity: none */
    struct activation functions[2][3];
};

/* The activations of an operator, by direction; names may be left out. */
static mlscore_status take_activations(mlscore_prepare *prepare,
                                       struct recurrent *state)
{
    static const char *const defaults[3][3] = {
        {"Tanh", "", ""}, {"Sigmoid", "Tanh", ""}, {"Sigmoid", "Tanh", "Tanh"}};
    static const size_t each[3] = {1, 2, 3};
    const size_t per = each[state->kind], want = per * state->directions;
    size_t count, alphas, betas, alpha = 0, beta = 0;
    const mlscore_text *names =
        mlscore_take_strings(prepare, "activations", &count);
    const float *alpha_list =
        mlscore_take_floats(prepare, "activation_alpha", &alphas);
    const float *beta_list =
        mlscore_take_floats(prepare, "activation_beta", &betas);

    if (count && count != want) {
        return mlscore_prepare_fail(prepare, MLSCORE_EFORMAT,
                                    "%zu activations, where %zu are needed",
                                    count, want);
    }
    for (size_t i = 0; i < want; i++) {
        const char *other = defaults[state->kind][i % per];
        const char *name = count ? names[i].bytes : other;
        const size_t length = count ? names[i].length : strlen(other);
        const struct known *found = NULL;

        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (strlen(known[k].name) == length &&
                !strncasecmp(known[k].name, name, length)) {
                found = &known[k];
            }
        }
        if (!found) {
            return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                        "activation '%.*s' is not known",
                                        (int)(length > 40 ? 40 : length), name);
        }
        struct activation *to = &state->functions[i / per][i % per];
        to->function = found->function;
        to->affine = !strcmp(found->name, "Affine");
        to->scaled_tanh = !strcmp(found->name, "ScaledTanh");
        to->a = found->parameters > 0 && alpha < alphas ? alpha_list[alpha++]
                                                        : found->alpha;
        to->b = found->parameters > 1 && beta < betas ? beta_list[beta++]
                                                      : found->beta;
    }
    return prepare->status;
}

static mlscore_status prepare_recurrent(mlscore_prepare *prepare)
{
    static const char *const words[] = {"forward", "reverse", "bidirectional",
                                        NULL};
    static const int gates[] = {1, 3, 4};
    struct recurrent *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (!state) {
        return prepare->status;
    }
    const int direction = mlscore_take_word(prepare, "direction", words, 0);
    state->kind = prepare->node->kind->detail;
    state->gates = gates[state->kind];
    state->directions = direction == 2 ? 2 : 1;
    state->reverse = direction == 1;
    state->by_row = mlscore_take_int(prepare, "layout", 0) != 0;
    state->clip = mlscore_take_float(prepare, "clip", INFINITY);
    mlscore_take_ignored(prepare, "hidden_size"); /* R says it, too */
    mlscore_take_ignored(prepare, "output_sequence");
    prepare->node->state = state;
    if (state->kind == GRU) {
        state->linear_before_reset =
            mlscore_take_int(prepare, "linear_before_reset", 0) != 0;
    }
    if (state->kind == LSTM &&
        mlscore_take_int(prepare, "input_forget", 0) != 0) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "'input_forget' is not supported");
    }
    return take_activations(prepare, state);
}

/* --- shapes -----------------------------------------------------------------
 */

struct sizes {
    size_t steps, rows, width, hidden, directions, gates;
};

static int has_count(const mlscore_call *call, uint32_t i, size_t count)
{
    return !mlscore_has_input(call, i) ||
           (call->in[i]->type == MLSCORE_DT_FLOAT &&
            mlscore_tensor_count(call->in[i]) == count);
}

static mlscore_status find_sizes(const mlscore_call *call, struct sizes *sizes)
{
    const struct recurrent *state = call->state;
    const mlscore_tensor *x = call->in[X], *w = call->in[W], *r = call->in[R];

    sizes->steps = (size_t)x->dims[state->by_row];
    sizes->rows = (size_t)x->dims[!state->by_row];
    sizes->width = (size_t)x->dims[2];
    sizes->hidden = (size_t)r->dims[2];
    sizes->directions = state->directions;
    sizes->gates = (size_t)state->gates;
    const size_t of_state = sizes->directions * sizes->rows * sizes->hidden;
    const int64_t lines = (int64_t)(sizes->gates * sizes->hidden);
    if (w->dims[0] != (int64_t)sizes->directions || r->dims[0] != w->dims[0] ||
        w->dims[1] != lines || r->dims[1] != lines ||
        w->dims[2] != x->dims[2] ||
        !has_count(call, B, sizes->directions * (size_t)lines * 2) ||
        !has_count(call, FIRST_H, of_state) ||
        !has_count(call, FIRST_C, of_state) ||
        !has_count(call, PEEP, sizes->directions * sizes->hidden * 3) ||
        (mlscore_has_input(call, LENGTHS) &&
         mlscore_tensor_count(call->in[LENGTHS]) != sizes->rows)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the inputs' shapes do not fit together");
    }
    return MLSCORE_OK;
}

static mlscore_status infer_recurrent(mlscore_call *call)
{
    const struct recurrent *state = call->state;
    mlscore_status status = MLSCORE_OK;
    int ready = 1;
    struct sizes sizes;

    for (uint32_t i = 0; !status && i < 3; i++) {
        status = mlscore_need_types(call, i, MLSCORE_DT_BIT(MLSCORE_DT_FLOAT));
        status = status ? status : mlscore_need_rank(call, i, 3);
    }
    if (!status && mlscore_has_input(call, LENGTHS)) {
        status = mlscore_need_types(call, LENGTHS, MLSCORE_DTS_INTEGER);
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        mlscore_out_unknown(call, i, call->in[X]->type);
    }
    for (uint32_t i = 0; i < call->in_count; i++) {
        ready = ready && (!call->in[i] || mlscore_tensor_known(call->in[i]));
    }
    if (status || !ready) {
        return status;
    }
    /* Halves count as what they are widened to. */
    mlscore_tensor wide[8];
    const mlscore_tensor *in[8];
    mlscore_call inner = *call;
    for (uint32_t i = 0; i < call->in_count && i < 8; i++) {
        in[i] = NULL;
        if (call->in[i]) {
            wide[i] = *call->in[i];
            wide[i].type = MLSCORE_DT_FLOAT;
            in[i] = &wide[i];
        }
    }
    inner.in = in;
    status = find_sizes(&inner, &sizes);
    const int64_t t = (int64_t)sizes.steps, n = (int64_t)sizes.rows;
    const int64_t d = (int64_t)sizes.directions, h = (int64_t)sizes.hidden;
    const int64_t all[2][4] = {{t, d, n, h}, {n, t, d, h}};
    const int64_t last[2][3] = {{d, n, h}, {n, d, h}};
    for (uint32_t i = 0; i < call->out_count; i++) {
        mlscore_out_dims(call, i, call->in[X]->type, i ? 3 : 4,
                         i ? last[state->by_row] : all[state->by_row]);
    }
    return status;
}

/* --- running ----------------------------------------------------------------
 */

/* Of one direction. */
struct run {
    const struct recurrent *state;
    struct sizes sizes;
    const struct activation *functions;
    const float *w, *r, *bias_w, *bias_r, *peep; /* biases, peep may be NULL */
    float *inputs; /* X W' + bias: [steps][rows][gates * hidden] */
    float *gates;  /* of one step: [rows][gates * hidden] */
    float *h, *c;  /* [rows][hidden] */
    float *reset;  /* GRU: [rows][hidden] */
    void *work;    /* of mlscore_gemm */
};

static void clip(const struct run *run, float *x, size_t count)
{
    const float most = run->state->clip;

    for (size_t i = 0; i < count && most < INFINITY; i++) {
        x[i] = x[i] > most ? most : x[i] < -most ? -most : x[i];
    }
}

/* out[rows][columns] += h r', from line `first` of r on. */
static void recur(const struct run *run, const float *h, size_t first,
                  size_t columns, float *out)
{
    const size_t hidden = run->sizes.hidden;

    mlscore_gemm(run->sizes.rows, columns, hidden,
                 (mlscore_matrix){h, hidden, 1},
                 (mlscore_matrix){run->r + first * hidden, 1, hidden}, out,
                 run->sizes.gates * hidden, run->work);
}

static void rnn_row(const struct run *run, float *gate, float *h)
{
    const size_t hidden = run->sizes.hidden;

    clip(run, gate, hidden);
    activate(&run->functions[0], gate, hidden);
    memcpy(h, gate, hidden * sizeof(*h));
}

/* Gates: update z, reset r, hidden h. */
static void gru_step(struct run *run)
{
    const size_t hidden = run->sizes.hidden, all = 3 * hidden;
    const int late = run->state->linear_before_reset;

    recur(run, run->h, 0, 2 * hidden, run->gates);
    if (late) { /* h r' + bias, each row in `reset` */
        for (size_t n = 0; n < run->sizes.rows; n++) {
            for (size_t i = 0; i < hidden; i++) {
                run->reset[n * hidden + i] =
                    run->bias_r ? run->bias_r[2 * hidden + i] : 0;
            }
        }
        mlscore_gemm(run->sizes.rows, hidden, hidden,
                     (mlscore_matrix){run->h, hidden, 1},
                     (mlscore_matrix){run->r + 2 * hidden * hidden, 1, hidden},
                     run->reset, hidden, run->work);
    }
    for (size_t n = 0; n < run->sizes.rows; n++) {
        float *gate = run->gates + n * all;

        clip(run, gate, 2 * hidden);
        activate(&run->functions[0], gate, 2 * hidden);
        for (size_t i = 0; i < hidden; i++) {
            float *reset = &run->reset[n * hidden + i];

            if (late) {
                gate[2 * hidden + i] += gate[hidden + i] * *reset;
            }
            else {
                *reset = gate[hidden + i] * run->h[n * hidden + i];
            }
        }
    }
    if (!late) {
        recur(run, run->reset, 2 * hidden, hidden, run->gates + 2 * hidden);
    }
}

static void gru_row(const struct run *run, float *gate, float *h)
{
    const size_t hidden = run->sizes.hidden;
    float *next = gate + 2 * hidden;

    clip(run, next, hidden);
    activate(&run->functions[1], next, hidden);
    for (size_t i = 0; i < hidden; i++) {
        h[i] = (1 - gate[i]) * next[i] + gate[i] * h[i];
    }
}

/* Gates: input i, output o, forget f, cell c. */
static void lstm_row(const struct run *run, float *gate, float *h, float *c)
{
    const size_t hidden = run->sizes.hidden;
    float *in = gate, *out = gate + hidden, *forget = gate + 2 * hidden,
          *cell = gate + 3 * hidden;

    for (size_t i = 0; i < hidden && run->peep; i++) {
        in[i] += run->peep[i] * c[i];
        forget[i] += run->peep[2 * hidden + i] * c[i];
    }
    clip(run, in, hidden);
    clip(run, forget, 2 * hidden); /* and the cell behind it */
    activate(&run->functions[0], in, hidden);
    activate(&run->functions[0], forget, hidden);
    activate(&run->functions[1], cell, hidden);
    for (size_t i = 0; i < hidden; i++) {
        c[i] = forget[i] * c[i] + in[i] * cell[i];
        out[i] += run->peep ? run->peep[hidden + i] * c[i] : 0;
        h[i] = c[i];
    }
    clip(run, out, hidden);
    activate(&run->functions[0], out, hidden);
    activate(&run->functions[2], h, hidden);
    for (size_t i = 0; i < hidden; i++) {
        h[i] *= out[i];
    }
}

/* One step for every row whose sequence is long enough. */
static void step(struct run *run, size_t time, const uint8_t *runs)
{
    const size_t hidden = run->sizes.hidden;
    const size_t all = run->sizes.gates * hidden;

    memcpy(run->gates, run->inputs + time * run->sizes.rows * all,
           run->sizes.rows * all * sizeof(float));
    if (run->state->kind == GRU) {
        gru_step(run);
    }
    else {
        recur(run, run->h, 0, all, run->gates);
    }
    for (size_t n = 0; n < run->sizes.rows; n++) {
        float *gate = run->gates + n * all, *h = run->h + n * hidden;

        if (!runs[n]) {
            continue;
        }
        if (run->state->kind == RNN) {
            rnn_row(run, gate, h);
        }
        else if (run->state->kind == GRU) {
            gru_row(run, gate, h);
        }
        else {
            lstm_row(run, gate, h, run->c + n * hidden);
        }
    }
}

/* X W' and both biases for every step; rows lie next to each other. */
static void make_inputs(struct run *run, const float *x)
{
    const struct sizes *s = &run->sizes;
    const size_t all = s->gates * s->hidden;
    const int late = run->state->kind == GRU && run->state->linear_before_reset;

    for (size_t i = 0; i < s->steps * s->rows; i++) {
        float *to = run->inputs + i * all;

        for (size_t g = 0; g < all; g++) {
            to[g] = run->bias_w ? run->bias_w[g] : 0;
            if (run->bias_r && !(late && g >= 2 * s->hidden)) {
                to[g] += run->bias_r[g];
            }
        }
    }
    for (size_t t = 0; t < s->steps; t++) {
        const size_t row = run->state->by_row ? s->steps * s->width : s->width;
        const float *from =
            x + (run->state->by_row ? t * s->width : t * s->rows * s->width);

        mlscore_gemm(s->rows, all, s->width, (mlscore_matrix){from, row, 1},
                     (mlscore_matrix){run->w, 1, s->width},
                     run->inputs + t * s->rows * all, all, run->work);
    }
}

/* Where row n of direction d lies in a state tensor. */
static size_t state_place(const struct run *run, size_t d, size_t n)
{
    return (run->state->by_row ? n * run->sizes.directions + d
                               : d * run->sizes.rows + n) *
           run->sizes.hidden;
}

static void load_state(const mlscore_call *call, const struct run *run,
                       uint32_t which, size_t d, float *to)
{
    const size_t bytes = run->sizes.hidden * sizeof(float);

    for (size_t n = 0; n < run->sizes.rows; n++) {
        if (mlscore_has_input(call, which)) {
            memcpy(to + n * run->sizes.hidden,
                   (const float *)call->in[which]->data +
                       state_place(run, d, n),
                   bytes);
        }
        else {
            memset(to + n * run->sizes.hidden, 0, bytes);
        }
    }
}

static void save_state(const mlscore_call *call, const struct run *run,
                       uint32_t which, size_t d, const float *from)
{
    for (size_t n = 0; n < run->sizes.rows && which < call->out_count; n++) {
        memcpy((float *)call->out[which]->data + state_place(run, d, n),
               from + n * run->sizes.hidden, run->sizes.hidden * sizeof(float));
    }
}

static size_t length_of(const mlscore_call *call, size_t n, size_t steps)
{
    int64_t length = (int64_t)steps;

    if (mlscore_has_input(call, LENGTHS)) {
        const mlscore_tensor *in = call->in[LENGTHS];

        mlscore_elements_to_int64(
            &length, (const char *)in->data + n * mlscore_dtype_size(in->type),
            in->type, 1);
    }
    return length < 0 ? 0 : (uint64_t)length > steps ? steps : (size_t)length;
}

/* Row n's step of a pass: forwards from the start, backwards from the end of
 * its own sequence. All rows run at once, so a short one waits. */
static void run_direction(const mlscore_call *call, struct run *run, size_t d,
                          uint8_t *runs)
{
    const struct sizes *s = &run->sizes;
    const int backwards = d == 1 || run->state->reverse;

    load_state(call, run, FIRST_H, d, run->h);
    if (run->state->kind == LSTM) {
        load_state(call, run, FIRST_C, d, run->c);
    }
    for (size_t i = 0; i < s->steps; i++) {
        const size_t time = backwards ? s->steps - 1 - i : i;

        for (size_t n = 0; n < s->rows; n++) {
            runs[n] = time < length_of(call, n, s->steps);
        }
        step(run, time, runs);
        for (size_t n = 0; n < s->rows; n++) {
            const size_t at = run->state->by_row
                                  ? (n * s->steps + time) * s->directions + d
                                  : (time * s->directions + d) * s->rows + n;
            float *y = (float *)call->out[0]->data + at * s->hidden;

            if (runs[n]) {
                memcpy(y, run->h + n * s->hidden, s->hidden * sizeof(*y));
            }
            else {
                memset(y, 0, s->hidden * sizeof(*y));
            }
        }
    }
    save_state(call, run, 1, d, run->h);
    if (run->state->kind == LSTM) {
        save_state(call, run, 2, d, run->c);
    }
}

static void run_all(const mlscore_call *call, struct run *run, uint8_t *runs)
{
    const struct sizes *s = &run->sizes;
    const size_t all = s->gates * s->hidden;

    for (size_t d = 0; d < s->directions; d++) {
        run->functions = run->state->functions[d];
        run->w = (const float *)call->in[W]->data + d * all * s->width;
        run->r = (const float *)call->in[R]->data + d * all * s->hidden;
        if (mlscore_has_input(call, B)) {
            run->bias_w = (const float *)call->in[B]->data + d * all * 2;
            run->bias_r = run->bias_w + all;
        }
        if (mlscore_has_input(call, PEEP)) {
            run->peep = (const float *)call->in[PEEP]->data + d * s->hidden * 3;
        }
        make_inputs(run, call->in[X]->data);
        run_direction(call, run, d, runs);
    }
}

static mlscore_status run_recurrent(const mlscore_call *call)
{
    struct run run = {.state = call->state};
    mlscore_status status = find_sizes(call, &run.sizes);
    const struct sizes *s = &run.sizes;

    if (status) {
        return status;
    }
    const size_t all = s->gates * s->hidden;
    if (s->rows && s->steps && all > MOST_GATES / s->steps / s->rows) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT,
                                 "sequences and states are too large");
    }
    const size_t deep = s->width > s->hidden ? s->width : s->hidden;
    run.inputs =
        mlscore_malloc_array(s->steps * s->rows * all + 1, sizeof(float));
    run.gates = mlscore_malloc_array(s->rows * all + 1, sizeof(float));
    run.h = mlscore_malloc_array(s->rows * s->hidden + 1, sizeof(float));
    run.c = mlscore_malloc_array(s->rows * s->hidden + 1, sizeof(float));
    run.reset = mlscore_malloc_array(s->rows * s->hidden + 1, sizeof(float));
    run.work =
        mlscore_malloc_aligned(mlscore_gemm_work(s->rows, all, deep) + 64);
    uint8_t *runs = mlscore_malloc(s->rows + 1);
    if (run.inputs && run.gates && run.h && run.c && run.reset && run.work &&
        runs) {
        run_all(call, &run, runs);
    }
    else {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_free(run.inputs);
    mlscore_free(run.gates);
    mlscore_free(run.h);
    mlscore_free(run.c);
    mlscore_free(run.reset);
    mlscore_free(run.work);
    mlscore_free(runs);
    return status;
}

static int batch_recurrent(const mlscore_call *call, const int *in, int *out)
{
    const struct recurrent *state = call->state;

    for (uint32_t i = 0; i < call->in_count; i++) {
        const int has_rows =
            i == X || i == LENGTHS || i == FIRST_H || i == FIRST_C;
        const int axis = i == LENGTHS || state->by_row ? 0 : 1;

        if (call->in[i] && in[i] != (has_rows ? axis : MLSCORE_BATCH_NONE)) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < call->out_count; i++) {
        out[i] = state->by_row ? 0 : i == 0 ? 2 : 1;
    }
    return 1;
}

static const mlscore_op rows[] = {
    {"", "RNN", 7, 0, 3, 6, 1, 2, 0, 0, 0, prepare_recurrent, infer_recurrent,
     run_recurrent, batch_recurrent, NULL, RNN},
    {"", "GRU", 7, 0, 3, 6, 1, 2, 0, 0, 0, prepare_recurrent, infer_recurrent,
     run_recurrent, batch_recurrent, NULL, GRU},
    {"", "LSTM", 7, 0, 3, 8, 1, 3, 0, 0, 0, prepare_recurrent, infer_recurrent,
     run_recurrent, batch_recurrent, NULL, LSTM},
};

MLSCORE_OP_TABLE(mlscore_ops_recurrent, rows);
