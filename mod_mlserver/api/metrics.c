/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: the counters as Prometheus reads them (text format 0.0.4).
 *
 * Label values are names that users chose; what the format gives a meaning to
 * is escaped. The number of series is bounded by MLServerUsageServices. */

#include "api/api.h"

#include <string.h>

#include "http/reply.h"
#include "lifecycle/lifecycle.h"
#include "mlscore/body.h"
#include "mlscore/version.h"
#include "usage/usage_table.h"

/* The bounds of histograms: powers of two of nanoseconds, from 16 us to 69 s.
 * Each is an edge of the buckets that are counted, so nothing is estimated. */
static const unsigned bounds[] = { 14, 16, 18, 20, 22, 24, 26, 28, 30, 32,
                                   34, 36 };

enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };

typedef struct exposition {
    request_rec *r;
    mls_usage *usage;
    mlscore_buffer text;
    mlscore_status status; /* of the first append that failed */
} exposition;

static void put(exposition *out, const char *text)
{
    if (out->status == MLSCORE_OK) {
        out->status = mlscore_buffer_append(&out->text, text, strlen(text));
    }
}

static const char *label(const char *text, apr_pool_t *pool)
{
    char *escaped = apr_palloc(pool, strlen(text) * 2 + 1);
    char *at = escaped;

    for (; *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n') {
            *at++ = '\\';
        }
        *at++ = *text == '\n' ? 'n' : *text;
    }
    *at = '\0';
    return escaped;
}

static const char *labels_of(const mls_usage_totals *totals, apr_pool_t *pool)
{
    return apr_psprintf(pool, "service=\"%s\",version=\"%s\"",
                        label(totals->name, pool),
                        label(totals->version, pool));
}

static void family(exposition *out, const char *name, const char *type,
                   const char *help)
{
    put(out, apr_psprintf(out->r->pool, "# HELP %s %s\n# TYPE %s %s\n", name,
                          help, name, type));
}

/* ---- one service's lines ---- */

typedef void lines(exposition *out, const mls_usage_totals *totals,
                   const char *labels, apr_pool_t *pool);

static void requests(exposition *out, const mls_usage_totals *totals,
                     const char *labels, apr_pool_t *pool)
{
    uint64_t others = 0;

    for (unsigned i = 0; i < MLS_USAGE_STATUSES; i++) {
        const int status = mls_usage_status(i);

        if (!status) {
            others += totals->statuses[i];
        }
        else if (totals->statuses[i]) {
            put(out, apr_psprintf(pool,
                                  "mlserver_requests_total{%s,code=\"%d\"} %"
                                  APR_UINT64_T_FMT "\n",
                                  labels, status,
                                  (apr_uint64_t)totals->statuses[i]));
        }
    }
    if (others) {
        put(out, apr_psprintf(pool,
                              "mlserver_requests_total{%s,code=\"other\"} %"
                              APR_UINT64_T_FMT "\n",
                              labels, (apr_uint64_t)others));
    }
}

static void histogram(exposition *out, const char *name, const char *labels,
                      const uint64_t *counts, uint64_t nanoseconds,
                      apr_pool_t *pool)
{
    const apr_uint64_t count = mls_histogram_count(counts);

    for (unsigned i = 0; i < BOUNDS; i++) {
        put(out, apr_psprintf(pool,
                              "%s_bucket{%s,le=\"%.9f\"} %" APR_UINT64_T_FMT
                              "\n",
                              name, labels,
                              (double)(INT64_C(1) << bounds[i]) / 1e9,
                              (apr_uint64_t)mls_histogram_below(counts,
                                                                bounds[i])));
    }
    put(out, apr_psprintf(pool,
                          "%s_bucket{%s,le=\"+Inf\"} %" APR_UINT64_T_FMT "\n"
                          "%s_sum{%s} %.9f\n"
                          "%s_count{%s} %" APR_UINT64_T_FMT "\n",
                          name, labels, count, name, labels,
                          (double)nanoseconds / 1e9, name, labels, count));
}

static void durations(exposition *out, const mls_usage_totals *totals,
                      const char *labels, apr_pool_t *pool)
{
    histogram(out, "mlserver_request_duration_seconds", labels,
              totals->buckets[MLS_STAGE_TOTAL],
              totals->nanoseconds[MLS_STAGE_TOTAL], pool);
}

static void stages(exposition *out, const mls_usage_totals *totals,
                   const char *labels, apr_pool_t *pool)
{
    for (int i = 0; i < MLS_STAGE_TOTAL; i++) {
        histogram(out, "mlserver_stage_duration_seconds",
                  apr_psprintf(pool, "%s,stage=\"%s\"", labels,
                               mls_stage_name((mls_stage)i)),
                  totals->buckets[i], totals->nanoseconds[i], pool);
    }
}

/* A family's lines must stand together, so the table is read for each. */
static void each_service(exposition *out, lines *write)
{
    mls_usage_totals *totals = apr_palloc(out->r->pool, sizeof(*totals));
    apr_pool_t *pool;

    apr_pool_create(&pool, out->r->pool);
    for (unsigned i = 0; out->usage && i < mls_usage_slots(out->usage); i++) {
        if (mls_usage_read(totals, out->usage, i, pool) &&
            totals->requests) {
            write(out, totals, labels_of(totals, pool), pool);
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

/* ---- the server's own ---- */

static void server_lines(exposition *out, mlh_state *state)
{
    const mlh_scoring *scoring = mlh_scoring_of(state);
    const int ticket =
        scoring ? mls_epoch_enter(state->runtime->epochs) : -1;

    family(out, "mlserver_build_info", "gauge", "Version of the server.");
    put(out, "mlserver_build_info{version=\"" MLSCORE_VERSION "\"} 1\n");
    family(out, "mlserver_ready", "gauge",
           "1 when the index of services is there.");
    put(out, scoring ? "mlserver_ready 1\n" : "mlserver_ready 0\n");
    if (ticket < 0) {
        return;
    }
    family(out, "mlserver_service_versions", "gauge",
           "Published versions of services.");
    put(out, apr_psprintf(out->r->pool,
                          "mlserver_service_versions %" APR_UINT64_T_FMT "\n",
                          (apr_uint64_t)mls_index_count(scoring->index)));
    family(out, "mlserver_index_generation", "counter",
           "Changes of the registry that the index shows.");
    put(out, apr_psprintf(out->r->pool,
                          "mlserver_index_generation %" APR_UINT64_T_FMT "\n",
                          (apr_uint64_t)mls_index_generation(
                              scoring->index)));
    mls_epoch_leave(state->runtime->epochs, ticket);
}

static apr_status_t free_text(void *text)
{
    mlscore_buffer_free(text);
    return APR_SUCCESS;
}

int mlh_metrics(request_rec *r, const mlh_call *call)
{
    exposition *out = apr_pcalloc(r->pool, sizeof(*out));

    out->r = r;
    out->usage = call->state->usage;
    out->status = MLSCORE_OK;
    apr_pool_cleanup_register(r->pool, &out->text, free_text,
                              apr_pool_cleanup_null);
    server_lines(out, call->state);
    family(out, "mlserver_requests_total", "counter",
           "Calls of services by HTTP status.");
    each_service(out, requests);
    family(out, "mlserver_request_duration_seconds", "histogram",
           "Duration of calls, from the request's header to its answer.");
    each_service(out, durations);
    family(out, "mlserver_stage_duration_seconds", "histogram",
           "Duration of the stages of calls.");
    each_service(out, stages);
    if (out->status != MLSCORE_OK) {
        return mlh_reply_fail(r, MLS_EBUSY, "not enough memory");
    }
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    return mlh_reply_bytes(r, HTTP_OK,
                           "text/plain; version=0.0.4; charset=utf-8",
                           out->text.bytes, out->text.length);
}
