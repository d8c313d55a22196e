/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_OPEN_FILE_H
#define MLSCORE_IMPORT_OPEN_FILE_H

/**
 * From the bytes that somebody uploaded to an importer: unwrap what surrounds
 * the model, recognise its format, import it.
 */

#include "import/importer.h"

/** The importer that is surest that the bytes are its format, or NULL. */
const mlscore_importer *mlscore_importer_for(const unsigned char *bytes,
                                             size_t size);

/** Unwrap, recognise, import, finish. `options` has no zero members. */
mlscore_status mlscore_open_file(const unsigned char *bytes, size_t size,
                                 void **image, size_t *image_size,
                                 const mlscore_import_options *options,
                                 mlscore_error *err);

#endif
