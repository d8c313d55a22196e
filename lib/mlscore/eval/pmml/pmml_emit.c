/* SPDX-License-Identifier: Apache-2.0 */
/* From the results of a row to the cells of the output frame. */

#include <math.h>
#include <string.h>

#include "eval/pmml/pmml_run.h"

static int write_text(pmml_run *run, mlscore_column *column,
                      const pmml_value *value)
{
    pmml_value text = *value;

    if (mlscore_pmml_cast_value(run, &text, PMML_STRING)) {
        return -1;
    }
    if (text.symbol != PMML_NONE) {
        text.bytes = mlscore_pmml_symbol_bytes(run->plan, text.symbol);
    }
    else {
        char *copy = mlscore_pmml_text(run, text.length);

        if (!copy) {
            return -1;
        }
        memcpy(copy, text.bytes, text.length);
        text.bytes = copy;
    }
    column->values.character[run->row] = (mlscore_text){
        .bytes = text.bytes, .length = text.length, .level = -1};
    return 0;
}

/** The largest double below 2^63. */
#define INT64_LIMIT 9223372036854774784.0

static int write_cell(pmml_run *run, uint32_t index, const pmml_value *value)
{
    mlscore_column *column = &run->out->columns[index];
    double number = 0.0;

    if (value->type == PMML_MISSING) {
        mlscore_column_set_missing(column, run->row);
        return 0;
    }
    if (column->field->type != MLSCORE_CHARACTER &&
        mlscore_pmml_as_number(run, value, &number)) {
        return -1;
    }
    switch (column->field->type) {
    case MLSCORE_NUMERIC:
        column->values.numeric[run->row] = number;
        break;
    case MLSCORE_INTEGER:
        if (!(fabs(number) <= INT64_LIMIT)) {
            return mlscore_pmml_refuse(run, "%g is not an integer", number);
        }
        column->values.integer[run->row] = (int64_t)number;
        break;
    case MLSCORE_LOGICAL:
        column->values.logical[run->row] = number != 0.0;
        break;
    default:
        if (write_text(run, column, value)) {
            return -1;
        }
        break;
    }
    column->missing[run->row] = 0;
    return 0;
}

static int emit_own(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];

    for (uint32_t i = 0; i < model->output_count; i++) {
        const pmml_output *output =
            &run->plan->outputs[model->output_first + i];

        if (output->column != PMML_NONE &&
            run->slot_epochs[output->slot] == run->epoch &&
            write_cell(run, output->column, &run->slots[output->slot])) {
            return -1;
        }
    }
    return 0;
}

/* --- selectAll: a JSON array in each cell ---------------------------------*/

/** Bytes that a value takes in JSON, at most. */
static size_t json_size(const pmml_value *value)
{
    return value->type == PMML_STRING ? 6 * (size_t)value->length + 3
                                      : PMML_FORMAT_SIZE + 3;
}

static size_t json_text(char *out, const pmml_value *value)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    out[used++] = '"';
    for (uint32_t i = 0; i < value->length; i++) {
        const unsigned char c = (unsigned char)value->bytes[i];

        if (c == '"' || c == '\\') {
            out[used++] = '\\';
        }
        if (c >= 0x20) {
            out[used++] = (char)c;
            continue;
        }
        memcpy(out + used, "\\u00", 4);
        out[used + 4] = digits[c >> 4];
        out[used + 5] = digits[c & 15];
        used += 6;
    }
    out[used++] = '"';
    return used;
}

static size_t json_value(char *out, const pmml_value *value)
{
    if (value->type == PMML_STRING) {
        return json_text(out, value);
    }
    if (value->type == PMML_MISSING ||
        (pmml_is_number(value->type) && !isfinite(value->number))) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (pmml_is_number(value->type) || value->type == PMML_BOOLEAN) {
        return mlscore_pmml_format(value->type, value->number, out);
    }
    char text[PMML_FORMAT_SIZE];
    const pmml_value moment = {
        .bytes = text,
        .length = (uint32_t)mlscore_pmml_format(value->type, value->number,
                                                text)};

    return json_text(out, &moment);
}

/** The value that a segment has for a column, or NULL when it has none. */
static const pmml_value *column_value(const pmml_run *run, uint32_t index,
                                      uint32_t column)
{
    const pmml_model *model = &run->plan->models[index];

    if (model->column == column) {
        return &run->results[index].value;
    }
    for (uint32_t i = 0; i < model->output_count; i++) {
        const pmml_output *output =
            &run->plan->outputs[model->output_first + i];

        if (output->column == column) {
            return run->slot_epochs[output->slot] == run->epoch
                       ? &run->slots[output->slot]
                       : NULL;
        }
    }
    return NULL;
}

static int emit_list(pmml_run *run, const pmml_mining *body, uint32_t column)
{
    const pmml_segment *segments = &run->plan->segments[body->segment_first];
    const pmml_value *value;
    size_t size = 2, used = 0;

    for (uint32_t i = 0; i < body->segment_count; i++) {
        if (run->result_epochs[segments[i].model] == run->epoch &&
            (value = column_value(run, segments[i].model, column))) {
            size += json_size(value) + 1;
        }
    }
    if (size == 2) {
        return 0;
    }
    char *out = mlscore_pmml_text(run, size);

    if (!out) {
        return -1;
    }
    out[used++] = '[';
    for (uint32_t i = 0; i < body->segment_count; i++) {
        if (run->result_epochs[segments[i].model] == run->epoch &&
            (value = column_value(run, segments[i].model, column))) {
            if (used > 1) {
                out[used++] = ',';
            }
            used += json_value(out + used, value);
        }
    }
    out[used++] = ']';

    const pmml_value list =
        mlscore_pmml_text_value(run->plan, out, used);

    return write_cell(run, column, &list);
}

/** All columns that segments of a selectAll fill. */
static int emit_all(pmml_run *run, const pmml_mining *body)
{
    for (uint32_t column = 0; column < run->plan->head->output_count;
         column++) {
        if (emit_list(run, body, column)) {
            return -1;
        }
    }
    return 0;
}

/* --- models ---------------------------------------------------------------*/

static int emit_segments(pmml_run *run, const pmml_mining *body)
{
    for (uint32_t i = 0; i < body->segment_count; i++) {
        if (mlscore_pmml_emit(
                run, run->plan->segments[body->segment_first + i].model)) {
            return -1;
        }
    }
    return 0;
}

int mlscore_pmml_emit(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_mining *body = model->kind == PMML_MINING
                                  ? &run->plan->minings[model->body]
                                  : NULL;
    int failed = 0;

    if (run->result_epochs[index] != run->epoch) {
        return 0;
    }
    if (run->results[index].redirect != PMML_NONE) {
        failed = mlscore_pmml_emit(run, run->results[index].redirect);
    }
    else if (body && body->method == PMML_SELECT_ALL) {
        failed = emit_all(run, body);
    }
    else if (body && body->method == PMML_MULTI_CHAIN) {
        failed = emit_segments(run, body);
    }
    else if (model->column != PMML_NONE) {
        failed = write_cell(run, model->column, &run->results[index].value);
    }
    return failed || emit_own(run, index) ? -1 : 0;
}
