/* SPDX-License-Identifier: Apache-2.0 */
/* Looking after the stores: at the start, and now and then in a helper. */

#include "daemon/super_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "daemon/compile.h"
#include "daemon/isolate.h"
#include "registry/remote/registry_client.h"

enum {
    KEEP_UNNAMED = 3600, /* seconds */
    RECORDED = 10,       /* seconds from a compiled image to its record */
    LOW = 256            /* MB */
};

int mls_super_disk_is_low(const mls_daemon *daemon)
{
    struct statvfs status;

    return !statvfs(daemon->paths.images, &status)
           && ((uint64_t)status.f_bavail * status.f_frsize) >> 20 < LOW;
}

/* What a publish in progress wrote has no name yet and must stay; without
 * room it stays no longer than a publish can take. */
static apr_time_t unnamed_since(const mls_daemon *daemon)
{
    const int keep = mls_super_disk_is_low(daemon)
                         ? daemon->options.compile_timeout + RECORDED
                         : KEEP_UNNAMED;

    return apr_time_now() - apr_time_from_sec(keep);
}

/* ---- the sandbox ---- */

/* Run the compiler once without work: its usage text and exit code 2 say that
 * it started. */
static int try_once(const mls_daemon *daemon, int reduced, char *words,
                    size_t room, apr_pool_t *pool)
{
    static const char *const arguments[] = { "compile", NULL };
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const mls_isolation isolation = {
        .who = &daemon->who, .reduced = reduced,
        .program = daemon->compiler_fd, .arguments = arguments,
        .input = null, .output = null, .extra = -1,
        .memory = daemon->options.compile_memory, .cpu_seconds = 10,
    };
    int errors, status = 0;
    size_t length = 0;
    ssize_t got;
    pid_t pid;

    mls_err *err = mls_isolate_start(&pid, &errors, &isolation, pool);
    close(null);
    if (err) {
        apr_cpystrn(words, mls_err_text(err, pool), room);
        return 0;
    }
    while (length < room - 1
           && (got = read(errors, words + length, room - 1 - length)) > 0) {
        length += (size_t)got;
    }
    words[length] = '\0';
    words[strcspn(words, "\n")] = '\0';
    close(errors);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 2;
}

void mls_super_try_sandbox(mls_super *super)
{
    mls_daemon *daemon = super->daemon;
    char words[512];

    super->sandbox = try_once(daemon, 0, words, sizeof(words), super->pool);
    if (super->sandbox) {
        return;
    }
    super->sandbox_reason = apr_pstrdup(super->pool, words);
    mls_daemon_log(daemon, "sandbox_%s reason=\"%s\" meaning=\"%s\"",
                   daemon->options.sandbox_reduced ? "reduced" : "refused",
                   words,
                   daemon->options.sandbox_reduced
                       ? "NO NAMESPACES HERE: uploads are compiled with a user "
                         "of their own, limits and a system-call filter only"
                       : "this system refuses namespaces: uploads are "
                         "refused; allow them, or set MLServerSandbox "
                         "reduced");
    if (daemon->options.sandbox_reduced
        && !try_once(daemon, 1, words, sizeof(words), super->pool)) {
        mls_daemon_log(daemon, "compiler_does_not_start reason=\"%s\"",
                       words);
    }
}

/* ---- leftovers ---- */

mls_err *mls_super_clean(mls_super *super, apr_pool_t *scratch)
{
    mls_blob_store blobs, images;
    int one, other;

    mls_stores_make(&blobs, &images, &super->daemon->paths, scratch);
    MLS_TRY(mls_blob_sweep_temporary(&one, &blobs, scratch));
    MLS_TRY(mls_blob_sweep_temporary(&other, &images, scratch));
    if (one + other) {
        mls_daemon_log(super->daemon, "leftovers_removed files=%d",
                       one + other);
    }
    return NULL;
}

/* ---- what nobody names ---- */

static mls_err *named(apr_hash_t **out, mls_registry *registry,
                      const char *kind, apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    const char *next = NULL;

    *out = apr_hash_make(pool);
    mls_json_set_string(request, "op", "blob.list");
    mls_json_set_string(request, "kind", kind);
    do {
        mls_json *answer;
        mls_json_set_string(request, "after", next);
        MLS_TRY(mls_registry_ask(&answer, registry, request, pool));
        const mls_json *digests = mls_json_get(answer, "digests");
        for (size_t i = 0; i < mls_json_length(digests); i++) {
            const char *digest = mls_json_string_of(mls_json_at(digests, i));
            apr_hash_set(*out, apr_pstrdup(pool, digest),
                         APR_HASH_KEY_STRING, "");
        }
        next = mls_json_string(answer, "next");
    } while (next);
    return NULL;
}

static int is_named(void *baton, const char *digest)
{
    return apr_hash_get(baton, digest, APR_HASH_KEY_STRING) != NULL;
}

static mls_err *sweep(mls_super *super, const mls_blob_store *store,
                      const char *kind, apr_pool_t *pool)
{
    const apr_time_t before = unnamed_since(super->daemon);
    apr_hash_t *digests;
    int removed;

    /* Without the owner's answer nothing is swept. */
    MLS_TRY(named(&digests, super->registry, kind, pool));
    MLS_TRY(mls_blob_sweep(&removed, store, is_named, digests, before, pool));
    if (removed) {
        mls_daemon_log(super->daemon, "swept kind=%s files=%d", kind,
                       removed);
    }
    return NULL;
}

/* ---- images that this format lacks ---- */

static mls_err *update_record(mls_super *super, const mls_service *service,
                              const mls_compile_result *result,
                              apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    mls_json *answer;

    mls_json_set_string(request, "op", "service.image");
    mls_json_set_string(request, "name", service->name);
    mls_json_set_string(request, "version", service->version);
    mls_json_set_string(request, "blob", service->blob);
    mls_json_set_string(request, "image", result->image);
    mls_json_set_string(request, "model", result->model);
    return mls_registry_write(&answer, super->registry, request, pool);
}

static mls_err *compile_again(mls_super *super, const mls_blob_store *blobs,
                              const mls_service *service, apr_pool_t *pool)
{
    mls_compile_result result = { 0 };
    int blob;

    MLS_TRY(mls_blob_open(&blob, blobs, service->blob, 1, pool));
    mls_err *err = mls_compile_blob(&result, super->daemon, !super->sandbox,
                                    blob, -1, -1, pool);
    close(blob);
    if (err) {
        return err;
    }
    /* The same bytes again when only the file was lost. */
    if (strcmp(result.image, service->image)) {
        MLS_TRY(update_record(super, service, &result, pool));
    }
    mls_daemon_log(super->daemon, "compiled_again service=\"%s\" "
                   "version=\"%s\" image=%.12s", service->name,
                   service->version, result.image);
    return NULL;
}

static mls_err *complete_images(mls_super *super, const mls_blob_store *blobs,
                                const mls_blob_store *images,
                                apr_pool_t *pool)
{
    apr_array_header_t *services;
    apr_pool_t *each;

    if (!super->sandbox && !super->daemon->options.sandbox_reduced) {
        return NULL;
    }
    MLS_TRY(mls_service_list(&services, super->registry, NULL, pool));
    apr_pool_create(&each, pool);
    for (int i = 0; i < services->nelts; i++) {
        const mls_service *service =
            APR_ARRAY_IDX(services, i, const mls_service *);
        apr_pool_clear(each);
        if (!service->image
            || !access(mls_blob_path(images, service->image, each), R_OK)) {
            continue;
        }
        mls_err *err = compile_again(super, blobs, service, each);
        if (err) {
            mls_daemon_log_err(super->daemon, err, "image_missing "
                               "service=\"%s\" version=\"%s\"",
                               service->name, service->version);
        }
    }
    return NULL;
}

int mls_super_upkeep(void *baton, apr_pool_t *pool)
{
    mls_super *super = baton;
    mls_blob_store blobs, images;

    prctl(PR_SET_NAME, "mls-upkeep", 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    mls_stores_make(&blobs, &images, &super->daemon->paths, pool);
    mls_err *err = complete_images(super, &blobs, &images, pool);
    if (!err) {
        err = sweep(super, &blobs, "blob", pool);
    }
    if (!err) {
        err = sweep(super, &images, "image", pool);
    }
    if (err) {
        mls_daemon_log_err(super->daemon, err, "upkeep_failed");
    }
    return 0;
}
