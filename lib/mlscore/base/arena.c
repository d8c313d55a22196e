/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of blocks with a bump pointer; see arena.h. */

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"

enum { FIRST_BLOCK = 4096, ALIGNMENT = 16 };

struct block {
    struct block *previous;
    size_t capacity;
    size_t used;
    size_t unused; /* keeps the bytes that follow aligned to 16 */
};

struct mlscore_arena {
    struct block *last;
};

static unsigned char *bytes_of(struct block *block)
{
    return (unsigned char *)(block + 1);
}

mlscore_arena *mlscore_arena_create(void)
{
    return mlscore_calloc(1, sizeof(mlscore_arena));
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *previous = block->previous;
        mlscore_free(block);
        block = previous;
    }
}

void mlscore_arena_free(mlscore_arena *arena)
{
    if (arena) {
        free_blocks(arena->last);
        mlscore_free(arena);
    }
}

static struct block *block_create(size_t capacity)
{
    size_t size;

    if (mlscore_add_size(&size, capacity, sizeof(struct block))) {
        return NULL;
    }
    struct block *block = mlscore_malloc(size);
    if (block) {
        *block = (struct block){.capacity = capacity};
    }
    return block;
}

void mlscore_arena_reset(mlscore_arena *arena)
{
    struct block *last = arena->last;

    if (!last) {
        return;
    }
    if (last->previous) {
        size_t total = 0;
        for (const struct block *b = last; b; b = b->previous) {
            total += b->capacity;
        }
        /* When the one large block cannot be had, keep the last one. */
        struct block *merged = block_create(total);
        if (merged) {
            free_blocks(last);
            arena->last = merged;
            return;
        }
        free_blocks(last->previous);
        last->previous = NULL;
    }
    last->used = 0;
}

/* Room for `size` bytes at an offset that is a multiple of `align`. */
static unsigned char *take(mlscore_arena *arena, size_t size, size_t align)
{
    struct block *last = arena->last;

    if (last) {
        const size_t at = (last->used + align - 1) & ~(align - 1);
        if (at <= last->capacity && size <= last->capacity - at) {
            last->used = at + size;
            return bytes_of(last) + at;
        }
    }
    size_t capacity = last ? last->capacity : FIRST_BLOCK / 2;
    if (mlscore_mul_size(&capacity, capacity, 2)) {
        return NULL;
    }
    capacity = capacity < size ? size : capacity;
    if (mlscore_add_size(&capacity, capacity, ALIGNMENT)) {
        return NULL;
    }
    struct block *block = block_create(capacity & ~(size_t)(ALIGNMENT - 1));
    if (!block) {
        return NULL;
    }
    block->previous = last;
    block->used = size;
    arena->last = block;
    return bytes_of(block);
}

void *mlscore_arena_alloc(mlscore_arena *arena, size_t size)
{
    return take(arena, size, ALIGNMENT);
}

void *mlscore_arena_calloc(mlscore_arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (mlscore_mul_size(&bytes, count, size)) {
        return NULL;
    }
    void *memory = take(arena, bytes, ALIGNMENT);
    if (memory) {
        memset(memory, 0, bytes);
    }
    return memory;
}

char *mlscore_arena_copy(mlscore_arena *arena, const void *bytes, size_t length)
{
    size_t size;

    if (mlscore_add_size(&size, length, 1)) {
        return NULL;
    }
    unsigned char *copy = take(arena, size, 1);
    if (copy) {
        if (length > 0) {
            memcpy(copy, bytes, length);
        }
        copy[length] = '\0';
    }
    return (char *)copy;
}

void mlscore_arena_shrink(mlscore_arena *arena, void *last, size_t size)
{
    struct block *block = arena->last;

    block->used = (size_t)((unsigned char *)last - bytes_of(block)) + size;
}
