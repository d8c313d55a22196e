/* SPDX-License-Identifier: Apache-2.0 */
/* Values of directives. A setter returns NULL, or a sentence that names the
 * directive, what stands there and what would have been right. */

#include "config/config.h"

#include <ctype.h>
#include <string.h>

#include <http_core.h>
#include <apr_strings.h>

static const char *wrong(const mlh_directive *directive, const char *word,
                         const char *right, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s: \"%s\" is not right; write %s",
                        directive->name, word, right);
}

static const char *parse_flag(const mlh_directive *directive, void *field,
                              const char *word, apr_pool_t *pool)
{
    const int on = !strcasecmp(word, "on");

    if (!on && strcasecmp(word, "off") != 0) {
        return wrong(directive, word, "On or Off", pool);
    }
    *(mlh_type_FLAG *)field = on;
    return NULL;
}

/* Digits and one of `units`; the multipliers stand in the same order. 0 when
 * it is not so, or does not fit. */
static int parse_with_unit(const char *word, const char *units,
                           const apr_int64_t *multipliers, int unit_needed,
                           apr_int64_t *out)
{
    const apr_int64_t most = APR_INT64_C(0x7fffffffffffffff);
    apr_int64_t number = 0;
    const char *at = word;

    for (; isdigit((unsigned char)*at); at++) {
        if (number > (most - 9) / 10) {
            return 0;
        }
        number = number * 10 + (*at - '0');
    }
    if (at == word) {
        return 0;
    }
    if (!*at) {
        *out = number;
        return !unit_needed;
    }
    const char *unit = strchr(units, tolower((unsigned char)*at));

    if (!unit || at[1]) {
        return 0;
    }
    const apr_int64_t multiplier = multipliers[unit - units];

    if (number > most / multiplier) {
        return 0;
    }
    *out = number * multiplier;
    return 1;
}

static const char *parse_duration(const mlh_directive *directive, void *field,
                                  const char *word, apr_pool_t *pool)
{
    static const apr_int64_t seconds[] = { 1, 60, 3600, 24 * 3600 };
    const apr_int64_t most = APR_INT64_C(3650) * 24 * 3600;
    apr_int64_t value;

    if (!parse_with_unit(word, "smhd", seconds, 1, &value) || value < 1 ||
        value > most) {
        return wrong(directive, word,
                     "a whole number with its unit s, m, h or d, from 1s to "
                     "3650d, such as 90s, 15m, 1h or 14d",
                     pool);
    }
    *(mlh_type_DURATION *)field = value;
    return NULL;
}

static int allows_off(const mlh_directive *directive)
{
    return strstr(directive->syntax, "Off") != NULL;
}

static const char *parse_size(const mlh_directive *directive, void *field,
                              const char *word, apr_pool_t *pool)
{
    static const apr_int64_t bytes[] = { 1024, 1024 * 1024,
                                         1024 * 1024 * 1024,
                                         APR_INT64_C(1) << 40 };
    apr_int64_t value = 0;

    if (allows_off(directive) && !strcasecmp(word, "off")) {
        *(mlh_type_SIZE *)field = 0;
        return NULL;
    }
    if (!parse_with_unit(word, "kmgt", bytes, 0, &value) || value < 1) {
        return wrong(directive, word,
                     allows_off(directive)
                         ? "a number of bytes such as 4096, 64K, 16M or 2G, "
                           "or Off"
                         : "a number of bytes such as 4096, 64K, 16M or 2G",
                     pool);
    }
    *(mlh_type_SIZE *)field = value;
    return NULL;
}

static const char *parse_count(const mlh_directive *directive, void *field,
                               const char *word, apr_pool_t *pool)
{
    const apr_int64_t none = 1;
    apr_int64_t value = 0;

    if (allows_off(directive) && !strcasecmp(word, "off")) {
        *(mlh_type_COUNT *)field = 0;
        return NULL;
    }
    if (!parse_with_unit(word, "", &none, 0, &value) || value < 1 ||
        value > 1000 * 1000 * 1000) {
        return wrong(directive, word,
                     allows_off(directive)
                         ? "a whole number from 1 to 1000000000, or Off"
                         : "a whole number from 1 to 1000000000",
                     pool);
    }
    *(mlh_type_COUNT *)field = value;
    return NULL;
}

static const char *parse_path(const mlh_directive *directive, void *field,
                              const char *word, apr_pool_t *pool)
{
    const char *path = *word ? ap_server_root_relative(pool, word) : NULL;

    if (!path) {
        return wrong(directive, word, "a path", pool);
    }
    *(mlh_type_PATH *)field = path;
    return NULL;
}

static const char *parse_text(const mlh_directive *directive, void *field,
                              const char *word, apr_pool_t *pool)
{
    if (!*word) {
        return wrong(directive, word, directive->syntax, pool);
    }
    *(mlh_type_TEXT *)field = apr_pstrdup(pool, word);
    return NULL;
}

static const char *parse_list(const mlh_directive *directive, void *field,
                              const char *word, int first, apr_pool_t *pool)
{
    mlh_type_LIST *list = field;

    if (!*word) {
        return wrong(directive, word, directive->syntax, pool);
    }
    if (first) {
        *list = apr_array_make(pool, 4, sizeof(const char *));
    }
    APR_ARRAY_PUSH(*list, const char *) = apr_pstrdup(pool, word);
    return NULL;
}

static const char *parse_choice(const mlh_directive *directive, void *field,
                                const char *word, apr_pool_t *pool)
{
    char *state = NULL;
    char *rest = apr_pstrdup(pool, directive->syntax);
    int position = 0;

    for (const char *choice = apr_strtok(rest, "|", &state); choice;
         choice = apr_strtok(NULL, "|", &state), position++) {
        if (!strcasecmp(choice, word)) {
            *(mlh_type_CHOICE *)field = position;
            return NULL;
        }
    }
    return wrong(directive, word,
                 apr_pstrcat(pool, "one of ", directive->syntax, NULL), pool);
}

const char *mlh_config_parse(const mlh_directive *directive, void *field,
                             const char *word, int first, apr_pool_t *pool)
{
    switch (directive->kind) {
    case MLH_KIND_FLAG:
        return parse_flag(directive, field, word, pool);
    case MLH_KIND_DURATION:
        return parse_duration(directive, field, word, pool);
    case MLH_KIND_SIZE:
        return parse_size(directive, field, word, pool);
    case MLH_KIND_COUNT:
        return parse_count(directive, field, word, pool);
    case MLH_KIND_PATH:
        return parse_path(directive, field, word, pool);
    case MLH_KIND_TEXT:
        return parse_text(directive, field, word, pool);
    case MLH_KIND_LIST:
        return parse_list(directive, field, word, first, pool);
    case MLH_KIND_CHOICE:
        return parse_choice(directive, field, word, pool);
    case MLH_KIND_ROLE: /* needs its place in the file: auth/roles.h */
        break;
    }
    return "unknown kind of directive";
}
