/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_REGISTRY_CLIENT_H
#define MLS_REGISTRY_CLIENT_H

/**
 * The client's end of the registry's socket, for the typed wrappers beside it
 * and for tools that need more than registry.h offers.
 */

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "base/json.h"
#include "registry/registry.h"

/** Longest time for an answer to the calls of this handle; 10 s at first. A
 *  tool that starts a backup allows more. */
void mls_registry_set_patience(mls_registry *registry,
                               apr_interval_time_t patience);

/** Send a request and return the answer, which says ok; else the error that it
 *  carries. When the owner is away, tries again for up to two seconds.
 *  Requests that change something carry an "id" (mls_registry_write sets one),
 *  so that the owner does once what it is asked twice. */
mls_err *mls_registry_ask(mls_json **answer, mls_registry *registry,
                          const mls_json *request, apr_pool_t *pool);
mls_err *mls_registry_write(mls_json **answer, mls_registry *registry,
                            mls_json *request, apr_pool_t *pool);

#endif
