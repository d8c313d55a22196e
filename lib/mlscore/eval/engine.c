/* SPDX-License-Identifier: Apache-2.0 */
/* The table of engines. */

#include "eval/engine.h"

static const mlscore_engine *const engines[] = {
    &mlscore_engine_pmml,
    &mlscore_engine_booster,
    &mlscore_engine_graph,
};

const mlscore_engine *mlscore_engine_find(mlscore_engine_id id)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (engines[i]->id == id) {
            return engines[i];
        }
    }
    return NULL;
}
