/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_MLSCORE_H
#define MLSCORE_MLSCORE_H

/** libmlscore: import a trained model, compile it to an image, score rows. */

#include "mlscore/body.h"
#include "mlscore/error.h"
#include "mlscore/frame.h"
#include "mlscore/import.h"
#include "mlscore/model.h"
#include "mlscore/score.h"
#include "mlscore/version.h"

#endif
