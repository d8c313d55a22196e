/* SPDX-License-Identifier: Apache-2.0 */
/* status, services, keys: what a running mlserverd says. */

#include "ctl.h"

#include <string.h>

#include <apr_strings.h>

#include "base/timefmt.h"
#include "pool/supervisor.h"
#include "registry/remote/registry_client.h"

static int print_member(void *baton, const char *key, mls_json *value)
{
    apr_pool_t *pool = baton;
    const char *text = mls_json_type_of(value) == MLS_JSON_STRING
                           ? mls_json_string_of(value)
                           : mls_json_text(value, pool);

    printf("  %-16s %s\n", key, text ? text : "");
    return 0;
}

static void print_part(const ctl *c, const char *name, const char *text,
                       const mls_err *err)
{
    mls_json *json;

    printf("%s\n", name);
    if (err) {
        printf("  %-16s %s\n", "away", mls_err_text(err, c->pool));
    }
    else if (!mls_json_parse(&json, text, strlen(text), c->pool)) {
        mls_json_each(json, print_member, c->pool);
    }
}

mls_err *ctl_status(ctl *c, int count, char **words)
{
    const char *registry = "null", *supervisor = "null";
    mls_supervisor *handle;

    mls_err *owner_err = mls_registry_status(&registry, c->registry, c->pool);
    MLS_TRY(mls_supervisor_open(&handle, c->paths.supervisor_socket,
                                c->pool));
    mls_err *super_err = mls_supervisor_status(&supervisor, handle, c->pool);
    if (c->json) {
        printf("{\"registry\":%s,\"supervisor\":%s}\n",
               owner_err ? "null" : registry,
               super_err ? "null" : supervisor);
    }
    else {
        print_part(c, "registry", registry, owner_err);
        print_part(c, "supervisor", supervisor, super_err);
    }
    return owner_err ? owner_err : super_err;
}

mls_err *ctl_services(ctl *c, int count, char **words)
{
    apr_array_header_t *services;

    MLS_TRY(mls_service_list(&services, c->registry,
                             count > 0 ? words[0] : NULL, c->pool));
    for (int i = 0; i < services->nelts; i++) {
        const mls_service *s =
            APR_ARRAY_IDX(services, i, const mls_service *);
        printf("%s\t%s\t%s\t%s:%s\t%s\t%.12s\n", s->name, s->version,
               s->runtime_type, s->publisher.provider, s->publisher.name,
               mls_time_rfc3339(s->modified, c->pool),
               s->blob ? s->blob : "-");
    }
    return NULL;
}
