/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_HTTP_SCRATCH_H
#define MLH_HTTP_SCRATCH_H

/**
 * Memory for bodies that come and go with every scoring request, kept between
 * them: a stack without a lock of buffers that threads borrow.
 */

#include <apr_pools.h>

#include "mlscore/body.h"

typedef struct mlh_scratch_stack mlh_scratch_stack;

/** What one request borrows. Both buffers are empty and keep their memory. */
typedef struct mlh_scratch {
    mlscore_buffer in;
    mlscore_buffer out;
    unsigned number; /* in the stack */
} mlh_scratch;

/** Up to `count` of them; freed with the pool. */
mlh_scratch_stack *mlh_scratch_create(unsigned count, apr_pool_t *pool);

/** Borrow one, the last one used if possible; NULL when all are taken. */
mlh_scratch *mlh_scratch_take(mlh_scratch_stack *stack);

/** Give it back. Buffers that grew beyond a megabyte are freed. */
void mlh_scratch_return(mlh_scratch_stack *stack, mlh_scratch *scratch);

#endif
