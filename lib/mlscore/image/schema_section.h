/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMAGE_SCHEMA_SECTION_H
#define MLSCORE_IMAGE_SCHEMA_SECTION_H

/**
 * Reading the sections that every image has: the columns that the model takes
 * and gives, and its texts. Writing them is mlscore_image_builder_schema and
 * mlscore_image_builder_texts.
 */

#include "image/image.h"

/** Schemas whose names and levels lie in the image. */
typedef struct mlscore_image_schemas {
    mlscore_schema inputs;
    mlscore_schema outputs;
    void *memory;                  /* fields, then levels */
    struct mlscore_arena *indexes; /* of levels */
} mlscore_image_schemas;

/** Verify and read the schema section. */
mlscore_status mlscore_image_schemas_read(mlscore_image_schemas *out,
                                          const mlscore_image *image,
                                          mlscore_error *err);

void mlscore_image_schemas_free(mlscore_image_schemas *schemas);

typedef struct mlscore_image_texts {
    const char *format;
    const char *kind;
    const char *producer;
} mlscore_image_texts;

/** Verify and read the text section; texts lie in the image. */
mlscore_status mlscore_image_texts_read(mlscore_image_texts *out,
                                        const mlscore_image *image,
                                        mlscore_error *err);

#endif
