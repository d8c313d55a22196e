/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorts the conditions of a run of masks by virtual feature and cut, for
 * looking a single row up (forest_quick.c).
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/forest_build.h"

typedef struct condition {
    uint32_t feature;
    float cut;
    uint32_t keep;
    uint32_t word;
} condition;

int mlscore_forest_wants_quick(const forest_run *run)
{
    return run->class_ == FOREST_CLASS_MASKS &&
           run->tree_count >= FOREST_QUICK_FROM;
}

static int by_cut(const void *left, const void *right)
{
    const condition *a = left, *b = right;

    if (a->feature != b->feature) {
        return a->feature < b->feature ? -1 : 1;
    }
    if (a->cut != b->cut) {
        return a->cut < b->cut ? -1 : 1;
    }
    if (a->word != b->word) {
        return a->word < b->word ? -1 : 1;
    }
    return (a->keep > b->keep) - (a->keep < b->keep);
}

/* The sets of a lane; its cuts go to `cuts`. */
static mlscore_status take_lane(forest_packer *packer,
                                const forest_group *group, uint32_t lane,
                                uint32_t word, forest_lane counts,
                                condition *cuts)
{
    for (uint32_t i = 0; i < counts.cut_count + counts.set_count; i++) {
        const int is_set = i >= counts.cut_count;
        const size_t slot =
            is_set ? group->cut_slots + (i - counts.cut_count) : i;
        const size_t at = (group->slots + slot) * FOREST_LANES + lane;
        /* Arrays move when more is taken of them. */
        const float *values = packer->arrays[FOREST_ARRAY_MASK_CUTS].items;
        const uint32_t *masks = packer->arrays[FOREST_ARRAY_MASKS].items;
        const uint16_t *features =
            packer->arrays[FOREST_ARRAY_MASK_FEATURES].items;

        if (!is_set) {
            /* Nothing is below a cut that is no number. */
            const float cut = isnan(values[at]) ? -INFINITY : values[at];

            cuts[i] = (condition){features[at], cut, ~masks[at], word};
            continue;
        }
        forest_quick_set *set =
            mlscore_forest_take(packer, FOREST_ARRAY_QUICK_SETS, 1);

        if (!set) {
            return mlscore_forest_no_memory(packer->err);
        }
        set->feature = features[at];
        memcpy(&set->set, &values[at], sizeof(set->set));
        set->keep = ~masks[at];
        set->word = word;
    }
    return MLSCORE_OK;
}

/* How many cuts the lanes of a run have. */
static size_t count_cuts(const forest_packer *packer, const forest_run *run)
{
    const forest_lane *lanes =
        (const forest_lane *)packer->arrays[FOREST_ARRAY_LANES].items +
        (size_t)run->first_group * FOREST_LANES;
    size_t count = 0;

    for (size_t l = 0; l < (size_t)run->group_count * FOREST_LANES; l++) {
        count += lanes[l].cut_count;
    }
    return count;
}

static mlscore_status take_lanes(forest_packer *packer, const forest_run *run,
                                 condition *cuts)
{
    mlscore_status status = MLSCORE_OK;

    for (uint32_t w = 0;
         w < run->group_count * FOREST_LANES && status == MLSCORE_OK; w++) {
        const forest_group *group =
            (const forest_group *)packer->arrays[FOREST_ARRAY_GROUPS].items +
            run->first_group + w / FOREST_LANES;
        const forest_lane counts =
            ((const forest_lane *)packer->arrays[FOREST_ARRAY_LANES]
                 .items)[(size_t)run->first_group * FOREST_LANES + w];

        status = take_lane(packer, group, w % FOREST_LANES, w, counts, cuts);
        cuts += counts.cut_count;
    }
    return status;
}

/* The conditions of one feature, and their marks. */
static mlscore_status put_feature(forest_packer *packer, const forest_run *run,
                                  const condition *cuts, uint32_t count)
{
    const uint32_t words = run->group_count * FOREST_LANES;
    const uint32_t marks = count / run->spacing;
    const size_t first_mark = packer->arrays[FOREST_ARRAY_QUICK_MARKS].count;
    const size_t first = packer->arrays[FOREST_ARRAY_QUICK_CUTS].count;
    forest_quick *quick = mlscore_forest_take(packer, FOREST_ARRAY_QUICK, 1);
    float *values =
        mlscore_forest_take(packer, FOREST_ARRAY_QUICK_CUTS, count);
    uint32_t *keeps =
        mlscore_forest_take(packer, FOREST_ARRAY_QUICK_KEEPS, count);
    uint32_t *places =
        mlscore_forest_take(packer, FOREST_ARRAY_QUICK_WORDS, count);
    float *mark_cuts =
        mlscore_forest_take(packer, FOREST_ARRAY_QUICK_MARKS, marks);
    uint32_t *masks = mlscore_forest_take(packer, FOREST_ARRAY_QUICK_MASKS,
                                          (size_t)marks * words);

    if (!quick || !values || !keeps || !places || !mark_cuts || !masks) {
        return mlscore_forest_no_memory(packer->err);
    }
    *quick = (forest_quick){cuts->feature, (uint32_t)first, count,
                            (uint32_t)first_mark};
    for (uint32_t i = 0; i < count; i++) {
        values[i] = cuts[i].cut;
        keeps[i] = cuts[i].keep;
        places[i] = cuts[i].word;
    }
    for (uint32_t m = 0; m < marks; m++, masks += words) {
        const uint32_t end = (m + 1) * run->spacing;

        mark_cuts[m] = cuts[end - 1].cut;
        if (m == 0) {
            memset(masks, 0xff, words * sizeof(*masks));
        }
        else {
            memcpy(masks, masks - words, words * sizeof(*masks));
        }
        for (uint32_t i = end - run->spacing; i < end; i++) {
            masks[cuts[i].word] &= cuts[i].keep;
        }
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_forest_pack_quick(forest_packer *packer,
                                         forest_run *run)
{
    const size_t count = count_cuts(packer, run);
    const uint32_t words = run->group_count * FOREST_LANES;
    condition *cuts = mlscore_malloc_array(count + 1, sizeof(*cuts));

    if (!cuts) {
        return mlscore_forest_no_memory(packer->err);
    }
    run->quick = (uint32_t)packer->arrays[FOREST_ARRAY_QUICK].count;
    run->quick_sets = (uint32_t)packer->arrays[FOREST_ARRAY_QUICK_SETS].count;
    /* A mark costs as much as a part of its words. */
    run->spacing = words / 8 > FOREST_QUICK_SPACING ? words / 8
                                                    : FOREST_QUICK_SPACING;
    mlscore_status status = take_lanes(packer, run, cuts);

    qsort(cuts, count, sizeof(*cuts), by_cut);
    for (size_t start = 0, end; start < count && status == MLSCORE_OK;
         start = end) {
        for (end = start + 1;
             end < count && cuts[end].feature == cuts[start].feature; end++) {
        }
        status = put_feature(packer, run, cuts + start,
                             (uint32_t)(end - start));
    }
    mlscore_free(cuts);
    run->quick_count =
        (uint32_t)packer->arrays[FOREST_ARRAY_QUICK].count - run->quick;
    run->quick_set_count =
        (uint32_t)packer->arrays[FOREST_ARRAY_QUICK_SETS].count -
        run->quick_sets;
    return status;
}
