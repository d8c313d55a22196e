/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_FORMAT_NUMBER_H
#define MLSCORE_BODY_FORMAT_NUMBER_H

/** What the writers need beside mlscore_format_double and _float. */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/body.h"

/** Room that any formatted number fits in. */
enum { MLSCORE_NUMBER_ROOM = 32 };

/** At most 20 bytes, not terminated; returns the length. */
size_t mlscore_format_integer(char *out, int64_t value);

#endif
