/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads as a whole: containers, zip, gzip, the `blob` prefix, and behind
 * them every importer, with limits that keep one input quick. What compiles
 * must open. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mlscore/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mlscore_import_options options = {
        .max_bytes = 1 << 20, .max_depth = 64, .max_nodes = 100000};
    mlscore_model *model;
    mlscore_error err;
    void *image;
    size_t image_size;

    if (mlscore_compile_memory(data, size, &image, &image_size, &options,
                               &err) != MLSCORE_OK) {
        return 0;
    }
    if (mlscore_model_open_memory(&model, image, image_size, &err) !=
        MLSCORE_OK) {
        fprintf(stderr, "compiled, but does not open: %s\n", err.message);
        abort();
    }
    mlscore_model_close(model);
    free(image);
    return 0;
}
