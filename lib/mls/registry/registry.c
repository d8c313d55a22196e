/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that hold whichever backend stores the records. */

#include "registry/records.h"

#include <string.h>

#include <apr_strings.h>

static mls_err *wrong(apr_pool_t *pool, const char *what, const char *why)
{
    return mls_err_make(pool, MLS_EINVALID, NULL, "%s %s", what, why);
}

/* Names end up in URLs, logs and keys (which end a name with a zero). */
static mls_err *check_text(const char *what, const char *text, size_t most,
                           apr_pool_t *pool)
{
    if (!text || !*text) {
        return wrong(pool, what, "is missing");
    }
    if (strlen(text) > most) {
        return wrong(pool, what, apr_psprintf(pool,
                                              "is longer than %d bytes",
                                              (int)most));
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return wrong(pool, what, "has a control character");
        }
    }
    return NULL;
}

mls_err *mls_name_check(const char *what, const char *name, apr_pool_t *pool)
{
    return check_text(what, name, MLS_NAME_MAX, pool);
}

mls_err *mls_subject_check(const mls_subject *subject, apr_pool_t *pool)
{
    MLS_TRY(check_text("the subject's provider", subject->provider,
                       MLS_NAME_MAX, pool));
    return check_text("the subject's name", subject->name, MLS_SUBJECT_MAX,
                      pool);
}

static mls_err *check_digest(const char *what, const char *digest,
                             apr_pool_t *pool)
{
    if (digest && (strlen(digest) != 64
                   || strspn(digest, "0123456789abcdef") != 64)) {
        return wrong(pool, what, "is not the lower-case hex of a SHA-256");
    }
    return NULL;
}

static mls_err *check_json(const char *what, const char *text,
                           mls_json_type type, apr_pool_t *pool)
{
    mls_json *json;

    if (!text) {
        return NULL;
    }
    mls_err *err = mls_json_parse(&json, text, strlen(text), pool);
    if (err) {
        return mls_err_make(pool, MLS_EINVALID, err, "%s", what);
    }
    return mls_json_type_of(json) == type
               ? NULL
               : wrong(pool, what, type == MLS_JSON_ARRAY ? "is no JSON array"
                                                    : "is no JSON object");
}

mls_err *mls_service_check(const mls_service *service, apr_pool_t *pool)
{
    MLS_TRY(mls_name_check("the service's name", service->name, pool));
    MLS_TRY(mls_name_check("the service's version", service->version, pool));
    MLS_TRY(check_text("the service's runtime type", service->runtime_type,
                       MLS_NAME_MAX, pool));
    MLS_TRY(mls_subject_check(&service->publisher, pool));
    MLS_TRY(check_digest("the blob's digest", service->blob, pool));
    MLS_TRY(check_digest("the image's digest", service->image, pool));
    /* A realtime version has a model and its image; the blob of one that runs
     * code is its snapshot, and may be absent. */
    const int realtime = !strcmp(service->runtime_type, "Realtime");
    if (realtime ? !service->blob || !service->image : !!service->image) {
        return wrong(pool, "a service",
                     "has an image without being realtime, or the other way");
    }
    if (service->model_size < 0) {
        return wrong(pool, "the model's size", "is negative");
    }
    MLS_TRY(check_json("inputs", service->inputs, MLS_JSON_ARRAY, pool));
    MLS_TRY(check_json("outputs", service->outputs, MLS_JSON_ARRAY, pool));
    MLS_TRY(check_json("output files", service->output_files, MLS_JSON_ARRAY,
                       pool));
    MLS_TRY(check_json("the model's description", service->model,
                       MLS_JSON_OBJECT, pool));
    return check_json("options", service->options, MLS_JSON_OBJECT, pool);
}
