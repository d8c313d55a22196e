/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_EPOCH_H
#define MLS_SCORING_EPOCH_H

/**
 * Reclamation without locks: when may a superseded mapping be unmapped?
 *
 * A thread publishes the epoch at the start of a request and withdraws it at
 * the end. What is retired waits until no thread is in an epoch as old as its
 * retirement (epoch-based reclamation; Fraser, Practical lock-freedom, 2004,
 * section 5.2.3). Entering and leaving are a few atomic stores.
 */

#include <apr_pools.h>

#include "base/err.h"

typedef struct mls_epochs mls_epochs;

/** Shared by all threads of one process; `threads` is the most that may be
 *  inside at once (httpd's ThreadsPerChild plus a few). */
mls_err *mls_epochs_create(mls_epochs **out, unsigned threads,
                           apr_pool_t *pool);

/** As many threads as may be inside at once. */
unsigned mls_epochs_threads(const mls_epochs *epochs);

/** Enter; returns a ticket for mls_epoch_leave, or -1 when more threads than
 *  agreed are inside (the caller answers 503). Tickets may be left by another
 *  thread than the one that entered. */
int mls_epoch_enter(mls_epochs *epochs);
void mls_epoch_leave(mls_epochs *epochs, int ticket);

/** Have `release(baton)` called once nobody who entered before now is inside;
 *  called from this or a later mls_epoch_retire or mls_epochs_collect, or when
 *  the pool goes. Takes a mutex; not for the scoring path. */
void mls_epoch_retire(mls_epochs *epochs, void (*release)(void *baton),
                      void *baton);
void mls_epochs_collect(mls_epochs *epochs);

#endif
