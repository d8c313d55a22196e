/* SPDX-License-Identifier: Apache-2.0 */
/* MLServerAuthProvider's entries, NAME or NAME=SOURCE: which provider is
 * asked, and whose users it has. A user is a name at a source; the same person
 * must not become two by being found in a cache. */

#include "auth/auth.h"

#include <string.h>

#include <http_core.h>

const char *mlh_provider_name(const char *entry, apr_pool_t *pool)
{
    const char *equals = strchr(entry, '=');

    return equals ? apr_pstrmemdup(pool, entry, (apr_size_t)(equals - entry))
                  : entry;
}

/* The one provider that AuthnCacheProvideFor names, wherever it stands; ""
 * when there are several, NULL when there is none. */
static const char *cached_provider(const ap_directive_t *node,
                                   const char *found, apr_pool_t *pool)
{
    for (; node; node = node->next) {
        if (!strcasecmp(node->directive, "AuthnCacheProvideFor")) {
            const char *rest = node->args;

            while (*rest) {
                const char *word = ap_getword_conf(pool, &rest);

                found = !found || !strcmp(found, word) ? word : "";
            }
        }
        found = cached_provider(node->first_child, found, pool);
    }
    return found;
}

const char *mlh_provider_source(const char *entry, apr_pool_t *pool)
{
    const char *equals = strchr(entry, '=');

    if (equals) {
        return equals[1] ? equals + 1 : NULL;
    }
    if (strcmp(entry, "socache") != 0) {
        return entry;
    }
    const char *found = cached_provider(ap_conftree, NULL, pool);

    return found && *found ? found : NULL;
}
