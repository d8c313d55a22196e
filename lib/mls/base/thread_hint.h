/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_THREAD_HINT_H
#define MLS_BASE_THREAD_HINT_H

/**
 * A cheap number that tends to differ between threads and to stay the same
 * within one: where in an array of slots a thread begins to look, so that
 * threads do not meet at the first slot. Only speed depends on it.
 */

#include <stdint.h>

static inline unsigned mls_thread_hint(unsigned count)
{
    const char here = 0;
    /* Stacks lie at least some 64 KiB apart; the multiplier is Knuth's
     * golden ratio, which spreads what is left. */
    const uint32_t stack = (uint32_t)((uintptr_t)&here >> 16);

    return (unsigned)(((uint64_t)(stack * UINT32_C(2654435769)) * count)
                      >> 32);
}

#endif
