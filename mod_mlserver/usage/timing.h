/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_USAGE_TIMING_H
#define MLH_USAGE_TIMING_H

/**
 * How long a call of a service takes, stage by stage, and how it ended; counted
 * in the shared table when its log line is due.
 *
 * Everything here does nothing, at the price of a look at one number, when
 * MLServerUsageServices is Off.
 */

#include <stdint.h>

#include <httpd.h>

#include "usage/usage_table.h"

/** A part of mlh_request. */
typedef struct mlh_timing {
    int64_t began; /* monotonic nanoseconds; 0: nothing is measured */
    int64_t last;  /* when the running stage began */
    int64_t spent[MLS_STAGES];
    unsigned reached; /* a bit for each stage */
    int is_known;     /* the service exists; then: */
    unsigned slot;
    const char *message; /* of a failure, for who may see the code */
    const char *console;
    const char *trace;
} mlh_timing;

struct mlh_request;

/** The request begins. */
void mlh_timing_begin(struct mlh_request *request);

/** What happened since the last stage, or the beginning, was this one. */
void mlh_timing_stage(struct mlh_request *request, mls_stage stage);

/** The last `nanoseconds` belonged to another stage than was just named. */
void mlh_timing_move(struct mlh_request *request, mls_stage from,
                     mls_stage to, int64_t nanoseconds);

/** The request calls a version that exists. */
void mlh_timing_service(struct mlh_request *request, const char *name,
                        const char *version);

/** Why it failed. Texts that are NULL leave what is there. */
void mlh_timing_failure(request_rec *r, const char *message,
                        const char *console, const char *trace);

/** r->status is final: count the call. */
void mlh_timing_count(request_rec *r);

#endif
