/* SPDX-License-Identifier: Apache-2.0 */
/* PMML documents. What compiles must open and score rows of every kind; and
 * the same image with one bit changed must be refused or score, no worse. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlscore/body.h"
#include "mlscore/import.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_COLUMNS = 64, ROWS = 6 };

/** What a column of a type holds in a row. */
static const char *cell(const mlscore_field *field, unsigned row)
{
    static const char *const numbers[ROWS] = {"0", "-1.5", "", "1e300",
                                              "NaN", "3"};
    static const char *const whole[ROWS] = {"0", "-1", "", "2147483647", "7",
                                            "3"};
    static const char *const logical[ROWS] = {"true", "false", "", "true",
                                              "false", ""};
    static const char *const texts[ROWS] = {"a", "2020-02-29", "", "12:30:01",
                                            "some words of text", "1"};

    switch (field->type) {
    case MLSCORE_NUMERIC:
        return numbers[row];
    case MLSCORE_INTEGER:
        return whole[row];
    case MLSCORE_LOGICAL:
        return logical[row];
    default:
        return field->level_count > row ? field->levels[row].bytes
                                        : texts[row];
    }
}

static int append_cell(mlscore_buffer *csv, const char *text, size_t length,
                       int first)
{
    if (!first && mlscore_buffer_append(csv, ",", 1) != MLSCORE_OK) {
        return -1;
    }
    if (mlscore_buffer_append(csv, "\"", 1) != MLSCORE_OK) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        if ((text[i] == '"' &&
             mlscore_buffer_append(csv, "\"", 1) != MLSCORE_OK) ||
            mlscore_buffer_append(csv, text + i, 1) != MLSCORE_OK) {
            return -1;
        }
    }
    return mlscore_buffer_append(csv, "\"", 1) == MLSCORE_OK ? 0 : -1;
}

static int write_rows(mlscore_buffer *csv, const mlscore_schema *inputs)
{
    for (unsigned row = 0; row <= ROWS; row++) {
        for (size_t i = 0; i < inputs->field_count; i++) {
            const mlscore_field *field = &inputs->fields[i];
            const char *text =
                row == 0 ? field->name : cell(field, (row + i) % ROWS);

            if (append_cell(csv, text,
                            row == 0 ? field->name_length : strlen(text),
                            i == 0)) {
                return -1;
            }
        }
        if (mlscore_buffer_append(csv, "\n", 1) != MLSCORE_OK) {
            return -1;
        }
    }
    return 0;
}

static void score_rows(const mlscore_model *model)
{
    const mlscore_schema *inputs = mlscore_model_inputs(model);
    mlscore_buffer csv = {0};
    mlscore_context *context;
    mlscore_error err;

    if (inputs->field_count > MOST_COLUMNS ||
        mlscore_context_create(&context, &err) != MLSCORE_OK) {
        return;
    }
    if (mlscore_context_bind(context, model, &err) == MLSCORE_OK &&
        write_rows(&csv, inputs) == 0 &&
        mlscore_read_csv(mlscore_context_input(context), csv.bytes,
                         csv.length, NULL, &err) == MLSCORE_OK) {
        mlscore_score(context, &err);
    }
    mlscore_buffer_free(&csv);
    mlscore_context_free(context);
}

/** Change the bit that the data's hash (FNV-1a) names. */
static void damage(uint8_t *image, size_t image_size, const uint8_t *data,
                   size_t size)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 1099511628211u;
    }
    image[hash / 8 % image_size] ^= (uint8_t)(1u << hash % 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mlscore_import_options options = {
        .max_bytes = 1 << 22, .max_depth = 64, .max_nodes = 100000};
    mlscore_model *model;
    mlscore_error err;
    void *image;
    size_t image_size;

    if (size == 0 || data[0] != '<' ||
        mlscore_compile_memory(data, size, &image, &image_size, &options,
                               &err) != MLSCORE_OK) {
        return 0;
    }
    if (mlscore_model_open_memory(&model, image, image_size, &err) !=
        MLSCORE_OK) {
        fprintf(stderr, "compiled, but does not open: %s\n", err.message);
        abort();
    }
    score_rows(model);
    mlscore_model_close(model);
    damage(image, image_size, data, size);
    if (mlscore_model_open_memory(&model, image, image_size, &err) ==
        MLSCORE_OK) {
        score_rows(model);
        mlscore_model_close(model);
    }
    free(image);
    return 0;
}
