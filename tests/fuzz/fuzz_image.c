/* SPDX-License-Identifier: Apache-2.0 */
/* Images: a damaged one is refused or scores safely. The size and the checksum
 * are made right first, or nothing behind them would ever be reached. */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/checksum.h"
#include "image/image_format.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 3, MOST_BYTES = 1 << 20 };

/* A value of the type, different from row to row. */
static void set_cell(mlscore_column *column, size_t row)
{
    const mlscore_field *field = column->field;

    column->missing[row] = 0;
    switch (field->type) {
    case MLSCORE_NUMERIC:
        column->values.numeric[row] = row == 0 ? -1.5 : 1e6;
        break;
    case MLSCORE_INTEGER:
        column->values.integer[row] = row == 0 ? -3 : INT64_MAX;
        break;
    case MLSCORE_LOGICAL:
        column->values.logical[row] = row == 0;
        break;
    case MLSCORE_CHARACTER:
        column->values.character[row] =
            field->level_count > row ? field->levels[row]
                                     : (mlscore_text){"text", 4, -1};
        break;
    }
    if (row == ROWS - 1) {
        mlscore_column_set_missing(column, row);
    }
}

static void score(const mlscore_model *model)
{
    mlscore_context *context;

    if (mlscore_context_create(&context, NULL) != MLSCORE_OK) {
        return;
    }
    if (mlscore_context_bind(context, model, NULL) == MLSCORE_OK) {
        mlscore_frame *input = mlscore_context_input(context);
        if (mlscore_frame_reserve(input, ROWS, NULL) == MLSCORE_OK) {
            input->rows = ROWS;
            for (uint32_t i = 0; i < input->schema->field_count; i++) {
                input->columns[i].present = 1;
                for (size_t row = 0; row < ROWS; row++) {
                    set_cell(&input->columns[i], row);
                }
            }
            mlscore_score(context, NULL);
        }
    }
    mlscore_context_free(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlscore_model *model;
    int failed;

    if (size > MOST_BYTES) {
        return 0;
    }
    unsigned char *image = aligned_alloc(64, (size + 64) & ~(size_t)63);
    if (!image) {
        return 0;
    }
    memcpy(image, data, size);
    if (size >= MLSCORE_HEADER_BYTES) {
        memcpy(image, MLSCORE_IMAGE_MAGIC, 8);
        mlscore_store_u32(image + MLSCORE_HEADER_VERSION,
                          MLSCORE_IMAGE_FORMAT);
        mlscore_store_u64(image + MLSCORE_HEADER_SIZE, size);
        mlscore_store_u64(image + MLSCORE_HEADER_CHECKSUM,
                          mlscore_image_checksum(image, size, &failed));
    }
    if (mlscore_model_open_memory(&model, image, size, NULL) == MLSCORE_OK) {
        score(model);
        mlscore_model_close(model);
    }
    free(image);
    return 0;
}
