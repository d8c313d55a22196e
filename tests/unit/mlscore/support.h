/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MLSCORE_SUPPORT_H
#define TESTS_UNIT_MLSCORE_SUPPORT_H

/** What the unit tests of libmlscore share: cmocka and its headers in the
 *  order that it wants, fixtures, repeatable random numbers. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/** The folder of models and bodies that other engines have judged. */
static inline const char *fixtures(void)
{
    const char *path = getenv("MLSERVER_FIXTURES");

    return path ? path : "../shared/fixtures";
}

/** All of a file, one byte longer than it is and zero there; NULL when it
 *  cannot be read. Free it. */
static inline char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");

    if (!file) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    const long length = ftell(file);
    fseek(file, 0, SEEK_SET);
    char *bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)length, file);
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

/** A fixture by its path below the fixtures; skips the test without it. */
static inline char *read_fixture(const char *name, size_t *size)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", fixtures(), name);
    char *bytes = read_file(path, size);
    if (!bytes) {
        print_message("no fixture %s\n", path);
        skip();
    }
    return bytes;
}

/** xorshift64*; `state` begins with anything but 0. */
static inline uint64_t random_bits(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static inline double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
