/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of cuts: a large forest has ten thousand cuts on a feature, and a
 * search through all of them waits for memory at every step. Buckets of equal
 * width lead to a few cuts next to each other.
 */

#include <math.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

/* Sets low and scale. Returns 0 when the cuts cannot be divided evenly. */
static int divide(forest_virtual *v, const double *cuts)
{
    const double width = cuts[v->count - 1] - cuts[0];

    v->buckets = v->count / FOREST_BUCKET_CUTS;
    v->low = cuts[0];
    v->scale = v->buckets / width;
    if (!isfinite(v->low) || !isfinite(width) || !isfinite(v->scale) ||
        !(v->scale > 0)) {
        v->buckets = 0;
        v->low = v->scale = 0;
        return 0;
    }
    return 1;
}

mlscore_status mlscore_forest_pack_buckets(forest_packer *packer)
{
    for (uint32_t i = 0; i < packer->virtuals.count; i++) {
        /* Arrays move when more is taken of them. */
        forest_virtual *v =
            (forest_virtual *)packer->arrays[FOREST_ARRAY_VIRTUALS].items + i;
        const double *cuts =
            (const double *)packer->arrays[FOREST_ARRAY_CUTS].items + v->first;

        if (v->kind == FOREST_VIRTUAL_WORD || v->count < FOREST_BUCKETS_FROM ||
            !divide(v, cuts)) {
            continue;
        }
        v->bucket = (uint32_t)packer->arrays[FOREST_ARRAY_BUCKETS].count;
        uint32_t *starts = mlscore_forest_take(packer, FOREST_ARRAY_BUCKETS,
                                               (size_t)v->buckets + 1);

        if (!starts) {
            return mlscore_forest_no_memory(packer->err);
        }
        for (uint32_t k = 0; k < v->count; k++) {
            starts[forest_bucket(v, cuts[k]) + 1]++;
        }
        for (uint32_t b = 0; b < v->buckets; b++) {
            starts[b + 1] += starts[b];
        }
    }
    return MLSCORE_OK;
}
