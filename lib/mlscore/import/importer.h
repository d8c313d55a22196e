/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_IMPORTER_H
#define MLSCORE_IMPORT_IMPORTER_H

/**
 * An importer reads one file format. Adding one is a file and a line in the
 * table of import.c.
 */

#include <stddef.h>

#include "image/image.h"
#include "mlscore/error.h"
#include "mlscore/import.h"

/** What the container's manifest says about columns, NULL members when there
 *  is no manifest. Borrowed. */
typedef struct mlscore_import_hints {
    const mlscore_schema *inputs;
    const mlscore_schema *outputs;
    /* graph output -> column name pairs, map_count of them */
    const char *const *map_from;
    const char *const *map_to;
    size_t map_count;
} mlscore_import_hints;

typedef struct mlscore_importer {
    const char *name; /* as named to users: "PMML", "ONNX" ... */

    /** How sure the importer is that the bytes are its format: 0 no, 100 yes.
     *  Looks at a bounded prefix (or tries, for formats without a mark). */
    int (*sniff)(const unsigned char *bytes, size_t size);

    /** Read the model and return a finished builder in *out (engine, schema,
     *  texts and engine sections added). */
    mlscore_status (*read)(mlscore_image_builder **out,
                           const unsigned char *bytes, size_t size,
                           const mlscore_import_options *options,
                           const mlscore_import_hints *hints,
                           mlscore_error *err);
} mlscore_importer;

extern const mlscore_importer mlscore_importer_pmml;         /* pmml/ */
extern const mlscore_importer mlscore_importer_onnx;         /* onnx/ */
extern const mlscore_importer mlscore_importer_xgboost_json; /* booster/ */
extern const mlscore_importer mlscore_importer_xgboost_ubj;
extern const mlscore_importer mlscore_importer_lightgbm;

#endif
