/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_BODY_WRITE_H
#define MLSCORE_BODY_WRITE_H

/** What the JSON and the CSV writer share. */

#include "body/format_number.h"
#include "mlscore/body.h"

/** A finite number of a numeric column: shortest as float or as double. */
static inline size_t mlscore_write_number(char *out, const mlscore_field *field,
                                          double value)
{
    if (field->single && (double)(float)value == value) {
        return mlscore_format_float(out, (float)value);
    }
    return mlscore_format_double(out, value);
}

/** Say why a buffer could not take more. */
mlscore_status mlscore_write_failed(mlscore_status status, mlscore_error *err);

#endif
