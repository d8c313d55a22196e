/* SPDX-License-Identifier: Apache-2.0 */
/* The audit's log: a file or a program, as httpd's other logs. One write is
 * one line: the kernel does not mix what is appended to a file in one write,
 * nor what is at most PIPE_BUF bytes long in a pipe. */

#include "audit/audit_private.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include <http_core.h>

APLOG_USE_MODULE(mlserver);

static apr_file_t *open_program(const char *command, server_rec *s,
                                apr_pool_t *pconf)
{
    piped_log *log = ap_open_piped_log(pconf, command);

    if (!log) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                     "MLServerAuditLog: the program \"%s\" cannot be started",
                     command);
        return NULL;
    }
    return ap_piped_log_write_fd(log);
}

static apr_file_t *open_file(const char *name, server_rec *s,
                             apr_pool_t *pconf)
{
    const char *path = ap_server_root_relative(pconf, name);
    apr_file_t *file = NULL;
    const apr_status_t status =
        path ? apr_file_open(&file, path,
                             APR_FOPEN_WRITE | APR_FOPEN_APPEND |
                                 APR_FOPEN_CREATE | APR_FOPEN_LARGEFILE,
                             APR_FPROT_UREAD | APR_FPROT_UWRITE |
                                 APR_FPROT_GREAD,
                             pconf)
             : APR_EBADPATH;

    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, status, s,
                     "MLServerAuditLog %s cannot be opened; make its "
                     "directory, or name another",
                     name);
        return NULL;
    }
    return file;
}

/* What another server has opened under the same words. */
static apr_file_t *find(server_rec *first, const server_rec *s,
                        const char *words)
{
    for (; first != s; first = first->next) {
        const mlh_server *server =
            ap_get_module_config(first->module_config, &mlserver_module);

        if (server->audit_log && !strcmp(server->audit_log, words)) {
            return server->audit_file;
        }
    }
    return NULL;
}

int mlh_audit_open_logs(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *first)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    for (server_rec *s = first; s; s = s->next) {
        mlh_server *server =
            ap_get_module_config(s->module_config, &mlserver_module);
        const char *words = server->audit_log;

        server->audit_file = NULL;
        if (!words || !strcasecmp(words, "none") ||
            !mlh_config_mounts(s, ptemp)->nelts) {
            continue;
        }
        server->audit_file = find(first, s, words);
        if (!server->audit_file) {
            server->audit_file = *words == '|'
                                     ? open_program(words + 1, s, pconf)
                                     : open_file(words, s, pconf);
        }
        if (!server->audit_file) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

void mlh_audit_log(request_rec *r, const mlh_server *server,
                   const mls_audit *record)
{
    static _Atomic apr_int64_t said; /* when, in seconds */

    if (!server->audit_file) {
        return;
    }
    const char *line = mlh_audit_line(record, PIPE_BUF, r->pool);
    const apr_size_t length = strlen(line);
    apr_size_t written = length;
    const apr_status_t status =
        apr_file_write(server->audit_file, line, &written);
    const apr_int64_t now = apr_time_sec(apr_time_now());

    if ((status != APR_SUCCESS || written != length) &&
        atomic_exchange(&said, now) != now) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, status, r,
                      "audit line not written: request=%s",
                      record->request_id);
    }
}
