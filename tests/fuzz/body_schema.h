/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_BODY_SCHEMA_H
#define TESTS_FUZZ_BODY_SCHEMA_H

/** The columns that the fuzz targets of bodies read, one of every kind, and
 *  the property that both check: what was read is written and read again the
 *  same. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlscore/body.h"

static const mlscore_text fuzz_levels[] = {
    {"red", 3, 0}, {"green", 5, 1}, {"", 0, 2}};

static const mlscore_field fuzz_fields[] = {
    {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC, .optional = 1},
    {.name = "n", .name_length = 1, .type = MLSCORE_INTEGER, .optional = 1},
    {.name = "b", .name_length = 1, .type = MLSCORE_LOGICAL, .optional = 1},
    {.name = "s", .name_length = 1, .type = MLSCORE_CHARACTER, .optional = 1},
    {.name = "c",
     .name_length = 1,
     .type = MLSCORE_CHARACTER,
     .optional = 1,
     .lenient = 1,
     .levels = fuzz_levels,
     .level_count = 3},
    {.name = "y",
     .name_length = 1,
     .type = MLSCORE_NUMERIC,
     .optional = 1,
     .lenient = 1},
};

static const mlscore_schema fuzz_schema = {fuzz_fields, 6, 0};

static inline mlscore_frame *fuzz_frame(void)
{
    mlscore_frame *frame;

    if (mlscore_frame_create(&frame, &fuzz_schema, NULL) != MLSCORE_OK) {
        abort();
    }
    return frame;
}

static inline int fuzz_same_cell(const mlscore_column *a,
                                 const mlscore_column *b, size_t row)
{
    if (a->missing[row] || b->missing[row]) {
        return a->missing[row] == b->missing[row];
    }
    switch (a->field->type) {
    case MLSCORE_NUMERIC:
        return memcmp(&a->values.numeric[row], &b->values.numeric[row],
                      sizeof(double)) == 0;
    case MLSCORE_INTEGER:
        return a->values.integer[row] == b->values.integer[row];
    case MLSCORE_LOGICAL:
        return a->values.logical[row] == b->values.logical[row];
    case MLSCORE_CHARACTER:
        break;
    }
    const mlscore_text *s = &a->values.character[row];
    const mlscore_text *t = &b->values.character[row];
    return s->length == t->length && s->level == t->level &&
           memcmp(s->bytes, t->bytes, s->length) == 0;
}

static inline void fuzz_require_same(const mlscore_frame *a,
                                     const mlscore_frame *b)
{
    if (a->rows != b->rows) {
        fprintf(stderr, "%zu rows became %zu\n", a->rows, b->rows);
        abort();
    }
    for (uint32_t i = 0; i < fuzz_schema.field_count; i++) {
        for (size_t row = 0; row < a->rows; row++) {
            if (!fuzz_same_cell(&a->columns[i], &b->columns[i], row)) {
                fprintf(stderr, "column %s, row %zu changed\n",
                        fuzz_fields[i].name, row);
                abort();
            }
        }
    }
}

#endif
