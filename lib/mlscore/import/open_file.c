/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds a model's bytes, and which importer reads them. */

#include <stdio.h>
#include <string.h>

#include "import/open_file.h"

/* What the first bytes look like, for a person: text as it is, the rest in
 * hexadecimal. */
static void describe(char *out, size_t out_size, const unsigned char *bytes,
                     size_t size)
{
    const size_t shown = size < 16 ? size : 16;
    int text = shown > 0;

    for (size_t i = 0; i < shown; i++) {
        text = text && bytes[i] >= 0x20 && bytes[i] < 0x7F;
    }
    if (text) {
        snprintf(out, out_size, "\"%.*s\"", (int)shown, (const char *)bytes);
        return;
    }
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < shown && at + 4 < out_size; i++) {
        at += (size_t)snprintf(out + at, out_size - at, i ? " %02x" : "%02x",
                               bytes[i]);
    }
}

static mlscore_status unknown(const unsigned char *bytes, size_t size,
                              mlscore_error *err)
{
    char looks[64];

    if (size == 0) {
        return mlscore_error_set(err, MLSCORE_EFORMAT, "the model is empty");
    }
    describe(looks, sizeof(looks), bytes, size);
    return mlscore_error_set(
        err, MLSCORE_EFORMAT,
        "not a model that is understood; it begins with %s. Understood are "
        "PMML 3.0 to 4.4, ONNX, XGBoost (JSON or UBJSON), LightGBM text, each "
        "also in a zip or gzip file or after the four bytes blob, and the "
        "container that rx_serialize_model writes",
        looks);
}

static mlscore_status import_model(const unsigned char *bytes, size_t size,
                                   const mlscore_import_hints *hints,
                                   void **image, size_t *image_size,
                                   const mlscore_import_options *options,
                                   mlscore_error *err)
{
    const mlscore_importer *importer = mlscore_importer_for(bytes, size);
    mlscore_image_builder *builder = NULL;

    if (!importer) {
        return unknown(bytes, size, err);
    }
    mlscore_status status =
        importer->read(&builder, bytes, size, options, hints, err);
    if (status == MLSCORE_OK) {
        status = mlscore_image_builder_finish(builder, image, image_size, err);
    }
    mlscore_image_builder_free(builder);
    return status;
}

mlscore_status mlscore_open_file(const unsigned char *bytes, size_t size,
                                 void **image, size_t *image_size,
                                 const mlscore_import_options *options,
                                 mlscore_error *err)
{
    const mlscore_import_hints hints = {0};

    return import_model(bytes, size, &hints, image, image_size, options, err);
}
