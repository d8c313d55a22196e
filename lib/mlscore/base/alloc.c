/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation wrappers; see alloc.h. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* No object is larger than PTRDIFF_MAX; compilers rely on it. */
static int refused(size_t size)
{
    return size > PTRDIFF_MAX ||
           (mlscore_test_alloc_fails && mlscore_test_alloc_fails(size));
}

void *mlscore_malloc(size_t size)
{
    return refused(size) ? NULL : malloc(size ? size : 1);
}

void *mlscore_calloc(size_t count, size_t size)
{
    if (refused(size)) {
        return NULL;
    }
    return count && size ? calloc(count, size) : calloc(1, 1);
}

void *mlscore_realloc(void *block, size_t size)
{
    return refused(size) ? NULL : realloc(block, size ? size : 1);
}

void mlscore_free(void *block)
{
    free(block);
}

void *mlscore_malloc_array(size_t count, size_t size)
{
    size_t bytes;

    return mlscore_mul_size(&bytes, count, size) ? NULL : mlscore_malloc(bytes);
}

void *mlscore_realloc_array(void *block, size_t count, size_t size)
{
    size_t bytes;

    return mlscore_mul_size(&bytes, count, size)
               ? NULL
               : mlscore_realloc(block, bytes);
}

void *mlscore_malloc_aligned(size_t size)
{
    size_t rounded;

    if (refused(size) || mlscore_add_size(&rounded, size, 63)) {
        return NULL;
    }
    rounded &= ~(size_t)63;
    return aligned_alloc(64, rounded ? rounded : 64);
}

char *mlscore_strndup(const char *bytes, size_t length)
{
    size_t size;

    if (mlscore_add_size(&size, length, 1)) {
        return NULL;
    }
    char *copy = mlscore_malloc(size);
    if (copy) {
        if (length > 0) {
            memcpy(copy, bytes, length);
        }
        copy[length] = '\0';
    }
    return copy;
}

char *mlscore_strdup(const char *text)
{
    return mlscore_strndup(text, strlen(text));
}

int mlscore_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity) {
        return 0;
    }
    void *old;
    size_t more;

    if (mlscore_mul_size(&more, count, 2)) {
        return -1;
    }
    more = more < 8 ? 8 : more;
    memcpy(&old, array, sizeof(old));
    void *block = mlscore_realloc_array(old, more, size);
    if (!block) {
        return -1;
    }
    memcpy(array, &block, sizeof(block));
    *capacity = more;
    return 0;
}
