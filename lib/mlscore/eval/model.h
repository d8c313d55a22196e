/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_MODEL_H
#define MLSCORE_EVAL_MODEL_H

/** What an opened model consists of; for context.c. */

#include <stdint.h>

#include "eval/engine.h"
#include "image/image.h"
#include "image/schema_section.h"
#include "mlscore/model.h"

struct mlscore_model {
    mlscore_image image;
    mlscore_image_schemas schemas;
    mlscore_image_texts texts;
    const mlscore_engine *engine;
    void *plan;
    /* Tells a model from a later one at the same address. */
    uint64_t identity;
    void *mapping; /* of image.size bytes, to unmap; NULL when none */
    void *copy;    /* of an unaligned block, to free; NULL when none */
};

#endif
