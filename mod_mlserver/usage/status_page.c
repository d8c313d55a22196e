/* SPDX-License-Identifier: Apache-2.0 */
/* The same figures in mod_status's page, and as lines for machines in its
 * form "?auto". Names are hostile text: escaped. */

#include "usage/shared_usage.h"

#include <string.h>

#include <http_protocol.h>
#include <mod_status.h>
#include <apr_optional_hooks.h>

#include "lifecycle/lifecycle.h"
#include "usage/usage_table.h"

static void show_html(request_rec *r, const mls_usage_totals *totals,
                      double rate)
{
    const uint64_t *all = totals->buckets[MLS_STAGE_TOTAL];

    ap_rprintf(r,
               "<tr><td>%s</td><td>%s</td><td>%" APR_UINT64_T_FMT
               "</td><td>%" APR_UINT64_T_FMT "</td><td>%.2f</td><td>%.3f</td>"
               "<td>%.3f</td><td>%.3f</td></tr>\n",
               ap_escape_html(r->pool, totals->name),
               ap_escape_html(r->pool, totals->version),
               (apr_uint64_t)totals->requests, (apr_uint64_t)totals->errors,
               rate, mls_histogram_quantile(all, 0.50),
               mls_histogram_quantile(all, 0.95),
               mls_histogram_quantile(all, 0.99));
}

/* A line "key: value" each; the key holds no colon of the name's. */
static void show_text(request_rec *r, const mls_usage_totals *totals,
                      double rate)
{
    const uint64_t *all = totals->buckets[MLS_STAGE_TOTAL];
    const char *key = apr_pstrcat(
        r->pool, "MLServer ", ap_escape_path_segment(r->pool, totals->name),
        "/", ap_escape_path_segment(r->pool, totals->version), NULL);

    for (char *colon = strchr(key, ':'); colon; colon = strchr(colon, ':')) {
        *colon = '_';
    }
    ap_rprintf(r,
               "%s Requests: %" APR_UINT64_T_FMT "\n"
               "%s Errors: %" APR_UINT64_T_FMT "\n"
               "%s ReqPerSec: %.2f\n%s P95Milliseconds: %.3f\n",
               key, (apr_uint64_t)totals->requests, key,
               (apr_uint64_t)totals->errors, key, rate, key,
               mls_histogram_quantile(all, 0.95));
}

static void show_state(request_rec *r, const mlh_state *state, int is_short)
{
    mls_usage_totals *totals = apr_palloc(r->pool, sizeof(*totals));
    const apr_time_t now = apr_time_now();

    if (!is_short) {
        ap_rprintf(r,
                   "<hr />\n<h2>Model services of %s</h2>\n<table border=\"0\">"
                   "<tr><th>Service</th><th>Version</th><th>Requests</th>"
                   "<th>Errors</th><th>per s</th><th>p50 ms</th>"
                   "<th>p95 ms</th><th>p99 ms</th></tr>\n",
                   ap_escape_html(r->pool, state->server->state_dir));
    }
    for (unsigned i = 0; i < mls_usage_slots(state->usage); i++) {
        if (!mls_usage_read(totals, state->usage, i, r->pool) ||
            !totals->requests) {
            continue;
        }
        const double rate = mls_usage_rate(state->usage, i, now);

        (is_short ? show_text : show_html)(r, totals, rate);
    }
    if (!is_short) {
        ap_rputs("</table>\n", r);
    }
}

static int status_hook(request_rec *r, int flags)
{
    const apr_array_header_t *states = mlh_states(r->server);

    for (int i = 0; states && i < states->nelts; i++) {
        const mlh_state *state = APR_ARRAY_IDX(states, i, mlh_state *);

        if (state->usage) {
            show_state(r, state, flags & AP_STATUS_SHORT);
        }
    }
    return OK;
}

void mlh_usage_show_in_status(apr_pool_t *pool)
{
    APR_OPTIONAL_HOOK(ap, status_hook, status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
