/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_JSON_READ_H
#define MLSCORE_BODY_JSON_READ_H

/** Reading columns or rows that another member than `inputData` holds, as in
 *  the rows that verify a model. */

#include "mlscore/body.h"

mlscore_status mlscore_read_json_member(mlscore_frame *frame,
                                        const char *member, const char *bytes,
                                        size_t length,
                                        const mlscore_read_options *opts,
                                        mlscore_error *err);

#endif
