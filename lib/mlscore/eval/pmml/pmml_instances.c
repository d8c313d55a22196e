/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Training instances of nearest-neighbor models. The image has their fields as
 * the document gives them; the inputs that are compared may be derived from
 * those, so they are computed once when a plan is opened. An instance that
 * cannot be computed refuses every row, as if it were computed for each.
 */

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "eval/pmml/pmml_run.h"

/** Give the fields of one instance their values. */
static int set_given(pmml_run *run, const pmml_neighbor *body, uint32_t row)
{
    const pmml_plan *plan = run->plan;
    const uint32_t *slots = plan->words + body->given_first;
    const uint32_t *constants = plan->words + body->instance_first +
                                (size_t)row * body->given_count;

    for (uint32_t i = 0; i < body->given_count; i++) {
        const pmml_slot *slot = &plan->slots[slots[i]];
        pmml_value value = mlscore_pmml_constant_value(plan, constants[i]);

        if (slot->kind == PMML_SLOT_COLUMN &&
            mlscore_pmml_treat_cell(run, slot, &value)) {
            return -1;
        }
        pmml_set_slot(run, slots[i], &value);
    }
    return 0;
}

static int compute(pmml_run *run, const pmml_neighbor *body,
                   pmml_value *values)
{
    const pmml_measure *measure = &run->plan->measures[body->measure];
    const pmml_measure_field *fields =
        &run->plan->measure_fields[measure->field_first];

    for (uint32_t row = 0; row < body->instance_count; row++) {
        run->epoch++;
        if (set_given(run, body, row)) {
            return -1;
        }
        for (uint32_t i = 0; i < measure->field_count; i++) {
            const pmml_value *value;

            if (run->plan->slots[fields[i].slot].kind == PMML_SLOT_COLUMN &&
                run->slot_epochs[fields[i].slot] != run->epoch) {
                return mlscore_pmml_refuse(
                    run, "the instances have no field \"%.60s\"",
                    mlscore_pmml_symbol_bytes(
                        run->plan, run->plan->slots[fields[i].slot].name));
            }
            if (pmml_slot_value(run, fields[i].slot, &value)) {
                return -1;
            }
            *values++ = *value;
        }
    }
    return 0;
}

static mlscore_status open_one(pmml_plan *plan, uint32_t index,
                               pmml_run *run, mlscore_error *err)
{
    const pmml_neighbor *body = &plan->neighbors[index];
    const pmml_measure *measure = &plan->measures[body->measure];
    size_t count;

    if (mlscore_mul_size(&count, body->instance_count,
                         measure->field_count)) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    plan->instances[index] =
        mlscore_malloc_array(count, sizeof(pmml_value));
    if (!plan->instances[index]) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    if (compute(run, body, plan->instances[index]) && !run->no_memory) {
        plan->refusals[index] = mlscore_arena_copy(plan->arena, run->reason,
                                                   strlen(run->reason));
        run->no_memory = !plan->refusals[index];
    }
    return run->no_memory
               ? mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory")
               : MLSCORE_OK;
}

mlscore_status mlscore_pmml_instances_open(pmml_plan *plan,
                                           mlscore_error *err)
{
    pmml_run run = {.plan = plan};
    mlscore_frame texts = {0};
    mlscore_status status = MLSCORE_OK;

    if (plan->neighbors_count == 0) {
        return MLSCORE_OK;
    }
    const size_t size = mlscore_pmml_lay_out(plan, &run, 1, NULL);
    void *scratch = mlscore_malloc_aligned(size ? size : 64);

    plan->arena = mlscore_arena_create();
    plan->instances =
        mlscore_calloc(plan->neighbors_count, sizeof(*plan->instances));
    plan->refusals =
        mlscore_calloc(plan->neighbors_count, sizeof(*plan->refusals));
    if (!scratch || !plan->arena || !plan->instances || !plan->refusals) {
        mlscore_free(scratch);
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    memset(scratch, 0, size);
    mlscore_pmml_lay_out(plan, &run, 1, scratch);
    texts.arena = plan->arena;
    run.out = &texts; /* and no input: fields that are not given are missing */
    for (uint32_t i = 0; i < plan->neighbors_count && status == MLSCORE_OK;
         i++) {
        status = open_one(plan, i, &run, err);
    }
    mlscore_free(scratch);
    return status;
}
