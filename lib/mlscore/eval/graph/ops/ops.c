/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators: all tables of this folder, and finding a row. */

#include "eval/graph/ops/ops.h"

#include <string.h>

static const mlscore_op_table *const tables[] = {
    &mlscore_ops_unary,     &mlscore_ops_binary,   &mlscore_ops_cast,
    &mlscore_ops_shape,     &mlscore_ops_move,     &mlscore_ops_slice,
    &mlscore_ops_pad,       &mlscore_ops_gather,   &mlscore_ops_reduce,
    &mlscore_ops_order,     &mlscore_ops_matmul,   &mlscore_ops_ml_linear,
    &mlscore_ops_ml_svm,    &mlscore_ops_ml_scale, &mlscore_ops_ml_encode,
    &mlscore_ops_ml_label,  &mlscore_ops_ml_tree,  &mlscore_ops_conv,
    &mlscore_ops_pool,      &mlscore_ops_norm,     &mlscore_ops_control,
    &mlscore_ops_text,      &mlscore_ops_tokens,   &mlscore_ops_tfidf,
    &mlscore_ops_resize,   &mlscore_ops_rx_hash,  &mlscore_ops_rx_text,
    &mlscore_ops_rx_sentiment,
    &mlscore_ops_rx_image, &mlscore_ops_quantize, &mlscore_ops_quantized,
    &mlscore_ops_recurrent, &mlscore_ops_einsum,  &mlscore_ops_unique,
    &mlscore_ops_linear_algebra,
    &mlscore_ops_grid,     &mlscore_ops_attention,
    &mlscore_ops_tokens_order,
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* The newest operator sets whose changes were looked at. */
static const struct {
    const char *domain;
    int version;
} newest[] = {
    {"", 28}, {"ai.onnx.ml", 5}, {"com.microsoft", 1}, {"mlscore", 1},
    {"rx", 1},
};

int mlscore_opset_newest(const char *domain)
{
    for (size_t i = 0; i < sizeof(newest) / sizeof(newest[0]); i++) {
        if (!strcmp(newest[i].domain, domain)) {
            return newest[i].version;
        }
    }
    return 0;
}

const mlscore_op *mlscore_op_find(const char *domain, const char *name,
                                  int version, int *known)
{
    int seen = 0;
    const mlscore_op *found = NULL;

    for (size_t t = 0; t < TABLES; t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const mlscore_op *op = &tables[t]->rows[i];

            if (strcmp(op->name, name) || strcmp(op->domain, domain)) {
                continue;
            }
            seen = 1;
            if (op->since <= version && (!op->until || version <= op->until) &&
                version <= mlscore_opset_newest(domain)) {
                found = op;
            }
        }
    }
    if (known) {
        *known = seen;
    }
    return found;
}

size_t mlscore_op_count(void)
{
    size_t count = 0;

    for (size_t t = 0; t < TABLES; t++) {
        count += tables[t]->count;
    }
    return count;
}

const mlscore_op *mlscore_op_at(size_t i)
{
    for (size_t t = 0; t < TABLES; t++) {
        if (i < tables[t]->count) {
            return &tables[t]->rows[i];
        }
        i -= tables[t]->count;
    }
    return NULL;
}
