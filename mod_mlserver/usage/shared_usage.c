/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that outlives a reload. httpd forgets its configuration then, and our
 * module is loaded anew; the mapping stays in the parent and is found again by
 * the name of its state. Children of before the reload count into it, too. */

#include "usage/shared_usage.h"

#include <string.h>
#include <unistd.h>

#include <http_core.h>
#include <apr_shm.h>

#include "usage/usage_table.h"

APLOG_USE_MODULE(mlserver);

typedef struct usage_record {
    const char *state_dir;
    apr_pool_t *pool; /* the mapping goes with it */
    void *memory;
    unsigned services, stripes;
    struct usage_record *next;
} usage_record;

/* As many as there are processors, within reason. */
static unsigned stripes_wanted(void)
{
    enum { MOST = 8 };
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    return processors < 1 ? 1 : processors > MOST ? MOST
                                                  : (unsigned)processors;
}

static usage_record *record_of(const char *state_dir, server_rec *s)
{
    static const char key[] = "mlserver-usage";
    usage_record **first = ap_retained_data_get(key);
    apr_pool_t *pool = s->process->pool;

    if (!first) {
        first = ap_retained_data_create(key, sizeof(*first));
    }
    for (usage_record *record = *first; record; record = record->next) {
        if (!strcmp(record->state_dir, state_dir)) {
            return record;
        }
    }
    usage_record *record = apr_pcalloc(pool, sizeof(*record));

    record->state_dir = apr_pstrdup(pool, state_dir);
    record->next = *first;
    *first = record;
    return record;
}

/* Memory that children inherit, of zeros; what was there before goes, here. */
static apr_status_t allocate(usage_record *record, unsigned services,
                             unsigned stripes, server_rec *s)
{
    apr_shm_t *memory;

    record->memory = NULL;
    if (record->pool) {
        apr_pool_destroy(record->pool);
    }
    apr_pool_create(&record->pool, s->process->pool);
    apr_pool_tag(record->pool, "mlserver_usage");
    const apr_status_t status = apr_shm_create(
        &memory, mls_usage_size(services, stripes) + MLS_USAGE_ALIGNMENT,
        NULL, record->pool);

    if (status == APR_SUCCESS) {
        /* APR keeps the size in front, so the address is one of a word. */
        record->memory = (void *)APR_ALIGN(
            (uintptr_t)apr_shm_baseaddr_get(memory), MLS_USAGE_ALIGNMENT);
        record->services = services;
        record->stripes = stripes;
    }
    return status;
}

void mlh_usage_share(mlh_state *state, server_rec *s, apr_pool_t *ptemp)
{
    const unsigned services = (unsigned)state->server->usage_services;
    const unsigned stripes = stripes_wanted();
    usage_record *record = record_of(state->server->state_dir, s);

    if (!services) {
        return;
    }
    if (record->memory && record->services == services &&
        record->stripes == stripes) {
        state->usage = mls_usage_attach(record->memory, services, stripes);
    }
    if (state->usage) {
        return;
    }
    const apr_status_t status = allocate(record, services, stripes, s);
    mls_err *err = status == APR_SUCCESS
                       ? mls_usage_init(&state->usage, record->memory,
                                        services, stripes, apr_time_now(),
                                        ptemp)
                       : mls_err_apr(ptemp, status, "no shared memory");

    if (err) {
        state->usage = NULL;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "usage is not counted: state=%s reason=%s",
                     state->server->state_dir, mls_err_text(err, ptemp));
    }
}
