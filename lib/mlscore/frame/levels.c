/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a text among a field's levels. */

#include <string.h>
#include <xxhash.h>

#include "base/arena.h"
#include "frame/levels.h"

struct mlscore_level_index {
    uint32_t mask;    /* slots - 1, a power of two minus one */
    uint32_t slots[]; /* position + 1, or 0; at most half are taken */
};

static int same(const mlscore_text *level, const char *bytes, size_t length)
{
    return level->length == length &&
           (length == 0 || memcmp(level->bytes, bytes, length) == 0);
}

const struct mlscore_level_index *
mlscore_level_index_create(struct mlscore_arena *arena,
                           const mlscore_text *levels, uint32_t count)
{
    uint32_t slots = 16;

    while (slots / 2 < count && slots < (uint32_t)1 << 31) {
        slots *= 2;
    }
    struct mlscore_level_index *index = mlscore_arena_calloc(
        arena, 1, sizeof(*index) + (size_t)slots * sizeof(uint32_t));
    if (!index) {
        return NULL;
    }
    index->mask = slots - 1;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot =
            (uint32_t)XXH3_64bits(levels[i].bytes, levels[i].length) &
            index->mask;
        while (index->slots[slot]) {
            slot = (slot + 1) & index->mask;
        }
        index->slots[slot] = i + 1;
    }
    return index;
}

static int32_t look_up(const mlscore_field *field, const char *bytes,
                       size_t length)
{
    const struct mlscore_level_index *index = field->level_index;
    uint32_t slot = (uint32_t)XXH3_64bits(bytes, length) & index->mask;

    for (; index->slots[slot]; slot = (slot + 1) & index->mask) {
        const uint32_t i = index->slots[slot] - 1;
        if (same(&field->levels[i], bytes, length)) {
            return (int32_t)i;
        }
    }
    return -1;
}

int32_t mlscore_field_level(const mlscore_field *field, const char *bytes,
                            size_t length)
{
    if (field->level_index) {
        return look_up(field, bytes, length);
    }
    for (uint32_t i = 0; i < field->level_count; i++) {
        if (same(&field->levels[i], bytes, length)) {
            return (int32_t)i;
        }
    }
    return -1;
}
