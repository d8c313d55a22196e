/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreters that are declared: found by name, asked once what they
 * are. The answer is kept in a file that children of httpd read. */

#include "daemon/pool/pool_private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

enum { MOST = 8 << 20 /* bytes of a list of packages */ };

/* ---- found ---- */

/* "3.11" is the beginning of "3.11.2", not of "3.110". */
static int begins(const char *version, const char *beginning)
{
    const size_t length = strlen(beginning);

    return version && !strncmp(version, beginning, length)
           && (!version[length] || version[length] == '.');
}

static int is_meant(const mls_pool_interpreter *one, const char *runtime)
{
    const size_t length = strlen(one->name);

    if (strncmp(one->name, runtime, length) != 0) {
        return 0;
    }
    const char *rest = runtime + length;
    return !*rest
           || (*rest == ' '
               && (begins(one->version, rest + 1)
                   || begins(one->actual, rest + 1)));
}

static const char *list(const mls_pool *pool, apr_pool_t *scratch)
{
    const char *text = "";

    for (int i = 0; i < pool->config.interpreter_count; i++) {
        const mls_pool_interpreter *one = &pool->config.interpreters[i];
        text = apr_pstrcat(scratch, text, i ? ", " : "", one->name, " ",
                           one->version, NULL);
    }
    return text;
}

mls_err *pool_interpreter_find(mls_pool_interpreter **out,
                               const mls_pool *pool, const char *runtime,
                               apr_pool_t *scratch)
{
    for (int i = 0; i < pool->config.interpreter_count; i++) {
        mls_pool_interpreter *one = &pool->config.interpreters[i];
        if (!runtime || !*runtime || is_meant(one, runtime)) {
            *out = one;
            return NULL;
        }
    }
    return mls_err_make(scratch, MLS_EINVALID, NULL,
                        "this server has no runtime \"%s\"; there is: %s",
                        runtime ? runtime : "", list(pool, scratch));
}

/* ---- asked ---- */

static void write_file(mls_pool *pool)
{
    apr_pool_t *scratch;

    if (!pool->config.runtimes_path) {
        return;
    }
    apr_pool_create(&scratch, pool->pool);
    pool_file_write(pool->config.runtimes_path,
                    mls_pool_runtimes(pool, scratch), scratch);
    apr_pool_destroy(scratch);
}

static mls_err *ask(mls_pool *pool, mls_pool_interpreter *one,
                    apr_pool_t *scratch)
{
    const mls_pool_definition definition = {
        .json = "{}",
        .runtime = apr_pstrcat(scratch, one->name, " ", one->version, NULL),
    };
    pool_runtime *runtime;

    if (access(one->path, X_OK)) {
        return mls_err_make(scratch, MLS_EINVALID, NULL,
                            "there is no program %s that can be run",
                            one->path);
    }
    MLS_TRY(pool_runtime_start(&runtime, pool, &definition, scratch));
    runtime->interpreter = one;
    runtime->describing = 1;
    return NULL;
}

void pool_interpreters_ask(mls_pool *pool)
{
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool->pool);
    for (int i = 0; i < pool->config.interpreter_count; i++) {
        mls_pool_interpreter *one = &pool->config.interpreters[i];
        mls_err *err = ask(pool, one, scratch);
        if (err) {
            one->problem = apr_pstrdup(pool->pool,
                                       mls_err_text(err, scratch));
            pool_log(pool, "runtime unusable: name=%s version=%s path=%s "
                           "reason=\"%s\"",
                     one->name, one->version, one->path, one->problem);
        }
    }
    apr_pool_destroy(scratch);
    write_file(pool);
}

/* ---- answered ---- */

static const char *read_packages(int fd, apr_pool_t *pool)
{
    struct stat status;

    if (fd < 0 || fstat(fd, &status) || status.st_size < 2
        || status.st_size > MOST) {
        return NULL;
    }
    const size_t size = (size_t)status.st_size;
    char *text = apr_palloc(pool, size + 1);
    size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(fd, text + done, size - done, (off_t)done);
        if (got <= 0) {
            return NULL;
        }
        done += (size_t)got;
    }
    text[size] = '\0';
    mls_json *json;
    return mls_json_parse(&json, text, size, pool)
                   || mls_json_type_of(json) != MLS_JSON_ARRAY
               ? NULL
               : text;
}

/* The declared version must be the beginning of the real one. */
static const char *wrong_version(const mls_pool_interpreter *one,
                                 apr_pool_t *pool)
{
    const char *actual = one->actual ? one->actual : "unknown";

    if (begins(actual, one->version)) {
        return NULL;
    }
    return apr_psprintf(pool, "%s is version %s, not %s as MLServerRuntime "
                        "says", one->path, actual, one->version);
}

void pool_interpreter_answered(mls_pool *pool, pool_runtime *runtime, int fd)
{
    mls_pool_interpreter *one = runtime->interpreter;

    one->packages = read_packages(fd, pool->pool);
    if (fd >= 0) {
        close(fd);
    }
    if (!one->version || !*one->version) { /* none was declared */
        one->version = one->actual;
    }
    one->problem = wrong_version(one, pool->pool);
    pool_log(pool, "runtime found: name=%s version=%s path=%s%s%s", one->name,
             one->actual, one->path, one->problem ? " problem=" : "",
             one->problem ? one->problem : "");
    runtime->describing = 0;
    pool_runtime_end(pool, runtime, NULL);
    write_file(pool);
}

void pool_interpreter_failed(mls_pool *pool, pool_runtime *runtime,
                             const char *reason)
{
    mls_pool_interpreter *one = runtime->interpreter;

    one->problem = apr_psprintf(pool->pool, "it did not start: %s",
                                reason ? reason : "it was ended");
    pool_log(pool, "runtime unusable: name=%s version=%s path=%s "
                   "reason=\"%s\"",
             one->name, one->version, one->path, one->problem);
    write_file(pool);
}

mls_json *mls_pool_runtimes(const mls_pool *pool, apr_pool_t *scratch)
{
    mls_json *json = mls_json_object(scratch);
    mls_json *items = mls_json_array(scratch);

    for (int i = 0; i < pool->config.interpreter_count; i++) {
        const mls_pool_interpreter *one = &pool->config.interpreters[i];
        mls_json *item = mls_json_object(scratch);
        mls_json *packages = mls_json_array(scratch);

        mls_json_set_string(item, "name", one->name);
        mls_json_set_string(item, "version", one->version);
        mls_json_set_string(item, "interpreter", one->path);
        mls_json_set_string(item, "actualVersion", one->actual);
        mls_json_set_string(item, "problem", one->problem);
        if (one->packages
            && mls_json_parse(&packages, one->packages,
                              strlen(one->packages), scratch)) {
            packages = mls_json_array(scratch);
        }
        mls_json_set(item, "packages", packages);
        mls_json_add(items, item);
    }
    mls_json_set(json, "items", items);
    return json;
}
