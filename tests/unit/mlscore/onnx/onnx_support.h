/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MLSCORE_ONNX_SUPPORT_H
#define TESTS_UNIT_MLSCORE_ONNX_SUPPORT_H

/** The small models of the fuzz corpus: read, import, score CSV rows. */

#include "../support.h"

#include "import/importer.h"
#include "mlscore/mlscore.h"

static const mlscore_import_options test_options = {
    .max_bytes = 1 << 24, .max_depth = 64, .max_nodes = 100000};

static inline char *read_corpus(const char *name, size_t *size)
{
    char path[256];

    snprintf(path, sizeof(path), "tests/fuzz/corpus/fuzz_onnx/%s.onnx", name);
    char *bytes = read_file(path, size);
    assert_non_null(bytes);
    return bytes;
}

/** The image of a model's bytes, NULL (and the error) when it is refused. */
static inline void *compile(const char *bytes, size_t size, size_t *image_size,
                            const mlscore_import_hints *hints,
                            mlscore_error *err)
{
    mlscore_image_builder *builder;
    void *image = NULL;

    if (mlscore_importer_onnx.read(&builder, (const unsigned char *)bytes,
                                   size, &test_options, hints, err)) {
        return NULL;
    }
    if (mlscore_image_builder_finish(builder, &image, image_size, err)) {
        image = NULL;
    }
    mlscore_image_builder_free(builder);
    return image;
}

/** Score CSV rows with a model of the corpus; the answer's CSV, to be freed. */
static inline char *score_corpus(const char *name, const char *csv,
                                 const mlscore_import_hints *hints)
{
    size_t size = 0, image_size;
    mlscore_error err = {0};
    mlscore_model *model;
    mlscore_context *context;
    mlscore_buffer out = {0};
    char *bytes = read_corpus(name, &size);
    void *image = compile(bytes, size, &image_size, hints, &err);

    if (!image || mlscore_model_open_memory(&model, image, image_size, &err)) {
        fail_msg("%s: %s", name, err.message);
    }
    assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
    assert_int_equal(mlscore_context_bind(context, model, &err), MLSCORE_OK);
    if (mlscore_read_csv(mlscore_context_input(context), csv, strlen(csv),
                         NULL, &err) ||
        mlscore_score(context, &err)) {
        fail_msg("%s: %s", name, err.message);
    }
    assert_int_equal(mlscore_write_csv(&out, mlscore_context_output(context),
                                       &err), MLSCORE_OK);
    assert_int_equal(mlscore_buffer_append(&out, "", 1), MLSCORE_OK);
    mlscore_context_free(context);
    mlscore_model_close(model);
    free(image);
    free(bytes);
    return out.bytes;
}

#endif
