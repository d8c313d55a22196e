/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over columns, four at a time so that sums are loaded and stored less
 * often. */

#include "kernel/weighted_sum.h"

void mlscore_weighted_sum(float *restrict sums, const double *const *columns,
                          const float *weights, size_t count, size_t rows)
{
    size_t c = 0;

    for (; c + 4 <= count; c += 4) {
        const double *p = columns[c], *q = columns[c + 1];
        const double *r = columns[c + 2], *s = columns[c + 3];
        const float w = weights[c], x = weights[c + 1], y = weights[c + 2],
                    z = weights[c + 3];

        for (size_t i = 0; i < rows; i++) {
            sums[i] = (((sums[i] + w * (float)p[i]) + x * (float)q[i]) +
                       y * (float)r[i]) +
                      z * (float)s[i];
        }
    }
    for (; c < count; c++) {
        const double *p = columns[c];
        const float w = weights[c];

        for (size_t i = 0; i < rows; i++) {
            sums[i] += w * (float)p[i];
        }
    }
}
