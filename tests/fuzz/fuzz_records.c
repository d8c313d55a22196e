/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the registry as a disk, a backup or another release may give
 * them. The first byte says which kind, the rest is the text. What is taken
 * must come out again as the same record, however often. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "registry/audit_trail.h"
#include "registry/records.h"
#include "registry/role_mappings.h"
#include "registry/snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a record and writes it again; NULL when it is refused. */
typedef mls_json *again(const mls_json *json, apr_pool_t *pool);

static mls_json *service(const mls_json *json, apr_pool_t *pool)
{
    mls_service *record = NULL;
    uint64_t serial = 0;

    if (mls_service_from_json(&record, &serial, json, pool)) {
        return NULL;
    }
    mls_service_check(record, pool);
    return mls_service_to_json(record, serial, pool);
}

static mls_json *family(const mls_json *json, apr_pool_t *pool)
{
    mls_family *record = NULL;

    return mls_family_from_json(&record, json, pool)
               ? NULL
               : mls_family_to_json(record, pool);
}

static mls_json *refresh(const mls_json *json, apr_pool_t *pool)
{
    mls_refresh *record = NULL;

    return mls_refresh_from_json(&record, json, pool)
               ? NULL
               : mls_refresh_to_json(record, pool);
}

static mls_json *not_before(const mls_json *json, apr_pool_t *pool)
{
    mls_not_before *record = NULL;

    return mls_not_before_from_json(&record, json, pool)
               ? NULL
               : mls_not_before_to_json(record, pool);
}

static mls_json *snapshot(const mls_json *json, apr_pool_t *pool)
{
    mls_snapshot *record = NULL;

    return mls_snapshot_from_json(&record, json, pool)
               ? NULL
               : mls_snapshot_to_json(record, pool);
}

static mls_json *audit(const mls_json *json, apr_pool_t *pool)
{
    mls_audit record;

    return mls_audit_from_json(&record, json, pool)
               ? NULL
               : mls_audit_to_json(&record, pool);
}

static mls_json *mappings(const mls_json *json, apr_pool_t *pool)
{
    mls_mappings record;

    return mls_mappings_from_json(&record, json, pool)
               ? NULL
               : mls_mappings_to_json(&record, pool);
}

static void check(again *kind, const mls_json *json, apr_pool_t *pool)
{
    const mls_json *once = kind(json, pool);

    if (!once) {
        return;
    }
    /* As text, as it is stored; then it must not change any more. */
    const char *text = mls_json_text(once, pool);
    mls_json *read = NULL;

    if (mls_json_parse(&read, text, strlen(text), pool)) {
        abort();
    }
    const mls_json *twice = kind(read, pool);

    if (!twice || strcmp(text, mls_json_text(twice, pool)) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static again *const kinds[] = { service,  family, refresh, not_before,
                                    snapshot, audit,  mappings };
    static int initialised;
    mls_json *json = NULL;
    apr_pool_t *pool;

    if (!initialised) {
        apr_initialize();
        initialised = 1;
    }
    if (!size) {
        return 0;
    }
    apr_pool_create(&pool, NULL);
    if (!mls_json_parse(&json, (const char *)data + 1, size - 1, pool)) {
        check(kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))], json,
              pool);
    }
    apr_pool_destroy(pool);
    return 0;
}
