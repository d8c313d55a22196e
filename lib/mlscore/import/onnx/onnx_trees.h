/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_TREES_H
#define MLSCORE_IMPORT_ONNX_ONNX_TREES_H

/** Packing the tree ensembles of ai.onnx.ml into forests. */

#include "eval/graph/graph.h"

/** Replace every TreeEnsembleRegressor, TreeEnsembleClassifier and
 *  TreeEnsemble of a prepared graph whose values have their types (and, where
 *  they are known, shapes) by a mlscore::Forest, which is not prepared. */
mlscore_status mlscore_onnx_pack_trees(mlscore_graph *graph,
                                       mlscore_error *err);

#endif
