/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_MAPS_H
#define MLSCORE_IMPORT_ONNX_ONNX_MAPS_H

/** Inputs that are dictionaries: one column a key. */

#include "import/onnx/onnx_model.h"

/** Make every input that is a map, or a sequence of maps, a matrix with a
 *  column for each key of the DictVectorizer or CastMap that reads it, and that
 *  node one which puts 0 where a cell is missing, as a key that is not there
 *  counts. Refuses maps that anything else reads. */
mlscore_status mlscore_onnx_maps_to_columns(mlscore_onnx_model *model,
                                            mlscore_arena *arena,
                                            mlscore_error *err);

#endif
