/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BASE_ALLOC_H
#define MLSCORE_BASE_ALLOC_H

/**
 * The only way memory is had in libmlscore: thin wrappers of the C library's
 * allocator that check size arithmetic and can be made to fail by a test.
 *
 * All return NULL when memory runs out or a product overflows. A size of 0
 * gives a pointer that may be freed. What any of them returns may be freed
 * with mlscore_free or free().
 */

#include <stddef.h>

void *mlscore_malloc(size_t size);
void *mlscore_calloc(size_t count, size_t size);
void *mlscore_realloc(void *block, size_t size);
void mlscore_free(void *block);

/** count * size bytes, the product checked. */
void *mlscore_malloc_array(size_t count, size_t size);
void *mlscore_realloc_array(void *block, size_t count, size_t size);

/** `size` bytes aligned to 64, not zeroed. */
void *mlscore_malloc_aligned(size_t size);

/** A terminated copy of `length` bytes. */
char *mlscore_strndup(const char *bytes, size_t length);
char *mlscore_strdup(const char *text);

/** Make room for one more element in a growing array: when `count` has
 *  reached `*capacity`, `*array` is reallocated to at least twice as many
 *  elements of `size` bytes. `array` is the address of the array's pointer.
 *  Returns 0, or -1 when memory runs out (nothing changed). */
int mlscore_grow(void *array, size_t *capacity, size_t count, size_t size);

/** a + b and a * b; -1 on overflow, else 0. */
static inline int mlscore_add_size(size_t *sum, size_t a, size_t b)
{
    return __builtin_add_overflow(a, b, sum) ? -1 : 0;
}

static inline int mlscore_mul_size(size_t *product, size_t a, size_t b)
{
    return __builtin_mul_overflow(a, b, product) ? -1 : 0;
}

/** For tests: a program that defines this function is asked before every
 *  allocation, and the allocation fails when it returns non-zero. The library
 *  only refers to it weakly: production programs do not have it. */
extern int mlscore_test_alloc_fails(size_t size) __attribute__((weak));

#endif
