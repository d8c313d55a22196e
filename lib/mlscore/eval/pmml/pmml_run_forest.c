/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ensembles by the shared forest kernel.
 *
 * The kernel gives the same sums as walking the trees, for rows whose fields
 * are plain: neither NaN nor infinite, of the type that the model declares.
 * All other rows, and those whose sums are NAN, are walked; so is a field that
 * cannot be computed, since the walk may not need it.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/pmml/pmml_run.h"

/** Rows evaluated at once: at most so many, and so many doubles. */
enum { BLOCK_ROWS = 256, BLOCK_DOUBLES = 1 << 17 };

/* --- opening --------------------------------------------------------------*/

/** Doubles that a row's result takes: sums, or the numbers of leaves. */
static size_t result_width(const pmml_plan *plan, uint32_t index)
{
    return plan->forests[index].kind == PMML_FOREST_LEAVES
               ? ((size_t)mlscore_forest_trees(plan->opened[index]) + 1) / 2
               : plan->forests[index].output_count;
}

static mlscore_status open_one(pmml_plan *plan, uint32_t index,
                               mlscore_error *err)
{
    const pmml_forest *record = &plan->forests[index];
    const mlscore_status status = mlscore_forest_open(
        &plan->opened[index], plan->forest_bytes + record->offset, record->size,
        err);

    if (status != MLSCORE_OK) {
        return status;
    }
    const mlscore_forest *forest = plan->opened[index];

    if (mlscore_forest_features(forest) != record->feature_count ||
        mlscore_forest_outputs(forest) != record->output_count ||
        mlscore_forest_number_of(forest) != MLSCORE_FOREST_DOUBLE) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "the compiled PMML model is damaged: a "
                                 "forest does not fit");
    }
    const size_t scratch = mlscore_forest_scratch(forest);

    if (scratch > plan->forest_scratch) {
        plan->forest_scratch = scratch;
    }
    plan->forest_at[index] = plan->forest_width;
    plan->forest_width += record->feature_count + result_width(plan, index);
    plan->early_forests += (record->flags & PMML_FOREST_EARLY) != 0;
    return MLSCORE_OK;
}

/** Records that no ensemble refers to have not been verified. */
static int all_used(const pmml_plan *plan, unsigned char *used)
{
    for (uint32_t i = 0; i < plan->minings_count; i++) {
        if (plan->minings[i].forest != PMML_NONE) {
            used[plan->minings[i].forest] = 1;
        }
    }
    return plan->forests_count == 0 || !memchr(used, 0, plan->forests_count);
}

/** Where leaves are asked for, trees are segments. */
static int trees_fit(const pmml_plan *plan)
{
    for (uint32_t i = 0; i < plan->minings_count; i++) {
        const pmml_mining *mining = &plan->minings[i];

        if (mining->forest != PMML_NONE &&
            plan->forests[mining->forest].kind == PMML_FOREST_LEAVES &&
            mlscore_forest_trees(plan->opened[mining->forest]) !=
                mining->segment_count) {
            return 0;
        }
    }
    return 1;
}

mlscore_status mlscore_pmml_forests_open(pmml_plan *plan, mlscore_error *err)
{
    const size_t count = plan->forests_count;

    plan->opened = mlscore_calloc(count + 1, sizeof(*plan->opened));
    plan->forest_at = mlscore_calloc(count + 1, sizeof(*plan->forest_at));
    unsigned char *used = mlscore_calloc(count + 1, 1);
    const int sound = used && all_used(plan, used);

    mlscore_free(used);
    if (!plan->opened || !plan->forest_at || !used) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    if (!sound) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "the compiled PMML model is damaged: a "
                                 "forest belongs to no ensemble");
    }
    for (uint32_t i = 0; i < count; i++) {
        const mlscore_status status = open_one(plan, i, err);

        if (status != MLSCORE_OK) {
            return status;
        }
    }
    if (!trees_fit(plan)) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "the compiled PMML model is damaged: a "
                                 "forest has not its ensemble's trees");
    }
    const size_t most =
        plan->forest_width ? BLOCK_DOUBLES / plan->forest_width : 1;

    plan->forest_block = most < 1            ? 1
                         : most < BLOCK_ROWS ? (uint32_t)most
                                             : BLOCK_ROWS;
    return MLSCORE_OK;
}

void mlscore_pmml_forests_free(pmml_plan *plan)
{
    for (uint32_t i = 0; plan->opened && i < plan->forests_count; i++) {
        mlscore_forest_free(plan->opened[i]);
    }
    mlscore_free(plan->opened);
    mlscore_free(plan->forest_at);
}

/* --- features -------------------------------------------------------------*/

static uint32_t symbol_code(const uint32_t *codes, uint32_t count,
                            uint32_t symbol)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (codes[middle] < symbol) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < count && codes[low] == symbol ? low : count;
}

static uint32_t number_code(const double *codes, uint32_t count, double number)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (codes[middle] < number) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low < count && codes[low] == number ? low : count;
}

/** A feature by way of its field: 1, or 0 when the row must be walked. */
static int field_feature(pmml_run *run, const pmml_forest_feature *feature,
                         double *out)
{
    const pmml_plan *plan = run->plan;
    const pmml_value *value;

    if (pmml_slot_value(run, feature->slot, &value)) {
        return 0;
    }
    if (value->type == PMML_MISSING) {
        *out = NAN;
        return !feature->required;
    }
    if (value->type != plan->slots[feature->slot].type) {
        return 0;
    }
    switch (feature->kind) {
    case PMML_SPLIT_TEXT_CODE:
        *out = symbol_code(plan->words + feature->code_first,
                           feature->code_count, value->symbol);
        return value->type == PMML_STRING;
    case PMML_SPLIT_NUMBER_CODE:
        *out = number_code(plan->numbers + feature->code_first,
                           feature->code_count, value->number);
        break;
    default:
        *out = value->number;
        break;
    }
    return value->type != PMML_STRING && fabs(value->number) <= DBL_MAX;
}

/** The features of the current row: 1, or 0 when it must be walked. */
static int fill(pmml_run *run, const pmml_forest *forest, double *out)
{
    const pmml_plan *plan = run->plan;
    const pmml_forest_feature *features =
        &plan->forest_features[forest->feature_first];

    for (uint32_t i = 0; i < forest->feature_count; i++) {
        double number;

        if (features[i].kind != PMML_SPLIT_NUMBER ||
            !pmml_read_number(run, features[i].slot, &number)) {
            if (!field_feature(run, &features[i], &out[i])) {
                return 0;
            }
            continue;
        }
        if (!(fabs(number) <= DBL_MAX) &&
            (features[i].required || !isnan(number))) {
            return 0;
        }
        out[i] = number;
    }
    return 1;
}

/** The features of a block, and the sums behind them. */
static double *features_of(const pmml_run *run, uint32_t forest, size_t row)
{
    return run->forest_numbers + run->plan->forest_at[forest] * run->block +
           row * run->plan->forests[forest].feature_count;
}

static double *sums_of(const pmml_run *run, uint32_t forest, size_t row)
{
    return features_of(run, forest, run->block) +
           row * run->plan->forests[forest].output_count;
}

static uint32_t *leaves_of(const pmml_run *run, uint32_t forest, size_t row)
{
    return (uint32_t *)features_of(run, forest, run->block) +
           row * mlscore_forest_trees(run->plan->opened[forest]);
}

/** Evaluate a forest for the first rows of the block. */
static void evaluate(pmml_run *run, uint32_t index, size_t rows)
{
    const mlscore_forest *forest = run->plan->opened[index];

    if (run->plan->forests[index].kind == PMML_FOREST_LEAVES) {
        mlscore_forest_leaves(forest, features_of(run, index, 0), rows,
                              leaves_of(run, index, 0), run->forest_scratch);
    }
    else {
        mlscore_forest_run(forest, features_of(run, index, 0), rows,
                           sums_of(run, index, 0), run->forest_scratch);
    }
}

/** Whether a refusal was only one of this field, which nobody may need. */
static int go_on(pmml_run *run)
{
    run->stack_used = 0;
    return !run->no_memory;
}

int mlscore_pmml_forests_ahead(pmml_run *run, size_t count)
{
    const pmml_plan *plan = run->plan;
    const size_t first = run->row;

    for (size_t row = 0; row < count; row++) {
        run->row = first + row;
        mlscore_pmml_next_epoch(run);
        for (uint32_t i = 0; i < plan->forests_count; i++) {
            const pmml_forest *forest = &plan->forests[i];
            double *features = features_of(run, i, row);
            unsigned char *usable =
                run->forest_usable + (size_t)i * run->block + row;

            if (!(forest->flags & PMML_FOREST_EARLY)) {
                continue;
            }
            *usable = fill(run, forest, features) != 0;
            if (!*usable && !go_on(run)) {
                return -1;
            }
            for (uint32_t k = 0; !*usable && k < forest->feature_count; k++) {
                features[k] = NAN;
            }
        }
    }
    run->row = first;
    for (uint32_t i = 0; i < plan->forests_count; i++) {
        if (plan->forests[i].flags & PMML_FOREST_EARLY) {
            evaluate(run, i, count);
        }
    }
    run->block_first = first;
    run->block_count = count;
    return 0;
}

/* --- results --------------------------------------------------------------*/

/** Where the current row's result is in the block: 1, or 0 when it must be
 *  walked. */
static int find_row(pmml_run *run, uint32_t index, size_t *row)
{
    const pmml_forest *forest = &run->plan->forests[index];

    *row = 0;
    if ((forest->flags & PMML_FOREST_EARLY) && run->block_count > 0) {
        *row = run->row - run->block_first;
        return run->forest_usable[(size_t)index * run->block + *row];
    }
    if (run->block == 0 || !fill(run, forest, features_of(run, index, 0))) {
        return 0;
    }
    evaluate(run, index, 1);
    return 1;
}

/** Whether a tie leaves open which category is the prediction (or, with
 *  `distinct`, the order of any two). */
static int has_tie(const double *sums, uint32_t count, int distinct)
{
    uint32_t best = 0, equal = 0;

    for (uint32_t i = 1; i < count; i++) {
        best = sums[i] > sums[best] ? i : best;
    }
    for (uint32_t i = 0; i < count; i++) {
        equal += sums[i] == sums[best];
        for (uint32_t k = 0; distinct && k < i; k++) {
            if (sums[i] == sums[k] && sums[i] != 0.0) {
                return 1;
            }
        }
    }
    return equal > 1;
}

static int set_categories(pmml_run *run, uint32_t index,
                          const pmml_forest *forest, const double *sums)
{
    const pmml_model *model = &run->plan->models[index];
    const uint32_t *symbols = run->plan->words + forest->category_first;
    const int unordered = (forest->flags & PMML_FOREST_UNORDERED) != 0;
    pmml_result *result = &run->results[index];

    if (unordered && has_tie(sums, forest->output_count,
                             forest->flags & PMML_FOREST_DISTINCT)) {
        return PMML_FOREST_WALK;
    }
    result->kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < forest->output_count; i++) {
        if (unordered && sums[i] == 0.0) {
            continue; /* nobody voted for it */
        }
        const uint32_t at = result->count++;

        run->keys[model->offset + at] = symbols[i];
        run->values[model->offset + at] =
            forest->kind == PMML_FOREST_VOTES
                ? sums[i]
                : pmml_round(model, sums[i] / forest->divisor);
    }
    if (forest->kind == PMML_FOREST_VOTES) {
        mlscore_pmml_simplemax(model, run->values + model->offset,
                               result->count);
    }
    return mlscore_pmml_set_winner(run, index) ? -1 : PMML_FOREST_DONE;
}

static int set_sums(pmml_run *run, uint32_t index, const pmml_forest *forest,
                    const double *sums)
{
    const pmml_model *model = &run->plan->models[index];

    for (uint32_t i = 0; i < forest->output_count; i++) {
        if (isnan(sums[i])) {
            return PMML_FOREST_WALK;
        }
    }
    if (forest->kind != PMML_FOREST_NUMBER) {
        return set_categories(run, index, forest, sums);
    }
    return mlscore_pmml_set_number(run, index,
                                   pmml_round(model, sums[0] / forest->divisor))
               ? -1
               : PMML_FOREST_DONE;
}

/** Each segment's result by the leaf of its tree, or by walking it. */
static int set_segments(pmml_run *run, const pmml_mining *body,
                        const pmml_forest *forest, const uint32_t *leaves)
{
    const uint32_t *firsts = run->plan->words + forest->category_first;
    const uint32_t *nodes = firsts + body->segment_count + 1;

    for (uint32_t i = 0; i < body->segment_count; i++) {
        const uint32_t model =
            run->plan->segments[body->segment_first + i].model;
        const uint32_t node = leaves[i] < firsts[i + 1] - firsts[i]
                                  ? nodes[firsts[i] + leaves[i]]
                                  : PMML_NONE;

        if (node == PMML_NONE ? mlscore_pmml_run_model(run, model)
                              : mlscore_pmml_run_leaf(run, model, node)) {
            return -1;
        }
    }
    return PMML_FOREST_SEGMENTS;
}

int mlscore_pmml_run_forest(pmml_run *run, uint32_t index)
{
    const pmml_mining *body =
        &run->plan->minings[run->plan->models[index].body];
    const pmml_forest *forest = &run->plan->forests[body->forest];
    size_t row;

    if (!find_row(run, body->forest, &row)) {
        return run->no_memory ? -1 : PMML_FOREST_WALK;
    }
    return forest->kind == PMML_FOREST_LEAVES
               ? set_segments(run, body, forest,
                              leaves_of(run, body->forest, row))
               : set_sums(run, index, forest, sums_of(run, body->forest, row));
}
