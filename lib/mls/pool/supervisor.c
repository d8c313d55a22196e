/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the pool supervisor: a connection each, one datagram there, one
 * back. */

#include "pool/supervisor.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "base/json.h"
#include "pool/dgram.h"
#include "registry/remote/wire.h"

enum {
    RETRY_FOR = 2000000, /* microseconds without a supervisor */
    RETRY_EVERY = 50000,
    STATUS_SECONDS = 5,
    STORE_SECONDS = 120
};

struct mls_supervisor {
    const char *path;
};

mls_err *mls_supervisor_open(mls_supervisor **out, const char *socket_path,
                             apr_pool_t *pool)
{
    mls_supervisor *supervisor = apr_palloc(pool, sizeof(*supervisor));

    MLS_TRY(mls_wire_check_path(socket_path, pool));
    supervisor->path = apr_pstrdup(pool, socket_path);
    *out = supervisor;
    return NULL;
}

/* Away for the moment of a restart is not away. */
static mls_err *connect_patiently(int *fd, const mls_supervisor *supervisor,
                                  apr_pool_t *pool)
{
    const apr_time_t give_up = apr_time_now() + RETRY_FOR;

    for (;;) {
        mls_err *err =
            mls_wire_connect(fd, supervisor->path, SOCK_SEQPACKET, pool);
        if (!err || (err->code != MLS_EUNAVAILABLE && err->code != MLS_EBUSY)
            || apr_time_now() >= give_up) {
            return err;
        }
        apr_sleep(RETRY_EVERY);
    }
}

static mls_err *exchange(mls_json **answer, int fd, const mls_json *request,
                         const int *fds, int count, apr_time_t deadline,
                         apr_pool_t *pool)
{
    int received[MLS_DGRAM_FDS];
    int received_count;

    MLS_TRY(mls_dgram_send(fd, request, fds, count, deadline, pool));
    mls_err *err = mls_dgram_receive(answer, received, &received_count, fd,
                                     deadline, pool);
    while (received_count > 0) {
        close(received[--received_count]);
    }
    if (!err && !*answer) {
        err = mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                           "the supervisor ended before it answered");
    }
    return err ? err : mls_wire_outcome(*answer, pool);
}

static mls_err *ask(mls_json **answer, const mls_supervisor *supervisor,
                    const mls_json *request, const int *fds, int count,
                    int timeout, apr_pool_t *pool)
{
    const apr_time_t deadline = apr_time_now() + apr_time_from_sec(timeout);
    int fd;

    MLS_TRY(connect_patiently(&fd, supervisor, pool));
    mls_err *err = exchange(answer, fd, request, fds, count, deadline, pool);
    close(fd);
    return err;
}

static mls_err *need(const char **out, const mls_json *answer, const char *key,
                     apr_pool_t *pool)
{
    MLS_TRY(mls_json_need_string(out, answer, key, pool));
    *out = apr_pstrdup(pool, *out);
    return NULL;
}

mls_err *mls_supervisor_compile(mls_compiled **out, mls_supervisor *supervisor,
                                int model_fd, int verify_fd,
                                const char *subject, const char *request_id,
                                int timeout, apr_pool_t *pool)
{
    const int fds[2] = { model_fd, verify_fd };
    mls_compiled *compiled = apr_pcalloc(pool, sizeof(*compiled));
    mls_json *request = mls_json_object(pool);
    mls_json *answer;

    mls_json_set_string(request, "op", "compile");
    mls_json_set_int(request, "protocol", MLS_WIRE_PROTOCOL);
    mls_json_set_string(request, "subject", subject);
    mls_json_set_string(request, "requestId", request_id);
    mls_json_set_bool(request, "verify", verify_fd >= 0);
    MLS_TRY(ask(&answer, supervisor, request, fds, verify_fd >= 0 ? 2 : 1,
                timeout, pool));
    MLS_TRY(need(&compiled->blob, answer, "blob", pool));
    MLS_TRY(need(&compiled->image, answer, "image", pool));
    MLS_TRY(need(&compiled->model, answer, "model", pool));
    compiled->blob_size = mls_json_int(answer, "blobSize", 0);
    compiled->image_size = mls_json_int(answer, "imageSize", 0);
    *out = compiled;
    return NULL;
}

mls_err *mls_supervisor_store(const char **blob, apr_int64_t *size,
                              mls_supervisor *supervisor, int fd,
                              const char *subject, const char *request_id,
                              apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    mls_json *answer;

    mls_json_set_string(request, "op", "store");
    mls_json_set_int(request, "protocol", MLS_WIRE_PROTOCOL);
    mls_json_set_string(request, "subject", subject);
    mls_json_set_string(request, "requestId", request_id);
    MLS_TRY(ask(&answer, supervisor, request, &fd, 1, STORE_SECONDS, pool));
    *size = mls_json_int(answer, "blobSize", 0);
    return need(blob, answer, "blob", pool);
}

mls_err *mls_supervisor_status(const char **json, mls_supervisor *supervisor,
                               apr_pool_t *pool)
{
    mls_json *request = mls_json_object(pool);
    mls_json *answer;

    mls_json_set_string(request, "op", "status");
    mls_json_set_int(request, "protocol", MLS_WIRE_PROTOCOL);
    MLS_TRY(ask(&answer, supervisor, request, NULL, 0, STATUS_SECONDS, pool));
    mls_json_remove(answer, "ok");
    *json = mls_json_text(answer, pool);
    return NULL;
}
