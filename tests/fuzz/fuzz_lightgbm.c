/* SPDX-License-Identifier: Apache-2.0 */
/* LightGBM's text files. */

#include "fuzz/booster_score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(&mlscore_importer_lightgbm, data, size);
    return 0;
}
