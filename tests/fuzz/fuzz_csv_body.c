/* SPDX-License-Identifier: Apache-2.0 */
/* CSV bodies: whatever is accepted is written and read again the same. */

#include <stddef.h>
#include <stdint.h>

#include "fuzz/body_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mlscore_read_options options = {.max_rows = 5000};
    mlscore_frame *first = fuzz_frame();
    mlscore_frame *second = fuzz_frame();
    mlscore_buffer text = {0};
    mlscore_error err;

    if (mlscore_read_csv(first, (const char *)data, size, &options, &err) ==
        MLSCORE_OK) {
        if (mlscore_write_csv(&text, first, &err) != MLSCORE_OK ||
            mlscore_read_csv(second, text.bytes, text.length, &options,
                             &err) != MLSCORE_OK) {
            fprintf(stderr, "%s\n%.*s\n", err.message, (int)text.length,
                    text.bytes);
            abort();
        }
        fuzz_require_same(first, second);
    }
    mlscore_buffer_free(&text);
    mlscore_frame_free(first);
    mlscore_frame_free(second);
    return 0;
}
