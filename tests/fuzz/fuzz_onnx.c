/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX files: import, open what compiled, score rows of ordinary and odd
 * cells of every column type. What compiles must open. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "import/importer.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

enum { ROWS = 3, MAX_COLUMNS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(mlscore_column *column, size_t row)
{
    static const double numbers[ROWS] = {-1.5, 3, INFINITY};
    static const int64_t integers[ROWS] = {-2, 3, INT64_MAX};

    column->missing[row] = 0;
    switch (column->field->type) {
    case MLSCORE_NUMERIC: column->values.numeric[row] = numbers[row]; break;
    case MLSCORE_INTEGER: column->values.integer[row] = integers[row]; break;
    case MLSCORE_LOGICAL: column->values.logical[row] = row & 1; break;
    case MLSCORE_CHARACTER:
        column->values.character[row] = (mlscore_text){"Some text", 9, -1};
        break;
    }
    if (row == 1) {
        mlscore_column_set_missing(column, row);
    }
}

static void score(const mlscore_model *model)
{
    mlscore_context *context;

    if (mlscore_model_inputs(model)->field_count > MAX_COLUMNS ||
        mlscore_context_create(&context, NULL) != MLSCORE_OK) {
        return;
    }
    if (mlscore_context_bind(context, model, NULL) == MLSCORE_OK) {
        mlscore_frame *in = mlscore_context_input(context);

        if (mlscore_frame_reserve(in, ROWS, NULL) == MLSCORE_OK) {
            in->rows = ROWS;
            for (uint32_t i = 0; i < in->schema->field_count; i++) {
                for (size_t row = 0; row < ROWS; row++) {
                    fill(&in->columns[i], row);
                }
            }
            mlscore_score(context, NULL);
        }
    }
    mlscore_context_free(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mlscore_import_options options = {
        .max_bytes = 1 << 20, .max_depth = 64, .max_nodes = 100000};
    mlscore_image_builder *builder;
    mlscore_model *model;
    mlscore_error err = {0};
    void *image;
    size_t image_size;

    mlscore_importer_onnx.sniff(data, size);
    if (mlscore_importer_onnx.read(&builder, data, size, &options, NULL,
                                   &err) != MLSCORE_OK) {
        if (!err.message[0]) {
            abort(); /* refused without a reason */
        }
        return 0;
    }
    if (mlscore_image_builder_finish(builder, &image, &image_size, &err) ==
        MLSCORE_OK) {
        if (mlscore_model_open_memory(&model, image, image_size, &err) !=
            MLSCORE_OK) {
            fprintf(stderr, "compiled, but does not open: %s\n", err.message);
            abort();
        }
        score(model);
        mlscore_model_close(model);
        free(image);
    }
    mlscore_image_builder_free(builder);
    return 0;
}
