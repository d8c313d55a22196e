/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_MODEL_CACHE_H
#define MLS_SCORING_MODEL_CACHE_H

/**
 * Images that this process has mapped. A hit takes no lock and makes no system
 * call; a miss maps and verifies the image under a mutex. A redeployed or
 * deleted version is dropped on the next look-up that notices, and unmapped by
 * the epochs when the last request on it has ended.
 */

#include <apr_pools.h>

#include "base/err.h"
#include "mlscore/model.h"
#include "mlscore/score.h"
#include "scoring/epoch.h"
#include "scoring/model_index.h"

typedef struct mls_model_cache mls_model_cache;

/** `images` is the directory of this image format, such as STATE/images/v1;
 *  files lie in it as <first 2 hex>/<64 hex>. */
mls_err *mls_model_cache_create(mls_model_cache **out, const char *images,
                                mls_index *index, mls_epochs *epochs,
                                apr_pool_t *pool);

/** The model of a version, good until the caller leaves its epoch.
 *  MLS_ENOTFOUND: no such version, or not a realtime one (*entry, when not
 *  NULL, tells which: flags 0 means unknown). Errors are made in `scratch`. */
mls_err *mls_model_cache_get(const mlscore_model **out,
                             mls_index_entry *entry, mls_model_cache *cache,
                             const char *name, const char *version,
                             apr_pool_t *scratch);

/** Borrow a scoring context of this process (lock-free stack; made when there
 *  is none) and give it back. At most `threads` are ever made. */
mls_err *mls_model_cache_context(mlscore_context **out,
                                 mls_model_cache *cache, apr_pool_t *scratch);
void mls_model_cache_return(mls_model_cache *cache, mlscore_context *context);

#endif
