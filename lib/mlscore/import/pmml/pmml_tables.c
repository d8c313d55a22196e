/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a plan while they are filled; symbols, constants, maps. */

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "import/pmml/pmml_import.h"

void mlscore_pmml_tables_init(pmml_import *in)
{
#define TABLE_SIZE(name, type) \
    in->tables[PMML_TABLE_##name].size = sizeof(type);
    PMML_TABLES(TABLE_SIZE)
#undef TABLE_SIZE
}

void mlscore_pmml_tables_free(pmml_import *in)
{
    for (int i = 0; i < PMML_TABLE_COUNT; i++) {
        mlscore_free(in->tables[i].rows);
    }
    mlscore_free(in->symbol_slots);
    mlscore_free(in->marks);
}

uint32_t mlscore_pmml_reserve(pmml_import *in, pmml_table table, size_t count)
{
    pmml_rows *rows = &in->tables[table];
    const size_t first = rows->count;

    if (count > UINT32_MAX / 2 - first) {
        mlscore_pmml_fail(in, MLSCORE_ELIMIT, NULL,
                          "the model is too large");
    }
    if (rows->capacity - first < count) {
        size_t capacity = rows->capacity * 2;

        if (capacity < first + count) {
            capacity = first + count + 8;
        }
        void *bytes = mlscore_realloc_array(rows->rows, capacity, rows->size);

        if (!bytes) {
            mlscore_pmml_no_memory(in);
        }
        rows->rows = bytes;
        rows->capacity = capacity;
    }
    if (count > 0) {
        memset((char *)rows->rows + first * rows->size, 0,
               count * rows->size);
    }
    rows->count = first + count;
    return (uint32_t)first;
}

uint32_t mlscore_pmml_add(pmml_import *in, pmml_table table,
                          const void *record)
{
    const uint32_t index = mlscore_pmml_reserve(in, table, 1);

    memcpy(mlscore_pmml_at(in, table, index), record, in->tables[table].size);
    return index;
}

void *mlscore_pmml_at(pmml_import *in, pmml_table table, uint32_t index)
{
    return (char *)in->tables[table].rows + index * in->tables[table].size;
}

uint32_t mlscore_pmml_rows(const pmml_import *in, pmml_table table)
{
    return (uint32_t)in->tables[table].count;
}

uint32_t mlscore_pmml_add_word(pmml_import *in, uint32_t word)
{
    return mlscore_pmml_add(in, PMML_TABLE_words, &word);
}

uint32_t mlscore_pmml_add_words(pmml_import *in, const uint32_t *words,
                                size_t count)
{
    const uint32_t first = mlscore_pmml_reserve(in, PMML_TABLE_words, count);

    if (count > 0) {
        memcpy(mlscore_pmml_at(in, PMML_TABLE_words, first), words,
               count * sizeof(*words));
    }
    return first;
}

uint32_t mlscore_pmml_add_number(pmml_import *in, double number)
{
    return mlscore_pmml_add(in, PMML_TABLE_numbers, &number);
}

void *mlscore_pmml_alloc(pmml_import *in, size_t count, size_t size)
{
    void *memory = mlscore_arena_calloc(in->arena, count ? count : 1, size);

    if (!memory) {
        mlscore_pmml_no_memory(in);
    }
    return memory;
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

const char *mlscore_pmml_symbol_text(const pmml_import *in, uint32_t symbol)
{
    const pmml_symbol *symbols = in->tables[PMML_TABLE_symbols].rows;

    return (const char *)in->tables[PMML_TABLE_text].rows +
           symbols[symbol].offset;
}

uint32_t mlscore_pmml_symbol_length(const pmml_import *in, uint32_t symbol)
{
    const pmml_symbol *symbols = in->tables[PMML_TABLE_symbols].rows;

    return symbols[symbol].length;
}

static void grow_symbols(pmml_import *in)
{
    const size_t capacity = in->symbol_capacity ? in->symbol_capacity * 2 : 256;
    uint32_t *slots = mlscore_malloc_array(capacity, sizeof(*slots));

    if (!slots) {
        mlscore_pmml_no_memory(in);
    }
    memset(slots, 0xff, capacity * sizeof(*slots));
    for (uint32_t i = 0; i < mlscore_pmml_rows(in, PMML_TABLE_symbols); i++) {
        size_t at = hash_bytes(mlscore_pmml_symbol_text(in, i),
                               mlscore_pmml_symbol_length(in, i));

        for (at &= capacity - 1; slots[at] != PMML_NONE;
             at = (at + 1) & (capacity - 1)) {
        }
        slots[at] = i;
    }
    mlscore_free(in->symbol_slots);
    in->symbol_slots = slots;
    in->symbol_capacity = capacity;
}

uint32_t mlscore_pmml_symbol(pmml_import *in, const char *bytes,
                             size_t length)
{
    if (in->tables[PMML_TABLE_symbols].count * 2 >= in->symbol_capacity) {
        grow_symbols(in);
    }
    const size_t mask = in->symbol_capacity - 1;
    size_t at = hash_bytes(bytes, length) & mask;

    for (; in->symbol_slots[at] != PMML_NONE; at = (at + 1) & mask) {
        const uint32_t symbol = in->symbol_slots[at];

        if (mlscore_pmml_symbol_length(in, symbol) == length &&
            memcmp(mlscore_pmml_symbol_text(in, symbol), bytes, length) == 0) {
            return symbol;
        }
    }
    /* Each text is terminated, so that it can be used as a C string. */
    const uint32_t offset =
        mlscore_pmml_reserve(in, PMML_TABLE_text, length + 1);
    const pmml_symbol record = {.offset = offset, .length = (uint32_t)length};

    memcpy((char *)in->tables[PMML_TABLE_text].rows + offset, bytes, length);
    in->symbol_slots[at] = mlscore_pmml_add(in, PMML_TABLE_symbols, &record);
    return in->symbol_slots[at];
}

uint32_t mlscore_pmml_symbol_of(pmml_import *in, const char *text)
{
    return mlscore_pmml_symbol(in, text, strlen(text));
}

uint32_t mlscore_pmml_attr_symbol(pmml_import *in,
                                  const pmml_element *element,
                                  const char *name)
{
    const char *text = mlscore_pmml_attr(element, name);

    return text ? mlscore_pmml_symbol_of(in, text) : PMML_NONE;
}

uint32_t mlscore_pmml_category(pmml_import *in, uint32_t type,
                               const char *text)
{
    double number;
    char out[PMML_FORMAT_SIZE];

    if (!pmml_is_number(type) ||
        mlscore_pmml_parse(type, text, strlen(text), &number)) {
        return mlscore_pmml_symbol_of(in, text);
    }
    const size_t length = mlscore_pmml_format(
        number == floor(number) && fabs(number) < 1e15 ? PMML_INTEGER : type,
        number, out);

    return mlscore_pmml_symbol(in, out, length);
}

/* --- constants ------------------------------------------------------------*/

uint32_t mlscore_pmml_try_constant(pmml_import *in, uint32_t type,
                                   const char *bytes, size_t length)
{
    pmml_constant constant = {.type = type};

    if (type == PMML_DYNAMIC) {
        constant.type = PMML_STRING;
    }
    else if (type != PMML_STRING &&
             mlscore_pmml_parse(type, bytes, length, &constant.number)) {
        return PMML_NONE;
    }
    constant.symbol = mlscore_pmml_symbol(in, bytes, length);
    return mlscore_pmml_add(in, PMML_TABLE_constants, &constant);
}

uint32_t mlscore_pmml_constant(pmml_import *in, const pmml_element *element,
                               uint32_t type, const char *bytes,
                               size_t length)
{
    const uint32_t constant =
        mlscore_pmml_try_constant(in, type, bytes, length);

    if (constant == PMML_NONE) {
        mlscore_pmml_fail(in, MLSCORE_EFORMAT, element,
                          "%s: \"%.*s\" is not a value of type %s",
                          mlscore_pmml_element_name(element->kind),
                          (int)(length < 60 ? length : 60), bytes,
                          mlscore_pmml_type_name(type));
    }
    return constant;
}

uint32_t mlscore_pmml_attr_constant(pmml_import *in,
                                    const pmml_element *element,
                                    const char *name, uint32_t type)
{
    const char *text = mlscore_pmml_attr(element, name);

    return text ? mlscore_pmml_constant(in, element, type, text, strlen(text))
                : PMML_NONE;
}

/* --- maps and lists -------------------------------------------------------*/

static size_t map_at(const pmml_map *map, uint32_t key)
{
    size_t at = (key * 2654435761u) & (map->capacity - 1);

    while (map->keys[at] != key && map->keys[at] != PMML_NONE) {
        at = (at + 1) & (map->capacity - 1);
    }
    return at;
}

static void map_grow(pmml_import *in, pmml_map *map)
{
    const pmml_map old = *map;

    map->capacity = old.capacity ? old.capacity * 2 : 8;
    map->keys = mlscore_pmml_alloc(in, map->capacity, sizeof(*map->keys));
    map->values = mlscore_pmml_alloc(in, map->capacity, sizeof(*map->values));
    memset(map->keys, 0xff, map->capacity * sizeof(*map->keys));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.keys[i] != PMML_NONE) {
            const size_t at = map_at(map, old.keys[i]);

            map->keys[at] = old.keys[i];
            map->values[at] = old.values[i];
        }
    }
}

void mlscore_pmml_map_put(pmml_import *in, pmml_map *map, uint32_t key,
                          uint32_t value)
{
    if ((map->count + 1) * 2 > map->capacity) {
        map_grow(in, map);
    }
    const size_t at = map_at(map, key);

    map->count += map->keys[at] == PMML_NONE;
    map->keys[at] = key;
    map->values[at] = value;
}

int mlscore_pmml_map_get(const pmml_map *map, uint32_t key, uint32_t *value)
{
    if (map->count == 0) {
        return 0;
    }
    const size_t at = map_at(map, key);

    if (map->keys[at] == PMML_NONE) {
        return 0;
    }
    *value = map->values[at];
    return 1;
}

void mlscore_pmml_list_add(pmml_import *in, pmml_list *list, uint32_t item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? list->capacity * 2 : 8;
        uint32_t *items = mlscore_pmml_alloc(in, capacity, sizeof(*items));

        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof(*items));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
}

void mlscore_pmml_mark_begin(pmml_import *in)
{
    in->mark++;
}

void mlscore_pmml_list_add_once(pmml_import *in, pmml_list *list,
                                uint32_t symbol)
{
    if (symbol >= in->mark_capacity) {
        const size_t capacity = (size_t)symbol * 2 + 64;
        uint32_t *marks =
            mlscore_realloc_array(in->marks, capacity, sizeof(*marks));

        if (!marks) {
            mlscore_pmml_no_memory(in);
        }
        memset(marks + in->mark_capacity, 0,
               (capacity - in->mark_capacity) * sizeof(*marks));
        in->marks = marks;
        in->mark_capacity = capacity;
    }
    if (in->marks[symbol] != in->mark) {
        in->marks[symbol] = in->mark;
        mlscore_pmml_list_add(in, list, symbol);
    }
}

uint32_t mlscore_pmml_list_words(pmml_import *in, const pmml_list *list)
{
    return mlscore_pmml_add_words(in, list->items, list->count);
}
