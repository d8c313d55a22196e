/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_BASE_TIMEFMT_H
#define MLS_BASE_TIMEFMT_H

/**
 * Times as text, always in UTC: RFC 3339 for what is ours, and the older
 * product's form where its contract asks for it.
 */

#include <apr_pools.h>
#include <apr_time.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Such as "2024-05-06T07:08:09.123456Z". */
const char *mls_time_rfc3339(apr_time_t time, apr_pool_t *pool);

/** The contract's creationTime: seven decimals, no zone, such as
 *  "2024-05-06T07:08:09.1234560". */
const char *mls_time_contract(apr_time_t time, apr_pool_t *pool);

/** 1 and *out when `text` is an RFC 3339 date-time (any offset, up to nine
 *  decimals; what is beyond microseconds is cut) or the contract's form,
 *  which is taken as UTC; 0 when not. A leap second counts as the second
 *  before it. */
int mls_time_parse(apr_time_t *out, const char *text);

#ifdef __cplusplus
}
#endif

#endif
