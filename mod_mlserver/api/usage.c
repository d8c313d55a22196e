/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/usage: calls of each service version since counting began.
 * GET /admin/api/usage/{name}/{version}: the last minutes of one, stage by
 * stage and by status. The figures are of shared memory, so any child has them.
 */

#include "api/admin.h"
#include "api/api.h"

#include <string.h>

#include "base/timefmt.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/lifecycle.h"
#include "usage/usage_table.h"

static int reply_off(request_rec *r)
{
    return mlh_reply_fail(r, MLS_ENOTFOUND,
                          "usage is not counted (MLServerUsageServices Off)");
}

/* Never calls: null. */
static void set_milliseconds(mls_json *object, const char *key, double value)
{
    if (value < 0) {
        mls_json_set(object, key, NULL);
        return;
    }
    mls_json_set_double(object, key,
                        (double)(int64_t)(value * 1e4 + 0.5) / 1e4);
}

static void set_quantiles(mls_json *object, const uint64_t *counts)
{
    set_milliseconds(object, "p50Milliseconds",
                     mls_histogram_quantile(counts, 0.50));
    set_milliseconds(object, "p95Milliseconds",
                     mls_histogram_quantile(counts, 0.95));
    set_milliseconds(object, "p99Milliseconds",
                     mls_histogram_quantile(counts, 0.99));
}

/* ---- all ---- */

static mls_json *item_of(mls_usage *usage, unsigned slot,
                         const mls_usage_totals *totals, apr_pool_t *pool)
{
    mls_json *item = mls_json_object(pool);

    mls_json_set_string(item, "name", totals->name);
    mls_json_set_string(item, "version", totals->version);
    mls_json_set_uint(item, "requests", totals->requests);
    mls_json_set_uint(item, "errors", totals->errors);
    mls_json_set_double(item, "requestsPerSecond",
                        mls_usage_rate(usage, slot, apr_time_now()));
    set_quantiles(item, totals->buckets[MLS_STAGE_TOTAL]);
    return item;
}

mls_json *mlh_usage_tree(request_rec *r, const mlh_call *call)
{
    mls_usage *usage = call->state->usage;
    mls_usage_totals *totals = apr_palloc(r->pool, sizeof(*totals));
    mls_json *answer = mls_json_object(r->pool);
    mls_json *items = mls_json_array(r->pool);

    if (!usage) {
        return NULL;
    }
    for (unsigned i = 0; i < mls_usage_slots(usage); i++) {
        if (mls_usage_read(totals, usage, i, r->pool)) {
            mls_json_add(items, item_of(usage, i, totals, r->pool));
        }
    }
    mls_json_set_string(answer, "since",
                        mls_time_rfc3339(mls_usage_since(usage), r->pool));
    mls_json_set(answer, "items", items);
    return answer;
}

int mlh_usage_list(request_rec *r, const mlh_call *call)
{
    const mls_json *answer = mlh_usage_tree(r, call);

    return answer ? mlh_reply_tree(r, HTTP_OK, answer) : reply_off(r);
}

/* ---- one ---- */

static mls_json *points_of(mls_usage *usage, unsigned slot, unsigned minutes,
                           apr_pool_t *pool)
{
    mls_usage_point *points = apr_palloc(pool, minutes * sizeof(*points));
    mls_json *array = mls_json_array(pool);

    mls_usage_points(points, minutes, usage, slot, apr_time_now());
    for (unsigned i = 0; i < minutes; i++) {
        mls_json *point = mls_json_object(pool);

        mls_json_set_string(
            point, "time",
            mls_time_rfc3339(apr_time_from_sec(points[i].minute * 60ll),
                             pool));
        mls_json_set_uint(point, "requests", points[i].requests);
        mls_json_set_uint(point, "errors", points[i].errors);
        set_milliseconds(point, "p50Milliseconds", points[i].p50);
        set_milliseconds(point, "p95Milliseconds", points[i].p95);
        set_milliseconds(point, "p99Milliseconds", points[i].p99);
        mls_json_add(array, point);
    }
    return array;
}

static mls_json *stages_of(const mls_usage_totals *totals, apr_pool_t *pool)
{
    mls_json *stages = mls_json_object(pool);

    for (int i = 0; i < MLS_STAGES; i++) {
        mls_json *stage = mls_json_object(pool);

        mls_json_set_uint(stage, "count",
                          mls_histogram_count(totals->buckets[i]));
        set_quantiles(stage, totals->buckets[i]);
        mls_json_set(stages, mls_stage_name((mls_stage)i), stage);
    }
    return stages;
}

static mls_json *statuses_of(const mls_usage_totals *totals, apr_pool_t *pool)
{
    mls_json *statuses = mls_json_object(pool);
    uint64_t others = 0;

    for (unsigned i = 0; i < MLS_USAGE_STATUSES; i++) {
        if (!mls_usage_status(i)) {
            others += totals->statuses[i];
        }
        else if (totals->statuses[i]) {
            mls_json_set_uint(statuses,
                              apr_itoa(pool, mls_usage_status(i)),
                              totals->statuses[i]);
        }
    }
    if (others) {
        mls_json_set_uint(statuses, "other", others);
    }
    return statuses;
}

/* A service that was never called has a day of nothing; one that does not
 * exist is told apart by the registry's index. */
static mls_err *find_slot(int *slot, request_rec *r, const mlh_call *call)
{
    const mlh_scoring *scoring = mlh_scoring_of(call->state);
    mls_epochs *epochs = call->state->runtime->epochs;
    mls_index_entry entry;
    int found = 0;

    *slot = mls_usage_find(call->state->usage, call->name, call->version);
    if (*slot >= 0) {
        return NULL;
    }
    const int ticket = scoring ? mls_epoch_enter(epochs) : -1;

    if (ticket >= 0) {
        found = mls_index_find(scoring->index, call->name,
                               strlen(call->name), call->version,
                               strlen(call->version), &entry);
        mls_epoch_leave(epochs, ticket);
    }
    return found ? NULL
                 : mls_err_make(r->pool, MLS_ENOTFOUND, NULL,
                                "there is no service \"%s\" in version "
                                "\"%s\"",
                                call->name, call->version);
}

static mls_err *minutes_asked(unsigned *minutes, request_rec *r)
{
    const char *text = mlh_query(r, "minutes");
    char *end = NULL;
    const apr_int64_t number = text ? apr_strtoi64(text, &end, 10) : 60;

    if ((text && (*end || !*text)) || number < 1 ||
        number > MLS_USAGE_MINUTES) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "minutes must be a whole number from 1 to %d",
                            MLS_USAGE_MINUTES);
    }
    *minutes = (unsigned)number;
    return NULL;
}

int mlh_usage_get(request_rec *r, const mlh_call *call)
{
    mls_usage *usage = call->state->usage;
    mls_usage_totals *totals = apr_pcalloc(r->pool, sizeof(*totals));
    mls_json *answer = mls_json_object(r->pool);
    unsigned minutes = 0;
    int slot = -1;

    if (!usage) {
        return reply_off(r);
    }
    mls_err *err = minutes_asked(&minutes, r);

    err = err ? err : find_slot(&slot, r, call);
    if (err) {
        return mlh_reply_error(r, err);
    }
    mls_json *points = mls_json_array(r->pool);

    if (slot >= 0) {
        mls_usage_read(totals, usage, (unsigned)slot, r->pool);
        points = points_of(usage, (unsigned)slot, minutes, r->pool);
    }
    mls_json_set_string(answer, "since",
                        mls_time_rfc3339(mls_usage_since(usage), r->pool));
    mls_json_set_uint(answer, "requests", totals->requests);
    mls_json_set_uint(answer, "errors", totals->errors);
    mls_json_set(answer, "points", points);
    mls_json_set(answer, "stages", stages_of(totals, r->pool));
    mls_json_set(answer, "statusCodes", statuses_of(totals, r->pool));
    return mlh_reply_tree(r, HTTP_OK, answer);
}
