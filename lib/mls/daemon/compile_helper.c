/* SPDX-License-Identifier: Apache-2.0 */
/* The helper process of one upload. */

#include "daemon/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/json.h"
#include "daemon/files.h"
#include "pool/dgram.h"
#include "registry/records.h"
#include "registry/remote/registry_client.h"

enum {
    VERIFY_MOST = 64 * 1024 * 1024, /* bytes of rows to reproduce */
    ANSWER_SECONDS = 10
};

/* ---- may it be stored? ---- */

static mls_err *check_space(const mls_daemon *daemon, int64_t size,
                            apr_pool_t *pool)
{
    struct statvfs status;

    if (statvfs(daemon->paths.blobs, &status)) {
        return mls_err_apr(pool, errno, "look at the disk");
    }
    const int64_t left = (int64_t)status.f_bavail * (int64_t)status.f_frsize;
    if (left - size >= daemon->options.reserve_bytes) {
        return NULL;
    }
    return mls_err_make(pool, MLS_ENOSPACE, NULL,
                        "the disk of the state directory has %" APR_INT64_T_FMT
                        " MB left, of which %" APR_INT64_T_FMT
                        " MB are kept in reserve",
                        (apr_int64_t)(left >> 20),
                        (apr_int64_t)(daemon->options.reserve_bytes >> 20));
}

static mls_err *usage_of(int64_t *bytes, const mls_daemon *daemon,
                         const char *subject, apr_pool_t *pool)
{
    const char *colon = strchr(subject, ':');
    mls_json *request = mls_json_object(pool);
    mls_registry *registry;
    mls_json *answer;

    const mls_subject who = {
        colon ? apr_pstrmemdup(pool, subject, (apr_size_t)(colon - subject))
              : "",
        colon ? colon + 1 : subject
    };
    MLS_TRY(mls_registry_open(&registry, daemon->paths.registry_socket,
                              pool));
    mls_json_set_string(request, "op", "usage");
    mls_json_set(request, "subject", mls_subject_to_json(&who, pool));
    MLS_TRY(mls_registry_ask(&answer, registry, request, pool));
    *bytes = mls_json_int(answer, "bytes", 0);
    return NULL;
}

static mls_err *check_quota(const mls_daemon *daemon, const char *subject,
                            int64_t size, apr_pool_t *pool)
{
    const int64_t quota = daemon->options.quota_bytes;
    int64_t used;

    if (quota <= 0) {
        return NULL;
    }
    MLS_TRY(usage_of(&used, daemon, subject, pool));
    if (size <= quota && used <= quota - size) {
        return NULL;
    }
    return mls_err_make(pool, MLS_ENOSPACE, NULL,
                        "the quota of %" APR_INT64_T_FMT " bytes is used up: "
                        "%" APR_INT64_T_FMT " are stored, the upload has %"
                        APR_INT64_T_FMT,
                        (apr_int64_t)quota, (apr_int64_t)used,
                        (apr_int64_t)size);
}

static mls_err *check_upload(const mls_compile_job *job, apr_pool_t *pool)
{
    const int64_t most = job->daemon->options.max_model_size;
    struct stat status;

    if (fstat(job->model, &status) || !S_ISREG(status.st_mode)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "the upload is no regular file");
    }
    if (status.st_size > most) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "the model has %" APR_INT64_T_FMT " bytes, at "
                            "most %" APR_INT64_T_FMT " are taken",
                            (apr_int64_t)status.st_size, (apr_int64_t)most);
    }
    MLS_TRY(check_space(job->daemon, status.st_size, pool));
    return check_quota(job->daemon, job->subject, status.st_size, pool);
}

/* ---- store and compile ---- */

/* The cell gets a copy: the caller's file stays writable for the caller. */
static mls_err *copy_rows(int *out, int verify, apr_pool_t *pool)
{
    struct stat status;
    char chunk[65536];
    off_t done = 0;
    ssize_t got;

    if (fstat(verify, &status) || !S_ISREG(status.st_mode)
        || status.st_size > VERIFY_MOST) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "the rows to verify must be a file of at most %d "
                            "MB", VERIFY_MOST >> 20);
    }
    *out = memfd_create("verify", MFD_CLOEXEC);
    if (*out < 0) {
        return mls_err_apr(pool, errno, "memory file");
    }
    while (done < VERIFY_MOST
           && (got = pread(verify, chunk, sizeof(chunk), done)) > 0) {
        MLS_TRY(mls_write_all(*out, chunk, (size_t)got, "the rows", pool));
        done += got;
    }
    return NULL;
}

/* Only what compiles gets its name: refused uploads leave nothing behind. */
static mls_err *compile_and_store(mls_compile_result *result,
                                  const mls_compile_job *job,
                                  mls_blob_temporary *upload, apr_pool_t *pool)
{
    int verify = -1;

    if (!job->store_only) {
        if (job->verify >= 0) {
            MLS_TRY(copy_rows(&verify, job->verify, pool));
        }
        const int model = open(upload->path, O_RDONLY | O_CLOEXEC);
        if (model < 0) {
            return mls_err_apr(pool, errno, "open %s", upload->path);
        }
        MLS_TRY(mls_compile_blob(result, job->daemon, job->reduced, model,
                                 verify, job->connection, pool));
    }
    return mls_blob_commit(&result->blob, &result->blob_size, upload, pool);
}

static mls_err *work(mls_compile_result *result, const mls_compile_job *job,
                     apr_pool_t *pool)
{
    mls_blob_temporary *upload;
    mls_blob_store blobs, images;

    MLS_TRY(check_upload(job, pool));
    mls_stores_make(&blobs, &images, &job->daemon->paths, pool);
    MLS_TRY(mls_blob_begin(&upload, &blobs, pool));
    mls_err *err =
        mls_blob_fill(upload, job->model,
                      job->daemon->options.max_model_size, pool);
    if (!err) {
        err = compile_and_store(result, job, upload, pool);
    }
    mls_blob_abandon(upload);
    return err;
}

/* ---- answer ---- */

static mls_json *answer_of(const mls_compile_result *result,
                           const mls_err *err, apr_pool_t *pool)
{
    mls_json *answer = mls_json_object(pool);

    mls_json_set_bool(answer, "ok", !err);
    if (err) {
        mls_json_set_string(answer, "code", mls_wire_word(err->code));
        mls_json_set_string(answer, "message", mls_err_text(err, pool));
        return answer;
    }
    mls_json_set_string(answer, "blob", result->blob);
    mls_json_set_int(answer, "blobSize", result->blob_size);
    if (!result->image) {
        return answer;
    }
    mls_json_set_string(answer, "image", result->image);
    mls_json_set_int(answer, "imageSize", result->image_size);
    mls_json_set_string(answer, "model", result->model);
    return answer;
}

static void log_result(const mls_compile_job *job,
                       const mls_compile_result *result, const mls_err *err,
                       apr_time_t began)
{
    const long milliseconds = (long)((apr_time_now() - began) / 1000);

    if (err) {
        mls_daemon_log_err(job->daemon, err,
                           "upload_refused request=%s subject=\"%s\" code=%s "
                           "ms=%ld", job->request_id, job->subject,
                           mls_wire_word(err->code), milliseconds);
        return;
    }
    mls_daemon_log(job->daemon,
                   "%s request=%s subject=\"%s\" blob=%.12s image=%.12s "
                   "bytes=%lld ms=%ld",
                   job->store_only ? "stored" : "compiled", job->request_id,
                   job->subject, result->blob,
                   result->image ? result->image : "-",
                   (long long)result->blob_size, milliseconds);
}

int mls_compile_helper(const mls_compile_job *job, apr_pool_t *pool)
{
    mls_compile_result result = { 0 };
    const apr_time_t began = apr_time_now();

    prctl(PR_SET_NAME, "mls-compile", 0, 0, 0);
    /* The supervisor's end ends this too, and this one's the cell. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    mls_err *err = work(&result, job, pool);
    log_result(job, &result, err, began);
    mls_err *lost =
        mls_dgram_send(job->connection, answer_of(&result, err, pool), NULL,
                       0, apr_time_now() + apr_time_from_sec(ANSWER_SECONDS),
                       pool);
    if (lost && !err) { /* a refusal is in the log already */
        mls_daemon_log_err(job->daemon, lost, "answer_lost request=%s",
                           job->request_id);
    }
    return 0;
}
