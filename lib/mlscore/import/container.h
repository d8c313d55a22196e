/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_CONTAINER_H
#define MLSCORE_IMPORT_CONTAINER_H

/**
 * The container that rx_serialize_model writes: `blob`, `MLS1`, a manifest
 * (JSON), parts one of which is the model.
 */

#include "import/importer.h"

/** What a container says, its sizes and digests checked. */
typedef struct mlscore_container {
    const unsigned char *model; /* the part, in the container's bytes */
    size_t model_size;
    char format[32]; /* the part's, in lower case, "" when none */
    mlscore_import_hints hints;
    const char *verify; /* known rows as JSON, NULL when none */
    size_t verify_length;
    /* what the above lies in */
    struct mlscore_arena *arena;
    mlscore_schema inputs;
    mlscore_schema outputs;
} mlscore_container;

int mlscore_is_container(const unsigned char *bytes, size_t size);

/** Read one; free it in any case. */
mlscore_status mlscore_container_read(mlscore_container *out,
                                      const unsigned char *bytes, size_t size,
                                      mlscore_error *err);
void mlscore_container_free(mlscore_container *container);

#endif
