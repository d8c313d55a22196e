/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MLSCORE_BOOSTER_SUPPORT_H
#define TESTS_UNIT_MLSCORE_BOOSTER_SUPPORT_H

/** Import a model from text, score CSV rows, get CSV. */

#include "../support.h"

#include "import/importer.h"
#include "mlscore/mlscore.h"

static const mlscore_import_options test_options = {
    .max_bytes = 1 << 20, .max_depth = 32, .max_nodes = 10000};

/** The model, or NULL and the error. `image` is freed by the caller. */
static inline mlscore_model *import_model(const mlscore_importer *importer,
                                          const void *bytes, size_t size,
                                          void **image, mlscore_error *err)
{
    mlscore_image_builder *builder;
    mlscore_model *model = NULL;
    size_t image_size;

    *image = NULL;
    if (importer->read(&builder, bytes, size, &test_options, NULL, err)) {
        return NULL;
    }
    if (mlscore_image_builder_finish(builder, image, &image_size, err) == 0) {
        mlscore_model_open_memory(&model, *image, image_size, err);
    }
    mlscore_image_builder_free(builder);
    return model;
}

/** Score rows given as CSV; the answer as CSV, or the error as text. Free. */
static inline char *score_csv(const mlscore_importer *importer,
                              const char *text, const char *rows)
{
    mlscore_error err = {0};
    mlscore_buffer out = {0};
    mlscore_context *context;
    void *image;
    mlscore_model *model =
        import_model(importer, text, strlen(text), &image, &err);

    if (!model) {
        free(image);
        return strdup(err.message);
    }
    assert_int_equal(mlscore_context_create(&context, &err), 0);
    assert_int_equal(mlscore_context_bind(context, model, &err), 0);
    if (mlscore_read_csv(mlscore_context_input(context), rows, strlen(rows),
                         NULL, &err) ||
        mlscore_score(context, &err)) {
        mlscore_buffer_append(&out, err.message, strlen(err.message));
    }
    else {
        const mlscore_frame *frame = mlscore_context_output(context);

        mlscore_write_csv(&out, frame, &err);
        for (size_t i = 0; i < frame->row_error_count; i++) {
            mlscore_buffer_append(&out, frame->row_errors[i].message,
                                  strlen(frame->row_errors[i].message));
        }
    }
    mlscore_buffer_append(&out, "", 1);
    mlscore_context_free(context);
    mlscore_model_close(model);
    free(image);
    return out.bytes;
}

/** The importer refuses the text, and its message contains `part`. */
static inline void check_refused(const mlscore_importer *importer,
                                 const char *name, const void *bytes,
                                 size_t size, const char *part)
{
    mlscore_error err = {0};
    void *image;
    mlscore_model *model = import_model(importer, bytes, size, &image, &err);

    if (model) {
        fail_msg("%s: accepted", name);
    }
    if (!strstr(err.message, part)) {
        fail_msg("%s: %s", name, err.message);
    }
    free(image);
}

#endif
