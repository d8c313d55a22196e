/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLH_USAGE_RECENT_LOG_H
#define MLH_USAGE_RECENT_LOG_H

/**
 * The last lines that this module wrote to httpd's error log, of all children.
 * The log itself usually belongs to root; for the diagnostics bundle they are
 * kept in shared memory as well, from level notice up.
 */

#include <httpd.h>
#include <http_core.h>

enum { MLH_RECENT_LINES = 256 };

/** post_config: memory for them, kept over reloads. */
void mlh_recent_log_share(server_rec *s);

/** An error_log hook. */
void mlh_recent_log_keep(const ap_errorlog_info *info, const char *text);

/** A line each, oldest first, as "time level text". */
const char *mlh_recent_log_text(apr_pool_t *pool);

#endif
