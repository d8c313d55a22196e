/* SPDX-License-Identifier: Apache-2.0 */
/* A lock-free stack of buffers (Treiber, Systems programming: coping with
 * parallelism, 1986). The head carries a count beside the position, so that a
 * thread that slept through a pop and a push is noticed. */

#include "http/scratch.h"

#include <stdatomic.h>
#include <stdint.h>

enum { KEPT = 1024 * 1024 };

#define EMPTY UINT32_MAX

struct mlh_scratch_stack {
    _Atomic uint64_t head; /* count << 32 | position */
    unsigned count;
    mlh_scratch *all;
    _Atomic uint32_t *next;
};

static apr_status_t free_all(void *baton)
{
    mlh_scratch_stack *stack = baton;

    for (unsigned i = 0; i < stack->count; i++) {
        mlscore_buffer_free(&stack->all[i].in);
        mlscore_buffer_free(&stack->all[i].out);
    }
    return APR_SUCCESS;
}

mlh_scratch_stack *mlh_scratch_create(unsigned count, apr_pool_t *pool)
{
    mlh_scratch_stack *stack = apr_pcalloc(pool, sizeof(*stack));

    stack->count = count;
    stack->all = apr_pcalloc(pool, count * sizeof(*stack->all));
    stack->next = apr_pcalloc(pool, count * sizeof(*stack->next));
    for (unsigned i = 0; i < count; i++) {
        stack->all[i].number = i;
        atomic_init(&stack->next[i], i + 1 < count ? i + 1 : EMPTY);
    }
    atomic_init(&stack->head, count ? 0 : EMPTY);
    apr_pool_cleanup_register(pool, stack, free_all, apr_pool_cleanup_null);
    return stack;
}

static uint64_t head_after(uint64_t head, uint32_t position)
{
    return ((head >> 32) + 1) << 32 | position;
}

mlh_scratch *mlh_scratch_take(mlh_scratch_stack *stack)
{
    uint64_t head =
        atomic_load_explicit(&stack->head, memory_order_acquire);
    uint32_t position;
    uint64_t next;

    do {
        position = (uint32_t)head;
        if (position == EMPTY) {
            return NULL;
        }
        next = head_after(head, atomic_load_explicit(&stack->next[position],
                                                     memory_order_relaxed));
    } while (!atomic_compare_exchange_weak_explicit(
        &stack->head, &head, next, memory_order_acq_rel,
        memory_order_acquire));
    return &stack->all[position];
}

static void empty(mlscore_buffer *buffer)
{
    if (buffer->capacity > KEPT) {
        mlscore_buffer_free(buffer);
    }
    buffer->length = 0;
}

void mlh_scratch_return(mlh_scratch_stack *stack, mlh_scratch *scratch)
{
    uint64_t head =
        atomic_load_explicit(&stack->head, memory_order_relaxed);

    empty(&scratch->in);
    empty(&scratch->out);
    do {
        atomic_store_explicit(&stack->next[scratch->number], (uint32_t)head,
                              memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(
        &stack->head, &head, head_after(head, scratch->number),
        memory_order_acq_rel, memory_order_relaxed));
}
