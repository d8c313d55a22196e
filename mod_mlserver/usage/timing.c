/* SPDX-License-Identifier: Apache-2.0 */
/* Stages of one request. Times are of the monotonic clock, which Linux lets a
 * process read without a system call. */

#include "usage/timing.h"

#include <sched.h>
#include <time.h>

#include "mlh.h"

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void mlh_timing_begin(mlh_request *request)
{
    mlh_timing *timing = &request->timing;

    if (request->state && request->state->usage) {
        timing->began = timing->last = now();
    }
}

void mlh_timing_stage(mlh_request *request, mls_stage stage)
{
    mlh_timing *timing = &request->timing;

    if (!timing->began) {
        return;
    }
    const int64_t here = now();

    timing->spent[stage] += here - timing->last;
    timing->reached |= 1u << stage;
    timing->last = here;
}

void mlh_timing_move(mlh_request *request, mls_stage from, mls_stage to,
                     int64_t nanoseconds)
{
    mlh_timing *timing = &request->timing;

    if (timing->began && nanoseconds > 0 &&
        nanoseconds <= timing->spent[from]) {
        timing->spent[from] -= nanoseconds;
        timing->spent[to] += nanoseconds;
        timing->reached |= 1u << to;
    }
}

void mlh_timing_service(mlh_request *request, const char *name,
                        const char *version)
{
    mlh_timing *timing = &request->timing;

    if (timing->began) {
        timing->is_known = 1;
        timing->slot = mls_usage_slot(request->state->usage, name, version);
    }
}

void mlh_timing_failure(request_rec *r, const char *message,
                        const char *console, const char *trace)
{
    mlh_request *request = mlh_request_of(r);
    mlh_timing *timing = &request->timing;

    timing->message = message ? message : timing->message;
    timing->console = console ? console : timing->console;
    timing->trace = trace ? trace : timing->trace;
}

/* The processor's number, which is known without a system call: what another
 * processor counts lies in another stripe, mostly. */
static unsigned stripe_here(void)
{
    const int processor = sched_getcpu();

    return processor < 0 ? 0 : (unsigned)processor;
}

void mlh_timing_count(request_rec *r)
{
    const mlh_request *request = mlh_request_of(r);
    const mlh_timing *timing = &request->timing;
    mls_usage_sample sample;

    if (!timing->is_known) {
        return;
    }
    for (int i = 0; i < MLS_STAGES; i++) {
        sample.nanoseconds[i] =
            timing->reached & 1u << i ? timing->spent[i] : -1;
    }
    sample.nanoseconds[MLS_STAGE_TOTAL] = timing->last - timing->began;
    sample.status = r->status;
    sample.ended = apr_time_now();
    mls_usage_record(request->state->usage, timing->slot, stripe_here(),
                     &sample);
    if (r->status >= HTTP_BAD_REQUEST) {
        const mls_usage_failure failure = {
            .time = sample.ended,
            .status = r->status,
            .request_id = request->id,
            .message = timing->message,
            .console = timing->console,
            .trace = timing->trace,
        };

        mls_usage_fail(request->state->usage, timing->slot, &failure);
    }
}
