/* SPDX-License-Identifier: Apache-2.0 */
/* Einsum: sums of products of elements that share indices. */

#include <string.h>

#include "eval/graph/ops/ops.h"

enum {
    MOST_INPUTS = 8,
    MOST_LABELS = 24, /* letters, and dimensions of the ellipsis */
    ELLIPSIS = 1      /* in a term: the letters are 'A'.. and 'a'.. */
};

/* The equation: letters of each term, ELLIPSIS for three dots. */
struct einsum {
    char terms[MOST_INPUTS + 1][MOST_LABELS + 1]; /* the output's is last */
    int term_count;                               /* of inputs */
    int explicit_output;
};

static int is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* One term up to a comma, an arrow or the end; -1 when it is none. */
static int read_term(const char **at, const char *end, char *term)
{
    size_t count = 0;

    while (*at < end && **at != ',' && **at != '-') {
        char letter = **at;

        if (letter == ' ') {
            (*at)++;
            continue;
        }
        if (letter == '.') {
            if (end - *at < 3 || memcmp(*at, "...", 3) ||
                strchr(term, ELLIPSIS)) {
                return -1;
            }
            letter = ELLIPSIS;
            *at += 2;
        }
        else if (!is_letter(letter)) {
            return -1;
        }
        if (count == MOST_LABELS) {
            return -1;
        }
        term[count++] = letter;
        (*at)++;
    }
    return 0;
}

/* Without an arrow: the ellipsis, then the letters that occur once, sorted. */
static void implicit_output(struct einsum *state)
{
    char *out = state->terms[state->term_count];
    size_t count = 0;
    int dots = 0;

    for (int i = 0; i < state->term_count; i++) {
        dots |= strchr(state->terms[i], ELLIPSIS) != NULL;
    }
    if (dots) {
        out[count++] = ELLIPSIS;
    }
    for (char letter = 'A'; letter <= 'z'; letter++) {
        int seen = 0;

        for (int i = 0; i < state->term_count && is_letter(letter); i++) {
            for (const char *c = state->terms[i]; *c; c++) {
                seen += *c == letter;
            }
        }
        if (seen == 1 && count < MOST_LABELS) {
            out[count++] = letter;
        }
    }
}

static mlscore_status prepare_einsum(mlscore_prepare *prepare)
{
    struct einsum *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));
    const mlscore_text text = mlscore_take_string(prepare, "equation", "");
    const char *at = text.bytes, *end = text.bytes + text.length;
    int failed = 0;

    if (!state) {
        return prepare->status;
    }
    prepare->node->state = state;
    do {
        failed = state->term_count == MOST_INPUTS ||
                 read_term(&at, end, state->terms[state->term_count]);
        state->term_count++;
    } while (!failed && at < end && *at == ',' && at++);
    if (!failed && at < end) {
        failed = end - at < 2 || memcmp(at, "->", 2);
        at += 2;
        state->explicit_output = 1;
        failed = failed ||
                 read_term(&at, end, state->terms[state->term_count]) ||
                 at != end;
    }
    if (failed || state->term_count != (int)prepare->node->input_count) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "equation '%.*s' is not understood for "
                                    "%u inputs",
                                    (int)(text.length > 60 ? 60 : text.length),
                                    text.bytes, prepare->node->input_count);
    }
    if (!state->explicit_output) {
        implicit_output(state);
    }
    return prepare->status;
}

/* --- labels -----------------------------------------------------------------
 */

/* Every index, those of the output first, and how each input walks along. */
struct plan {
    int count, out_count;
    size_t dims[MOST_LABELS];
    char letters[MOST_LABELS]; /* ELLIPSIS: by `dot` */
    int dot[MOST_LABELS];      /* place from the end of the ellipsis */
    size_t steps[MOST_INPUTS][MOST_LABELS];
};

static int find_label(const struct plan *plan, char letter, int dot)
{
    for (int i = 0; i < plan->count; i++) {
        if (plan->letters[i] == letter && plan->dot[i] == dot) {
            return i;
        }
    }
    return -1;
}

static int add_label(struct plan *plan, char letter, int dot)
{
    const int found = find_label(plan, letter, dot);

    if (found >= 0 || plan->count == MOST_LABELS) {
        return found;
    }
    plan->letters[plan->count] = letter;
    plan->dot[plan->count] = dot;
    plan->dims[plan->count] = 1;
    return plan->count++;
}

/* Dimensions that the dots of input i stand for. */
static int dots_of(const char *term, int rank)
{
    return rank - (int)strlen(term) + 1;
}

static mlscore_status unfit(const mlscore_call *call, uint32_t i)
{
    return mlscore_call_fail(call, MLSCORE_EFORMAT,
                             "input %u does not fit the equation", i);
}

static mlscore_status add_input(const mlscore_call *call, struct plan *plan,
                                uint32_t i)
{
    const struct einsum *state = call->state;
    const char *term = state->terms[i];
    const mlscore_tensor *in = call->in[i];
    const int dots = strchr(term, ELLIPSIS) ? dots_of(term, in->rank) : 0;
    int d = 0;

    if (dots < 0 ||
        (!strchr(term, ELLIPSIS) && (int)strlen(term) != in->rank)) {
        return unfit(call, i);
    }
    for (const char *c = term; *c; c++) {
        const int many = *c == ELLIPSIS ? dots : 1;

        for (int k = 0; k < many; k++, d++) {
            const int label =
                add_label(plan, *c, *c == ELLIPSIS ? many - k : 0);
            const size_t dim = (size_t)in->dims[d];

            if (label < 0 || (plan->dims[label] != dim && dim != 1 &&
                              plan->dims[label] != 1)) {
                return unfit(call, i);
            }
            if (dim != 1) {
                plan->dims[label] = dim;
                plan->steps[i][label] +=
                    mlscore_tensor_span(in, d + 1, in->rank);
            }
        }
    }
    return MLSCORE_OK;
}

static mlscore_status make_plan(const mlscore_call *call, struct plan *plan)
{
    const struct einsum *state = call->state;
    const char *out = state->terms[state->term_count];
    mlscore_status status = MLSCORE_OK;
    int dots = 0;

    memset(plan, 0, sizeof(*plan));
    for (uint32_t i = 0; i < call->in_count; i++) {
        const char *term = state->terms[i];
        const int own =
            strchr(term, ELLIPSIS) ? dots_of(term, call->in[i]->rank) : 0;

        dots = own > dots ? own : dots;
    }
    for (const char *c = out; *c; c++) {
        for (int k = *c == ELLIPSIS ? dots : 1; k > 0; k--) {
            if (add_label(plan, *c, *c == ELLIPSIS ? k : 0) < 0) {
                return unfit(call, 0);
            }
        }
    }
    plan->out_count = plan->count;
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        status = add_input(call, plan, i);
    }
    return status;
}

static mlscore_status infer_einsum(mlscore_call *call)
{
    struct plan plan;
    int64_t dims[MLSCORE_TENSOR_RANK];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    mlscore_out_unknown(call, 0, call->in[0]->type);
    for (uint32_t i = 0; !status && i < call->in_count; i++) {
        if (!call->in[i] || call->in[i]->type != call->in[0]->type) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "inputs of different types");
        }
        if (!mlscore_tensor_known(call->in[i])) {
            return MLSCORE_OK;
        }
    }
    status = status ? status : make_plan(call, &plan);
    if (status) {
        return status;
    }
    if (plan.out_count > MLSCORE_TENSOR_RANK) {
        return mlscore_call_fail(call, MLSCORE_ELIMIT, "too many dimensions");
    }
    for (int i = 0; i < plan.out_count; i++) {
        dims[i] = (int64_t)plan.dims[i];
    }
    mlscore_out_dims(call, 0, call->in[0]->type, plan.out_count, dims);
    return MLSCORE_OK;
}

/* --- running
 * ------------------------------------------------------------------ */

static double real_at(const mlscore_tensor *tensor, size_t i)
{
    return tensor->type == MLSCORE_DT_FLOAT
               ? (double)((const float *)tensor->data)[i]
               : ((const double *)tensor->data)[i];
}

static int64_t whole_at(const mlscore_tensor *tensor, size_t i)
{
    int64_t value;

    mlscore_elements_to_int64(&value,
                              (const char *)tensor->data +
                                  i * mlscore_dtype_size(tensor->type),
                              tensor->type, 1);
    return value;
}

/* Advance the indices from..to-1 and the places with them; 0 after the last. */
static int advance(const struct plan *plan, int from, int to, size_t *index,
                   size_t *at, uint32_t inputs)
{
    for (int d = to - 1; d >= from; d--) {
        const int wraps = ++index[d] == plan->dims[d];

        for (uint32_t i = 0; i < inputs; i++) {
            at[i] += wraps ? 0 - (plan->dims[d] - 1) * plan->steps[i][d]
                           : plan->steps[i][d];
        }
        if (!wraps) {
            return 1;
        }
        index[d] = 0;
    }
    return 0;
}

static void sum_one(const mlscore_call *call, const struct plan *plan,
                    size_t *index, size_t *at, size_t out)
{
    mlscore_tensor *to = call->out[0];
    const int real = (MLSCORE_DT_BIT(to->type) & MLSCORE_DTS_REAL) != 0;
    double sum = 0;
    uint64_t whole = 0;

    do {
        double product = 1;
        uint64_t factor = 1;

        for (uint32_t i = 0; i < call->in_count; i++) {
            if (real) {
                product *= real_at(call->in[i], at[i]);
            }
            else {
                factor *= (uint64_t)whole_at(call->in[i], at[i]);
            }
        }
        sum += product;
        whole += factor;
    } while (
        advance(plan, plan->out_count, plan->count, index, at, call->in_count));
    switch (mlscore_dtype_size(to->type)) {
    case 1:
        ((uint8_t *)to->data)[out] = (uint8_t)whole;
        break;
    case 2:
        ((uint16_t *)to->data)[out] = (uint16_t)whole;
        break;
    case 4:
        if (real) {
            ((float *)to->data)[out] = (float)sum;
        }
        else {
            ((uint32_t *)to->data)[out] = (uint32_t)whole;
        }
        break;
    default:
        if (real) {
            ((double *)to->data)[out] = sum;
        }
        else {
            ((uint64_t *)to->data)[out] = whole;
        }
        break;
    }
}

static mlscore_status run_einsum(const mlscore_call *call)
{
    struct plan plan;
    size_t index[MOST_LABELS] = {0}, at[MOST_INPUTS] = {0}, out = 0;
    const size_t count = mlscore_tensor_count(call->out[0]);
    mlscore_status status = make_plan(call, &plan);

    if (status || count == 0) {
        return status;
    }
    for (int i = plan.out_count; i < plan.count; i++) {
        if (plan.dims[i] == 0) { /* sums of nothing */
            memset(call->out[0]->data, 0,
                   count * mlscore_dtype_size(call->out[0]->type));
            return MLSCORE_OK;
        }
    }
    do {
        sum_one(call, &plan, index, at, out++);
    } while (advance(&plan, 0, plan.out_count, index, at, call->in_count));
    return MLSCORE_OK;
}

/* The rows' index is the same letter of all inputs that have it, and one of
 * the output. */
static int batch_einsum(const mlscore_call *call, const int *in, int *out)
{
    const struct einsum *state = call->state;
    const char *result = state->terms[state->term_count];
    char rows = 0;

    for (uint32_t i = 0; i < call->in_count; i++) {
        if (strchr(state->terms[i], ELLIPSIS)) {
            return 0;
        }
        if (in[i] >= 0 && rows && state->terms[i][in[i]] != rows) {
            return 0;
        }
        rows = in[i] >= 0 ? state->terms[i][in[i]] : rows;
    }
    for (uint32_t i = 0; i < call->in_count; i++) {
        const char *place = strchr(state->terms[i], rows);

        if ((place ? (int)(place - state->terms[i]) : -1) != in[i] ||
            (place && strchr(place + 1, rows))) {
            return 0;
        }
    }
    const char *place = strchr(result, rows);
    out[0] = place ? (int)(place - result) : MLSCORE_BATCH_NONE;
    return place != NULL;
}

static const mlscore_op rows[] = {
    {"", "Einsum", 12, 0, 1, MOST_INPUTS, 1, 1, 0, 0, 0, prepare_einsum,
     infer_einsum, run_einsum, batch_einsum, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_einsum, rows);
