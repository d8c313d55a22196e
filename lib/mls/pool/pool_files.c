/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's files in the run directory. */

#include "pool/pool_files.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_time.h>

enum { MOST = 16 << 20 /* bytes of a file */ };

/* Files are replaced whole, so that one open sees one state. */
static mls_err *read_json(mls_json **out, const char *run_dir,
                          const char *name, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, run_dir, "/", name, NULL);
    apr_finfo_t info = { 0 };
    apr_file_t *file;
    apr_size_t length;

    if (apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, pool)
        || apr_file_info_get(&info, APR_FINFO_SIZE, file)
        || info.size > MOST) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "the pool supervisor has not told its state yet; "
                            "try again in a moment");
    }
    char *text = apr_palloc(pool, (apr_size_t)info.size + 1);
    const apr_status_t status =
        apr_file_read_full(file, text, (apr_size_t)info.size, &length);
    apr_file_close(file);
    if (status && !APR_STATUS_IS_EOF(status)) {
        return mls_err_apr(pool, status, "cannot read %s", path);
    }
    return mls_json_parse(out, text, length, pool);
}

mls_err *mls_pool_counts(mls_json **out, const char *run_dir,
                         apr_pool_t *pool)
{
    return read_json(out, run_dir, "pool.json", pool);
}

static int is_text(const mls_json *object, const char *key, const char *text)
{
    const char *value = mls_json_string(object, key);

    return value && !strcmp(value, text);
}

mls_err *mls_pool_counts_of(mls_json **out, const char *run_dir,
                            const char *name, const char *version,
                            apr_pool_t *pool)
{
    mls_json *counts;

    *out = NULL;
    MLS_TRY(mls_pool_counts(&counts, run_dir, pool));
    const mls_json *services = mls_json_get(counts, "services");
    for (size_t i = 0; i < mls_json_length(services); i++) {
        mls_json *one = mls_json_at(services, i);
        if (is_text(one, "name", name) && is_text(one, "version", version)) {
            *out = one;
            return NULL;
        }
    }
    return NULL;
}

/* ---- runtimes ---- */

mls_err *mls_pool_runtimes_read(mls_json **out, const char *run_dir,
                                apr_pool_t *pool)
{
    return read_json(out, run_dir, "runtimes.json", pool);
}

/* As the registry's client does, wait for a supervisor that is starting. */
static mls_err *read_patiently(mls_json **out, const char *run_dir,
                               apr_pool_t *pool)
{
    enum { TRIES = 20 };
    mls_err *err = mls_pool_runtimes_read(out, run_dir, pool);

    for (int i = 0; i < TRIES && err && err->code == MLS_EUNAVAILABLE; i++) {
        apr_sleep(apr_time_from_msec(100));
        err = mls_pool_runtimes_read(out, run_dir, pool);
    }
    return err;
}

/* "3.11" is the beginning of "3.11.2", not of "3.110". */
static int begins(const char *version, const char *beginning)
{
    const size_t length = strlen(beginning);

    return version && !strncmp(version, beginning, length)
           && (!version[length] || version[length] == '.');
}

static int is_meant(const mls_json *runtime, const char *wanted)
{
    const char *name = mls_json_string(runtime, "name");
    const size_t length = name ? strlen(name) : 0;

    if (!length || strncmp(name, wanted, length) != 0) {
        return 0;
    }
    return !wanted[length]
           || (wanted[length] == ' '
               && (begins(mls_json_string(runtime, "version"),
                          wanted + length + 1)
                   || begins(mls_json_string(runtime, "actualVersion"),
                             wanted + length + 1)));
}

mls_err *mls_pool_runtime_check(const char *run_dir, const char *wanted,
                                apr_pool_t *pool)
{
    const char *list = "";
    mls_json *json;

    MLS_TRY(read_patiently(&json, run_dir, pool));
    const mls_json *items = mls_json_get(json, "items");
    for (size_t i = 0; i < mls_json_length(items); i++) {
        const mls_json *one = mls_json_at(items, i);
        if (is_meant(one, wanted)) {
            return NULL;
        }
        list = apr_pstrcat(pool, list, *list ? ", " : "",
                           mls_json_string(one, "name"), " ",
                           mls_json_string(one, "version"), NULL);
    }
    return mls_err_make(pool, MLS_EINVALID, NULL,
                        "this server has no runtime for \"%s\"; "
                        "\"runtimeType\" may be a name, or a name and a "
                        "version, of: %s",
                        wanted, list);
}
