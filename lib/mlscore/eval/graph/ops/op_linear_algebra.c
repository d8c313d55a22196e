/* SPDX-License-Identifier: Apache-2.0 */
/* Det, and com.microsoft's Solve and CDist as skl2onnx writes them for
 * Gaussian processes and neighbours. */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/graph/ops/ops.h"

static double real_at(const mlscore_tensor *tensor, size_t i)
{
    return tensor->type == MLSCORE_DT_FLOAT
               ? (double)((const float *)tensor->data)[i]
               : ((const double *)tensor->data)[i];
}

static void set_real(mlscore_tensor *tensor, size_t i, double value)
{
    if (tensor->type == MLSCORE_DT_FLOAT) {
        ((float *)tensor->data)[i] = (float)value;
    }
    else {
        ((double *)tensor->data)[i] = value;
    }
}

/* Gaussian elimination with pivots in columns: a [n, n] becomes triangular,
 * b [n, m] (may be NULL) is carried along. The determinant, 0 when singular. */
static double eliminate(double *a, double *b, size_t n, size_t m)
{
    double product = 1;

    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;

        for (size_t i = k + 1; i < n; i++) {
            pivot = fabs(a[i * n + k]) > fabs(a[pivot * n + k]) ? i : pivot;
        }
        if (!(fabs(a[pivot * n + k]) > 0)) {
            return 0;
        }
        for (size_t j = 0; j < n && pivot != k; j++) {
            const double other = a[k * n + j];

            a[k * n + j] = a[pivot * n + j];
            a[pivot * n + j] = other;
        }
        for (size_t j = 0; j < m && pivot != k; j++) {
            const double other = b[k * m + j];

            b[k * m + j] = b[pivot * m + j];
            b[pivot * m + j] = other;
        }
        product *= pivot == k ? a[k * n + k] : -a[k * n + k];
        for (size_t i = k + 1; i < n; i++) {
            const double factor = a[i * n + k] / a[k * n + k];

            for (size_t j = k; j < n; j++) {
                a[i * n + j] -= factor * a[k * n + j];
            }
            for (size_t j = 0; j < m; j++) {
                b[i * m + j] -= factor * b[k * m + j];
            }
        }
    }
    return product;
}

/* --- Det --------------------------------------------------------------------
 */

static mlscore_status infer_det(mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_REAL);

    mlscore_out_unknown(call, 0, in->type);
    if (!status && in->rank >= 0) {
        if (in->rank < 2 || in->dims[in->rank - 1] != in->dims[in->rank - 2]) {
            return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                     "needs square matrices");
        }
        mlscore_out_shape(call, 0, in->type, in);
        call->out[0]->rank -= 2;
    }
    return status;
}

static mlscore_status run_det(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[0];
    const size_t n = (size_t)in->dims[in->rank - 1];
    const size_t count = mlscore_tensor_count(call->out[0]);
    double *a = mlscore_malloc_array(n * n + 1, sizeof(*a));

    if (!a) {
        return mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n * n; j++) {
            a[j] = real_at(in, i * n * n + j);
        }
        set_real(call->out[0], i, eliminate(a, NULL, n, 0));
    }
    mlscore_free(a);
    return MLSCORE_OK;
}

static int batch_det(const mlscore_call *call, const int *in, int *out)
{
    out[0] = in[0];
    return in[0] < call->in[0]->rank - 2;
}

/* --- Solve -------------------------------------------------------------------
 */

static mlscore_status prepare_solve(mlscore_prepare *prepare)
{
    /* A triangular matrix has zeros elsewhere, too. */
    mlscore_take_ignored(prepare, "lower");
    if (mlscore_take_int(prepare, "transposed", 0)) {
        return mlscore_prepare_fail(prepare, MLSCORE_EUNSUPPORTED,
                                    "'transposed' is not supported");
    }
    return prepare->status;
}

static mlscore_status infer_solve(mlscore_call *call)
{
    const mlscore_tensor *a = call->in[0], *b = call->in[1];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_REAL);

    mlscore_out_shape(call, 0, a->type, b);
    status = status ? status : mlscore_need_rank(call, 0, 2);
    if (status || a->rank < 0 || b->rank < 0) {
        return status;
    }
    if (a->type != b->type || a->dims[0] != a->dims[1] || b->rank < 1 ||
        b->rank > 2 || b->dims[0] != a->dims[0]) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the matrices do not fit");
    }
    return MLSCORE_OK;
}

static mlscore_status run_solve(const mlscore_call *call)
{
    const mlscore_tensor *in = call->in[1];
    const size_t n = (size_t)call->in[0]->dims[0];
    const size_t m = in->rank == 2 ? (size_t)in->dims[1] : 1;
    double *a = mlscore_malloc_array(n * n + 1, sizeof(*a));
    double *b = mlscore_malloc_array(n * m + 1, sizeof(*b));
    mlscore_status status = MLSCORE_OK;

    if (!a || !b) {
        status = mlscore_call_fail(call, MLSCORE_ENOMEM, "out of memory");
    }
    for (size_t i = 0; !status && i < n * n; i++) {
        a[i] = real_at(call->in[0], i);
    }
    for (size_t i = 0; !status && i < n * m; i++) {
        b[i] = real_at(in, i);
    }
    if (!status && !(fabs(eliminate(a, b, n, m)) > 0)) {
        status = mlscore_call_fail(call, MLSCORE_EINPUT,
                                   "the matrix has no inverse");
    }
    for (size_t k = n; !status && k-- > 0;) {
        for (size_t j = 0; j < m; j++) {
            double sum = b[k * m + j];

            for (size_t i = k + 1; i < n; i++) {
                sum -= a[k * n + i] * b[i * m + j];
            }
            b[k * m + j] = sum / a[k * n + k];
            set_real(call->out[0], k * m + j, b[k * m + j]);
        }
    }
    mlscore_free(a);
    mlscore_free(b);
    return status;
}

/* --- CDist -------------------------------------------------------------------
 */

static const char *const metrics[] = {"sqeuclidean", "euclidean", NULL};

static mlscore_status prepare_cdist(mlscore_prepare *prepare)
{
    int *state = mlscore_prepare_alloc(prepare, 1, sizeof(*state));

    if (state) {
        *state = mlscore_take_word(prepare, "metric", metrics, 0);
        prepare->node->state = state;
    }
    return prepare->status;
}

static mlscore_status infer_cdist(mlscore_call *call)
{
    const mlscore_tensor *a = call->in[0], *b = call->in[1];
    mlscore_status status = mlscore_need_types(call, 0, MLSCORE_DTS_REAL);

    mlscore_out_unknown(call, 0, a->type);
    status = status ? status : mlscore_need_rank(call, 0, 2);
    status = status ? status : mlscore_need_rank(call, 1, 2);
    if (status || a->rank < 0 || b->rank < 0) {
        return status;
    }
    const int64_t dims[2] = {a->dims[0], b->dims[0]};
    if (a->type != b->type ||
        (a->dims[1] >= 0 && b->dims[1] >= 0 && a->dims[1] != b->dims[1])) {
        return mlscore_call_fail(call, MLSCORE_EFORMAT,
                                 "the matrices do not fit");
    }
    mlscore_out_dims(call, 0, a->type, 2, dims);
    return MLSCORE_OK;
}

static mlscore_status run_cdist(const mlscore_call *call)
{
    const mlscore_tensor *a = call->in[0], *b = call->in[1];
    const size_t m = (size_t)a->dims[0], n = (size_t)b->dims[0];
    const size_t width = (size_t)a->dims[1];
    const int root = *(const int *)call->state;

    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;

            for (size_t k = 0; k < width; k++) {
                const double x =
                    real_at(a, i * width + k) - real_at(b, j * width + k);

                sum += x * x;
            }
            set_real(call->out[0], i * n + j, root ? sqrt(sum) : sum);
        }
    }
    return MLSCORE_OK;
}

static int batch_cdist(const mlscore_call *call, const int *in, int *out)
{
    out[0] = 0;
    return in[0] == 0 && in[1] < 0;
}

static const mlscore_op rows[] = {
    {"", "Det", 11, 0, 1, 1, 1, 1, 0, 0, 0, NULL, infer_det, run_det, batch_det,
     NULL, 0},
    {"com.microsoft", "Solve", 1, 0, 2, 2, 1, 1, 0, 0, 0, prepare_solve,
     infer_solve, run_solve, NULL, NULL, 0},
    {"com.microsoft", "CDist", 1, 0, 2, 2, 1, 1, 0, 0, 0, prepare_cdist,
     infer_cdist, run_cdist, batch_cdist, NULL, 0},
};

MLSCORE_OP_TABLE(mlscore_ops_linear_algebra, rows);
