/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BASE_ARENA_H
#define MLSCORE_BASE_ARENA_H

/**
 * An arena: many small pieces of memory that live until it is reset or freed.
 *
 * Resetting keeps the memory: after the first use that needed several blocks
 * there is one block as large as all of them, so that steady use neither
 * allocates nor grows.
 */

#include <stddef.h>

typedef struct mlscore_arena mlscore_arena;

/** An empty arena, NULL when memory runs out. It allocates on first use. */
mlscore_arena *mlscore_arena_create(void);
/** Accepts NULL. */
void mlscore_arena_free(mlscore_arena *arena);
/** Forget everything that was taken, keep the memory. */
void mlscore_arena_reset(mlscore_arena *arena);

/** `size` bytes aligned to 16, not zeroed; NULL when memory runs out. */
void *mlscore_arena_alloc(mlscore_arena *arena, size_t size);
/** count * size zeroed bytes, the product checked. */
void *mlscore_arena_calloc(mlscore_arena *arena, size_t count, size_t size);
/** A terminated copy of `length` bytes, not aligned. */
char *mlscore_arena_copy(mlscore_arena *arena, const void *bytes,
                         size_t length);
/** Give back the end of the last piece taken: it keeps `size` bytes. */
void mlscore_arena_shrink(mlscore_arena *arena, void *last, size_t size);

#endif
