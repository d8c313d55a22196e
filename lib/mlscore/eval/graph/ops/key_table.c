/* SPDX-License-Identifier: Apache-2.0 */
/* Keys to positions: open addressing at most half full. */

#include "eval/graph/ops/key_table.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static uint32_t *make_slots(mlscore_prepare *prepare, mlscore_key_table *table,
                            size_t count)
{
    if (count > UINT32_MAX / 4) {
        mlscore_prepare_fail(prepare, MLSCORE_ELIMIT, "too many keys");
        return NULL;
    }
    table->slots = 4;
    while (table->slots < count * 2) {
        table->slots *= 2;
    }
    uint32_t *place = mlscore_prepare_alloc(prepare, table->slots,
                                            sizeof(*place));
    table->place = place;
    return place;
}

static size_t text_slot(const mlscore_key_table *table, const char *bytes,
                        size_t length)
{
    const size_t mask = table->slots - 1;
    size_t slot = (size_t)XXH3_64bits(bytes, length) & mask;

    while (table->place[slot]) {
        const mlscore_text *text = &table->texts[table->place[slot] - 1];

        if (text->length == length && !memcmp(text->bytes, bytes, length)) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

static size_t number_slot(const mlscore_key_table *table, uint64_t number)
{
    const size_t mask = table->slots - 1;
    size_t slot = (size_t)XXH3_64bits(&number, sizeof(number)) & mask;

    while (table->place[slot] &&
           table->numbers[table->place[slot] - 1] != number) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

int mlscore_key_table_texts(mlscore_prepare *prepare, mlscore_key_table *table,
                            const mlscore_text *texts, size_t count)
{
    uint32_t *place = make_slots(prepare, table, count);

    table->texts = texts;
    for (size_t i = 0; place && i < count; i++) {
        const size_t slot = text_slot(table, texts[i].bytes, texts[i].length);

        place[slot] = place[slot] ? place[slot] : (uint32_t)i + 1;
    }
    return place ? 0 : -1;
}

int mlscore_key_table_numbers(mlscore_prepare *prepare,
                              mlscore_key_table *table,
                              const uint64_t *numbers, size_t count)
{
    uint32_t *place = make_slots(prepare, table, count);

    table->numbers = numbers;
    for (size_t i = 0; place && i < count; i++) {
        const size_t slot = number_slot(table, numbers[i]);

        place[slot] = place[slot] ? place[slot] : (uint32_t)i + 1;
    }
    return place ? 0 : -1;
}

int64_t mlscore_key_table_text(const mlscore_key_table *table,
                               const char *bytes, size_t length)
{
    return (int64_t)table->place[text_slot(table, bytes, length)] - 1;
}

int64_t mlscore_key_table_number(const mlscore_key_table *table,
                                 uint64_t number)
{
    return (int64_t)table->place[number_slot(table, number)] - 1;
}

uint64_t mlscore_number_key(const mlscore_tensor *tensor, size_t i)
{
    const char *at =
        (const char *)tensor->data + i * mlscore_dtype_size(tensor->type);
    uint64_t key;

    if (tensor->type == MLSCORE_DT_FLOAT || tensor->type == MLSCORE_DT_DOUBLE) {
        double x;

        mlscore_elements_to_double(&x, at, tensor->type, 1);
        x = isnan(x) ? (double)NAN : x == 0 ? 0 : x;
        memcpy(&key, &x, sizeof(key));
        return key;
    }
    mlscore_elements_to_int64((int64_t *)&key, at, tensor->type, 1);
    return key;
}
