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
    for (uint32_t i = 0; plan->instances && i < plan->neighbors_count; i++) {
        mlscore_free(plan->instances[i]);
    }
    mlscore_free(plan->instances);
    mlscore_free(plan->refusals);
    mlscore_arena_free(plan->arena);
    mlscore_free(plan->level_symbols);
    mlscore_pmml_forests_free(plan);
    mlscore_free(plan->reads);
    mlscore_pmml_patterns_free(plan);
    mlscore_free(plan->symbol_slots);
    mlscore_free(plan);
}

/** Where tables without records begin: nothing is added to NULL. */
static const uint64_t nothing[1];

static mlscore_status find_tables(pmml_plan *plan, const mlscore_image *image,
                                  mlscore_error *err)
{
#define FIND_TABLE(table, type)                                                \
    {                                                                          \
        size_t size;                                                           \
        const void *bytes = mlscore_image_section(                             \
            image, MLSCORE_SECTION_ENGINE + PMML_TABLE_##table, &size);        \
                                                                               \
        if (bytes && (size % sizeof(type) != 0 ||                              \
                      size / sizeof(type) >= UINT32_MAX / 2)) {                \
            return mlscore_error_set(err, MLSCORE_EIMAGE,                      \
                                     "the compiled PMML model is damaged: "    \
                                     "the table " #table " has a wrong size"); \
        }                                                                      \
        plan->table = bytes ? bytes : (const void *)nothing;                   \
        plan->table##_count = bytes ? (uint32_t)(size / sizeof(type)) : 0;     \
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
        status = mlscore_pmml_reads_open(plan, inputs, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_pmml_forests_open(plan, err);
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

size_t mlscore_pmml_lay_out(const pmml_plan *plan, pmml_run *run, size_t rows,
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
    run->block = rows < plan->forest_block ? (uint32_t)rows
                                           : plan->forest_block;
    run->forest_numbers = take(scratch, &at, plan->forest_width * run->block,
                               sizeof(*run->forest_numbers));
    run->forest_usable =
        take(scratch, &at, (size_t)plan->forests_count * run->block, 1);
    return at;
}

static mlscore_status scratch_size(const void *plan, size_t rows,
                                   size_t *bytes, mlscore_error *err)
{
    pmml_run run;

    *bytes = mlscore_pmml_lay_out(plan, &run, rows, NULL);
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

void mlscore_pmml_next_epoch(pmml_run *run)
{
    if (++run->epoch == 0) { /* after 2^32: begin anew */
        memset(run->slot_epochs, 0,
               run->plan->slots_count * sizeof(*run->slot_epochs));
        memset(run->result_epochs, 0,
               run->plan->models_count * sizeof(*run->result_epochs));
        run->epoch = 1;
    }
}

/** The row has been refused: say so in the answer. */
static mlscore_status report(pmml_run *run, mlscore_error *err)
{
    mlscore_status status = MLSCORE_ENOMEM;

    if (!run->no_memory) {
        status =
            mlscore_frame_row_error(run->out, run->row, "%s", run->reason);
    }
    return status == MLSCORE_OK
               ? status
               : mlscore_error_set(err, status, "out of memory");
}

static mlscore_status run_rows(const void *opened, const mlscore_frame *in,
                               mlscore_frame *out, void *scratch,
                               mlscore_error *err)
{
    const pmml_plan *plan = opened;
    pmml_run run = {.plan = plan, .in = in, .out = out};
    mlscore_status status = MLSCORE_OK;

    mlscore_pmml_lay_out(plan, &run, in->rows, scratch);
    memset(run.slot_epochs, 0, plan->slots_count * sizeof(*run.slot_epochs));
    memset(run.result_epochs, 0,
           plan->models_count * sizeof(*run.result_epochs));
    for (; run.row < in->rows && status == MLSCORE_OK; run.row++) {
        const size_t left = in->rows - run.row;

        if (plan->early_forests > 0 && in->rows > 1 &&
            run.row == run.block_first + run.block_count &&
            mlscore_pmml_forests_ahead(
                &run, left < run.block ? left : run.block)) {
            return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
        }
        mlscore_pmml_next_epoch(&run);
        if (score_row(&run)) {
            status = report(&run, err);
        }
    }
    return status;
}

const mlscore_engine mlscore_engine_pmml = {
    .id = MLSCORE_ENGINE_PMML,
    .name = "PMML",
    .open = open_plan,
    .free_plan = free_plan,
    .scratch = scratch_size,
    .run = run_rows,
};
