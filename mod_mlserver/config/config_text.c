/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: from a checked field to the words that would set it, so that a
 * default can be shown as somebody would write it. */

#include "config/config.h"

#include <string.h>

#include <apr_strings.h>

/* The largest unit that divides the number; plain when none does. */
static const char *with_unit(apr_int64_t value, const apr_int64_t *units,
                             const char *letters, apr_pool_t *pool)
{
    if (value == 0) {
        return "Off";
    }
    for (int i = 0; letters[i]; i++) {
        if (value % units[i] == 0) {
            return apr_psprintf(pool, "%" APR_INT64_T_FMT "%c",
                                value / units[i], letters[i]);
        }
    }
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, value);
}

static const char *choice_text(const char *syntax, int position,
                               apr_pool_t *pool)
{
    char *state = NULL;
    char *rest = apr_pstrdup(pool, syntax);
    const char *choice = apr_strtok(rest, "|", &state);

    while (choice && position-- > 0) {
        choice = apr_strtok(NULL, "|", &state);
    }
    return choice;
}

const char *mlh_config_text(const mlh_directive *directive, const void *field,
                            apr_pool_t *pool)
{
    static const apr_int64_t seconds[] = { 86400, 3600, 60, 1 };
    static const apr_int64_t bytes[] = { APR_INT64_C(1) << 40, 1 << 30,
                                         1 << 20, 1 << 10 };

    switch (directive->kind) {
    case MLH_KIND_FLAG:
        return *(const mlh_type_FLAG *)field ? "On" : "Off";
    case MLH_KIND_DURATION:
        return with_unit(*(const mlh_type_DURATION *)field, seconds, "dhms",
                         pool);
    case MLH_KIND_SIZE:
        return with_unit(*(const mlh_type_SIZE *)field, bytes, "TGMK", pool);
    case MLH_KIND_COUNT:
        return with_unit(*(const mlh_type_COUNT *)field, bytes, "", pool);
    case MLH_KIND_PATH:
        return *(const mlh_type_PATH *)field;
    case MLH_KIND_TEXT:
        return *(const mlh_type_TEXT *)field;
    case MLH_KIND_LIST:
        return apr_array_pstrcat(pool, *(const mlh_type_LIST *)field, ' ');
    case MLH_KIND_CHOICE:
        return choice_text(directive->syntax,
                           *(const mlh_type_CHOICE *)field, pool);
    default:
        return NULL;
    }
}

const mlh_directive *mlh_config_directive(const command_rec *command)
{
    return command->name && !strncmp(command->name, "MLServer", 8)
               ? command->cmd_data
               : NULL;
}
