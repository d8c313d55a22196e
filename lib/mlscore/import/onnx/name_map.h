/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_NAME_MAP_H
#define MLSCORE_IMPORT_ONNX_NAME_MAP_H

/** A map from terminated names to pointers, in an arena. Names are borrowed. */

#include <stddef.h>

#include "base/arena.h"

typedef struct mlscore_name_map {
    mlscore_arena *arena;
    const char **names;
    void **values;
    size_t slots, used;
} mlscore_name_map;

/** Add or replace; -1 when memory runs out. */
int mlscore_name_map_put(mlscore_name_map *map, const char *name, void *value);
/** NULL when absent. */
void *mlscore_name_map_get(const mlscore_name_map *map, const char *name);

#endif
