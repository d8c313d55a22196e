/* SPDX-License-Identifier: Apache-2.0 */
/* Our last log lines in shared memory. */

#include "usage/recent_log.h"

#include <string.h>

#include <apr_shm.h>

#include "base/timefmt.h"
#include "mlh.h"
#include "usage/record_ring.h"

APLOG_USE_MODULE(mlserver);

enum { LINE = 512 - 16 }; /* bytes of a record */

static const mls_ring_shape shape = { MLH_RECENT_LINES, LINE };

/* The mapping, inherited by children; NULL until there is one. */
static _Atomic uint64_t *ring;

typedef struct recent_line {
    apr_time_t time;
    apr_int32_t level;
    char text[LINE - sizeof(apr_time_t) - sizeof(apr_int32_t)];
} recent_line;

_Static_assert(sizeof(recent_line) == LINE, "a line fills its place");

void mlh_recent_log_share(server_rec *s)
{
    static const char key[] = "mlserver-recent-log";
    void **kept = ap_retained_data_get(key);

    if (!kept) {
        kept = ap_retained_data_create(key, sizeof(*kept));
    }
    if (!*kept) {
        apr_shm_t *memory;
        const size_t size =
            MLS_RING_WORDS(MLH_RECENT_LINES, LINE) * sizeof(uint64_t);

        if (apr_shm_create(&memory, size, NULL, s->process->pool) ==
            APR_SUCCESS) { /* else the bundle has no lines */
            *kept = apr_shm_baseaddr_get(memory);
        }
    }
    ring = *kept;
}

/* Called for every line of every module that passes LogLevel. */
void mlh_recent_log_keep(const ap_errorlog_info *info, const char *text)
{
    recent_line line;

    if (info->level > APLOG_NOTICE || !ring || !text ||
        info->module_index != mlserver_module.module_index) {
        return;
    }
    memset(&line, 0, sizeof(line));
    line.time = apr_time_now();
    line.level = info->level;
    apr_cpystrn(line.text, text, sizeof(line.text));
    mls_ring_put(ring, &shape, &line, sizeof(line));
}

const char *mlh_recent_log_text(apr_pool_t *pool)
{
    static const char *const levels[] = { "emerg", "alert", "crit", "error",
                                          "warn",  "notice" };
    apr_array_header_t *lines =
        apr_array_make(pool, MLH_RECENT_LINES, sizeof(const char *));
    recent_line line;

    for (unsigned back = MLH_RECENT_LINES; ring && back > 0; back--) {
        if (mls_ring_get(&line, ring, &shape, back) != sizeof(line) ||
            line.level < 0 || line.level > APLOG_NOTICE) {
            continue;
        }
        line.text[sizeof(line.text) - 1] = '\0';
        APR_ARRAY_PUSH(lines, const char *) = apr_psprintf(
            pool, "%s %s %s\n", mls_time_rfc3339(line.time, pool),
            levels[line.level], line.text);
    }
    return apr_array_pstrcat(pool, lines, 0);
}
