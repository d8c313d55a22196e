/* SPDX-License-Identifier: Apache-2.0 */
/* Transposing: dimensions that stay neighbours are merged first, then rows
 * are copied whole, or elements one by one with fixed-size moves. */

#include "kernel/layout.h"

#include <string.h>

enum { RANK = 8 };

struct layout {
    int rank;
    size_t dims[RANK];  /* of the result */
    size_t steps[RANK]; /* in the source, in elements */
};

static void merge(struct layout *layout)
{
    int rank = 0;

    for (int d = 0; d < layout->rank; d++) {
        if (layout->dims[d] == 1) {
            continue;
        }
        if (rank && layout->steps[rank - 1] ==
                        layout->steps[d] * layout->dims[d]) {
            layout->dims[rank - 1] *= layout->dims[d];
            layout->steps[rank - 1] = layout->steps[d];
        }
        else {
            layout->dims[rank] = layout->dims[d];
            layout->steps[rank++] = layout->steps[d];
        }
    }
    if (rank == 0) {
        layout->dims[0] = layout->steps[0] = 1;
        rank = 1;
    }
    layout->rank = rank;
}

#define STRIDED(T) \
    for (size_t i = 0; i < count; i++) { \
        ((T *)out)[i] = ((const T *)in)[i * step]; \
    } \
    break;

static void copy_line(void *out, const void *in, size_t count, size_t step,
                      size_t size)
{
    if (step == 1) {
        memcpy(out, in, count * size);
        return;
    }
    switch (size) {
    case 1: STRIDED(uint8_t)
    case 2: STRIDED(uint16_t)
    case 4: STRIDED(uint32_t)
    case 8: STRIDED(uint64_t)
    default:
        for (size_t i = 0; i < count; i++) {
            memcpy((char *)out + i * size,
                   (const char *)in + i * step * size, size);
        }
        break;
    }
}

void mlscore_transpose(void *out, const void *in, int rank,
                       const int64_t *dims, const int *perm, size_t size)
{
    struct layout layout = {.rank = rank};
    size_t source[RANK], index[RANK] = {0}, step = 1, at = 0;
    char *to = out;

    for (int d = rank - 1; d >= 0; d--) {
        source[d] = step;
        step *= (size_t)dims[d];
    }
    if (step == 0) {
        return;
    }
    for (int d = 0; d < rank; d++) {
        layout.dims[d] = (size_t)dims[perm[d]];
        layout.steps[d] = source[perm[d]];
    }
    merge(&layout);
    const int last = layout.rank - 1;
    for (;;) {
        copy_line(to, (const char *)in + at * size, layout.dims[last],
                  layout.steps[last], size);
        to += layout.dims[last] * size;
        int d = last - 1;
        for (; d >= 0; d--) {
            at += layout.steps[d];
            if (++index[d] < layout.dims[d]) {
                break;
            }
            at -= layout.steps[d] * layout.dims[d];
            index[d] = 0;
        }
        if (d < 0) {
            return;
        }
    }
}
