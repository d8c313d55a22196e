/* SPDX-License-Identifier: Apache-2.0 */
/* MatMul and Gemm: matrix products of floats, doubles and whole numbers. */

#include <string.h>

#include "eval/graph/ops/ops.h"
#include "kernel/elementwise.h"
#include "kernel/gemm.h"

#define MAX MLSCORE_TENSOR_RANK

/* c = a b for one pair of matrices; steps of rows and columns in elements. */
struct product {
    size_t m, n, k;
    size_t a_row, a_column, b_row, b_column;
};

#define WHOLE(T) \
    for (size_t i = 0; i < p->m; i++) { \
        for (size_t j = 0; j < p->n; j++) { \
            uint64_t sum = 0; \
            for (size_t q = 0; q < p->k; q++) { \
                sum += (uint64_t)((const T *)a)[i * p->a_row + \
                                                q * p->a_column] * \
                       (uint64_t)((const T *)b)[q * p->b_row + \
                                                j * p->b_column]; \
            } \
            ((T *)c)[i * p->n + j] = (T)sum; \
        } \
    } \
    break;

/* c += a b for reals, whose c was set before; c = a b for whole numbers. */
static void multiply(const struct product *p, mlscore_dtype type,
                     const void *a, const void *b, void *c, void *work)
{
    switch (type) {
    case MLSCORE_DT_FLOAT:
        mlscore_gemm(p->m, p->n, p->k,
                     (mlscore_matrix){a, p->a_row, p->a_column},
                     (mlscore_matrix){b, p->b_row, p->b_column}, c, p->n,
                     work);
        break;
    case MLSCORE_DT_DOUBLE:
        mlscore_gemm_double(p->m, p->n, p->k, a, p->a_row, p->a_column, b,
                            p->b_row, p->b_column, c, p->n);
        break;
    case MLSCORE_DT_INT8: WHOLE(int8_t)
    case MLSCORE_DT_UINT8: WHOLE(uint8_t)
    case MLSCORE_DT_INT16: WHOLE(int16_t)
    case MLSCORE_DT_UINT16: WHOLE(uint16_t)
    case MLSCORE_DT_INT32:
    case MLSCORE_DT_UINT32: WHOLE(uint32_t)
    default: WHOLE(uint64_t)
    }
}

/* --- MatMul
 * ----------------------------------------------------------------------- */

/* Vectors become matrices of one row (a) or one column (b). */
static void as_matrices(const mlscore_call *call, mlscore_tensor *a,
                        mlscore_tensor *b)
{
    *a = *call->in[0];
    *b = *call->in[1];
    if (a->rank == 1) {
        a->rank = 2;
        a->dims[1] = a->dims[0];
        a->dims[0] = 1;
    }
    if (b->rank == 1) {
        b->rank = 2;
        b->dims[1] = 1;
    }
}

/* The dimensions before the last two, as a tensor of their own. */
static mlscore_tensor leading(const mlscore_tensor *tensor)
{
    mlscore_tensor lead = *tensor;

    lead.rank -= 2;
    return lead;
}

mlscore_status mlscore_matmul_infer(mlscore_call *call)
{
    mlscore_tensor a, b, lead;
    int64_t dims[MAX];
    char as[128], bs[128];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    mlscore_out_unknown(call, 0, call->in[0]->type);
    if (status || call->in[0]->rank < 0 || call->in[1]->rank < 0) {
        return status;
    }
    as_matrices(call, &a, &b);
    const int64_t k = a.rank < 2 ? -2 : a.dims[a.rank - 1];
    const int64_t l = b.rank < 2 ? -2 : b.dims[b.rank - 2];
    if (call->in[0]->type != call->in[1]->type || k == -2 || l == -2 ||
        (k >= 0 && l >= 0 && k != l)) {
        return mlscore_call_fail(
            call, MLSCORE_EFORMAT, "%s %s cannot be multiplied by %s %s",
            mlscore_dtype_name(call->in[0]->type),
            mlscore_tensor_shape_text(call->in[0], as, sizeof(as)),
            mlscore_dtype_name(call->in[1]->type),
            mlscore_tensor_shape_text(call->in[1], bs, sizeof(bs)));
    }
    const mlscore_tensor a_lead = leading(&a), b_lead = leading(&b);
    status = mlscore_broadcast(call, &a_lead, &b_lead, &lead);
    if (status) {
        return status;
    }
    int rank = lead.rank;
    memcpy(dims, lead.dims, (size_t)rank * sizeof(*dims));
    if (call->in[0]->rank > 1) {
        dims[rank++] = a.dims[a.rank - 2];
    }
    if (call->in[1]->rank > 1) {
        dims[rank++] = b.dims[b.rank - 1];
    }
    mlscore_out_dims(call, 0, call->in[0]->type, rank, dims);
    if (mlscore_tensor_known(&a) && mlscore_tensor_known(&b)) {
        call->work_size = mlscore_gemm_work(
            (size_t)mlscore_tensor_count(&a) / (k > 0 ? (size_t)k : 1),
            (size_t)b.dims[b.rank - 1], (size_t)k);
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_matmul_run(const mlscore_call *call)
{
    mlscore_tensor a, b, *out = call->out[0];
    const mlscore_dtype type = out->type;
    const size_t size = mlscore_dtype_size(type);

    as_matrices(call, &a, &b);
    struct product p = {
        .m = (size_t)a.dims[a.rank - 2], .n = (size_t)b.dims[b.rank - 1],
        .k = (size_t)a.dims[a.rank - 1], .a_column = 1, .b_column = 1,
    };
    p.a_row = p.k;
    p.b_row = p.n;
    memset(out->data, 0, mlscore_tensor_count(out) * size);
    if (b.rank == 2) { /* one product of all rows */
        p.m = mlscore_tensor_span(&a, 0, a.rank - 1);
        multiply(&p, type, a.data, b.data, out->data, call->work);
        return MLSCORE_OK;
    }
    const mlscore_tensor a_lead = leading(&a), b_lead = leading(&b);
    mlscore_tensor lead = {.rank = 0};
    mlscore_broadcast(call, &a_lead, &b_lead, &lead);
    const mlscore_tensor *operands[2] = {&a_lead, &b_lead};
    const size_t count = mlscore_tensor_count(&lead);
    size_t index[MAX] = {0};
    mlscore_walk walk;
    mlscore_walk_make(&walk, &lead, operands, 2);
    for (size_t i = 0; i < count; i++) {
        size_t at_a = 0, at_b = 0;

        for (int d = 0; d < walk.rank; d++) {
            at_a += index[d] * walk.steps[0][d];
            at_b += index[d] * walk.steps[1][d];
        }
        multiply(&p, type, (const char *)a.data + at_a * p.m * p.k * size,
                 (const char *)b.data + at_b * p.k * p.n * size,
                 (char *)out->data + i * p.m * p.n * size, call->work);
        for (int d = walk.rank - 1; d >= 0; d--) {
            if (++index[d] < walk.dims[d]) {
                break;
            }
            index[d] = 0;
        }
    }
    return MLSCORE_OK;
}

static int batch_matmul(const mlscore_call *call, const int *in, int *out)
{
    const int a_rank = call->in[0]->rank, b_rank = call->in[1]->rank;
    const int rank = call->out[0]->rank;

    if (in[0] >= 0 && in[1] >= 0) { /* both: the same leading dimension */
        out[0] = in[0] + rank - a_rank;
        return in[0] < a_rank - 2 && in[1] < b_rank - 2 &&
               a_rank - in[0] == b_rank - in[1] && a_rank > 2;
    }
    if (in[0] >= 0) {
        out[0] = b_rank == 1 ? in[0] : in[0] + rank - a_rank;
        return in[0] != a_rank - 1;
    }
    if (in[1] >= 0) {
        out[0] = a_rank == 1 && in[1] == b_rank - 1 ? rank - 1
                                                    : in[1] + rank - b_rank;
        return in[1] != b_rank - 2 && b_rank > 1 && a_rank > 1;
    }
    out[0] = MLSCORE_BATCH_NONE;
    return 1;
}

/* --- Gemm
 * ---------------------------------------------------------------------------
 */

struct gemm_state {
    float alpha, beta;
    int trans_a, trans_b;
};

static mlscore_status prepare_gemm(mlscore_prepare *prepare)
{
    struct gemm_state *state =
        mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        state->alpha = mlscore_take_float(prepare, "alpha", 1);
        state->beta = mlscore_take_float(prepare, "beta", 1);
        state->trans_a = mlscore_take_int(prepare, "transA", 0) != 0;
        state->trans_b = mlscore_take_int(prepare, "transB", 0) != 0;
        mlscore_take_ignored(prepare, "broadcast");
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_gemm(mlscore_call *call)
{
    const struct gemm_state *state = call->state;
    const mlscore_tensor *a = call->in[0], *b = call->in[1];
    mlscore_tensor bias;
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_NUMBER);

    status = status ? status : mlscore_need_rank(call, 0, 2);
    status = status ? status : mlscore_need_rank(call, 1, 2);
    mlscore_out_unknown(call, 0, a->type);
    if (status || a->rank < 0 || b->rank < 0) {
        return status;
    }
    const int64_t dims[2] = {a->dims[state->trans_a], b->dims[!state->trans_b]};
    const int64_t k = a->dims[!state->trans_a], l = b->dims[state->trans_b];
    if (a->type != b->type || (k >= 0 && l >= 0 && k != l)) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the matrices do not fit");
    }
    mlscore_out_dims(call, 0, a->type, 2, dims);
    if (mlscore_has_input(call, 2)) {
        status = mlscore_broadcast(call, call->out[0], call->in[2], &bias);
        if (status || call->in[2]->type != a->type || bias.rank != 2 ||
            (dims[0] >= 0 && bias.dims[0] != dims[0]) ||
            (dims[1] >= 0 && bias.dims[1] != dims[1])) {
            return status ? status
                          : mlscore_call_fail(call, MLSCORE_EFORMAT,
                                              "the bias does not fit");
        }
    }
    if (mlscore_tensor_known(call->out[0]) && k >= 0) {
        call->work_size =
            mlscore_gemm_work((size_t)dims[0], (size_t)dims[1], (size_t)k);
        if (state->alpha != 1) { /* a copy of a, scaled */
            call->work_size += (size_t)(dims[0] * k) * 8 + 64;
        }
    }
    return MLSCORE_OK;
}

/* Multiply every element by a factor; out may be in. */
static void scale(mlscore_dtype type, void *out, const void *in, size_t count,
                  float factor)
{
    for (size_t i = 0; i < count; i++) {
        switch (type) {
        case MLSCORE_DT_FLOAT:
            ((float *)out)[i] = ((const float *)in)[i] * factor;
            break;
        case MLSCORE_DT_DOUBLE:
            ((double *)out)[i] = ((const double *)in)[i] * factor;
            break;
        case MLSCORE_DT_INT32:
            ((int32_t *)out)[i] =
                (int32_t)((double)((const int32_t *)in)[i] * factor);
            break;
        default:
            ((int64_t *)out)[i] =
                (int64_t)((double)((const int64_t *)in)[i] * factor);
            break;
        }
    }
}

/* The result before the product: beta times the broadcast bias, or 0. */
static void set_bias(const mlscore_call *call)
{
    const struct gemm_state *state = call->state;
    mlscore_tensor *out = call->out[0];
    const size_t size = mlscore_dtype_size(out->type);
    mlscore_walk walk;

    if (!mlscore_has_input(call, 2)) {
        memset(out->data, 0, mlscore_tensor_count(out) * size);
        return;
    }
    mlscore_walk_make(&walk, out, &call->in[2], 1);
    mlscore_copy_run(&walk, out->data, call->in[2]->data, size);
    if (state->beta != 1) {
        scale(out->type, out->data, out->data, mlscore_tensor_count(out),
              state->beta);
    }
}

static mlscore_status run_gemm(const mlscore_call *call)
{
    const struct gemm_state *state = call->state;
    const mlscore_tensor *a = call->in[0], *b = call->in[1],
                         *out = call->out[0];
    const size_t m = (size_t)out->dims[0], n = (size_t)out->dims[1];
    const size_t k = (size_t)a->dims[!state->trans_a];
    const struct product p = {
        .m = m, .n = n, .k = k,
        .a_row = state->trans_a ? 1 : k, .a_column = state->trans_a ? m : 1,
        .b_row = state->trans_b ? 1 : n, .b_column = state->trans_b ? k : 1,
    };
    const void *left = a->data;
    char *work = call->work;

    if (MLSCORE_DT_BIT(out->type) & MLSCORE_DTS_INTEGER &&
        (mlscore_has_input(call, 2) || state->alpha != 1)) {
        return mlscore_call_fail(call, MLSCORE_EUNSUPPORTED,
                                 "whole numbers with a bias or a factor are "
                                 "not supported");
    }
    set_bias(call);
    if (state->alpha != 1) {
        scale(a->type, work, a->data, m * k, state->alpha);
        left = work;
        work += (m * k * 8 + 63) / 64 * 64;
    }
    multiply(&p, out->type, left, b->data, out->data, work);
    return MLSCORE_OK;
}

static int batch_gemm(const mlscore_call *call, const int *in, int *out)
{
    const struct gemm_state *state = call->state;
    const int bias = mlscore_has_input(call, 2) ? in[2] : -1;

    if (in[0] >= 0 && in[1] < 0) {
        out[0] = 0;
        return in[0] == state->trans_a &&
               (bias < 0 || (bias == 0 && call->in[2]->rank == 2));
    }
    if (in[1] >= 0 && in[0] < 0) {
        out[0] = 1;
        return in[1] == !state->trans_b &&
               (bias < 0 || bias == call->in[2]->rank - 1);
    }
    out[0] = MLSCORE_BATCH_NONE;
    return in[0] < 0 && in[1] < 0 && bias < 0;
}

static const mlscore_op rows[] = {
    {"", "MatMul", 1, 0, 2, 2, 1, 1, 0, 0, 0, NULL, mlscore_matmul_infer,
     mlscore_matmul_run, batch_matmul, NULL, 0},
    {"", "Gemm", 1, 0, 2, 3, 1, 1, 0, 0, 0, prepare_gemm, infer_gemm, run_gemm,
     batch_gemm, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_matmul, rows);
