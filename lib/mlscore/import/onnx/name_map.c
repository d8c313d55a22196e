/* SPDX-License-Identifier: Apache-2.0 */
/* Names to pointers: open addressing, doubled when half full. */

#include "import/onnx/name_map.h"

#include <string.h>
#include <xxhash.h>

static size_t find_slot(const mlscore_name_map *map, const char *name)
{
    size_t slot = (size_t)XXH3_64bits(name, strlen(name)) & (map->slots - 1);

    while (map->names[slot] && strcmp(map->names[slot], name)) {
        slot = (slot + 1) & (map->slots - 1);
    }
    return slot;
}

static int grow(mlscore_name_map *map)
{
    const size_t slots = map->slots ? map->slots * 2 : 16;
    mlscore_name_map next = {.arena = map->arena, .slots = slots,
                             .used = map->used};

    next.names = mlscore_arena_calloc(map->arena, slots, sizeof(*next.names));
    next.values = mlscore_arena_calloc(map->arena, slots, sizeof(*next.values));
    if (!next.names || !next.values) {
        return -1;
    }
    for (size_t i = 0; i < map->slots; i++) {
        if (map->names[i]) {
            const size_t slot = find_slot(&next, map->names[i]);

            next.names[slot] = map->names[i];
            next.values[slot] = map->values[i];
        }
    }
    *map = next;
    return 0;
}

int mlscore_name_map_put(mlscore_name_map *map, const char *name, void *value)
{
    if (map->used * 2 >= map->slots && grow(map)) {
        return -1;
    }
    const size_t slot = find_slot(map, name);
    map->used += !map->names[slot];
    map->names[slot] = name;
    map->values[slot] = value;
    return 0;
}

void *mlscore_name_map_get(const mlscore_name_map *map, const char *name)
{
    if (!map->slots) {
        return NULL;
    }
    const size_t slot = find_slot(map, name);
    return map->names[slot] ? map->values[slot] : NULL;
}
