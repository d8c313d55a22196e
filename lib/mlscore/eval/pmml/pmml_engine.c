/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PMML engine: open a plan, lay out scratch memory, score row by row.
 */

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "eval/engine.h"
#include "eval/pmml/pmml_run.h"

/* --- opening --------------------------------------------------------------*/

static void free_plan(void *opened)
{
    pmml_plan *plan = opened;

    if (!plan) {
        return;
    }
    for (uint32_t i = 0; plan->level_symbols && i < plan->head->column_count;
         i++) {
        mlscore_free(plan->level_symbols[i]);
    }
    for (uint32_t i = 0; plan->opened && i < plan->forests_count; i++) {
        mlscore_forest_free(plan->opened[i]);
    }
    for (uint32_t i = 0; plan->instances && i < plan->neighbors_count; i++) {
        mlscore_free(plan->instances[i]);
    }
    mlscore_free(plan->instances);
    mlscore_free(plan->refusals);
    mlscore_arena_free(plan->arena);
    mlscore_free(plan->level_symbols);
    mlscore_free(plan->opened);
    mlscore_pmml_patterns_free(plan);
    mlscore_free(plan->symbol_slots);
    mlscore_free(plan);
}

static mlscore_status find_tables(pmml_plan *plan, const mlscore_image *image,
                                  mlscore_error *err)
{
#define FIND_TABLE(table, type)                                              \
    {                                                                        \
        size_t size;                                                         \
        const void *bytes = mlscore_image_section(                           \
            image, MLSCORE_SECTION_ENGINE + PMML_TABLE_##table, &size);      \
                                                                             \
        if (bytes && (size % sizeof(type) != 0 ||                            \
                      size / sizeof(type) >= UINT32_MAX / 2)) {              \
            return mlscore_error_set(err, MLSCORE_EIMAGE,                    \
                                     "the compiled PMML model is damaged: "  \
                                     "the table " #table                     \
                                     " has a wrong size");                   \
        }                                                                    \
        plan->table = bytes;                                                 \
        plan->table##_count = bytes ? (uint32_t)(size / sizeof(type)) : 0;   \
    }
    PMML_TABLES(FIND_TABLE)
#undef FIND_TABLE
    return MLSCORE_OK;
}

/** The symbol of each level of a column, so that a cell whose level is known
 *  needs no search. */
static mlscore_status open_levels(pmml_plan *plan,
                                  const mlscore_schema *inputs,
                                  mlscore_error *err)
{
    plan->level_symbols = mlscore_calloc(inputs->field_count + 1,
                                         sizeof(*plan->level_symbols));
    if (!plan->level_symbols) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < inputs->field_count; i++) {
        const mlscore_field *field = &inputs->fields[i];

        if (field->level_count == 0) {
            continue;
        }
        uint32_t *symbols =
            mlscore_malloc_array(field->level_count, sizeof(*symbols));

        if (!symbols) {
            return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
        }
        plan->level_symbols[i] = symbols;
        for (uint32_t k = 0; k < field->level_count; k++) {
            symbols[k] = mlscore_pmml_find_symbol(
                plan, field->levels[k].bytes, field->levels[k].length);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status open_forests(pmml_plan *plan, mlscore_error *err)
{
    plan->opened =
        mlscore_calloc(plan->forests_count + 1, sizeof(*plan->opened));
    if (!plan->opened) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < plan->forests_count; i++) {
        const pmml_forest *record = &plan->forests[i];
        const mlscore_status status = mlscore_forest_open(
            &plan->opened[i], plan->forest_bytes + record->offset,
            record->size, err);

        if (status != MLSCORE_OK) {
            return status;
        }
        if (mlscore_forest_features(plan->opened[i]) !=
                record->feature_count ||
            mlscore_forest_outputs(plan->opened[i]) != record->output_count) {
            return mlscore_error_set(err, MLSCORE_EIMAGE,
                                     "the compiled PMML model is damaged: a "
                                     "forest does not fit");
        }
        const size_t scratch = mlscore_forest_scratch(plan->opened[i]);

        if (scratch > plan->forest_scratch) {
            plan->forest_scratch = scratch;
        }
    }
    return MLSCORE_OK;
}

static mlscore_status open_plan(void **out, const mlscore_image *image,
                                const mlscore_schema *inputs,
                                const mlscore_schema *outputs,
                                mlscore_error *err)
{
    pmml_plan *plan = mlscore_calloc(1, sizeof(*plan));

    if (!plan) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    mlscore_status status = find_tables(plan, image, err);

    if (status == MLSCORE_OK) {
        status = mlscore_pmml_verify(plan, inputs, outputs, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_pmml_symbols_open(plan, err);
    }
    if (status == MLSCORE_OK) {
        status = open_levels(plan, inputs, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_pmml_patterns_open(plan, err);
    }
    if (status == MLSCORE_OK) {
        status = open_forests(plan, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_pmml_instances_open(plan, err);
    }
    if (status != MLSCORE_OK) {
        free_plan(plan);
        return status;
    }
    *out = plan;
    return MLSCORE_OK;
}

/* --- scratch --------------------------------------------------------------*/

/** Take `count` elements; with a NULL base only the size is counted. */
static void *take(char *base, size_t *at, size_t count, size_t size)
{
    void *memory = base ? base + *at : NULL;

    *at += (count * size + 63) & ~(size_t)63;
    return memory;
}

size_t mlscore_pmml_lay_out(const pmml_plan *plan, pmml_run *run,
                            void *scratch)
{
    const pmml_head *head = plan->head;
    size_t at = 0;

    run->slot_epochs =
        take(scratch, &at, plan->slots_count, sizeof(*run->slot_epochs));
    run->result_epochs =
        take(scratch, &at, plan->models_count, sizeof(*run->result_epochs));
    run->slots = take(scratch, &at, plan->slots_count, sizeof(*run->slots));
    run->results =
        take(scratch, &at, plan->models_count, sizeof(*run->results));
    run->keys = take(scratch, &at, head->result_count, sizeof(*run->keys));
    run->values = take(scratch, &at, head->result_count, sizeof(*run->values));
    run->confidences =
        take(scratch, &at, head->result_count, sizeof(*run->confidences));
    run->numbers =
        take(scratch, &at, head->number_count, sizeof(*run->numbers));
    run->stack = take(scratch, &at, plan->stack_size, sizeof(*run->stack));
    run->forest_scratch = take(scratch, &at, plan->forest_scratch, 1);
    return at;
}

static mlscore_status scratch_size(const void *plan, size_t rows,
                                   size_t *bytes, mlscore_error *err)
{
    pmml_run run;

    *bytes = mlscore_pmml_lay_out(plan, &run, NULL);
    return MLSCORE_OK;
}

/* --- rows -----------------------------------------------------------------*/

static int score_row(pmml_run *run)
{
    for (uint32_t i = 0; i < run->plan->head->output_count; i++) {
        mlscore_column_set_missing(&run->out->columns[i], run->row);
    }
    run->stack_used = 0;
    return mlscore_pmml_run_model(run, run->plan->head->model) ||
                   mlscore_pmml_emit(run, run->plan->head->model)
               ? -1
               : 0;
}

static mlscore_status run_rows(const void *opened, const mlscore_frame *in,
                               mlscore_frame *out, void *scratch,
                               mlscore_error *err)
{
    const pmml_plan *plan = opened;
    pmml_run run = {.plan = plan, .in = in, .out = out};

    mlscore_pmml_lay_out(plan, &run, scratch);
    memset(run.slot_epochs, 0, plan->slots_count * sizeof(*run.slot_epochs));
    memset(run.result_epochs, 0,
           plan->models_count * sizeof(*run.result_epochs));
    for (run.row = 0; run.row < in->rows; run.row++) {
        if (++run.epoch == 0) { /* 2^32 rows: begin anew */
            memset(run.slot_epochs, 0,
                   plan->slots_count * sizeof(*run.slot_epochs));
            memset(run.result_epochs, 0,
                   plan->models_count * sizeof(*run.result_epochs));
            run.epoch = 1;
        }
        if (score_row(&run) == 0) {
            continue;
        }
        if (run.no_memory) {
            return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
        }
        const mlscore_status status =
            mlscore_frame_row_error(out, run.row, "%s", run.reason);

        if (status != MLSCORE_OK) {
            return mlscore_error_set(err, status, "out of memory");
        }
    }
    return MLSCORE_OK;
}

const mlscore_engine mlscore_engine_pmml = {
    .id = MLSCORE_ENGINE_PMML,
    .name = "PMML",
    .open = open_plan,
    .free_plan = free_plan,
    .scratch = scratch_size,
    .run = run_rows,
};
