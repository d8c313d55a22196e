/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_FRAME_LEVELS_H
#define MLSCORE_FRAME_LEVELS_H

/** An index over a field's levels: open addressing, made once per model. */

#include <stdint.h>

#include "mlscore/frame.h"

struct mlscore_arena;

/** Shorter lists are searched one by one. */
enum { MLSCORE_LEVEL_INDEX_FROM = 12 };

/** In the arena; NULL when memory runs out. Of equal levels the first is
 *  found. */
const struct mlscore_level_index *
mlscore_level_index_create(struct mlscore_arena *arena,
                           const mlscore_text *levels, uint32_t count);

#endif
