/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for user names. */

#include "auth/user_name.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

static const char realm_rule[] = "strip-realm";
static const char domain_rule[] = "strip-domain";

/* Is `word` the rule, alone or as rule=value? *value is NULL when alone. */
static int is_rule(const char *word, const char *rule, const char **value)
{
    const size_t length = strlen(rule);

    *value = NULL;
    if (strncasecmp(word, rule, length) != 0) {
        return 0;
    }
    if (word[length] == '=' && word[length + 1]) {
        *value = word + length + 1;
        return 1;
    }
    return !word[length];
}

int mls_user_name_is_rule(const char *word)
{
    const char *value;

    return !strcasecmp(word, "none") || !strcasecmp(word, "lower-case") ||
           is_rule(word, realm_rule, &value) ||
           is_rule(word, domain_rule, &value);
}

static const char *strip_realm(const char *name, const char *realm,
                               apr_pool_t *pool)
{
    const char *at = strrchr(name, '@');

    if (!at || at == name || (realm && strcasecmp(at + 1, realm) != 0)) {
        return name;
    }
    return apr_pstrmemdup(pool, name, (apr_size_t)(at - name));
}

static const char *strip_domain(const char *name, const char *domain,
                                apr_pool_t *pool)
{
    const char *slash = strchr(name, '\\');

    if (!slash || !slash[1] ||
        (domain && (strlen(domain) != (size_t)(slash - name) ||
                    strncasecmp(name, domain, strlen(domain)) != 0))) {
        return name;
    }
    return apr_pstrdup(pool, slash + 1);
}

static const char *lower(const char *name, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, name);

    for (char *at = copy; *at; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at - 'A' + 'a');
        }
    }
    return copy;
}

const char *mls_user_name(const char *name, const apr_array_header_t *rules,
                          apr_pool_t *pool)
{
    for (int i = 0; i < rules->nelts; i++) {
        const char *rule = APR_ARRAY_IDX(rules, i, const char *);
        const char *value;

        if (is_rule(rule, realm_rule, &value)) {
            name = strip_realm(name, value, pool);
        }
        else if (is_rule(rule, domain_rule, &value)) {
            name = strip_domain(name, value, pool);
        }
        else if (!strcasecmp(rule, "lower-case")) {
            name = lower(name, pool);
        }
    }
    return name;
}
