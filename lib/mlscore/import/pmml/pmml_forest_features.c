/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that an ensemble's predicates compare, and with what. */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "import/pmml/pmml_forest.h"

enum { MAX_FEATURES = 2048, MAX_CODES = 4096 };

void *mlscore_pmml_forest_grow(pmml_import *in, void *items, size_t count,
                               size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    const size_t wanted = *capacity ? 2 * *capacity : 64;
    void *larger = mlscore_pmml_alloc(in, wanted, size);

    if (count > 0) {
        memcpy(larger, items, count * size);
    }
    *capacity = wanted;
    return larger;
}

static uint32_t feature_of(forest_lowering *l, uint32_t slot, uint32_t kind)
{
    uint32_t *known =
        kind == PMML_SPLIT_NUMBER_CODE ? &l->code_of[slot] : &l->plain_of[slot];

    if (*known == 0) {
        l->features = mlscore_pmml_forest_grow(
            l->in, l->features, l->feature_count, &l->feature_capacity,
            sizeof(*l->features));
        l->features[l->feature_count++] =
            (split_feature){.slot = slot, .kind = kind};
        *known = (uint32_t)l->feature_count;
    }
    return *known - 1;
}

void mlscore_pmml_forest_forget(forest_lowering *l)
{
    for (size_t i = 0; i < l->feature_count; i++) {
        l->plain_of[l->features[i].slot] = 0;
        l->code_of[l->features[i].slot] = 0;
    }
    l->feature_count = 0;
}

/** A type whose values are compared as numbers. */
static int is_numeric(uint32_t type)
{
    return type != PMML_STRING && type != PMML_MISSING &&
           type < PMML_TYPE_COUNT;
}

/** The engine compares these two as numbers, without a cast. */
static int compares(uint32_t field, const pmml_constant *constant)
{
    return is_numeric(field) && fabs(constant->number) <= DBL_MAX &&
           (field == constant->type ||
            (constant->type == PMML_DOUBLE &&
             (field == PMML_INTEGER || field == PMML_BOOLEAN)));
}

int mlscore_pmml_forest_is_code(const forest_lowering *l,
                                const pmml_predicate *predicate)
{
    return (predicate->op == PMML_TEST_IN ||
            predicate->op == PMML_TEST_NOT_IN) &&
           l->tables.slots[predicate->slot].type != PMML_STRING;
}

static int collect_comparison(forest_lowering *l,
                              const pmml_predicate *predicate)
{
    const uint32_t type = l->tables.slots[predicate->slot].type;
    const pmml_constant *constant = &l->tables.constants[predicate->a];

    if (type != PMML_STRING) {
        feature_of(l, predicate->slot, PMML_SPLIT_NUMBER);
        return compares(type, constant);
    }
    const uint32_t feature =
        feature_of(l, predicate->slot, PMML_SPLIT_TEXT_CODE);

    mlscore_pmml_list_add(l->in, &l->features[feature].symbols,
                          constant->symbol);
    return constant->type == PMML_STRING && predicate->op <= PMML_TEST_NE;
}

static void add_number(forest_lowering *l, split_feature *feature,
                       double number)
{
    feature->numbers =
        mlscore_pmml_forest_grow(l->in, feature->numbers, feature->number_count,
                                 &feature->number_capacity, sizeof(double));
    feature->numbers[feature->number_count++] = number;
}

static int collect_set(forest_lowering *l, const pmml_predicate *predicate)
{
    const uint32_t type = l->tables.slots[predicate->slot].type;
    const int text = type == PMML_STRING;
    const uint32_t feature =
        feature_of(l, predicate->slot,
                   text ? PMML_SPLIT_TEXT_CODE : PMML_SPLIT_NUMBER_CODE);

    for (uint32_t i = 0; i < predicate->b; i++) {
        const pmml_constant *constant =
            &l->tables.constants[l->tables.words[predicate->a + i]];

        if (constant->type != type || (!text && !compares(type, constant))) {
            return 0;
        }
        if (text) {
            mlscore_pmml_list_add(l->in, &l->features[feature].symbols,
                                  constant->symbol);
        }
        else {
            add_number(l, &l->features[feature], constant->number);
        }
    }
    return 1;
}

static int collect_predicate(forest_lowering *l, uint32_t index)
{
    const pmml_predicate *predicate = &l->tables.predicates[index];

    switch (predicate->op) {
    case PMML_TEST_TRUE:
    case PMML_TEST_FALSE:
        return 1;
    case PMML_TEST_IN:
    case PMML_TEST_NOT_IN:
        return l->tables.slots[predicate->slot].type < PMML_TYPE_COUNT &&
               collect_set(l, predicate);
    case PMML_TEST_AND:
    case PMML_TEST_OR:
    case PMML_TEST_XOR:
    case PMML_TEST_SURROGATE:
        for (uint32_t i = 0; i < predicate->b; i++) {
            if (!collect_predicate(l, l->tables.words[predicate->a + i])) {
                return 0;
            }
        }
        return 1;
    case PMML_TEST_MISSING:
    case PMML_TEST_NOT_MISSING:
        feature_of(l, predicate->slot,
                   l->tables.slots[predicate->slot].type == PMML_STRING
                       ? PMML_SPLIT_TEXT_CODE
                       : PMML_SPLIT_NUMBER);
        return l->tables.slots[predicate->slot].type < PMML_TYPE_COUNT;
    default:
        return l->tables.slots[predicate->slot].type < PMML_TYPE_COUNT &&
               collect_comparison(l, predicate);
    }
}

int mlscore_pmml_forest_collect(forest_lowering *l, uint32_t index)
{
    const pmml_node *node = &l->tables.nodes[index];

    if (l->feature_count > MAX_FEATURES ||
        !collect_predicate(l, node->predicate)) {
        return 0;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (!mlscore_pmml_forest_collect(l, node->child_first + i)) {
            return 0;
        }
    }
    return 1;
}

/* --- codes ----------------------------------------------------------------*/

static int compare_symbols(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

uint32_t mlscore_pmml_forest_code_count(const split_feature *feature)
{
    return feature->kind == PMML_SPLIT_NUMBER_CODE
               ? (uint32_t)feature->number_count
               : feature->symbols.count;
}

int mlscore_pmml_forest_codes(forest_lowering *l)
{
    for (size_t i = 0; i < l->feature_count; i++) {
        split_feature *feature = &l->features[i];
        pmml_list *symbols = &feature->symbols;
        uint32_t kept = 0;

        if (symbols->count > 0) {
            qsort(symbols->items, symbols->count, sizeof(uint32_t),
                  compare_symbols);
            for (uint32_t k = 0; k < symbols->count; k++) {
                if (kept == 0 ||
                    symbols->items[k] != symbols->items[kept - 1]) {
                    symbols->items[kept++] = symbols->items[k];
                }
            }
            symbols->count = kept;
        }
        if (feature->number_count > 0) {
            qsort(feature->numbers, feature->number_count, sizeof(double),
                  compare_numbers);
            kept = 0;
            for (size_t k = 0; k < feature->number_count; k++) {
                if (kept == 0 ||
                    feature->numbers[k] != feature->numbers[kept - 1]) {
                    feature->numbers[kept++] = feature->numbers[k];
                }
            }
            feature->number_count = kept;
        }
        if (mlscore_pmml_forest_code_count(feature) > MAX_CODES) {
            return 0;
        }
    }
    return l->feature_count <= MAX_FEATURES;
}

static uint32_t code_of_constant(const split_feature *feature,
                                 const pmml_constant *constant)
{
    const void *found =
        feature->kind == PMML_SPLIT_NUMBER_CODE
            ? bsearch(&constant->number, feature->numbers,
                      feature->number_count, sizeof(double), compare_numbers)
            : bsearch(&constant->symbol, feature->symbols.items,
                      feature->symbols.count, sizeof(uint32_t),
                      compare_symbols);

    return feature->kind == PMML_SPLIT_NUMBER_CODE
               ? (uint32_t)((const double *)found - feature->numbers)
               : (uint32_t)((const uint32_t *)found - feature->symbols.items);
}

const uint32_t *mlscore_pmml_forest_bits(forest_lowering *l, uint32_t index,
                                         uint32_t which)
{
    const pmml_predicate *predicate = &l->tables.predicates[index];
    const split_feature *feature = &l->features[which];
    const int set = predicate->op >= PMML_TEST_IN;

    if (!l->bits_of[index]) {
        const uint32_t words = mlscore_pmml_forest_code_count(feature) / 32 + 1;
        uint32_t *bits = mlscore_pmml_alloc(l->in, words, sizeof(*bits));

        memset(bits, 0, words * sizeof(*bits));
        for (uint32_t i = 0; i < (set ? predicate->b : 1); i++) {
            const uint32_t constant =
                set ? l->tables.words[predicate->a + i] : predicate->a;
            const uint32_t code =
                code_of_constant(feature, &l->tables.constants[constant]);

            bits[code / 32] |= 1u << code % 32;
        }
        l->bits_of[index] = bits;
    }
    return l->bits_of[index];
}

int mlscore_pmml_forest_never_missing(const forest_lowering *l, uint32_t index)
{
    const pmml_slot *slot = &l->tables.slots[index];

    return (slot->kind == PMML_SLOT_COLUMN ||
            slot->kind == PMML_SLOT_TREATED) &&
           l->tables.treatments[slot->treatment].missing_replacement !=
               PMML_NONE;
}
