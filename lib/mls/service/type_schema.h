/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SERVICE_TYPE_SCHEMA_H
#define MLS_SERVICE_TYPE_SCHEMA_H

/**
 * The contract's types (logical, numeric, integer, character, vector, matrix,
 * data.frame) as schemas of Swagger 2.0, with examples.
 */

#include "base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The schema of a value of a wire type; the type itself becomes the schema's
 *  description. An unknown type is an object. */
mls_json *mls_type_schema(const char *type, apr_pool_t *pool);

/** The schema of a data.frame with known columns, from the array of {name,
 *  type, optional?, levels?} that `mlscore inspect --json` gives: an object
 *  with an array per column. `required` asks for the list of columns that a
 *  request must have (answers have none). */
mls_json *mls_frame_schema(const mls_json *columns, int required,
                           apr_pool_t *pool);

/** One row of example values for the same columns: {"x": [1.5], ...}. */
mls_json *mls_frame_example(const mls_json *columns, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
