/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of a run of masks, by cuts: QuickScorer (Lucchese et al. 2015), with
 * marks. The conditions on a feature are sorted by their cuts, and those up to
 * the row's value fail; each takes leaves from a word. Instead of all of them
 * in turn, the last mark before the value is taken, which holds the leaves
 * that remain in every word after all conditions before it, and then the few
 * between mark and value.
 */

#include <math.h>
#include <string.h>

#include "eval/forest_plan.h"

/* --- opening
 * ----------------------------------------------------------------------- */

static uint64_t count_of(const mlscore_forest *forest, int array)
{
    return forest->header->arrays[array].count;
}

static int feature_ok(const mlscore_forest *forest, const forest_run *run,
                      const forest_quick *quick)
{
    const uint64_t words = (uint64_t)run->group_count * FOREST_LANES;
    const uint64_t end = (uint64_t)quick->first + quick->count;
    const uint64_t marks =
        (uint64_t)quick->first_mark + quick->count / run->spacing;

    if (quick->feature >= forest->virtual_count ||
        end > count_of(forest, FOREST_ARRAY_QUICK_CUTS) ||
        end > count_of(forest, FOREST_ARRAY_QUICK_KEEPS) ||
        end > count_of(forest, FOREST_ARRAY_QUICK_WORDS) ||
        marks > count_of(forest, FOREST_ARRAY_QUICK_MARKS) ||
        marks > count_of(forest, FOREST_ARRAY_QUICK_MASKS) / words) {
        return 0;
    }
    for (uint32_t i = 0; i < quick->count; i++) {
        if (forest->quick_words[quick->first + i] >= words) {
            return 0;
        }
    }
    return 1;
}

int mlscore_forest_quick_ok(const mlscore_forest *forest,
                            const forest_run *run)
{
    const uint64_t words = (uint64_t)run->group_count * FOREST_LANES;

    if (run->quick_count == 0) {
        return 1;
    }
    if (run->spacing == 0 || words == 0 || words > UINT32_MAX ||
        (uint64_t)run->quick + run->quick_count >
            count_of(forest, FOREST_ARRAY_QUICK) ||
        (uint64_t)run->quick_sets + run->quick_set_count >
            count_of(forest, FOREST_ARRAY_QUICK_SETS)) {
        return 0;
    }
    for (uint32_t i = 0; i < run->quick_count; i++) {
        if (!feature_ok(forest, run, &forest->quick[run->quick + i])) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < run->quick_set_count; i++) {
        const forest_quick_set *set = &forest->quick_sets[run->quick_sets + i];

        if (set->feature >= forest->virtual_count || set->word >= words) {
            return 0;
        }
    }
    return 1;
}

/* --- marks
 * ------------------------------------------------------------------------- */

/* words = all of the masks together; none: every leaf remains. Four vectors
 * of WIDTH words are kept in registers; a run's words are a multiple of 16. */
#define JOIN(NAME, TARGET, WIDTH)                                             \
    typedef uint32_t NAME##_part __attribute__((vector_size(WIDTH * 4)));     \
    TARGET static inline NAME##_part NAME##_load(const uint32_t *at)          \
    {                                                                         \
        NAME##_part part;                                                     \
                                                                              \
        memcpy(&part, at, sizeof(part));                                      \
        return part;                                                          \
    }                                                                         \
    TARGET static void NAME(const uint32_t *const *masks, uint32_t count,     \
                            uint32_t words, uint32_t *out)                    \
    {                                                                         \
        const NAME##_part all = (NAME##_part){0} - 1;                         \
        uint32_t w = 0;                                                       \
                                                                              \
        for (; w + 4 * WIDTH <= words; w += 4 * WIDTH) {                      \
            NAME##_part a = all, b = all, c = all, d = all;                   \
                                                                              \
            for (uint32_t i = 0; i < count; i++) {                            \
                const uint32_t *from = masks[i] + w;                          \
                                                                              \
                a &= NAME##_load(from);                                       \
                b &= NAME##_load(from + WIDTH);                               \
                c &= NAME##_load(from + 2 * WIDTH);                           \
                d &= NAME##_load(from + 3 * WIDTH);                           \
            }                                                                 \
            memcpy(out + w, &a, sizeof(a));                                   \
            memcpy(out + w + WIDTH, &b, sizeof(b));                           \
            memcpy(out + w + 2 * WIDTH, &c, sizeof(c));                       \
            memcpy(out + w + 3 * WIDTH, &d, sizeof(d));                       \
        }                                                                     \
        for (; w < words; w += WIDTH) {                                       \
            NAME##_part a = all;                                              \
                                                                              \
            for (uint32_t i = 0; i < count; i++) {                            \
                a &= NAME##_load(masks[i] + w);                               \
            }                                                                 \
            memcpy(out + w, &a, sizeof(a));                                   \
        }                                                                     \
    }

JOIN(join_plain, , 4)
#if defined(__x86_64__)
JOIN(join_avx2, __attribute__((target("avx2"))), 8)
JOIN(join_avx512, __attribute__((target("avx512f"))), 16)
#endif

static void join(const mlscore_forest *forest, const uint32_t *const *masks,
                 uint32_t count, uint32_t words, uint32_t *out)
{
#if defined(__x86_64__)
    if (forest->level == MLSCORE_CPU_AVX512) {
        join_avx512(masks, count, words, out);
        return;
    }
    if (forest->level == MLSCORE_CPU_AVX2) {
        join_avx2(masks, count, words, out);
        return;
    }
#endif
    (void)forest;
    join_plain(masks, count, words, out);
}

/* --- a row
 * ----------------------------------------------------------------------- */

static size_t align64(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

size_t mlscore_forest_quick_scratch(const mlscore_forest *forest)
{
    return align64(forest->most_words * sizeof(uint32_t)) +
           align64(forest->most_quick *
                   (sizeof(const uint32_t *) + sizeof(uint32_t)));
}

/* The marks up to a row's values; `passed` gets how many cuts they stand
 * for. */
static uint32_t find_marks(const mlscore_forest *forest, const forest_run *run,
                           const float *row, const uint32_t **masks,
                           uint32_t *passed)
{
    const size_t words = (size_t)run->group_count * FOREST_LANES;
    uint32_t found = 0;

    for (uint32_t f = 0; f < run->quick_count; f++) {
        const forest_quick *quick = &forest->quick[run->quick + f];
        const float *marks = forest->quick_marks + quick->first_mark;
        const uint32_t count = quick->count / run->spacing;
        const float x = row[quick->feature];
        uint32_t m = 0;

        /* Not a number fails every condition. */
        while (m < count && !(x < marks[m])) {
            m++;
        }
        if (m > 0) {
            masks[found++] = forest->quick_masks +
                             (quick->first_mark + (size_t)m - 1) * words;
        }
        passed[f] = m * run->spacing;
    }
    return found;
}

static void apply_cuts(const mlscore_forest *forest, const forest_run *run,
                       const float *row, const uint32_t *passed,
                       uint32_t *words)
{
    for (uint32_t f = 0; f < run->quick_count; f++) {
        const forest_quick *quick = &forest->quick[run->quick + f];
        const float *cuts = forest->quick_cuts + quick->first;
        const uint32_t *keeps = forest->quick_keeps + quick->first;
        const uint32_t *places = forest->quick_words + quick->first;
        const float x = row[quick->feature];

        for (uint32_t i = passed[f]; i < quick->count && !(x < cuts[i]); i++) {
            words[places[i]] &= keeps[i];
        }
    }
}

static void apply_sets(const mlscore_forest *forest, const forest_run *run,
                       const float *row, uint32_t *words)
{
    const forest_quick_set *set = forest->quick_sets + run->quick_sets;

    for (uint32_t i = 0; i < run->quick_set_count; i++, set++) {
        uint32_t bits;

        memcpy(&bits, &row[set->feature], sizeof(bits));
        words[set->word] &= bits & set->set ? set->keep : UINT32_MAX;
    }
}

const uint32_t *mlscore_forest_quick_leaves(const mlscore_forest *forest,
                                            const forest_run *run,
                                            const float *row, void *scratch)
{
    const uint32_t count = run->group_count * FOREST_LANES;
    uint32_t *words = scratch;
    const uint32_t **masks =
        (void *)((char *)scratch +
                 align64(forest->most_words * sizeof(uint32_t)));
    uint32_t *passed = (void *)(masks + forest->most_quick);
    const uint32_t found = find_marks(forest, run, row, masks, passed);

    join(forest, masks, found, count, words);
    apply_cuts(forest, run, row, passed, words);
    apply_sets(forest, run, row, words);
    return words;
}
