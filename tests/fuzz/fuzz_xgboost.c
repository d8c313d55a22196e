/* SPDX-License-Identifier: Apache-2.0 */
/* XGBoost files: JSON when the first byte that is not a space opens an object
 * with a quote behind it, else UBJSON. */

#include "fuzz/booster_score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int looks_like_json(const uint8_t *data, size_t size)
{
    return size > 1 && data[0] == '{' &&
           (data[1] == '"' || data[1] == ' ' || data[1] == '\n' ||
            data[1] == '}');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(looks_like_json(data, size) ? &mlscore_importer_xgboost_json
                                            : &mlscore_importer_xgboost_ubj,
                data, size);
    return 0;
}
