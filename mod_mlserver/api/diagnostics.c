/* SPDX-License-Identifier: Apache-2.0 */
/* GET /admin/api/diagnostics: what somebody needs who is to find out what is
 * wrong with a server, in one zip file that can be sent away. Nothing in it is
 * a secret or a caller's data: of the configuration and the log what may be
 * one is masked, of failing calls only their number is told, of services and
 * users not even the names. */

#include "api/admin.h"
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <zip.h>

#include "api/secrets.h"
#include "base/timefmt.h"
#include "http/reply.h"
#include "lifecycle/lifecycle.h"
#include "mlscore/version.h"
#include "usage/recent_log.h"

/* ---- parts ---- */

static mls_json *system_tree(apr_pool_t *pool)
{
    mls_json *tree = mls_json_object(pool);
    struct utsname names;
    struct rlimit limit;

    if (!uname(&names)) {
        mls_json_set_string(tree, "system", names.sysname);
        mls_json_set_string(tree, "release", names.release);
        mls_json_set_string(tree, "machine", names.machine);
    }
    mls_json_set_int(tree, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    mls_json_set_int(tree, "memoryBytes", (int64_t)sysconf(_SC_PHYS_PAGES)
                                              * sysconf(_SC_PAGESIZE));
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        mls_json_set_int(tree, "openFiles", (int64_t)limit.rlim_cur);
    }
    mls_json_set_string(tree, "time",
                        mls_time_rfc3339(apr_time_now(), pool));
    mls_json_set_string(tree, "version", MLSCORE_VERSION);
    return tree;
}

/* Names of services are their owners' business. */
static mls_json *usage_tree(request_rec *r, const mlh_call *call)
{
    mls_json *tree = mlh_usage_tree(r, call);
    mls_json *items = mls_json_get(tree, "items");

    for (size_t i = 0; i < mls_json_length(items); i++) {
        mls_json *item = mls_json_at(items, i);

        mls_json_set_string(item, "name",
                            apr_psprintf(r->pool, "service-%d", (int)i));
        mls_json_remove(item, "version");
    }
    return tree;
}

/* Of the status, the text of reasons and the like is masked as a log is. */
static const char *text_of(const mls_json *tree, apr_pool_t *pool)
{
    return tree ? mls_json_text(tree, pool) : "null";
}

static const char *log_text(apr_pool_t *pool)
{
    char *state = NULL;
    char *lines = apr_pstrdup(pool, mlh_recent_log_text(pool));
    apr_array_header_t *masked = apr_array_make(pool, 64,
                                                sizeof(const char *));

    for (const char *line = apr_strtok(lines, "\n", &state); line;
         line = apr_strtok(NULL, "\n", &state)) {
        APR_ARRAY_PUSH(masked, const char *) = mlh_mask_line(line, pool);
        APR_ARRAY_PUSH(masked, const char *) = "\n";
    }
    return apr_array_pstrcat(pool, masked, 0);
}

static const char readme[] =
    "Diagnostics of mod_mlserver\n\n"
    "system.json         the machine\n"
    "status.json         GET /status, with mlserverd's own words\n"
    "configuration.json  directives with file and line; secrets read ***\n"
    "licences.json       parts and their versions\n"
    "usage.json          counts and times of calls, without names\n"
    "log.txt             the module's last lines in httpd's error log\n\n"
    "There are no tokens, passwords, models, code or callers' data in here.\n";

/* ---- the archive ---- */

/* The text must stay until the archive is closed. */
static int add(zip_t *archive, const char *name, const char *text)
{
    zip_source_t *source = zip_source_buffer(archive, text, strlen(text), 0);

    if (!source) {
        return 0;
    }
    if (zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) < 0) {
        zip_source_free(source);
        return 0;
    }
    return 1;
}

static int add_all(zip_t *archive, request_rec *r, const mlh_call *call)
{
    apr_pool_t *pool = r->pool;

    return add(archive, "README.txt", readme) &&
           add(archive, "system.json", text_of(system_tree(pool), pool)) &&
           add(archive, "status.json",
               mlh_mask_line(text_of(mlh_status_tree(r, call), pool),
                             pool)) &&
           add(archive, "configuration.json",
               text_of(mlh_configuration_tree(r, call), pool)) &&
           add(archive, "licences.json",
               text_of(mlh_licences_tree(pool), pool)) &&
           add(archive, "usage.json", text_of(usage_tree(r, call), pool)) &&
           add(archive, "log.txt", log_text(pool));
}

static mls_err *failed(apr_pool_t *pool)
{
    return mls_err_make(pool, MLS_EOTHER, NULL,
                        "the diagnostics could not be packed");
}

/* The bytes of the archive; `source` keeps them. */
static mls_err *read_source(const char **bytes, size_t *length,
                            zip_source_t *source, apr_pool_t *pool)
{
    zip_stat_t status;

    zip_stat_init(&status);
    if (zip_source_stat(source, &status) || !(status.valid & ZIP_STAT_SIZE) ||
        zip_source_open(source)) {
        return failed(pool);
    }
    char *copy = apr_palloc(pool, status.size + 1);
    const zip_int64_t got = zip_source_read(source, copy, status.size);

    zip_source_close(source);
    if (got != (zip_int64_t)status.size) {
        return failed(pool);
    }
    *bytes = copy;
    *length = status.size;
    return NULL;
}

static mls_err *pack(const char **bytes, size_t *length, request_rec *r,
                     const mlh_call *call)
{
    zip_error_t error;

    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *archive =
        source ? zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL;
    mls_err *err = archive ? NULL : failed(r->pool);

    if (archive) {
        zip_source_keep(source); /* closing the archive gives one back */
        if (!add_all(archive, r, call) || zip_close(archive)) {
            zip_discard(archive);
            err = failed(r->pool);
        }
    }
    err = err ? err : read_source(bytes, length, source, r->pool);
    if (source) {
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return err;
}

int mlh_diagnostics(request_rec *r, const mlh_call *call)
{
    const char *bytes = NULL;
    size_t length = 0;
    mls_err *err = pack(&bytes, &length, r, call);

    if (err) {
        return mlh_reply_error(r, err);
    }
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Content-Disposition",
                   "attachment; filename=\"mlserver-diagnostics.zip\"");
    return mlh_reply_bytes(r, HTTP_OK, "application/zip", bytes, length);
}
