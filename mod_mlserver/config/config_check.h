/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_CONFIG_CONFIG_CHECK_H
#define MLH_CONFIG_CONFIG_CHECK_H

/** What checks of the configuration share. */

#include "config/config.h"

/** What a check needs to complain. */
typedef struct mlh_check {
    server_rec *s;
    apr_pool_t *pool;
    apr_array_header_t *said; /* a Location counts in every virtual host */
    apr_array_header_t *warned;
} mlh_check;

/** Say what is wrong; httpd will not start. */
void mlh_mistake(mlh_check *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Is a directive anywhere in the configuration? */
int mlh_is_mentioned(const ap_directive_t *node, const char *name);

/* ---- config_check_identity.c ---- */

/** Whose users, which roles, which directory. */
void mlh_check_identity(mlh_check *c, const mlh_config *config);

#endif
