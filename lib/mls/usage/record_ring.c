/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of records between processes: sequences, and words copied one by
 * one. Layout: how many were ever put, then the places: sequence, length,
 * bytes. */

#include "usage/record_ring.h"

static _Atomic uint64_t *place_of(const _Atomic uint64_t *ring,
                                  const mls_ring_shape *shape,
                                  uint64_t number)
{
    const size_t words = 2 + shape->bytes / 8;

    return (_Atomic uint64_t *)ring + 1 + number % shape->records * words;
}

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit((_Atomic uint64_t *)word,
                                memory_order_relaxed);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

void mls_ring_put(_Atomic uint64_t *ring, const mls_ring_shape *shape,
                  const void *data, size_t length)
{
    const uint64_t *words = data;
    const uint64_t number =
        atomic_fetch_add_explicit(ring, 1, memory_order_relaxed);
    _Atomic uint64_t *place = place_of(ring, shape, number);
    uint64_t writing = number * 2 + 1;

    length = length < shape->bytes ? length : shape->bytes;
    store(&place[0], writing);
    atomic_thread_fence(memory_order_release);
    store(&place[1], length);
    for (size_t i = 0; i < (length + 7) / 8; i++) {
        store(&place[2 + i], words[i]);
    }
    /* Unless somebody has come round the ring meanwhile. */
    atomic_compare_exchange_strong_explicit(
        &place[0], &writing, number * 2 + 2, memory_order_release,
        memory_order_relaxed);
}

size_t mls_ring_get(void *out, const _Atomic uint64_t *ring,
                    const mls_ring_shape *shape, uint64_t back)
{
    uint64_t *words = out;
    const uint64_t ever = load(ring);

    if (back < 1 || back > ever || back > shape->records) {
        return 0;
    }
    const uint64_t whole = (ever - back) * 2 + 2;
    _Atomic uint64_t *place = place_of(ring, shape, ever - back);

    if (atomic_load_explicit(&place[0], memory_order_acquire) != whole) {
        return 0;
    }
    const uint64_t length = load(&place[1]);

    if (length > shape->bytes) {
        return 0;
    }
    for (size_t i = 0; i < (length + 7) / 8; i++) {
        words[i] = load(&place[2 + i]);
    }
    atomic_thread_fence(memory_order_acquire);
    return load(&place[0]) == whole ? length : 0;
}
