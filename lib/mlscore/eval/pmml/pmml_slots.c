/* SPDX-License-Identifier: Apache-2.0 */
/* Fields: reading cells, and treating missing, invalid, outlying values. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "eval/pmml/pmml_run.h"

/* --- cells ----------------------------------------------------------------*/

static pmml_value text_cell(const pmml_run *run, uint32_t column,
                            const mlscore_text *text)
{
    const uint32_t *levels = run->plan->level_symbols[column];
    const mlscore_field *field = run->in->columns[column].field;

    if (levels && text->level >= 0 &&
        (uint32_t)text->level < field->level_count) {
        return (pmml_value){.type = PMML_STRING,
                            .symbol = levels[text->level],
                            .bytes = text->bytes,
                            .length = text->length};
    }
    return mlscore_pmml_text_value(run->plan, text->bytes, text->length);
}

static pmml_value read_cell(const pmml_run *run, uint32_t index)
{
    const mlscore_column *column =
        run->in ? &run->in->columns[index] : NULL;

    if (!column || column->missing[run->row]) {
        return pmml_missing();
    }
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        return pmml_number_value(PMML_DOUBLE,
                                 column->values.numeric[run->row]);
    case MLSCORE_INTEGER:
        return pmml_number_value(PMML_INTEGER,
                                 (double)column->values.integer[run->row]);
    case MLSCORE_LOGICAL:
        return pmml_boolean_value(column->values.logical[run->row]);
    default:
        return text_cell(run, index, &column->values.character[run->row]);
    }
}

/* --- treatment ------------------------------------------------------------*/

/** Whether a value of the dictionary is this one: typed ones by value, ones
 *  that are no value of the type ("?") by text. */
static int is_listed(pmml_run *run, const pmml_value *raw,
                     const pmml_value *value, int compatible,
                     uint32_t constant)
{
    const pmml_value listed =
        mlscore_pmml_constant_value(run->plan, constant);

    if (compatible && listed.type == value->type) {
        return listed.type == PMML_STRING
                   ? listed.symbol == value->symbol
                   : mlscore_pmml_order(listed.number, value->number) == 0;
    }
    return raw->type == PMML_STRING && listed.type == PMML_STRING &&
           raw->symbol == listed.symbol;
}

static uint32_t property_of(pmml_run *run, const pmml_treatment *treatment,
                            const pmml_value *raw, const pmml_value *value,
                            int compatible)
{
    for (uint32_t i = 0; i < treatment->value_count; i++) {
        const uint32_t *pair =
            run->plan->words + treatment->value_first + (size_t)2 * i;

        if (is_listed(run, raw, value, compatible, pair[0])) {
            return pair[1];
        }
    }
    if (!compatible) {
        return PMML_VALUE_INVALID;
    }
    if (treatment->interval_count > 0) {
        for (uint32_t i = 0; i < treatment->interval_count; i++) {
            if (pmml_in_interval(
                    &run->plan->intervals[treatment->interval_first + i],
                    value->number)) {
                return PMML_VALUE_VALID;
            }
        }
        return PMML_VALUE_INVALID;
    }
    return treatment->flags & PMML_TREAT_VALID_SPACE ? PMML_VALUE_INVALID
                                                     : PMML_VALUE_VALID;
}

static int treat_missing(pmml_run *run, const pmml_slot *slot,
                         const pmml_treatment *treatment, pmml_value *value)
{
    if (treatment->flags & PMML_TREAT_MISSING_INVALID) {
        return mlscore_pmml_refuse(
            run, "the field \"%.80s\" is missing, which the model forbids",
            mlscore_pmml_symbol_bytes(run->plan, slot->name));
    }
    *value = mlscore_pmml_constant_value(run->plan,
                                         treatment->missing_replacement);
    return 0;
}

static int treat_outliers(pmml_run *run, const pmml_treatment *treatment,
                          pmml_value *value)
{
    double number;

    if (treatment->outliers == PMML_OUTLIER_AS_IS ||
        value->type == PMML_MISSING) {
        return 0;
    }
    if (mlscore_pmml_as_number(run, value, &number)) {
        return -1;
    }
    const int low =
        (treatment->flags & PMML_TREAT_HAS_LOW) && number < treatment->low;
    const int high =
        (treatment->flags & PMML_TREAT_HAS_HIGH) && number > treatment->high;

    if (!low && !high) {
        return 0;
    }
    if (treatment->outliers == PMML_OUTLIER_AS_MISSING) {
        *value = mlscore_pmml_constant_value(run->plan,
                                             treatment->missing_replacement);
        return 0;
    }
    *value = pmml_number_value(PMML_DOUBLE,
                               low ? treatment->low : treatment->high);
    return mlscore_pmml_cast_value(run, value, treatment->type);
}

static int refuse_invalid(pmml_run *run, const pmml_slot *slot,
                          const pmml_value *raw)
{
    char number[PMML_FORMAT_SIZE];
    const char *text = raw->bytes;
    size_t length = raw->length;

    if (raw->type != PMML_STRING) {
        length = mlscore_pmml_format(raw->type, raw->number, number);
        text = number;
    }
    return mlscore_pmml_refuse(
        run, "the field \"%.80s\" does not accept the value \"%.*s\"",
        mlscore_pmml_symbol_bytes(run->plan, slot->name),
        (int)(length < 60 ? length : 60), text);
}

static int treat_invalid(pmml_run *run, const pmml_slot *slot,
                         const pmml_treatment *treatment,
                         const pmml_value *raw, pmml_value *value)
{
    switch (treatment->invalid) {
    case PMML_INVALID_RETURN:
        return refuse_invalid(run, slot, raw);
    case PMML_INVALID_AS_MISSING:
        *value = mlscore_pmml_constant_value(run->plan,
                                             treatment->missing_replacement);
        return 0;
    default:
        if (treatment->invalid_replacement != PMML_NONE) {
            *value = mlscore_pmml_constant_value(
                run->plan, treatment->invalid_replacement);
            return 0;
        }
        *value = *raw;
        value->invalid = 1;
        return mlscore_pmml_cast_value(run, value, treatment->type);
    }
}

int mlscore_pmml_treat_cell(pmml_run *run, const pmml_slot *slot,
                            pmml_value *value)
{
    const pmml_treatment *treatment =
        &run->plan->treatments[slot->treatment];

    if (value->type == PMML_MISSING) {
        return treat_missing(run, slot, treatment, value);
    }
    const pmml_value raw = *value;
    const int compatible =
        mlscore_pmml_try_cast(run, value, treatment->type) == 0;

    switch (property_of(run, treatment, &raw, value, compatible)) {
    case PMML_VALUE_VALID:
        return treat_outliers(run, treatment, value);
    case PMML_VALUE_MISSING:
        return treat_missing(run, slot, treatment, value);
    default:
        return treat_invalid(run, slot, treatment, &raw, value);
    }
}

/* --- straight from a column -----------------------------------------------*/

/** Values of the dictionary that no number is: NaN, or a text. */
static int lists_no_number(const pmml_plan *plan,
                           const pmml_treatment *treatment)
{
    for (uint32_t i = 0; i < treatment->value_count; i++) {
        const pmml_constant *constant =
            &plan->constants[plan->words[treatment->value_first + 2 * i]];

        if (constant->type != PMML_STRING && !isnan(constant->number)) {
            return 0;
        }
    }
    return 1;
}

/** A column whose numbers are taken as they are. */
static pmml_read find_read(const pmml_plan *plan, const mlscore_schema *inputs,
                           const pmml_slot *slot)
{
    pmml_read read = {.kind = PMML_READ_SLOT, .missing = NAN};

    if (slot->kind != PMML_SLOT_COLUMN ||
        (slot->type != PMML_DOUBLE && slot->type != PMML_FLOAT) ||
        inputs->fields[slot->source].type != MLSCORE_NUMERIC) {
        return read;
    }
    const pmml_treatment *treatment = &plan->treatments[slot->treatment];
    const uint32_t spare = treatment->missing_replacement;

    if (treatment->type != slot->type || treatment->interval_count > 1 ||
        treatment->outliers != PMML_OUTLIER_AS_IS ||
        (treatment->flags &
         (PMML_TREAT_VALID_SPACE | PMML_TREAT_MISSING_INVALID)) ||
        (spare != PMML_NONE && plan->constants[spare].type != slot->type) ||
        !lists_no_number(plan, treatment)) {
        return read;
    }
    read.kind = slot->type == PMML_DOUBLE ? PMML_READ_DOUBLE : PMML_READ_FLOAT;
    read.column = slot->source;
    if (spare != PMML_NONE) {
        read.missing = plan->constants[spare].number;
    }
    if (treatment->interval_count == 1) {
        read.bounds = &plan->intervals[treatment->interval_first];
    }
    return read;
}

mlscore_status mlscore_pmml_reads_open(pmml_plan *plan,
                                       const mlscore_schema *inputs,
                                       mlscore_error *err)
{
    plan->reads =
        mlscore_calloc((size_t)plan->slots_count + 1, sizeof(*plan->reads));
    if (!plan->reads) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < plan->slots_count; i++) {
        plan->reads[i] = find_read(plan, inputs, &plan->slots[i]);
    }
    return MLSCORE_OK;
}

/* --- slots ----------------------------------------------------------------*/

static int inherit(pmml_run *run, const pmml_slot *slot, pmml_value *value)
{
    const pmml_treatment *treatment =
        &run->plan->treatments[slot->treatment];
    const pmml_value *source;

    if (pmml_slot_value(run, slot->source, &source)) {
        return -1;
    }
    *value = *source;
    return value->type == PMML_MISSING
               ? treat_missing(run, slot, treatment, value)
               : treat_outliers(run, treatment, value);
}

int mlscore_pmml_compute_slot(pmml_run *run, uint32_t index)
{
    const pmml_slot *slot = &run->plan->slots[index];
    pmml_value value;
    double number;
    int failed;

    switch (slot->kind) {
    case PMML_SLOT_COLUMN:
        if (run->in && run->plan->reads &&
            pmml_read_number(run, index, &number)) {
            value = isnan(number) ? pmml_missing()
                                  : pmml_number_value(slot->type, number);
            failed = 0;
            break;
        }
        value = read_cell(run, slot->source);
        failed = mlscore_pmml_treat_cell(run, slot, &value);
        break;
    case PMML_SLOT_TREATED:
        failed = inherit(run, slot, &value);
        break;
    case PMML_SLOT_DERIVED:
        failed = mlscore_pmml_eval(run, slot->source, &value) ||
                 mlscore_pmml_cast_value(run, &value, slot->type);
        break;
    default:
        return mlscore_pmml_refuse(
            run, "the field \"%.80s\" has no value in this row",
            mlscore_pmml_symbol_bytes(run->plan, slot->name));
    }
    if (failed) {
        return -1;
    }
    pmml_set_slot(run, index, &value);
    return 0;
}
