/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMAGE_IMAGE_H
#define MLSCORE_IMAGE_IMAGE_H

/**
 * Building and reading images: a header, a table of sections, sections.
 *
 * All numbers are little-endian, all sections aligned to 64 bytes, all
 * references offsets or indices. The builder sorts nothing and stamps no time:
 * the same calls give the same bytes. docs/internals/images.md has the bytes.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/error.h"
#include "mlscore/frame.h"

/** Which evaluator runs an image; a row of the engine table (eval/engine.c). */
typedef enum mlscore_engine_id {
    MLSCORE_ENGINE_NONE = 0,
    MLSCORE_ENGINE_PMML = 1, /* PMML models: expressions, trees, regressions */
    MLSCORE_ENGINE_BOOSTER = 2, /* XGBoost and LightGBM */
    MLSCORE_ENGINE_GRAPH = 3    /* ONNX graphs */
} mlscore_engine_id;

/** Section kinds below 64 are common; an engine uses 64 and up as it likes. */
enum {
    MLSCORE_SECTION_SCHEMA = 1, /* inputs and outputs (schema_section.c) */
    MLSCORE_SECTION_TEXT = 2,   /* format, kind, producer */
    MLSCORE_SECTION_KNOWN_ROWS = 3, /* JSON that mlscore_verify takes: the
                                       producer's own rows and answers */
    MLSCORE_SECTION_ENGINE = 64
};

typedef struct mlscore_image_builder mlscore_image_builder;

mlscore_status mlscore_image_builder_create(mlscore_image_builder **out,
                                            mlscore_engine_id engine,
                                            mlscore_error *err);
void mlscore_image_builder_free(mlscore_image_builder *builder);

/** Copy `size` bytes into a new section; kinds must be distinct. */
mlscore_status mlscore_image_builder_add(mlscore_image_builder *builder,
                                         uint32_t kind, const void *bytes,
                                         size_t size, mlscore_error *err);

/** Add the schema section: names and levels are copied. */
mlscore_status mlscore_image_builder_schema(mlscore_image_builder *builder,
                                            const mlscore_schema *inputs,
                                            const mlscore_schema *outputs,
                                            mlscore_error *err);

/** Add the texts that mlscore_model_format/kind/producer return. */
mlscore_status mlscore_image_builder_texts(mlscore_image_builder *builder,
                                           const char *format, const char *kind,
                                           const char *producer,
                                           mlscore_error *err);

/** Lay everything out; *image is aligned to 64 bytes, freed with free(). */
mlscore_status mlscore_image_builder_finish(mlscore_image_builder *builder,
                                            void **image, size_t *size,
                                            mlscore_error *err);

/** A verified header and section table over mapped bytes. */
typedef struct mlscore_image {
    const unsigned char *base;
    size_t size;
    mlscore_engine_id engine;
} mlscore_image;

/** Check magic, version, checksum, section table. Sections' own contents are
 *  checked by schema_section.c and by the engine's verify. */
mlscore_status mlscore_image_check(mlscore_image *image, const void *bytes,
                                   size_t size, mlscore_error *err);

/** A section by kind: pointer into the image and its size, NULL when absent. */
const void *mlscore_image_section(const mlscore_image *image, uint32_t kind,
                                  size_t *size);

#endif
