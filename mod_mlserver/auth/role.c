/* SPDX-License-Identifier: Apache-2.0 */
/* Subject -> role. With no roles configured everybody who can log in is a
 * Contributor, and those that MLServerOwner names are Owners. */

#include "auth/auth.h"

#include <string.h>

int mlh_same_subject(const mls_subject *one, const mls_subject *other)
{
    return one->name && other->name && one->provider && other->provider &&
           !strcmp(one->provider, other->provider) &&
           !strcmp(one->name, other->name);
}

/* Does `entry`, "provider:name" or "name" of provider file, name `subject`? A
 * name may itself hold a colon, so the provider is compared first. */
static int names(const char *entry, const mls_subject *subject)
{
    const size_t provider = strlen(subject->provider);

    if (!strncmp(entry, subject->provider, provider) &&
        entry[provider] == ':' &&
        !strcmp(entry + provider + 1, subject->name)) {
        return 1;
    }
    return !strcmp(subject->provider, "file") &&
           !strcmp(entry, subject->name) && !strchr(entry, ':');
}

mls_role mlh_role_of(request_rec *r, const mlh_config *config,
                     const mls_subject *subject)
{
    for (int i = 0; i < config->owners->nelts; i++) {
        if (names(APR_ARRAY_IDX(config->owners, i, const char *), subject)) {
            return MLS_ROLE_OWNER;
        }
    }
    return MLS_ROLE_CONTRIBUTOR;
}
