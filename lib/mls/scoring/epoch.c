/* SPDX-License-Identifier: Apache-2.0 */
/* Epoch-based reclamation.
 *
 * Each slot holds 0 (free) or the global epoch that its thread saw when it
 * entered. Retiring stamps with the global epoch and then raises it: whoever
 * enters afterwards shows a higher number. A stamp may go when no slot shows a
 * number up to it.
 *
 * The order that this needs: a thread shows its epoch before it reads shared
 * pointers, and whoever retires has replaced the pointer before it looks at
 * the slots. Both are a store followed by a load elsewhere, so both sides
 * have a full fence in between. A thread that was slow between reading the
 * global epoch and showing it shows a number that is too old, which only keeps
 * things longer. */

#include "scoring/epoch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include <apr_thread_mutex.h>

#include "base/thread_hint.h"

/* GCC warns that the thread sanitizer does not model fences. No plain data
 * depends on these; see above. */
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

enum { CACHE_LINE = 64, SCANS = 16 };

typedef struct slot {
    _Alignas(CACHE_LINE) _Atomic uint64_t epoch;
} slot;

/* Something retired; a queue, oldest first, so stamps rise. */
typedef struct retired {
    struct retired *next;
    uint64_t stamp;
    void (*release)(void *baton);
    void *baton;
} retired;

struct mls_epochs {
    slot *slots;
    unsigned count;
    _Alignas(CACHE_LINE) _Atomic uint64_t global;
    apr_thread_mutex_t *mutex; /* guards what follows */
    retired *oldest, *newest;
};

static apr_status_t release_all(void *baton)
{
    mls_epochs *epochs = baton;

    for (retired *node = epochs->oldest, *next; node; node = next) {
        next = node->next;
        node->release(node->baton);
        free(node);
    }
    free(epochs->slots);
    free(epochs);
    return APR_SUCCESS;
}

mls_err *mls_epochs_create(mls_epochs **out, unsigned threads,
                           apr_pool_t *pool)
{
    if (threads == 0 || threads > 1u << 20) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "%u threads: must be 1 to 1048576", threads);
    }
    mls_epochs *epochs = aligned_alloc(CACHE_LINE, sizeof(*epochs));
    slot *slots = aligned_alloc(CACHE_LINE, threads * sizeof(*slots));
    if (!epochs || !slots) {
        free(epochs);
        free(slots);
        return mls_err_make(pool, APR_ENOMEM, NULL, "out of memory");
    }
    for (unsigned i = 0; i < threads; i++) {
        atomic_init(&slots[i].epoch, 0);
    }
    epochs->slots = slots;
    epochs->count = threads;
    atomic_init(&epochs->global, 1);
    epochs->oldest = epochs->newest = NULL;
    apr_pool_cleanup_register(pool, epochs, release_all,
                              apr_pool_cleanup_null);

    const apr_status_t status = apr_thread_mutex_create(
        &epochs->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (status != APR_SUCCESS) {
        return mls_err_apr(pool, status, "cannot create a mutex");
    }
    *out = epochs;
    return NULL;
}

unsigned mls_epochs_threads(const mls_epochs *epochs)
{
    return epochs->count;
}

int mls_epoch_enter(mls_epochs *epochs)
{
    const unsigned first = mls_thread_hint(epochs->count);
    const uint64_t now = atomic_load(&epochs->global);

    /* More than once: a slot that is left behind the place we look at, while
     * its thread takes one before it, is missed. */
    for (unsigned i = 0; i < SCANS * epochs->count; i++) {
        const unsigned at = (first + i) % epochs->count;
        _Atomic uint64_t *epoch = &epochs->slots[at].epoch;
        uint64_t unused = 0;
        if (atomic_load_explicit(epoch, memory_order_relaxed) == 0
            && atomic_compare_exchange_strong(epoch, &unused, now)) {
            atomic_thread_fence(memory_order_seq_cst);
            return (int)at;
        }
    }
    return -1;
}

void mls_epoch_leave(mls_epochs *epochs, int ticket)
{
    if (ticket >= 0 && (unsigned)ticket < epochs->count) {
        atomic_store_explicit(&epochs->slots[ticket].epoch, 0,
                              memory_order_release);
    }
}

/* The lowest epoch that a thread inside shows, or UINT64_MAX. */
static uint64_t lowest_inside(mls_epochs *epochs)
{
    uint64_t lowest = UINT64_MAX;

    for (unsigned i = 0; i < epochs->count; i++) {
        const uint64_t epoch = atomic_load(&epochs->slots[i].epoch);
        if (epoch && epoch < lowest) {
            lowest = epoch;
        }
    }
    return lowest;
}

/* Take the oldest off the queue when it may go. */
static retired *take_releasable(mls_epochs *epochs, uint64_t lowest)
{
    apr_thread_mutex_lock(epochs->mutex);
    retired *node = epochs->oldest;
    if (node && node->stamp < lowest) {
        epochs->oldest = node->next;
        if (!epochs->oldest) {
            epochs->newest = NULL;
        }
    }
    else {
        node = NULL;
    }
    apr_thread_mutex_unlock(epochs->mutex);
    return node;
}

void mls_epochs_collect(mls_epochs *epochs)
{
    /* What is on the queue now was retired before the slots are looked at;
     * later arrivals carry a stamp that `lowest` may not cover, so it is
     * bounded by the present epoch. */
    const uint64_t now = atomic_load(&epochs->global);
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t lowest = lowest_inside(epochs);
    if (lowest > now) {
        lowest = now;
    }
    /* release() is called without the mutex: it may retire something. */
    retired *node;
    while ((node = take_releasable(epochs, lowest))) {
        node->release(node->baton);
        free(node);
    }
}

void mls_epoch_retire(mls_epochs *epochs, void (*release)(void *baton),
                      void *baton)
{
    retired *node = malloc(sizeof(*node));

    if (!node) {
        return; /* out of memory: leaking is safe, releasing now is not */
    }
    atomic_thread_fence(memory_order_seq_cst);
    apr_thread_mutex_lock(epochs->mutex);
    node->next = NULL;
    node->release = release;
    node->baton = baton;
    node->stamp = atomic_fetch_add(&epochs->global, 1);
    if (epochs->newest) {
        epochs->newest->next = node;
    }
    else {
        epochs->oldest = node;
    }
    epochs->newest = node;
    apr_thread_mutex_unlock(epochs->mutex);
    mls_epochs_collect(epochs);
}
