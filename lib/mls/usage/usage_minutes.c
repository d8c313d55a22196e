/* SPDX-License-Identifier: Apache-2.0 */
/* A day of minutes. The sums only ever grow; what was counted in a minute is
 * what they grew by since they were noted last. Whoever first finds that a new
 * minute has begun (one exchange decides) notes them and writes the point of
 * the minute that is over. Nobody waits for that: calls that are counted
 * meanwhile belong to either minute, and none is lost or counted twice. */

#include "usage/usage_private.h"

#include <string.h>

enum { STRAGGLING = 60 }; /* minutes */

static uint32_t cut(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static void set_quantiles(mls_usage_point *point, const uint64_t *counts)
{
    point->p50 = (float)mls_histogram_quantile(counts, 0.50);
    point->p95 = (float)mls_histogram_quantile(counts, 0.95);
    point->p99 = (float)mls_histogram_quantile(counts, 0.99);
}

/* Exchanges, so that two who do this at once share the counts. */
static mls_usage_point take_minute(mls_usage *usage, unsigned slot,
                                   uint32_t minute)
{
    usage_slot *place = usage_slot_at(usage, slot);
    mls_usage_point point = { .minute = minute };
    uint64_t counts[MLS_HISTOGRAM_BUCKETS];
    uint64_t errors;

    usage_sum(counts, &errors, usage, slot, MLS_STAGE_TOTAL);
    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS; i++) {
        const uint64_t before = atomic_exchange_explicit(
            &place->noted[i], counts[i], memory_order_relaxed);

        counts[i] = counts[i] > before ? counts[i] - before : 0;
    }
    const uint64_t before = atomic_exchange_explicit(
        &place->noted_errors, errors, memory_order_relaxed);

    point.requests = cut(mls_histogram_count(counts));
    point.errors = cut(errors > before ? errors - before : 0);
    set_quantiles(&point, counts);
    return point;
}

static void put(_Atomic uint32_t *number, uint32_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static void keep(usage_slot *place, const mls_usage_point *point)
{
    usage_point *kept = &place->points[point->minute % MLS_USAGE_MINUTES];

    put(&kept->minute, 0);
    atomic_thread_fence(memory_order_release);
    put(&kept->requests, point->requests);
    put(&kept->errors, point->errors);
    atomic_store_explicit(&kept->p50, point->p50, memory_order_relaxed);
    atomic_store_explicit(&kept->p95, point->p95, memory_order_relaxed);
    atomic_store_explicit(&kept->p99, point->p99, memory_order_relaxed);
    atomic_store_explicit(&kept->minute, point->minute,
                          memory_order_release);
}

void usage_roll(mls_usage *usage, unsigned slot, uint32_t minute)
{
    usage_slot *place = usage_slot_at(usage, slot);
    uint32_t current =
        atomic_load_explicit(&place->minute, memory_order_relaxed);

    /* A little back is a straggler, or a clock that was put right: counted
     * with what is running. Further back, the clock was wrong until now. */
    if (minute <= current && current - minute < STRAGGLING) {
        return;
    }
    if (!atomic_compare_exchange_strong_explicit(
            &place->minute, &current, minute, memory_order_relaxed,
            memory_order_relaxed) ||
        !current) {
        return;
    }
    const mls_usage_point point = take_minute(usage, slot, current);

    if (point.requests) {
        keep(place, &point);
    }
}

/* ---- reading ---- */

/* The running minute, as far as it has come. */
static void read_running(mls_usage_point *out, const mls_usage *usage,
                         unsigned slot)
{
    const usage_slot *place = usage_slot_at(usage, slot);
    uint64_t counts[MLS_HISTOGRAM_BUCKETS];
    uint64_t errors;

    usage_sum(counts, &errors, usage, slot, MLS_STAGE_TOTAL);
    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS; i++) {
        const uint64_t before = usage_load(&place->noted[i]);

        counts[i] = counts[i] > before ? counts[i] - before : 0;
    }
    const uint64_t before = usage_load(&place->noted_errors);

    out->requests = cut(mls_histogram_count(counts));
    out->errors = cut(errors > before ? errors - before : 0);
    set_quantiles(out, counts);
}

/* 0 when the point is not of this minute, or was replaced while it was read. */
static int read_kept(mls_usage_point *out, usage_point *kept)
{
    if (atomic_load_explicit(&kept->minute, memory_order_acquire) !=
        out->minute) {
        return 0;
    }
    mls_usage_point point = { .minute = out->minute };

    point.requests =
        atomic_load_explicit(&kept->requests, memory_order_relaxed);
    point.errors = atomic_load_explicit(&kept->errors, memory_order_relaxed);
    point.p50 = atomic_load_explicit(&kept->p50, memory_order_relaxed);
    point.p95 = atomic_load_explicit(&kept->p95, memory_order_relaxed);
    point.p99 = atomic_load_explicit(&kept->p99, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&kept->minute, memory_order_relaxed) !=
        out->minute) {
        return 0;
    }
    *out = point;
    return 1;
}

void mls_usage_points(mls_usage_point *out, unsigned count, mls_usage *usage,
                      unsigned slot, apr_time_t now)
{
    usage_slot *place = usage_slot_at(usage, slot);
    const uint32_t running = (uint32_t)(apr_time_sec(now) / 60);

    usage_roll(usage, slot, running);
    for (unsigned i = 0; i < count; i++) {
        mls_usage_point *point = &out[i];

        memset(point, 0, sizeof(*point));
        point->minute = running - (count - 1 - i);
        point->p50 = point->p95 = point->p99 = -1;
        if (point->minute == running) {
            read_running(point, usage, slot);
        }
        else if (count - i <= MLS_USAGE_MINUTES) {
            read_kept(point,
                      &place->points[point->minute % MLS_USAGE_MINUTES]);
        }
    }
}

double mls_usage_rate(mls_usage *usage, unsigned slot, apr_time_t now)
{
    mls_usage_point points[2];
    const double passed = (double)(now % apr_time_from_sec(60)) / 1e6;

    mls_usage_points(points, 2, usage, slot, now);
    return (points[1].requests + points[0].requests * (60 - passed) / 60)
           / 60;
}
