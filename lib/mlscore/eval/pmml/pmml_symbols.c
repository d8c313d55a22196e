/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols and values at run time: interning, casting, comparing. */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "eval/pmml/pmml_run.h"

int mlscore_pmml_refuse(pmml_run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(run->reason, sizeof(run->reason), format, args);
    va_end(args);
    return -1;
}

char *mlscore_pmml_text(pmml_run *run, size_t length)
{
    char *text = mlscore_arena_alloc(run->out->arena, length ? length : 1);

    if (!text) {
        run->no_memory = 1;
    }
    return text;
}

/* --- symbols --------------------------------------------------------------*/

static uint32_t hash_bytes(const char *bytes, size_t length)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

const char *mlscore_pmml_symbol_bytes(const pmml_plan *plan, uint32_t symbol)
{
    return plan->text + plan->symbols[symbol].offset;
}

mlscore_status mlscore_pmml_symbols_open(pmml_plan *plan, mlscore_error *err)
{
    uint32_t capacity = 16;

    while (capacity < plan->symbols_count * 2u && capacity < (1u << 31)) {
        capacity *= 2;
    }
    plan->symbol_slots =
        mlscore_malloc_array(capacity, sizeof(*plan->symbol_slots));
    if (!plan->symbol_slots) {
        return mlscore_error_set(err, MLSCORE_ENOMEM, "out of memory");
    }
    memset(plan->symbol_slots, 0xff, capacity * sizeof(*plan->symbol_slots));
    plan->symbol_mask = capacity - 1;
    for (uint32_t i = 0; i < plan->symbols_count; i++) {
        uint32_t at = hash_bytes(mlscore_pmml_symbol_bytes(plan, i),
                                 plan->symbols[i].length);

        for (at &= plan->symbol_mask; plan->symbol_slots[at] != PMML_NONE;
             at = (at + 1) & plan->symbol_mask) {
        }
        plan->symbol_slots[at] = i;
    }
    return MLSCORE_OK;
}

uint32_t mlscore_pmml_find_symbol(const pmml_plan *plan, const char *bytes,
                                  size_t length)
{
    uint32_t at = hash_bytes(bytes, length) & plan->symbol_mask;

    for (; plan->symbol_slots[at] != PMML_NONE;
         at = (at + 1) & plan->symbol_mask) {
        const uint32_t symbol = plan->symbol_slots[at];

        if (plan->symbols[symbol].length == length &&
            memcmp(mlscore_pmml_symbol_bytes(plan, symbol), bytes, length) ==
                0) {
            return symbol;
        }
    }
    return PMML_NONE;
}

/* --- values ---------------------------------------------------------------*/

pmml_value mlscore_pmml_symbol_value(const pmml_plan *plan, uint32_t symbol)
{
    return (pmml_value){.type = PMML_STRING,
                        .symbol = symbol,
                        .bytes = mlscore_pmml_symbol_bytes(plan, symbol),
                        .length = plan->symbols[symbol].length};
}

pmml_value mlscore_pmml_constant_value(const pmml_plan *plan,
                                       uint32_t constant)
{
    const pmml_constant *record;

    if (constant == PMML_NONE) {
        return pmml_missing();
    }
    record = &plan->constants[constant];
    return record->type == PMML_STRING
               ? mlscore_pmml_symbol_value(plan, record->symbol)
               : pmml_number_value(record->type, record->number);
}

pmml_value mlscore_pmml_text_value(const pmml_plan *plan, const char *bytes,
                                   size_t length)
{
    return (pmml_value){
        .type = PMML_STRING,
        .symbol = mlscore_pmml_find_symbol(plan, bytes, length),
        .bytes = bytes,
        .length = (uint32_t)length};
}

static int to_text(pmml_run *run, pmml_value *value)
{
    char text[PMML_FORMAT_SIZE];
    const size_t length =
        mlscore_pmml_format(value->type, value->number, text);
    char *copy = mlscore_pmml_text(run, length);

    if (!copy) {
        return -1;
    }
    memcpy(copy, text, length);
    *value = mlscore_pmml_text_value(run->plan, copy, length);
    return 0;
}

int mlscore_pmml_try_cast(pmml_run *run, pmml_value *value, uint32_t type)
{
    double number;

    if (value->type == type || value->type == PMML_MISSING ||
        type == PMML_DYNAMIC) {
        return 0;
    }
    if (type == PMML_STRING) {
        return to_text(run, value);
    }
    if (value->type == PMML_STRING) {
        if (mlscore_pmml_parse(type, value->bytes, value->length, &number)) {
            return -1;
        }
    }
    else {
        number = value->number;
        if (mlscore_pmml_cast(type, value->type, &number)) {
            return -1;
        }
    }
    const uint32_t invalid = value->invalid;

    *value = pmml_number_value(type, number);
    value->invalid = invalid;
    return 0;
}

int mlscore_pmml_cast_value(pmml_run *run, pmml_value *value, uint32_t type)
{
    char text[PMML_FORMAT_SIZE];

    if (mlscore_pmml_try_cast(run, value, type) == 0) {
        return 0;
    }
    if (value->type == PMML_STRING) {
        return mlscore_pmml_refuse(
            run, "the text \"%.*s\" is not a value of type %s",
            (int)(value->length < 60 ? value->length : 60), value->bytes,
            mlscore_pmml_type_name(type));
    }
    mlscore_pmml_format(value->type, value->number, text);
    return mlscore_pmml_refuse(run, "%s of type %s is not a value of type %s",
                               text, mlscore_pmml_type_name(value->type),
                               mlscore_pmml_type_name(type));
}

int mlscore_pmml_as_number(pmml_run *run, const pmml_value *value,
                           double *number)
{
    if (pmml_is_number(value->type) || pmml_is_period(value->type) ||
        value->type == PMML_BOOLEAN) {
        *number = value->number;
        return 0;
    }
    pmml_value copy = *value;

    if (mlscore_pmml_cast_value(run, &copy, PMML_DOUBLE)) {
        return -1;
    }
    *number = copy.number;
    return 0;
}

int mlscore_pmml_order(double left, double right)
{
    if (left < right) {
        return -1;
    }
    if (left > right) {
        return 1;
    }
    if (left == right) {
        return 0;
    }
    return (isnan(left) != 0) - (isnan(right) != 0);
}

static int text_order(const pmml_value *left, const pmml_value *right)
{
    const uint32_t shorter =
        left->length < right->length ? left->length : right->length;
    const int order = memcmp(left->bytes, right->bytes, shorter);

    return order != 0 ? order
                      : (left->length > right->length) -
                            (left->length < right->length);
}

int mlscore_pmml_compare(pmml_run *run, const pmml_value *left,
                         const pmml_value *right, int *order)
{
    const int whole = left->type == PMML_INTEGER || left->type == PMML_BOOLEAN;
    pmml_value other = *right;

    /* A number need not be whole to be compared with a whole one. */
    if (whole && other.type == PMML_STRING &&
        mlscore_pmml_try_cast(run, &other, left->type)) {
        mlscore_pmml_try_cast(run, &other, PMML_DOUBLE);
    }
    if (other.type != left->type &&
        !(whole && (pmml_is_number(other.type) ||
                    other.type == PMML_BOOLEAN)) &&
        mlscore_pmml_cast_value(run, &other, left->type)) {
        return -1;
    }
    *order = left->type == PMML_STRING
                 ? text_order(left, &other)
                 : mlscore_pmml_order(left->number, other.number);
    return 0;
}

int mlscore_pmml_equal(pmml_run *run, const pmml_value *left,
                       const pmml_value *right, int *equal)
{
    int order;

    if (left->type == PMML_STRING && right->type == PMML_STRING &&
        (left->symbol != PMML_NONE || right->symbol != PMML_NONE)) {
        *equal = left->symbol == right->symbol;
        return 0;
    }
    if (mlscore_pmml_compare(run, left, right, &order)) {
        return -1;
    }
    *equal = order == 0;
    return 0;
}
