/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_BOOSTER_SCORE_H
#define TESTS_FUZZ_BOOSTER_SCORE_H

/** What the booster targets share: import bytes, open what came out, score
 *  rows of ordinary and odd numbers. What compiles must open. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "import/importer.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

enum { FUZZ_ROWS = 3, FUZZ_MAX_COLUMNS = 4096 };

static inline void fuzz_fill(mlscore_column *column, size_t row)
{
    static const double numbers[FUZZ_ROWS] = {-1.5, 3, INFINITY};
    const mlscore_field *field = column->field;

    column->missing[row] = 0;
    switch (field->type) {
    case MLSCORE_NUMERIC:
        column->values.numeric[row] = numbers[row];
        break;
    case MLSCORE_INTEGER:
        column->values.integer[row] = row == 0 ? INT64_MIN : (int64_t)row;
        break;
    case MLSCORE_LOGICAL:
        column->values.logical[row] = row == 0;
        break;
    default:
        column->values.character[row] =
            field->level_count > row ? field->levels[row]
                                     : (mlscore_text){"text", 4, -1};
        break;
    }
    if (row == 1) {
        mlscore_column_set_missing(column, row);
    }
}

static inline void fuzz_score(const mlscore_model *model)
{
    mlscore_context *context;

    if (mlscore_model_inputs(model)->field_count > FUZZ_MAX_COLUMNS ||
        mlscore_context_create(&context, NULL) != MLSCORE_OK) {
        return;
    }
    if (mlscore_context_bind(context, model, NULL) == MLSCORE_OK) {
        mlscore_frame *in = mlscore_context_input(context);

        if (mlscore_frame_reserve(in, FUZZ_ROWS, NULL) == MLSCORE_OK) {
            in->rows = FUZZ_ROWS;
            for (uint32_t i = 0; i < in->schema->field_count; i++) {
                for (size_t row = 0; row < FUZZ_ROWS; row++) {
                    fuzz_fill(&in->columns[i], row);
                }
            }
            mlscore_score(context, NULL);
        }
    }
    mlscore_context_free(context);
}

static inline void fuzz_import(const mlscore_importer *importer,
                               const uint8_t *data, size_t size)
{
    const mlscore_import_options options = {
        .max_bytes = 1 << 20, .max_depth = 64, .max_nodes = 100000};
    mlscore_image_builder *builder;
    mlscore_model *model;
    mlscore_error err = {0};
    void *image;
    size_t image_size;

    importer->sniff(data, size);
    if (importer->read(&builder, data, size, &options, NULL, &err) !=
        MLSCORE_OK) {
        if (!err.message[0]) {
            abort(); /* refused without a reason */
        }
        return;
    }
    if (mlscore_image_builder_finish(builder, &image, &image_size, &err) ==
        MLSCORE_OK) {
        if (mlscore_model_open_memory(&model, image, image_size, &err) !=
            MLSCORE_OK) {
            fprintf(stderr, "compiled, but does not open: %s\n", err.message);
            abort();
        }
        fuzz_score(model);
        mlscore_model_close(model);
        free(image);
    }
    mlscore_image_builder_free(builder);
}

#endif
